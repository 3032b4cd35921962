"""Training of the style encoder: the teacher's vector, measured by what it does to the picture.

Not all directions of the style vector matter alike. The loss is the squared error in the metric M = E[J^T J], J the
derivative of the teacher's picture with respect to the vector, estimated once by finite differences: to second order
this is the error of the picture behind the vector, at no cost per step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.bundled import layers
from tools.train import data
from tools.train.fit import Losses
from tools.train.teacher import Teacher

Float = NDArray[np.float32]


def initial_weights(vectors: Float, seed: int) -> dict[str, Float]:
    """He-initialised kernels; the head starts at the mean vector."""
    rng = np.random.default_rng(seed + 2)
    weights: dict[str, Float] = {}
    for stage in layers.ENCODER:
        weights |= stage_weights(stage, rng)
    pooled = 2 * sum(stage.channels_out for stage in layers.ENCODER if stage.pooled)
    width = vectors.shape[1]
    for name, shape in (("hidden", (pooled, layers.HEAD_WIDTH)), ("mixed", (layers.HEAD_WIDTH, width))):
        weights[f"head/{name}/kernel"] = rng.normal(0, np.sqrt(1 / shape[0]), shape).astype(np.float32)
    weights["head/hidden/bias"] = np.zeros(layers.HEAD_WIDTH, np.float32)
    weights["head/linear/kernel"] = rng.normal(0, np.sqrt(0.1 / pooled), (pooled, width)).astype(np.float32)
    weights["head/bias"] = vectors.mean(0)
    return weights


def stage_weights(stage: layers.Stage, rng: np.random.Generator) -> dict[str, Float]:
    """He-initialised kernel and a zero bias."""
    shape = (stage.side, stage.side, stage.channels_in, stage.channels_out)
    kernel = rng.normal(0, np.sqrt(2 / np.prod(shape[:3])), shape).astype(np.float32)
    return {f"{stage.name}/kernel": kernel, f"{stage.name}/bias": np.zeros(stage.channels_out, np.float32)}


def picture_metric(teacher: Teacher, photos: Float, vectors: Float, seed: int) -> Float:
    """A square root L of the metric M = L L^T, scaled so that a typical vector is one unit from the mean.

    Args:
        teacher: whose pictures are compared.
        photos: [N,h,w,3] 0..1, small.
        vectors: [K,D], of which some serve as points of derivation.
        seed: of their choice.

    Returns:
        [D,D] float32.
    """
    rng = np.random.default_rng(seed)
    base = vectors[rng.integers(len(vectors), size=len(photos))]
    step = 0.3 * vectors.std()
    origin = np.asarray(teacher.paint(tf.constant(photos), tf.constant(base[:, None, None])))
    columns = []
    for direction in np.eye(vectors.shape[1], dtype=np.float32):
        moved = teacher.paint(tf.constant(photos), tf.constant((base + step * direction)[:, None, None]))
        columns.append(((np.asarray(moved) - origin) / step).ravel())
    jacobian = np.stack(columns, 1)
    metric = jacobian.T @ jacobian
    metric += 0.02 * np.trace(metric) / len(metric) * np.eye(len(metric))
    centred = vectors - vectors.mean(0)
    metric /= np.einsum("ki,ij,kj->k", centred, metric, centred).mean()
    return np.asarray(np.linalg.cholesky(metric), np.float32)


def batches(pictures: data.Byte, vectors: Float, size: int, seed: int) -> Iterator[tuple[Any, ...]]:
    """Endless (style [size,256,256,3] 0..1, vector [size,D])."""
    rng = np.random.default_rng(seed)
    while True:
        chosen = rng.integers(len(pictures), size=size)
        yield pictures[chosen].astype(np.float32) / 255.0, vectors[chosen]


def losses(weights: layers.Weights, metric_root: Float, dtype: tf.DType = tf.bfloat16) -> Callable[..., Losses]:
    """Relative squared error in the picture metric; 1 means as good as the mean vector."""
    root = tf.constant(metric_root)

    def compute(style: tf.Tensor, vector: tf.Tensor) -> Losses:
        error = layers.encode(style, weights, dtype)[:, 0, 0] - vector
        squared = tf.reduce_sum(tf.square(tf.matmul(error, root)), -1)
        # The root of each picture's error: bad ones count, but do not drown the rest.
        return {"loss": tf.reduce_mean(tf.sqrt(squared + 1e-4)), "squared": tf.reduce_mean(squared)}

    return compute
