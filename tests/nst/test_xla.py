from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nst.device import configure_tensorflow
from nst.fast.load import load_module
from nst.fast.method import Fast
from nst.fast.network import SplitModule, probe
from nst.fast.xla import compile_with_xla
from nst.method import MethodSettings, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture

Paint = Callable[..., Any]

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def folder(small_modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    saved: Path = small_modules.save_splittable(tmp_path_factory.mktemp("xla") / "small")
    return saved


@pytest.fixture
def module(folder: Path) -> SplitModule:
    loaded = load_module(folder, traced=True)
    assert isinstance(loaded, SplitModule)
    return loaded


def test_a_compiled_picture_differs_by_no_step(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    content, art = Picture(probe(120, 170)[0, ::-1]), Picture(probe(80, 80)[0, ::-1])
    methods = [Fast(MethodSettings(fast_model=str(folder), fast_xla=xla), bfloat16=False) for xla in (False, True)]
    wanted, made = (stylize(method, content, [art], StyleOptions()).picture.rgb for method in methods)
    assert 0 < np.abs(made - wanted).max() <= 1 / 255, "equal but for rounding, which is XLA's own"
    assert "XLA" not in caplog.text, "nothing had to be given up"


@pytest.mark.parametrize("says", ["XLA cannot compile", "XLA would change a pastiche by up to 2.0/255"])
def test_what_cannot_be_compiled_or_paints_differently_paints_as_it_came(
    module: SplitModule, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    tf = configure_tensorflow()
    content, vector = probe(64, 64), module.style_vector(probe(64, 64))
    wanted = module.transform(content, vector)

    def in_words(plain: Paint) -> Paint:  # XLA knows no strings
        return lambda *pair: tf.strings.to_number(tf.strings.as_string(plain(*pair)[0]))

    def lighter(plain: Paint) -> Paint:  # where it is traced to be compiled
        return lambda *pair: plain(*pair)[0] + (0 if tf.executing_eagerly() else 2 / 255)

    module.replace(in_words if "cannot" in says else lighter)
    assert not compile_with_xla(module)
    assert says in caplog.text
    assert np.abs(module.transform(content, vector) - wanted).max() < 1e-5


def test_only_a_traced_network_can_be_compiled(folder: Path) -> None:
    loaded = load_module(folder)
    assert isinstance(loaded, SplitModule)
    with pytest.raises(TypeError, match="traced"):
        compile_with_xla(loaded)
