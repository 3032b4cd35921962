from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.sheets import PER_PAGE, entries_sheet


def one_colour(colour: tuple[int, int, int], size: tuple[int, int] = (300, 100)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("count", range(PER_PAGE + 1))
def test_every_entry_stands_in_its_place_with_its_label_below(count: int) -> None:
    colours = [(200, 0, 0), (0, 160, 0), (0, 0, 200), (90, 90, 90)][:count]
    cells = [(str(number), one_colour(colour)) for number, colour in enumerate(colours, start=1)]
    with Image.open(io.BytesIO(entries_sheet(cells))) as opened:
        sheet = opened.convert("RGB")
    for place, colour in enumerate(colours):
        centre = (14 + 280 + place % 2 * 574, 14 + 280 + place // 2 * 634)
        found = sheet.getpixel(centre)
        assert isinstance(found, tuple)
        assert max(abs(a - b) for a, b in zip(found, colour, strict=True)) < 12
        label = sheet.crop((centre[0] - 40, centre[1] + 285, centre[0] + 40, centre[1] + 335)).convert("L")
        assert min(label.tobytes()) < 90  # ink


def test_a_picture_that_is_not_kept_leaves_its_place_empty() -> None:
    with Image.open(io.BytesIO(entries_sheet([("1", None), ("2", one_colour((0, 0, 0)))]))) as opened:
        sheet = opened.convert("L")
    assert min(sheet.crop((14, 14, 574, 574)).tobytes()) > 200
