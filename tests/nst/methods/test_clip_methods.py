"""Clips painted by real methods: what stands still does not flicker, and every frame is painted by one rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np
import pytest

from nst.engine import Engine
from nst.errors import UserError
from nst.fast.method import Fast
from nst.method import MethodSettings, stylize
from nst.options import StyleOptions
from nst.pictures.clip_header import GIF, MP4, WEBP
from nst.pictures.clips import open_clip
from nst.pictures.decode import Picture, decode

STYLE = (Path(__file__).parents[3] / "bot" / "presets" / "pictures" / "neon-rain.jpg").read_bytes()
Flicker = Callable[[Engine, StyleOptions], None]


def pictures(data: bytes) -> list[Picture]:
    with open_clip(data, 1024) as clip:
        return list(clip.frames())


@pytest.fixture(scope="module")
def bundled() -> Engine:
    return Engine(MethodSettings(fast_model="bundled"))


@pytest.fixture(scope="module")
def public(stand_in: Path) -> Engine:
    return Engine(MethodSettings(fast_model=str(stand_in)))


@pytest.fixture
def stays_calm(clips: ModuleType) -> Flicker:
    """Paints a still scene with a camera's noise in every format, and compares the changes from frame to frame."""

    def check(engine: Engine, options: StyleOptions) -> None:
        frames = clips.noisy(4, sigma=2)
        for data, media_type in ((clips.gif(frames), GIF), (clips.webp(frames), WEBP), (clips.mp4(frames), MP4)):
            before = clips.change([frame.rgb * 255 for frame in pictures(data)])
            assert before > 0.5
            made = engine.stylize_clip(data, [STYLE], options, media_type)
            painted = [frame.rgb * 255 for frame in pictures(made.data)]
            assert clips.change(painted) <= 2 * before
            assert np.abs(painted[0] - frames[0]).mean() > 5

    return check


@pytest.mark.tensorflow
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_still_scene_does_not_flicker_with_the_bundled_network(
    stays_calm: Flicker, bundled: Engine, strength: float
) -> None:
    stays_calm(bundled, StyleOptions(strength=strength))


@pytest.mark.tensorflow
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_a_still_scene_does_not_flicker_with_the_public_module(
    stays_calm: Flicker, public: Engine, strength: float
) -> None:
    stays_calm(public, StyleOptions(strength=strength))


@pytest.mark.parametrize("colours", ["style", "keep"])
def test_a_still_scene_does_not_flicker_in_a_palette(stays_calm: Flicker, colours: str) -> None:
    stays_calm(Engine(MethodSettings()), StyleOptions(method="palette", colours=colours))


@pytest.mark.tensorflow
def test_a_frame_is_painted_alike_whatever_is_around_it(clips: ModuleType, bundled: Engine) -> None:
    method = cast(Fast, bundled.method("fast"))
    bright, dark = (
        Picture(frame.astype(np.float32) / (255 * by)) for frame, by in zip(clips.panned(2), (1, 4), strict=True)
    )
    style = decode(STYLE, 256)
    painter = method.begin_clip([bright, dark], [style], StyleOptions())
    first = painter.paint(bright)
    second = painter.paint(dark)
    assert np.array_equal(painter.paint(bright), first)
    # Each for itself they are normalised to the same contrast; by one rule the dark side of a cut stays the darker one.
    alone = [stylize(method, frame, [style], StyleOptions()).picture.rgb for frame in (bright, dark)]
    assert first.mean() - second.mean() > alone[0].mean() - alone[1].mean() + 0.05
    assert second.std() > 0.03


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    "options", [StyleOptions(strength=0.4), StyleOptions(colours="keep"), StyleOptions(colours="match")]
)
def test_a_clip_of_one_scene_looks_as_the_picture_does(
    clips: ModuleType, bundled: Engine, options: StyleOptions
) -> None:
    method = cast(Fast, bundled.method("fast"))
    frame, style = Picture(clips.scene() / 255), decode(STYLE, 256)
    still = stylize(method, frame, [style], options).picture.rgb
    in_clip = method.begin_clip([frame, frame], [style], options).paint(frame)
    assert np.abs(still - in_clip).mean() < 10 / 255


@pytest.mark.tensorflow
def test_a_module_that_cannot_be_split_says_that_it_may_flicker(
    clips: ModuleType, small_modules: ModuleType, tmp_path: Path
) -> None:
    engine = Engine(MethodSettings(fast_model=str(small_modules.save_entangled(tmp_path / "module"))))
    made = engine.stylize_clip(clips.gif(clips.panned(2)), [STYLE], StyleOptions(), GIF)
    assert [notice.code for notice in made.notices] == ["strength_is_blend", "clip_may_flicker"]


def test_where_no_model_can_be_had_a_clip_is_painted_with_colours(clips: ModuleType, tmp_path: Path) -> None:
    engine = Engine(MethodSettings(fast_model=str(tmp_path / "nowhere")))
    made = engine.stylize_clip(clips.gif(clips.panned(3)), [STYLE], StyleOptions(), GIF)
    assert (made.method, made.frames) == ("palette", 3)
    assert [notice.code for notice in made.notices] == ["fell_back_to_palette"]


def test_strength_0_gives_the_clip_itself(clips: ModuleType) -> None:
    data = clips.webp(clips.noisy(3))
    made = Engine(MethodSettings()).stylize_clip(data, [STYLE], StyleOptions(strength=0), GIF)
    assert made.method == "fast"
    for before, after in zip(pictures(data), pictures(made.data), strict=True):
        assert np.abs(before.rgb - after.rgb).mean() < 6 / 255


def test_a_bomb_is_refused_whoever_asks(clips: ModuleType) -> None:
    with pytest.raises(UserError, match="clip_too_many_frames"):
        Engine(MethodSettings()).stylize_clip(clips.bomb(), [STYLE], StyleOptions(), GIF)


@pytest.mark.parametrize(
    ("options", "notices"),
    [(StyleOptions(method="palette", animate=False), []), (StyleOptions(method="palette"), ["first_frame_only"])],
)
def test_a_still_picture_of_a_clip(clips: ModuleType, options: StyleOptions, notices: list[str]) -> None:
    for data in (clips.gif(clips.panned(3)), clips.mp4(clips.panned(3))):
        made = Engine(MethodSettings()).stylize(data, [STYLE], options)
        assert (made.picture.width_px, made.picture.height_px) == (128, 96)
        assert [notice.code for notice in made.notices] == notices
