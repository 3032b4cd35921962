"""Methods side by side: a row for each photograph and style, with the figures under each picture.

The tables of the report that the project began with: the photograph as it is, its colours matched, and what the other
methods make of it. ``pastiche study compare`` writes such a sheet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nst.colour import match_histograms, transport
from nst.device import has_gpu
from nst.errors import Cancelled, OperatorError
from nst.method import (
    IsCancelled,
    Method,
    MethodSettings,
    Progress,
    Report,
    create_method,
    never_cancelled,
    no_report,
    stylize,
)
from nst.options import StyleOptions
from nst.pictures.decode import Picture, resize
from nst.quality import Appraiser, QualityCard
from nst.sheets.study import Tile, contact_sheet
from nst.singan.pyramid import budget_of

_UNMADE = 0.8  # grey level of a cell whose method cannot run here

Paint = Callable[[Picture, Picture, Report, IsCancelled], Picture]


@dataclass(frozen=True)
class Contender:
    """One column of the sheet.

    Attributes:
        name: What stands under its pictures.
        paint: Makes one of the content and the style.
        length: How long that takes beside the others, about; for the progress only.
        prepare: Loads what ``paint`` needs.
    """

    name: str
    paint: Paint
    length: float
    prepare: Callable[[], None] = lambda: None


def compare(
    pairs: Sequence[tuple[Picture, Picture]],
    settings: MethodSettings,
    options: StyleOptions,
    report: Report = no_report,
    cancelled: IsCancelled = never_cancelled,
) -> Picture:
    """Make a contact sheet of all methods: a row for every pair of pictures.

    Args:
        pairs: Content images, already of the size that the cells are to have, each with a style image of any size.
        settings: The operator's choices; ``quality`` says who measures.
        options: What holds for every picture; the method is each column's own.
        report: Told about progress over the whole sheet.
        cancelled: Asked at every step.

    Returns:
        The sheet. Under each picture stand R (style left), LP (content lost) and SSIM against the content, as
        ``quality_card.QualityCard`` has them, and the seconds that it took, without loading the method.

    Raises:
        OperatorError: The evaluator cannot be had.
        Cancelled: ``cancelled()`` was true.
    """
    appraiser = Appraiser(settings.quality if settings.quality != "off" else "bundled")
    columns = contenders(settings, options)
    whole, done, tiles = len(pairs) * sum(column.length for column in columns), 0.0, []
    for content, style in pairs:
        untouched = appraiser.appraise(content, [style], [1.0], content)
        tiles += [Tile(content, f"content\n{_figures(untouched)}"), Tile(_inside(style, content), "style")]
        for column in columns:
            share = _within(report, done / whole, column.length / whole)
            tiles.append(_cell(column, content, style, appraiser, share, cancelled))
            done += column.length
    report(Progress(1.0))
    return contact_sheet(tiles, 2 + len(columns), _legend(appraiser))


def contenders(settings: MethodSettings, options: StyleOptions) -> list[Contender]:
    """The sheet's columns: colours alone in two ways, then the methods.

    Args:
        settings: The operator's choices.
        options: What holds for every picture.
    """
    return [
        Contender("histogram matching", _colours_by(match_histograms), 0.1),
        Contender("Monge-Kantorovich", _colours_by(transport), 0.1),
        _method(settings, options.replace(method="fast"), 1.0),
        _method(settings, options.replace(method="gatys"), 20.0),
        _method(settings, options.replace(method="patches"), 20.0),
        *_singan(settings, options.replace(method="singan")),
    ]


def _colours_by(transfer: Callable[..., np.ndarray[tuple[int, ...], np.dtype[np.float32]]]) -> Paint:
    def paint(content: Picture, style: Picture, report: Report, cancelled: IsCancelled) -> Picture:
        if cancelled():
            raise Cancelled
        return replace(content, rgb=transfer(content.rgb, style.rgb).clip(0, 1))

    return paint


def _method(settings: MethodSettings, options: StyleOptions, length: float) -> Contender:
    return _column(create_method(options.method, settings), options, length, options.method)


def _column(method: Method, options: StyleOptions, length: float, name: str) -> Contender:
    def paint(content: Picture, style: Picture, report: Report, cancelled: IsCancelled) -> Picture:
        return stylize(method, content, [style], options, report, cancelled).picture

    return Contender(name, paint, length, method.prepare)


def _singan(settings: MethodSettings, options: StyleOptions) -> list[Contender]:
    """SinGAN from a coarse, a middle and the finest start scale."""
    method = create_method("singan", settings)
    finest = budget_of(settings.singan_budget, has_gpu()).scales - 1
    scales = sorted({max(1, finest * third // 3) for third in (1, 2, 3)})
    # The first one trains the style's pyramid, the others find it.
    lengths = (200.0, *(2.0 for _ in scales[1:]))
    return [
        _column(method, options.replace(start_scale=scale), length, f"singan from scale {scale}")
        for scale, length in zip(scales, lengths, strict=True)
    ]


def _cell(
    column: Contender,
    content: Picture,
    style: Picture,
    appraiser: Appraiser,
    report: Report,
    cancelled: IsCancelled,
) -> Tile:
    try:
        column.prepare()
        started_s = time.perf_counter()
        made = column.paint(content, style, report, cancelled)
    except OperatorError as missing:
        return Tile(Picture(np.full_like(content.rgb, _UNMADE)), f"{column.name}\n{missing.code}")
    card = appraiser.appraise(content, [style], [1.0], made, time.perf_counter() - started_s)
    return Tile(Picture(made.rgb), f"{column.name}\n{_figures(card)}\n{card.seconds:.1f} s")


def _inside(style: Picture, content: Picture) -> Picture:
    """The style, small enough for a cell of the content's size."""
    room = min(content.width_px / style.width_px, content.height_px / style.height_px, 1.0)
    return Picture(resize(style, max(1, round(style.width_px * room)), max(1, round(style.height_px * room))).rgb)


def _figures(card: QualityCard) -> str:
    return f"R {card.style_left:.2f}  LP {card.content_lost:.2f}  SSIM {card.ssim_content:.2f}"


def _legend(appraiser: Appraiser) -> str:
    return (
        "R: style left, 1 for the photograph, 0 for the style. LP: content lost, 0 for the photograph. "
        f"Measured by {appraiser.identity}; compare R at like LP only."
    )


def _within(report: Report, start: float, share: float) -> Report:
    """A report for a part of the whole."""

    def part(progress: Progress) -> None:
        report(replace(progress, fraction=start + share * progress.fraction))

    return part
