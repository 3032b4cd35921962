"""The style layers' own weights, with a tiny random VGG."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

import tensorflow as tf  # noqa: E402

from nst import losses  # noqa: E402
from nst.errors import UserError  # noqa: E402
from nst.gatys.method import Gatys  # noqa: E402
from nst.method import MethodSettings, stylize  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402

RNG = np.random.default_rng(3)
CONTENT, STYLE = (Picture(RNG.uniform(size=(48, 48, 3)).astype(np.float32)) for _ in range(2))
STYLE.rgb[:, ::4] = (0.9, 0.2, 0.1)
PRESETS = ("default", "gatys2016")


@pytest.fixture(scope="module")
def gatys() -> Gatys:
    return Gatys(MethodSettings())


def painted(gatys: Gatys, preset: str, *weights: float) -> Picture:
    chosen = StyleOptions(
        method="gatys", extractor="bundled", gatys_preset=preset, steps=15, content_weight=1e-6, layer_weights=weights
    )
    return stylize(gatys, CONTENT, [STYLE], chosen).picture


def miss(gatys: Gatys, picture: Picture, layer: int) -> float:
    """How far a picture's Gram matrix is from the style's in one layer, relative to the style's."""
    extractor = gatys.extractor(StyleOptions(method="gatys", extractor="bundled"))
    found = [extractor.features(tf.constant(each.rgb[None])) for each in (picture, STYLE)]
    G, A = (losses.moments(each[extractor.style_layers[layer]]).second for each in found)
    return float(losses.relative_gram_loss(G, A))


@pytest.mark.parametrize("preset", PRESETS)
def test_equal_weights_are_no_weights_bit_for_bit(gatys: Gatys, preset: str) -> None:
    np.testing.assert_array_equal(painted(gatys, preset).rgb, painted(gatys, preset, 3, 3, 3, 3, 3).rgb)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_layer_that_counts_is_met_and_one_that_does_not_is_not(gatys: Gatys, preset: str) -> None:
    fine, coarse = painted(gatys, preset, 1, 0, 0, 0, 0), painted(gatys, preset, 0, 0, 0, 0, 1)
    assert miss(gatys, fine, 0) < 0.7 * miss(gatys, coarse, 0)
    assert miss(gatys, coarse, 4) < 0.7 * miss(gatys, fine, 4)


def test_as_many_weights_as_layers_or_a_clear_word(gatys: Gatys) -> None:
    with pytest.raises(UserError, match="5 weights, one per style layer"):
        painted(gatys, "default", 1, 2)


def test_weights_travel_and_nonsense_is_refused() -> None:
    options = StyleOptions(method="gatys", layer_weights=(1.0, 0.0, 2.0))
    assert StyleOptions.from_dict(options.as_dict()) == options
    assert options.emphasis(3) == (1.0, 0.0, 2.0)
    for wrong in ((-1.0,), (0.0, 0.0), (1.0,) * 9, (float("nan"),)):
        with pytest.raises(UserError, match="layer_weights"):
            StyleOptions(layer_weights=wrong)
    with pytest.raises(UserError, match="layer_weights"):
        StyleOptions.from_dict({"layer_weights": "all"})
