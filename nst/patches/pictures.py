"""What the patches method works on: the content in the styles' colours, and the styles at any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst.colour import transport_map
from nst.errors import UserError
from nst.options import StyleOptions
from nst.patches.distance import sample
from nst.pictures.decode import Picture, resize

Floats = NDArray[np.float32]

_MOST_PATCHES = 8000
_MOST_SIDE_PX = 2048  # of a style, however large its strokes are wanted


@dataclass(frozen=True)
class Material:
    """Pictures of one job.

    Attributes:
        content: As it came.
        target: The content in the styles' colours, where wanted; [h, w, 3].
        styles: In the content's colours, where wanted.
        shares: One per style, summing to 1.
        style_scale: Size of the strokes.
    """

    content: Picture
    target: Floats
    styles: tuple[Picture, ...]
    shares: tuple[float, ...]
    style_scale: float

    def target_at(self, height_px: int, width_px: int) -> Floats:
        """The target at another size, [height, width, 3]."""
        return resized(self.target, height_px, width_px)

    def seen_at(self, height_px: int, width_px: int) -> NDArray[np.bool_]:
        """Where the content can be seen, [height, width]."""
        return visible(resize(self.content, width_px, height_px))

    def patches_at(self, side_px: int, rng: np.random.Generator) -> Floats:
        """Patches of the styles, as many of each as its share says; [n, numbers].

        Args:
            side_px: Longer side of the content at this size.
            rng: Draws them.
        """
        drawn = []
        for style, share in zip(self.styles, self.shares, strict=True):
            longer = max(style.width_px, style.height_px)
            scale = min(side_px * self.style_scale, _MOST_SIDE_PX) / longer
            fitted = resize(style, max(1, round(style.width_px * scale)), max(1, round(style.height_px * scale)))
            drawn.append(sample(fitted.rgb, visible(fitted), round(_MOST_PATCHES * share), rng))
        return np.concatenate(drawn)


def prepare_material(content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Material:
    """Move colours before the work, so that patches have to say nothing but form.

    Args:
        content: Content image.
        styles: One to four style images.
        options: ``colours="match"`` moves the styles' colours to the content's; else the content's go to the styles'
            (for ``keep``, too: their brightness counts, and the content's colours come back in the end).

    Raises:
        UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
    """
    if not styles:
        raise UserError("style_missing")
    shares = options.shares(len(styles))
    seen = content.rgb[visible(content)]
    if options.colours == "match":
        moved = tuple(_recoloured(style, seen) for style in styles)
        return Material(content, content.rgb, moved, shares, options.style_scale)
    target = np.zeros_like(content.rgb)
    for style, share in zip(styles, shares, strict=True):
        target += np.float32(share) * transport_map(seen, style.rgb[visible(style)])(content.rgb).clip(0, 1)
    return Material(content, target, tuple(styles), shares, options.style_scale)


def visible(picture: Picture) -> NDArray[np.bool_]:
    """Pixels that count, [h, w]; all of them where nothing can be seen."""
    if picture.alpha is None or not (picture.alpha > 0.5).any():
        return np.ones(picture.rgb.shape[:2], dtype=bool)
    return picture.alpha > 0.5


def resized(rgb: Floats, height_px: int, width_px: int) -> Floats:
    """A picture [h, w, 3] at another size; Lanczos, clipped to 0..1."""
    return resize(Picture(rgb), width_px, height_px).rgb


def _recoloured(style: Picture, colours: Floats) -> Picture:
    moved = transport_map(style.rgb[visible(style)], colours)(style.rgb)
    return Picture(moved.clip(0, 1), style.alpha)
