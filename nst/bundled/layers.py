"""The layers of the bundled networks, as pure functions of a dictionary of weights.

Training uses them with variables, use with constants. Pictures are [N,h,w,C]; kernels HWIO.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

Weights = Mapping[str, tf.Tensor]
Statistics = Sequence[tuple[tf.Tensor, tf.Tensor]]

_EPSILON = 1e-3


class Layer(NamedTuple):
    """One convolution of the transformer, followed by a conditional instance norm."""

    name: str
    side: int
    channels_in: int
    channels_out: int
    stride: int = 1
    doubled: bool = False
    relu: bool = True


class Stage(NamedTuple):
    """One convolution of the encoder or extractor, followed by a ReLU."""

    name: str
    side: int
    channels_in: int
    channels_out: int
    stride: int = 1
    pooled: bool = False
    shortcut: bool = False


# Activations between these blocks have the teacher's widths, so that each block can be trained on its own.
RESIDUAL_BLOCKS = 5
TRANSFORMER: tuple[Layer, ...] = (
    Layer("stem", 9, 3, 8),
    Layer("half", 3, 8, 24, stride=2),
    Layer("down", 3, 24, 32, stride=2),
    *(
        layer
        for block in range(1, RESIDUAL_BLOCKS + 1)
        for layer in (Layer(f"residual{block}a", 3, 32, 48), Layer(f"residual{block}b", 3, 48, 32, relu=False))
    ),
    Layer("up1", 3, 32, 16, doubled=True),
    Layer("up2", 3, 16, 8, doubled=True),
    Layer("out", 7, 8, 3, relu=False),
)
NORM_CHANNELS = tuple(layer.channels_out for layer in TRANSFORMER)
# `pooled`: mean and spread over the picture go to the head. Style is in the statistics of every depth.
ENCODER: tuple[Stage, ...] = (
    Stage("encode1", 5, 3, 16, stride=2),
    Stage("encode2", 3, 16, 32, stride=2, pooled=True),
    Stage("encode3", 3, 32, 64, stride=2, pooled=True),
    Stage("encode4", 3, 64, 96, stride=2, pooled=True),
    Stage("encode5", 3, 96, 96, pooled=True, shortcut=True),
    Stage("encode6", 3, 96, 144, stride=2, pooled=True),
)
HEAD_WIDTH = 64
STYLE_SIDE_PX = 256
# The network halves its input twice: sides must be multiples of this.
SIDE_MULTIPLE_PX = 4


class Painting(NamedTuple):
    """What the transformer makes: the picture 0..1, every layer's activation, every norm's (mean, variance)."""

    picture: tf.Tensor
    activations: dict[str, tf.Tensor]
    statistics: list[tuple[tf.Tensor, tf.Tensor]]


def paint(
    content: tf.Tensor,
    vector: tf.Tensor,
    weights: Weights,
    statistics: Statistics | None = None,
    dtype: tf.DType = tf.float32,
    replaced: Weights | None = None,
) -> Painting:
    """The conditional transformer (Johnson et al. 2016; Dumoulin et al. 2017, eq. 5; Ghiasi et al. 2017).

    Args:
        content: [N,h,w,3] float32 0..1, sides multiples of `SIDE_MULTIPLE_PX`.
        vector: [N,1,1,D] or [1,1,1,D] float32.
        weights: kernels by layer name, style/kernel [D,2*sum(C)] and style/bias.
        statistics: (mean, variance) [N,1,1,C] for each layer, to be used instead of the content's own.
        dtype: of the convolutions; statistics are float32 in any case.
        replaced: activations by layer name to go on with instead of the network's own, for training by blocks.
    """
    gains_and_shifts = _style_parameters(vector, weights)
    x, block_input = tf.cast(content - 0.5, dtype), None
    activations: dict[str, tf.Tensor] = {}
    used: list[tuple[tf.Tensor, tf.Tensor]] = []
    for index, layer in enumerate(TRANSFORMER):
        block_input = x if layer.name.endswith("a") else block_input
        x = convolve(_doubled(x) if layer.doubled else x, weights[f"{layer.name}/kernel"], layer.stride)
        moments = statistics[index] if statistics is not None else spatial_moments(x)
        used.append(moments)
        x = _conditional_norm(x, moments, *gains_and_shifts[index])
        if layer.relu:
            x = tf.nn.relu(x)
        elif layer.name.endswith("b"):
            x = x + block_input
        activations[layer.name] = x
        if replaced is not None and layer.name in replaced:
            x = tf.cast(replaced[layer.name], dtype)
    return Painting(tf.sigmoid(tf.cast(x, tf.float32)), activations, used)


def _style_parameters(vector: tf.Tensor, weights: Weights) -> list[tuple[tf.Tensor, tf.Tensor]]:
    flat = tf.matmul(vector[:, 0, 0, :], weights["style/kernel"]) + weights["style/bias"]
    parts = tf.split(flat[:, None, None, :], [2 * channels for channels in NORM_CHANNELS], -1)
    return [tuple(tf.split(part, 2, -1)) for part in parts]


def convolve(x: tf.Tensor, kernel: tf.Tensor, stride: int = 1) -> tf.Tensor:
    """Convolution with reflection padding that keeps the side (or divides it by `stride`), centred on pixel 0."""
    total = int(kernel.shape[0]) - stride
    before = int(kernel.shape[0]) // 2
    after = total - before
    if total > 0:
        x = tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]], "REFLECT")
    return tf.nn.conv2d(x, tf.cast(kernel, x.dtype), stride, "VALID")


def spatial_moments(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and variance over height and width, float32 [N,1,1,C].

    As products with a row of ones: on CPU several times faster than reductions over NHWC.
    """
    shape = tf.shape(x)
    positions = shape[1] * shape[2]
    flat = tf.reshape(tf.cast(x, tf.float32), [shape[0], positions, x.shape[-1]])
    ones = tf.fill([shape[0], 1, positions], 1.0 / tf.cast(positions, tf.float32))
    mean = tf.matmul(ones, flat)
    variance = tf.nn.relu(tf.matmul(ones, tf.square(flat)) - tf.square(mean))
    return mean[:, :, None, :], variance[:, :, None, :]


def _conditional_norm(
    x: tf.Tensor, moments: tuple[tf.Tensor, tf.Tensor], gain: tf.Tensor, shift: tf.Tensor
) -> tf.Tensor:
    mean, variance = moments
    scale = gain * tf.math.rsqrt(variance + _EPSILON)
    return x * tf.cast(scale, x.dtype) + tf.cast(shift - mean * scale, x.dtype)


def _doubled(x: tf.Tensor) -> tf.Tensor:
    """Nearest-neighbour enlargement: with a convolution after it, no checkerboard (Odena et al. 2016)."""
    shape = tf.shape(x)
    return tf.image.resize(x, [2 * shape[1], 2 * shape[2]], "nearest")


def encode(style: tf.Tensor, weights: Weights, dtype: tf.DType = tf.float32) -> tf.Tensor:
    """The style encoder: statistics of six convolutions, then a linear map plus a small hidden layer.

    Args:
        style: [N,256,256,3] float32 0..1.
        weights: kernels and biases by stage name, head/*.
        dtype: of the convolutions.

    Returns:
        Style vectors [N,1,1,D] float32.
    """
    x = tf.cast(style - 0.5, dtype)
    statistics = []
    for stage in ENCODER:
        y = tf.nn.relu(convolve(x, weights[f"{stage.name}/kernel"], stage.stride) + _bias(stage.name, weights, dtype))
        x = x + y if stage.shortcut else y
        if stage.pooled:
            mean, variance = spatial_moments(x)
            statistics += [mean, tf.sqrt(variance + _EPSILON)]
    pooled = tf.concat(statistics, -1)[:, 0, 0, :]
    hidden = tf.nn.relu(tf.matmul(pooled, weights["head/hidden/kernel"]) + weights["head/hidden/bias"])
    vector = tf.matmul(pooled, weights["head/linear/kernel"]) + tf.matmul(hidden, weights["head/mixed/kernel"])
    return (vector + weights["head/bias"])[:, None, None, :]


def _bias(name: str, weights: Weights, dtype: tf.DType) -> tf.Tensor:
    return tf.cast(weights[f"{name}/bias"], dtype)


# Blocks as in vgg19_16x, with fewer convolutions in the deep ones.
EXTRACTOR: tuple[tuple[Stage, ...], ...] = (
    (Stage("block1_conv1", 3, 3, 16), Stage("block1_conv2", 3, 16, 16)),
    (Stage("block2_conv1", 3, 16, 32), Stage("block2_conv2", 3, 32, 32)),
    (Stage("block3_conv1", 3, 32, 64), Stage("block3_conv2", 3, 64, 64), Stage("block3_conv3", 3, 64, 64)),
    (Stage("block4_conv1", 3, 64, 128), Stage("block4_conv2", 3, 128, 128)),
    (Stage("block5_conv1", 3, 128, 128),),
)
READ_OUT = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block4_conv2", "block5_conv1")


def extract(
    image: tf.Tensor,
    weights: Weights,
    dtype: tf.DType = tf.float32,
    leak: float = 0.0,
    replaced: Weights | None = None,
) -> dict[str, tf.Tensor]:
    """The distilled feature extractor.

    Args:
        image: [N,h,w,3] float32 0..1, sides of at least 32 px.
        weights: kernels and biases by stage name; <name>/scale [C], what the activations of a read-out or of a block's
            end are multiplied by: the teacher's are far from 1.
        dtype: of the convolutions.
        leak: slope of those activations below 0, so that none dies in training.
        replaced: activations by stage name to go on with instead of the network's own, for training by blocks.

    Returns:
        Activations by name of `READ_OUT` and of every block's last stage, float32, >= 0 without leak; block b is
        2^(b-1) times smaller than the image.
    """
    x, features = tf.cast(image * 4.0 - 2.0, dtype), {}
    for number, block in enumerate(EXTRACTOR):
        x = tf.nn.max_pool2d(x, 2, 2, "VALID") if number else x
        for stage in block:
            x = convolve(x, weights[f"{stage.name}/kernel"]) + _bias(stage.name, weights, dtype)
            scale = weights.get(f"{stage.name}/scale")
            if scale is not None:
                features[stage.name] = tf.cast(tf.nn.leaky_relu(x, leak) if leak else tf.nn.relu(x), tf.float32) * scale
            x = tf.nn.relu(x)
            if replaced is not None and stage.name in replaced:
                x = tf.cast(replaced[stage.name] / scale, dtype)
    return features
