"""Feature extractors of the Gatys method: one table, one loader. Adding one is one entry in ``ENTRIES``.

Every extractor takes RGB float32 [1, h, w, 3] in 0..1, does its own preprocessing, and gives activations by layer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import tensorflow as tf

from nst.errors import OperatorError, UserError
from nst.extractor_weights import VGG_BLOCKS, Download, VggWeights, fetch, identity, read_vgg, vgg_layers
from nst.method import MethodSettings, Notice

log = logging.getLogger(__name__)

Features = Callable[[tf.Tensor], dict[str, tf.Tensor]]
Pooling = Literal["max", "average"]
Padding = Literal["reflect", "zero"]
_MEAN_BGR = (103.939, 116.779, 123.68)  # ImageNet's, as Caffe's VGG was trained with
_VGG_STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")


@dataclass(frozen=True)
class Entry:
    """One extractor of keras.applications.

    Attributes:
        builder: Its function in ``keras.applications``.
        module: Its module there, whose ``preprocess_input`` it wants.
        style_layers: Fine to coarse. ``relu3`` means the third Activation layer, for layers that Keras does not name.
        content_layer: A deeper layer that still knows where things are.
        download: Keras' weights without the classifier.
        min_side_px: Smallest side that it can look at.
    """

    builder: str
    module: str
    style_layers: tuple[str, ...]
    content_layer: str
    download: Download
    min_side_px: int = 32


def _file(folder: str, name: str, md5: str) -> Download:
    return Download(f"{folder}/{name}_weights_tf_dim_ordering_tf_kernels_notop.h5", md5)


ENTRIES: dict[str, Entry] = {
    "vgg19": Entry(  # the paper's own
        "VGG19", "vgg19", _VGG_STYLE, "block4_conv2", _file("vgg19", "vgg19", "253f8cb515780f3b799900260a226db6")
    ),
    "vgg16": Entry(
        "VGG16", "vgg16", _VGG_STYLE, "block4_conv2", _file("vgg16", "vgg16", "6d6bbae143d832006294945121d1f1fc")
    ),
    "inception_v3": Entry(
        "InceptionV3",
        "inception_v3",
        ("relu1", "relu3", "relu5", "mixed1", "mixed3"),
        "mixed2",
        _file("inception_v3", "inception_v3", "bcbd6486424b2319ff4ef7d526e38f63"),
        min_side_px=80,
    ),
    "xception": Entry(
        "Xception",
        "xception",
        (
            "block1_conv1_act",
            "block1_conv2_act",
            "block2_sepconv2_act",
            "block3_sepconv2_act",
            "block4_sepconv2_act",
        ),
        "block4_sepconv1_act",
        _file("xception", "xception", "b0042744bf5b25fce3cb969f33bebb97"),
        min_side_px=72,
    ),
    "densenet121": Entry(
        "DenseNet121",
        "densenet",
        ("conv1_relu", "pool2_relu", "pool3_relu", "conv4_block12_concat"),
        "conv3_block6_concat",
        _file("densenet", "densenet121", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    "resnet50": Entry(
        "ResNet50",
        "resnet",
        ("conv1_relu", "conv2_block1_out", "conv2_block3_out", "conv3_block4_out", "conv4_block3_out"),
        "conv3_block2_out",
        _file("resnet", "resnet50", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    "resnet50_v2": Entry(
        "ResNet50V2",
        "resnet_v2",
        (
            "conv2_block1_preact_relu",
            "conv2_block2_preact_relu",
            "conv2_block3_2_relu",
            "conv3_block4_preact_relu",
            "conv4_block3_preact_relu",
        ),
        "conv3_block2_preact_relu",
        _file("resnet", "resnet50v2", "fac2f116257151a9d068a22e544a4917"),
    ),
}


@dataclass(frozen=True, eq=False)  # by identity: its notices hold dicts, and two loads are two networks
class Extractor:
    """A network that is ready to look at pictures.

    Attributes:
        name: As in ``options.EXTRACTORS``.
        model: Identity of its weights, for caches and recipes.
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
) -> Extractor:
    """Load an extractor with its weights.

    Args:
        name: One of ``options.EXTRACTORS``; None takes the best at hand: the operator's VGG file, Keras' VGG19, or
            the bundled one with a notice.
        settings: ``vgg_weights`` and ``model_cache`` are read.
        pooling: ``average`` as in Gatys et al. 2016, section 2, or ``max`` as trained; VGGs only.
        padding: ``zero`` as the VGGs were trained, or ``reflect``, which has no frame round the picture; VGGs only.
        random_seed: Not None: random weights, for studies only. Said loudly, since they are no fall-back: results
            are worse than a mere colour transport.

    Raises:
        OperatorError: ``weights_missing`` (an unreachable host within 5 s) or ``model_unusable``.
        UserError: ``option_out_of_range`` for an unknown name.
    """
    if name is None:
        return _best_at_hand(settings, pooling, padding)
    if name == "bundled":
        return _bundled()
    if name not in ENTRIES:
        allowed = ", ".join([*ENTRIES, "bundled"])
        raise UserError("option_out_of_range", {"option": "extractor", "received": name[:40], "allowed": allowed})
    if name in VGG_BLOCKS:
        return _vgg(name, settings, pooling, padding, random_seed)
    return _keras(name, settings, random_seed)


def _best_at_hand(settings: MethodSettings, pooling: Pooling, padding: Padding) -> Extractor:
    if settings.vgg_weights:
        return _vgg_from_file(Path(settings.vgg_weights), pooling, padding)
    try:
        return _vgg("vgg19", settings, pooling, padding, None)
    except OperatorError as missing:
        log.warning("no VGG-19 (%s): taking the bundled extractor", missing.detail.get("reason"))
        reason = str(missing.detail.get("reason", ""))[:200]
        bundled = _bundled()
        return replace(bundled, notices=(Notice("bundled_extractor", {"reason": reason}),))


def _bundled() -> Extractor:
    try:
        from nst.bundled.extractor import load_bundled_extractor

        network = load_bundled_extractor()
    except (ImportError, OSError) as error:
        raise OperatorError("weights_missing", {"model": "bundled", "reason": str(error)[:200]}) from error
    return Extractor("bundled", network.identity, _VGG_STYLE, "block4_conv2", network.features)


def _vgg(name: str, settings: MethodSettings, pooling: Pooling, padding: Padding, random_seed: int | None) -> Extractor:
    if random_seed is not None:
        weights = _random_vgg(name, random_seed)
        return _vgg_extractor(name, f"random:{random_seed}", weights, pooling, padding, _random_notice(name))
    if settings.vgg_weights:
        extractor = _vgg_from_file(Path(settings.vgg_weights), pooling, padding)
        if extractor.name == name:
            return extractor
    file = fetch(name, ENTRIES[name].download, settings.model_cache)
    return _vgg_extractor(name, f"imagenet:{ENTRIES[name].download.md5[:12]}", read_vgg(file)[1], pooling, padding)


def _vgg_from_file(file: Path, pooling: Pooling, padding: Padding) -> Extractor:
    name, weights = read_vgg(file)
    return _vgg_extractor(name, f"file:{identity(file)}", weights, pooling, padding)


def _vgg_extractor(
    name: str,
    source: str,
    weights: VggWeights,
    pooling: Pooling,
    padding: Padding,
    notices: tuple[Notice, ...] = (),
) -> Extractor:
    present = vgg_layers(name, weights)
    style = tuple(layer for layer in _VGG_STYLE if layer in present)
    content = ENTRIES[name].content_layer if ENTRIES[name].content_layer in present else style[-1]
    model = f"{name}:{source}:{pooling}:{padding}"
    features = vgg_features(name, weights, (*style, content), pooling, padding)
    return Extractor(name, model, style, content, features, ENTRIES[name].min_side_px, notices)


def vgg_features(
    name: str, weights: VggWeights, layers: tuple[str, ...], pooling: Pooling = "max", padding: Padding = "reflect"
) -> Features:
    """A VGG as a plain function (Simonyan and Zisserman 2014), computed no deeper than the layers asked for.

    Args:
        name: ``vgg16`` or ``vgg19``.
        weights: From ``read_vgg``; ``preprocess`` replaces Caffe's BGR·255 − mean where it is given.
        layers: Layers to return.
        pooling: ``max`` or ``average``.
        padding: ``zero`` is Keras' VGG to the last bit of its layers; ``reflect`` also pools the odd last row and
            column, which would otherwise be free to become anything.
    """
    constants = {key: tf.constant(value) for key, value in weights.items()}
    names = vgg_layers(name, weights)
    names = names[: max(names.index(layer) for layer in layers) + 1]
    pool = tf.nn.max_pool2d if pooling == "max" else tf.nn.avg_pool2d
    mode, edge = ("REFLECT", "SAME") if padding == "reflect" else ("CONSTANT", "VALID")

    def features(image: tf.Tensor) -> dict[str, tf.Tensor]:
        x, found = _vgg_input(image, constants), {}
        for layer in names:
            if layer.endswith("_conv1") and layer != "block1_conv1":
                x = pool(x, 2, 2, edge)
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode)
            x = tf.nn.relu(tf.nn.conv2d(x, constants[f"{layer}/kernel"], 1, "VALID") + constants[f"{layer}/bias"])
            if layer in layers:
                found[layer] = x
        return found

    return features


def _vgg_input(image: tf.Tensor, constants: dict[str, tf.Tensor]) -> tf.Tensor:
    if "preprocess/kernel" in constants:
        return tf.nn.conv2d(image, constants["preprocess/kernel"], 1, "VALID") + constants["preprocess/bias"]
    return image[..., ::-1] * 255.0 - tf.constant(_MEAN_BGR)


def _random_vgg(name: str, seed: int) -> VggWeights:
    """He-normal kernels of the published widths."""
    generator, weights, channels = np.random.default_rng(seed), {}, 3
    for block, length in enumerate(VGG_BLOCKS[name], 1):
        width = min(64 * 2 ** (block - 1), 512)
        for index in range(1, length + 1):
            deviation = np.sqrt(2 / (9 * channels))
            kernel = generator.normal(0, deviation, (3, 3, channels, width)).astype(np.float32)
            weights[f"block{block}_conv{index}/kernel"] = kernel
            weights[f"block{block}_conv{index}/bias"] = np.zeros(width, np.float32)
            channels = width
    return weights


def _random_notice(name: str) -> tuple[Notice, ...]:
    log.warning("%s HAS RANDOM WEIGHTS: fit for studies only, worse than a mere colour transport", name)
    return (Notice("random_extractor", {"extractor": name}),)


def _keras(name: str, settings: MethodSettings, random_seed: int | None) -> Extractor:
    entry = ENTRIES[name]
    if random_seed is None:
        source = f"imagenet:{entry.download.md5[:12]}"
        features = keras_features(entry, str(fetch(name, entry.download, settings.model_cache)))
        notices: tuple[Notice, ...] = ()
    else:
        _seed_keras(random_seed)
        source, features, notices = f"random:{random_seed}", keras_features(entry, None), _random_notice(name)
    return Extractor(
        name, f"{name}:{source}", entry.style_layers, entry.content_layer, features, entry.min_side_px, notices
    )


def _seed_keras(seed: int) -> None:
    import keras

    keras.utils.set_random_seed(seed)


def keras_features(entry: Entry, weights: str | None) -> Features:
    """A network of keras.applications as a function of pictures in 0..1.

    Args:
        entry: Which one.
        weights: File of its weights without the classifier; None for random ones.
    """
    import keras

    model = getattr(keras.applications, entry.builder)(include_top=False, weights=weights, input_shape=(None, None, 3))
    model.trainable = False
    layers = tuple(dict.fromkeys((*entry.style_layers, entry.content_layer)))
    inner = keras.Model(model.input, {layer: _output(model, layer) for layer in layers})
    preprocess = getattr(keras.applications, entry.module).preprocess_input

    def features(image: tf.Tensor) -> dict[str, tf.Tensor]:
        # [1, h, w, 3] in 0..255, then each network's own scale, channel order and mean.
        return dict(inner(preprocess(image * 255.0), training=False))

    return features


def _output(model: Any, layer: str) -> Any:
    if layer.startswith("relu") and layer[4:].isdigit():
        activations = [each for each in model.layers if each.__class__.__name__ == "Activation"]
        return activations[int(layer[4:]) - 1].output
    return model.get_layer(layer).output
