"""Clips made on the spot: a static scene with slight noise, in every format, and clips that are bad in every way."""

from __future__ import annotations

import io
import itertools
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

Bytes = NDArray[np.uint8]
DURATIONS_MS = (40, 80, 120, 200, 60, 100)


def scene(width_px: int = 128, height_px: int = 96) -> NDArray[np.float32]:
    """A photograph of scikit-image's, float32 0..255."""
    cat = Image.fromarray(data.chelsea()).resize((width_px, height_px), Image.Resampling.LANCZOS)  # type: ignore[no-untyped-call]
    return np.asarray(cat, np.float32)


def noisy(count: int = 6, sigma: float = 2.0, width_px: int = 128, height_px: int = 96) -> list[Bytes]:
    """A static scene as a camera sees it: the same picture with fresh noise in every frame."""
    random, still = np.random.default_rng(0), scene(width_px, height_px)
    return [
        np.clip(np.rint(still + random.normal(0, sigma, still.shape)), 0, 255).astype(np.uint8) for _ in range(count)
    ]


def panned(count: int = 6, width_px: int = 128, height_px: int = 96) -> list[Bytes]:
    """The scene as the camera turns, a few pixels a frame."""
    wide = scene(width_px + 8 * count, height_px).astype(np.uint8)
    return [np.ascontiguousarray(wide[:, 8 * i : 8 * i + width_px]) for i in range(count)]


def gif(frames: Sequence[Bytes], durations_ms: Sequence[int] = DURATIONS_MS, loop: int | None = 0) -> bytes:
    """A GIF."""
    return _saved("GIF", frames, durations_ms, {} if loop is None else {"loop": loop})


def webp(frames: Sequence[Bytes], durations_ms: Sequence[int] = DURATIONS_MS, loop: int = 0) -> bytes:
    """A lossless WEBP."""
    return _saved("WEBP", frames, durations_ms, {"loop": loop, "lossless": True})


def see_through_gif(count: int = 3) -> bytes:
    """A GIF with a transparent hole that moves."""
    pictures = []
    for number, frame in enumerate(panned(count)):
        opacity = np.full(frame.shape[:2], 255, np.uint8)
        opacity[20:60, 20 + 15 * number : 60 + 15 * number] = 0
        pictures.append(Image.fromarray(np.dstack([frame, opacity])))
    file = io.BytesIO()
    pictures[0].save(file, "GIF", save_all=True, append_images=pictures[1:], duration=100, loop=0, disposal=2)
    return file.getvalue()


def mp4(frames: Sequence[Bytes], rate: float = 25, *choices: str, crf: int = 12) -> bytes:
    """An MP4 in H.264.

    Args:
        frames: Its pictures.
        rate: Frames a second.
        choices: Further output options of ffmpeg.
        crf: Quality; lower is better.
    """
    height, width = frames[0].shape[:2]
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{rate:g}", "-i", "-"]
    codec = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", str(crf), "-pix_fmt", "yuv420p"]
    return ffmpeg([*source, *codec, *choices], b"".join(frame.tobytes() for frame in frames))


def webm(opacity: Sequence[Bytes], rate: float = 10) -> bytes:
    """A WEBM in VP9 of one orange, as a messenger's moving stickers are.

    Args:
        opacity: Of each frame, ``[height, width]``.
        rate: Frames a second.
    """
    height, width = opacity[0].shape
    drawn = [np.dstack([np.full((height, width, 3), (240, 120, 20), np.uint8), alpha]) for alpha in opacity]
    source = ["-f", "rawvideo", "-pix_fmt", "rgba", "-s", f"{width}x{height}", "-r", f"{rate:g}", "-i", "-"]
    codec = ["-c:v", "libvpx-vp9", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-crf", "20", "-b:v", "0"]
    return ffmpeg([*source, *codec], b"".join(frame.tobytes() for frame in drawn), ".webm")


def ffmpeg(arguments: Sequence[str], given: bytes = b"", suffix: str = ".mp4") -> bytes:
    """Run ffmpeg and take what it writes."""
    with tempfile.TemporaryDirectory(prefix="pastiche-test-") as folder:
        out = Path(folder, f"out{suffix}")
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *arguments, str(out)]
        subprocess.run(command, input=given, check=True, timeout=60)
        return out.read_bytes()


def bomb(count: int = 10_000) -> bytes:
    """A GIF of very many frames in few bytes."""
    file = io.BytesIO()
    Image.new("P", (64, 64)).save(file, "GIF")
    plain = file.getvalue()
    start = plain.index(b",", 13 + 3 * 2 ** ((plain[10] & 7) + 1))
    frame = b"!\xf9\x04\x04\x02\x00\x00\x00" + plain[start:-1]
    return plain[:start] + count * frame + b";"


def change(frames: Sequence[NDArray[np.generic]]) -> float:
    """Mean absolute change from frame to frame, in steps of 8 bits."""
    arrays = [np.asarray(frame, np.float64) for frame in frames]
    return float(np.mean([np.abs(a - b).mean() for a, b in itertools.pairwise(arrays)]))


def _saved(name: str, frames: Sequence[Bytes], durations_ms: Sequence[int], choices: dict[str, object]) -> bytes:
    file = io.BytesIO()
    first, *rest = [Image.fromarray(frame) for frame in frames]
    durations = [durations_ms[i % len(durations_ms)] for i in range(len(frames))]
    first.save(file, name, save_all=True, append_images=rest, duration=durations, **choices)
    return file.getvalue()


def slow_gif(count: int, canvas_px: int, side_px: int = 3000) -> bytes:
    """A GIF whose frames have 9 megapixels each, of which the canvas shows as much as it has room for."""
    file, canvas = io.BytesIO(), io.BytesIO()
    Image.new("P", (side_px, side_px), 1).save(file, "GIF")
    Image.new("P", (canvas_px, canvas_px), 1).save(canvas, "GIF")
    frame = file.getvalue()[file.getvalue().index(b",", 13 + 3 * 2) : -1]
    return canvas.getvalue()[:-1] + frame * count + b";"
