"""Every kind of BMP, as Chromium shows it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from numpy.typing import NDArray

from nst.errors import UserError
from nst.pictures.decode import decode
from nst.pictures.header import inspect
from tests.picture_samples import COLOURS, bmp, noise, packed, quarters, seen

OPAQUE = np.insert(quarters(), 3, 255, axis=2)
PARTLY = OPAQUE.copy()
PARTLY[:32, :48, 3], PARTLY[:32, 48:, 3] = 0, 128
BGRA = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


@pytest.mark.parametrize("top_down", [False, True])
@pytest.mark.parametrize(
    ("bits", "masks", "header_bytes"),
    [
        (16, (), 40),
        (16, (0xF800, 0x7E0, 0x1F), 40),
        (16, (0x1F, 0x7E0, 0xF800), 40),
        (16, (0xF800, 0x7E0, 0x1F), 52),
        (16, (0xF00, 0xF0, 0xF), 108),
        (24, (), 40),
        (24, (), 124),
        (32, (), 40),
        (32, (), 124),
        (32, (0xFF0000, 0xFF00, 0xFF), 40),
        (32, (0xFF, 0xFF00, 0xFF0000), 52),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0), 108),
        (32, (0x3FF00000, 0xFFC00, 0x3FF), 40),
        (32, (0x1F << 20, 0x3F << 8, 0x7F), 56),
    ],
)
def test_colours_are_found_wherever_their_bits_are(
    bits: int, masks: tuple[int, ...], header_bytes: int, top_down: bool
) -> None:
    # Whatever lies where no channel is: nobody sees it.
    data = bmp(PARTLY if header_bytes == 40 else OPAQUE, bits, masks, header_bytes=header_bytes, top_down=top_down)
    picture = decode(data)
    step = 255 / (2 ** min(8, min((mask.bit_count() for mask in masks if mask), default=5 if bits == 16 else 8)) - 1)
    assert picture.alpha is None
    assert np.abs(seen(picture) - quarters()).max() <= max(1, step / 2)


@pytest.mark.parametrize(
    ("bits", "masks", "header_bytes", "compression"),
    [
        (32, BGRA, 56, 3),
        (32, BGRA, 108, 3),
        (32, BGRA, 124, 3),
        (32, BGRA, 40, 6),
        (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), 124, 3),
        (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF), 124, 3),
        (16, (0xF00, 0xF0, 0xF, 0xF000), 108, 3),
        (16, (0x7C00, 0x3E0, 0x1F, 0x8000), 124, 3),
    ],
)
def test_alpha_is_found_where_a_field_is_named_for_it(
    bits: int, masks: tuple[int, ...], header_bytes: int, compression: int
) -> None:
    picture = decode(bmp(PARTLY, bits, masks, header_bytes=header_bytes, compression=compression))
    assert picture.alpha is not None
    tolerance = 255 / (2 ** min(8, masks[3].bit_count()) - 1) / 2
    there = picture.alpha > 0
    assert np.abs(picture.alpha * 255 - PARTLY[..., 3]).max() <= max(1, tolerance)
    assert np.abs(seen(picture) - quarters())[there].max() <= 9


@pytest.mark.parametrize("header_bytes", [40, 108, 124])
def test_a_fourth_byte_that_nobody_names_is_no_alpha(header_bytes: int) -> None:
    data = bmp(PARTLY, 32, BGRA, header_bytes=header_bytes, compression=0)
    assert decode(bmp(PARTLY, 32, header_bytes=header_bytes)).alpha is None
    assert header_bytes == 40 or decode(data).alpha is None


@pytest.mark.parametrize("header_bytes", [56, 108, 124])
def test_an_alpha_of_nothing_is_painted_as_opaque(header_bytes: int) -> None:
    hidden = OPAQUE.copy()
    hidden[..., 3] = 0
    picture = decode(bmp(hidden, 32, BGRA, header_bytes=header_bytes))
    assert picture.alpha is None
    assert np.array_equal(np.rint(seen(picture)), quarters())


def indexed(bits: int, header_bytes: int = 40, compression: int = 0, pixels: bytes | None = None) -> bytes:
    """The four quarters by a table."""
    indices = np.array([[0, 1], [2, 3]]).repeat(32, 0).repeat(48, 1) % (1 << bits)
    if pixels is None:
        rows = [packed(row, bits) for row in indices[::-1]]
        pixels = b"".join(row.ljust(-(-len(row) // 4) * 4, b"\0") for row in rows)
    entry = 3 if header_bytes == 12 else 4
    colours = COLOURS[: 1 << bits] if header_bytes >= 40 else (*COLOURS, *[(0, 0, 0)] * 252)[: 1 << bits]
    table = b"".join(bytes(colour[::-1]).ljust(entry, b"\0") for colour in colours)
    facts = struct.pack("<iiHHIIiiII", 96, 64, 1, bits, compression, len(pixels), 0, 0, len(colours), 0)
    core = struct.pack("<HHHH", 96, 64, 1, bits)
    header = core if header_bytes == 12 else facts.ljust(header_bytes - 4, b"\0")[: header_bytes - 4]
    start = 18 + len(header) + len(table)
    return b"BM" + struct.pack("<IHHII", start + len(pixels), 0, 0, start, header_bytes) + header + table + pixels


@pytest.mark.parametrize("header_bytes", [12, 16, 40, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_colours_of_a_table(bits: int, header_bytes: int) -> None:
    right = quarters(colours=COLOURS if bits > 1 else COLOURS[:2] * 2)
    assert np.array_equal(np.rint(seen(decode(indexed(bits, header_bytes)))), right)


RIGHT: NDArray[np.uint8] = quarters()
BLACK_LEFT = RIGHT.copy()
BLACK_LEFT[:, :48] = 0
BLACK_TOP = RIGHT.copy()
BLACK_TOP[:32] = 0
ROWS8 = [bytes((48, 0, 48, 1, 0, 0)) if row >= 32 else bytes((48, 2, 48, 3, 0, 0)) for row in range(64)]
ROWS4 = [bytes((48, 0, 48, 0x11, 0, 0)) if row >= 32 else bytes((48, 0x22, 48, 0x33, 0, 0)) for row in range(64)]
SKIPS = [bytes((0, 2, 48, 0, 48, 1, 0, 0)) if row >= 32 else bytes((0, 2, 48, 0, 48, 3, 0, 0)) for row in range(64)]
AS_THEY_ARE = [
    bytes((0, 96)) + (b"\0" * 48 + b"\1" * 48 if row >= 32 else b"\2" * 48 + b"\3" * 48) for row in range(64)
]


@pytest.mark.parametrize(
    ("bits", "compression", "rows", "right"),
    [
        (8, 1, ROWS8, RIGHT),
        (4, 2, ROWS4, RIGHT),
        (8, 1, SKIPS, BLACK_LEFT),
        (8, 1, ROWS8[:32], BLACK_TOP),
        (8, 1, [row + b"\0\0" for row in AS_THEY_ARE], RIGHT),
    ],
)
def test_runs(bits: int, compression: int, rows: list[bytes], right: NDArray[np.uint8]) -> None:
    picture = decode(indexed(bits, 40, compression, b"".join(rows) + b"\0\1"))
    assert np.array_equal(np.rint(seen(picture)), right)


def test_a_bmp_without_its_last_percents_is_painted_as_far_as_it_goes() -> None:
    whole = bmp(noise(100, 100))
    picture = decode(whole[: int(len(whole) * 0.97)])
    assert picture.notices == ("picture_cut_off",)
    assert np.array_equal(picture.rgb[4:], decode(whole).rgb[4:])
    assert np.array_equal(picture.rgb[0], picture.rgb[4])  # rows go upwards: the first ones are lacking
    with pytest.raises(UserError, match="image_truncated"):
        decode(whole[: len(whole) * 2 // 3])


def test_other_formats_inside_are_called_by_their_names() -> None:
    with pytest.raises(UserError) as caught:
        inspect(indexed(8, 40, 5))
    assert (caught.value.code, caught.value.detail["found"]) == ("image_format_unsupported", "BMP (PNG)")
