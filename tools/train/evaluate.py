"""Figures on pictures that training never saw: R at equal LP, against the teacher and against colours alone.

R and LP are those of `nst.quality`; one alone says nothing, so a painter is measured at several strengths and compared
where both are equally far from the content.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from nst.quality import Evaluator, ssim

Float = NDArray[np.float32]
Pair = tuple[Float, Float]
SIDE_PX = 256
STRENGTHS = (0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Figures:
    """Means over pairs: R (geometric), LP, SSIM."""

    style_distance_ratio: float
    content_distance: float
    ssim: float


@dataclass(frozen=True)
class Painter:
    """Anything cut at a style vector: pictures [N,h,w,3] 0..1, vectors [N,1,1,D]."""

    vector: Callable[[Any], Any]
    paint: Callable[[Any, Any], Any]

    def __call__(self, content: Float, style: Float, strength: float = 1.0) -> Float:
        """The pastiche of [h,w,3] pictures; strength moves the vector from the content's own to the style's."""
        own, wanted = (np.asarray(self.vector(tf.constant(seen[None]))) for seen in (squeezed(content), style))
        vector = own * (1 - strength) + wanted * strength
        painted = np.asarray(self.paint(tf.constant(content[None]), tf.constant(vector)))[0]
        return np.asarray(painted[: content.shape[0], : content.shape[1]], np.float32)


def read_content(path: Path, side_px: int = SIDE_PX) -> Float:
    """A photograph [h,w,3] 0..1 whose shorter side is `side_px`, cut to at most 3:2."""
    with Image.open(path) as image:
        rgb = image.convert("RGB")
    scale = side_px / min(rgb.size)
    size = [max(side_px, round(side * scale)) for side in rgb.size]
    resized = rgb.resize((size[0], size[1]), Image.Resampling.LANCZOS)
    most = side_px * 3 // 2
    left, top = (max(0, side - most) // 2 for side in size)
    cropped = resized.crop((left, top, left + min(size[0], most), top + min(size[1], most)))
    return np.asarray(cropped, np.float32) / np.float32(255.0)


def read_style(path: Path, side_px: int = SIDE_PX) -> Float:
    """A whole style picture squeezed into a square [side,side,3] 0..1."""
    with Image.open(path) as image:
        rgb = image.convert("RGB").resize((side_px, side_px), Image.Resampling.LANCZOS)
    return np.asarray(rgb, np.float32) / np.float32(255.0)


def squeezed(picture: Float) -> Float:
    """The picture as the style network sees it, [256,256,3]."""
    image = Image.fromarray((picture * 255.0 + 0.5).astype(np.uint8))
    return np.asarray(image.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC), np.float32) / np.float32(255.0)


def measure(pastiche: Callable[[Float, Float], Float], pairs: Sequence[Pair], evaluator: Evaluator) -> Figures:
    """R, LP and SSIM of a painter, averaged over pairs of content and style."""
    rows = []
    for content, style in pairs:
        made = pastiche(content, style)
        ratio = evaluator.style_distance_ratio(content, made, style)
        rows.append((np.log(ratio), evaluator.content_distance(content, made), ssim(content, made)))
    ratio, distance, similarity = np.mean(rows, axis=0)
    return Figures(float(np.exp(ratio)), float(distance), float(similarity))


def strength_curve(painter: Painter, pairs: Sequence[Pair], evaluator: Evaluator) -> dict[float, Figures]:
    """Figures of a painter at every strength of `STRENGTHS`."""
    return {
        strength: measure(lambda content, style, w=strength: painter(content, style, w), pairs, evaluator)  # type: ignore[misc]
        for strength in STRENGTHS
    }


def ratio_at_equal_content(ours: Mapping[float, Figures], theirs: Mapping[float, Figures]) -> float:
    """Our R over theirs where both have the same LP: at the lower of the two LPs at full strength."""
    common = min(max(f.content_distance for f in curve.values()) for curve in (ours, theirs))
    ours_log, theirs_log = (_log_ratio_at(curve, common) for curve in (ours, theirs))
    return float(np.exp(ours_log - theirs_log))


def _log_ratio_at(curve: Mapping[float, Figures], content_distance: float) -> float:
    ordered = sorted(curve.values(), key=lambda figures: figures.content_distance)
    distances = [figures.content_distance for figures in ordered]
    logs = [np.log(figures.style_distance_ratio) for figures in ordered]
    return float(np.interp(content_distance, distances, logs))


def transport_colours(content: Float, style: Float) -> Float:
    """Monge-Kantorovich colour transport (Pitie and Kokaram 2007): the palette alone, as the yardstick's low end."""
    source, target = content.reshape(-1, 3).astype(np.float64), style.reshape(-1, 3).astype(np.float64)
    cov_s, cov_t = (np.cov(pixels.T) + 1e-5 * np.eye(3) for pixels in (source, target))
    root = _square_root(cov_s)
    inverse = np.linalg.inv(root)
    transport = inverse @ _square_root(root @ cov_t @ root) @ inverse
    moved = (source - source.mean(0)) @ transport + target.mean(0)
    return np.asarray(np.clip(moved, 0, 1).reshape(content.shape), np.float32)


def _square_root(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T)


def contact_sheet(rows: Sequence[Sequence[Float]], file: Path, cell_px: int = 192, quality: int = 85) -> None:
    """Save pictures [h,w,3] 0..1 of any size as a grid of square cells."""
    sheet = Image.new("RGB", (max(len(row) for row in rows) * cell_px, len(rows) * cell_px), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            sheet.paste(_cell(picture, cell_px), (left * cell_px, top * cell_px))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, quality=quality)


def _cell(picture: Float, cell_px: int) -> Image.Image:
    side = min(picture.shape[:2])
    top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
    square = (np.clip(picture[top : top + side, left : left + side], 0, 1) * 255.0 + 0.5).astype(np.uint8)
    return Image.fromarray(square).resize((cell_px, cell_px), Image.Resampling.LANCZOS)
