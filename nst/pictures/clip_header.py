"""What a content image's header says where it may also be a clip: an animated GIF or WEBP, or a short film.

Light, as ``nst.pictures.header``: frontends refuse a hopeless clip at once. Films (MP4, QuickTime, WEBM) are told by
their signature alone and are taken as content images only, never as a style.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures import webm
from nst.pictures.formats.gif import gif_frames
from nst.pictures.header import DEFAULT_LIMITS, Limits, inspect
from nst.pictures.mp4 import DamagedError, Film, is_mp4, read_film

# How many frames a GIF or WEBP has, and for how long each is shown, read without decoding a single one.
#
# GIF is followed by ``nst.pictures.formats.gif``, WEBP as in Google's "WebP Container Specification".
FOR_EVER = 0


class CutOffError(ValueError):
    """The file ends within a frame."""


@dataclass(frozen=True)
class Frames:
    """An animation's frames.

    Attributes:
        durations_ms: Of each frame, as the file says; 0 is what browsers show for 100 ms.
        plays: How often it is played; ``FOR_EVER`` is 0.
    """

    durations_ms: tuple[int, ...]
    plays: int


def frames_of(data: bytes, image_format: str, at_most: int) -> Frames:
    """Count frames.

    Args:
        data: The whole file.
        image_format: ``GIF`` or ``WEBP``.
        at_most: Counting ends one frame above it.

    Raises:
        CutOffError: The file ends within a frame.
    """
    return (_gif if image_format == "GIF" else _webp)(data, at_most)


def _gif(data: bytes, at_most: int) -> Frames:
    frames = list(islice(gif_frames(data), at_most + 1))
    if not all(frame.whole for frame in frames):
        raise CutOffError
    return Frames(tuple(frame.delay_ms for frame in frames), frames[-1].plays if frames else 1)


def _webp(data: bytes, at_most: int) -> Frames:
    durations: list[int] = []
    at, plays = 12, 1
    while len(durations) <= at_most and at + 8 <= len(data):
        kind, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + size > len(data):
            raise CutOffError
        if kind == b"ANIM":
            plays = int.from_bytes(data[at + 12 : at + 14], "little")
        elif kind == b"ANMF":
            durations.append(int.from_bytes(data[at + 20 : at + 23], "little"))
        at += 8 + size + (size & 1)
    return Frames(tuple(durations), plays)


GIF, WEBP, MP4 = "image/gif", "image/webp", "video/mp4"
MEDIA_TYPES = {"GIF": GIF, "WEBP": WEBP, "MP4": MP4, "WEBM": MP4}  # of what is made of each
# Sample descriptions of what is decoded here; the names are those of the registry at mp4ra.org, and Matroska's.
CODECS = ("avc1", "avc3", "hvc1", "hev1", "vp09", "av01", "mp4v", "V_VP9")
_FILMS = ("MP4", "WEBM")


@dataclass(frozen=True)
class ClipLimits:
    """What a clip may be at most; a still picture's limits hold as well.

    Attributes:
        max_duration_s: Of a film.
        slack_s: What containers round up by.
        max_frames: Of any clip.
        max_frame_pixels: Width times height; 4096 x 2304 is above what phones film in.
        max_total_pixels: Of all frames: 10 s of that at 30 frames a second are as much work as we do.
    """

    max_duration_s: float = 10.0
    slack_s: float = 0.1
    max_frames: int = 600
    max_frame_pixels: int = 4096 * 2304
    max_total_pixels: int = 300 * 4096 * 2304


CLIP_LIMITS = ClipLimits()


@dataclass(frozen=True)
class ContentHeader:
    """What a content image's header says.

    Attributes:
        format: One of ``image_signature.READABLE``, or ``MP4`` or ``WEBM``.
        width_px: As stored.
        height_px: As stored.
        frames: 1 for a still picture; of an MP4 in fragments and of a WEBM 2, which means "several".
    """

    format: str
    width_px: int
    height_px: int
    frames: int

    @property
    def animated(self) -> bool:
        """Whether every frame of it can be painted."""
        return self.format in _FILMS or (self.frames > 1 and self.format in MEDIA_TYPES)


def inspect_content(
    data: bytes,
    options: StyleOptions | None = None,
    limits: Limits = DEFAULT_LIMITS,
    clip_limits: ClipLimits = CLIP_LIMITS,
) -> ContentHeader:
    """Read a content image's header and hold it against the limits. Decodes nothing.

    Args:
        data: The whole file.
        options: What is to be done with it; a GIF's frames do not count where only its first one is painted.
        limits: For every picture.
        clip_limits: For what moves.

    Raises:
        UserError: One of the ``image_*`` or ``clip_*`` codes.
    """
    if is_film(data):
        return _film(data, limits, clip_limits)
    header = inspect(data, limits)
    if header.format not in MEDIA_TYPES or header.frames < 2:
        return ContentHeader(header.format, header.width_px, header.height_px, header.frames)
    if options is not None and not options.moves:
        return ContentHeader(header.format, header.width_px, header.height_px, header.frames)
    try:
        frames = len(frames_of(data, header.format, clip_limits.max_frames).durations_ms)
    except CutOffError as error:
        raise UserError("clip_damaged") from error
    if options is not None and frames > 1:
        check_frames(frames, header.width_px, header.height_px, clip_limits)
    return ContentHeader(header.format, header.width_px, header.height_px, frames)


def is_clip(data: bytes, options: StyleOptions, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether every frame of a content image is to be painted.

    Raises:
        UserError: As ``inspect_content``.
    """
    return options.moves and inspect_content(data, options, limits).animated


def is_film(data: bytes) -> bool:
    """Whether some bytes begin as a film."""
    return is_mp4(data) or webm.is_webm(data)


def film_in(data: bytes) -> Film:
    """Read what a file says of its first film.

    Raises:
        UserError: ``clip_damaged`` or ``clip_without_pictures``.
    """
    try:
        film = read_film(data) if is_mp4(data) else webm.read_film(data)
    except DamagedError as error:
        raise UserError("clip_damaged") from error
    if film is None:
        raise UserError("clip_without_pictures")
    return film


def check_frames(frames: int, width_px: int, height_px: int, limits: ClipLimits = CLIP_LIMITS) -> None:
    """Hold a clip's size against the limits.

    Raises:
        UserError: ``clip_too_many_frames`` or ``clip_too_many_pixels``.
    """
    if frames > limits.max_frames:
        raise UserError("clip_too_many_frames", {"allowed": limits.max_frames})
    pixels = width_px * height_px
    if pixels > limits.max_frame_pixels or frames * pixels > limits.max_total_pixels:
        raise UserError("clip_too_many_pixels", {"frames": frames, "width_px": width_px, "height_px": height_px})


def check_duration(duration_s: float, limits: ClipLimits = CLIP_LIMITS) -> None:
    """Hold a film's length against the limits.

    Raises:
        UserError: ``clip_too_long``.
    """
    if duration_s > limits.max_duration_s + limits.slack_s:
        raise UserError("clip_too_long", {"received_s": f"{duration_s:.1f}", "allowed_s": f"{limits.max_duration_s:g}"})


def _film(data: bytes, limits: Limits, clip_limits: ClipLimits) -> ContentHeader:
    if len(data) > limits.max_bytes:
        raise UserError("image_too_many_bytes", {"received_bytes": len(data), "allowed_bytes": limits.max_bytes})
    film = film_in(data)
    if film.codec not in CODECS:
        raise UserError("clip_codec_unsupported", {"found": film.codec if film.codec.isprintable() else "?"})
    check_duration(film.duration_s, clip_limits)
    check_frames(film.frames, film.width_px, film.height_px, clip_limits)
    short, long = sorted((film.width_px, film.height_px))
    if short < limits.min_side_px:
        size = {"width_px": film.width_px, "height_px": film.height_px}
        raise UserError("image_too_small", {**size, "allowed_px": limits.min_side_px})
    if long / short > limits.max_ratio:
        size = {"width_px": film.width_px, "height_px": film.height_px}
        raise UserError("image_too_long", {**size, "allowed_ratio": limits.max_ratio})
    return ContentHeader("MP4" if is_mp4(data) else "WEBM", film.width_px, film.height_px, max(film.frames, 2))
