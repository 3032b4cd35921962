import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from nst.quality import Evaluator, ssim

Pictures = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

pytestmark = pytest.mark.tensorflow

SQUEEZENET = Path(os.environ.get("SHARED_DIR", "../shared")) / "models" / "features" / "squeezenet_v10.npz"
_SQUEEZE = {
    2: (16, 64),
    3: (16, 64),
    4: (32, 128),
    5: (32, 128),
    6: (48, 192),
    7: (48, 192),
    8: (64, 256),
    9: (64, 256),
}


@pytest.fixture(scope="module")
def evaluator(tmp_path_factory: pytest.TempPathFactory) -> Evaluator:
    if SQUEEZENET.exists():
        return Evaluator(SQUEEZENET)
    path = tmp_path_factory.mktemp("weights") / "random.npz"
    np.savez(path, allow_pickle=False, **_random_squeezenet())
    return Evaluator(path)


def _random_squeezenet() -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {"conv1": (7, 7, 3, 96)}
    channels = 96
    for fire, (squeezed, expanded) in _SQUEEZE.items():
        shapes[f"fire{fire}/conv1x1_1"] = (1, 1, channels, squeezed)
        shapes[f"fire{fire}/conv1x1_2"] = (1, 1, squeezed, expanded)
        shapes[f"fire{fire}/conv3x3_2"] = (3, 3, squeezed, expanded)
        channels = 2 * expanded
    kernels = {f"{k}/kernel": rng.normal(0, np.prod(s[:3]) ** -0.5, s).astype(np.float32) for k, s in shapes.items()}
    return kernels | {f"{k}/bias": np.zeros(s[3], np.float32) for k, s in shapes.items()}


@pytest.fixture
def pictures() -> Pictures:
    rng = np.random.default_rng(1)
    smooth = np.linspace(0, 1, 97)[None, :, None] * np.ones((83, 97, 3))
    return smooth, np.clip(smooth + rng.normal(0, 0.2, smooth.shape), 0, 1), rng.random((64, 70, 3))


def test_untouched_content_has_ratio_1_and_distance_0(evaluator: Evaluator, pictures: Pictures) -> None:
    content, _, style = pictures
    assert evaluator.style_distance_ratio(content, content, style) == pytest.approx(1.0)
    assert evaluator.content_distance(content, content) == pytest.approx(0.0, abs=1e-6)


def test_the_style_itself_has_ratio_0(evaluator: Evaluator, pictures: Pictures) -> None:
    content, _, style = pictures
    assert evaluator.style_distance_ratio(content, style, style) < 1e-6


def test_coming_closer_lowers_the_ratio_and_raises_the_distance(evaluator: Evaluator, pictures: Pictures) -> None:
    content, noisy, style = pictures
    assert evaluator.style_distance_ratio(content, noisy, style) < 1.0
    assert evaluator.content_distance(content, noisy) > 0.01


def test_sizes_must_agree(evaluator: Evaluator, pictures: Pictures) -> None:
    with pytest.raises(ValueError, match="sizes must be the same"):
        evaluator.content_distance(pictures[0], pictures[2])
    with pytest.raises(ValueError, match="received"):
        evaluator.features(pictures[0][..., :1])


def test_nine_layers_from_conv1_to_fire9(evaluator: Evaluator, pictures: Pictures) -> None:
    channels = [feature.shape[-1] for feature in evaluator.features(pictures[0])]
    assert channels == [96, *(2 * expanded for _, expanded in _SQUEEZE.values())]


def test_ssim_is_1_for_the_same_picture_and_lower_for_a_noisy_one(pictures: Pictures) -> None:
    content, noisy, _ = pictures
    assert ssim(content, content) == pytest.approx(1.0)
    assert ssim(content, noisy) < 0.9
