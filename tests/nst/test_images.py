"""Decoding to what people see, and encoding without the input's metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms

from nst.pictures.decode import Picture, decode, encode, fit, media_type_of, resize
from nst.pictures.formats.icc import grey_profile, rgb_profile
from tests.picture_samples import chunk, png

# Four quarters in four colours: every turn and reflection of it is different.
QUARTERS = np.zeros((32, 48, 3), np.uint8)
QUARTERS[:16, :24] = (220, 40, 40)
QUARTERS[:16, 24:] = (40, 200, 60)
QUARTERS[16:, :24] = (50, 60, 210)
QUARTERS[16:, 24:] = (230, 230, 220)


def saved(image: Image.Image, image_format: str = "PNG", **choices: object) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **choices)
    return file.getvalue()


def levels(picture: Picture) -> NDArray[np.float32]:
    return picture.rgb * 255


@pytest.mark.parametrize("image_format", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_are_exact(image_format: str) -> None:
    picture = decode(saved(Image.fromarray(QUARTERS), image_format))
    assert picture.rgb.dtype == np.float32
    assert picture.alpha is None
    assert np.array_equal(np.rint(levels(picture)), QUARTERS)


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF", "GIF"])
def test_other_formats_are_close(image_format: str) -> None:
    assert np.abs(levels(decode(saved(Image.fromarray(QUARTERS), image_format))) - QUARTERS).mean() < 4


def test_heic() -> None:
    pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(QUARTERS)).save(file, quality=90)
    assert np.abs(levels(decode(file.getvalue())) - QUARTERS).mean() < 4


# EXIF 2.3, tag 0112: what must have been stored for QUARTERS to be seen.
STORED: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    1: lambda seen: seen,
    2: np.fliplr,
    3: lambda seen: np.rot90(seen, 2),
    4: np.flipud,
    5: lambda seen: seen.transpose(1, 0, 2),
    6: lambda seen: np.rot90(seen, 1),
    7: lambda seen: np.rot90(seen, 2).transpose(1, 0, 2),
    8: lambda seen: np.rot90(seen, -1),
}


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation: int, image_format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(np.ascontiguousarray(STORED[orientation](QUARTERS)))
    picture = decode(saved(stored, image_format, exif=exif), max_side_px=48)
    assert picture.rgb.shape == QUARTERS.shape
    assert np.abs(levels(picture) - QUARTERS).mean() < 5


def exif(number: int, before: bytes = b"", *, order: str = "<") -> bytes:
    """EXIF of an orientation, behind other entries."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 1 + len(before) // 12)
    return head + before + struct.pack(order + "HHIHH", 0x0112, 3, 1, number, 0) + bytes(4)


BROKEN_ENTRIES = {
    "of no type": struct.pack("<HHII", 0x10F, 99, 4, 0),
    "beyond the end": struct.pack("<HHII", 0x10F, 2, 400, 1 << 31),
    "of a resolution elsewhere": struct.pack("<HHII", 0x11A, 5, 1, 0xFF),
}


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("entries", BROKEN_ENTRIES.values(), ids=BROKEN_ENTRIES)
def test_broken_entries_of_exif_do_not_leave_a_picture_lying_on_its_side(entries: bytes, image_format: str) -> None:
    stored = Image.fromarray(np.ascontiguousarray(STORED[6](QUARTERS)))
    sound = exif(6, struct.pack("<HHII", 0x10F, 2, 4, 0))
    data = saved(stored, image_format, exif=b"Exif\0\0" + sound)
    assert sound[10:22] in data
    data = data.replace(sound[10:22], entries)
    if image_format == "PNG":
        data = png(np.asarray(stored), before=chunk(b"eXIf", exif(6, entries)))
    assert np.abs(levels(decode(data)) - QUARTERS).mean() < 5


@pytest.mark.parametrize("image_format", ["JPEG", "WEBP", "AVIF", "HEIC"])
@pytest.mark.parametrize("garbage", [b"no TIFF at all here", b"II*\0\xff\xff\xff\xff", b"MM\0*"])
def test_exif_that_is_none_is_passed_over(garbage: bytes, image_format: str) -> None:
    sound = Image.Exif()
    sound[0x010F] = "a camera's name"
    file = io.BytesIO()
    if image_format == "HEIC":
        pillow_heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
        pillow_heif.from_pillow(Image.fromarray(QUARTERS)).save(file, quality=90, exif=sound.tobytes())
    else:
        Image.fromarray(QUARTERS).save(file, image_format, exif=sound)
    data = file.getvalue()
    at = data.index(sound.tobytes()[6:])
    data = data[:at] + garbage.ljust(24, b"\0") + data[at + 24 :]
    assert np.abs(levels(decode(data)) - QUARTERS).mean() < 5


@pytest.mark.parametrize(
    ("name", "size"), [("exif_portrait_6.jpg", (1200, 1800)), ("exif_landscape_3.jpg", (1800, 1200))]
)
def test_orientation_of_a_camera(shared_dir: Path, name: str, size: tuple[int, int]) -> None:
    picture = decode((shared_dir / "images" / "content" / name).read_bytes())
    assert (picture.width_px, picture.height_px) == size
    # The waterfall's pool lies at the bottom, darker than the sky-lit top of the fall.
    assert picture.rgb[: size[1] // 4].mean() != pytest.approx(picture.rgb[-size[1] // 4 :].mean(), abs=0.01)


def exchanged_red_and_blue() -> bytes:
    """A profile whose red primary is sRGB's blue and the other way round."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    table = data[:400].replace(b"rXYZ", b"?XYZ").replace(b"bXYZ", b"rXYZ").replace(b"?XYZ", b"bXYZ")
    return (table + data[400:]).replace("sRGB".encode("utf-16-be"), "else".encode("utf-16-be"))


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_profile_is_applied(image_format: str) -> None:
    data = saved(Image.fromarray(QUARTERS), image_format, icc_profile=exchanged_red_and_blue())
    assert np.abs(levels(decode(data)) - QUARTERS[..., ::-1]).mean() < 5


def test_srgb_profile_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(np.rint(levels(decode(saved(Image.fromarray(QUARTERS), icc_profile=profile)))), QUARTERS)


def linear(name: str, space: str = "RGB") -> bytes:
    """A profile of light itself, under any name."""
    made = grey_profile(lambda level: level) if space == "GRAY" else rgb_profile(lambda level: level)
    text = b"desc" + bytes(4) + (len(name) + 1).to_bytes(4, "big") + name.encode() + bytes(1 + 11 + 67)
    # One tag more: its name, its place and its size, and all others twelve bytes further on.
    count = int.from_bytes(made[128:132], "big")
    table = [made[132 + 12 * i : 144 + 12 * i] for i in range(count)]
    moved = [tag[:4] + (int.from_bytes(tag[4:8], "big") + 12).to_bytes(4, "big") + tag[8:] for tag in table]
    desc = b"desc" + (len(made) + 12).to_bytes(4, "big") + len(text).to_bytes(4, "big")
    body = made[132 + 12 * count :]
    whole = made[4:128] + (count + 1).to_bytes(4, "big") + b"".join(moved) + desc + body + text
    return (len(whole) + 4).to_bytes(4, "big") + whole


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "GIMP built-in Linear sRGB", "anything"])
def test_profiles_are_heeded_by_what_they_say_and_not_by_their_name(name: str, image_format: str) -> None:
    profile = linear(name)
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile))).strip() == name
    choices = {"quality": 95} if image_format in {"JPEG", "WEBP"} else {}
    data = saved(Image.fromarray(QUARTERS), image_format, icc_profile=profile, **choices)
    assert np.abs(levels(decode(data))[4, 4] - (239, 110, 110)).max() < 8


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("space", ["GRAY", "RGB"])
def test_greys_heed_either_kind_of_profile(space: str, image_format: str) -> None:
    grey = Image.new("L", (48, 32), 94)
    picture = decode(saved(grey, image_format, icc_profile=linear("light", space)))
    assert np.abs(levels(picture) - 163).max() <= 1


def test_an_srgb_profile_under_another_name_changes_nothing() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile.replace("sRGB".encode("utf-16-be"), "abcd".encode("utf-16-be"))
    assert np.array_equal(np.rint(levels(decode(saved(Image.fromarray(QUARTERS), icc_profile=profile)))), QUARTERS)


@pytest.mark.parametrize("profile", [b"not a profile", exchanged_red_and_blue()[:200], bytes(1000)])
def test_damaged_profile_is_passed_over(profile: bytes) -> None:
    assert np.array_equal(np.rint(levels(decode(saved(Image.fromarray(QUARTERS), icc_profile=profile)))), QUARTERS)


def test_profile_that_does_not_fit_the_mode_is_passed_over() -> None:
    grey = Image.fromarray(QUARTERS).convert("L")
    data = saved(grey, icc_profile=exchanged_red_and_blue())
    assert np.array_equal(np.rint(levels(decode(data)))[..., 1], np.asarray(grey))


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_grey_one_bit_and_palette(mode: str) -> None:
    image = Image.fromarray(QUARTERS).convert(mode)
    assert np.array_equal(np.rint(levels(decode(saved(image)))), np.asarray(image.convert("RGB")))


def test_sixteen_bits() -> None:
    ramp = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (32, 1))
    picture = decode(saved(Image.fromarray(ramp)))
    assert np.abs(picture.rgb[..., 0] - ramp / 65535).max() <= 0.5 / 255 + 1e-6


def test_sixteen_bits_with_a_transparent_value() -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint16) * 1000, (32, 1))
    picture = decode(saved(Image.fromarray(ramp), transparency=5000))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, ramp == 5000)


@pytest.mark.parametrize("full_scale", [1.0, 255.0])
def test_floating_point_tiff(full_scale: float) -> None:
    ramp = np.tile(np.linspace(0, full_scale, 64, dtype=np.float32), (32, 1))
    picture = decode(saved(Image.fromarray(ramp), "TIFF"))
    assert np.abs(picture.rgb[..., 0] - ramp / full_scale).max() <= 0.5 / 255 + 1e-6


def test_lab_tiff() -> None:
    lab = ImageCms.profileToProfile(
        Image.fromarray(QUARTERS), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    assert np.abs(levels(decode(saved(lab, "TIFF"))) - QUARTERS).mean() < 6


def test_cmyk_of_adobe_and_of_others() -> None:
    cmyk = Image.fromarray(QUARTERS).convert("CMYK")
    adobe = saved(cmyk, "JPEG", quality=95)
    # Pillow always writes Adobe's inverted inks with Adobe's marker; the others' files have neither.
    other = saved(ImageChops.invert(cmyk), "JPEG", quality=95)
    at = other.index(b"\xff\xee")
    other = other[:at] + other[at + 2 + int.from_bytes(other[at + 2 : at + 4], "big") :]
    for data in (adobe, other):
        assert np.abs(levels(decode(data)) - QUARTERS).mean() < 6


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_alpha_is_kept_aside(mode: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 48).astype(np.uint8), (32, 1))
    if mode == "PA":
        alpha = np.where(alpha > 127, 255, 0).astype(np.uint8)
    image = Image.fromarray(QUARTERS).convert("L" if mode == "LA" else "RGB")
    image.putalpha(Image.fromarray(alpha))
    data = saved(image, "GIF" if mode == "PA" else "PNG")
    picture = decode(data)
    assert picture.alpha is not None
    assert np.array_equal(np.rint(picture.alpha * 255), alpha)
    assert picture.rgb.shape == QUARTERS.shape


def test_opaque_alpha_is_none() -> None:
    assert decode(saved(Image.fromarray(QUARTERS).convert("RGBA"))).alpha is None


def test_hidden_colours_are_the_mean_of_the_visible() -> None:
    image = Image.fromarray(QUARTERS)
    image.putalpha(Image.fromarray(np.where(np.arange(48) < 24, 0, 255).astype(np.uint8)[None].repeat(32, 0)))
    picture = decode(saved(image))
    assert np.allclose(picture.rgb[0, 0] * 255, QUARTERS[:, 24:].reshape(-1, 3).mean(0), atol=0.01)
    assert np.array_equal(np.rint(levels(picture))[:, 24:], QUARTERS[:, 24:])


def test_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime")]
    picture = decode(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.frames > 1
    assert np.array_equal(np.rint(picture.rgb[3, 3] * 255), (255, 0, 0))


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_max_side_is_kept_to_the_pixel(image_format: str) -> None:
    big = Image.fromarray(QUARTERS).resize((2400, 1600), Image.Resampling.NEAREST)
    picture = decode(saved(big, image_format), max_side_px=150)
    assert (picture.width_px, picture.height_px) == (150, 100)
    small = decode(saved(Image.fromarray(QUARTERS).resize((150, 100), Image.Resampling.NEAREST), "PNG"))
    assert np.abs(picture.rgb - small.rgb).mean() < 0.01


def test_large_photographs_are_decoded_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """24 megapixels never exist in memory when 768 are wanted: Pillow is asked for an eighth, a quarter or a half."""
    loaded: list[tuple[int, int]] = []
    load = Image.Image.load

    def recording(image: Image.Image) -> object:
        loaded.append(image.size)
        return load(image)

    data = saved(Image.fromarray(QUARTERS).resize((6000, 4000), Image.Resampling.NEAREST), "JPEG")
    monkeypatch.setattr(Image.Image, "load", recording)
    picture = decode(data, max_side_px=768)
    assert (picture.width_px, picture.height_px) == (768, 512)
    assert loaded
    assert max(width for width, _ in loaded) == 1500


def test_fit_never_enlarges() -> None:
    picture = decode(saved(Image.fromarray(QUARTERS)))
    assert fit(picture, 1000) is picture
    assert (fit(picture, 24).width_px, fit(picture, 24).height_px) == (24, 16)


def test_resize_weighs_colours_by_opacity() -> None:
    rgb = np.zeros((40, 40, 3), np.float32)
    rgb[:, 20:] = (1, 0.5, 0)
    picture = Picture(rgb, (rgb[..., 0] > 0).astype(np.float32))
    smaller = resize(picture, 13, 13)
    assert smaller.alpha is not None
    seen = smaller.alpha > 0.05
    assert np.abs(smaller.rgb[seen] - (1, 0.5, 0)).max() < 0.02
    assert 0 <= smaller.rgb.min() <= smaller.rgb.max() <= 1


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_encoding_comes_back(media_type: str) -> None:
    picture = decode(saved(Image.fromarray(QUARTERS)))
    assert np.abs(decode(encode(picture, media_type)).rgb - picture.rgb).mean() < 0.02


@pytest.mark.parametrize("media_type", ["image/png", "image/webp"])
def test_alpha_is_encoded(media_type: str) -> None:
    alpha = np.tile(np.linspace(0, 1, 48, dtype=np.float32), (32, 1))
    picture = Picture(QUARTERS.astype(np.float32) / np.float32(255), alpha)
    again = decode(encode(picture, media_type))
    assert again.alpha is not None
    assert np.abs(again.alpha - alpha).max() < 0.01
    assert media_type_of(again) == "image/png"


def test_jpeg_lays_transparency_on_white() -> None:
    picture = Picture(np.zeros((32, 32, 3), np.float32), np.zeros((32, 32), np.float32))
    assert decode(encode(picture, "image/jpeg")).rgb.min() > 0.99


def test_jpeg_has_full_colour_resolution() -> None:
    with Image.open(io.BytesIO(encode(decode(saved(Image.fromarray(QUARTERS)))))) as image:
        assert [layer[1:3] for layer in image.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_metadata_is_left_behind(media_type: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home, 12 Secret Street"
    exif.get_ifd(0x8825)[1] = "N"
    data = saved(Image.fromarray(QUARTERS), "JPEG", exif=exif, comment=b"Secret", icc_profile=exchanged_red_and_blue())
    made = encode(decode(data), media_type)
    assert b"Secret" in data
    assert b"Secret" not in made
    with Image.open(io.BytesIO(made)) as image:
        assert not image.getexif()
        assert not {"icc_profile", "comment", "xmp", "exif"} & set(image.info)


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png", "image/webp"])
def test_max_bytes(media_type: str) -> None:
    noise = Picture(np.random.default_rng(3).random((300, 400, 3), dtype=np.float32))
    whole = encode(noise, media_type)
    part = encode(noise, media_type, max_bytes=len(whole) // 8)
    assert len(part) <= len(whole) // 8
    assert decode(part).width_px / decode(part).height_px == pytest.approx(4 / 3, abs=0.02)


def test_max_bytes_lowers_quality_before_size() -> None:
    noise = Picture(np.random.default_rng(3).random((300, 400, 3), dtype=np.float32))
    part = encode(noise, max_bytes=len(encode(noise)) * 2 // 3)
    assert decode(part).width_px == 400


def test_unknown_media_type() -> None:
    with pytest.raises(ValueError, match="image/tiff"):
        encode(Picture(np.zeros((20, 20, 3), np.float32)), "image/tiff")


def test_every_shared_picture_decodes(shared_dir: Path) -> None:
    for path in sorted((shared_dir / "images").glob("*/*.*g")):
        picture = decode(path.read_bytes(), max_side_px=128)
        assert max(picture.width_px, picture.height_px) == 128, path.name
