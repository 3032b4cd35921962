"""Compile a network's transformer with XLA: ``NST_FAST_XLA``.

XLA fuses what lies between the convolutions, anew for every size and number of pictures, which takes seconds each time:
it pays on a GPU, for many pictures of few sizes. Where it cannot compile a network, or the network then paints
differently by more than 1/255, the network paints as it came, and the log says so.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import numpy as np

from nst.device import configure_tensorflow, memory_errors
from nst.fast.network import SplitModule, probe

log = logging.getLogger(__name__)

LARGEST_ERROR = 1 / 255
_PROBE_PX = (128, 192)

Transform = Callable[[Any, Any], Any]


def compile_with_xla(network: SplitModule) -> bool:
    """Let a network's transformer be compiled by XLA, if it then paints the same.

    Args:
        network: A traced one. Its pictures are painted by the compiled transformer from now on; tiles, which come with
            statistics, by the one that it has.

    Returns:
        Whether it is so.
    """
    content = probe(*_PROBE_PX)
    vector = network.style_vector(content[:, ::-1, :, ::-1].copy())
    plain, compiled = network.transform(content, vector), _Compiled()
    network.replace(compiled.wrap)
    error = float(np.abs(network.transform(content, vector) - plain).max())
    if compiled.works and error > LARGEST_ERROR:
        log.warning("XLA would change a pastiche by up to %.1f/255; the network paints as it came", 255 * error)
        compiled.works = False
    return compiled.works


class _Compiled:
    """A transformer that is compiled for as long as that works."""

    def __init__(self) -> None:
        self.works = True

    def wrap(self, plain: Transform) -> Transform:
        tf = configure_tensorflow()
        # Not the plain one itself: one trace for all sizes, of which XLA compiles each by itself.
        compiled = tf.function(lambda content, vector: plain(content, vector), reduce_retracing=True, jit_compile=True)

        def call(content: Any, vector: Any) -> Any:
            if self.works:
                try:
                    return compiled(content, vector)
                except memory_errors():
                    raise
                except (tf.errors.OpError, ValueError, NotImplementedError) as error:
                    log.warning("XLA cannot compile this network, it paints as it came: %s", str(error)[:200])
                    self.works = False
            return plain(content, vector)

        return call
