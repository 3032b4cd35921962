"""A page of entries as one picture: each with its number, large enough to be looked at on a telephone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

from bot.challenges.lettering import SEMIBOLD, write
from bot.challenges.pictures import opened

PER_PAGE = 4


class Cell(NamedTuple):
    """One entry on a page.

    Attributes:
        label: What stands below it.
        picture: Where its picture is kept, or "".
        spoiler: Whether it is hidden, and so the whole page.
    """

    label: str
    picture: str
    spoiler: bool


_COLUMNS = 2
_CELL_PX, _GAP_PX, _BAND_PX = 560, 14, 60
_PAPER, _INK = (250, 248, 243), (38, 36, 34)
_LABEL_PX = 40


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
    draw = ImageDraw.Draw(sheet)
    for place, (label, data) in enumerate(cells):
        left = _GAP_PX + place % columns * (_CELL_PX + _GAP_PX)
        top = _GAP_PX + place // columns * (_CELL_PX + _BAND_PX + _GAP_PX)
        if data is not None and (small := opened(data, _CELL_PX)):
            picture = ImageOps.contain(small, (_CELL_PX, _CELL_PX), Image.Resampling.LANCZOS)
            sheet.paste(picture, (left + (_CELL_PX - picture.width) // 2, top + (_CELL_PX - picture.height) // 2))
        write(draw, (left + _CELL_PX / 2, top + _CELL_PX + _BAND_PX / 2), label, SEMIBOLD, _LABEL_PX, _INK)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
