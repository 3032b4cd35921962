"""Training of the transformer: the picture that the teacher paints, pixel by pixel.

Loss: L1 on pixels and on their gradients, the teacher's hidden activations through throw-away 1x1 projections
(FitNets, Romero et al. 2015) to get going, and, in the second part, features and Gram matrices of a perceptual network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.bundled import layers
from nst.bundled.train import data
from nst.bundled.train.fit import Losses
from nst.bundled.train.teacher import Teacher

_HINTED = ("down", "residual2", "residual4", "up1")
Perception = Callable[[tf.Tensor], Sequence[tf.Tensor]]


def initial_weights(vector_width: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """He-initialised kernels; gains start at 1, shifts at 0, both barely dependent on the style."""
    rng = np.random.default_rng(seed)
    weights = {}
    for layer in layers.TRANSFORMER:
        shape = (layer.side, layer.side, layer.channels_in, layer.channels_out)
        weights[f"{layer.name}/kernel"] = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape).astype(np.float32)
    width = 2 * sum(layers.NORM_CHANNELS)
    weights["style/kernel"] = rng.normal(0, 0.02, (vector_width, width)).astype(np.float32)
    parts = [np.repeat([0.5 if name.endswith("b") else 1.0, 0.0], c) for name, c in _names_and_channels()]
    weights["style/bias"] = np.concatenate(parts).astype(np.float32)
    return weights


def _names_and_channels() -> list[tuple[str, int]]:
    return [(layer.name, layer.channels_out) for layer in layers.TRANSFORMER]


def hint_weights(hint_channels: Sequence[int], seed: int) -> dict[str, NDArray[np.float32]]:
    """The throw-away projections from the student's to the teacher's activations."""
    rng = np.random.default_rng(seed + 1)
    widths = {layer.name: layer.channels_out for layer in layers.TRANSFORMER}
    shapes = [(1, 1, widths[_layer(name)], channels) for name, channels in zip(_HINTED, hint_channels, strict=False)]
    return {
        f"hint/{name}": rng.normal(0, np.sqrt(1 / shape[2]), shape).astype(np.float32)
        for name, shape in zip(_HINTED, shapes, strict=False)
    }


def _layer(name: str) -> str:
    return f"{name}b" if name.startswith("residual") else name


def batches(
    photos: Sequence[data.Byte], vectors: NDArray[np.float32], side_px: int, size: int, seed: int
) -> Iterator[tuple[Any, ...]]:
    """Endless (content [size,side,side,3] 0..1, vector [size,1,1,D])."""
    rng = np.random.default_rng(seed)
    while True:
        crops = []
        for index in rng.integers(len(photos), size=size):
            crop = data.random_crop(photos[int(index)], side_px, rng, smallest=0.3)
            crops.append(data.shift_colours(crop, rng, 0.5) if rng.random() < 0.2 else crop)
        yield np.stack(crops).astype(np.float32) / 255.0, mixed_vectors(vectors, size, rng)[:, None, None, :]


def mixed_vectors(vectors: NDArray[np.float32], size: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Half single vectors, half convex mixes of two, all moved a little along a random difference."""
    a, b, c, d = (vectors[rng.integers(len(vectors), size=size)] for _ in range(4))
    weight = np.where(rng.random(size) < 0.5, 1.0, rng.random(size))[:, None].astype(np.float32)
    wander = rng.normal(0, 0.05, (size, 1)).astype(np.float32)
    return np.asarray(a * weight + b * (1 - weight) + wander * (c - d), np.float32)


def losses(
    weights: layers.Weights, teacher: Teacher, perception: Perception | None = None, dtype: tf.DType = tf.bfloat16
) -> Callable[[tf.Tensor, tf.Tensor], Losses]:
    """The loss of one batch.

    Args:
        weights: the student's, with hint/ projections if hints are wanted.
        teacher: who paints the targets.
        perception: picture -> features, for the perceptual terms.
        dtype: of the student's convolutions.
    """

    def compute(content: tf.Tensor, vector: tf.Tensor) -> Losses:
        target, *hints = teacher.paint_with_hints(content, vector)
        painting = layers.paint(content, vector, weights, dtype=dtype)
        pixels = tf.reduce_mean(tf.abs(painting.picture - target))
        edges = _edge_difference(painting.picture, target)
        result = {"loss": pixels + edges, "pixels": pixels, "edges": edges}
        if any(name.startswith("hint/") for name in weights):
            result["hints"] = _hint_difference(painting.activations, hints, weights)
            result["loss"] += 0.05 * result["hints"]
        if perception is not None:
            result["features"], result["grams"] = perceptual_difference(painting.picture, target, perception)
            result["loss"] += 0.1 * result["features"] + 0.1 * result["grams"]
        return result

    return compute


def _edge_difference(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    difference = a - b
    down = tf.abs(difference[:, 1:] - difference[:, :-1])
    across = tf.abs(difference[:, :, 1:] - difference[:, :, :-1])
    return 0.5 * (tf.reduce_mean(down) + tf.reduce_mean(across))


def _hint_difference(
    activations: dict[str, tf.Tensor], hints: Sequence[tf.Tensor], weights: layers.Weights
) -> tf.Tensor:
    total = tf.constant(0.0)
    for name, hint in zip(_HINTED, hints, strict=False):
        guess = tf.cast(layers.convolve(activations[_layer(name)], weights[f"hint/{name}"]), tf.float32)
        total += tf.reduce_mean(tf.square(guess - hint)) / tf.reduce_mean(tf.square(hint))
    return total


def perceptual_difference(a: tf.Tensor, b: tf.Tensor, perception: Perception) -> tuple[tf.Tensor, tf.Tensor]:
    """Relative squared differences of features and of Gram matrices, both summed over layers."""
    features, grams = tf.constant(0.0), tf.constant(0.0)
    for guess, target in zip(perception(a), perception(b), strict=True):
        features += tf.reduce_mean(tf.square(guess - target)) / tf.reduce_mean(tf.square(target))
        guess_gram, target_gram = gram(guess), gram(target)
        grams += tf.reduce_mean(tf.square(guess_gram - target_gram)) / tf.reduce_mean(tf.square(target_gram))
    return features, grams


def gram(x: tf.Tensor) -> tf.Tensor:
    """Gram matrix over positions, [N,C,C] (Gatys et al. 2016, eq. 3), divided by their number."""
    shape = tf.shape(x)
    flat = tf.reshape(x, [shape[0], shape[1] * shape[2], x.shape[-1]])
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(shape[1] * shape[2], x.dtype)
