"""Redraws the README's pictures: ``python docs/pictures.py`` (twelve minutes on two cores: four pyramids are trained).

Photographs are scikit-image's samples (NASA, CC0), styles the project's own presets, models the
bundled ones, so that anybody gets the same pictures.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
from PIL import Image

from bot.presets.catalogue import load_presets
from nst.engine import STYLE_SIDE_PX, Engine
from nst.method import MethodSettings
from nst.options import StyleOptions
from nst.pictures.decode import Picture, decode, encode, fit
from nst.sheets.comparison import compare
from nst.sheets.study import study

IMAGES = Path(__file__).parent / "images"
PHOTOS = Path(skimage.__file__).parent / "data"
CELL_PX, INSET_PX, GAP_PX = 300, 76, 6
PAPER = (250, 248, 243)
HERO = (
    (("chelsea.png", "autumn-impasto", "fast"), ("coffee.png", "watercolour", "fast"),
     ("astronaut.png", "ink-wash", "fast"), ("rocket.jpg", "woodblock-waves", "fast")),
    (("astronaut.png", "starry-strokes", "gatys"), ("chelsea.png", "woodblock-waves", "gatys"),
     ("rocket.jpg", "starry-strokes", "gatys"), ("coffee.png", "stained-glass", "gatys")),
)  # fmt: skip
STRENGTHS = (0.0, 0.3, 0.6, 1.0)
METHODS = ("palette", "fast", "gatys")
BUNDLED_PHOTOS = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
BUNDLED_PRESETS = ("starry-strokes", "woodblock-waves", "stained-glass", "pointillism", "autumn-impasto", "azulejo")
BUNDLED_CELL_PX = 164
# A person, a night, things, fur; styles with much texture, with some, with next to none.
COMPARED = (
    ("astronaut.png", "autumn-impasto"), ("rocket.jpg", "starry-strokes"),
    ("coffee.png", "woodblock-waves"), ("chelsea.png", "ink-wash"),
)  # fmt: skip
COMPARED_PX = 224
RATIO = ("astronaut.png", "starry-strokes", 256)


def main() -> None:
    """Draw and write hero, methods, compare, ratio, and the model card's bundled: ``.jpg`` each."""
    engine = Engine(MethodSettings(fast_model="bundled"))
    rows = [[_framed(_painted(engine, *cell), cell[1]) for cell in row] for row in HERO]
    _sheet(rows).save(IMAGES / "hero.jpg", quality=86, optimize=True)
    strips = [
        [_square(_painted(engine, "chelsea.png", "starry-strokes", method, strength)) for strength in STRENGTHS]
        for method in METHODS
    ]
    _sheet(strips).save(IMAGES / "methods.jpg", quality=86, optimize=True)
    _bundled(engine).save(IMAGES / "bundled.jpg", quality=84, optimize=True)
    (IMAGES / "compare.jpg").write_bytes(encode(_compared(), "image/jpeg", quality=76))
    (IMAGES / "ratio.jpg").write_bytes(encode(_ratio(), "image/jpeg", quality=72))


def _bundled(engine: Engine) -> Image.Image:
    """Photographs down, presets across: what the bundled network makes of them."""
    presets = [Image.open(load_presets()[name].picture).convert("RGB") for name in BUNDLED_PRESETS]
    rows = [[Image.new("RGB", (CELL_PX, CELL_PX), PAPER), *presets]]
    for photo in BUNDLED_PHOTOS:
        painted = [_painted(engine, photo, name, "fast") for name in BUNDLED_PRESETS]
        rows.append([Image.open(PHOTOS / photo).convert("RGB"), *painted])
    small = [[_square(picture, BUNDLED_CELL_PX) for picture in row] for row in rows]
    return _sheet(small, BUNDLED_CELL_PX)


def _compared() -> Picture:
    """All methods side by side, as ``pastiche study compare`` puts them."""
    pairs = [
        (
            fit(decode((PHOTOS / photo).read_bytes()), COMPARED_PX),
            decode(load_presets()[preset].picture.read_bytes(), STYLE_SIDE_PX),
        )
        for photo, preset in COMPARED
    ]
    return compare(pairs, MethodSettings(fast_model="bundled"), StyleOptions(max_side_px=COMPARED_PX))


def _ratio() -> Picture:
    """As ``pastiche study ratio`` makes it."""
    photo, preset, side_px = RATIO
    content, style = (
        decode(file.read_bytes(), side_px) for file in (PHOTOS / photo, Path(load_presets()[preset].picture))
    )
    return study("ratio", content, style, MethodSettings(), StyleOptions(method="gatys", extractor="bundled"))


def _painted(engine: Engine, photo: str, preset: str, method: str, strength: float = 1.0) -> Image.Image:
    options = StyleOptions(method=method, max_side_px=512, strength=strength)
    style = load_presets()[preset].picture.read_bytes()
    made = engine.stylize((PHOTOS / photo).read_bytes(), [style], options)
    return Image.fromarray(np.round(made.picture.rgb * 255).astype(np.uint8))


def _square(picture: Image.Image, side_px: int = CELL_PX) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    return picture.crop(box).resize((side_px, side_px), Image.Resampling.LANCZOS)


def _framed(picture: Image.Image, preset: str) -> Image.Image:
    cell = _square(picture)
    with Image.open(load_presets()[preset].picture) as style:
        inset = Image.new("RGB", (INSET_PX + 6, INSET_PX + 6), PAPER)
        inset.paste(_square(style.convert("RGB"), INSET_PX), (3, 3))
    cell.paste(inset, (CELL_PX - INSET_PX - 12, CELL_PX - INSET_PX - 12))
    return cell


def _sheet(rows: list[list[Image.Image]], cell_px: int = CELL_PX) -> Image.Image:
    step = cell_px + GAP_PX
    sheet = Image.new("RGB", (len(rows[0]) * step - GAP_PX, len(rows) * step - GAP_PX), PAPER)
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            sheet.paste(cell, (x * step, y * step))
    return sheet


if __name__ == "__main__":
    main()
