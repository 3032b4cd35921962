from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nst.errors import Cancelled
from nst.fast.load import load_module
from nst.fast.network import Floats, SplitModule
from nst.fast.tiling import Painter, bucketed, receptive_radius_px

pytestmark = pytest.mark.tensorflow


def smooth(height: int, width: int, seed: int = 1) -> Floats:
    random = np.random.default_rng(seed)
    coarse = random.random((9, 9, 3), np.float32)
    rows, columns = (np.linspace(0, 8, side) for side in (height, width))
    down = np.stack([_along(coarse[:, :, c], rows) for c in range(3)], -1)
    across = np.stack([_along(down[:, :, c].T, columns).T for c in range(3)], -1)
    return np.clip(across + random.normal(0, 0.02, across.shape), 0, 1).astype(np.float32)


def _along(values: Floats, positions: Any) -> Floats:
    known = np.arange(len(values))
    columns = [np.interp(positions, known, values[:, column]) for column in range(values.shape[1])]
    return np.stack(columns, -1).astype(np.float32)


@pytest.fixture(scope="module")
def network(small_modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> SplitModule:
    module = load_module(small_modules.save_splittable(tmp_path_factory.mktemp("tiling") / "small"))
    assert isinstance(module, SplitModule)
    return module


@pytest.fixture(scope="module")
def vector(network: SplitModule) -> Floats:
    return network.style_vector(smooth(256, 256, 2)[None])


@pytest.mark.parametrize(("sides", "wanted"), [((64, 128), (64, 128)), ((65, 1), (128, 64)), ((3, 200), (64, 256))])
def test_buckets_continue_a_picture_by_reflection(sides: tuple[int, int], wanted: tuple[int, int]) -> None:
    rgb = smooth(*sides)
    padded = bucketed(rgb)
    assert padded.shape == (*wanted, 3)
    assert np.array_equal(padded[: sides[0], : sides[1]], rgb)
    if sides[0] == 65:
        assert np.array_equal(padded[65, :1], rgb[63])


def test_one_pass_is_the_network_itself(network: SplitModule, vector: Floats) -> None:
    rgb = smooth(128, 192)
    own = np.clip(network.transform(rgb[None], vector)[0], 0, 1)
    assert np.array_equal(Painter(network).paint(rgb, vector), own)


def test_tiles_are_the_whole_picture_with_the_same_statistics(network: SplitModule, vector: Floats) -> None:
    rgb = smooth(300, 430)
    tiled = Painter(network, one_pass_px=0, tile_px=192).paint(rgb, vector)
    statistics = network.norm_statistics(bucketed(rgb)[None], vector)
    whole = np.clip(network.transform(rgb[None], vector, statistics)[0], 0, 1)
    assert tiled.shape == rgb.shape
    inside = (slice(2, -2), slice(2, -2))  # this module pads with zeros where tiles go on by reflection
    assert np.abs(tiled - whole)[inside].max() < 1e-5


def test_the_radius_is_measured(network: SplitModule, vector: Floats) -> None:
    assert receptive_radius_px(network, vector) == 32  # two 3x3 convolutions reach 2 px; 32 is the least


def test_progress_counts_tiles_and_cancelling_stops_between_them(network: SplitModule, vector: Floats) -> None:
    told: list[float] = []
    painter = Painter(network, one_pass_px=0, tile_px=192)
    painter.paint(smooth(256, 256), vector, told.append)
    assert told == [0.25, 0.5, 0.75, 1.0]
    told.clear()
    with pytest.raises(Cancelled):
        painter.paint(smooth(256, 256), vector, told.append, lambda: len(told) == 2)
    assert told == [0.25, 0.5]


def test_seams_of_the_stand_in_cannot_be_seen(stand_in: Path) -> None:
    module = load_module(stand_in)
    assert isinstance(module, SplitModule)
    rgb = smooth(400, 500)
    style_vector = module.style_vector(smooth(256, 256, 2)[None])
    radius = receptive_radius_px(module, style_vector)
    assert 32 <= radius <= 64
    painted = Painter(module, one_pass_px=0, tile_px=256).paint(rgb, style_vector)
    statistics = module.norm_statistics(bucketed(rgb)[None], style_vector)
    whole = np.clip(module.transform(bucketed(rgb)[None], style_vector, statistics)[0, :400, :500], 0, 1)
    assert np.abs(painted - whole)[64:-64, 64:-64].max() < 2 / 255
    for axis in (0, 1):
        seams = np.arange(256 - 2 * radius, rgb.shape[axis], 256 - 2 * radius)
        tiled_steps, whole_steps = (_steps_across(picture, axis, seams) for picture in (painted, whole))
        assert tiled_steps <= 1.02 * whole_steps


def _steps_across(picture: Floats, axis: int, seams: Any) -> float:
    """RMS gradient across the seams."""
    steps = np.take(picture, seams, axis) - np.take(picture, seams - 1, axis)
    return float(np.sqrt(np.square(steps).mean()))
