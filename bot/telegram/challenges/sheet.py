"""One picture of a page of entries: each with its number, large enough to be looked at on a telephone."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

PER_PAGE = 4
_COLUMNS = 2
_CELL_PX, _GAP_PX, _BAND_PX = 560, 14, 54
_PAPER, _INK = (250, 248, 243), (38, 36, 34)
_LABEL_PX = 34


def entries_sheet(cells: Sequence[tuple[str, bytes | None]]) -> bytes:
    """A JPEG of up to four pictures; takes a tenth of a second: call it in a thread.

    Args:
        cells: What stands below each picture, and its bytes; None where it is not kept any more.
    """
    columns = min(_COLUMNS, max(1, len(cells)))
    rows = -(-len(cells) // columns)
    width = columns * (_CELL_PX + _GAP_PX) + _GAP_PX
    height = max(1, rows) * (_CELL_PX + _BAND_PX + _GAP_PX) + _GAP_PX
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_LABEL_PX)
    for place, (label, data) in enumerate(cells):
        left = _GAP_PX + place % columns * (_CELL_PX + _GAP_PX)
        top = _GAP_PX + place // columns * (_CELL_PX + _BAND_PX + _GAP_PX)
        if data is not None:
            picture = _fitted(data)
            sheet.paste(picture, (left + (_CELL_PX - picture.width) // 2, top + (_CELL_PX - picture.height) // 2))
        draw.text((left + _CELL_PX / 2, top + _CELL_PX + _BAND_PX / 2), label, _INK, font, anchor="mm")
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _fitted(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        scale = min(_CELL_PX / opened.width, _CELL_PX / opened.height)
        size = (max(1, round(opened.width * scale)), max(1, round(opened.height * scale)))
        picture = opened.convert("RGBA").resize(size, Image.Resampling.LANCZOS)
    paper = Image.new("RGBA", picture.size, (*_PAPER, 255))
    return Image.alpha_composite(paper, picture).convert("RGB")
