"""Clips in: an animated GIF or WEBP, or a film, as frames that are decoded one by one.

A clip is decoded more than once (its times, a few frames to know it by, all frames to paint) and never held whole.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nst.errors import UserError
from nst.method import IsCancelled, never_cancelled
from nst.pictures.clip import Timing
from nst.pictures.clip_header import (
    CLIP_LIMITS,
    MEDIA_TYPES,
    MP4,
    CutOffError,
    check_frames,
    film_in,
    frames_of,
    inspect_content,
    is_film,
)
from nst.pictures.decode import Picture, fitted_size, frame_of
from nst.pictures.decoder import ELSEWHERE, Decoder
from nst.pictures.film import read_frames, scan
from nst.pictures.formats.gif import GifFile
from nst.pictures.header import DEFAULT_LIMITS, HOSTILE_INPUT, Limits, open_image
from nst.pictures.mp4 import is_mp4

# Painted frames are no larger: 1024 x 1024 are the most that every network paints in one pass.
MAX_SIDE_PX = 1024
SAMPLES = 4

Frames = Generator[Picture, None, None]
_Read = Callable[[int, int], Frames]


@dataclass(frozen=True)
class Clip:
    """A clip that can be read.

    Attributes:
        media_type: Of its file; a film's is MP4.
        width_px: Of the frames that ``frames`` gives.
        height_px: Of the frames that ``frames`` gives.
        source_side_px: Longer side of its frames in the file.
        timing: When each frame is shown.
        sound_from: A file with its sound, or None.
        may_be_see_through: Whether the file's header leaves that open.
    """

    media_type: str
    width_px: int
    height_px: int
    source_side_px: int
    timing: Timing
    sound_from: Path | None
    _read: _Read
    may_be_see_through: bool = False

    def frames(self) -> Frames:
        """All frames, decoded one after the other; may be asked more than once.

        Raises:
            UserError: ``clip_damaged``.
        """
        given = 0
        with contextlib.closing(self._read(self.width_px, self.height_px)) as frames:
            for frame in frames:
                yield frame
                given += 1
                if given == self.timing.frames:
                    return
        raise UserError("clip_damaged")

    def samples(self, count: int = SAMPLES) -> list[Picture]:
        """Frames spread evenly over the clip, from the middles of as many parts."""
        total = self.timing.frames
        wanted = {(2 * part + 1) * total // (2 * min(count, total)) for part in range(min(count, total))}
        with contextlib.closing(self.frames()) as frames:
            taken = []
            for number, frame in enumerate(frames):
                if number in wanted:
                    taken.append(frame)
                if number == max(wanted):
                    break
        return taken

    def is_see_through(self) -> bool:
        """Whether something of some frame is transparent; looked for in all of them where the header leaves it open."""
        if not self.may_be_see_through:
            return False
        with contextlib.closing(self.frames()) as frames:
            return any(frame.alpha is not None for frame in frames)


@contextlib.contextmanager
def open_clip(
    data: bytes,
    max_side_px: int,
    *,
    even: bool = False,
    decoder: Decoder | None = None,
    cancelled: IsCancelled = never_cancelled,
) -> Iterator[Clip]:
    """Open a clip that ``inspect_content`` has let through.

    Args:
        data: The whole file.
        max_side_px: Longer side of the frames at most; ``MAX_SIDE_PX`` holds as well.
        even: Whether sides must be even numbers, as films' must.
        decoder: Where frames are decoded; None, for clips of our own making, is here. Films have ffmpeg's process.
        cancelled: Asked while a frame is waited for.

    Raises:
        Cancelled: ``cancelled()`` was true.
        UserError: One of the ``image_*`` or ``clip_*`` codes.
        OperatorError: ``extra_missing``: a film, and no ffmpeg.
    """
    side_px = min(max_side_px, MAX_SIDE_PX)
    if is_film(data):
        see_through = film_in(data).see_through
        with _stored(data) as path:
            yield _film(path, side_px, even, see_through, cancelled)
    else:
        yield _animation(data, side_px, even, decoder, cancelled)


def first_frame(
    data: bytes,
    max_side_px: int | None = None,
    limits: Limits = DEFAULT_LIMITS,
    cancelled: IsCancelled = never_cancelled,
) -> Picture:
    """A film's first frame as a still picture.

    Raises:
        UserError: One of the ``clip_*`` codes.
        Cancelled: ``cancelled()`` was true.
    """
    inspect_content(data, limits=limits)
    see_through = film_in(data).see_through
    with _stored(data) as path:
        seen = scan(path, cancelled=cancelled)
        width, height = fitted_size(seen.width_px, seen.height_px, max_side_px)
        with contextlib.closing(read_frames(path, width, height, seen.frame_px, see_through, cancelled)) as frames:
            for pixels in frames:
                return replace(_picture(pixels), frames=max(2, seen.timing.frames))
    raise UserError("clip_damaged")


@contextlib.contextmanager
def _stored(data: bytes) -> Iterator[Path]:
    """The film as a file: its index may be at the end, and ffmpeg has to go there and back."""
    with tempfile.TemporaryDirectory(prefix="pastiche-clip-") as folder:
        path = Path(folder, "clip.mp4" if is_mp4(data) else "clip.webm")
        path.write_bytes(data)
        yield path


def _film(path: Path, side_px: int, even: bool, see_through: bool, cancelled: IsCancelled) -> Clip:
    seen = scan(path, cancelled=cancelled)

    def read(width_px: int, height_px: int) -> Frames:
        for pixels in read_frames(path, width_px, height_px, seen.frame_px, see_through, cancelled):
            yield _picture(pixels)

    size = _size(seen.width_px, seen.height_px, side_px, even)
    longer = max(seen.width_px, seen.height_px)
    return Clip(MP4, *size, longer, seen.timing, path if seen.sound else None, read, see_through)


def _animation(data: bytes, side_px: int, even: bool, decoder: Decoder | None, cancelled: IsCancelled) -> Clip:
    limits = decoder.limits if decoder else replace(DEFAULT_LIMITS, max_bytes=sys.maxsize)
    image, header = open_image(data, limits)
    try:
        frames = frames_of(data, header.format, CLIP_LIMITS.max_frames)
    except CutOffError as error:
        raise UserError("clip_damaged") from error
    check_frames(len(frames.durations_ms), header.width_px, header.height_px)
    timing = Timing(tuple(float(ms) for ms in frames.durations_ms), frames.plays)

    def read_apart(width_px: int, height_px: int, decoder: Decoder) -> Frames:
        try:
            yield from decoder.frames(data, timing.frames, width_px, height_px, cancelled)
        except UserError as error:  # what crashed it, too
            costly = error.code in {"image_too_costly", "clip_too_costly"}
            raise UserError("clip_too_costly" if costly else "clip_damaged") from error

    def read(width_px: int, height_px: int) -> Frames:
        if decoder is not None and ELSEWHERE:
            yield from read_apart(width_px, height_px, decoder)
            return
        image, _ = open_image(data, limits)
        for number in range(timing.frames):
            try:
                image.seek(number)
                yield frame_of(image, width_px, height_px)
            except HOSTILE_INPUT as error:
                raise UserError("clip_damaged") from error

    size = _size(image.width, image.height, side_px, even)
    see_through = header.has_alpha or (isinstance(image, GifFile) and image.takes_away)
    return Clip(MEDIA_TYPES[header.format], *size, max(image.size), timing, None, read, see_through)


def _size(width_px: int, height_px: int, side_px: int, even: bool) -> tuple[int, int]:
    width, height = fitted_size(width_px, height_px, side_px)
    return (max(2, width - width % 2), max(2, height - height % 2)) if even else (width, height)


def _picture(pixels: NDArray[np.uint8]) -> Picture:
    """A frame of three or four channels; one that is opaque everywhere has no alpha."""
    rgb, alpha = pixels[..., :3], pixels[..., 3:]
    return Picture(_unit(rgb), _unit(alpha[..., 0]) if alpha.size and alpha.min() < 255 else None)


def _unit(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(rgb, np.float32) / np.float32(255)
