"""SinGAN's two networks as pure functions of their weights: five convolutions each, so that both see 11 x 11 patches.

After Shaham, Dekel and Michaeli 2019, "SinGAN: Learning a generative model from a single natural image", section 3.2.
Batch normalisation always takes the statistics of the picture at hand, as in the authors' code, which never leaves
training mode. Pictures are -1..1 here.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

Weights = tuple[tf.Tensor, ...]  # kernel, gain, shift of each block; kernel and bias of the last convolution

BLOCKS = 4  # convolution, batch normalisation, LeakyReLU; a plain convolution follows
CHANNELS = 32  # at every scale; the authors double them at every fourth, which costs more than it shows below 256 px
MARGIN_PX = BLOCKS + 1  # what unpadded convolutions lose on each side
PATCH_PX = 2 * MARGIN_PX + 1
_SLOPE = 0.2
_SPREAD = 0.02  # of the first weights, as in the authors' code
_EPSILON = 1.1e-5  # the smallest that TensorFlow's fused kernel takes


def first_weights(outputs: int, seed: int) -> Weights:
    """Weights before the first step.

    Args:
        outputs: Channels of the result: 3 of a generator, 1 of a critic.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    weights: list[object] = []
    for block in range(BLOCKS):
        inputs = CHANNELS if block else 3
        weights.append(random.normal(0.0, _SPREAD, (3, 3, inputs, CHANNELS)))
        weights.append(random.normal(1.0, _SPREAD, CHANNELS))
        weights.append(np.zeros(CHANNELS))
    weights.append(random.normal(0.0, _SPREAD, (3, 3, CHANNELS, outputs)))
    weights.append(np.zeros(outputs))
    return tuple(tf.constant(array, tf.float32) for array in weights)


def generate(weights: Weights, noisy: tf.Tensor, before: tf.Tensor) -> tf.Tensor:
    """One scale's generator: x_n = x_before + psi(x_before + sigma z) (equation 2), zeros around the picture.

    Args:
        weights: Of the generator.
        noisy: The picture of the coarser scale, enlarged, plus noise; [1, h, w, 3].
        before: That picture without noise, [1, h, w, 3]; zeros at the coarsest scale.

    Returns:
        [1, h, w, 3].
    """
    edge = [MARGIN_PX, MARGIN_PX]
    return tf.tanh(_convolved(weights, tf.pad(noisy, [[0, 0], edge, edge, [0, 0]]))) + before


def criticise(weights: Weights, image: tf.Tensor) -> tf.Tensor:
    """One scale's Markovian critic: how real each 11 x 11 patch is, unbounded.

    Args:
        weights: Of the critic.
        image: [1, h, w, 3], no side shorter than ``PATCH_PX``.

    Returns:
        [1, h - 10, w - 10, 1].
    """
    return _convolved(weights, image)


def _convolved(weights: Weights, image: tf.Tensor) -> tf.Tensor:
    for block in range(BLOCKS):
        kernel, gain, shift = weights[3 * block : 3 * block + 3]
        image = tf.nn.conv2d(image, kernel, 1, "VALID")
        image = tf.compat.v1.nn.fused_batch_norm(image, gain, shift, epsilon=_EPSILON, is_training=True)[0]
        image = tf.nn.leaky_relu(image, _SLOPE)
    kernel, bias = weights[3 * BLOCKS :]
    return tf.nn.conv2d(image, kernel, 1, "VALID") + bias
