"""What frontends learn of a clip before anything is decoded, and what they refuse."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures.clip_header import ClipLimits, film_in, inspect_content, is_clip

FAST = StyleOptions()


def refusal(data: bytes, options: StyleOptions | None = FAST, limits: ClipLimits | None = None) -> UserError:
    with pytest.raises(UserError) as caught:
        inspect_content(data, options, clip_limits=limits or ClipLimits())
    return caught.value


def test_frames_are_counted_in_every_format(clips: ModuleType) -> None:
    frames = clips.panned(5)
    for data, name in ((clips.gif(frames), "GIF"), (clips.webp(frames), "WEBP"), (clips.mp4(frames), "MP4")):
        header = inspect_content(data, FAST)
        assert (header.format, header.frames, header.width_px, header.height_px) == (name, 5, 128, 96)
        assert is_clip(data, FAST)


def holes(count: int = 4, side_px: int = 96) -> list[NDArray[np.uint8]]:
    """A disc that grows, opaque on nothing."""
    rows, columns = np.ogrid[:side_px, :side_px]
    square = (rows - side_px / 2) ** 2 + (columns - side_px / 2) ** 2
    return [np.where(square < (20 + 4 * n) ** 2, 255, 0).astype(np.uint8) for n in range(count)]


def test_a_webm_says_its_size_and_its_length(clips: ModuleType) -> None:
    data = clips.webm(holes())
    header = inspect_content(data, FAST)
    assert (header.format, header.frames, header.width_px, header.height_px) == ("WEBM", 2, 96, 96), "two: several"
    film = film_in(data)
    assert (film.codec, film.see_through, round(film.duration_s, 2)) == ("V_VP9", True, 0.4)
    assert refusal(clips.webm(holes(24), rate=2)).code == "clip_too_long"


@pytest.mark.parametrize("encoded", [["-c:v", "libvpx"], ["-c:v", "libx264", "-f", "matroska"]])
def test_a_webm_of_another_codec_is_refused_by_its_name(clips: ModuleType, encoded: list[str]) -> None:
    source = ["-f", "lavfi", "-i", "testsrc2=size=96x96:rate=10:duration=0.3", "-pix_fmt", "yuv420p"]
    error = refusal(clips.ffmpeg([*source, *encoded], suffix=".webm"))
    assert error.code == "clip_codec_unsupported"
    assert str(error.detail["found"]).startswith("V_")


def test_a_webm_that_is_cut_or_made_up_is_refused(clips: ModuleType) -> None:
    """Every byte of the description in turn is another one, and what is behind it is missing."""
    data = clips.webm(holes(2))
    assert refusal(clips.ffmpeg(["-f", "lavfi", "-i", "sine=duration=0.2"], suffix=".webm")).code == (
        "clip_without_pictures"
    )
    for end in range(4, 400):
        assert refusal(data[:end]).code == "clip_damaged"
    for at in range(4, 400):
        for byte in (0, 1, 0x7F, 0xFF):
            broken = data[:at] + bytes([byte]) + data[at + 1 :]
            with contextlib.suppress(UserError):
                assert inspect_content(broken, FAST).animated


def test_a_still_picture_is_none(clips: ModuleType) -> None:
    assert not is_clip(clips.gif(clips.panned(1)), FAST)
    assert not is_clip(clips.webp(clips.panned(1)), FAST)


@pytest.mark.parametrize("options", [FAST.replace(animate=False), FAST.replace(method="gatys")])
def test_whoever_wants_a_still_gets_it_from_clips_of_any_length(clips: ModuleType, options: StyleOptions) -> None:
    assert not is_clip(clips.bomb(), options)
    assert not is_clip(clips.mp4(clips.panned(3)), options)
    assert inspect_content(clips.bomb(), options).frames > 1


def test_bombs_are_refused_before_decoding(clips: ModuleType) -> None:
    assert len(clips.bomb()) < 2 * 2**20
    assert refusal(clips.bomb()).code == "clip_too_many_frames"
    few = ClipLimits(max_frame_pixels=5000)
    for data in (clips.gif(clips.panned(3)), clips.webp(clips.panned(3)), clips.mp4(clips.panned(3))):
        assert refusal(data, limits=few).code == "clip_too_many_pixels"
        assert refusal(data, limits=ClipLimits(max_total_pixels=30_000)).code == "clip_too_many_pixels"


def test_ten_seconds_of_film_are_taken_and_eleven_are_not(clips: ModuleType) -> None:
    assert inspect_content(clips.mp4(clips.panned(20), rate=2), FAST).frames == 20
    error = refusal(clips.mp4(clips.panned(22), rate=2), FAST.replace(animate=False))
    assert (error.code, error.detail) == ("clip_too_long", {"received_s": "11.0", "allowed_s": "10"})


def test_a_cut_clip_is_damaged(clips: ModuleType) -> None:
    frames = clips.panned(4)
    for data in (clips.gif(frames), clips.webp(frames), clips.mp4(frames)):
        assert refusal(data[: len(data) * 2 // 3]).code in {"clip_damaged", "image_truncated"}


def test_a_film_without_pictures_or_in_a_foreign_codec_says_so(clips: ModuleType) -> None:
    sound = clips.ffmpeg(["-f", "lavfi", "-i", "sine=duration=0.2", "-c:a", "aac"])
    assert refusal(sound).code == "clip_without_pictures"
    foreign = clips.mp4(clips.panned(2)).replace(b"avc1\0\0", b"zzzz\0\0")
    assert (refusal(foreign).code, refusal(foreign).detail) == ("clip_codec_unsupported", {"found": "zzzz"})


def test_reading_headers_loads_no_numbers() -> None:
    script = "import sys, nst.pictures.clip_header; print({'numpy', 'imageio_ffmpeg'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
