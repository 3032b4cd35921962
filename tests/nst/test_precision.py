from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst import precision
from nst.hub_module import SplitModule, load_module
from nst.precision import LARGEST_RMS_ERROR, ReducedPrecision, processor_has_bfloat16

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


def test_a_network_that_suffers_keeps_float32(network: SplitModule, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "LARGEST_RMS_ERROR", 0.0)
    content = np.random.default_rng(1).random((1, 64, 64, 3), np.float32)
    vector = network.style_vector(content)
    assert np.array_equal(ReducedPrecision(network).transform(content, vector), network.transform(content, vector))


@pytest.mark.skipif(not processor_has_bfloat16(), reason="this processor has no bfloat16")
def test_the_stand_in_stays_close_and_float32_comes_back(stand_in: Path) -> None:
    module = load_module(stand_in)
    assert isinstance(module, SplitModule)
    content = precision._probe()[:, :192, :128]
    vector = module.style_vector(content)
    exact = module.transform(content, vector)
    rough = ReducedPrecision(module).transform(content, vector)
    assert 0 < np.sqrt(np.square(exact - rough).mean()) < LARGEST_RMS_ERROR
    assert np.array_equal(module.transform(content, vector), exact)
