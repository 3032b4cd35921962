"""Contact sheets that show what the Gatys method's choices do: the ratio, the layers, the extractor.

The first two redraw figures 4 and 3 of Gatys, Ecker and Bethge 2016 with the paper's own set-up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nst.errors import OperatorError, UserError
from nst.extractors import Extractor, load_extractor
from nst.images import Picture, resize
from nst.method import IsCancelled, MethodSettings, Progress, Report, never_cancelled, no_report
from nst.methods.gatys import Gatys
from nst.methods.gatys_paper import STEPS, PaperObjective, PaperRun
from nst.methods.gatys_pictures import prepare_material
from nst.methods.gatys_plan import plan_one_scale
from nst.options import EXTRACTORS, StyleOptions

RATIOS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_LABEL_PX = 24
_GAP_PX = 6
_PAPER = 245  # grey level between the tiles


@dataclass(frozen=True)
class Tile:
    """One picture of a sheet and what is written under it."""

    picture: Picture
    label: str


Made = Callable[[Report], Tile]


def study(
    kind: str,
    content: Picture,
    style: Picture,
    settings: MethodSettings,
    options: StyleOptions,
    report: Report = no_report,
    cancelled: IsCancelled = never_cancelled,
) -> Picture:
    """Make a contact sheet; its first two tiles are the content and the style.

    Args:
        kind: ``ratio`` (alpha / beta), ``layers`` (style layers from the first to the n-th) or ``extractors``.
        content: Content image.
        style: Style image.
        settings: The operator's choices.
        options: ``steps``, ``seed``, ``start`` and, but for ``extractors``, ``extractor`` are heeded.
        report: Told about progress over the whole sheet.
        cancelled: Asked at every step.

    Raises:
        UserError: ``option_out_of_range`` for an unknown kind.
        OperatorError: No extractor can be had.
        Cancelled: ``cancelled()`` was true.
    """
    plans = {"ratio": _ratio, "layers": _layers, "extractors": _extractors}
    if kind not in plans:
        raise UserError("option_out_of_range", {"option": "study", "received": kind[:40], "allowed": ", ".join(plans)})
    todo = plans[kind](content, style, settings, options, cancelled)
    tiles = [Tile(content, "content"), Tile(resize(style, content.width_px, content.height_px), "style")]
    for index, make in enumerate(todo):
        tiles.append(make(part_of(report, index, len(todo))))
    report(Progress(1.0))
    return contact_sheet(tiles)


def contact_sheet(tiles: Sequence[Tile], columns: int | None = None) -> Picture:
    """Tiles of one size in rows, each with its label below.

    Args:
        tiles: At least one, all pictures of one size.
        columns: None for about as many as rows.
    """
    columns = columns or int(np.ceil(np.sqrt(len(tiles))))
    width, height = tiles[0].picture.width_px, tiles[0].picture.height_px
    cell, line = width + _GAP_PX, height + _LABEL_PX + _GAP_PX
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * cell + _GAP_PX, rows * line + _GAP_PX), (_PAPER,) * 3)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    for index, tile in enumerate(tiles):
        x, y = _GAP_PX + index % columns * cell, _GAP_PX + index // columns * line
        sheet.paste(Image.fromarray(np.rint(tile.picture.rgb * 255).astype(np.uint8)), (x, y))
        pen.text((x + 2, y + height + 3), tile.label, fill=(20, 20, 20), font=font)
    return Picture(np.asarray(sheet, np.float32) / np.float32(255))


def part_of(report: Report, index: int, parts: int) -> Report:
    """A report for one of several parts of the same length."""

    def part(progress: Progress) -> None:
        report(replace(progress, fraction=(index + progress.fraction) / parts))

    return part


def _paper_extractor(settings: MethodSettings, options: StyleOptions) -> Extractor:
    return load_extractor(options.extractor, settings, pooling="average", padding="zero")


def _paper_tile(
    extractor: Extractor,
    label: str,
    pictures: tuple[Picture, Picture],
    options: StyleOptions,
    cancelled: IsCancelled,
) -> Made:
    content, style = pictures

    def make(report: Report) -> Tile:
        material = prepare_material(content, [style], options, transported=False)
        steps = options.steps or STEPS
        scale = plan_one_scale(content.width_px, content.height_px, steps, extractor.min_side_px)
        run = PaperRun(PaperObjective(extractor), material, scale, options)
        run.advance(None, report, cancelled)
        return Tile(run.picture(), label)

    return make


def _ratio(
    content: Picture, style: Picture, settings: MethodSettings, options: StyleOptions, cancelled: IsCancelled
) -> list[Made]:
    extractor = _paper_extractor(settings, options)
    chosen = [(ratio, options.replace(content_weight=ratio, style_weight=1.0)) for ratio in RATIOS]
    return [
        _paper_tile(extractor, f"alpha / beta = {ratio:g}", (content, style), each, cancelled) for ratio, each in chosen
    ]


def _layers(
    content: Picture, style: Picture, settings: MethodSettings, options: StyleOptions, cancelled: IsCancelled
) -> list[Made]:
    extractor = _paper_extractor(settings, options)
    layers = extractor.style_layers
    return [
        _paper_tile(
            replace(extractor, style_layers=layers[:depth]),
            f"style up to {layers[depth - 1]}",
            (content, style),
            options,
            cancelled,
        )
        for depth in range(1, len(layers) + 1)
    ]


def _extractors(
    content: Picture, style: Picture, settings: MethodSettings, options: StyleOptions, cancelled: IsCancelled
) -> list[Made]:
    gatys = Gatys(settings)

    def maker(name: str) -> Made:
        def make(report: Report) -> Tile:
            chosen = options.replace(method="gatys", extractor=name)
            try:
                picture = gatys.stylize(content, [style], chosen, report, cancelled).picture
            except OperatorError as missing:
                blank = Picture(np.full_like(content.rgb, 0.8))
                return Tile(blank, f"{name}: {missing.code}")
            return Tile(picture, name)

        return make

    return [maker(name) for name in EXTRACTORS]
