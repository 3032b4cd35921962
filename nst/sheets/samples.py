"""What SinGAN learnt of a style: random samples of other sizes and ratios on one sheet (as the paper's figure 8)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nst.method import IsCancelled, MethodSettings, Progress, Report, Request, never_cancelled, no_report
from nst.options import StyleOptions
from nst.pictures.decode import Picture, fitted_size, resize
from nst.sheets.study import Tile, contact_sheet
from nst.singan.method import SinGan
from nst.singan.painting import draw
from nst.singan.pyramid import Pyramid

# Height and width of each sample, times the style's at the pyramid's finest scale.
SHAPES: tuple[tuple[float, float], ...] = (
    (1, 1),
    (1, 1),
    (1, 1),
    (1, 2),
    (2, 1),
    (0.75, 1.5),
    (1.5, 1.5),
    (0.75, 0.75),
)
_GROUND = 0.96


def samples(
    style: Picture,
    settings: MethodSettings,
    options: StyleOptions,
    report: Report = no_report,
    cancelled: IsCancelled = never_cancelled,
) -> Picture:
    """Train on a style and draw samples of its patches, with no content at all.

    Args:
        style: Style image.
        settings: ``singan_budget`` says what training may cost.
        options: ``seed`` of the samples, ``steps`` of the training, ``max_side_px`` of a tile.
        report: Told about progress.
        cancelled: Asked at every step.

    Returns:
        A sheet: the style, then a sample of each of ``SHAPES``, to one measure.

    Raises:
        Cancelled: ``cancelled()`` was true.
    """
    singan = SinGan(settings)
    (pyramid,) = singan.begin(Request(style, [style], options)).learn(report, cancelled)
    height, width = pyramid.size_at(pyramid.scales - 1)
    drawn = [resize(style, width, height)] + [
        sample(pyramid, options.seed + index, round(tall * height), round(wide * width))
        for index, (tall, wide) in enumerate(SHAPES)
    ]
    names = ["style", *(f"{made.width_px} x {made.height_px} px" for made in drawn[1:])]
    report(Progress(1.0))
    return contact_sheet([Tile(*each) for each in zip(_to_one_measure(drawn, options.max_side_px), names, strict=True)])


def sample(pyramid: Pyramid, seed: int, height_px: int, width_px: int) -> Picture:
    """One random sample of any size.

    Args:
        pyramid: Trained.
        seed: Of the noise.
        height_px: Of the sample.
        width_px: Of the sample.
    """
    rgb = (draw(pyramid, seed, height_px, width_px)[0].numpy() + 1.0) / 2.0
    return Picture(rgb.clip(0, 1).astype(np.float32))


def _to_one_measure(pictures: Sequence[Picture], side_px: int) -> list[Picture]:
    """All in the middle of squares of one size, enlarged or shrunk alike."""
    longest = max(max(picture.width_px, picture.height_px) for picture in pictures)
    factor = side_px / longest
    tiles = []
    for picture in pictures:
        width, height = fitted_size(round(picture.width_px * factor), round(picture.height_px * factor), side_px)
        ground = np.full((side_px, side_px, 3), _GROUND, np.float32)
        top, left = (side_px - height) // 2, (side_px - width) // 2
        ground[top : top + height, left : left + width] = resize(picture, width, height).rgb
        tiles.append(Picture(ground))
    return tiles
