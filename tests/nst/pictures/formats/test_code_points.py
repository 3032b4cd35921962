"""Colours said by code points (PNG's cICP, the nclx of AVIF and HEIC) are those that Chromium shows, HDR as well."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nst.pictures.decode import decode
from nst.pictures.formats.icc import code_points, rgb_profile
from tests.picture_samples import chunk, png, saved, seen

GREY, RED, GREEN, MIXED, SKY = ((1, 1, 1), (1, 0, 0), (0, 1, 0), (1, 0.5, 0.25), (0.6, 0.8, 1))
ROWS = (GREY, RED, GREEN, MIXED, SKY)
ROW_PX, STEP = 16, 32
HLG_RED = (0, 17, 49, 80, 111, 151, 210, 255)
# What Chromium 156's screen shows at levels 0, 32, 64 ... 224 of each row.
SHOWN: dict[tuple[int, int], dict[int, list[tuple[int, int, int]]]] = {
    (9, 16): {
        0: [(v, v, v) for v in (0, 5, 30, 70, 132, 213, 255, 255)],
        2: [(0, v, 0) for v in (0, 6, 32, 75, 140, 226, 255, 255)],
        4: [
            *((0, 0, 0), (0, 3, 5), (0, 19, 31), (0, 46, 73)),
            *((0, 83, 137), (0, 127, 222), (0, 141, 255), (0, 127, 255)),
        ],
    },
    (9, 18): {
        0: [(v, v, v) for v in (0, 14, 43, 71, 99, 135, 189, 228)],
        1: [(v, 0, 0) for v in HLG_RED],
        3: [
            *((0, 0, 0), (17, 2, 0), (49, 11, 2), (80, 23, 5)),
            *((112, 35, 9), (151, 45, 14), (211, 49, 17), (255, 27, 10)),
        ],
    },
    (1, 18): {1: [(v, 0, 0) for v in (0, 11, 36, 61, 86, 117, 165, 234)]},
    (12, 16): {1: [(v, 0, 0) for v in (0, 6, 34, 78, 145, 247, 255, 255)]},
    (12, 13): {1: [(v, 0, 0) for v in (0, 36, 71, 106, 141, 175, 210, 245)]},
    (9, 13): {2: [(0, v, 0) for v in (0, 34, 68, 102, 136, 169, 203, 237)]},
}


def ramps() -> NDArray[np.uint8]:
    """Every level, left to right, in each of the rows' colours."""
    rows = np.arange(256)[None, :, None] * np.array(ROWS)[:, None, :]
    return np.repeat(rows.round().astype(np.uint8), ROW_PX, axis=0)


def png_saying(primaries: int, transfer: int) -> bytes:
    return png(ramps(), before=chunk(b"cICP", bytes((primaries, transfer, 0, 1))))


def png_with_a_profile(primaries: int, transfer: int) -> bytes:
    profile = rgb_profile(lambda level: level, code_points=(primaries, transfer))
    return saved(ramps(), "PNG", icc_profile=profile)


def avif_saying(primaries: int, transfer: int) -> bytes:
    data = saved(ramps(), "AVIF", quality=100, subsampling="4:4:4", range="full")
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def heic_saying(primaries: int, transfer: int) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    file, said = io.BytesIO(), {"color_primaries": primaries, "transfer_characteristics": transfer}
    made = pillow_heif.from_pillow(Image.fromarray(ramps()))
    made.save(file, quality=100, chroma=444, matrix_coefficients=6, full_range_flag=1, **said)
    return file.getvalue()


def farthest(data: bytes, shown: dict[int, Any]) -> float:
    levels = seen(decode(data))[ROW_PX // 2 :: ROW_PX, ::STEP]
    return float(max(np.abs(levels[row] - colours).max() for row, colours in shown.items()))


@pytest.mark.parametrize(
    ("made", "levels"), [(png_saying, 1.5), (avif_saying, 6), (heic_saying, 6)], ids=["png", "avif", "heic"]
)
@pytest.mark.parametrize("said", SHOWN)
def test_a_gradient_has_the_colours_of_its_code_points(
    made: Callable[[int, int], bytes], levels: float, said: tuple[int, int]
) -> None:
    assert farthest(made(*said), SHOWN[said]) <= levels


def test_a_profile_may_say_the_code_points_of_high_dynamic_range() -> None:
    assert farthest(png_with_a_profile(9, 16), SHOWN[9, 16]) <= 1.5


def test_what_is_not_specified_is_srgb() -> None:
    for made in (avif_saying, heic_saying):
        assert np.abs(seen(decode(made(2, 2))) - ramps()).max() <= 6


def test_a_broken_table_of_tags_says_no_code_points() -> None:
    profile = rgb_profile(lambda level: level, code_points=(9, 16))
    assert code_points(profile) == (9, 16)
    at = profile.index(b"cicp", 132)
    lost = profile[: at + 4] + b"\xff" * 8 + profile[at + 12 :]
    assert [code_points(data) for data in (b"", profile[:140], lost)] == [None] * 3
