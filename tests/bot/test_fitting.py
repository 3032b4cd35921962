from __future__ import annotations

import io
import os

import pytest
from PIL import Image

from bot.fitting import fit_bytes, suffix


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
