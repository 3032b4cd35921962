"""Photographs of 48 to 200 megapixels and panoramas: memory decides, and little of it is needed."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from bot.texts import explain
from nst.errors import UserError
from nst.pictures.decode import decode
from nst.pictures.decoder import Bounds, Decoder, decoder_of_own_files
from nst.pictures.formats import heic, webp
from nst.pictures.header import Limits, inspect

pytestmark = pytest.mark.long

CORNERS = ((220, 40, 40), (40, 200, 60), (50, 60, 210), (230, 230, 220))


def quarters(width_px: int, height_px: int, mode: str = "RGB") -> Image.Image:
    """A colour in each quarter."""
    tiny = Image.new("RGB", (2, 2))
    tiny.putdata(CORNERS)
    return tiny.resize((width_px, height_px), Image.Resampling.NEAREST).convert(mode)


def saved(image: Image.Image, image_format: str, **choices: Any) -> bytes:
    file = io.BytesIO()
    if image_format == "HEIC":
        pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
        pillow_heif.from_pillow(image).save(file, quality=50, enc_params={"preset": "ultrafast"})
    else:
        image.save(file, image_format, **choices)
    return file.getvalue()


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(Bounds(seconds=60)) as patient:  # other processes may be three times slower
        yield patient


def peak_bytes() -> int:
    """Of the decoders that live, the highest so far; 0 where it cannot be known."""
    if not sys.platform.startswith("linux"):
        return 0
    found = [one for one in psutil.Process().children() if "nst.pictures.decoder_process" in " ".join(one.cmdline())]
    lines = [line for one in found for line in Path(f"/proc/{one.pid}/status").read_text().splitlines()]
    return max(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


@pytest.mark.parametrize(
    ("size", "image_format", "choices"),
    [
        ((8000, 6000), "JPEG", {}),
        ((16_320, 12_240), "JPEG", {}),
        ((8192, 6144), "JPEG", {"progressive": True}),
        ((16_000, 3900), "JPEG", {}),
        ((8192, 6144), "WEBP", {"method": 0}),
        ((11_648, 8736), "WEBP", {"method": 0}),
        ((16_380, 12_210), "WEBP", {"method": 1}),
        ((12_000, 5200), "WEBP", {"method": 0}),
        ((8064, 6048), "HEIC", {}),
        ((11_648, 8736), "HEIC", {}),
        ((12_000, 5200), "HEIC", {}),
        ((8000, 6000), "PNG", {"compress_level": 1}),
    ],
)
def test_large_photographs_are_read_in_less_than_a_gibibyte(
    decoder: Decoder, size: tuple[int, int], image_format: str, choices: dict[str, Any]
) -> None:
    data = saved(quarters(*size), image_format, **choices)
    assert (inspect(data).width_px, inspect(data).height_px) == size
    picture = decoder.decode(data, 512)
    assert max(picture.width_px, picture.height_px) == 512
    points = [(y, x) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    for (y, x), colour in zip(points, CORNERS, strict=True):
        seen = picture.rgb[int(y * picture.height_px), int(x * picture.width_px)] * 255
        assert np.abs(seen - colour).max() < 16
    assert peak_bytes() < 1 << 30


@pytest.mark.parametrize("image_format", ["PNG", "TIFF"])
def test_forty_megapixels_of_16_bit_grey_cost_no_gibibyte(image_format: str) -> None:
    choices = {"compression": "tiff_adobe_deflate"} if image_format == "TIFF" else {"compress_level": 9}
    data = saved(Image.fromarray(np.full((5000, 8000), 40_000, np.uint16)), image_format, **choices)
    assert len(data) < 200_000
    with Decoder(Bounds(seconds=60, memory_bytes=400 << 20)) as decoder:
        assert decoder.decode(data, 512).rgb.mean() == pytest.approx(40_000 / 65_535, abs=0.01)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_reduced_strip_by_strip_looks_the_same(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image = quarters(1000, 700, "RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = saved(image.convert(mode), "PNG")
    whole = decode(data, 150)
    monkeypatch.setattr("nst.pictures.decode._LARGE_PX", 1)
    strips = decode(data, 150)
    assert whole.alpha is not None
    assert strips.alpha is not None
    assert np.abs(whole.alpha - strips.alpha).mean() < 0.01
    # Where next to nothing can be seen, 8 bits of weighed colour say next to nothing of it.
    assert (np.abs(whole.rgb - strips.rgb).mean(axis=2) * whole.alpha).mean() < 0.01


@pytest.mark.parametrize("choices", [{"quality": 90}, {"lossless": True}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_libwebp_is_asked_for_what_pillow_gives(
    mode: str, choices: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    image = quarters(320, 240, mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    data = saved(image, "WEBP", **choices)
    if not webp._library():
        pytest.skip("libwebp is part of Pillow's module here")
    with monkeypatch.context() as without:
        without.setattr(webp, "_library", lambda: None)
        pillows, small = decode(data), decode(data, 64)
    assert np.array_equal(decode(data).rgb, pillows.rgb)
    monkeypatch.setattr(webp, "_LARGE_PX", 0)
    assert np.array_equal(decode(data).rgb, pillows.rgb)
    assert np.abs(decode(data, 64).rgb - small.rgb).mean() < 0.02


def test_a_heic_is_reduced_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(quarters(640, 480), "HEIC")
    whole = decode(data, 64)
    monkeypatch.setattr(heic, "_LARGE_PX", 0)
    assert np.abs(decode(data, 64).rgb - whole.rgb).mean() < 0.01


def test_a_heic_above_the_ceiling_is_refused_by_its_size_and_a_smaller_one_asked_for() -> None:
    data = saved(quarters(640, 480), "HEIC")
    at = data.index(b"ispe") + 8
    claimed = (16_000).to_bytes(4, "big") + (12_000).to_bytes(4, "big")
    with pytest.raises(UserError) as caught:
        inspect(data[:at] + claimed + data[at + 8 :])
    assert caught.value.code == "image_too_many_pixels"
    sentence = explain(caught.value)
    assert "16000 × 12000" in sentence.replace(",", "")
    assert "smaller" in sentence


def test_what_does_not_fit_into_memory_is_refused_by_its_header() -> None:
    data = saved(quarters(400, 300), "GIF")
    with pytest.raises(UserError) as caught:
        inspect(data, Limits(max_memory_bytes=1 << 20))
    assert caught.value.code == "image_too_many_pixels"
    assert int(caught.value.detail["allowed_px"]) < 400 * 300
    assert inspect(saved(quarters(400, 300), "JPEG"), Limits(max_memory_bytes=1 << 20)).width_px == 400


def test_ones_own_files_may_have_any_number_of_bytes() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2800, 2800, 3), np.uint8)
    data = saved(Image.fromarray(noise), "PNG", compress_level=0)
    with pytest.raises(UserError) as caught:
        inspect(data)
    assert caught.value.code == "image_too_many_bytes"
    with decoder_of_own_files() as own:
        assert own.decode(data, 64).width_px == 64
