"""VGG-16 and VGG-19 (Simonyan and Zisserman 2014) as plain functions, of any widths and any depth."""

from __future__ import annotations

from typing import Literal

import numpy as np
import tensorflow as tf

from nst.extractors.half_gradients import Features
from nst.extractors.weights import VGG_BLOCKS, VggWeights, vgg_layers

Pooling = Literal["max", "average"]
Padding = Literal["reflect", "zero"]
Precision = Literal["float32", "bfloat16", "float16"]
_MEAN_BGR = (103.939, 116.779, 123.68)  # ImageNet's, as Caffe's VGG was trained with
# Activations go into the tens of thousands, and float16 ends at 65504. A VGG of smaller inputs and biases is the same
# VGG with smaller activations, and a power of two rounds nothing.
_FLOAT16_UNIT = 1 / 16


def vgg_features(
    name: str,
    weights: VggWeights,
    layers: tuple[str, ...],
    pooling: Pooling = "max",
    padding: Padding = "reflect",
    precision: Precision = "float32",
) -> Features:
    """A VGG as a plain function (Simonyan and Zisserman 2014), computed no deeper than the layers asked for.

    Args:
        name: ``vgg16`` or ``vgg19``.
        weights: From ``read_vgg``; ``preprocess`` replaces Caffe's BGR·255 − mean where it is given.
        layers: Layers to return.
        pooling: ``max`` or ``average``.
        padding: ``zero`` is Keras' VGG to the last bit of its layers; ``reflect`` also pools the odd last row and
            column, which would otherwise be free to become anything.
        precision: Of the convolutions; activations are handed over as float32 in any case, for Gram matrices and
            losses need its digits. Gradients by a picture in float16 need ``half_gradients``.
    """
    dtype, unit = tf.as_dtype(precision), _FLOAT16_UNIT if precision == "float16" else 1.0
    constants = {key: tf.constant(value) for key, value in weights.items()}
    cast = {key: tf.cast(value * (unit if key.endswith("/bias") else 1.0), dtype) for key, value in constants.items()}
    names = vgg_layers(name, weights)
    names = names[: max(names.index(layer) for layer in layers) + 1]
    pool = tf.nn.max_pool2d if pooling == "max" else tf.nn.avg_pool2d
    mode, edge = ("REFLECT", "SAME") if padding == "reflect" else ("CONSTANT", "VALID")

    def features(image: tf.Tensor) -> dict[str, tf.Tensor]:
        x, found = tf.cast(unit * _vgg_input(image, constants), dtype), {}
        for layer in names:
            if layer.endswith("_conv1") and layer != "block1_conv1":
                x = pool(x, 2, 2, edge)
            x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], mode)
            x = tf.nn.relu(tf.nn.conv2d(x, cast[f"{layer}/kernel"], 1, "VALID") + cast[f"{layer}/bias"])
            if layer in layers:
                found[layer] = tf.cast(x, tf.float32) / unit
        return found

    return features


def _vgg_input(image: tf.Tensor, constants: dict[str, tf.Tensor]) -> tf.Tensor:
    if "preprocess/kernel" in constants:
        return tf.nn.conv2d(image, constants["preprocess/kernel"], 1, "VALID") + constants["preprocess/bias"]
    return image[..., ::-1] * 255.0 - tf.constant(_MEAN_BGR)


def random_vgg(name: str, seed: int) -> VggWeights:
    """He-normal kernels of the published widths.

    Args:
        name: ``vgg16`` or ``vgg19``.
        seed: Of the generator.
    """
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
