"""Recipes travel in pictures' files, and the pixels do not notice."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from bot.chat.recipe_codes import Recipe
from bot.chat.recipe_files import KEYWORD, recipe_in, with_recipe
from nst.errors import UserError
from nst.options import StyleOptions

OPTIONS = StyleOptions(method="gatys", strength=0.7, seed=7, style_weights=(2.0, 1.0), start="noise")
RECIPE = Recipe("a" * 64, ("b" * 64, "c" * 64), ("mosaic", "peacock"), OPTIONS)


def encoded(kind: str, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.radial_gradient("L").convert(mode).save(out, kind)
    return out.getvalue()


def pixels(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as opened:
        return opened.tobytes()


@pytest.mark.parametrize(("kind", "mode"), [("PNG", "RGB"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("JPEG", "L")])
def test_a_recipe_comes_back_from_the_file_and_every_other_byte_is_the_same(kind: str, mode: str) -> None:
    data = encoded(kind, mode)
    marked = with_recipe(data, RECIPE)
    assert recipe_in(marked) == RECIPE
    assert pixels(marked) == pixels(data)
    place = next(i for i, (a, b) in enumerate(zip(data, marked, strict=False)) if a != b)
    added = len(marked) - len(data)
    assert any(marked[:i] + marked[i + added :] == data for i in range(place - 8, place + 1))


def test_an_xmp_reader_finds_it() -> None:
    with Image.open(io.BytesIO(with_recipe(encoded("JPEG"), RECIPE))) as opened:
        assert b"pastiche:recipe=" in opened.info["xmp"]


def test_a_webp_stays_as_it_is() -> None:
    assert with_recipe(encoded("WEBP"), RECIPE) == encoded("WEBP")


def png_with(text: str) -> bytes:
    """A PNG whose recipe says anything."""
    data = encoded("PNG")
    body = KEYWORD.encode() + b"\0\0\0\0\0" + text.encode()
    chunk = struct.pack(">I", len(body)) + b"iTXt" + body + struct.pack(">I", zlib.crc32(b"iTXt" + body))
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        "[" * 10_000,
        RECIPE.as_text().replace("a" * 64, "../../secret"),
        RECIPE.as_text().replace('"styles":[', '"styles":[],"was":['),
        RECIPE.as_text() + " " * 20_000,
    ],
)
def test_what_is_no_recipe_is_refused_politely(text: str) -> None:
    with pytest.raises(UserError, match="recipe_unknown"):
        recipe_in(png_with(text))


def test_options_that_nobody_may_choose_are_refused() -> None:
    with pytest.raises(UserError, match="option_out_of_range"):
        recipe_in(png_with(RECIPE.as_text().replace('"strength":0.7', '"strength":7')))


@pytest.mark.parametrize(("data", "code"), [(b"words", "image_not_an_image"), (encoded("PNG"), "recipe_unknown")])
def test_files_without_a_recipe(data: bytes, code: str) -> None:
    with pytest.raises(UserError, match=code):
        recipe_in(data)
