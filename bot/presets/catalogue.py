"""The presets on offer: the built-in pictures, then the operator's own, and small pictures to choose from.

Light on purpose (the standard library and Pillow): every frontend loads it.
"""

import io
import logging
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from bot.presets.builtin import BUILT_IN

_LOG = logging.getLogger(__name__)
_PICTURES = Path(__file__).with_name("pictures")
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_NAME_LIMIT = 32
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_PAPER, _INK = (250, 248, 243), (38, 36, 34)


@dataclass(frozen=True)
class Preset:
    """A named style.

    Attributes:
        name: What people type: lower-case words joined by hyphens, at most 32 characters.
        titles: What people read, by language code.
        picture: The style image's file.
        alt: What the picture shows, by language code, for those who cannot see it.
    """

    name: str
    titles: Mapping[str, str]
    picture: Path
    alt: Mapping[str, str]

    def title(self, language: str = "en") -> str:
        """Return the title in the language, or else in English."""
        return self.titles.get(language, self.titles["en"])


def load_presets(folder: Path | None = None) -> dict[str, Preset]:
    """Return the presets by name: the built-in ones in their order, then the folder's by file name.

    A picture of the folder takes a built-in's place when it has its name. Files that are no pictures are skipped
    with a warning; a missing folder counts as an empty one, with a warning too.

    Args:
        folder: The operator's folder (the setting PRESETS_DIR).
    """
    presets = {name: _built_in(name) for name in BUILT_IN}
    taken: set[str] = set()
    for preset in _found(folder) if folder else ():
        if preset.name in taken:
            _LOG.warning("preset picture skipped, its name is taken: %r", preset.picture.name)
            continue
        taken.add(preset.name)
        presets[preset.name] = preset
    return presets


def preset_name(stem: str) -> str:
    """Return the preset's name for a file's stem: `My Cat Art` becomes `my-cat-art`; empty if nothing is left."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "-", plain.casefold()).strip("-")[:_NAME_LIMIT].rstrip("-")


def thumbnail(preset: Preset, side_px: int) -> bytes:
    """Return the preset's picture as a square JPEG, cropped around its middle.

    Raises:
        OSError: The picture cannot be read (any longer).
    """
    return _jpeg(_square(preset.picture, side_px))


def contact_sheet(
    presets: Mapping[str, Preset], columns: int = 4, cell_px: int = 240, labels: bool = True, language: str = "en"
) -> bytes:
    """Return one JPEG with all presets side by side; a picture that cannot be read leaves its cell empty.

    Args:
        presets: What to show, in order.
        columns: Cells in a row.
        cell_px: The side of a cell's picture; between the cells and around them lies a gap of a 24th of it.
        labels: Whether each picture's title stands below it, in a band of a sixth of the cell.
        language: The titles' language.
    """
    gap, band = max(2, cell_px // 24), cell_px // 6 if labels else 0
    rows = -(-len(presets) // columns)
    size = (columns * (cell_px + gap) + gap, max(1, rows * (cell_px + band + gap) + gap))
    sheet = Image.new("RGB", size, _PAPER)
    for place, preset in enumerate(presets.values()):
        left, top = gap + place % columns * (cell_px + gap), gap + place // columns * (cell_px + band + gap)
        try:
            sheet.paste(_square(preset.picture, cell_px), (left, top))
        except _UNREADABLE:
            _LOG.warning("preset picture cannot be read: %r", preset.picture.name)
        if labels:
            _label(sheet, preset.title(language), (left + cell_px / 2, top + cell_px + band / 2), cell_px)
    return _jpeg(sheet, quality=76)


def _built_in(name: str) -> Preset:
    words = BUILT_IN[name]
    titles, alt = {"en": words.title_en, "fr": words.title_fr}, {"en": words.alt_en, "fr": words.alt_fr}
    return Preset(name, titles, _PICTURES / f"{name}.jpg", alt)


def _found(folder: Path) -> Iterator[Preset]:
    """Yield a preset for every picture in the folder; hidden files and folders are none."""
    if not folder.is_dir():
        _LOG.warning("the folder of presets does not exist")
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_dir():
            continue
        name = preset_name(path.stem)
        if not name or path.suffix.lower() not in _SUFFIXES or not _readable(path):
            _LOG.warning("not a preset picture, skipped: %r", path.name)
            continue
        title = re.sub(r"[\s_-]+", " ", path.stem).strip()
        yield Preset(name, {"en": title, "fr": title}, path, {"en": title, "fr": title})


def _readable(path: Path) -> bool:
    try:
        _square(path, 16)
    except _UNREADABLE:
        return False
    return True


def _square(path: Path, side_px: int) -> Image.Image:
    """Return the picture's middle square, upright, without alpha."""
    with Image.open(path) as image:
        image.draft("RGB", (2 * side_px, 2 * side_px))
        seen = image if image.mode in ("RGB", "RGBA", "L", "CMYK") else image.convert("RGBA")
        fitted = ImageOps.exif_transpose(ImageOps.fit(seen, (side_px, side_px), Image.Resampling.LANCZOS))
    paper = Image.new("RGBA", fitted.size, (*_PAPER, 255))
    return Image.alpha_composite(paper, fitted.convert("RGBA")).convert("RGB")


def _label(sheet: Image.Image, text: str, centre: tuple[float, float], width_px: int) -> None:
    """Write the text around the centre, smaller if it would not fit."""
    draw = ImageDraw.Draw(sheet)
    size = width_px / 11
    size = max(6.0, min(size, size * width_px / max(1.0, draw.textlength(text, ImageFont.load_default(size)))))
    draw.text(centre, text, _INK, ImageFont.load_default(size), anchor="mm")


def _jpeg(image: Image.Image, quality: int = 88) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()
