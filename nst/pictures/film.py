"""Films by way of ffmpeg, a program of its own: what it reads is somebody's file, so it reads that and nothing else.

It is told the demuxer, the decoders, the protocols and the largest frame; it gets no network, no standard input,
bounded memory and no more time than ``Patience`` has. It ends with whoever started it.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from nst.errors import Cancelled, OperatorError, UserError
from nst.method import IsCancelled, never_cancelled
from nst.pictures.clip import Timing, rounded
from nst.pictures.clip_header import CLIP_LIMITS, ClipLimits, check_duration, check_frames
from nst.pictures.confinement import confined
from nst.pictures.patience import Patience

# Raw frames with a time for each, as a Matroska stream: how ffmpeg is told when every frame is shown.
#
# Raw video in a pipe has a constant rate only; clips have not. One cluster per frame (RFC 9559), no index, and a size
# that is not known in advance, so that it can be written while it is read.
_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_TICK_NS = 1000
_VIDEO = 1


def stream_head(width_px: int, height_px: int) -> bytes:
    """What comes before the first frame.

    Args:
        width_px: Of every frame.
        height_px: Of every frame.
    """
    file = _element(
        "1A45DFA3",
        _whole("4286", 1),
        _whole("42F7", 1),
        _whole("42F2", 4),
        _whole("42F3", 8),
        _element("4282", b"matroska"),
        _whole("4287", 4),
        _whole("4285", 2),
    )
    information = _element("1549A966", _whole("2AD7B1", _TICK_NS), _element("4D80", b"p"), _element("5741", b"p"))
    video = _element("E0", _whole("B0", width_px), _whole("BA", height_px), _element("2EB524", b"RGB\x18"))
    track = _element(
        "AE", _whole("D7", 1), _whole("73C5", 1), _whole("83", _VIDEO), _element("86", b"V_UNCOMPRESSED"), video
    )
    return file + bytes.fromhex("18538067") + _UNKNOWN_SIZE + information + _element("1654AE6B", track)


def stream_frame(rgb: bytes, start_us: int, duration_us: int) -> Sequence[bytes]:
    """One frame, in parts that are written one after the other.

    Args:
        rgb: Its pixels, three bytes each, row by row.
        start_us: When it is shown, microseconds from the stream's start.
        duration_us: For how long.
    """
    block_head = b"\x81\x00\x00\x00"
    duration = _whole("9B", duration_us)
    block = _head("A1", len(block_head) + len(rgb)) + block_head
    group_size = len(block) + len(rgb) + len(duration)
    start = _whole("E7", start_us)
    group = _head("A0", group_size)
    cluster = _head("1F43B675", len(start) + len(group) + group_size)
    return cluster + start + group + block, rgb, duration


def _element(name: str, *body: bytes) -> bytes:
    joined = b"".join(body)
    return _head(name, len(joined)) + joined


def _head(name: str, size: int) -> bytes:
    return bytes.fromhex(name) + (size | 1 << 56).to_bytes(8, "big")


def _whole(name: str, value: int) -> bytes:
    return _element(name, value.to_bytes(8, "big"))


_SCAN_S = 30.0
_EXIT_S = 0.5
_FINISH_S = 30.0
_ASK_S = 0.1
_PART_BYTES = 1 << 20
_MEMORY_BYTES = 1 << 30
_WRITING_BYTES = 1 << 32  # encoders take a share for each core
_CPU_S = 300.0
_SUFFIX_OF_WEBM = ".webm"
_DECODERS = "h264,hevc,vp9,libvpx-vp9,av1,libdav1d,mpeg4,aac,mp3,mp3float"
_CLOCK = 90_000  # ticks a second: exact for 24, 25, 30, 50 and 60 frames a second
_HIGHEST_RATE = 12_000_000


@dataclass(frozen=True)
class Scan:
    """What decoding a film once has shown.

    Attributes:
        width_px: As shown: turned as the file says, pixels square.
        height_px: As shown.
        timing: When each frame is shown.
        sound: Whether it has sound that can be decoded.
    """

    width_px: int
    height_px: int
    timing: Timing
    sound: bool

    @property
    def frame_px(self) -> int:
        """Pixels of a frame."""
        return self.width_px * self.height_px


def scan(path: Path, limits: ClipLimits = CLIP_LIMITS, cancelled: IsCancelled = never_cancelled) -> Scan:
    """Decode a film without keeping it, and note every frame's time.

    Args:
        path: The file; ``clip_header`` has looked at it.
        limits: What is allowed; decoding ends where they do.
        cancelled: Asked ten times a second.

    Raises:
        Cancelled: ``cancelled()`` was true.
        UserError: One of the ``clip_*`` codes.
        OperatorError: ``extra_missing``: there is no ffmpeg.
    """
    most = ["-frames:v", str(limits.max_frames + 1)]
    every = [
        "-map",
        "0:V:0",
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "demux",
        *most,
        "-f",
        "framecrc",
        "-flush_packets",
        "1",
        "-",
    ]
    patience = Patience()
    lines = _run([*_reading(path, limits), *every], patience, cancelled).decode().splitlines()
    head = dict(line[1:].split(" 0: ", 1) for line in lines if line.startswith("#") and " 0: " in line)
    packets = [[int(field) for field in line.split(",")[1:4]] for line in lines if line.startswith("0,")]
    if not packets:
        raise UserError("clip_damaged")
    width, height = _as_shown(head["dimensions"], head.get("sar", "0/1"))
    timing = _timing(packets, Fraction(head["tb"]))
    check_frames(timing.frames, width, height, limits)
    check_duration((timing.start_ms + sum(timing.durations_ms)) / 1000, limits)
    return Scan(width, height, timing, _has_sound(path, limits, patience, cancelled))


def read_frames(
    path: Path,
    width_px: int,
    height_px: int,
    source_px: int,
    alpha: bool = False,
    cancelled: IsCancelled = never_cancelled,
) -> Generator[NDArray[np.uint8], None, None]:
    """A film's frames, one after the other.

    Args:
        path: The file, ``scan`` has read it.
        width_px: To which every frame is scaled.
        height_px: To which every frame is scaled.
        source_px: Pixels of a frame as ``scan`` has seen them.
        alpha: Whether to read opacity, too.
        cancelled: Asked ten times a second while a frame is waited for.

    Yields:
        ``[height_px, width_px, 3]`` sRGB, 0..255; with ``alpha`` 4 channels.

    Raises:
        Cancelled: ``cancelled()`` was true.
        UserError: ``clip_damaged``.
    """
    scaled = f"scale={width_px}:{height_px}:flags=lanczos+accurate_rnd+full_chroma_int"
    raw = ["-map", "0:V:0", "-vf", scaled, "-fps_mode", "passthrough", "-f", "rawvideo"]
    channels = 4 if alpha else 3
    raw += ["-pix_fmt", "rgba" if alpha else "rgb24", "-"]
    size, patience = width_px * height_px * channels, Patience()
    with _started([*_reading(path, CLIP_LIMITS), *raw], stdout=subprocess.PIPE) as process:
        while pixels := _exactly(cast("IO[bytes]", process.stdout), size, patience, cancelled):
            patience.came(source_px)
            yield np.frombuffer(pixels, np.uint8).reshape(height_px, width_px, channels)


class FilmWriter:
    """Writes an MP4 (H.264, and AAC where there is sound) frame by frame; a context manager.

    Args:
        path: Where to; complete when the context ends without an exception.
        width_px: Even.
        height_px: Even.
        timing: Of the frames to come.
        sound_from: A film whose sound is taken, or None.
        max_bytes: The rate of bits is kept low enough for it.
    """

    def __init__(
        self, path: Path, width_px: int, height_px: int, timing: Timing, sound_from: Path | None, max_bytes: int
    ) -> None:
        self._size = (width_px, height_px)
        self._durations_us = list(reversed(rounded(timing.durations_ms, 0.001)))
        self._now_us = 0
        self._command = [*self._pictures(timing), *self._sound(sound_from, timing), *self._target(path, max_bytes)]
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> FilmWriter:
        """Start ffmpeg."""
        self._process = self._stack.enter_context(_started(self._command, _WRITING_BYTES, stdin=subprocess.PIPE))
        self._pipe = cast("IO[bytes]", self._process.stdin)
        self._write(stream_head(*self._size))
        return self

    def add(self, rgb: NDArray[np.uint8]) -> None:
        """Write the next frame, ``[height_px, width_px, 3]``."""
        duration_us = self._durations_us.pop()
        for part in stream_frame(rgb.tobytes(), self._now_us, duration_us):
            self._write(part)
        self._now_us += duration_us

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Let ffmpeg finish, or end it where something went wrong."""
        with self._stack:
            if kind is None:
                self._pipe.close()
                if self._process.wait(_FINISH_S):
                    raise OSError(f"ffmpeg ended with {self._process.returncode}")

    def _write(self, data: bytes) -> None:
        self._pipe.write(data)

    def _pictures(self, timing: Timing) -> list[str]:
        return ["-itsoffset", f"{timing.start_ms / 1000:.6f}", "-f", "matroska", "-i", "pipe:0"]

    def _sound(self, source: Path | None, timing: Timing) -> list[str]:
        if source is None:
            return ["-map", "0:v:0"]
        end_s = (timing.start_ms + sum(timing.durations_ms)) / 1000
        heard = ["-t", f"{end_s:.6f}", *_input(source, CLIP_LIMITS), "-map", "0:v:0", "-map", "1:a:0"]
        return [*heard, "-c:a", "aac", "-b:a", "128k"]

    def _target(self, path: Path, max_bytes: int) -> list[str]:
        seconds = max(0.5, sum(self._durations_us) / 1e6)
        rate = min(_HIGHEST_RATE, int(max_bytes * 8 * 0.85 / seconds))
        # In the order in which they are shown: else the last frame's duration is another one's.
        coding = [
            "-bf",
            "0",
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "20",
            "-maxrate",
            str(rate),
            "-bufsize",
            str(rate),
        ]
        colours = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
        pixels = ["-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", *colours]
        clock = ["-fps_mode", "passthrough", "-enc_time_base", f"1:{_CLOCK}", "-video_track_timescale", str(_CLOCK)]
        plain = ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"]
        return [*pixels, *coding, *clock, *plain, "-movflags", "+faststart", "-f", "mp4", "-y", str(path)]


def _as_shown(dimensions: str, aspect: str) -> tuple[int, int]:
    """Size with square pixels."""
    width, height = (int(side) for side in dimensions.split("x"))
    wide, high = (int(part) for part in aspect.split("/"))
    if wide > high > 0:
        width = round(width * min(4.0, wide / high))
    elif high > wide > 0:
        height = round(height * min(4.0, high / wide))
    return width, height


def _timing(packets: list[list[int]], tick: Fraction) -> Timing:
    """Each frame lasts until the next one."""
    starts = [start for _, start, _ in packets]
    last = packets[-1][2]
    ends = [*starts[1:], starts[-1] + (last or (starts[-1] - starts[0]) // max(1, len(starts) - 1))]
    durations = tuple(float(max(0, end - start) * tick * 1000) for start, end in zip(starts, ends, strict=True))
    return Timing(durations, plays=0, start_ms=float(max(0, starts[0]) * tick * 1000))


def _has_sound(path: Path, limits: ClipLimits, patience: Patience, cancelled: IsCancelled) -> bool:
    try:
        _run([*_reading(path, limits), "-map", "0:a:0", "-f", "null", "-"], patience, cancelled)
    except UserError:
        return False
    return True


def _reading(path: Path, limits: ClipLimits) -> list[str]:
    return [*_input(path, limits), "-sn", "-dn"]


def _input(path: Path, limits: ClipLimits) -> list[str]:
    safe = ["-protocol_whitelist", "file", "-codec_whitelist", _DECODERS, "-max_pixels", str(limits.max_frame_pixels)]
    # Of VP9 only libvpx's decoder reads what is transparent.
    kind = ["-f", "matroska", "-c:v", "libvpx-vp9"] if path.suffix == _SUFFIX_OF_WEBM else ["-f", "mov"]
    return [*safe, "-threads", "2", "-filter_threads", "2", *kind, "-i", f"file:{path}"]


def _run(arguments: list[str], patience: Patience, cancelled: IsCancelled) -> bytes:
    """What ffmpeg writes to its standard output: a line for each frame."""
    ends_s = time.monotonic() + _SCAN_S
    with _started(arguments, stdout=subprocess.PIPE) as process:
        written, known = bytearray(), 0
        while part := _some(cast("IO[bytes]", process.stdout), _PART_BYTES, patience, cancelled):
            written += part
            end = written.rfind(b"\n") + 1
            for line in written[known:end].splitlines():
                if line.startswith(b"0,"):
                    patience.came(int(line.split(b",")[4]))  # bytes: one to two for a pixel
            known = max(known, end)
            if time.monotonic() > ends_s:
                raise UserError("clip_too_costly")
        try:
            code = process.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            code = 1
        if code:
            raise UserError("clip_damaged")
    return bytes(written)


@contextlib.contextmanager
def _started(
    arguments: list[str],
    memory_bytes: int = _MEMORY_BYTES,
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
) -> Iterator[subprocess.Popen[bytes]]:
    """A running ffmpeg; it never outlives the context."""
    quiet = [_program(), "-hide_banner", "-nostdin", "-v", "quiet"]
    process = subprocess.Popen(  # noqa: S603 - no shell; what is somebody's is one file's bytes, under our own name
        confined([*quiet, *arguments], memory_bytes, _CPU_S),
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.DEVNULL,
        env={},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # a killed reader leaves bytes behind
                    pipe.close()


def _program() -> str:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise OperatorError("extra_missing", {"extra": "worker"}) from error


def _some(pipe: IO[bytes], most: int, patience: Patience, cancelled: IsCancelled) -> bytes:
    """What comes next, in at most so many bytes; none at the end."""
    began_s = time.monotonic()
    while not select.select([pipe], [], [], min(_ASK_S, patience.left_s))[0]:
        began_s, before_s = time.monotonic(), began_s
        patience.waited(began_s - before_s)
        if cancelled():
            raise Cancelled
    patience.waited(time.monotonic() - began_s)
    return os.read(pipe.fileno(), min(most, _PART_BYTES))


def _exactly(pipe: IO[bytes], size: int, patience: Patience, cancelled: IsCancelled) -> bytes:
    """The next ``size`` bytes; none at the end."""
    read = bytearray()
    while len(read) < size:
        part = _some(pipe, size - len(read), patience, cancelled)
        if not part and read:
            raise UserError("clip_damaged")
        if not part:
            return b""
        read += part
    return bytes(read)
