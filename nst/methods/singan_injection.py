"""What a trained pyramid makes: random samples of any size, and pictures of a content that is injected at a scale.

SinGAN, section 4: an image is put in place of what the coarser generators would have drawn, and the finer ones turn
it into patches that they know. Pictures are [1, h, w, 3], -1..1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import tensorflow as tf

from nst.methods.singan_networks import Weights, generate
from nst.methods.singan_plan import size_at
from nst.methods.singan_pyramid import Pyramid, resized

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
