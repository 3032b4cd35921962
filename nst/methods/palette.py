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
from nst.images import Picture
from nst.method import IsCancelled, MethodSettings, OneStep, Pastiche, Progress, Report, Request
from nst.methods.palette_clips import PaletteClip
from nst.options import StyleOptions

Floats = NDArray[np.float32]
_Step = Callable[[], None]

# How much of the smoothed histogram correction is taken; at 1 saturated styles turn garish.
_REFINEMENT = 0.8
_RADIUS_OF_SIDE = 1 / 40
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
        """One map of colours for all frames; see ``nst.clip_painting.Animating``."""
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
