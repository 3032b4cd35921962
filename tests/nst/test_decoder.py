"""The process that decodes: it gives what decoding here gives, and whatever happens to it is one file's error."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from nst.errors import Cancelled, UserError
from nst.pictures.clips import open_clip
from nst.pictures.decode import decode
from nst.pictures.decoder import Bounds, Decoder
from nst.pictures.patience import Patience

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks /proc")


def saved(image: Image.Image, image_format: str = "PNG", **choices: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **choices)
    return file.getvalue()


def noise(width_px: int, height_px: int, mode: str = "RGB") -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (height_px, width_px, 4), np.uint8)
    return Image.fromarray(pixels).convert(mode)


SMALL = saved(noise(60, 40))
LARGE = saved(Image.new("RGBA", (6000, 6000), (200, 30, 30, 100)), compress_level=1)  # half a second and more


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


def process_of(decoder: Decoder) -> psutil.Process:
    """The living process of a decoder that is ready."""
    decoder.decode(SMALL)
    mine = psutil.Process().children()
    found = [process for process in mine if "nst.pictures.decoder_process" in " ".join(process.cmdline())]
    return max(found, key=lambda process: (process.create_time(), process.pid))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1"])
@pytest.mark.parametrize("max_side_px", [None, 33])
def test_it_gives_what_decoding_here_gives(decoder: Decoder, mode: str, max_side_px: int | None) -> None:
    data = saved(noise(70, 50, mode))
    here, there = decode(data, max_side_px), decoder.decode(data, max_side_px)
    assert np.array_equal(here.rgb, there.rgb)
    assert (here.alpha is None) == (there.alpha is None)
    if here.alpha is not None and there.alpha is not None:
        assert np.array_equal(here.alpha, there.alpha)
    assert here.frames == there.frames


@pytest.mark.parametrize(("data", "code"), [(b"", "image_empty"), (SMALL[: len(SMALL) // 2], "image_truncated")])
def test_errors_are_the_same(decoder: Decoder, data: bytes, code: str) -> None:
    with pytest.raises(UserError) as caught:
        decoder.decode(data)
    assert caught.value.code == code


def test_an_animations_frames_are_the_same_also_when_two_are_read_in_turn(decoder: Decoder, clips: ModuleType) -> None:
    files = [clips.gif(clips.panned(4)), clips.see_through_gif(4)]
    for data in files:
        with open_clip(data, 64) as here, open_clip(data, 64, decoder=decoder) as there:
            for one, other in zip(here.frames(), there.frames(), strict=True):
                assert np.array_equal(one.rgb, other.rgb)
    with open_clip(files[0], 64, decoder=decoder) as first, open_clip(files[1], 64, decoder=decoder) as second:
        pairs = list(zip(first.frames(), second.frames(), strict=True))
    assert pairs[3][0].alpha is None
    assert pairs[3][1].alpha is not None


def test_a_frame_that_is_damaged_is_said_to_be(decoder: Decoder, clips: ModuleType) -> None:
    data = bytearray(clips.webp(clips.noisy(3)))
    last = data.rindex(b"ANMF") + 40
    data[last : last + 200] = bytes(200)
    with open_clip(bytes(data), 64, decoder=decoder) as clip, pytest.raises(UserError) as caught:
        list(clip.frames())
    assert caught.value.code == "clip_damaged"


def test_a_small_jpeg_for_those_without_numpy(decoder: Decoder) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    with Image.open(io.BytesIO(decoder.reduced(saved(noise(200, 100), exif=turned), 64, (255, 255, 255)))) as small:
        assert (small.format, small.size) == ("JPEG", (32, 64))
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    clear.paste((0, 0, 250, 255), (0, 0, 40, 16))
    with Image.open(io.BytesIO(decoder.reduced(saved(clear), 64, (250, 0, 0)))) as on_paper:
        assert on_paper.convert("RGB").getpixel((20, 30)) == pytest.approx((250, 0, 0), abs=4)


def test_what_takes_too_long_is_ended_and_the_next_one_is_served() -> None:
    with Decoder(Bounds(seconds=0.05)) as hasty:
        before = process_of(hasty)
        with pytest.raises(UserError) as caught:
            hasty.decode(LARGE, 512)
        assert caught.value.code == "image_too_costly"
        assert not before.is_running()
        assert hasty.decode(SMALL).width_px == 60


def test_a_clip_that_is_long_is_read_and_one_that_is_slow_is_not(clips: ModuleType) -> None:
    long, hostile = clips.slow_gif(9, 3000), clips.slow_gif(60, 64)
    with Decoder(Bounds(seconds=1.0)) as hasty:
        with open_clip(hostile, 64, decoder=hasty) as clip, pytest.raises(UserError) as caught:
            list(clip.frames())
        assert caught.value.code == "clip_too_costly"
        with open_clip(long, 64, decoder=hasty) as clip:
            assert len(list(clip.frames())) == 10


def test_patience_is_earned_by_frames_and_never_more_than_at_first() -> None:
    patience = Patience(4.0)
    for _ in range(100):  # a frame of 10 megapixels every second
        patience.waited(1.0)
        patience.came(10_000_000)
    assert patience.left_s == pytest.approx(4.0, abs=0.01)
    for _ in range(4):  # and one of a few pixels
        patience.waited(0.9)
        patience.came(64 * 64)
    with pytest.raises(UserError, match="clip_too_costly"):
        patience.waited(0.9)


@linux
def test_it_ends_with_the_process_that_started_it(until: Callable[..., Any]) -> None:
    script = (
        "import os, signal\nfrom nst.pictures.decoder import Decoder\nimport sys, psutil\n"
        "one = Decoder()\none.decode(sys.stdin.buffer.read())\n"
        "print(psutil.Process().children()[0].pid, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=SMALL, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL
    pid = int(done.stdout)
    until(lambda: not psutil.pid_exists(pid), "the decoder's end", 10)


def test_who_cancels_does_not_wait() -> None:
    with Decoder() as decoder:
        child = process_of(decoder)
        child.suspend()  # as a file that takes for ever
        with pytest.raises(Cancelled):
            decoder.decode(SMALL, cancelled=lambda: True)
        assert not child.is_running()
        assert decoder.decode(SMALL).width_px == 60


def test_whoever_interrupts_does_not_wait_either() -> None:
    class LeavingError(Exception):
        pass

    def leave() -> None:
        raise LeavingError

    with Decoder() as decoder:
        process_of(decoder).suspend()
        decoder.interrupt = leave
        with pytest.raises(LeavingError):
            decoder.decode(SMALL)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT, signal.SIGKILL])
def test_a_crash_is_the_files_error_and_not_ours(number: signal.Signals) -> None:
    with Decoder() as decoder:
        child = process_of(decoder)
        child.suspend()
        asked: list[float] = []

        def crash() -> bool:
            if not asked:
                child.send_signal(number)
                child.resume()
                asked.append(time.monotonic())
            return False

        with pytest.raises(UserError) as caught:
            decoder.decode(LARGE, 64, cancelled=crash)
        assert caught.value.code == ("image_too_costly" if number == signal.SIGKILL else "image_truncated")
        assert decoder.decode(SMALL).width_px == 60


def test_one_that_died_between_two_files_is_replaced() -> None:
    with Decoder() as decoder:
        child = process_of(decoder)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert decoder.decode(SMALL).width_px == 60


def test_an_idle_one_ends_and_the_next_file_starts_another(until: Callable[..., Any]) -> None:
    with Decoder(Bounds(idle_s=0.05)) as decoder:
        child = process_of(decoder)
        until(lambda: child.status() == psutil.STATUS_ZOMBIE, "its end")
        assert decoder.decode(SMALL).width_px == 60


@linux
def test_memory_is_bounded() -> None:
    with Decoder(Bounds(memory_bytes=220 << 20)) as narrow:
        child = process_of(narrow)
        with pytest.raises(UserError) as caught:
            narrow.decode(LARGE, 512)
        assert caught.value.code == "image_too_costly"
        assert not child.is_running()  # with what was left of its memory it would refuse sound pictures
        assert narrow.decode(SMALL).width_px == 60


@linux
def test_it_knows_no_secret_and_holds_no_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    with Decoder() as decoder, (tmp_path / "open").open("wb"):
        child = process_of(decoder)
        assert "DISCORD_TOKEN" not in child.environ()
        assert child.open_files() == []
        held = [os.readlink(path) for path in Path(f"/proc/{child.pid}/fd").iterdir()]
        assert sum(name.startswith("socket:") for name in held) == 1
