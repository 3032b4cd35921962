import os
import shutil
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst.device import configure_tensorflow
from nst.errors import OperatorError
from nst.fast.graph import flatten
from nst.fast.load import WholeModule, fingerprint, load_module
from nst.fast.network import LARGEST_ROUNDING, Floats, SplitModule

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]


def pictures(*shapes: tuple[int, int]) -> list[Floats]:
    random = np.random.default_rng(7)
    return [random.random((1, height, width, 3), np.float32) for height, width in shapes]


def called_whole(folder: Path, content: Floats, style: Floats) -> Floats:
    """The tutorial's way: the loaded signature, nothing frozen, nothing cut."""
    tf = configure_tensorflow()
    function = tf.saved_model.load(str(folder)).signatures["serving_default"]
    names = list(function.structured_input_signature[1])
    ordered = sorted(names, key=lambda name: name == "art" or name.endswith("_1"))  # content first
    result = function(**{ordered[0]: tf.constant(content), ordered[1]: tf.constant(style)})
    painted: Floats = next(iter(result.values())).numpy()
    return painted


@pytest.fixture(scope="module")
def small(small_modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = small_modules.save_splittable(tmp_path_factory.mktemp("models") / "small")
    return folder


def assert_halves_are_the_whole(folder: Path, content: Floats, style: Floats) -> None:
    """Cutting changes no bit; quicker forms of the same sums change the seventh digit, see ``test_quick_graph``."""
    whole = called_whole(folder, content, style)
    flat = flatten(folder)
    cut = flat.cut()
    assert cut is not None
    assert np.abs(WholeModule(flat, "")(content, style) - whole).max() == 0, "the whole in a session"
    for traced in (True, False):
        unfolded = SplitModule(flat, cut, "", fold_bytes=0, quick=False, traced=traced)
        difference = unfolded.transform(content, unfolded.style_vector(style)) - whole
        assert np.abs(difference).max() == 0, f"traced: {traced}"
    module = load_module(folder)
    assert isinstance(module, SplitModule)
    assert np.abs(module.transform(content, module.style_vector(style)) - whole).max() < LARGEST_ROUNDING


def test_halves_of_the_stand_in_give_exactly_what_the_whole_gives(stand_in: Path) -> None:
    assert_halves_are_the_whole(stand_in, *pictures((130, 70), (100, 180)))
    module = load_module(stand_in)
    assert isinstance(module, SplitModule)
    assert module.vector_width == 100
    assert len(module.cut.statistics) == 26  # means and variances of 13 norms


def test_another_module_splits_by_its_structure(small: Path, small_modules: ModuleType) -> None:
    module = load_module(small)
    assert isinstance(module, SplitModule)
    assert module.vector_width == small_modules.WIDTH
    assert len(module.cut.statistics) == 4
    content, style = pictures((40, 56), (64, 48))
    vector = module.style_vector(style)
    assert vector.shape == (1, 1, 1, small_modules.WIDTH)
    assert_halves_are_the_whole(small, content, style)


def test_statistics_of_a_picture_change_nothing_for_itself_and_much_for_another(small: Path) -> None:
    module = load_module(small)
    assert isinstance(module, SplitModule)
    content, style, other = pictures((40, 56), (64, 48), (40, 56))
    vector = module.style_vector(style)
    painted = module.transform(content, vector)
    own = module.norm_statistics(content, vector)
    assert np.abs(module.transform(content, vector, own) - painted).max() < 1e-6
    dark = module.norm_statistics(other * 0.2, vector)
    assert np.abs(module.transform(content, vector, dark) - painted).max() > 0.05


def test_batches_are_what_single_pictures_are(small: Path) -> None:
    module = load_module(small)
    assert isinstance(module, SplitModule)
    contents = np.concatenate(pictures((40, 56), (40, 56), (40, 56)))
    vectors = module.style_vector(np.concatenate(pictures((64, 64), (64, 64), (64, 64)))[::-1].copy())
    together = module.transform(contents, vectors)
    for number in range(3):
        alone = module.transform(contents[number : number + 1], vectors[number : number + 1])
        assert np.abs(together[number] - alone[0]).max() < 1e-5


def test_a_module_without_a_style_vector_runs_whole(small_modules: ModuleType, tmp_path: Path) -> None:
    folder = small_modules.save_entangled(tmp_path / "entangled")
    module = load_module(folder)
    assert isinstance(module, WholeModule)
    content, style = pictures((40, 56), (64, 48))
    assert np.abs(module(content, style) - called_whole(folder, content, style)).max() < 1e-5


def test_identity_is_the_files_and_not_the_place(small: Path, small_modules: ModuleType, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(small, tmp_path / "elsewhere"))
    assert fingerprint(copy) == fingerprint(small)
    assert fingerprint(small_modules.save_splittable(tmp_path / "other", seed=1)) != fingerprint(small)


def test_what_is_no_such_model_says_so(small_modules: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"<html>not found</html>")
    with pytest.raises(OperatorError) as damaged:
        load_module(tmp_path)
    assert damaged.value.code == "model_unusable"
    with pytest.raises(OperatorError) as single:
        load_module(small_modules.save_one_input(tmp_path / "single"))
    assert "1 inputs" in str(single.value.detail["reason"])


def test_a_truncated_model_says_so(small: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(small, tmp_path / "broken"))
    data = next((broken / "variables").glob("*.data*"))
    os.truncate(data, data.stat().st_size // 2)
    with pytest.raises(OperatorError) as error:
        load_module(broken)
    assert error.value.code == "model_unusable"
