"""Mutated files of eight formats and clips: each ends in a picture or in a user's error, within time and memory.

``make fuzz`` runs 5,000 files and 250 clips; the suite runs fewer.
"""

from __future__ import annotations

import io
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest
from PIL import Image

from nst.errors import UserError
from nst.pictures.clip_header import is_film
from nst.pictures.clips import open_clip
from nst.pictures.decoder import Decoder

FILES, CLIPS = int(os.environ.get("FUZZ_FILES", "300")), int(os.environ.get("FUZZ_CLIPS", "20"))
MOST_S, MOST_BYTES = 5.0, 1 << 30
pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]


def sound() -> list[bytes]:
    """Small files of the eight formats."""
    image = Image.fromarray(np.random.default_rng(7).integers(0, 256, (40, 56, 4), np.uint8))
    made = []
    for name, mode in (
        ("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGBA"), ("GIF", "P"), ("BMP", "RGB"),
        ("TIFF", "RGB"), ("AVIF", "RGB"),
    ):  # fmt: skip
        file = io.BytesIO()
        image.convert(mode).save(file, name)
        made.append(file.getvalue())
    file = io.BytesIO()
    image.convert("RGB").save(file, "JPEG", progressive=True)
    made.append(file.getvalue())
    try:
        import pillow_heif
    except ImportError:
        return made
    file = io.BytesIO()
    pillow_heif.from_pillow(image.convert("RGB")).save(file)
    return [*made, file.getvalue()]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Bytes changed (half of them in the head), a part repeated, cut out or cut off."""
    made = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(min(len(made), 120) if chance.random() < 0.5 else len(made))
        made[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    start = chance.randrange(len(made))
    part = made[start : start + chance.randrange(1, 200)]
    kind = chance.randrange(5)
    if kind == 0:
        made[start:start] = part * chance.randint(1, 50)
    elif kind == 1:
        del made[start : start + len(part)]
    elif kind == 2:
        del made[max(1, start) :]
    return bytes(made)


def peak_bytes(decoder: Decoder) -> int:
    """The highest that this process's decoder had in memory; 0 where it cannot be known."""
    if not sys.platform.startswith("linux"):
        return 0
    highest = 0
    for child in psutil.Process().children():
        try:
            lines = Path(f"/proc/{child.pid}/status").read_text().splitlines()
        except OSError:
            continue
        highest = max([highest, *(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))])
    return highest


def kills(caplog: pytest.LogCaptureFixture) -> list[str]:
    """How often the decoder was ended while it had a file; by nothing but its limits of time, file and memory."""
    ends = [record.getMessage() for record in caplog.records if record.name == "nst.pictures.decoder"]
    by_limits = tuple(
        f"The decoder ended with {-number}" for number in (signal.SIGALRM, signal.SIGXFSZ, signal.SIGKILL)
    )
    assert not [end for end in ends if not end.startswith(("The decoder is killed after", *by_limits))]
    return ends


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        one.warm()
        yield one


def test_mutated_pictures_end_in_a_picture_or_in_a_users_error(
    decoder: Decoder, caplog: pytest.LogCaptureFixture
) -> None:
    chance, files = random.Random(19), sound()
    decoder.decode(files[0], 64)
    slowest_s, read, peak, costly = 0.0, 0, 0, 0
    for number in range(FILES):
        data, began_s = mutated(files[number % len(files)], chance), time.monotonic()
        try:  # anything but a user's error leaves this test as an error
            picture = decoder.decode(data, 64)
        except UserError as error:
            costly += error.code == "image_too_costly"
        else:
            read += 1
            assert np.isfinite(picture.rgb).all()
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        if number % 50 == 0:
            peak = max(peak, peak_bytes(decoder))
    print(f"{FILES} files, {read} read, slowest {slowest_s:.2f} s, {peak / 2**20:.0f} MiB, {kills(caplog)}")  # noqa: T201
    assert slowest_s < MOST_S
    assert peak < MOST_BYTES
    assert len(kills(caplog)) <= costly


def test_mutated_clips_end_in_frames_or_in_a_users_error(
    decoder: Decoder, clips: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(19)
    holes = clips.webm([255 * np.tri(64, 64, n, np.uint8) for n in range(4)])
    files = [clips.gif(clips.panned(4)), clips.webp(clips.panned(4)), clips.mp4(clips.panned(4)), holes]
    slowest_s, read, peak, costly = 0.0, 0, 0, 0
    for number in range(CLIPS):
        data, began_s = mutated(files[number % len(files)], chance), time.monotonic()
        try:
            moves = is_film(data) or data[:3] == b"GIF" or data[8:12] == b"WEBP"
            if moves:
                with open_clip(data, 64, decoder=decoder) as clip:
                    read += bool(list(clip.frames()))
        except UserError as error:
            costly += error.code in {"image_too_costly", "clip_too_costly"}
        slowest_s = max(slowest_s, time.monotonic() - began_s)
        peak = max(peak, peak_bytes(decoder))
    print(f"{CLIPS} clips, {read} read, slowest {slowest_s:.2f} s, {peak / 2**20:.0f} MiB, {kills(caplog)}")  # noqa: T201
    assert slowest_s < MOST_S
    assert peak < MOST_BYTES
    assert len(kills(caplog)) <= costly
