"""Bring gradients through a network that computes in float16 (Micikevicius et al. 2018, "Mixed precision training").

A loss that is a mean over positions and channels has gradients of 1e-9 by an activation: float16 ends at 6e-8, and all
would be 0. So they are multiplied before they enter the network and divided after it. Not by a constant that is tried
and halved, as in training, for then a resumed run would have to know it: each gradient says by how much itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

Features = Callable[[tf.Tensor], dict[str, tf.Tensor]]

# What the largest value becomes. Gradients grow on their way: 65504 is where float16 ends, 6e-8 where it begins.
_LARGEST = 1.0


def held_gradients(features: Features) -> Features:
    """The same activations, with gradients by the picture that float16 neither swallows nor blows up.

    Args:
        features: Picture [1, h, w, 3] float32 -> activations float32; computes in float16 between the two.

    Returns:
        A function like it. A gradient that overflows all the same counts as 0: that pixel rests for one step.
    """

    def held(image: tf.Tensor) -> dict[str, tf.Tensor]:
        names: list[str] = []

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def layers(picture: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Any]:
            with tf.GradientTape() as tape:
                tape.watch(picture)
                found = features(picture)
            names[:] = found
            activations = tuple(found.values())

            def gradient(*upstream: tf.Tensor) -> tf.Tensor:
                largest = tf.reduce_max([tf.reduce_max(tf.abs(each)) for each in upstream])
                # A power of two: multiplying by it rounds nothing.
                scale = tf.pow(2.0, tf.floor(tf.math.log(_LARGEST / tf.maximum(largest, 1e-30)) / tf.math.log(2.0)))
                found = tape.gradient(activations, picture, output_gradients=[scale * each for each in upstream])
                return tf.where(tf.math.is_finite(found), found / scale, 0.0)

            return activations, gradient

        activations = layers(image)
        return dict(zip(names, activations, strict=True))

    return held
