"""Reduced precision of the Gatys method: checked before it is used, exact to go on with, and no gradient is lost."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

from nst.extractors.load import load_extractor  # noqa: E402
from nst.extractors.weights import VGG_BLOCKS  # noqa: E402
from nst.fast.network import probe  # noqa: E402
from nst.gatys import precision as gatys_precision  # noqa: E402
from nst.gatys.method import Gatys  # noqa: E402
from nst.gatys.precision import precision_at_hand  # noqa: E402
from nst.method import MethodSettings, Request, stylize  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402
from nst.run_state import StateError  # noqa: E402

CONTENT = Picture(probe(40, 48)[0])
STYLE = Picture(CONTENT.rgb[::-1, ::-1, ::-1].copy())
OPTIONS = StyleOptions(method="gatys", steps=4)


def vgg(file: Path, loud: float = 1.0) -> MethodSettings:
    """A random VGG-19 of a few filters, down to its second block; ``loud`` multiplies what its first layer gives."""
    rng, arrays, channels = np.random.default_rng(2), {}, 3
    for block, (length, width) in enumerate(zip(VGG_BLOCKS["vgg19"][:2], (6, 8), strict=True), 1):
        for index in range(1, length + 1):
            kernel = rng.normal(0, np.sqrt(2 / (9 * channels)), (3, 3, channels, width))
            arrays[f"block{block}_conv{index}/kernel"] = (kernel * loud).astype(np.float32)
            arrays[f"block{block}_conv{index}/bias"] = rng.normal(0, 1, width).astype(np.float32)
            channels, loud = width, 1.0
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return MethodSettings(vgg_weights=str(file), gatys_precision="bfloat16")


@pytest.fixture(scope="module")
def reduced(tmp_path_factory: pytest.TempPathFactory) -> Gatys:
    """On a processor that says it has bfloat16: where it has not, TensorFlow computes it all the same, slowly."""
    gatys = Gatys(vgg(tmp_path_factory.mktemp("weights") / "tiny.npz"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gatys_precision, "_SIDE_PX", 64)
        patch.setattr(gatys_precision, "processor_has_bfloat16", lambda: True)
        assert gatys.extractor(OPTIONS).model.endswith(":bfloat16")
    return gatys


@pytest.fixture(scope="module")
def exact(reduced: Gatys) -> Gatys:
    return Gatys(MethodSettings(vgg_weights=reduced._settings.vgg_weights))


def test_where_it_passes_the_pastiche_is_another_by_little_and_says_so(reduced: Gatys, exact: Gatys) -> None:
    rough, fine = (stylize(each, CONTENT, [STYLE], OPTIONS) for each in (reduced, exact))
    assert rough.model == f"{fine.model}:bfloat16"
    difference = np.abs(rough.picture.rgb - fine.picture.rgb)
    assert 0 < difference.mean() < 2 / 255


def test_a_resumed_run_ends_bit_identical_and_no_run_changes_its_precision(reduced: Gatys, exact: Gatys) -> None:
    whole, run = reduced.begin(Request(CONTENT, [STYLE], OPTIONS)), reduced.begin(Request(CONTENT, [STYLE], OPTIONS))
    whole.advance()
    run.advance(budget_s=0.0)
    again = reduced.begin(Request(CONTENT, [STYLE], OPTIONS), run.state())
    again.advance()
    np.testing.assert_array_equal(again.picture().rgb, whole.picture().rgb)
    with pytest.raises(StateError):
        exact.begin(Request(CONTENT, [STYLE], OPTIONS), run.state())


def test_where_it_fails_nothing_changes_and_the_log_has_both_figures(
    reduced: Gatys, exact: Gatys, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gatys_precision, "processor_has_bfloat16", lambda: True)
    monkeypatch.setattr(gatys_precision, "_SIDE_PX", 64)
    monkeypatch.setattr(gatys_precision, "LARGEST_CHANGE", 0.0)
    with caplog.at_level(logging.INFO, logger="nst.gatys.precision"):
        strict = Gatys(reduced._settings).extractor(OPTIONS)
    assert strict.model == exact.extractor(OPTIONS).model
    image = tf.constant(CONTENT.rgb[None])
    for layer, activation in exact.extractor(OPTIONS).features(image).items():
        np.testing.assert_array_equal(strict.features(image)[layer], activation)
    line = next(message for message in caplog.messages if "bfloat16" in message)
    assert line.count("R 0.") == line.count("LP 0.") == 2
    assert line.endswith("it computes in float32")


def test_what_the_machine_has_not_or_nobody_asks_for_is_never_tried(
    reduced: Gatys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gatys_precision, "has_gpu", lambda: False)
    monkeypatch.setattr(gatys_precision, "processor_has_bfloat16", lambda: False)
    assert [precision_at_hand(asked) for asked in ("auto", "float32", "bfloat16")] == ["float32"] * 3
    monkeypatch.setattr(gatys_precision, "processor_has_bfloat16", lambda: True)
    assert [precision_at_hand(asked) for asked in ("auto", "float32", "bfloat16")] == ["float32", "float32", "bfloat16"]
    monkeypatch.setattr(gatys_precision, "has_gpu", lambda: True)
    assert [precision_at_hand(asked) for asked in ("auto", "float32", "bfloat16")] == ["float16", "float32", "bfloat16"]
    paper = reduced.extractor(OPTIONS.replace(gatys_preset="gatys2016"))
    assert paper.model.endswith(":average:zero")


@pytest.mark.parametrize("loss", [1e-12, 1e6])
def test_gradients_in_float16_are_those_of_float32_however_small_the_loss(tmp_path: Path, loss: float) -> None:
    settings = vgg(tmp_path / "loud.npz", loud=600.0)  # some activations lie beyond the end of float16
    gradients, largest = [], 0.0
    for precision in ("float32", "float16"):
        features = load_extractor(None, settings, precision=precision).features
        image = tf.constant(CONTENT.rgb[None])
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = features(image)
            total = loss * tf.add_n([tf.reduce_mean(tf.square(layer)) for layer in found.values()])
        largest = max(float(tf.reduce_max(layer)) for layer in found.values())
        gradients.append(tape.gradient(total, image).numpy())
    assert 65504 < largest < 1e6
    fine, rough = gradients
    assert np.abs(rough - fine).mean() < 0.01 * np.abs(fine).mean()
