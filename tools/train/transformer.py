"""Training of the transformer, block by block, towards the picture that the teacher paints.

Every block sees the teacher's activations and learns the teacher's next ones (hints: FitNets, Romero et al. 2015;
blockwise distillation: Li et al. 2020), the last block the picture: L1 on pixels and on their gradients. Shallow
problems are learnt in a tenth of the steps that the whole takes, and fine texture comes with them: trained by pixels
alone, the whole network paints the mean of what it cannot tell apart, which is smooth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.bundled import layers
from tools.train import data
from tools.train.fit import Losses
from tools.train.teacher import Teacher

# Layers that answer to the teacher's hidden activations, in the order of `Teacher.paint_with_hints`.
_HINTED = ("down", "residual3b", "residual5b", "up1")
Whitening = tuple[NDArray[np.float32], NDArray[np.float32]]


def initial_weights(vector_width: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """He-initialised kernels; gains start at 1, shifts at 0, both barely dependent on the style."""
    rng = np.random.default_rng(seed)
    weights = {}
    for layer in layers.TRANSFORMER:
        shape = (layer.side, layer.side, layer.channels_in, layer.channels_out)
        weights[f"{layer.name}/kernel"] = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape).astype(np.float32)
    width = 2 * sum(layers.NORM_CHANNELS)
    weights["style/kernel"] = rng.normal(0, 0.01, (vector_width, width)).astype(np.float32)
    parts = [np.repeat([0.5 if name.endswith("b") else 1.0, 0.0], c) for name, c in _names_and_channels()]
    weights["style/bias"] = np.concatenate(parts).astype(np.float32)
    return weights


def _names_and_channels() -> list[tuple[str, int]]:
    return [(layer.name, layer.channels_out) for layer in layers.TRANSFORMER]


def whitening(vectors: NDArray[np.float32]) -> Whitening:
    """Mean [D] and matrix [D,D] that give style vectors about unit variance in every direction, to learn evenly."""
    mean = vectors.mean(0)
    covariance = np.cov((vectors - mean).T).astype(np.float64)
    values, axes = np.linalg.eigh(covariance + 0.02 * np.trace(covariance) / len(covariance) * np.eye(len(covariance)))
    return mean, np.asarray((axes / np.sqrt(values)) @ axes.T, np.float32)


def folded(weights: dict[str, Any], whitened_by: Whitening) -> dict[str, Any]:
    """The same transformer for plain style vectors."""
    mean, matrix = whitened_by
    kernel = matrix @ weights["style/kernel"]
    return weights | {"style/kernel": kernel, "style/bias": weights["style/bias"] - mean @ kernel}


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
    weights: layers.Weights,
    teacher: Teacher,
    whitened_by: Whitening,
    dtype: tf.DType = tf.bfloat16,
) -> Callable[[tf.Tensor, tf.Tensor], Losses]:
    """The loss of one batch.

    Args:
        weights: the student's, for whitened vectors.
        teacher: who paints the targets.
        whitened_by: applied to vectors for the student.
        dtype: of the student's convolutions.
    """
    mean, matrix = (tf.constant(part) for part in whitened_by)

    def compute(content: tf.Tensor, vector: tf.Tensor) -> Losses:
        target, *hints = teacher.paint_with_hints(content, vector)
        hinted = dict(zip(_HINTED, hints, strict=False))
        white = tf.matmul(vector[:, 0, 0] - mean, matrix)[:, None, None]
        painting = layers.paint(content, white, weights, dtype=dtype, replaced=hinted)
        pixels = tf.reduce_mean(tf.abs(painting.picture - target))
        edges = _edge_difference(painting.picture, target)
        result = {"loss": pixels + edges, "pixels": pixels, "edges": edges}
        for name, hint in hinted.items():
            result[name] = _relative(tf.cast(painting.activations[name], tf.float32), hint)
            result["loss"] += 0.1 * result[name]
        return result

    return compute


def _relative(guess: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(guess - target)) / tf.reduce_mean(tf.square(target))


def _edge_difference(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
    difference = a - b
    down = tf.abs(difference[:, 1:] - difference[:, :-1])
    across = tf.abs(difference[:, :, 1:] - difference[:, :, :-1])
    return 0.5 * (tf.reduce_mean(down) + tf.reduce_mean(across))


def gram(x: tf.Tensor) -> tf.Tensor:
    """Gram matrix over positions, [N,C,C] (Gatys et al. 2016, eq. 3), divided by their number."""
    shape = tf.shape(x)
    flat = tf.reshape(x, [shape[0], shape[1] * shape[2], x.shape[-1]])
    return tf.matmul(flat, flat, transpose_a=True) / tf.cast(shape[1] * shape[2], x.dtype)
