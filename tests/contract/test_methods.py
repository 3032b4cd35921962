"""What every method in the registry promises. A method that cannot be had here is skipped, with the reason."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from nst.engine import Engine
from nst.errors import Cancelled, OperatorError
from nst.method import Method, MethodSettings, Progress, create_method, stylize
from nst.options import METHODS, StyleOptions
from nst.pictures.decode import Picture

Floats = NDArray[np.float32]
# Small, odd and not square: what tiles and strides trip over.
CONTENT_SIZE = (97, 71)
STEPS = 6


def sample(name: str) -> Image.Image:
    """A photograph of scikit-image's; its functions have no types."""
    return Image.fromarray(getattr(data, name)())


def picture(name: str, size: tuple[int, int]) -> Picture:
    return Picture(np.asarray(sample(name).resize(size), dtype=np.float32) / np.float32(255))


CONTENT = picture("chelsea", CONTENT_SIZE)
RETINA = picture("retina", (88, 88))
COFFEE = picture("coffee", (96, 64))


def _shared(model: str) -> str:
    """A development model's path, or "" where it is absent."""
    path = Path(__file__).resolve().parents[2] / os.environ.get("SHARED_DIR", "../shared") / "models" / model
    return str(path) if path.exists() else ""


VGG = _shared("features/vgg19_16x.npz")
SETTINGS = MethodSettings(fast_model=_shared("magenta_savedmodel") or "bundled", vgg_weights=VGG, singan_budget="40:4")


def _usable(name: str) -> Method:
    try:
        method = create_method(name, SETTINGS)
        # A pastiche, not prepare(): the extractor that the options name is what has to be there.
        stylize(method, CONTENT, [RETINA], options(name, steps=1))
    except (ModuleNotFoundError, OperatorError) as error:
        pytest.skip(f"{name} cannot be had here: {error}")
    return method


def options(name: str, **choices: object) -> StyleOptions:
    if name == "patches":
        choices = {"steps": STEPS // 2, **choices}
    if name == "auto":
        choices = {"steps": 2, "extractor": "bundled", **choices}
    if name == "gatys":
        choices = {"steps": STEPS, "extractor": "vgg19" if VGG else "bundled", **choices}
    return StyleOptions(method=name, max_side_px=128, **choices)  # type: ignore[arg-type]


@pytest.fixture(
    scope="module",
    params=[
        name if name in ("palette", "patches") else pytest.param(name, marks=pytest.mark.tensorflow) for name in METHODS
    ],
)
def method(request: pytest.FixtureRequest) -> Method:
    return _usable(request.param)


@pytest.fixture
def painted(method: Method) -> Callable[..., Floats]:
    def paint(*styles: Picture, content: Picture = CONTENT, **choices: object) -> Floats:
        return stylize(method, content, styles, options(method.name, **choices)).picture.rgb

    return paint


def colour_distance(a: Floats, b: Floats) -> float:
    """Distance of the means and covariances of two colour distributions (Fréchet distance of their Gaussians)."""
    (mean, first), (other, second) = (
        (rgb.reshape(-1, 3).astype(np.float64).mean(0), np.cov(rgb.reshape(-1, 3).astype(np.float64).T))
        for rgb in (a, b)
    )
    # The square root of a product of two positive matrices has its eigenvalues' roots for a trace.
    cross = np.sqrt(np.abs(np.linalg.eigvals(first @ second))).sum()
    return float(np.sqrt(max(((mean - other) ** 2).sum() + np.trace(first + second) - 2 * cross.real, 0)))


def test_registry_and_options_agree(method: Method) -> None:
    assert method.name in METHODS


def test_strength_0_returns_the_contents_pixels(painted: Callable[..., Floats]) -> None:
    assert np.array_equal(painted(RETINA, strength=0), CONTENT.rgb)


@pytest.mark.parametrize("size", [(97, 71), (64, 127), (33, 65)])
def test_result_has_the_contents_size_and_range(painted: Callable[..., Floats], size: tuple[int, int]) -> None:
    made = painted(RETINA, content=picture("astronaut", size))
    assert made.shape == (size[1], size[0], 3)
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert 0 <= made.min() <= made.max() <= 1


def test_result_is_another_picture(painted: Callable[..., Floats]) -> None:
    assert np.abs(painted(RETINA) - CONTENT.rgb).mean() > 0.01


def test_progress_rises_to_1(method: Method) -> None:
    seen: list[Progress] = []
    stylize(method, CONTENT, [RETINA], options(method.name), seen.append)
    fractions = [progress.fraction for progress in seen]
    assert len(fractions) >= 2
    assert fractions == sorted(fractions)
    assert 0 <= fractions[0] < 1
    assert fractions[-1] == 1
    assert all(0 <= progress.step <= progress.steps for progress in seen)


def test_cancelling_stops_within_a_step(method: Method) -> None:
    seen: list[Progress] = []
    with pytest.raises(Cancelled):
        # From the first report on: nothing but the step under way may still be told.
        stylize(method, CONTENT, [RETINA, COFFEE], options(method.name), seen.append, lambda: bool(seen))
    assert len(seen) <= 2
    assert seen[-1].fraction < 1


def test_cancelled_before_the_start(method: Method) -> None:
    with pytest.raises(Cancelled):
        stylize(method, CONTENT, [RETINA], options(method.name), cancelled=lambda: True)


def test_method_works_on_after_a_cancel(method: Method, painted: Callable[..., Floats]) -> None:
    before = painted(RETINA)
    with pytest.raises(Cancelled):
        stylize(method, CONTENT, [COFFEE], options(method.name), cancelled=lambda: True)
    assert np.array_equal(painted(RETINA), before)


def test_same_seed_same_picture(painted: Callable[..., Floats]) -> None:
    assert np.array_equal(painted(RETINA, seed=5), painted(RETINA, seed=5))


def test_inputs_are_left_alone(painted: Callable[..., Floats]) -> None:
    content, style = CONTENT.rgb.copy(), RETINA.rgb.copy()
    painted(RETINA)
    assert np.array_equal(CONTENT.rgb, content)
    assert np.array_equal(RETINA.rgb, style)


def test_strength_goes_all_the_way_step_by_step(painted: Callable[..., Floats]) -> None:
    whole = painted(RETINA)
    left = [float(np.abs(painted(RETINA, strength=s) - whole).mean()) for s in (0.0, 0.25, 0.5, 0.75)]
    assert left[0] > left[1] > left[2] > left[3] > 0, left


def test_every_strength_is_nearer_to_the_styles_colours(painted: Callable[..., Floats]) -> None:
    # Not nearer with every step: ``fast`` has the style's colours early, and later its network's own.
    before = colour_distance(CONTENT.rgb, RETINA.rgb)
    way = [colour_distance(painted(RETINA, strength=strength), RETINA.rgb) for strength in (0.25, 0.5, 1.0)]
    assert max(way) < 0.9 * before, (before, way)


def test_weight_of_one_style_does_not_matter(painted: Callable[..., Floats]) -> None:
    assert np.abs(painted(RETINA, style_weights=(3.0,)) - painted(RETINA)).max() < 1e-5


def test_mix_lies_between_its_styles(painted: Callable[..., Floats]) -> None:
    """Colour of a mix: nearer to the style that weighs more."""
    mostly = [painted(RETINA, COFFEE, style_weights=weights) for weights in ((9.0, 1.0), (1.0, 9.0))]
    assert colour_distance(mostly[0], painted(RETINA)) < colour_distance(mostly[1], painted(RETINA))
    assert colour_distance(mostly[1], painted(COFFEE)) < colour_distance(mostly[0], painted(COFFEE))


def test_keep_keeps_the_contents_colours(painted: Callable[..., Floats]) -> None:
    kept, free = painted(RETINA, colours="keep"), painted(RETINA)

    def chroma_away(rgb: Floats) -> float:
        return float(
            np.abs((rgb - rgb.mean(-1, keepdims=True)) - (CONTENT.rgb - CONTENT.rgb.mean(-1, keepdims=True))).mean()
        )

    assert chroma_away(kept) < 0.6 * chroma_away(free)


def test_alpha_survives_through_the_engine(method: Method) -> None:
    image = Image.fromarray(np.rint(CONTENT.rgb * 255).astype(np.uint8))
    alpha = np.tile(np.linspace(0, 255, CONTENT_SIZE[0]).astype(np.uint8), (CONTENT_SIZE[1], 1))
    image.putalpha(Image.fromarray(alpha))
    files = [io.BytesIO(), io.BytesIO()]
    image.save(files[0], "PNG")
    sample("coffee").save(files[1], "PNG")
    engine = Engine(SETTINGS)
    engine._methods[method.name] = method
    made = engine.stylize(files[0].getvalue(), [files[1].getvalue()], options(method.name))
    assert made.method == method.name or method.name == "auto"
    assert made.picture.alpha is not None
    assert np.array_equal(np.rint(made.picture.alpha * 255), alpha)
