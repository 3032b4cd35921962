"""Adam on pixels, with iterate averaging: one step as a pure function of its state."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

LEARNING_RATE = 0.02
BETA_1 = 0.9
BETA_2 = 0.99
EPSILON = 1e-8
AVERAGE_DECAY = 0.95


class AdamState(NamedTuple):
    """All that one step hands to the next; float32.

    Attributes:
        image: [1, h, w, 3] in 0..1.
        first: Adam's first moment, [1, h, w, 3].
        second: Adam's second moment, [1, h, w, 3].
        average: Exponential average of the images, not yet unbiased, [1, h, w, 3].
        moment_steps: Steps in the moments, scalar.
        average_steps: Steps in the average, scalar.
        log_weight: ln μ of the content budget's controller, scalar.
    """

    image: tf.Tensor
    first: tf.Tensor
    second: tf.Tensor
    average: tf.Tensor
    moment_steps: tf.Tensor
    average_steps: tf.Tensor
    log_weight: tf.Tensor


def first_state(image: tf.Tensor) -> AdamState:
    """The state before the first step from a picture [1, h, w, 3]."""
    zeros, zero = tf.zeros_like(image), tf.constant(0.0)
    return AdamState(image, zeros, zeros, zeros, zero, zero, zero)


def adam_step(state: AdamState, gradient: tf.Tensor, log_weight: tf.Tensor) -> AdamState:
    """One step of Adam (Kingma and Ba 2015, algorithm 1), clamped to 0..1, and of the iterate average.

    Args:
        state: Before.
        gradient: Of the loss by the image, [1, h, w, 3].
        log_weight: The controller's next value.

    Returns:
        The state after.
    """
    steps = state.moment_steps + 1.0
    first = BETA_1 * state.first + (1.0 - BETA_1) * gradient
    second = BETA_2 * state.second + (1.0 - BETA_2) * tf.square(gradient)
    unbiased = first / (1.0 - tf.pow(BETA_1, steps))
    scale = tf.sqrt(second / (1.0 - tf.pow(BETA_2, steps))) + EPSILON
    image = tf.clip_by_value(state.image - LEARNING_RATE * unbiased / scale, 0.0, 1.0)
    average = AVERAGE_DECAY * state.average + (1.0 - AVERAGE_DECAY) * image
    return AdamState(image, first, second, average, steps, state.average_steps + 1.0, log_weight)


def averaged(state: AdamState) -> tf.Tensor:
    """The unbiased iterate average [1, h, w, 3]: calmer than the last iterate. The image before the first step."""
    if float(state.average_steps) == 0.0:
        return state.image
    return state.average / (1.0 - tf.pow(AVERAGE_DECAY, state.average_steps))


def resized(state: AdamState, image: tf.Tensor) -> AdamState:
    """Go on at another size: the moments are resized (crowsonkb/style-transfer-pytorch), the average starts anew.

    Args:
        state: At the old size.
        image: Where to go on, [1, h, w, 3] at the new size.
    """
    size = tf.shape(image)[1:3]
    return state._replace(
        image=image,
        first=tf.image.resize(state.first, size),
        second=tf.maximum(tf.image.resize(state.second, size), 0.0),
        average=tf.zeros_like(image),
        average_steps=tf.constant(0.0),
    )
