"""Paint in reduced precision where the machine is faster in it and the picture does not suffer.

oneDNN multiplies bfloat16 about twice as fast as float32 on processors that have instructions for it (AVX-512 BF16,
AMX); a GPU's tensor cores multiply float16. Both change a pastiche a little: whether little enough is measured for
every network, once, on a picture that has something of everything: no single value of a pixel may differ by 2/255. Few
networks pass: instance norms magnify rounding where a picture is flat, and the largest error is then ten times the
root of the mean square. Magenta's distilled network does not; it paints in float32. Winograd's sums, into which large
networks are rewritten (``quick_graph``), magnify it further.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from nst.device import has_gpu
from nst.fast.network import Floats, SplitModule, Statistics, StyleNetwork, probe

log = logging.getLogger(__name__)

# Of any single value, not of their mean.
LARGEST_ERROR = 2 / 255
_PROBE_SIDE_PX = 256
_OPTION = "auto_mixed_precision_onednn_bfloat16"
_GPU_OPTION = "auto_mixed_precision"  # float16 on tensor cores
_INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16"})


class ReducedPrecision:
    """A ``StyleNetwork`` whose transformer computes in bfloat16, on a GPU in float16, if that is good enough.

    Style vectors and statistics stay float32, so that caches can be shared with other machines.

    Args:
        network: Computes in float32.
    """

    def __init__(self, network: SplitModule) -> None:
        self.identity = network.identity
        self.vector_width = network.vector_width
        self._network = self._painting = network
        option = _GPU_OPTION if has_gpu() else _OPTION if processor_has_bfloat16() else ""
        if option:
            reduced = network.reduced(option)
            self._painting = reduced if _is_good_enough(network, reduced) else network

    def style_vector(self, style: Floats) -> Floats:
        """``[N, h, w, 3]`` to ``[N, 1, 1, D]``."""
        return self._network.style_vector(style)

    def transform(self, content: Floats, vector: Floats, statistics: Statistics | None = None) -> Floats:
        """``[N, h, w, 3]`` and ``[N, 1, 1, D]`` to ``[N, h', w', 3]``."""
        return self._painting.transform(content, vector, statistics)

    def norm_statistics(self, content: Floats, vector: Floats) -> Statistics:
        """What ``transform`` takes as ``statistics``."""
        return self._network.norm_statistics(content, vector)


def _is_good_enough(network: StyleNetwork, reduced: StyleNetwork) -> bool:
    picture = probe(_PROBE_SIDE_PX, _PROBE_SIDE_PX)
    vector = network.style_vector(picture[:, ::-1, :, ::-1].copy())
    error = float(np.abs(network.transform(picture, vector) - reduced.transform(picture, vector)).max())
    log.info("Reduced precision changes a pastiche by up to %.1f/255", 255 * error)
    return error < LARGEST_ERROR


def processor_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware, as far as Linux tells."""
    try:
        information = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return not _INSTRUCTIONS.isdisjoint(information.split())
