"""The poster of a challenge's results: theme, the first three with the photos they were made from, credits."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from PIL import Image, ImageDraw, ImageFilter, ImageOps

from bot.challenges.entry import Placed, Results, Status
from bot.challenges.lettering import ITALIC, REGULAR, SEMIBOLD, broken, fitted, write
from bot.challenges.model import Challenge
from bot.challenges.pictures import SHOWN_PX, Pictures, opened
from bot.challenges.wording import maker, style_credit, votes
from bot.chat.captions import percent
from bot.presets.catalogue import Preset
from bot.texts import say
from nst.errors import JobError

WIDTH_PX = 1600
_MARGIN_PX, _GAP_PX = 120, 64
_INNER_PX = WIDTH_PX - 2 * _MARGIN_PX
_FIRST_HEIGHT_PX, _ROW_HEIGHT_PX = 1000, 500
_MAT_PX = 14
_CAPTION_PX = 190
_ENDS_PX = 900  # heading and footing at most
_PAPER, _INK, _GREY, _ACCENT, _WHITE = (250, 248, 243), (38, 36, 34), (112, 106, 98), (172, 66, 42), (255, 255, 255)
_PODIUM, _UNPLACED, _IN_A_ROW = 3, 6, 3
_MOST = 12  # where more than that share the first place, the gallery has the others
_SLOT_PX = 400  # what a caption needs beside others


@dataclass(frozen=True)
class Poster:
    """A picture to be posted.

    Attributes:
        data: The file.
        media_type: ``image/jpeg``.
        alt: What a screen reader says.
        spoiler: Whether one of its pictures is hidden, and so all of it.
    """

    data: bytes
    media_type: str
    alt: str
    spoiler: bool = False


@dataclass(frozen=True)
class _Hung:
    """One picture on the poster."""

    placed: Placed
    picture: Image.Image
    before: Image.Image | None


def draw_poster(
    challenge: Challenge, results: Results, pictures: Pictures, presets: Mapping[str, Preset], language: str
) -> Poster:
    """The poster.

    Args:
        challenge: Which.
        results: How it ended.
        pictures: Where its pictures are; one that is no longer kept leaves its place to the others.
        presets: For the styles' titles.
        language: Of its words.
    """
    hung = [one for placed in _shown(results) if (one := _hang(placed, pictures))]
    rows = _rows(hung, results)
    tallest = [_FIRST_HEIGHT_PX if number == 0 and results.winners else _ROW_HEIGHT_PX for number in range(len(rows))]
    most = _ENDS_PX + sum(height + _CAPTION_PX + _GAP_PX for height in tallest)
    sheet = Image.new("RGB", (WIDTH_PX, most), _PAPER)  # cut to what was used
    top = _heading(sheet, challenge, results, language)
    for row, height in zip(rows, tallest, strict=True):
        top = _draw_row(sheet, top, row, height, presets, language)
    top = _footing(sheet, top, challenge, results, language)
    buffer = io.BytesIO()
    framed = _frame(sheet.crop((0, 0, WIDTH_PX, top)))
    framed.save(buffer, "JPEG", quality=92, subsampling=0, optimize=True)
    alt = alt_text(challenge, results, presets, language)
    return Poster(buffer.getvalue(), "image/jpeg", alt, results.spoiler)


def alt_text(challenge: Challenge, results: Results, presets: Mapping[str, Preset], language: str) -> str:
    """What the poster shows, in words."""
    lines = [
        say(
            "challenge.poster_alt_place",
            language,
            place=one.place,
            maker=maker(one, language),
            style=style_credit(one.entry, presets, language),
            votes=votes(one.votes, language),
        )
        for one in _shown(results)
        if one.place
    ]
    shown = [one for one in results.placed if one.entry.status is Status.ENTERED]
    places = " ".join(lines) or say("challenge.poster_alt_none", language, entries=len(shown))
    return say("challenge.poster_alt", language, theme=challenge.theme, places=places)


def _shown(results: Results) -> list[Placed]:
    there = [one for one in results.placed if one.entry.status is Status.ENTERED]
    if not results.winners:
        return there[:_UNPLACED]
    return [one for one in there if 1 <= one.place <= _PODIUM][: max(_PODIUM, min(_MOST, len(results.winners)))]


def _rows(hung: Sequence[_Hung], results: Results) -> list[Sequence[_Hung]]:
    """The winners first, in rows of three at most."""
    first = [one for one in hung if one.placed.entry.entry_id in results.winners]
    rest = [one for one in hung if one not in first]
    return [row for group in (first, rest) for row in _evenly(group)]


def _evenly(group: Sequence[_Hung]) -> list[Sequence[_Hung]]:
    """Rows of three at most, none much shorter than the others."""
    rows = -(-len(group) // _IN_A_ROW)
    cuts = [round(number * len(group) / rows) for number in range(rows + 1)] if rows else [0]
    return [group[start:end] for start, end in pairwise(cuts)]


def _hang(placed: Placed, pictures: Pictures) -> _Hung | None:
    picture = _opened(pictures, placed.entry.small, SHOWN_PX)
    return _Hung(placed, picture, _opened(pictures, placed.entry.before, 500)) if picture else None


def _opened(pictures: Pictures, digest: str, side_px: int) -> Image.Image | None:
    try:
        return opened(pictures.get(digest), side_px) if digest else None
    except JobError:
        return None


def _heading(sheet: Image.Image, challenge: Challenge, results: Results, language: str) -> int:
    draw, middle, top = ImageDraw.Draw(sheet), WIDTH_PX / 2, 150
    kind = "none" if not results.winners else "shared" if len(results.winners) > 1 else "winner"
    words = f"{say('challenge.poster_kicker', language)} · {say(f'challenge.poster_{kind}', language)}"
    write(draw, (middle, top), " ".join(words.upper()), SEMIBOLD, 26, _ACCENT)
    lines, size = broken(challenge.theme, SEMIBOLD, 96, _INNER_PX, 3)
    top += 96
    for line in lines:
        write(draw, (middle, top), line, SEMIBOLD, size, _INK)
        top += round(size * 1.18)
    draw.line([(middle - 60, top), (middle + 60, top)], _ACCENT, 4)
    return top + 70


def _draw_row(
    sheet: Image.Image, top: int, row: Sequence[_Hung], tallest: int, presets: Mapping[str, Preset], language: str
) -> int:
    """Pictures of one height side by side, each with its caption; where the next row begins."""
    ratios = [one.picture.width / one.picture.height for one in row]
    room = _INNER_PX - (len(row) - 1) * _GAP_PX
    height = _common_height(ratios, room, tallest)
    widths = [max(round(height * ratio), 1) for ratio in ratios]
    slots = [max(width, min(_SLOT_PX, room // len(row))) for width in widths]
    left = (WIDTH_PX - sum(slots) - (len(row) - 1) * _GAP_PX) // 2
    for one, width, slot in zip(row, widths, slots, strict=True):
        _draw_picture(sheet, (left + (slot - width) // 2, top), one, (width, height), language)
        _draw_caption(sheet, (left + slot / 2, top + height + 62), one.placed, slot, presets, language)
        left += slot + _GAP_PX
    return top + height + _CAPTION_PX + _GAP_PX


def _common_height(ratios: Sequence[float], room: int, tallest: int) -> int:
    """The greatest height at which pictures of these width-to-height ratios, and their captions, fit side by side."""
    least = min(_SLOT_PX, room // len(ratios))
    height = tallest
    while height > 1 and sum(max(height * ratio, least) for ratio in ratios) > room:
        height -= 1
    return height


def _draw_picture(
    sheet: Image.Image, corner: tuple[int, int], one: _Hung, size: tuple[int, int], language: str
) -> None:
    _mount(sheet, corner, ImageOps.fit(one.picture, size, Image.Resampling.LANCZOS), _MAT_PX)
    if one.before is None:
        return
    side = round(0.3 * min(size[0], 1.3 * size[1]))
    inset = one.before.copy()
    inset.thumbnail((side, side), Image.Resampling.LANCZOS)
    mat = max(6, _MAT_PX // 2)
    place = (corner[0] - 26, corner[1] + size[1] - inset.height + 22)
    _mount(sheet, place, inset, mat)
    draw, label = ImageDraw.Draw(sheet), say("challenge.poster_before", language)
    size_px = max(20, side // 14)
    centre = (place[0] + inset.width / 2, place[1] + inset.height - size_px)
    word, fitting = fitted(label, ITALIC, size_px, inset.width - 8)
    for dx, dy in ((-1, -1), (1, 1), (-1, 1), (1, -1), (0, 2)):
        write(draw, (centre[0] + dx, centre[1] + dy), word, ITALIC, fitting, _INK)
    write(draw, centre, word, ITALIC, fitting, _WHITE)


def _mount(sheet: Image.Image, corner: tuple[int, int], picture: Image.Image, mat_px: int) -> None:
    """A picture on a white mat with a soft shadow."""
    left, top = corner[0] - mat_px, corner[1] - mat_px
    width, height = picture.width + 2 * mat_px, picture.height + 2 * mat_px
    blur = 16
    shade = Image.new("L", (width + 6 * blur, height + 6 * blur), 0)
    ImageDraw.Draw(shade).rectangle((3 * blur, 3 * blur, 3 * blur + width, 3 * blur + height), fill=95)
    shade = shade.filter(ImageFilter.GaussianBlur(blur))
    sheet.paste((60, 48, 36), (left - 3 * blur, top - 3 * blur + 12), shade)
    ImageDraw.Draw(sheet).rectangle((left, top, left + width - 1, top + height - 1), fill=_WHITE)
    sheet.paste(picture, corner)


def _draw_caption(
    sheet: Image.Image,
    centre: tuple[float, float],
    placed: Placed,
    width_px: int,
    presets: Mapping[str, Preset],
    language: str,
) -> None:
    draw, (middle, top) = ImageDraw.Draw(sheet), centre
    entry = placed.entry
    name = maker(placed, language)
    head = f"{placed.place}  ·  {name}" if placed.place else name
    recipe = say(
        "challenge.poster_recipe",
        language,
        style=style_credit(entry, presets, language),
        strength=percent(entry.style_options),
        method=entry.method,
    )
    lines = [(head, SEMIBOLD, 44, _INK), (recipe, ITALIC, 28, _GREY)]
    if placed.place:
        lines.append((votes(placed.votes, language), REGULAR, 28, _ACCENT))
    for text, face, size_px, ink in lines:
        text, fitting = fitted(text, face, size_px, width_px)
        write(draw, (middle, top), text, face, fitting, ink)
        top += 46


def _footing(sheet: Image.Image, top: int, challenge: Challenge, results: Results, language: str) -> int:
    draw, middle = ImageDraw.Draw(sheet), WIDTH_PX / 2
    draw.line([(_MARGIN_PX, top), (WIDTH_PX - _MARGIN_PX, top)], (222, 216, 204), 2)
    shown = sum(one.entry.status is Status.ENTERED for one in results.placed)
    counts = say("challenge.poster_counts", language, entries=shown, votes=results.votes, voters=results.voters)
    write(draw, (middle, top + 52), counts, REGULAR, 28, _GREY)
    days = dict.fromkeys(_day(at_s, language) for at_s in (challenge.opened_at_s, challenge.closes_at_s))
    write(draw, (middle, top + 98), f"{' – '.join(days)}  ·  Pastiche", ITALIC, 26, _GREY)
    return top + 170


def _day(at_s: float, language: str) -> str:
    day = datetime.fromtimestamp(at_s, UTC)
    return f"{day.day} {say('challenge.months', language).split()[day.month - 1]} {day.year}"


def _frame(sheet: Image.Image) -> Image.Image:
    draw = ImageDraw.Draw(sheet)
    edge = 34
    draw.rectangle((edge, edge, sheet.width - edge - 1, sheet.height - edge - 1), outline=(214, 206, 192), width=2)
    return sheet
