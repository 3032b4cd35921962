"""``pastiche stylize`` with clips: the ending of the result decides."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from nst.commands import run_stylize
from nst.errors import UserError
from nst.method import MethodSettings
from nst.options import StyleOptions
from nst.pictures.clips import open_clip

PALETTE = StyleOptions(method="palette")


@pytest.fixture
def style(tmp_path: Path) -> Path:
    path = tmp_path / "style.png"
    Image.linear_gradient("L").convert("RGB").point([i // 3 for i in range(256)] * 2 + list(range(256))).save(path)
    return path


@pytest.mark.parametrize("ending", [".gif", ".webp", ".mp4"])
def test_a_clip_is_painted_into_what_the_ending_says(
    clips: ModuleType, style: Path, tmp_path: Path, ending: str
) -> None:
    content, out = tmp_path / "in.gif", tmp_path / f"out{ending}"
    content.write_bytes(clips.gif(clips.panned(3)))
    assert run_stylize(content, [style], out, PALETTE, MethodSettings()) == ()
    with open_clip(out.read_bytes(), 1024) as clip:
        assert clip.timing.durations_ms == pytest.approx(clips.DURATIONS_MS[:3], abs=0.05)


def test_an_ending_of_pictures_paints_the_first_frame(clips: ModuleType, style: Path, tmp_path: Path) -> None:
    content = tmp_path / "in.mp4"
    content.write_bytes(clips.mp4(clips.panned(3)))
    for out, options in ((tmp_path / "out.jpg", PALETTE), (tmp_path / "out.webp", PALETTE.replace(animate=False))):
        assert run_stylize(content, [style], out, options, MethodSettings()) == ()
        with Image.open(out) as painted:
            assert getattr(painted, "n_frames", 1) == 1


def test_a_picture_does_not_become_a_film(style: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        run_stylize(style, [style], tmp_path / "out.mp4", PALETTE, MethodSettings())
    assert caught.value.code == "option_out_of_range"
    assert not (tmp_path / "out.mp4").exists()


def test_a_mask_says_where_to_paint(style: Path, tmp_path: Path) -> None:
    content, mask, out = (tmp_path / f"{name}.png" for name in ("content", "mask", "out"))
    Image.radial_gradient("L").resize((64, 48)).convert("RGB").save(content)
    half = Image.new("L", (128, 96), 0)
    half.paste(255, (64, 0, 128, 96))
    half.save(mask)
    run_stylize(content, [style], out, PALETTE, MethodSettings(), mask=mask)
    with Image.open(content) as before, Image.open(out) as after:
        left, right = (16, 0, 28, 48), (36, 0, 64, 48)
        assert before.crop(left).tobytes() == after.convert("RGB").crop(left).tobytes()
        assert before.crop(right).tobytes() != after.convert("RGB").crop(right).tobytes()


@pytest.mark.tensorflow
@pytest.mark.parametrize("ending", [".gif", ".webp", ".mp4"])
def test_a_time_lapse_is_written_beside_the_pastiche(style: Path, tmp_path: Path, ending: str) -> None:
    content, film = tmp_path / "content.png", tmp_path / f"film{ending}"
    Image.radial_gradient("L").resize((65, 49)).convert("RGB").save(content)
    options = StyleOptions(method="gatys", extractor="bundled", steps=3)
    run_stylize(content, [style], tmp_path / "out.png", options, MethodSettings(), time_lapse=film)
    with open_clip(film.read_bytes(), 1024) as clip:
        assert clip.timing.frames == 4
        assert abs(clip.width_px - 65) <= 1
        assert clip.timing.durations_ms[-1] > 5 * clip.timing.durations_ms[0]


def test_a_time_lapse_is_a_film(style: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        run_stylize(style, [style], tmp_path / "o.png", PALETTE, MethodSettings(), time_lapse=tmp_path / "film.png")
    assert caught.value.detail["option"] == "time-lapse"
    assert not (tmp_path / "o.png").exists()
