"""A whole clip: every frame painted alike, written as it is made.

What a method learns from pictures (style vectors, statistics, colour maps) it learns once, from frames spread over
the clip; after that a frame's pixels depend on that frame alone. Where the picture stands still its noise is taken
out first (``Steady``). One frame is in memory at a time; the result is written to a file of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import IO, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from nst.errors import Cancelled
from nst.method import IsCancelled, Notice, Progress, Report
from nst.options import StyleOptions
from nst.pictures.clip import Timing
from nst.pictures.clip_header import GIF, MP4, WEBP
from nst.pictures.clips import Clip, open_clip
from nst.pictures.decode import Picture, fit
from nst.pictures.decoder import Decoder
from nst.pictures.film import FilmWriter
from nst.pictures.gif import GifWriter
from nst.pictures.webp import WebpWriter

# Takes a camera's noise out of a clip before it is painted.
#
# A style network makes strokes of what it sees, and noise is different in every frame: measured on a still scene, the
# painted frames differ up to four times as much as the filmed ones. So a pixel follows what is filmed slowly where
# only noise changes it, and at once where something moves: the recursive temporal filter of Dubois and Sabri 1984,
# "Noise reduction in image sequences using motion-compensated temporal filtering", with motion detected instead of
# compensated.
Floats = NDArray[np.float32]

# Of a new frame, where nothing moves. Noise that is independent from frame to frame then changes a pixel by
# slowness / sqrt(2 - slowness) = 0.11 of what it did.
_SLOWNESS = np.float32(0.15)
# Mean change around a pixel, of the range 0..1: noise below, movement above.
_NOISE, _MOVEMENT = 6 / 255, 12 / 255
_AROUND_PX = 5


class Steady:
    """Remembers what was seen; one per clip, asked once per frame in order."""

    def __init__(self) -> None:
        self._seen: Floats | None = None

    def __call__(self, rgb: Floats) -> Floats:
        """The frame without its noise.

        Args:
            rgb: ``[h, w, 3]`` float32 0..1.

        Returns:
            ``[h, w, 3]`` float32 0..1; the first frame and what moves as they are.
        """
        if self._seen is None:
            self._seen = rgb
            return rgb
        change = rgb - self._seen
        around = uniform_filter(np.abs(change).mean(axis=-1), _AROUND_PX, mode="nearest")
        moving = np.clip((around - np.float32(_NOISE)) / np.float32(_MOVEMENT - _NOISE), 0, 1)
        share = _SLOWNESS + (1 - _SLOWNESS) * moving
        self._seen = self._seen + share[..., None] * change
        return self._seen


_PALETTE_SIDE_PX = 256
_MOST_ATTEMPTS = 5
_UNBOUNDED = 1 << 40
_LEAST_MS = 20.0  # browsers slow a GIF's shorter frames down


class ClipPainter(Protocol):
    """Paints a clip's frames.

    Attributes:
        method: The method's name.
        model: Identity of its weights, "" where there are none.
        notices: What the user should know.
    """

    method: str
    model: str
    notices: tuple[Notice, ...]

    def paint(self, frame: Picture) -> Floats:
        """A frame's pixels, ``[h, w, 3]`` float32 0..1."""


@runtime_checkable
class Animating(Protocol):
    """A method that paints clips; its name is in ``options.ANIMATING``."""

    def begin_clip(self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions) -> ClipPainter:
        """Learn from a clip's samples all that stays the same for every frame.

        Args:
            samples: Frames spread over the clip, at least one.
            styles: One to four style images.
            options: What the user chose; strength is above 0.

        Raises:
            PasticheError: As ``Method.stylize``.
        """


@dataclass(frozen=True)
class PaintedClip:
    """A clip that was made.

    Attributes:
        data: The file.
        media_type: ``image/gif``, ``image/webp`` or ``video/mp4``.
        width_px: Of its frames.
        height_px: Of its frames.
        frames: How many.
        method: The method that really made it.
        model: Identity of its weights.
        notices: What the user should know.
    """

    data: bytes
    media_type: str
    width_px: int
    height_px: int
    frames: int
    method: str
    model: str = ""
    notices: tuple[Notice, ...] = ()


class Unpainted:
    """A ``ClipPainter`` for strength 0: the frames as they are."""

    model = ""
    notices: tuple[Notice, ...] = ()

    def __init__(self, method: str) -> None:
        self.method = method

    def paint(self, frame: Picture) -> Floats:
        """The frame's own pixels."""
        return frame.rgb


def paint_clip(
    data: bytes,
    media_type: str,
    max_side_px: int,
    begin: Callable[[Sequence[Picture]], ClipPainter],
    report: Report,
    cancelled: IsCancelled,
    max_bytes: int | None = None,
    decoder: Decoder | None = None,
) -> PaintedClip:
    """Paint a clip's frames one by one.

    Args:
        data: The whole file, an animated GIF or WEBP or a film.
        media_type: What to write; alpha is laid on white in an MP4, sound is kept from film to film.
        max_side_px: Longer side of the frames at most.
        begin: Makes the painter from samples.
        report: Told about every frame, as a step.
        cancelled: Asked before every frame.
        max_bytes: Films get fewer bits, animations fewer pixels, until it fits.
        decoder: Where the clip's frames are decoded; None for here.

    Raises:
        Cancelled: ``cancelled()`` was true.
        PasticheError: What reading the clip or the method has to say.
    """
    with open_clip(data, max_side_px, even=media_type == MP4, decoder=decoder, cancelled=cancelled) as clip:
        _check(cancelled)
        report(Progress(0.0, 0, clip.timing.frames))
        samples = clip.samples()
        painter = begin(samples)
        steady = Steady() if not isinstance(painter, Unpainted) else _as_it_is

        def painted(frame: Picture) -> Picture:
            rgb = painter.paint(replace(frame, rgb=steady(frame.rgb)))
            return Picture(rgb.clip(0, 1), frame.alpha)

        def told(done: int, picture: Picture) -> None:
            report(Progress(0.98 * done / clip.timing.frames, done, clip.timing.frames, preview=lambda: picture))

        colours = _colours(samples, painter) if media_type == GIF else samples
        made = _written(clip, media_type, colours, painted, told, cancelled, max_bytes)
        made = _fitted(made, media_type, max(clip.width_px, clip.height_px), cancelled, max_bytes)
        with open_clip(made, max_side_px) as result:
            size, frames = (result.width_px, result.height_px), result.timing.frames
        report(Progress(1.0, clip.timing.frames, clip.timing.frames))
        notices = (*_size_notice(clip, max_side_px), *painter.notices)
        return PaintedClip(made, media_type, *size, frames, painter.method, painter.model, notices)


def _as_it_is(rgb: Floats) -> Floats:
    return rgb


def _colours(samples: Sequence[Picture], painter: ClipPainter) -> list[Picture]:
    """What the clip's colours will be; small copies have them as well."""
    small = [fit(sample, _PALETTE_SIDE_PX) for sample in samples]
    return [Picture(painter.paint(sample).clip(0, 1), sample.alpha) for sample in small]


def _size_notice(clip: Clip, max_side_px: int) -> tuple[Notice, ...]:
    """Said only where the user would have got more of a still picture."""
    painted_px = max(clip.width_px, clip.height_px)
    if painted_px + 1 >= min(clip.source_side_px, max_side_px):
        return ()
    return (Notice("clip_smaller", {"side_px": painted_px}),)


def _written(
    clip: Clip,
    media_type: str,
    samples: Sequence[Picture],
    change: Callable[[Picture], Picture],
    told: Callable[[int, Picture], None],
    cancelled: IsCancelled,
    max_bytes: int | None,
) -> bytes:
    """All frames of a clip, changed, as a file."""
    with tempfile.TemporaryDirectory(prefix="pastiche-clip-") as folder, ExitStack() as stack:
        path = Path(folder, "out")
        timing, kept = _timing(clip, media_type)
        add, finish = _writer(stack, path, clip, timing, media_type, samples, max_bytes or _UNBOUNDED)
        for number, frame in enumerate(clip.frames()):
            _check(cancelled)
            if number not in kept:
                continue
            picture = change(frame)
            add(picture)
            told(number + 1, picture)
        finish()
        stack.close()
        return path.read_bytes()


def _timing(clip: Clip, media_type: str) -> tuple[Timing, frozenset[int]]:
    """When a clip's frames are shown in another format, and which are."""
    every = frozenset(range(clip.timing.frames))
    if media_type == MP4:
        return (clip.timing if clip.media_type == MP4 else clip.timing.as_shown()), every
    if clip.media_type == MP4:
        return clip.timing.thinned(_LEAST_MS)
    return clip.timing, every


def _writer(
    stack: ExitStack,
    path: Path,
    clip: Clip,
    timing: Timing,
    media_type: str,
    samples: Sequence[Picture],
    max_bytes: int,
) -> tuple[Callable[[Picture], None], Callable[[], None]]:
    """Functions that write a frame, and the end."""
    size = (clip.width_px, clip.height_px)
    if media_type == MP4:
        film = stack.enter_context(FilmWriter(path, *size, timing, clip.sound_from, max_bytes))
        return (lambda picture: film.add(_on_white(picture))), _nothing
    file: IO[bytes] = stack.enter_context(path.open("w+b"))
    see_through = any(sample.alpha is not None for sample in samples) or clip.is_see_through()
    if media_type == WEBP:
        webp = WebpWriter(file, *size, timing, see_through)
        return webp.add, webp.finish
    gif = GifWriter(file, *size, timing, samples, see_through)
    return gif.add, gif.finish


def _fitted(made: bytes, media_type: str, side_px: int, cancelled: IsCancelled, max_bytes: int | None) -> bytes:
    """The same clip in at most ``max_bytes``: smaller copies of the frames that were painted."""
    for _ in range(_MOST_ATTEMPTS):
        if max_bytes is None or len(made) <= max_bytes:
            break
        side_px = int(side_px * min(0.9, 0.95 * sqrt(max_bytes / len(made))))
        with open_clip(made, side_px, even=media_type == MP4) as large:
            made = _written(large, media_type, large.samples(), _same, _untold, cancelled, max_bytes)
    return made


def _same(picture: Picture) -> Picture:
    return picture


def _nothing() -> None:
    """A film's end comes with its context's."""


def _untold(done: int, picture: Picture) -> None:
    """Nobody waits for a copy."""


def _on_white(picture: Picture) -> NDArray[np.uint8]:
    rgb = picture.rgb
    if picture.alpha is not None:
        rgb = rgb * picture.alpha[..., None] + (1 - picture.alpha[..., None])
    return np.ascontiguousarray(np.rint(rgb.clip(0, 1) * 255).astype(np.uint8))


def _check(cancelled: IsCancelled) -> None:
    if cancelled():
        raise Cancelled
