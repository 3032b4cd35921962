"""A plain Gatys loop, only to compare feature extractors by what they are for."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tools.train.evaluate import transport_colours
from tools.train.extractor import Features
from tools.train.transformer import gram

Float = NDArray[np.float32]
_STYLE_LAYERS = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")
_CONTENT_LAYER = "block4_conv2"


def gatys(content: Float, style: Float, features: Features, steps: int = 80, content_weight: float = 0.3) -> Float:
    """Gatys et al. 2016 from the colour-transported content, which is the content target as well.

    Args:
        content: [h,w,3] 0..1.
        style: [h',w',3] 0..1.
        features: picture [1,h,w,3] -> activations by name.
        steps: of Adam, rate 0.02, betas 0.9 and 0.99.
        content_weight: of the relative content loss; the relative Gram losses count 1/5 each.
    """
    start = tf.constant(transport_colours(content, style)[None])
    wanted = features(tf.constant(style[None]))
    grams = {name: gram(wanted[name]) for name in _STYLE_LAYERS}
    kept = features(start)[_CONTENT_LAYER]
    picture, first, second = (tf.Variable(value) for value in (start, tf.zeros_like(start), tf.zeros_like(start)))

    @tf.function  # type: ignore[untyped-decorator]
    def step(rate: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            seen = features(picture)
            loss = content_weight * _relative(seen[_CONTENT_LAYER], kept)
            loss += tf.add_n([_relative(gram(seen[name]), grams[name]) for name in _STYLE_LAYERS]) / 5.0
        gradient = tape.gradient(loss, picture)
        first.assign(0.9 * first + 0.1 * gradient)
        second.assign(0.99 * second + 0.01 * tf.square(gradient))
        picture.assign(tf.clip_by_value(picture - rate * first / (tf.sqrt(second) + 1e-8), 0.0, 1.0))

    for number in range(1, steps + 1):
        step(tf.constant(0.02 * np.sqrt(1 - 0.99**number) / (1 - 0.9**number), tf.float32))
    return np.asarray(picture.numpy()[0], np.float32)


def _relative(guess: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(guess - target)) / tf.reduce_mean(tf.square(target))
