"""TIFFs of every depth and layout, and which of their pages is painted; as ImageMagick reads them."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nst.errors import UserError
from nst.pictures.decode import Picture, decode
from nst.pictures.formats.icc import rgb_profile
from nst.pictures.header import inspect
from tests.picture_samples import TiffPage, quarters, saved, seen, tiff

RIGHT = quarters()
WIDE = RIGHT.astype(np.int64)
SMALL = quarters(24, 16).astype(np.int64)
GREYS = quarters(colours=((20,), (200,), (90,), (255,)))[..., 0]


def deep(levels: NDArray[np.integer], bits: int) -> NDArray[np.int64]:
    """Levels of 8 bits in ``bits`` bits."""
    return np.rint(levels.astype(np.float64) * ((1 << bits) - 1) / 255).astype(np.int64).reshape(*levels.shape[:2], -1)


def assert_levels(picture: Picture, levels: NDArray[np.integer], tolerance: float = 1) -> None:
    right = levels if levels.ndim == 3 else levels[..., None]
    assert np.abs(seen(picture) - right).max() <= tolerance


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("layout", [{"rows": 7}, {"rows": 64}, {"tile": (32, 48)}])
@pytest.mark.parametrize("compression", [1, 8, 32773])
@pytest.mark.parametrize("bits", [8, 10, 12, 16, 32])
def test_colours_of_any_depth_and_layout(
    bits: int, compression: int, layout: dict[str, object], planar: bool, order: str
) -> None:
    page = TiffPage(deep(RIGHT, bits), bits, planar=planar, compression=compression, **layout)  # type: ignore[arg-type]
    assert_levels(decode(tiff([page], order)), RIGHT, 1 if bits >= 8 else 20)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("bits", [8, 9, 10, 12, 14, 16, 32])
def test_greys_of_any_depth(bits: int, white_is_zero: bool, order: str) -> None:
    stored = deep(GREYS, bits)
    page = TiffPage((1 << bits) - 1 - stored if white_is_zero else stored, bits, 0 if white_is_zero else 1)
    assert_levels(decode(tiff([page], order)), GREYS)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize(
    ("bits", "compression", "predictor"), [(16, 1, 1), (32, 1, 1), (64, 8, 1), (32, 8, 3), (16, 8, 3)]
)
def test_floats(bits: int, compression: int, predictor: int, planar: bool, order: str) -> None:
    page = TiffPage(RIGHT / 255, bits, 2, 3, planar, compression, predictor)
    assert_levels(decode(tiff([page], order)), RIGHT)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("planar", [False, True])
def test_differences_of_neighbours(bits: int, planar: bool) -> None:
    page = TiffPage(deep(RIGHT, bits), bits, planar=planar, compression=8, predictor=2)
    assert_levels(decode(tiff([page])), RIGHT)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "lzma", "zstd", "packbits"])
def test_greys_of_16_bits_that_libtiff_packed(compression: str) -> None:
    image = Image.fromarray(GREYS.astype(np.uint16) * 257)
    assert_levels(decode(saved(image, "TIFF", compression=compression)), GREYS)


def test_numbers_below_zero_are_taken_as_imagemagick_takes_them() -> None:
    stored = (GREYS.astype(np.int64) * 257 - 32768)[..., None]
    assert_levels(decode(tiff([TiffPage(stored, 16, 1, 2)])), GREYS)


@pytest.mark.parametrize("sample_format", [1, 2])
@pytest.mark.parametrize("most", [4000, 2**31 - 1])
def test_greys_of_32_bits_are_taken_by_their_depth_however_small_they_are(sample_format: int, most: int) -> None:
    stored = np.rint(GREYS[..., None] * (most / 255)).astype(np.int64)
    # As ImageMagick shows them: small ones are black, and those that fill a signed number half as bright.
    shown = np.rint(GREYS * (most / (2**32 - 1))).astype(np.int64)
    assert_levels(decode(tiff([TiffPage(stored, 32, 1, sample_format)])), shown)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize("colours", [1, 3])
def test_alpha_multiplied_or_not(colours: int, kind: int, planar: bool, bits: int) -> None:
    levels = RIGHT if colours == 3 else GREYS[..., None]
    alpha = np.full(levels.shape[:2], 255)
    alpha[:, :40] = 128
    stored = np.dstack([levels * (alpha[..., None] / 255) if kind == 1 else levels, alpha])
    page = TiffPage(
        deep(np.rint(stored).astype(int), bits), bits, 2 if colours == 3 else 1, 1, planar, tags={338: [kind]}
    )
    picture = decode(tiff([page]))
    assert picture.alpha is not None
    assert np.abs(picture.alpha * 255 - alpha).max() <= 1
    assert_levels(picture, levels, 2)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", [False, True])
def test_inks(bits: int, planar: bool) -> None:
    page = TiffPage(deep(np.asarray(Image.fromarray(RIGHT).convert("CMYK")), bits), bits, 5, 1, planar)
    assert_levels(decode(tiff([page])), RIGHT, 2)


def test_inks_in_floats() -> None:
    page = TiffPage(np.asarray(Image.fromarray(RIGHT).convert("CMYK")) / 255, 32, 5, 3)
    assert_levels(decode(tiff([page])), RIGHT, 2)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [8, 16])
def test_big_tiff(bits: int, order: str) -> None:
    assert_levels(decode(tiff([TiffPage(deep(RIGHT, bits), bits)], order, big=True)), RIGHT)


def test_deep_pictures_are_turned_and_have_a_profile() -> None:
    stored = deep(np.rot90(RIGHT, 1), 16)
    turned = decode(tiff([TiffPage(stored, 16, tags={274: [6]})]))
    assert_levels(turned, RIGHT)
    assert (turned.width_px, turned.height_px) == (96, 64)
    profile = rgb_profile(lambda level: level)
    data = bytearray(tiff([TiffPage(deep(RIGHT, 16), 16, tags={34675: [0, 0]})]))
    at = data.index(b"\x73\x87\x04\0\2\0\0\0")  # the tag as two LONGs, made what it has to be: bytes, elsewhere
    data[at + 2 : at + 12] = b"\7\0" + len(profile).to_bytes(4, "little") + len(data).to_bytes(4, "little")
    assert np.abs(seen(decode(bytes(data) + profile))[0, 0] - (239, 110, 110)).max() <= 1


@pytest.mark.parametrize("across", [1, 2])
@pytest.mark.parametrize("down", [1, 2])
def test_chroma_of_a_lower_resolution(across: int, down: int) -> None:
    levels = np.asarray(Image.fromarray(RIGHT).convert("YCbCr")).astype(int)
    units = [
        np.concatenate([levels[y : y + down, x : x + across, 0].ravel(), levels[y, x, 1:]])
        for y in range(0, 64, down)
        for x in range(0, 96, across)
    ]
    tags = {256: [96], 257: [64], 258: [8, 8, 8], 277: [3], 278: [64], 339: [1, 1, 1], 530: [across, down]}
    data = tiff([TiffPage(np.concatenate(units).reshape(1, -1, 1), 8, 6, tags=tags)])
    assert_levels(decode(data), RIGHT, 3)


REDUCED, MASK = {254: [1]}, {254: [4]}
DNG = {50706: [1, 4, 0, 0]}
SENSOR = TiffPage(np.arange(96 * 64).reshape(64, 96, 1) * 7 % 65536, 16, 32803, tags=DNG)
MAIN = TiffPage(WIDE)
PAGES = {
    "a thumbnail first": [TiffPage(SMALL, tags=REDUCED), MAIN],
    "one that does not say that it is one": [TiffPage(SMALL), MAIN],
    "one that says it as it was said once": [TiffPage(SMALL, tags={255: [2]}), MAIN],
    "a thumbnail last": [MAIN, TiffPage(SMALL)],
    "the picture below its thumbnail": [TiffPage(SMALL, tags=REDUCED, below=[MAIN])],
    "a deep one below": [
        TiffPage(SMALL, tags=REDUCED, below=[TiffPage(WIDE * 257, 16), TiffPage(SMALL, tags=REDUCED)])
    ],
    "a mask": [TiffPage(np.ones((128, 192, 1), int), 1, 4, tags=MASK), MAIN],
    "nothing but smaller ones": [TiffPage(SMALL, tags=REDUCED), TiffPage(WIDE, tags=REDUCED)],
    "a preview of a sensor's data": [TiffPage(SMALL, tags=REDUCED | DNG, below=[SENSOR, TiffPage(WIDE, tags=REDUCED)])],
}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pages", PAGES.values(), ids=PAGES)
def test_the_picture_is_painted_and_not_its_thumbnail(pages: list[TiffPage], order: str) -> None:
    data = tiff(pages, order)
    header, picture = inspect(data), decode(data)
    assert (header.width_px, header.height_px, header.frames) == (96, 64, 1)
    assert_levels(picture, RIGHT)
    assert picture.notices == ()


def test_several_pages_are_no_animation_and_are_said() -> None:
    picture = decode(tiff([MAIN, TiffPage(WIDE[::-1]), TiffPage(SMALL)]))
    assert_levels(picture, RIGHT)
    assert (picture.frames, picture.notices) == (1, ("one_page_only",))


OTHERS = {
    "DNG (camera RAW)": [TiffPage(SMALL, tags=REDUCED | DNG, below=[SENSOR])],
    "camera RAW": [TiffPage(WIDE * 257, 16, 34892)],
    "TIFF (Lab 16 bit)": [TiffPage(WIDE * 257, 16, 8)],
    "TIFF (palette 16 bit)": [TiffPage(WIDE[..., :1], 16, 3)],
    "TIFF (LogLuv 16 bit)": [TiffPage(WIDE, 16, 32845)],
    "TIFF (8/8/16 bit)": [TiffPage(WIDE, tags={258: [8, 8, 16]})],
    "TIFF (8 bit JPEG 2000)": [TiffPage(WIDE, compression=33005)],
    "TIFF (12 bit JPEG)": [TiffPage(WIDE, 12, compression=7)],
    "TIFF (32 bit complex)": [TiffPage(WIDE, 32, tags={339: [5, 5, 5]})],
}


@pytest.mark.parametrize(("name", "pages"), OTHERS.items(), ids=OTHERS)
def test_what_cannot_be_read_is_called_by_its_name(name: str, pages: list[TiffPage]) -> None:
    with pytest.raises(UserError) as caught:
        inspect(tiff(pages))
    assert (caught.value.code, caught.value.detail["found"]) == ("image_format_unsupported", name)


@pytest.mark.parametrize(("share", "sound"), [(0.97, True), (0.6, False)])
def test_a_deep_picture_without_its_last_strips(share: float, sound: bool) -> None:
    # Its directory first, as scanners write it: what is cut off is pixels.
    page = TiffPage(deep(RIGHT, 16), 16, rows=64)
    data = bytearray(tiff([page]))
    at, size = data.index(b"\x11\1\4\0") + 8, 96 * 64 * 6
    data[at : at + 4] = len(data).to_bytes(4, "little")
    data += data[8 : 8 + int(size * share)]
    if not sound:
        with pytest.raises(UserError, match="image_truncated"):
            decode(bytes(data))
        return
    picture = decode(bytes(data))
    assert_levels(picture, RIGHT)
    assert picture.notices == ("picture_cut_off",)
