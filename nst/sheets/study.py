"""Contact sheets that show what the Gatys method's choices do: the ratio, the layers, the extractor.

The first two redraw figures 4 and 3 of Gatys, Ecker and Bethge 2016 with the paper's own set-up. They start from white
noise as those did: from the content, L-BFGS stays near it whatever alpha / beta says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nst.errors import OperatorError, UserError
from nst.extractors.load import Extractor, load_extractor
from nst.gatys.method import Gatys
from nst.gatys.paper import STEPS, PaperObjective, PaperRun
from nst.gatys.pictures import prepare_material
from nst.gatys.plan import plan_one_scale
from nst.method import IsCancelled, MethodSettings, Progress, Report, never_cancelled, no_report, stylize
from nst.options import EXTRACTORS, StyleOptions
from nst.pictures.decode import Picture, resize

RATIOS = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
_LABEL_PX = 24
_LINE_PX = 17  # of a label's further lines
_GAP_PX = 6
_PAPER = 245  # grey level between the tiles
_INK = (20, 20, 20)


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
        options: ``steps`` and ``seed`` are heeded; by ``extractors`` also ``start``, by the others ``extractor``.
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


def contact_sheet(tiles: Sequence[Tile], columns: int | None = None, footer: str = "") -> Picture:
    """Tiles in rows, each with its label below.

    Args:
        tiles: At least one. Columns are as wide as the widest of them, rows as high as their highest; smaller pictures
            lie in the middle.
        columns: None for about as many as rows.
        footer: A line below everything.
    """
    columns = columns or int(np.ceil(np.sqrt(len(tiles))))
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    width = max(tile.picture.width_px for tile in tiles)
    heights = [max(tile.picture.height_px for tile in row) for row in rows]
    label_px = _LABEL_PX + _LINE_PX * max(tile.label.count("\n") for tile in tiles)
    below_px = sum(heights) + len(rows) * (label_px + _GAP_PX) + _GAP_PX
    size = (columns * (width + _GAP_PX) + _GAP_PX, below_px + (_LABEL_PX if footer else 0))
    sheet = Image.new("RGB", size, (_PAPER,) * 3)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    y = _GAP_PX
    for row, height in zip(rows, heights, strict=True):
        for x, tile in zip(range(_GAP_PX, size[0], width + _GAP_PX), row, strict=False):
            left, top = (width - tile.picture.width_px) // 2, (height - tile.picture.height_px) // 2
            sheet.paste(Image.fromarray(np.rint(tile.picture.rgb * 255).astype(np.uint8)), (x + left, y + top))
            pen.multiline_text((x + 2, y + height + 3), tile.label, fill=_INK, font=font, spacing=_LINE_PX - 14)
        y += height + label_px + _GAP_PX
    pen.text((_GAP_PX + 2, below_px), footer, fill=_INK, font=font)
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
        chosen = options.replace(start="noise")
        material = prepare_material(content, [style], chosen, transported=False)
        steps = chosen.steps or STEPS
        scale = plan_one_scale(content.width_px, content.height_px, steps, extractor.min_side_px)
        run = PaperRun(PaperObjective(extractor), material, scale, chosen)
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
                picture = stylize(gatys, content, [style], chosen, report, cancelled).picture
            except OperatorError as missing:
                blank = Picture(np.full_like(content.rgb, 0.8))
                return Tile(blank, f"{name}: {missing.code}")
            return Tile(picture, name)

        return make

    return [maker(name) for name in EXTRACTORS]
