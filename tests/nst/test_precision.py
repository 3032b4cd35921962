from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst.fast import precision
from nst.fast.load import load_module
from nst.fast.network import SplitModule, probe
from nst.fast.precision import ReducedPrecision, processor_has_bfloat16

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def network(small_modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> SplitModule:
    module = load_module(small_modules.save_splittable(tmp_path_factory.mktemp("precision") / "small"))
    assert isinstance(module, SplitModule)
    return module


def test_without_the_instructions_nothing_changes(network: SplitModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_INSTRUCTIONS", frozenset({"no_such_instruction"}))
    assert not processor_has_bfloat16()
    content = np.random.default_rng(1).random((1, 64, 64, 3), np.float32)
    vector = network.style_vector(content)
    assert np.array_equal(ReducedPrecision(network).transform(content, vector), network.transform(content, vector))


@pytest.mark.skipif(not processor_has_bfloat16(), reason="this processor has no bfloat16")
@pytest.mark.parametrize("allowed", [2 / 255, 0.0])
def test_the_stand_in_suffers_and_keeps_float32(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch, allowed: float
) -> None:
    module = load_module(stand_in)
    assert isinstance(module, SplitModule)
    monkeypatch.setattr(precision, "LARGEST_ERROR", allowed)
    content = probe(256, 256)[:, :192, :128]
    vector = module.style_vector(content)
    assert np.array_equal(ReducedPrecision(module).transform(content, vector), module.transform(content, vector))


@pytest.mark.skipif(not processor_has_bfloat16(), reason="this processor has no bfloat16")
@pytest.mark.parametrize("traced", [False, True])
def test_where_it_is_allowed_it_is_for_these_calls_only(
    stand_in: Path, monkeypatch: pytest.MonkeyPatch, traced: bool
) -> None:
    module = load_module(stand_in, traced=traced)
    assert isinstance(module, SplitModule)
    monkeypatch.setattr(precision, "LARGEST_ERROR", 1.0)
    content = probe(256, 256)[:, :192, :128]
    vector = module.style_vector(content)
    exact = module.transform(content, vector)
    assert np.abs(ReducedPrecision(module).transform(content, vector) - exact).max() > 2 / 255
    assert np.array_equal(module.transform(content, vector), exact)
