"""What the patches method promises beyond the contract of all methods."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from skimage import data

from nst.colour import transport
from nst.method import MethodSettings, Progress, Request, stylize
from nst.options import StyleOptions
from nst.patches.distance import SIZE, gradient, sample
from nst.patches.method import Patches
from nst.patches.run import COARSEST_PX, FINEST_PX, Run, plan
from nst.pictures.decode import Picture
from nst.run_state import StateError

Floats = NDArray[np.float32]


def picture(name: str, step: int) -> Picture:
    rgb: NDArray[np.uint8] = getattr(data, name)()  # scikit-image's functions have no types
    return Picture(np.ascontiguousarray(rgb[::step, ::step]).astype(np.float32) / np.float32(255))


CAT = picture("chelsea", 4)
RETINA = picture("retina", 16)


def waves(side_px: int) -> Picture:
    """Diagonal stripes of two colours: one form everywhere, and nothing else."""
    y, x = np.mgrid[:side_px, :side_px]
    stripe = (np.sin((x + y) * 0.9) > 0)[..., None]
    return Picture(np.where(stripe, (0.1, 0.2, 0.6), (0.9, 0.8, 0.3)).astype(np.float32))


def options(**choices: object) -> StyleOptions:
    return StyleOptions(method="patches", **{"steps": 4, **choices})  # type: ignore[arg-type]


def painted(content: Picture, *styles: Picture, **choices: object) -> Floats:
    return stylize(Patches(MethodSettings()), content, styles, options(**choices)).picture.rgb


def distance(a: Floats, b: Floats) -> float:
    """Sliced Wasserstein distance of all 5 x 5 patches' contrasts, by sorting: another one than the method's own."""
    directions = np.random.default_rng(3).normal(size=(75, 40))
    directions -= directions.mean(axis=0)
    directions /= np.linalg.norm(directions, axis=0)
    levels = np.linspace(0, 1, 101)
    one, other = (
        np.quantile(sliding_window_view(rgb, (5, 5), axis=(0, 1)).reshape(-1, 75) @ directions, levels, axis=0)
        for rgb in (a, b)
    )
    return float(np.abs(one - other).mean())


def test_a_toy_textures_patches_are_found_again() -> None:
    content, style = Picture(CAT.rgb[:64, :64]), waves(64)
    made, colours_only = painted(content, style, steps=24), transport(content.rgb, style.rgb)
    assert distance(made, style.rgb) < 0.6 * distance(colours_only, style.rgb)


def test_the_gradient_vanishes_where_the_patches_agree() -> None:
    style, all_seen = waves(64), np.ones((64, 64), dtype=bool)
    patches = sample(style.rgb, all_seen, 4000, np.random.default_rng(0))
    assert patches.shape[1] == SIZE
    own, foreign = (
        np.abs(gradient(rgb, all_seen, patches, 2, np.random.default_rng(1))).mean()
        for rgb in (style.rgb, CAT.rgb[:64, :64])
    )
    assert own < 0.2 * foreign


def test_strength_chooses_how_coarse_the_work_begins() -> None:
    starts = [plan(512, 512, strength, None)[0].width_px for strength in (0.1, 0.4, 0.7, 1.0)]
    assert starts == sorted(starts, reverse=True)
    assert starts[-1] == COARSEST_PX


def test_work_is_bounded_however_large_the_picture() -> None:
    small, large = (plan(side, side // 2, 1.0, None) for side in (FINEST_PX, 8192))
    assert [level.cost for level in large] == [level.cost for level in small]
    assert sum(level.steps for level in plan(512, 512, 1.0, 100)) == pytest.approx(100, abs=5)


def test_a_run_goes_on_from_its_state_as_if_never_interrupted() -> None:
    method, wanted = Patches(MethodSettings()), options(steps=6, seed=7)
    whole = painted(CAT, RETINA, steps=6, seed=7)
    run = method.begin(Request(CAT, [RETINA], wanted))
    slices = 0
    while not run.advance(0.0):
        run, slices = method.begin(Request(CAT, [RETINA], wanted), run.state()), slices + 1
    assert slices == run.steps - 1
    assert np.array_equal(run.pastiche().picture.rgb, whole)


def test_another_jobs_state_is_refused() -> None:
    run = Run(CAT, [RETINA], options())
    with pytest.raises(StateError):
        Patches(MethodSettings()).begin(Request(CAT, [RETINA], options(seed=1)), run.state())


def test_every_step_has_a_preview_of_the_contents_size() -> None:
    seen: list[Progress] = []
    stylize(Patches(MethodSettings()), CAT, [RETINA], options(), seen.append)
    assert seen[1].preview is not None
    assert seen[1].preview().rgb.shape == CAT.rgb.shape


def test_another_seed_is_another_picture() -> None:
    assert np.abs(painted(CAT, RETINA, seed=1) - painted(CAT, RETINA, seed=2)).max() > 0.02


def test_hidden_pixels_of_a_style_do_not_count() -> None:
    alpha = np.ones(RETINA.rgb.shape[:2], np.float32)
    alpha[: len(alpha) // 2] = 0
    green = RETINA.rgb.copy()
    green[: len(alpha) // 2] = (0, 1, 0)
    made = painted(CAT, Picture(green, alpha))
    assert (made[..., 1] > made[..., 0] + 0.3).mean() < 0.01


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 200), (200, 3)])
def test_slivers(width: int, height: int) -> None:
    sliver = Picture(np.linspace(0, 1, width * height * 3, dtype=np.float32).reshape(height, width, 3))
    for content, style in ((sliver, RETINA), (CAT, sliver)):
        made = painted(content, style, steps=2)
        assert made.shape == content.rgb.shape
        assert np.isfinite(made).all()
