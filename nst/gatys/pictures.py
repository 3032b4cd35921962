"""From the user's pictures to what the optimiser works on: colours, start, sizes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst import colour
from nst.options import StyleOptions
from nst.pictures.decode import Picture

Rgb = NDArray[np.float32]
_NOISE_DEVIATION = 0.05
_STYLE_AREA_LIMIT = 4.0  # times the content's: a style seen once more costs memory, not quality


@dataclass(frozen=True)
class Material:
    """The pictures of a job after its colours are settled; float32 0..1, [h, w, 3] at full size.

    Attributes:
        content: The content target.
        start: Where the optimisation starts.
        styles: What to compare styles with.
        style_masks: Which pixels of each style count, [h, w] 0..1.
        style_weights: One per style, summing to 1.
        original: The content as it came.
        mask: What is painted, [h, w]: 1 for the pastiche, 0 for the content untouched.
    """

    content: Rgb
    start: Rgb
    styles: tuple[Rgb, ...]
    style_masks: tuple[Rgb, ...]
    style_weights: tuple[float, ...]
    original: Rgb
    mask: Rgb

    def digest(self) -> str:
        """Identity of the pictures, SHA-256."""
        seen = hashlib.sha256(repr(self.style_weights).encode())
        for rgb in (self.original, self.mask, self.content, self.start, *self.styles, *self.style_masks):
            seen.update(repr(rgb.shape).encode() + np.ascontiguousarray(rgb).tobytes())
        return seen.hexdigest()


def prepare_material(
    content: Picture,
    styles: Sequence[Picture],
    options: StyleOptions,
    start: Rgb | None = None,
    transported: bool = True,
    mask: Rgb | None = None,
) -> Material:
    """Settle colours and start.

    With ``style`` colours the content takes the styles' by Monge-Kantorovich transport, as far as strength says; with
    ``match`` the styles take the content's (Gatys et al. 2016, "Preserving color in neural artistic style transfer");
    with ``keep`` only luminance is painted (same paper, section 3), and ``finish`` puts the content's colours back.

    Args:
        content: Content image.
        styles: One to four style images.
        options: What the user chose.
        start: Picture to start from in place of the content target, [h, w, 3]; None for what ``options.start`` says.
        transported: Whether ``style`` colours move the content's colours beforehand; not so in the paper.
        mask: What to paint, [h, w] 0..1; None for all that the content's alpha shows.
    """
    weights = options.shares(len(styles))
    masks = tuple(np.ones(s.rgb.shape[:2], np.float32) if s.alpha is None else s.alpha for s in styles)
    original = content.rgb
    seen = [_visible(style.rgb, mask) for style, mask in zip(styles, masks, strict=True)]
    arts = [_hidden_filled(*each) for each in zip([style.rgb for style in styles], masks, seen, strict=True)]
    if options.colours == "keep":
        arts = [_matched_luminance(art, colours, original) for art, colours in zip(arts, seen, strict=True)]
        target = _grey(original)
    elif options.colours == "match":
        maps = [colour.transport_map(colours, original) for colours in seen]
        arts = [moved(art).clip(0, 1) for moved, art in zip(maps, arts, strict=True)]
        target = original
    elif not transported:
        target = original
    else:
        target = _moved_colours(original, seen, weights, options.strength)
    if start is None:
        start = _noise(original.shape, options.seed) if options.start == "noise" else target
    if mask is None:
        mask = np.ones(original.shape[:2], np.float32) if content.alpha is None else content.alpha
    return Material(target, start, tuple(arts), masks, weights, original, np.asarray(mask, np.float32))


def finish(rgb: Rgb, material: Material, options: StyleOptions) -> Rgb:
    """Put the content's colours back where the user keeps them, and the content where nothing is painted.

    Soft edges are painted in full here: the engine blends them, and so does whoever lays the result's alpha on paper.

    Args:
        rgb: The optimised picture, [h, w, 3].
        material: What it was made from.
        options: What the user chose.
    """
    if options.colours == "keep":
        rgb = colour.keep_colours(material.original, rgb)
    if not material.mask.all():
        rgb = np.where(material.mask[..., None] > 0, rgb, material.original)
    return np.clip(rgb, 0.0, 1.0).astype(np.float32)


def content_at(rgb: Rgb, height_px: int, width_px: int) -> tf.Tensor:
    """A picture [h, w, 3] at another size, [1, height, width, 3], clipped to 0..1."""
    image = tf.constant(rgb)[None]
    if rgb.shape[:2] == (height_px, width_px):
        return image
    return tf.clip_by_value(tf.image.resize(image, [height_px, width_px], "bicubic", antialias=True), 0.0, 1.0)


def style_at(rgb: Rgb, mask: Rgb, pixels: int, style_scale: float, min_side_px: int) -> tuple[tf.Tensor, tf.Tensor]:
    """A style at the size that gives its strokes the size asked for.

    Args:
        rgb: Style, [h, w, 3].
        mask: Which of its pixels count, [h, w].
        pixels: Area of the content at this scale.
        style_scale: 1 for a style of the content's area; small styles are not enlarged, unless this is above 1.
        min_side_px: Of the extractor.

    Returns:
        Style [1, h', w', 3] and mask [1, h', w', 1].
    """
    height, width = rgb.shape[:2]
    area = min(pixels * style_scale**2, pixels * _STYLE_AREA_LIMIT)
    factor = min((area / (height * width)) ** 0.5, max(1.0, style_scale))
    factor = max(factor, min_side_px / min(height, width))
    size = [max(min_side_px, round(height * factor)), max(min_side_px, round(width * factor))]
    style = tf.clip_by_value(tf.image.resize(rgb[None], size, "bicubic", antialias=True), 0.0, 1.0)
    return style, tf.image.resize(mask[None, ..., None], size, antialias=True)


def _visible(rgb: Rgb, mask: Rgb) -> Rgb:
    """The colours [n, 3] that are seen; all of them where nothing is."""
    colours = rgb[mask > 0.5]
    return colours if len(colours) else rgb.reshape(-1, 3)


def _hidden_filled(rgb: Rgb, mask: Rgb, seen: Rgb) -> Rgb:
    """Nothing of what is hidden may reach over the edge, by a filter or by resizing."""
    return np.where(mask[..., None] > 0, rgb, seen.mean(axis=0)).astype(np.float32)


def _moved_colours(original: Rgb, seen: Sequence[Rgb], weights: Sequence[float], strength: float) -> Rgb:
    pairs = zip(seen, weights, strict=True)
    moved = [weight * colour.transport(original, colours) for colours, weight in pairs]
    return np.asarray(original + strength * (np.sum(moved, axis=0) - original), np.float32)


def _grey(rgb: Rgb) -> Rgb:
    return np.repeat(colour.luma(rgb)[..., None], 3, axis=-1).astype(np.float32)


def _matched_luminance(art: Rgb, colours: Rgb, original: Rgb) -> Rgb:
    """The style's luminance with mean and deviation of the content's (Gatys et al. 2016b, section 3.2, eq. 10)."""
    seen, content = colour.luma(colours), colour.luma(original)
    gain = content.std() / max(float(seen.std()), 1e-6)
    matched = (colour.luma(art) - seen.mean()) * gain + content.mean()
    return np.repeat(np.clip(matched, 0, 1)[..., None], 3, axis=-1).astype(np.float32)


def _noise(shape: tuple[int, ...], seed: int) -> Rgb:
    """Faint white noise on grey: what is finer than the losses see, stays in the picture for good."""
    return np.random.default_rng(seed).normal(0.5, _NOISE_DEVIATION, shape).clip(0.0, 1.0).astype(np.float32)
