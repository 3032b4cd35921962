"""JPEGs that end too early, and what else is in their files."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst.errors import UserError
from nst.pictures.decode import decode
from tests.picture_samples import noise, quarters, saved, seen

QUARTERS = quarters()

JPEGS: dict[str, dict[str, Any]] = {
    "4:2:0": {},
    "4:4:4": {"subsampling": 0},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
}


@pytest.mark.parametrize("choices", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(96, 64), (97, 66), (150, 100)])
def test_a_jpeg_without_its_end_marker_is_painted_and_said(
    choices: dict[str, Any], mode: str, size: tuple[int, int]
) -> None:
    whole = saved(Image.fromarray(noise(160, 120)).convert(mode).resize(size), "JPEG", quality=90, **choices)
    picture = decode(whole[:-2])
    assert np.array_equal(picture.rgb, decode(whole).rgb)
    assert (decode(whole).notices, picture.notices) == ((), ("picture_cut_off",))


@pytest.mark.parametrize("max_side_px", [None, 300])
@pytest.mark.parametrize("choices", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("share", [0.99, 0.98, 0.97])
def test_a_jpeg_without_its_last_percents_is_painted_as_far_as_it_goes(
    choices: dict[str, Any], share: float, max_side_px: int | None
) -> None:
    whole = saved(noise(960, 640), "JPEG", quality=85, **choices)
    picture, right = (decode(data, max_side_px) for data in (whole[: int(len(whole) * share)], whole))
    assert picture.notices == ("picture_cut_off",)
    assert picture.rgb.shape == right.rgb.shape
    off = np.abs(picture.rgb - right.rgb).max(axis=2) > 8 / 255
    assert off.mean() < 0.08
    # No bar of the decoder's grey: what is lacking goes on as the picture ended.
    assert not (np.abs(picture.rgb[-1] * 255 - 128).max(axis=1) < 1).any()


def test_small_files_lose_more_of_the_picture_with_a_percent() -> None:
    whole = saved(QUARTERS, "JPEG", quality=90)
    picture = decode(whole[: int(len(whole) * 0.97)])
    assert np.mean(np.abs(seen(picture) - seen(decode(whole))).max(axis=2) > 8) < 0.05


@pytest.mark.parametrize("choices", JPEGS.values(), ids=JPEGS)
def test_half_a_jpeg_is_refused(choices: dict[str, Any]) -> None:
    whole = saved(noise(), "JPEG", quality=85, **choices)
    with pytest.raises(UserError, match="image_truncated"):
        decode(whole[: len(whole) // 3])


def test_a_jpeg_keeps_its_colours_whatever_its_remarks_are() -> None:
    whole = saved(QUARTERS, "JPEG", quality=90)
    strange = [(marker, body) for marker in (*range(0xE0, 0xF0), 0xFE) for body in (b"", b"JFIF", b"Adobe\0", b"Exif")]
    strange += [
        (0xE1, b"Exif\0\0garbage that is no TIFF"),
        (0xE2, b"ICC_PROFILE\0\1\1no profile"),
        (0xED, b"Photoshop 3.0\08BIM"),
    ]
    strange += [(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff"), (0xE2, b"MPF\0II*\0\xff\xff"), (0xE2, b"ICC_PROFILE\0\7\1x")]
    for marker, body in strange:
        segment = bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body
        assert np.array_equal(decode(whole[:2] + segment + whole[2:]).rgb, decode(whole).rgb), (hex(marker), body)


@pytest.mark.parametrize(("marker", "bits", "name"), [(0xC3, 8, "lossless"), (0xC1, 12, "12 bit"), (0xF7, 8, "LS")])
def test_what_cannot_be_read_is_called_by_its_name(marker: int, bits: int, name: str) -> None:
    whole = saved(QUARTERS, "JPEG")
    at = whole.index(b"\xff\xc0")
    with pytest.raises(UserError) as caught:
        decode(whole[: at + 1] + bytes((marker, 0, 17, bits)) + whole[at + 5 :])
    assert (caught.value.code, caught.value.detail["found"]) == ("image_format_unsupported", f"JPEG ({name})")


def test_a_jpeg_with_two_frame_headers_is_called_so() -> None:
    whole = saved(QUARTERS, "JPEG")
    at = whole.index(b"\xff\xc0")
    end = at + 2 + int.from_bytes(whole[at + 2 : at + 4], "big")
    with pytest.raises(UserError) as caught:
        decode(whole[:end] + whole[at:])
    assert (caught.value.code, caught.value.detail["found"]) == ("image_format_unsupported", "JPEG (several frames)")
