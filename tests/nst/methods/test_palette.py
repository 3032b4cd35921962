"""What the palette method promises beyond the contract of all methods."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from nst.colour import luma, transport
from nst.errors import Cancelled, UserError
from nst.method import MethodSettings, Progress, stylize
from nst.options import StyleOptions
from nst.palette import Palette
from nst.pictures.decode import Picture, decode

Floats = NDArray[np.float32]


def picture(name: str, step: int = 2) -> Picture:
    rgb: NDArray[np.uint8] = getattr(data, name)()  # scikit-image's functions have no types
    return Picture(np.ascontiguousarray(rgb[::step, ::step]).astype(np.float32) / np.float32(255))


CAT = picture("chelsea")
COFFEE = picture("coffee")
RETINA = picture("retina", 8)


def painted(content: Picture, *styles: Picture, **choices: object) -> Floats:
    options = StyleOptions(method="palette", **choices)  # type: ignore[arg-type]
    return stylize(Palette(MethodSettings()), content, styles, options).picture.rgb


def distance(a: Floats, b: Floats) -> float:
    """Sliced Wasserstein distance of two colour distributions."""
    directions = np.random.default_rng(0).normal(size=(3, 24))
    directions /= np.linalg.norm(directions, axis=0)
    levels = np.linspace(0, 1, 101)
    one, other = (np.quantile(rgb.reshape(-1, 3) @ directions, levels, axis=0) for rgb in (a, b))
    return float(np.abs(one - other).mean())


@pytest.mark.parametrize("style", [COFFEE, RETINA])
def test_palette_is_nearer_to_the_style_than_transport_alone(style: Picture) -> None:
    made = distance(painted(CAT, style), style.rgb)
    assert made < distance(transport(CAT.rgb, style.rgb), style.rgb)
    assert made < 0.35 * distance(CAT.rgb, style.rgb)


def test_strength_walks_straight() -> None:
    whole, half = painted(CAT, RETINA), painted(CAT, RETINA, strength=0.5)
    assert np.abs(half - (CAT.rgb + whole) / 2).max() < 1e-5


def test_strength_comes_nearer_to_the_style_with_every_step() -> None:
    way = [distance(painted(CAT, RETINA, strength=strength / 4), RETINA.rgb) for strength in range(5)]
    assert way == sorted(way, reverse=True)


def test_several_styles_are_mixed_by_weight() -> None:
    one, other = painted(CAT, COFFEE), painted(CAT, RETINA)
    mixed = painted(CAT, COFFEE, RETINA, style_weights=(3.0, 1.0))
    assert np.abs(mixed - (0.75 * one + 0.25 * other)).max() < 1e-5
    assert np.abs(painted(CAT, COFFEE, RETINA, style_weights=(5.0, 0.0)) - one).max() < 1e-5


def test_weights_have_to_be_as_many_as_styles() -> None:
    with pytest.raises(UserError) as caught:
        painted(CAT, COFFEE, RETINA, style_weights=(1.0,))
    assert (caught.value.code, caught.value.detail["option"]) == ("option_out_of_range", "style_weights")


def test_no_style() -> None:
    with pytest.raises(UserError) as caught:
        painted(CAT)
    assert caught.value.code == "style_missing"


def test_keep_changes_luma_only() -> None:
    made = painted(CAT, RETINA, colours="keep")
    chroma, made_chroma = (rgb - luma(rgb)[..., None] for rgb in (CAT.rgb, made))
    assert np.abs(np.cross(chroma, made_chroma)).max() < 1e-4
    assert abs(luma(made).mean() - luma(RETINA.rgb).mean()) < 0.4 * abs(luma(CAT.rgb).mean() - luma(RETINA.rgb).mean())


def test_match_leaves_the_contents_mean_colour() -> None:
    made = painted(CAT, RETINA, colours="match")
    assert np.abs(made.mean(axis=(0, 1)) - CAT.rgb.mean(axis=(0, 1))).max() < 0.03


def test_hidden_pixels_do_not_count() -> None:
    alpha = np.ones(COFFEE.rgb.shape[:2], np.float32)
    alpha[: len(alpha) // 2] = 0
    green = COFFEE.rgb.copy()
    green[: len(alpha) // 2] = (0, 1, 0)
    lower = Picture(np.ascontiguousarray(COFFEE.rgb[len(alpha) // 2 :]))
    assert np.abs(painted(CAT, Picture(green, alpha)) - painted(CAT, lower)).max() < 1e-5


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_flat_pictures(value: float) -> None:
    flat = Picture(np.full((32, 40, 3), value, np.float32))
    for content, style in ((flat, CAT), (CAT, flat), (flat, flat)):
        made = painted(content, style)
        assert np.isfinite(made).all()
        low, high = np.quantile(style.rgb, (0.1, 0.9), axis=(0, 1))
        assert (made.mean(axis=(0, 1)) >= low - 0.02).all()
        assert (made.mean(axis=(0, 1)) <= high + 0.02).all()


def test_smooth_skies_stay_smooth() -> None:
    """Histogram matching alone turns 8-bit steps of a sky into bands; the guided filter must not let it."""
    ramp = np.rint(np.linspace(0.55, 0.65, 200) * 255)[None, :, None] / 255
    sky = Picture(np.broadcast_to(ramp, (120, 200, 3)).astype(np.float32).copy())
    made = luma(painted(sky, RETINA))
    steps = np.abs(np.diff(made, axis=1))
    assert steps.max() < 0.25 * (made.max() - made.min())


def test_cancelling_between_styles() -> None:
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        stylize(
            Palette(MethodSettings()),
            CAT,
            [COFFEE, RETINA],
            StyleOptions(method="palette"),
            seen.append,
            lambda: len(seen) == 5,
        )
    assert [progress.step for progress in seen] == [0, 0, 1, 2, 3]


def test_shared_pairs_come_nearer_to_their_styles(shared_dir: Path) -> None:
    folder = shared_dir / "images"
    styles = [folder / "styles" / f"{name}.jpg" for name in ("vangogh_starry_night", "munch_scream", "piranesi_prison")]
    for name in ("portrait_face.jpg", "moraine_lake.jpg", "cameraman_gray.png"):
        content = decode((folder / "content" / name).read_bytes(), 192)
        for path in styles:
            style = decode(path.read_bytes(), 192)
            before, after = distance(content.rgb, style.rgb), distance(painted(content, style), style.rgb)
            assert after < 0.5 * before, (name, path.name, before, after)
