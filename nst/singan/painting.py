"""From trained pyramids and a content to the pastiche: colours, start scale, sizes beyond the pyramid's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst import colour
from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures.decode import Picture
from nst.singan.networks import Weights, generate
from nst.singan.pyramid import Pyramid, resized, size_at

# What a trained pyramid makes: random samples of any size, and pictures of a content that is injected at a scale.
#
# SinGAN, section 4: an image is put in place of what the coarser generators would have drawn, and the finer ones turn
# it into patches that they know. Pictures are [1, h, w, 3], -1..1.
_Generate = Callable[[Weights, tf.Tensor, tf.Tensor], tf.Tensor]


@cache
def traced_generate() -> _Generate:
    """``generate`` as one traced function for all sizes."""
    traced: _Generate = tf.function(generate, reduce_retracing=True)
    return traced


def draw(pyramid: Pyramid, seed: int, height_px: int = 0, width_px: int = 0) -> tf.Tensor:
    """A random sample: noise at every scale that is trained.

    Args:
        pyramid: Trained, as far as it is.
        seed: Of the noise.
        height_px: Of a sample at the pyramid's finest scale; any. 0 for the training picture's.
        width_px: As ``height_px``.
    """
    height, width = size_at(*pyramid.shape, pyramid.sides_px[-1])
    ratios = ((height_px or height) / height, (width_px or width) / width)
    image = tf.zeros([1, 1, 1, 3])
    for scale in range(pyramid.scales):
        size = [max(1, round(side * ratio)) for side, ratio in zip(pyramid.size_at(scale), ratios, strict=True)]
        image = refine((pyramid,), (1.0,), scale, resized(image, size), seed)
    return image


def rebuild(pyramid: Pyramid, fixed: tf.Tensor) -> tf.Tensor:
    """The training picture as the generators make it of z* and no other noise (section 3.3).

    Args:
        pyramid: Trained, as far as it is.
        fixed: z*, [1, h, w, 3] of the coarsest scale.
    """
    image = traced_generate()(pyramid.generators[0], fixed, tf.zeros_like(fixed))
    for scale in range(1, pyramid.scales):
        before = resized(image, pyramid.size_at(scale))
        image = traced_generate()(pyramid.generators[scale], before, before)
    return image


def refine(
    pyramids: Sequence[Pyramid], shares: Sequence[float], scale: int, before: tf.Tensor, seed: int | None
) -> tf.Tensor:
    """One scale: each style's generator adds its detail to the same picture, as much as its share.

    Args:
        pyramids: One per style, of the same scales.
        shares: One per style, summing to 1.
        scale: Which.
        before: Picture of the coarser scale, enlarged.
        seed: Of the noise; None for none.
    """
    detail = tf.zeros_like(before)
    for pyramid, share in zip(pyramids, shares, strict=True):
        noisy = before
        if seed is not None:
            noisy += pyramid.amplitudes[scale] * tf.random.stateless_normal(tf.shape(before), [seed, scale])
        detail += share * (traced_generate()(pyramid.generators[scale], noisy, before) - before)
    return before + detail


def inject(
    pyramids: Sequence[Pyramid],
    shares: Sequence[float],
    contents: Sequence[tf.Tensor],
    start: float,
    seed: int,
) -> tf.Tensor:
    """Content in at a start scale, a picture of the finest scale out.

    Between two whole start scales the finer one's input is mixed: a part of it is the content, the rest is what the
    coarser one's generator made of it. So the result moves without a jump, and every picture on the way is a
    generator's, not two pictures laid over each other.

    Args:
        pyramids: One per style, of the same scales.
        shares: One per style, summing to 1.
        contents: The content at each scale, coarse to fine; its own shape, colours near the style's.
        start: Start scale, from 1 (most of the style) to the finest (least).
        seed: Of the noise.

    Returns:
        [1, h, w, 3], a little outside -1..1 at most.
    """
    last = pyramids[0].scales - 1
    first = min(last, max(1, int(-(-start // 1))))  # the finer one of the two
    coarser = first - start
    image = _injected(contents, first)
    if coarser > 0 and first > 1:
        before = refine(pyramids, shares, first - 1, _injected(contents, first - 1), seed)
        image += coarser * (resized(before, image.shape[1:3]) - image)
    for scale in range(first, last + 1):
        image = refine(pyramids, shares, scale, resized(image, contents[scale].shape[1:3]), seed)
    return image


def _injected(contents: Sequence[tf.Tensor], scale: int) -> tf.Tensor:
    """The content with no more detail than the scale before has (the authors' code shrinks it and enlarges it)."""
    return resized(contents[scale - 1], contents[scale].shape[1:3])


def contents_at(image: tf.Tensor, sides_px: Sequence[float], style_scale: float = 1.0) -> list[tf.Tensor]:
    """A content at each scale: its own shape, the scale's area.

    Args:
        image: [1, h, w, 3].
        sides_px: Square roots of the scales' areas.
        style_scale: Above 1 the content is smaller beside the style's strokes.
    """
    height, width = int(image.shape[1]), int(image.shape[2])
    return [resized(image, size_at(height, width, side_px / style_scale)) for side_px in sides_px]


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
