"""The picture that chats show of a link, 1200 by 630: the theme, and the style or presets. Made from nothing secret."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageOps

from bot.challenges.lettering import REGULAR, SEMIBOLD, broken, write

WIDTH_PX, HEIGHT_PX = 1200, 630
_STRIP_PX = 210
_PAPER, _INK, _GREY, _ACCENT = (250, 248, 243), (38, 36, 34), (112, 106, 98), (172, 66, 42)


def draw_card(theme: str, kicker: str, line: str, pictures: Sequence[bytes]) -> bytes:
    """A JPEG.

    Args:
        theme: What people wrote; up to three lines.
        kicker: Above it, short.
        line: Below it, short.
        pictures: Up to five small ones, side by side along the lower edge.
    """
    card = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), _PAPER)
    draw, middle = ImageDraw.Draw(card), WIDTH_PX / 2
    write(draw, (middle, 62), " ".join(kicker.upper()), SEMIBOLD, 22, _ACCENT)
    lines, size = broken(theme, SEMIBOLD, 72, WIDTH_PX - 160, 3)
    top = 214 - (len(lines) - 1) * size * 0.57
    for text in lines:
        write(draw, (middle, top), text, SEMIBOLD, size, _INK)
        top += size * 1.14
    write(draw, (middle, HEIGHT_PX - _STRIP_PX - 40), line, REGULAR, 24, _GREY)
    wide = WIDTH_PX / max(1, len(pictures))
    for place, data in enumerate(pictures):
        left, right = round(place * wide), round((place + 1) * wide)
        with Image.open(io.BytesIO(data)) as opened:
            cell = ImageOps.fit(opened.convert("RGB"), (right - left, _STRIP_PX), Image.Resampling.LANCZOS)
        card.paste(cell, (left, HEIGHT_PX - _STRIP_PX))
    buffer = io.BytesIO()
    card.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
