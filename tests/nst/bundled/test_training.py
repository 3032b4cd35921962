"""A few steps of every training run on drawn pictures, with stand-ins for the teachers."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tools.train import curves, data, export, held_out, report
from tools.train.fit import Run, Schedule
from tools.train.recipe import VGG, Effort, Recipe, Sources
from tools.train.teacher import Teacher

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]

VECTOR_WIDTH = 6
EFFORT = Effort(minutes=100.0, bank_size=24, steps=3, side_px=32, batch=2)


def _mean_and_spread(style: tf.Tensor) -> tf.Tensor:
    mean, variance = tf.nn.moments(tf.convert_to_tensor(style), [1, 2], keepdims=True)
    return tf.concat([mean, tf.sqrt(variance)], -1)


def _recolour(content: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
    content = tf.convert_to_tensor(content)
    own = _mean_and_spread(content)
    return tf.clip_by_value((content - own[..., :3]) / (own[..., 3:] + 0.1) * vector[..., 3:] + vector[..., :3], 0, 1)


# Hidden activations with the real teacher's shapes: 32 channels at a quarter of the side, 16 at a half.
def _paint_with_hints(content: tf.Tensor, vector: tf.Tensor) -> list[tf.Tensor]:
    painted = _recolour(content, vector)
    quarter = tf.tile(tf.nn.avg_pool2d(painted, 4, 4, "VALID"), [1, 1, 1, 11])[..., :32]
    half = tf.tile(tf.nn.avg_pool2d(painted, 2, 2, "VALID"), [1, 1, 1, 6])[..., :16]
    return [painted, quarter, quarter, quarter, half]


TEACHER = Teacher(_mean_and_spread, _recolour, _paint_with_hints)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    root = tmp_path_factory.mktemp("training")
    rng = np.random.default_rng(0)
    for folder in ("photos", "styles", "features"):
        (root / folder).mkdir()
    for number in range(4):
        for folder in ("photos", "styles"):
            Image.fromarray(data.procedural_texture(80, rng)).save(root / folder / f"{number}.png")
    Image.fromarray(data.procedural_texture(80, rng)).save(root / "photos" / "coffee.png")
    np.savez(root / "features" / VGG, allow_pickle=False, **_random_vgg(rng))
    return Sources((root / "photos",), (root / "styles",), root, root / "features", root / "out")


def _random_vgg(rng: np.random.Generator) -> dict[str, np.ndarray]:
    arrays = {"preprocess/kernel": np.eye(3, dtype=np.float32)[None, None], "preprocess/bias": np.zeros(3, np.float32)}
    before = 3
    for block, (count, width) in enumerate(zip((2, 2, 4, 4, 1), (16, 32, 64, 128, 128), strict=True), 1):
        for number in range(1, count + 1):
            shape = (3, 3, before, width)
            kernel = rng.normal(0, np.sqrt(2 / (9 * before)), shape).astype(np.float32)
            arrays |= {f"block{block}_conv{number}/kernel": kernel}
            arrays |= {f"block{block}_conv{number}/bias": np.zeros(width, np.float32)}
            before = width
    return arrays


def test_held_out_pictures_are_left_out(sources: Sources) -> None:
    assert [path.stem for path in held_out.training_pictures(sources.photos)] == ["0", "1", "2", "3"]
    assert list(held_out.held_out_pictures(sources.photos, held_out.HELD_OUT_PHOTOS)) == ["coffee"]
    assert len(set(held_out.HELD_OUT_PHOTOS)) == 8
    assert len(set(held_out.HELD_OUT_STYLES)) == 12


def test_whole_recipe_in_a_few_steps(sources: Sources) -> None:
    recipe = Recipe(sources, EFFORT, TEACHER)
    network = recipe.train_transformer() | recipe.train_encoder()
    size = export.export(sources.out / "weights" / "network.npz", network)
    assert 0 < size <= 1_500_000
    assert 0 < export.export(sources.out / "weights" / "extractor.npz", recipe.train_extractor()) <= 1_000_000
    trial = report.trial_network(sources.out / "weights" / "network.npz")
    assert trial.vector_width == VECTOR_WIDTH
    assert trial.transform(tf.zeros([1, 40, 50, 3]), trial.style_vector(tf.zeros([1, 30, 30, 3]))).shape == (
        1,
        40,
        50,
        3,
    )
    _check_papers(sources, recipe)


def _check_papers(sources: Sources, recipe: Recipe) -> None:
    curves.draw_curves(recipe.histories, sources.out / "curves.png")
    report.write_model_card(sources.out / "MODEL_CARD.md", recipe, {"network": {"R": 0.5}}, {"minutes": 1})
    assert "network R: 0.500" in (sources.out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "network.npz" in export.write_checksums(sources.out / "weights").read_text(encoding="utf-8")
    assert recipe.histories["encoder"][-1]["step"] == EFFORT.steps


def _toward(run: Run) -> object:
    return lambda wanted: {"loss": tf.reduce_mean(tf.square(run.variables["x"] - wanted))}


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    """Two halves with a stop between them end where one whole run ends."""
    batches = [(np.full(3, value, np.float32),) for value in np.linspace(0, 1, 20)]
    start = {"x": np.ones(3, np.float32)}

    def schedule(steps: int) -> Schedule:
        return Schedule(limit_s=1e6, limit_steps=steps, peak_rate=0.1, final_rate=0.1, warm_up_steps=1)

    whole = Run(tmp_path / "whole.npz", start)
    expected = whole.train(schedule(20), iter(batches), _toward(whole))  # type: ignore[arg-type]
    first = Run(tmp_path / "halves.npz", start)
    first.train(schedule(10), iter(batches), _toward(first))  # type: ignore[arg-type]
    second = Run(tmp_path / "halves.npz", start)
    assert second.step == 10
    result = second.train(schedule(20), iter(batches[10:]), _toward(second))  # type: ignore[arg-type]
    np.testing.assert_allclose(result["x"], expected["x"], atol=1e-6)
    assert len(second.history) == 2


def test_exports_are_reproducible_and_refuse_what_float16_cannot_hold(tmp_path: Path) -> None:
    weights = {"a": np.ones((2, 2), np.float32)}
    export.export(tmp_path / "1.npz", weights)
    export.export(tmp_path / "2.npz", weights)
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    with np.load(tmp_path / "1.npz", allow_pickle=False) as stored:
        assert stored.files == ["a"]
    with pytest.raises(ValueError, match="float16"):
        export.export(tmp_path / "3.npz", {"a": np.array([1e6])})


def test_augmentation_keeps_shape_and_range() -> None:
    rng = np.random.default_rng(0)
    for _ in range(10):
        first, second = (data.procedural_texture(64, rng) for _ in range(2))
        crop = data.random_crop(first, 48, rng)
        assert crop.shape == data.shift_colours(crop, rng).shape == (48, 48, 3)
        assert data.blend(first, second, rng).dtype == np.uint8
        assert first.std() > 1
