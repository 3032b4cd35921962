"""Headers of every format, and the limits that are held against them."""

from __future__ import annotations

import io
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image

from nst.errors import UserError
from nst.pictures.header import Limits, inspect
from nst.pictures.polyglot import picture_end
from nst.pictures.signature import declared_size, identify

FORMATS = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"]


def encoded(image_format: str, size: tuple[int, int] = (40, 30), mode: str = "RGB", **choices: Any) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert(mode).save(file, image_format, **choices)
    return file.getvalue()


def refusal(data: bytes, limits: Limits | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        inspect(data, limits or Limits())
    return caught.value


@pytest.mark.parametrize("image_format", FORMATS)
def test_header_names_format_and_size(image_format: str) -> None:
    header = inspect(encoded(image_format))
    assert (header.format, header.width_px, header.height_px) == (image_format, 40, 30)
    assert (header.frames, header.has_alpha) == (1, False)


def test_heic_is_read_where_its_decoder_is_installed() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", (64, 48), "teal")).save(file)
    header = inspect(file.getvalue())
    assert (header.format, header.width_px, header.height_px) == ("HEIC", 64, 48)


def test_heic_without_its_decoder_says_so() -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    script = (
        "import sys; sys.modules['pillow_heif'] = None\n"  # what Python itself does for a module that is not there
        "from nst.pictures.header import inspect\nfrom nst.errors import UserError\n"
        f"try: inspect({heic!r})\nexcept UserError as error: print(error.code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "image_heic_unavailable"


@pytest.mark.parametrize(("image_format", "moves"), [("GIF", True), ("PNG", True), ("WEBP", True), ("TIFF", False)])
def test_several_frames_are_noticed_and_are_no_pages(image_format: str, moves: bool) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    file = io.BytesIO()
    frames[0].save(file, image_format, save_all=True, append_images=frames[1:])
    assert (inspect(file.getvalue()).frames > 1) == moves


@pytest.mark.parametrize(("image_format", "mode"), [("PNG", "RGBA"), ("PNG", "LA"), ("WEBP", "RGBA"), ("GIF", "RGBA")])
def test_transparency_is_noticed(image_format: str, mode: str) -> None:
    file = io.BytesIO()
    image = Image.new("RGBA", (32, 32), (200, 30, 30, 255))
    image.paste((0, 0, 0, 0), (0, 0, 16, 16))
    image.convert(mode).save(file, image_format)
    assert inspect(file.getvalue()).has_alpha


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_declared_size_agrees_with_the_decoder(image_format: str) -> None:
    assert declared_size(encoded(image_format, (123, 77)), image_format) == (123, 77)


@pytest.mark.parametrize("choices", [{"lossless": True}, {"lossless": False}, {"xmp": b"<x/>"}])
def test_declared_size_of_every_kind_of_webp(choices: dict[str, Any]) -> None:
    assert declared_size(encoded("WEBP", (123, 77), **choices), "WEBP") == (123, 77)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_end_of_the_picture_is_found(image_format: str) -> None:
    data = encoded(image_format)
    assert picture_end(data + b"trailing data", image_format) == len(data)


def test_too_many_bytes() -> None:
    data = encoded("PNG")
    error = refusal(data, Limits(max_bytes=len(data) - 1))
    assert error.code == "image_too_many_bytes"
    assert error.detail == {"received_bytes": len(data), "allowed_bytes": len(data) - 1}


@pytest.mark.parametrize("image_format", FORMATS)
def test_too_many_pixels(image_format: str) -> None:
    error = refusal(encoded(image_format), Limits(max_pixels=1199))
    assert error.code == "image_too_many_pixels"
    assert error.detail == {"width_px": 40, "height_px": 30, "allowed_px": 1199}
    assert inspect(encoded(image_format), Limits(max_pixels=1200)).width_px == 40


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (16, 321)])
def test_too_long(size: tuple[int, int]) -> None:
    error = refusal(encoded("PNG", size))
    assert error.code == "image_too_long"
    assert error.detail == {"width_px": size[0], "height_px": size[1], "allowed_ratio": 20}


@pytest.mark.parametrize(("size", "code"), [((15, 16), "image_too_small"), ((1, 1), "image_too_small")])
def test_too_small(size: tuple[int, int], code: str) -> None:
    assert refusal(encoded("PNG", size)).code == code


def test_default_limits_take_the_edge_cases() -> None:
    assert inspect(encoded("PNG", (16, 320))).height_px == 320


def test_endings_and_brands_of_iso_files_are_told_apart() -> None:
    assert identify(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
    assert identify(b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic") == "HEIC"


def test_headers_are_read_without_numpy() -> None:
    script = "import sys, nst.pictures.header; print('numpy' in sys.modules, 'pillow_heif' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
