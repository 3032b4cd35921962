"""Words on a poster: a serif of our own, and the system's fonts for what it lacks."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from pathlib import Path

from PIL import ImageDraw, ImageFont

_FONTS = Path(__file__).with_name("fonts")
REGULAR, SEMIBOLD, ITALIC = "SourceSerifPro-Regular.ttf", "SourceSerifPro-Semibold.ttf", "SourceSerifPro-It.ttf"
# Other scripts, where the system has them; what no font has is left out.
_FALLBACKS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "NotoSansArabic-Regular.ttf")
_NOBODY_HAS = "\ufffe"
_SMALLEST = 0.62  # of the size that was asked for, before a line is cut

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont


def width(text: str, face: str, size_px: float) -> float:
    """Of a line, in pixels."""
    return sum(font.getlength(run) for run, font in _runs(text, face, size_px))


def write(
    draw: ImageDraw.ImageDraw, centre: tuple[float, float], text: str, face: str, size_px: float, ink: Colour
) -> None:
    """A line around a centre."""
    left = centre[0] - width(text, face, size_px) / 2
    for run, font in _runs(text, face, size_px):
        draw.text((left, centre[1]), run, ink, font, anchor="lm")
        left += font.getlength(run)


def fitted(text: str, face: str, size_px: float, width_px: float) -> tuple[str, float]:
    """A line and its size so that it is at most ``width_px`` wide: smaller first, then cut."""
    text = readable(text, face)
    size_px = max(_SMALLEST * size_px, min(size_px, size_px * width_px / max(1.0, width(text, face, size_px))))
    if width(text, face, size_px) <= width_px + 1:
        return text, size_px
    while text and width(text + "…", face, size_px) > width_px:
        text = text[:-1]
    return text.rstrip() + "…", size_px


def broken(text: str, face: str, size_px: float, width_px: float, lines: int) -> tuple[list[str], float]:
    """At most ``lines`` lines, evenly filled, and their size."""
    words = readable(text, face).split() or ["…"]
    for count in range(1, lines + 1):
        cut = _lines(words, face, size_px, count)
        if max(width(line, face, size_px) for line in cut) <= width_px:
            return cut, size_px
    shrunk = [fitted(line, face, size_px, width_px) for line in _lines(words, face, size_px, lines)]
    size_px = min(size for _, size in shrunk)
    return [fitted(line, face, size_px, width_px)[0] for line, _ in shrunk], size_px


def readable(text: str, face: str) -> str:
    """The text without what no font here can show."""
    shown = "".join(char for char in text if char == " " or _face_for(char, face))
    return " ".join(shown.split())


def _lines(words: list[str], face: str, size_px: float, count: int) -> list[str]:
    """Words in ``count`` lines or fewer, no longer than they need be."""
    least = width(" ".join(words), face, size_px) / count
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        full = bool(lines) and width(lines[-1], face, size_px) + width(word, face, size_px) / 2 > least
        if not lines or (full and len(lines) < count):
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _runs(text: str, face: str, size_px: float) -> list[tuple[str, Font]]:
    parts = groupby(text, lambda char: _face_for(char, face) or face)
    return [("".join(chars), _font(name, round(size_px))) for name, chars in parts]


@lru_cache(maxsize=4096)
def _face_for(char: str, face: str) -> str:
    return next((name for name in (face, *_FALLBACKS) if _has(name, char)), "")


def _has(face: str, char: str) -> bool:
    try:
        font = _font(face, 32)
    except OSError:
        return False
    return char.isspace() or _shape(font, char) != _shape(font, _NOBODY_HAS)


def _shape(font: Font, char: str) -> tuple[object, bytes]:
    mask = font.getmask(char)
    return mask.size, bytes(mask)


@lru_cache(maxsize=64)
def _font(face: str, size_px: int) -> Font:
    own = _FONTS / face
    return ImageFont.truetype(str(own) if own.exists() else face, size_px)
