"""From trained pyramids and a content to the pastiche: colours, start scale, sizes beyond the pyramid's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst import colour
from nst.errors import UserError
from nst.images import Picture
from nst.methods.singan_injection import contents_at, inject, refine
from nst.methods.singan_pyramid import Pyramid, resized
from nst.options import StyleOptions

Floats = NDArray[np.float32]

# Strength 1 injects here: at the paper's coarsest start scale nobody finds the content again (measured on photographs).
STRONGEST_PX = 45.0
WORK_SIDE_PX = (
    1024  # square root of the largest area that generators paint; more is enlarged, the content's detail added
)
_BORDER = 0.1  # of each side: zeros around a picture make a frame, so the frame is made around what is cut away
SHARPER = 0.5  # of what the finest generator adds beyond its own scale: pass after pass, all of it hardens
DETAIL = 0.5  # of the content's own detail beyond the pyramid's finest scale


@dataclass(frozen=True)
class Place:
    """Where a strength lies on the way from the content to the style.

    Attributes:
        start: Start scale, fractions between two.
        share: How much of what is injected there counts against the content, 0..1; below 1 only short of the finest
            start scale.
    """

    start: float
    share: float


def place_of(strength: float, start_scale: int | None, sides_px: Sequence[float]) -> Place:
    """Where to inject.

    The way has equal parts: from the content itself to the finest start scale (two pictures mixed), then from start
    scale to start scale, down to the first whose side is ``STRONGEST_PX``.

    Args:
        strength: 0..1.
        start_scale: The expert's own, or None; strength then says how much of its picture is taken.
        sides_px: The pyramid's.

    Raises:
        UserError: ``option_out_of_range``: there is no such scale.
    """
    last = len(sides_px) - 1
    if start_scale is not None:
        if not 1 <= start_scale <= last:
            detail = {"option": "start_scale", "received": str(start_scale), "allowed": f"1 to {last}"}
            raise UserError("option_out_of_range", detail)
        return Place(start_scale, strength)
    coarsest = next((scale for scale in range(1, last) if sides_px[scale] >= STRONGEST_PX), 1)
    way = strength * (last - coarsest + 1)
    return Place(last, way) if way <= 1 else Place(last + 1 - way, 1.0)


def paint(
    pyramids: Sequence[Pyramid],
    content: Picture,
    styles: Sequence[Picture],
    options: StyleOptions,
    place: Place,
) -> Floats:
    """The pastiche in every visible pixel.

    Args:
        pyramids: One per style, trained at the same scales, as far as they are: what is untrained is left out.
        content: Content image.
        styles: What the pyramids were trained on; their colours count.
        options: What the user chose.
        place: Where to inject.

    Returns:
        float32 [h, w, 3] of the content's size, 0..1.
    """
    shares = options.shares(len(styles))
    moved = _transported(content, styles, shares)
    made = _generated(pyramids, shares, moved, options, place.start)
    made = content.rgb + place.share * (made - content.rgb)
    if options.colours == "keep":
        return colour.keep_colours(content.rgb, made.clip(0, 1)).astype(np.float32)
    # Texture is the generators', colour follows strength: what the transport moved too far is taken back.
    kept = 0.0 if options.colours == "match" else options.strength
    back: Floats = made + place.share * (1.0 - kept) * (content.rgb - moved)
    return np.asarray(back, np.float32).clip(0, 1)


def _transported(content: Picture, styles: Sequence[Picture], shares: Sequence[float]) -> Floats:
    """The content in the styles' colours (Monge-Kantorovich): generators know no others.

    The paper has the user paint with the training picture's colours, and offers to quantise them.
    """
    seen = _visible(content)
    moved = np.zeros_like(content.rgb)
    for style, share in zip(styles, shares, strict=True):
        moved += np.float32(share) * colour.transport_map(seen, _visible(style))(content.rgb).clip(0, 1)
    if content.alpha is None:
        return moved
    # What is not painted keeps its colours: around a pasted region these are the style's own.
    return np.asarray(content.rgb + content.alpha[..., None] * (moved - content.rgb), np.float32)


def _visible(picture: Picture) -> Floats:
    """Colours [n, 3] that are seen; all of them where nothing is."""
    if picture.alpha is None or not (picture.alpha > 0).any():
        return picture.rgb.reshape(-1, 3)
    return picture.rgb[picture.alpha > 0]


def _generated(
    pyramids: Sequence[Pyramid], shares: Sequence[float], moved: Floats, options: StyleOptions, start: float
) -> Floats:
    height, width = moved.shape[:2]
    top, left = (max(1, round(_BORDER * side)) if side > 1 else 0 for side in (height, width))
    framed = np.pad(moved, ((top, top), (left, left), (0, 0)), mode="reflect")
    levels = min(pyramid.scales for pyramid in pyramids)
    if levels < 2:  # too little is trained: colours are all there is
        return moved
    sides_px = [side * framed.shape[0] / height for side in pyramids[0].sides_px[:levels]]
    image = tf.constant(2.0 * framed[None] - 1.0)
    contents = contents_at(image, sides_px, options.style_scale)
    made = inject(pyramids, shares, contents, min(start, levels - 1), options.seed)
    made = _enlarged(pyramids, shares, made, image)
    rgb: Floats = (made[0, top : top + height, left : left + width].numpy() + 1.0) / 2.0
    return rgb.clip(0, 1)


def _enlarged(pyramids: Sequence[Pyramid], shares: Sequence[float], made: tf.Tensor, content: tf.Tensor) -> tf.Tensor:
    """From the pyramid's finest scale to the content's size: the finest generator again and again.

    The paper's super-resolution (section 4), with some of the content's own detail at each size (its Laplacian
    pyramid), since the generator never saw anything so fine.
    """
    last = min(pyramid.scales for pyramid in pyramids) - 1
    ratio = pyramids[0].sides_px[last] / pyramids[0].sides_px[last - 1]
    full = (int(content.shape[1]), int(content.shape[2]))
    while int(made.shape[1]) < full[0]:
        factor = min(ratio, full[0] / int(made.shape[1]))
        painted = factor * (int(made.shape[1]) * int(made.shape[2])) ** 0.5 <= WORK_SIDE_PX
        if painted and factor == ratio:
            size = (round(int(made.shape[1]) * ratio), round(int(made.shape[2]) * ratio))
        else:
            size = full
        coarse = resized(content, made.shape[1:3])
        larger = resized(made, size)
        larger += DETAIL * (resized(content, size) - resized(coarse, size))
        if painted:
            sharper = refine(pyramids, shares, last, larger, None)
            made = larger + SHARPER * (sharper - larger)
        else:
            made = larger
    return resized(made, full)
