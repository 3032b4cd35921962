"""Colours only: the content in the style's palette. No weights, no network.

What runs where no model can be had. First the linear transport of colours, which is smooth and
moves them least; then what is missing to the style's exact histograms, smoothed along the picture's
own edges: unsmoothed, histogram matching shows a JPEG's blocks in every sky.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nst.colour import guided_filter, keep_colours, luma, match_histograms, transport, transport_map
from nst.errors import Cancelled, UserError
from nst.method import IsCancelled, MethodSettings, Notice, OneStep, Pastiche, Progress, Report, Request
from nst.options import StyleOptions
from nst.pictures.decode import Picture

# A clip in a style's palette: one map of colours for all of its frames, learned from frames spread over it.
#
# As for a picture, the linear transport first, then what is missing to the style's histograms; but the histograms
# are those of the whole clip, so that equal colours stay equal from frame to frame.
Floats = NDArray[np.float32]
_Map = Callable[[Floats], Floats]

_REFINEMENT = 0.8  # as for a picture
_RADIUS_OF_SIDE = 1 / 40
_NODES = 257
_PIXELS = 1 << 18


class PaletteClip:
    """Paints a clip's frames in a palette; a ``nst.pictures.clip_painting.ClipPainter``.

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


_Step = Callable[[], None]

# How much of the smoothed histogram correction is taken; at 1 saturated styles turn garish.
_STEPS_PER_STYLE = 3


class Palette:
    """Colour transport (Pitié & Kokaram 2007) and histogram matching.

    Strength interpolates along the transport: every pixel moves that part of its way. Several styles
    are mixed by averaging where they send each pixel. ``style_scale``, ``seed`` and ``steps`` have no
    meaning here. ``colours="keep"`` transports luma only; ``"match"`` moves the styles' colours to the
    content's first, after which there is little left to do.
    """

    name = "palette"

    def __init__(self, settings: MethodSettings) -> None:
        """Nothing to set: ``settings`` is taken for the registry's sake."""

    def prepare(self) -> None:
        """Nothing to load."""

    def begin(self, request: Request, state: bytes = b"") -> OneStep:
        """Begin a pastiche of one step; see ``nst.method.Method.begin``.

        Raises:
            UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
        """
        content, styles, options = request.content, request.styles, request.options
        if not styles:
            raise UserError("style_missing")
        shares = options.shares(len(styles))

        def paint(report: Report, cancelled: IsCancelled) -> Pastiche:
            step = _steps(_STEPS_PER_STYLE * len(styles), report, cancelled)
            step()
            moved = np.zeros_like(content.rgb)
            for style, share in zip(styles, shares, strict=True):
                moved += np.float32(share) * _repainted(content, style, options.colours, step)
            # McCann's displacement interpolation: straight ways, walked in part.
            rgb = content.rgb + np.float32(options.strength) * (moved - content.rgb)
            return Pastiche(replace(content, rgb=rgb.clip(0, 1)), self.name)

        return OneStep(Pastiche(content, self.name), paint)

    def begin_clip(self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions) -> PaletteClip:
        """One map of colours for all frames; see ``nst.pictures.clip_painting.Animating``."""
        if not styles:
            raise UserError("style_missing")
        return PaletteClip(samples, styles, options)


def _steps(steps: int, report: Report, cancelled: IsCancelled) -> _Step:
    """A function to call before the first and after each step: reports, and raises ``Cancelled``."""
    done = -1

    def step() -> None:
        nonlocal done
        if cancelled():
            raise Cancelled
        done += 1
        report(Progress(done / steps, done, steps))

    return step


def _repainted(content: Picture, style: Picture, colours: str, step: _Step) -> Floats:
    """The content in one style's palette, float32 [height, width, 3], 0..1."""
    seen, visible = content.rgb, _visible(content)
    target = style.rgb[_visible(style)]
    if colours == "match":
        target = transport(target, seen[visible])
    if colours == "keep":
        seen, target = _grey(seen), _grey(target)
    moved = transport_map(seen[visible], target)(seen)
    step()
    missing = np.zeros_like(moved)
    missing[visible] = match_histograms(moved[visible], target) - moved[visible]
    step()
    radius_px = max(2, round(_RADIUS_OF_SIDE * max(seen.shape)))
    moved = (moved + _REFINEMENT * guided_filter(luma(moved), missing, radius_px)).clip(0, 1)
    if colours == "keep":
        moved = keep_colours(content.rgb, moved)
    step()
    return moved


def _visible(picture: Picture) -> NDArray[np.bool_]:
    """Pixels whose colours count, bool [height, width]; all of them where nothing can be seen."""
    if picture.alpha is None or not (picture.alpha > 0).any():
        return np.ones(picture.rgb.shape[:2], dtype=bool)
    return picture.alpha > 0


def _grey(rgb: Floats) -> Floats:
    return np.repeat(luma(rgb)[..., None], 3, axis=-1)
