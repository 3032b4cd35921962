"""A clip in a style's palette: one map of colours for all of its frames, learned from frames spread over it.

As for a picture, the linear transport first, then what is missing to the style's histograms; but the histograms
are those of the whole clip, so that equal colours stay equal from frame to frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from nst.colour import guided_filter, keep_colours, luma, match_histograms, transport, transport_map
from nst.images import Picture
from nst.method import Notice
from nst.options import StyleOptions

Floats = NDArray[np.float32]
_Map = Callable[[Floats], Floats]

_REFINEMENT = 0.8  # as for a picture
_RADIUS_OF_SIDE = 1 / 40
_NODES = 257
_PIXELS = 1 << 18


class PaletteClip:
    """Paints a clip's frames in a palette; a ``nst.clip_painting.ClipPainter``.

    Args:
        samples: Frames spread over the clip.
        styles: One to four style images.
        options: What the user chose; strength is above 0.
    """

    method = "palette"
    model = ""
    notices: tuple[Notice, ...] = ()

    def __init__(self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions) -> None:
        self._options = options
        colours = np.concatenate([_seen(sample) for sample in samples])
        colours = colours[:: max(1, len(colours) // _PIXELS)]
        learned = [_learned(colours, _seen(style), options.colours) for style in styles]
        self._maps = list(zip(learned, options.shares(len(styles)), strict=True))

    def paint(self, frame: Picture) -> Floats:
        """See ``ClipPainter``."""
        moved = np.zeros_like(frame.rgb)
        for (transported, missing), share in self._maps:
            moved += np.float32(share) * self._repainted(frame.rgb, transported, missing)
        return np.clip(frame.rgb + np.float32(self._options.strength) * (moved - frame.rgb), 0, 1)

    def _repainted(self, rgb: Floats, transported: _Map, missing: _Map) -> Floats:
        keep = self._options.colours == "keep"
        moved = transported(np.repeat(luma(rgb)[..., None], 3, axis=-1) if keep else rgb)
        radius_px = max(2, round(_RADIUS_OF_SIDE * max(rgb.shape)))
        smooth = guided_filter(luma(moved), missing(moved), radius_px)
        moved = (moved + np.float32(_REFINEMENT) * smooth).clip(0, 1)
        return keep_colours(rgb, moved) if keep else moved


def _seen(picture: Picture) -> Floats:
    """Pixels whose colours count, ``[n, 3]``."""
    if picture.alpha is None or not (picture.alpha > 0).any():
        return picture.rgb.reshape(-1, 3)
    return picture.rgb[picture.alpha > 0]


def _learned(colours: Floats, target: Floats, mode: str) -> tuple[_Map, _Map]:
    """The linear transport of colours, and what is missing from there to the target's histograms."""
    if mode == "match":
        target = transport(target, colours)
    if mode == "keep":
        colours, target = (np.repeat(luma(pixels)[:, None], 3, axis=-1) for pixels in (colours, target))
    linear = transport_map(colours, target)
    moved = linear(colours)
    matched = match_histograms(moved, target)
    ranks = np.linspace(0, 1, _NODES)
    nodes = [np.quantile(moved[:, channel], ranks) for channel in range(3)]
    gaps = [np.quantile(matched[:, channel], ranks) - nodes[channel] for channel in range(3)]

    def missing(rgb: Floats) -> Floats:
        planes = [np.interp(rgb[..., channel], nodes[channel], gaps[channel]) for channel in range(3)]
        return np.stack(planes, axis=-1).astype(np.float32)

    return linear, missing
