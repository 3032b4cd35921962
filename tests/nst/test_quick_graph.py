from collections import Counter
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst.device import configure_tensorflow, has_gpu
from nst.fast import network
from nst.fast.execution import SessionParts
from nst.fast.graph import flatten
from nst.fast.load import load_module
from nst.fast.network import LARGEST_ROUNDING, Floats, SplitModule, probe
from nst.fast.rewrite_convolutions import (
    enlarged,
    enlarged_kernel,
    neighbours,
    neighbours_kernel,
    winograd,
    winograd_kernel,
)
from nst.fast.rewrite_norms import normalised, with_quick_norms

pytestmark = [pytest.mark.tensorflow, pytest.mark.skipif(has_gpu(), reason="graphs are rewritten for processors only")]

SHAPES = [(1, 1, 2), (1, 7, 10), (3, 8, 13)]


def random(*shape: int) -> Floats:
    return np.random.default_rng(len(shape) + sum(shape)).standard_normal(shape, np.float32)


def convolved(padded: Floats, kernel: Floats) -> Floats:
    plain: Floats = configure_tensorflow().nn.conv2d(padded, kernel, 1, "VALID").numpy()
    return plain


@pytest.mark.parametrize(("count", "height", "width"), SHAPES)
def test_each_form_is_the_plain_convolution(count: int, height: int, width: int) -> None:
    tf = configure_tensorflow()
    kernel = random(5, 4, 6, 3)
    padded = random(count, height + 4, width + 3, 6)
    few = neighbours(padded, neighbours_kernel(kernel)).numpy()
    np.testing.assert_allclose(few, convolved(padded, kernel), rtol=0, atol=1e-5)

    kernel = random(3, 3, 6, 5)
    padded = random(count, height + 2, width + 2, 6)
    many = winograd(padded, winograd_kernel(kernel)).numpy()
    np.testing.assert_allclose(many, convolved(padded, kernel), rtol=0, atol=2e-4)

    picture = random(count, height, width, 6)
    large = np.pad(picture.repeat(2, 1).repeat(2, 2), [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
    twice = enlarged(tf.constant(picture), enlarged_kernel(kernel)).numpy()
    np.testing.assert_allclose(twice, convolved(large, kernel), rtol=0, atol=2e-5)


def test_a_norm_is_a_batch_norm_of_one() -> None:
    tf = configure_tensorflow()
    picture, gain, shift = random(1, 7, 9, 5) * 3 + 2, random(1, 1, 1, 5), random(1, 1, 1, 5) + 1
    made = normalised(tf.constant(picture), tf.constant(gain), tf.constant(shift), 1e-3).numpy()
    mean, variance = picture.mean((1, 2), keepdims=True), picture.var((1, 2), keepdims=True)
    np.testing.assert_allclose(made, (picture - mean) / np.sqrt(variance + 1e-3) * gain + shift, rtol=0, atol=1e-5)


def test_what_is_no_norm_stays_as_it_is(enlarging: Path) -> None:
    flat = flatten(enlarging)
    cut = flat.cut()
    assert cut is not None
    names = [node.name for node in flat.definition.node]
    for statistics in (cut.statistics[::2], cut.statistics[1::2], ()):  # means alone, variances alone
        kept = with_quick_norms(flat, names, statistics).definition.node
        assert not any(node.op == "FusedBatchNormV3" for node in kept)
    replaced = with_quick_norms(flat, names, cut.statistics).definition.node
    assert sum(node.op == "FusedBatchNormV3" for node in replaced) == len(cut.statistics) / 2


@pytest.fixture(scope="module")
def enlarging(small_modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = small_modules.save_enlarging(tmp_path_factory.mktemp("quick") / "enlarging")
    return folder


def opened(folder: Path, *, quick: bool) -> SplitModule:
    flat = flatten(folder)
    cut = flat.cut()
    assert cut is not None
    return SplitModule(flat, cut, "", fold_bytes=0, quick=quick)


def operations(module: SplitModule) -> Counter[str]:
    parts = module._single.parts
    assert isinstance(parts, SessionParts)
    loaded = parts._session._graph.get_operations()
    return Counter(operation.type for operation in loaded if operation.name.startswith(parts._scope))


def test_every_pattern_is_found_and_changes_nothing_that_can_be_seen(enlarging: Path) -> None:
    plain, quick = opened(enlarging, quick=False), opened(enlarging, quick=True)
    assert operations(plain)["Conv2D"] == 4
    assert operations(plain)["ResizeNearestNeighbor"] == 2
    found = operations(quick)
    # First layer plain, second by Winograd, third enlarging, fourth to three channels.
    assert (found["Conv2D"], found["BatchMatMulV2"], found["DepthToSpace"]) == (3, 1, 2)
    assert found["ResizeNearestNeighbor"] == 0
    assert found["FusedBatchNormV3"] == len(quick.cut.statistics) / 2
    assert found["Rsqrt"] == found["SquaredDifference"] == 0

    contents = np.concatenate([probe(50, 74), probe(50, 74)[:, ::-1] ** 2])
    vectors = quick.style_vector(np.concatenate([probe(64, 64)[..., ::-1], probe(64, 64)]))
    painted = quick.transform(contents, vectors)
    assert np.abs(painted - plain.transform(contents, vectors)).max() < LARGEST_ROUNDING
    assert np.abs(painted[1:] - quick.transform(contents[1:], vectors[1:])).max() < LARGEST_ROUNDING, "a batch of one"
    first, second = contents[:1], vectors[:1]
    assert (
        np.abs(painted[:1] - quick.transform(first, second, quick.norm_statistics(first, second))).max()
        < LARGEST_ROUNDING
    )
    dark = quick.norm_statistics(first * np.float32(0.2), second)
    assert np.abs(quick.transform(first, second, dark) - plain.transform(first, second, dark)).max() < LARGEST_ROUNDING


def test_what_only_looks_like_it_stays_as_it_is(small_modules: ModuleType, tmp_path: Path) -> None:
    folder = small_modules.save_enlarging(tmp_path / "thrice", factor=3)
    plain, quick = opened(folder, quick=False), opened(folder, quick=True)
    assert quick.quick
    assert operations(quick)["ResizeNearestNeighbor"] == 1  # the one by three; the one by one is gone
    content, vector = probe(50, 74), quick.style_vector(probe(64, 64))
    assert np.abs(quick.transform(content, vector) - plain.transform(content, vector)).max() < LARGEST_ROUNDING


def test_a_rewriting_that_paints_differently_is_dropped(enlarging: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "LARGEST_ROUNDING", 0.0)
    careful, plain = opened(enlarging, quick=True), opened(enlarging, quick=False)
    assert not careful.quick
    content, vector = probe(50, 74), plain.style_vector(probe(64, 64))
    assert np.array_equal(careful.transform(content, vector), plain.transform(content, vector))


def test_a_picture_of_one_colour_is_painted_as_the_module_came(enlarging: Path) -> None:
    plain, quick = opened(enlarging, quick=False), opened(enlarging, quick=True)
    grey, vector = np.full((1, 96, 128, 3), 0.3, np.float32), plain.style_vector(probe(64, 64))
    painted = plain.transform(grey, vector)
    assert np.array_equal(quick.transform(grey, vector), painted)
    by_statistics = quick.transform(grey, vector, quick.norm_statistics(grey, vector))
    assert np.abs(by_statistics - painted).max() < LARGEST_ROUNDING


def test_the_stand_in_is_rewritten(stand_in: Path) -> None:
    module = load_module(stand_in)
    assert isinstance(module, SplitModule)
    found = operations(module)
    assert (found["DepthToSpace"], found["ResizeNearestNeighbor"], found["FusedBatchNormV3"]) == (3, 0, 13)
    content = probe(256, 320)
    vector = module.style_vector(content[:, :, ::-1].copy())
    plain = opened(stand_in, quick=False)
    assert np.abs(module.transform(content, vector) - plain.transform(content, vector)).max() < LARGEST_ROUNDING
