"""Pictures in and out: bytes to float32 sRGB and back, without the input's metadata.

A picture is decoded as people see it: turned as EXIF says, its ICC profile applied, its
transparency kept aside. Only the first frame of an animation is taken.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from nst.errors import UserError
from nst.pictures.formats.cut_off import CUT_OFF
from nst.pictures.formats.tiff import OTHER_PAGES
from nst.pictures.formats.tiff_pages import orientation
from nst.pictures.header import DEFAULT_LIMITS, HOSTILE_INPUT, Limits, damaged, open_image
from nst.pictures.to_srgb import split_alpha, to_srgb

Pixels = NDArray[np.float32]
Bytes = NDArray[np.uint8]

JPEG = "image/jpeg"
PNG = "image/png"
WEBP = "image/webp"
_QUALITY_STEPS = (85, 75, 65, 55)
_SCALE_STEP = 0.8
_SMALLEST_SIDE_PX = 64
_ROWS = 256  # handled at once: no second copy of a large picture
_DRAFTED = frozenset({"JPEG", "WEBP", "HEIC"})
_GAP = 3.0  # Pillow's word for how much larger a picture stays before its last, good resampling
_LARGE_PX, _HUGE_PX = 24_000_000, 100_000_000
_NEARLY = 0.2  # of a large one by which it may get too small at first


@dataclass(frozen=True)
class Picture:
    """A decoded picture.

    Attributes:
        rgb: Non-linear sRGB, float32 [height, width, 3], 0..1.
        alpha: Opacity, float32 [height, width], 0..1, or None if all is opaque.
        frames: Frames of the file it comes from; more than 1 for animations.
        notices: Codes of what people should know about how it was read.
    """

    rgb: Pixels
    alpha: Pixels | None = None
    frames: int = 1
    notices: tuple[str, ...] = ()

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        return int(self.rgb.shape[1])

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        return int(self.rgb.shape[0])


class Seen(NamedTuple):
    """A picture's pixels as people see them, in 8 bits; ``Picture`` is made from them.

    Attributes:
        colour: sRGB, mode RGB.
        alpha: Opacity, mode L, or None.
        facts: The other fields of ``Picture``, as JSON scalars.
    """

    colour: Image.Image
    alpha: Image.Image | None
    facts: Mapping[str, Any]

    def write(self, file: IO[bytes]) -> dict[str, Any]:
        """Write the pixels for another process's ``picture_from``, and return what it has to be told."""
        for plane in filter(None, [self.colour, self.alpha]):
            for top in range(0, plane.height, _ROWS):
                rows = plane.crop((0, top, plane.width, min(top + _ROWS, plane.height)))
                file.write(rows.tobytes())
        return {"size": self.colour.size, "alpha": self.alpha is not None, "facts": dict(self.facts)}


def decode(data: bytes, max_side_px: int | None = None, limits: Limits = DEFAULT_LIMITS) -> Picture:
    """Decode a picture as people see it.

    Where a picture is wholly transparent its colour is the mean of what is visible: nobody sees it,
    and no method meets the edges and colours that happen to lie hidden there.

    Args:
        data: The whole file: JPEG, PNG, WEBP, GIF, BMP, TIFF, HEIC or AVIF.
        max_side_px: Longer side of the result at most; large photographs decode much cheaper with it.
        limits: What is allowed; held against the header before anything is decoded.

    Raises:
        UserError: One of the ``image_*`` codes.
    """
    return _picture(*seen(data, max_side_px, limits))


def seen(data: bytes, max_side_px: int | None, limits: Limits) -> Seen:
    """All of ``decode`` that touches the file."""
    image, header = open_image(data, limits)
    try:
        colour, alpha = _as_seen(image, header.format, max_side_px)
    except HOSTILE_INPUT as error:
        raise damaged(data, header.format) from error
    notices = [code for name, code in _NOTICES.items() if image.info.get(name)]
    if alpha is None or limits.transparent or alpha.getbbox():
        return Seen(colour, alpha, {"frames": header.frames, "notices": notices})
    # Nothing of it can be seen: what lies hidden is painted, if there is anything.
    if all(low == high for low, high in (band.getextrema() for band in colour.split())):
        raise UserError("image_invisible")
    return Seen(colour, None, {"frames": header.frames, "notices": [*notices, "picture_transparent"]})


def reduced(data: bytes, max_side_px: int, limits: Limits, paper: tuple[int, int, int], quality: int) -> bytes:
    """A picture as a small upright JPEG; arguments as ``nst.pictures.decoder.Decoder.reduced`` has them."""
    picture = seen(data, max_side_px, limits)
    sheet = picture.colour
    if picture.alpha:
        sheet = Image.new("RGB", sheet.size, paper)
        sheet.paste(picture.colour, mask=picture.alpha)
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=quality)
    return file.getvalue()


def frame_of(image: ImageFile.ImageFile, width_px: int, height_px: int) -> Picture:
    """The frame at which an open animation stands, as people see it.

    Args:
        image: A GIF or WEBP from ``image_header.open_image``; it is decoded here and may raise ``HOSTILE_INPUT``.
        width_px: Of the result.
        height_px: Of the result.
    """
    return _picture(*seen_frame(image, width_px, height_px))


def seen_frame(image: ImageFile.ImageFile, width_px: int, height_px: int) -> Seen:
    """All of ``frame_of`` that touches the file."""
    image.load()
    colour, alpha = _shrunk(*_parted(image, (width_px, height_px)), (width_px, height_px))
    return Seen(to_srgb(colour, image.info.get("icc_profile")), alpha, {})


def picture_from(file: IO[bytes], words: Mapping[str, Any]) -> Picture:
    """The picture that another process has ``seen``.

    Args:
        file: What ``Seen.write`` has written.
        words: What it returned.
    """
    width, height = words["size"]
    planes = [
        np.empty((height, width, 3), np.uint8),
        *([np.empty((height, width), np.uint8)] if words["alpha"] else []),
    ]
    for plane in planes:
        if file.readinto(plane.data) != plane.nbytes:  # type: ignore[attr-defined]
            raise UserError("image_truncated")
    return _picture(planes[0], planes[1] if words["alpha"] else None, words["facts"])


def _picture(colour: Image.Image | Bytes, alpha: Image.Image | Bytes | None, facts: Mapping[str, Any]) -> Picture:
    rgb = _unit(colour)
    facts = {name: tuple(value) if isinstance(value, list) else value for name, value in facts.items()}
    if alpha is None:
        return Picture(rgb, None, **facts)
    opacity = _unit(alpha)
    return Picture(_hidden_filled(rgb, opacity), opacity, **facts)


def _unit(image: Image.Image | Bytes) -> Pixels:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def _as_seen(
    image: ImageFile.ImageFile, image_format: str, max_side_px: int | None
) -> tuple[Image.Image, Image.Image | None]:
    size = fitted_size(image.width, image.height, max_side_px)
    if image_format in _DRAFTED:
        nearly = image.width * image.height > _HUGE_PX
        # JPEG at 1/2, 1/4 or 1/8, the others at what is near twice the size.
        image.draft(None, fitted_size(*size, int((1 - _NEARLY) * max(size))) if nearly else size)
    image.load()
    if image_format == "TIFF":
        size = fitted_size(image.width, image.height, max_side_px)  # Pillow turns TIFFs while loading them
    turn = _TURNS.get(orientation(image.info.get("exif") or b""))
    colour, alpha = _shrunk(*_parted(image, size), size)
    colour = to_srgb(colour, image.info.get("icc_profile"))
    if turn is None:
        return colour, alpha
    return colour.transpose(turn), alpha.transpose(turn) if alpha else None


def _parted(image: ImageFile.ImageFile, size: tuple[int, int]) -> tuple[Image.Image, Image.Image | None]:
    """Colour and opacity; of a picture that is much larger than ``size`` reduced, with no second copy of all of it."""
    ratio = min(image.width / size[0], image.height / size[1])
    large = image.width * image.height > _LARGE_PX
    factor = int(ratio + _NEARLY) if large else int(ratio / _GAP)
    if factor < 2:
        return split_alpha(image)
    rows = factor * max(1, _ROWS // factor)
    strips = [_strip(image, top, rows, factor) for top in range(0, image.height, rows)]
    width, height = strips[0][0].width, sum(colour.height for colour, _ in strips)
    made, opacity = Image.new(strips[0][0].mode, (width, height)), Image.new("L", (width, height), 255)
    top = 0
    for colour, alpha in strips:
        made.paste(colour, (0, top))
        if alpha:
            opacity.paste(alpha, (0, top))
        top += colour.height
    return made, opacity if any(alpha for _, alpha in strips) else None


def _strip(image: ImageFile.ImageFile, top: int, rows: int, factor: int) -> tuple[Image.Image, Image.Image | None]:
    strip = image.crop((0, top, image.width, min(top + rows, image.height)))
    strip.format = image.format
    colour, alpha = split_alpha(strip)
    if alpha is None or not alpha.getbbox():
        return colour.reduce(factor), alpha and alpha.reduce(factor)
    both = Image.merge("LA" if colour.mode == "L" else "RGBA", (*colour.split(), alpha)).reduce(factor)
    return both.convert(colour.mode), both.getchannel("A")


def _shrunk(
    colour: Image.Image, alpha: Image.Image | None, size: tuple[int, int]
) -> tuple[Image.Image, Image.Image | None]:
    if colour.size == size:
        return colour, alpha
    if alpha is None or not alpha.getbbox():
        hidden = Image.new("L", size) if alpha else None
        return colour.resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP), hidden
    # Together, because Pillow then weighs colours by their opacity.
    mode = "LA" if colour.mode == "L" else "RGBA"
    both = Image.merge(mode, (*colour.split(), alpha)).resize(size, Image.Resampling.LANCZOS, reducing_gap=_GAP)
    return both.convert(colour.mode), both.getchannel("A")


def _hidden_filled(rgb: Pixels, alpha: Pixels) -> Pixels:
    hidden = alpha == 0
    if not hidden.any() or hidden.all():
        return rgb
    filled = rgb.copy()
    filled[hidden] = np.average(rgb.reshape(-1, 3), axis=0, weights=alpha.ravel())
    return filled


def fit(picture: Picture, max_side_px: int) -> Picture:
    """Shrink a picture to a longer side of at most ``max_side_px``; never enlarges.

    Args:
        picture: Any size.
        max_side_px: Longer side of the result at most.

    Returns:
        The same object if it fits already.
    """
    size = fitted_size(picture.width_px, picture.height_px, max_side_px)
    return picture if size == (picture.width_px, picture.height_px) else resize(picture, *size)


def fitted_size(width_px: int, height_px: int, max_side_px: int | None) -> tuple[int, int]:
    """Width and height in pixels of a picture whose longer side may be ``max_side_px``; never larger than it is."""
    longer = max(width_px, height_px)
    if max_side_px is None or longer <= max_side_px:
        return width_px, height_px
    scale = max_side_px / longer
    return max(1, round(width_px * scale)), max(1, round(height_px * scale))


def resize(picture: Picture, width_px: int, height_px: int) -> Picture:
    """Resample a picture (Lanczos), colours weighed by their opacity.

    Args:
        picture: Any size.
        width_px: Of the result.
        height_px: Of the result.
    """
    if (width_px, height_px) == (picture.width_px, picture.height_px):
        return picture
    rgb = _resampled(picture.rgb, width_px, height_px)
    if picture.alpha is None:
        return replace(picture, rgb=rgb.clip(0, 1))
    # Lanczos overshoots; clipped only at the end, it does so in colour and opacity alike.
    alpha = _resampled(picture.alpha[..., None], width_px, height_px)
    weighed = _resampled(picture.rgb * picture.alpha[..., None], width_px, height_px)
    visible = np.where(alpha > 1 / 255, weighed / np.maximum(alpha, 1 / 255), rgb)
    return replace(picture, rgb=visible.clip(0, 1), alpha=alpha[..., 0].clip(0, 1))


def _resampled(planes: Pixels, width_px: int, height_px: int) -> Pixels:
    size = (width_px, height_px)
    resized = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(size, Image.Resampling.LANCZOS))
        for plane in np.moveaxis(planes, -1, 0)
    ]
    stacked: Pixels = np.stack(resized, axis=-1)
    return stacked


def encode(picture: Picture, media_type: str = JPEG, quality: int = 92, max_bytes: int | None = None) -> bytes:
    """Encode a picture; nothing of the input's metadata is in it.

    JPEG has full colour resolution (4:4:4): pastiches have fine saturated strokes, which halved
    colour planes smear. JPEG has no transparency: such pictures are laid on white.

    Args:
        picture: What to encode.
        media_type: ``image/jpeg``, ``image/png`` or ``image/webp``.
        quality: 1-100 of JPEG and WEBP; higher is better and larger.
        max_bytes: First the quality, then the size in pixels is lowered until it fits; the smallest
            picture tried is returned if nothing does.

    Returns:
        The file.

    Raises:
        ValueError: Another media type.
    """
    if media_type not in _WRITERS:
        raise ValueError(f"media_type {media_type!r}; known are {', '.join(_WRITERS)}")
    data = b""
    for attempt, attempt_quality in _attempts(picture, media_type, quality):
        data = _encoded(attempt, media_type, attempt_quality)
        if max_bytes is None or len(data) <= max_bytes:
            break
    return data


def media_type_of(picture: Picture) -> str:
    """What a picture is best encoded as: PNG where it has transparency, JPEG otherwise."""
    return JPEG if picture.alpha is None else PNG


def _attempts(picture: Picture, media_type: str, quality: int) -> Iterator[tuple[Picture, int]]:
    yield picture, quality
    if media_type != PNG:
        for lower in _QUALITY_STEPS:
            if lower < quality:
                quality = lower
                yield picture, quality
    while min(picture.width_px, picture.height_px) > _SMALLEST_SIDE_PX:
        longer = max(picture.width_px, picture.height_px)
        picture = fit(picture, int(longer * _SCALE_STEP))
        yield picture, quality


_WRITERS: dict[str, tuple[str, dict[str, Any]]] = {
    # Not optimize: Pillow then needs room for the whole file at once, guesses it, and fails on fine detail.
    JPEG: ("JPEG", {"subsampling": 0}),
    PNG: ("PNG", {}),
    WEBP: ("WEBP", {"method": 4}),
}


def _encoded(picture: Picture, media_type: str, quality: int) -> bytes:
    name, choices = _WRITERS[media_type]
    image = Image.fromarray(_bytes(picture.rgb))
    if picture.alpha is not None:
        image.putalpha(Image.fromarray(_bytes(picture.alpha)))
        if media_type == JPEG:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    file = io.BytesIO()
    image.save(file, name, quality=quality, **choices)
    return file.getvalue()


def _bytes(values: Pixels) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), dtype=np.uint8)


# What is said of what a format's reader has left in ``info``.
_NOTICES = {CUT_OFF: "picture_cut_off", OTHER_PAGES: "one_page_only"}
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
