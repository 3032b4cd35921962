"""Feature extractors of the Gatys method: from a name to a network that is ready to look at pictures.

Every extractor takes RGB float32 [1, h, w, 3] in 0..1, does its own preprocessing, and gives activations by layer.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tensorflow as tf

from nst.errors import OperatorError, UserError
from nst.extractors.half_gradients import Features, held_gradients
from nst.extractors.table import ENTRIES, VGG_STYLE, Entry
from nst.extractors.vgg import Padding, Pooling, Precision, random_vgg, vgg_features
from nst.extractors.weights import VGG_BLOCKS, VggWeights, cached, fetch, identity, read_vgg, vgg_layers
from nst.method import MethodSettings, Notice

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)  # by identity: its notices hold dicts, and two loads are two networks
class Extractor:
    """A network that is ready to look at pictures.

    Attributes:
        name: As in ``options.EXTRACTORS``.
        model: Identity of its weights, and of its precision where that is reduced, for caches and recipes.
        style_layers: Fine to coarse.
        content_layer: Where content is compared.
        features: Image [1, h, w, 3] float32 0..1 -> activations [1, h', w', N] of those layers; differentiable.
        min_side_px: Smallest side that it can look at.
        notices: What the user should know about it.
    """

    name: str
    model: str
    style_layers: tuple[str, ...]
    content_layer: str
    features: Features
    min_side_px: int = 32
    notices: tuple[Notice, ...] = ()


def load_extractor(
    name: str | None,
    settings: MethodSettings,
    *,
    pooling: Pooling = "max",
    padding: Padding = "reflect",
    random_seed: int | None = None,
    precision: Precision = "float32",
) -> Extractor:
    """Load an extractor with its weights.

    Args:
        name: One of ``options.EXTRACTORS``; None takes the best at hand: the operator's VGG file, Keras' VGG19, or
            the bundled one with a notice.
        settings: ``vgg_weights``, ``model_cache`` and ``keras_weights_url`` are read.
        pooling: ``average`` as in Gatys et al. 2016, section 2, or ``max`` as trained; VGGs only.
        padding: ``zero`` as the VGGs were trained, or ``reflect``, which has no frame round the picture; VGGs only.
        random_seed: Not None: random weights, for studies only. Said loudly, since they are no fall-back: results
            are worse than a mere colour transport.
        precision: Of the convolutions; activations are float32 in any case.

    Raises:
        OperatorError: ``weights_missing`` (an unreachable host within 5 s) or ``model_unusable``.
        UserError: ``option_out_of_range`` for an unknown name.
    """
    looks = Looks(pooling, padding, precision)
    if name is None:
        return _best_at_hand(settings, looks)
    if name == "bundled":
        return _bundled(precision)
    if name not in ENTRIES:
        allowed = ", ".join([*ENTRIES, "bundled"])
        raise UserError("option_out_of_range", {"option": "extractor", "received": name[:40], "allowed": allowed})
    if name in VGG_BLOCKS:
        return _vgg(name, settings, looks, random_seed)
    return _keras(name, settings, random_seed, precision)


@dataclass(frozen=True)
class Looks:
    """How a VGG is computed; see ``load_extractor``."""

    pooling: Pooling
    padding: Padding
    precision: Precision


def _best_at_hand(settings: MethodSettings, looks: Looks) -> Extractor:
    if settings.vgg_weights:
        return _vgg_from_file(settings, looks)
    try:
        return _vgg("vgg19", settings, looks, None)
    except OperatorError as missing:
        log.warning("no VGG-19 (%s): taking the bundled extractor", missing.detail.get("reason"))
        reason = str(missing.detail.get("reason", ""))[:200]
        bundled = _bundled(looks.precision)
        return replace(bundled, notices=(Notice("bundled_extractor", {"reason": reason}),))


def _bundled(precision: Precision) -> Extractor:
    try:
        from nst.bundled import layers
        from nst.bundled.extractor import load_bundled_extractor

        network = load_bundled_extractor()
    except (ImportError, OSError) as error:
        raise OperatorError("weights_missing", {"model": "bundled", "reason": str(error)[:200]}) from error

    def reduced(image: tf.Tensor) -> dict[str, tf.Tensor]:
        found = layers.extract(image, network.weights, tf.as_dtype(precision))
        return {name: found[name] for name in layers.READ_OUT}

    features = network.features if precision == "float32" else reduced
    return Extractor(
        "bundled", network.identity + _suffix(precision), VGG_STYLE, "block4_conv2", _held(features, precision)
    )


def _suffix(precision: Precision) -> str:
    return "" if precision == "float32" else f":{precision}"


def _held(features: Features, precision: Precision) -> Features:
    return held_gradients(features) if precision == "float16" else features


def _vgg(name: str, settings: MethodSettings, looks: Looks, random_seed: int | None) -> Extractor:
    if random_seed is not None:
        weights = random_vgg(name, random_seed)
        return _vgg_extractor(name, f"random:{random_seed}", weights, looks, _random_notice(name))
    if settings.vgg_weights:
        extractor = _vgg_from_file(settings, looks)
        if extractor.name == name:
            return extractor
    file = _weights_file(name, settings)
    return _vgg_extractor(name, f"imagenet:{ENTRIES[name].download.md5[:12]}", read_vgg(file)[1], looks)


def _weights_file(name: str, settings: MethodSettings) -> Path:
    download = ENTRIES[name].download
    if settings.download:
        return fetch(name, download, settings.model_cache, settings.keras_weights_url)
    if file := cached(download, settings.model_cache):
        return file
    reason = "not on this machine, and nothing is downloaded now"
    raise OperatorError("weights_missing", {"model": name, "reason": reason})


def _vgg_from_file(settings: MethodSettings, looks: Looks) -> Extractor:
    file = Path(settings.vgg_weights)
    name, weights = read_vgg(file)
    return _vgg_extractor(name, f"file:{identity(file)}", weights, looks)


def _vgg_extractor(
    name: str, source: str, weights: VggWeights, looks: Looks, notices: tuple[Notice, ...] = ()
) -> Extractor:
    present = vgg_layers(name, weights)
    style = tuple(layer for layer in VGG_STYLE if layer in present)
    content = ENTRIES[name].content_layer if ENTRIES[name].content_layer in present else style[-1]
    model = f"{name}:{source}:{looks.pooling}:{looks.padding}{_suffix(looks.precision)}"
    features = vgg_features(name, weights, (*style, content), looks.pooling, looks.padding, looks.precision)
    features = _held(features, looks.precision)
    return Extractor(name, model, style, content, features, ENTRIES[name].min_side_px, notices)


def _random_notice(name: str) -> tuple[Notice, ...]:
    log.warning("%s HAS RANDOM WEIGHTS: fit for studies only, worse than a mere colour transport", name)
    return (Notice("random_extractor", {"extractor": name}),)


def _keras(name: str, settings: MethodSettings, random_seed: int | None, precision: Precision) -> Extractor:
    entry = ENTRIES[name]
    notices: tuple[Notice, ...] = ()
    file = None
    if random_seed is None:
        source = f"imagenet:{entry.download.md5[:12]}"
        file = str(_weights_file(name, settings))
    else:
        _seed_keras(random_seed)
        source, notices = f"random:{random_seed}", _random_notice(name)
    model = f"{name}:{source}{_suffix(precision)}"
    features = _held(keras_features(entry, file, precision), precision)
    return Extractor(name, model, entry.style_layers, entry.content_layer, features, entry.min_side_px, notices)


def _seed_keras(seed: int) -> None:
    import keras

    keras.utils.set_random_seed(seed)


def keras_features(entry: Entry, weights: str | None, precision: Precision = "float32") -> Features:
    """A network of keras.applications as a function of pictures in 0..1.

    Args:
        entry: Which one.
        weights: File of its weights without the classifier; None for random ones.
        precision: Of all its layers; activations are float32.
    """
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32" if precision == "float32" else f"mixed_{precision}")
    try:
        build = getattr(keras.applications, entry.builder)
        model = build(include_top=False, weights=weights, input_shape=(None, None, 3))
    finally:
        keras.config.set_dtype_policy(before)
    model.trainable = False
    layers = tuple(dict.fromkeys((*entry.style_layers, entry.content_layer)))
    inner = keras.Model(model.input, {layer: _output(model, layer) for layer in layers})
    preprocess = getattr(keras.applications, entry.module).preprocess_input

    def features(image: tf.Tensor) -> dict[str, tf.Tensor]:
        # [1, h, w, 3] in 0..255, then each network's own scale, channel order and mean.
        found = inner(preprocess(image * 255.0), training=False)
        return {layer: tf.cast(activation, tf.float32) for layer, activation in found.items()}

    return features


def _output(model: Any, layer: str) -> Any:
    if layer.startswith("relu") and layer[4:].isdigit():
        activations = [each for each in model.layers if each.__class__.__name__ == "Activation"]
        return activations[int(layer[4:]) - 1].output
    return model.get_layer(layer).output
