from __future__ import annotations

import io
import os

import pytest
from PIL import Image, ImageChops, ImageStat

from bot.chat.fitting import as_gif, fit_bytes, suffix


def noise(mode: str, side_px: int, kind: str) -> bytes:
    out = io.BytesIO()
    Image.frombytes(mode, (side_px, side_px), os.urandom(len(mode) * side_px**2)).save(out, kind)
    return out.getvalue()


def test_what_fits_stays_as_it_is() -> None:
    data = noise("RGB", 32, "PNG")
    assert fit_bytes(data, "image/png", len(data)) == (data, "image/png")


@pytest.mark.parametrize(("mode", "media_type"), [("RGB", "image/jpeg"), ("RGBA", "image/webp")])
def test_what_does_not_fit_is_made_to(mode: str, media_type: str) -> None:
    data = noise(mode, 300, "PNG")
    for limit in (len(data) - 1, len(data) // 2, len(data) // 12):
        smaller, kind = fit_bytes(data, "image/png", limit)
        assert len(smaller) <= limit
        assert kind == media_type
        with Image.open(io.BytesIO(smaller)) as picture:
            assert picture.mode == mode


def test_pixels_go_last() -> None:
    data = noise("RGB", 300, "PNG")
    smaller, _ = fit_bytes(data, "image/png", len(data) - 1)
    with Image.open(io.BytesIO(smaller)) as picture:
        assert picture.size == (300, 300)


def test_what_can_never_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="100 bytes"):
        fit_bytes(noise("RGB", 300, "PNG"), "image/png", 100)


def test_every_kind_that_comes_out_has_a_file_name() -> None:
    assert [suffix(kind) for kind in ("image/jpeg", "image/png", "image/webp")] == [".jpg", ".png", ".webp"]


def test_a_gif_of_a_soft_shade_has_no_bands_and_what_was_clear_is_clear() -> None:
    ramps = [Image.linear_gradient("L"), Image.linear_gradient("L").rotate(90), Image.radial_gradient("L")]
    opacity, out = Image.new("L", (256, 256)), io.BytesIO()
    opacity.paste(255, (32, 0, 256, 256))
    soft = Image.merge("RGB", ramps)
    Image.merge("RGBA", (*soft.split(), opacity)).save(out, "PNG")
    with Image.open(io.BytesIO(as_gif(out.getvalue(), 10**6))) as picture:
        made = picture.convert("RGBA")
    assert made.getchannel("A").tobytes() == opacity.tobytes()
    box = (40, 8, 248, 248)
    seen, meant = made.convert("RGB").crop(box).reduce(8), soft.crop(box).reduce(8)
    off = ImageStat.Stat(ImageChops.difference(seen, meant)).mean
    assert max(off) < 1, "as the eye sees it, from afar: without dither it is 4"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_gif_has_one_frame_and_fits(mode: str) -> None:
    data = noise(mode, 300, "PNG")
    whole = as_gif(data, 10**6)
    with Image.open(io.BytesIO(whole)) as picture:
        assert (picture.format, picture.size, getattr(picture, "n_frames", 1)) == ("GIF", (300, 300), 1)
    assert len(as_gif(data, len(whole) // 2)) <= len(whole) // 2
    with pytest.raises(ValueError, match="100 bytes"):
        as_gif(data, 100)


def test_what_was_clear_is_clear_in_a_gif() -> None:
    cut_out, out = Image.new("RGBA", (80, 70)), io.BytesIO()
    cut_out.paste((200, 90, 40, 255), (20, 20, 60, 50))
    cut_out.save(out, "PNG")
    with Image.open(io.BytesIO(as_gif(out.getvalue(), 10**6))) as picture:
        alpha = picture.convert("RGBA").getchannel("A")
        assert (alpha.getpixel((5, 5)), alpha.getpixel((40, 30))) == (0, 255)
