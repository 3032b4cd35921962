"""Clips in and out of every format: as many frames, shown as long, and clear words about the bad ones."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst.errors import Cancelled, UserError
from nst.method import Progress, never_cancelled, no_report
from nst.pictures.clip import Timing, rounded
from nst.pictures.clip_header import GIF, MP4, WEBP
from nst.pictures.clip_painting import PaintedClip, Steady, Unpainted, paint_clip
from nst.pictures.clips import Clip, first_frame, open_clip
from nst.pictures.decode import Picture
from nst.pictures.film import read_frames, scan
from tests.picture_samples import GifFrame, gif

UNEVEN_MS = (0, 10, 40, 120, 200, 70)


def unpainted(samples: Sequence[Picture]) -> Unpainted:
    return Unpainted("fast")


def again(data: bytes, media_type: str, **choices: int) -> PaintedClip:
    limits = {"max_side_px": 1024, "max_bytes": None, **choices}
    return paint_clip(
        data,
        media_type,
        limits["max_side_px"] or 1024,
        unpainted,
        no_report,
        never_cancelled,
        max_bytes=limits["max_bytes"],
    )


def seen(data: bytes) -> tuple[Clip, list[Picture]]:
    with open_clip(data, 1024) as clip:
        return clip, list(clip.frames())


def distance(a: Picture, b: Picture) -> float:
    return float(np.abs(a.rgb - b.rgb).mean())


@pytest.mark.parametrize("plays", [0, 1, 3])
@pytest.mark.parametrize("media_type", [GIF, WEBP])
def test_an_animation_comes_back_as_it_was(clips: ModuleType, media_type: str, plays: int) -> None:
    frames = clips.panned(6)
    repeats = {0: 0, 1: None, 3: 2}[plays]
    data = clips.gif(frames, UNEVEN_MS, repeats) if media_type == GIF else clips.webp(frames, UNEVEN_MS, plays)
    before, pictures = seen(data)
    made = again(data, media_type)
    after, copies = seen(made.data)
    assert (after.media_type, made.media_type, made.frames) == (media_type, media_type, 6)
    assert after.timing == before.timing == Timing(tuple(map(float, UNEVEN_MS)), plays)
    assert max(distance(a, b) for a, b in zip(pictures, copies, strict=True)) < 8 / 255


def test_equal_frames_are_not_merged(clips: ModuleType) -> None:
    same = [clips.noisy(1)[0]] * 5
    for media_type in (GIF, WEBP, MP4):
        data = clips.mp4(same)
        assert seen(again(data, media_type).data)[0].timing.frames == 5


def test_a_film_comes_back_with_its_times_and_its_sound(clips: ModuleType, tmp_path: Path) -> None:
    uneven = clips.mp4(clips.panned(6), 25, "-vf", "setpts='(N+gte(N,3)*5)/(25*TB)'", "-fps_mode", "passthrough")
    silent = tmp_path / "silent.mp4"
    silent.write_bytes(uneven)
    sound = ["-f", "lavfi", "-i", "sine=duration=0.4", "-c:v", "copy", "-c:a", "aac", "-map_metadata", "0"]
    data = clips.ffmpeg(["-i", str(silent), *sound, "-metadata", "title=a secret"])
    before, pictures = seen(data)
    assert before.sound_from is not None
    assert np.ptp(before.timing.durations_ms) > 150
    made = again(data, MP4)
    after, copies = seen(made.data)
    assert after.sound_from is not None
    assert after.timing.durations_ms == pytest.approx(before.timing.durations_ms, abs=0.05)
    assert max(distance(a, b) for a, b in zip(pictures, copies, strict=True)) < 8 / 255
    assert b"a secret" in data
    assert b"a secret" not in made.data


def test_a_film_is_turned_as_it_says(clips: ModuleType, tmp_path: Path) -> None:
    upright = tmp_path / "upright.mp4"
    upright.write_bytes(clips.mp4(clips.panned(2)))
    turned = clips.ffmpeg(["-display_rotation", "90", "-i", str(upright), "-c", "copy"])
    made, (frame, *_) = seen(again(turned, MP4).data)
    assert (made.width_px, made.height_px) == (96, 128)
    straight = seen(upright.read_bytes())[1][0].rgb
    assert min(np.abs(np.rot90(straight, turn) - frame.rgb).mean() for turn in (1, 3)) < 8 / 255


def test_a_hurried_gif_is_shown_as_browsers_do_where_formats_are_taken_at_their_word(clips: ModuleType) -> None:
    film, _ = seen(again(clips.gif(clips.panned(6), UNEVEN_MS), MP4).data)
    assert film.timing.durations_ms == pytest.approx((100, 100, 40, 120, 200, 70), abs=0.05)


def test_a_film_too_quick_for_a_gif_keeps_its_length(clips: ModuleType) -> None:
    quick = clips.mp4(clips.panned(12), 60)
    made, _ = seen(again(quick, GIF).data)
    assert made.timing.frames == 6
    assert sum(made.timing.durations_ms) == pytest.approx(200, abs=10)
    assert min(made.timing.durations_ms) >= 20


def test_transparency_comes_back_and_is_laid_on_white_in_a_film(clips: ModuleType) -> None:
    data = clips.see_through_gif()
    _, pictures = seen(data)
    for media_type in (GIF, WEBP):
        _, copies = seen(again(data, media_type).data)
        for before, after in zip(pictures, copies, strict=True):
            assert before.alpha is not None
            assert after.alpha is not None
            assert np.array_equal(before.alpha > 0.5, after.alpha > 0.5)
    film = seen(again(data, MP4).data)[1][0]
    assert film.rgb[40, 40].min() > 0.95


@pytest.mark.parametrize("media_type", [GIF, WEBP, MP4])
def test_of_a_webm_what_is_transparent_stays_so_or_is_laid_on_white(clips: ModuleType, media_type: str) -> None:
    opacity = np.zeros((96, 128), np.uint8)
    opacity[20:70, 30:90] = 255
    data = clips.webm([opacity, np.roll(opacity, 10, axis=1), np.roll(opacity, 20, axis=1)])
    with open_clip(data, 1024) as clip:
        assert clip.is_see_through()
        frames = list(clip.frames())
    assert len(frames) == 3
    assert all(frame.alpha is not None and frame.alpha[5, 5] == 0 for frame in frames)
    assert frames[0].alpha is not None
    assert frames[0].alpha[45, 60] == 1
    assert first_frame(data).alpha is not None
    after, copies = seen(again(data, media_type).data)
    assert after.timing.durations_ms == (100.0,) * 3
    assert abs(copies[1].rgb[45, 60] - frames[1].rgb[45, 60]).max() < 20 / 255
    corner = copies[1].alpha
    assert (corner is not None and corner[5, 5] == 0) if media_type != MP4 else copies[1].rgb[5, 5].min() > 0.95


@pytest.mark.parametrize("media_type", [GIF, WEBP])
def test_a_hole_that_only_one_frame_has_comes_back(media_type: str) -> None:
    whole, part = np.zeros((48, 64), int), np.ones((24, 32), int)
    # Taken away after the second frame, filled again by the fourth: none of the samples has the hole.
    frames = [GifFrame(whole), GifFrame(part, 8, 8, 2), GifFrame(part[:4, :4], 0, 0), *[GifFrame(whole)] * 8]
    before, pictures = seen(gif(frames, 64, 48))
    assert all(sample.alpha is None for sample in before.samples())
    made = again(gif(frames, 64, 48), media_type)
    _, copies = seen(made.data)
    for number, (picture, copy) in enumerate(zip(pictures, copies, strict=True)):
        right, kept = (np.ones((48, 64)) if shown.alpha is None else shown.alpha for shown in (picture, copy))
        assert np.array_equal(right, kept), number
    assert pictures[2].alpha is not None


def test_odd_sides_become_even_in_a_film_only(clips: ModuleType) -> None:
    data = clips.gif(clips.panned(3, 97, 65))
    assert (again(data, GIF).width_px, again(data, GIF).height_px) == (97, 65)
    assert (again(data, MP4).width_px, again(data, MP4).height_px) == (96, 64)


@pytest.mark.parametrize("media_type", [GIF, WEBP, MP4])
def test_the_result_fits_into_its_bytes(clips: ModuleType, media_type: str) -> None:
    data = clips.webp(clips.noisy(6, sigma=40))
    assert len(again(data, media_type).data) > 20_000
    made = again(data, media_type, max_bytes=20_000)
    assert len(made.data) <= 20_000
    assert made.frames == 6


def test_size_is_fitted(clips: ModuleType) -> None:
    made = again(clips.webp(clips.panned(3)), WEBP, max_side_px=64)
    assert (made.width_px, made.height_px, made.notices) == (64, 48, ())


def test_progress_counts_frames_and_a_clip_can_be_cancelled_between_them(clips: ModuleType) -> None:
    told: list[Progress] = []
    data = clips.gif(clips.panned(6))
    paint_clip(data, GIF, 1024, unpainted, told.append, never_cancelled)
    assert [progress.step for progress in told] == [0, 1, 2, 3, 4, 5, 6, 6]
    assert {progress.steps for progress in told} == {6}
    assert [p.fraction for p in told] == sorted(p.fraction for p in told)
    told.clear()
    with pytest.raises(Cancelled):
        paint_clip(data, GIF, 1024, unpainted, told.append, lambda: len(told) > 3)
    assert told[-1].step == 3


def test_samples_are_spread_over_the_clip(clips: ModuleType) -> None:
    with open_clip(clips.webp(clips.panned(8)), 1024) as clip:
        frames = list(clip.frames())
        assert [[np.array_equal(s.rgb, f.rgb) for f in frames].index(True) for s in clip.samples()] == [1, 3, 5, 7]


def refusal(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        again(data, MP4)
    return caught.value.code


def test_what_cannot_be_decoded_is_damaged(clips: ModuleType) -> None:
    film = bytearray(clips.mp4(clips.noisy(6)))
    start = film.index(b"mdat")
    film[start + 40 : start + 4000] = b"\x55" * 3960
    assert refusal(bytes(film)) == "clip_damaged"
    assert refusal(clips.mp4(clips.panned(6))[:-2000]) == "clip_damaged"
    with pytest.raises(UserError, match="clip_damaged"):
        first_frame(bytes(film))


def test_a_film_whose_header_lies_about_its_length_is_stopped(clips: ModuleType) -> None:
    film = clips.mp4(clips.panned(22), rate=2)
    at = film.index(b"mdhd") + 20
    lying = film[:at] + (2**14).to_bytes(4, "big") + film[at + 4 :]
    assert refusal(lying) == "clip_too_long"


@pytest.mark.timeout(25)  # what is read as long as frames come ends after 30 s
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes that have a name here")
def test_a_film_of_which_no_frame_comes_is_given_up(tmp_path: Path) -> None:
    endless = tmp_path / "endless.mp4"
    os.mkfifo(endless)  # ffmpeg waits for its first byte, as it would work for ever at other films
    with pytest.raises(UserError, match="clip_too_costly"):
        scan(endless)
    with pytest.raises(UserError, match="clip_too_costly"):
        next(read_frames(endless, 64, 64, 64 * 64))


def test_the_first_frame_of_a_film_is_a_picture(clips: ModuleType) -> None:
    frames = clips.panned(4)
    picture = first_frame(clips.mp4(frames), 64)
    assert (picture.width_px, picture.height_px, picture.frames) == (64, 48, 4)
    assert picture.rgb.mean() == pytest.approx(frames[0].mean() / 255, abs=0.02)


def test_rounded_times_do_not_drift() -> None:
    assert rounded((33.3667,) * 6, 10) == [3, 4, 3, 3, 4, 3]


def test_noise_is_taken_out_and_movement_is_not(clips: ModuleType) -> None:
    still, moving = ([frame.astype(np.float32) / 255 for frame in f] for f in (clips.noisy(8), clips.panned(4)))
    steady = Steady()
    assert clips.change([steady(frame) for frame in still][2:]) < 0.2 * clips.change(still[2:])
    steady = Steady()
    for frame in moving:
        assert np.abs(steady(frame) - frame).mean() < 1 / 255
