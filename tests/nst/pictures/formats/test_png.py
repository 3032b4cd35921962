"""Every kind of PNG: remarks break none, and colours are those that Chromium shows."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nst.errors import UserError
from nst.pictures.decode import decode
from nst.pictures.formats.icc import rgb_profile
from nst.pictures.header import inspect
from tests.picture_samples import chunk, noise, packed, png, quarters, seen

QUARTERS = quarters()

DEPTHS = (
    [(0, d) for d in (1, 2, 4, 8, 16)] + [(3, d) for d in (1, 2, 4, 8)] + [(t, d) for t in (2, 4, 6) for d in (8, 16)]
)


@pytest.mark.parametrize("transparent", [False, True])
@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour_type", "depth"), DEPTHS)
def test_every_kind_of_png(colour_type: int, depth: int, interlaced: bool, transparent: bool) -> None:
    rng = np.random.default_rng(depth)
    stored = rng.integers(0, 1 << depth, (23, 37, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour_type]))
    stored[5:9] = stored[5, 5]  # a key colour meets more than one pixel
    opacity = np.ones(stored.shape[:2])
    levels: NDArray[Any] = stored * 255 / ((1 << depth) - 1)
    before = b""
    if colour_type == 3:
        colours = rng.integers(0, 256, (1 << depth, 3))
        levels, before = colours[stored[..., 0]], chunk(b"PLTE", colours.astype(np.uint8).tobytes())
    if colour_type in {4, 6}:
        levels, opacity = levels[..., :-1], levels[..., -1] / 255
    if transparent and colour_type == 3:
        opacities = rng.integers(0, 255, 1 << depth)
        before += chunk(b"tRNS", opacities.astype(np.uint8).tobytes())
        opacity = opacities[stored[..., 0]] / 255
    elif transparent:
        before += chunk(b"tRNS", packed(stored[5, 5], 16))  # which has no meaning beside an alpha channel
        opacity = np.where((stored == stored[5, 5]).all(axis=2), 0, opacity) if colour_type in {0, 2} else opacity
    picture = decode(png(stored, colour_type, depth, interlaced=interlaced, before=before))
    alpha = np.ones_like(opacity) if picture.alpha is None else picture.alpha
    assert np.abs(alpha - opacity).max() <= 1 / 255
    assert np.abs(np.where(opacity[..., None] > 2 / 255, seen(picture) - levels, 0)).max() <= 1
    assert picture.notices == ()


def test_a_deep_key_colour_has_to_be_met_in_all_its_bits() -> None:
    stored = QUARTERS.astype(np.int64) * 257
    key = stored[0, 0] + (0, 0, 1)
    assert decode(png(stored, 2, 16, before=chunk(b"tRNS", packed(key, 16)))).alpha is None


def fixed(*values: float) -> bytes:
    return packed(np.array([round(value * 100_000) for value in values]), 32)


P3 = (0.3127, 0.3290, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
REC709_CHROMATICITIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
LARGE_TEXT = b"prompt\0\0" + zlib.compress(bytes(3 << 20))
REMARKS = {
    "large text": chunk(b"zTXt", LARGE_TEXT),
    "large international text": chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(b"{}" * (1 << 20))),
    "much text": chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1 << 20))) * 70,
    "text packed in a strange way": chunk(b"zTXt", b"a\0\7abc"),
    "text without an end": chunk(b"iTXt", b"nothing else"),
    "short gamma": chunk(b"gAMA", b"\0\1"),
    "no gamma": chunk(b"gAMA", fixed(0)),
    "short colours": chunk(b"cHRM", fixed(0.3)),
    "colours alone": chunk(b"cHRM", fixed(*P3)),
    "gamma with colours that are none": chunk(b"gAMA", fixed(1)) + chunk(b"cHRM", fixed(*[0.3] * 8)),
    "no intent": chunk(b"sRGB"),
    "short size": chunk(b"pHYs", b"\0\1"),
    "short key": chunk(b"tRNS", b"\0"),
    "profile without a name": chunk(b"iCCP", b"\0\0" + zlib.compress(b"x")),
    "profile that is none": chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(2 << 20))),
    "profile that ends early": chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(300))[:-6]),
    "empty profile": chunk(b"iCCP"),
    "no EXIF": chunk(b"eXIf", b"garbage, not a TIFF"),
    "cut EXIF": chunk(b"eXIf", b"MM\0*\0\0\0\x08\xff\xff"),
    "EXIF as text": chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n  4\nzzzz")),
    "broken animation": chunk(b"acTL", bytes(2)) + chunk(b"fcTL", b"\0"),
    "animation of nothing": chunk(b"acTL", bytes(8)),
    "frame elsewhere": chunk(b"acTL", b"\0\0\0\2\0\0\0\0") + chunk(b"fcTL", b"\0\0\0\0" + b"\0\0\1\0" * 4 + bytes(6)),
    "short date": chunk(b"tIME", b"\7"),
    "other program's": chunk(b"caBX", bytes(70_000)) + chunk(b"vpAg", b"1"),
    "strange name": chunk(b"a\0!1", b"1"),
}
KINDS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"pHYs", b"tRNS", b"bKGD", b"tIME", b"eXIf")
REMARKS |= {f"{kind.decode()} with a wrong checksum": chunk(kind, b"a\0\0" + bytes(60), crc=7) for kind in KINDS}


@pytest.mark.parametrize("where", ["before", "after"])
@pytest.mark.parametrize("remarks", REMARKS.values(), ids=REMARKS)
def test_no_remark_breaks_a_png(remarks: bytes, where: str) -> None:
    data = png(QUARTERS, **{where: remarks})  # type: ignore[arg-type]
    assert inspect(data).width_px == 96
    picture = decode(data)
    assert np.array_equal(np.rint(seen(picture)), QUARTERS)
    assert (picture.alpha, picture.notices) == (None, ())


# What Chromium 156 shows of QUARTERS' first colour, (220, 40, 40).
GAMMA = chunk(b"gAMA", fixed(1))
P3_GAMMA = chunk(b"gAMA", fixed(0.45455)) + chunk(b"cHRM", fixed(*P3))
AS_CHROMIUM = {
    "linear": (GAMMA, (239, 110, 110)),
    "0.55": (chunk(b"gAMA", fixed(0.55)), (227, 52, 52)),
    "2.2": (chunk(b"gAMA", fixed(0.45455)), (220, 40, 40)),
    "2.2 with primaries": (
        chunk(b"gAMA", fixed(0.45455)) + chunk(b"cHRM", fixed(*REC709_CHROMATICITIES)),
        (221, 35, 35),
    ),
    "P3": (P3_GAMMA, (241, 0, 10)),
    "linear P3": (GAMMA + chunk(b"cHRM", fixed(*P3)), (255, 100, 106)),
    "the first gamma counts": (GAMMA + chunk(b"gAMA", fixed(0.45455)), (239, 110, 110)),
    "sRGB ranks before gamma": (GAMMA + chunk(b"sRGB", b"\0"), (220, 40, 40)),
    "an intent that is none does not": (GAMMA + chunk(b"sRGB", b"\7"), (239, 110, 110)),
    "a profile that is none does not": (GAMMA + chunk(b"iCCP", b"x\0\0" + zlib.compress(b"none")), (239, 110, 110)),
    "P3 by its code point": (chunk(b"cICP", bytes((12, 13, 0, 1))), (240, 0, 21)),
    "linear by its code point": (chunk(b"cICP", bytes((1, 8, 0, 1))), (239, 110, 110)),
    "Rec. 2020": (chunk(b"cICP", bytes((9, 13, 0, 1))) + GAMMA, (255, 0, 23)),
}


@pytest.mark.parametrize(("remarks", "shown"), AS_CHROMIUM.values(), ids=AS_CHROMIUM)
def test_a_png_without_a_profile_has_the_colours_it_names(remarks: bytes, shown: tuple[int, int, int]) -> None:
    assert np.abs(seen(decode(png(QUARTERS, before=remarks)))[0, 0] - shown).max() <= 3


def test_greys_have_a_gamma_as_well() -> None:
    picture = decode(png(QUARTERS[..., :1], 0, before=GAMMA + chunk(b"cHRM", fixed(*P3))))
    assert np.abs(seen(picture)[0, 0] - 239).max() <= 1


@pytest.mark.parametrize("name", [b"sRGB IEC61966-2.1", b"x"])
def test_a_png_profile_is_applied_whatever_its_size(name: bytes) -> None:
    profile = rgb_profile(lambda level: level)
    large = profile[:128] + profile[128:] + bytes(3 << 20)
    large = len(large).to_bytes(4, "big") + large[4:]
    for made in (profile, large):
        data = png(QUARTERS, before=chunk(b"iCCP", name + b"\0\0" + zlib.compress(made)) + chunk(b"sRGB", b"\0"))
        assert np.abs(seen(decode(data))[0, 0] - (239, 110, 110)).max() <= 1


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize("share", [0.99, 0.97])
@pytest.mark.parametrize("colour_type", [0, 2, 3, 6])
def test_a_png_without_its_last_percents_is_painted_as_far_as_it_goes(
    colour_type: int, share: float, interlaced: bool
) -> None:
    rough = noise(400, 300)
    stored = {0: rough[..., :1], 2: rough, 3: rough[..., :1] >> 2, 6: np.dstack([rough, rough[..., 0] | 1])}[
        colour_type
    ]
    palette = chunk(b"PLTE", np.arange(192, dtype=np.uint8).tobytes()) if colour_type == 3 else b""
    whole = png(stored, colour_type, interlaced=interlaced, before=palette)
    picture, right = decode(whole[: int(len(whole) * share)]), decode(whole)
    assert (picture.notices, right.notices) == (("picture_cut_off",), ())
    assert np.mean(np.abs(picture.rgb - right.rgb).max(axis=2) > 16 / 255) < 0.1
    with pytest.raises(UserError, match="image_truncated"):
        decode(whole[: len(whole) * 2 // 3])


def test_a_png_without_its_last_chunk_or_with_its_pixels_apart_is_whole() -> None:
    whole = png(QUARTERS)
    at, end = whole.index(b"IDAT") - 4, whole.index(b"IEND") - 4
    size = int.from_bytes(whole[at : at + 4], "big")
    pixels = whole[at + 8 : at + 8 + size]
    apart = (
        whole[:at] + chunk(b"IDAT", pixels[:40]) + chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", pixels[40:]) + whole[end:]
    )
    for data in (whole[:end], whole[: end - 4], apart):
        picture = decode(data)
        assert np.array_equal(np.rint(seen(picture)), QUARTERS)
        assert picture.notices == ()


def test_rows_that_were_never_stored_are_no_black_bar() -> None:
    rough = noise(80, 60)
    rows = b"".join(b"\0" + row.tobytes() for row in rough[:57])
    whole = png(rough)
    at = whole.index(b"IDAT") - 4
    picture = decode(whole[:at] + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND"))
    assert picture.notices == ("picture_cut_off",)
    assert np.array_equal(picture.rgb[56], picture.rgb[59])


def test_an_animation_without_its_default_picture_begins_with_its_first_frame() -> None:
    other = QUARTERS[::-1]
    whole = png(other)
    at = whole.index(b"IDAT") - 4
    frame = whole[at + 8 : at + 8 + int.from_bytes(whole[at : at + 4], "big")]
    size = packed(np.array([96, 64]), 32)
    moves = chunk(b"acTL", packed(np.array([2, 0]), 32))
    control = [chunk(b"fcTL", packed(np.array([n]), 32) + size + bytes(8) + b"\0\1\0\x0a\0\0") for n in range(3)]
    data = chunk(b"fdAT", packed(np.array([1]), 32) + frame)
    hidden = decode(png(QUARTERS, before=moves, after=control[0] + data + control[2] + data))
    shown = decode(png(QUARTERS, before=moves + control[0], after=control[1] + data))
    assert np.array_equal(np.rint(seen(hidden)), other)
    assert np.array_equal(np.rint(seen(shown)), QUARTERS)
    assert (hidden.frames, shown.frames) == (2, 2)


def test_apples_own_png_is_called_by_its_name() -> None:
    data = png(QUARTERS)
    with pytest.raises(UserError) as caught:
        inspect(data[:8] + chunk(b"CgBI", b"\x50\0\x20\x02") + data[8:])
    assert caught.value.code == "image_format_unsupported"
    assert "CgBI" in str(caught.value.detail["found"])
