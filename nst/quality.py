"""Yardsticks for a pastiche: how close to the style, how close to the content.

The evaluator is SqueezeNet v1.0 (Iandola et al. 2016), a network that nothing in Pastiche is ever optimised on. Always
read the numbers as pairs (style at equal content), never one alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

Picture = NDArray[np.floating[Any]]

_MEAN_BGR = (104.0, 117.0, 123.0)
_FIRES = range(2, 10)
_POOL_AFTER = (4, 8)
_EPSILON = 1e-12


class Evaluator:
    """Measures pastiches with SqueezeNet v1.0's features (conv1, fire2 .. fire9).

    Args:
        npz_path: weights, kernels HWIO, named conv1/kernel, conv1/bias, fire2/conv1x1_1/kernel, ...
    """

    def __init__(self, npz_path: Path | str) -> None:
        with np.load(npz_path, allow_pickle=False) as stored:
            self._weights = {name: tf.constant(stored[name]) for name in stored.files if not name.startswith("conv_f")}
        self._compute = tf.function(self._features, reduce_retracing=True)

    def style_distance_ratio(self, content: Picture, pastiche: Picture, style: Picture) -> float:
        """R: the style distance left over, relative to the untouched content; lower is closer to the style.

        R is the geometric mean over layers of ||G_x - G_s||^2 / ||G_c - G_s||^2 with G the Gram matrix
        (Gatys et al. 2016, eq. 3) divided by the number of positions.

        Args:
            content: [h,w,3] in 0..1.
            pastiche: [h,w,3] in 0..1.
            style: [h',w',3] in 0..1, of any size.

        Returns:
            0 for the style's own statistics, 1 for the untouched content.
        """
        target = self._grams(style)
        before, after = self._grams(content), self._grams(pastiche)
        logs = [
            np.log((_distance(a, s) + _EPSILON) / (_distance(b, s) + _EPSILON))
            for a, b, s in zip(after, before, target, strict=True)
        ]
        return float(np.exp(np.mean(logs)))

    def content_distance(self, content: Picture, pastiche: Picture) -> float:
        """LP: mean over layers of the squared difference of channel-normalised features.

        The linear form of Zhang et al. 2018 (LPIPS) without learnt weights.

        Args:
            content: [h,w,3] in 0..1.
            pastiche: [h,w,3] in 0..1, of the same size.

        Returns:
            0 for the content itself, about 2 at most.

        Raises:
            ValueError: the sizes differ.
        """
        if content.shape != pastiche.shape:
            raise ValueError(f"content is {content.shape}, pastiche is {pastiche.shape}: the sizes must be the same")
        distances = [
            float(tf.reduce_mean(tf.reduce_sum(tf.square(_normalised(a) - _normalised(b)), -1)))
            for a, b in zip(self.features(content), self.features(pastiche), strict=True)
        ]
        return float(np.mean(distances))

    def features(self, picture: Picture) -> list[tf.Tensor]:
        """SqueezeNet's activations, float32 [1,h',w',c], from conv1 to fire9.

        Args:
            picture: [h,w,3] in 0..1, sides of at least 32 px.
        """
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"expected a picture [h,w,3], received {picture.shape}")
        return list(self._compute(tf.constant(picture[None], tf.float32)))

    def _grams(self, picture: Picture) -> list[NDArray[np.float64]]:
        flat = [f.numpy().reshape(-1, f.shape[-1]).astype(np.float64) for f in self.features(picture)]
        return [f.T @ f / len(f) for f in flat]

    def _features(self, image: tf.Tensor) -> list[tf.Tensor]:
        x = image[..., ::-1] * 255.0 - tf.constant(_MEAN_BGR)
        x = self._convolution(x, "conv1", 2, "VALID")
        collected = [x]
        x = _pool(x)
        for number in _FIRES:
            squeezed = self._convolution(x, f"fire{number}/conv1x1_1")
            narrow = self._convolution(squeezed, f"fire{number}/conv1x1_2")
            wide = self._convolution(squeezed, f"fire{number}/conv3x3_2")
            x = tf.concat([narrow, wide], -1)
            collected.append(x)
            x = _pool(x) if number in _POOL_AFTER else x
        return collected

    def _convolution(self, x: tf.Tensor, name: str, stride: int = 1, padding: str = "SAME") -> tf.Tensor:
        kernel, bias = self._weights[f"{name}/kernel"], self._weights[f"{name}/bias"]
        return tf.nn.relu(tf.nn.conv2d(x, kernel, stride, padding) + bias)


def ssim(content: Picture, pastiche: Picture) -> float:
    """Structural similarity (Wang et al. 2004) of the lumas (Rec. 601); 1 for the same picture.

    Args:
        content: [h,w,3] in 0..1, sides of at least 7 px.
        pastiche: [h,w,3] in 0..1, of the same size.
    """
    from skimage.metrics import structural_similarity  # slow to import, and not needed for the other two

    luma = np.array([0.299, 0.587, 0.114])
    a, b = (np.asarray(picture, np.float64) @ luma for picture in (content, pastiche))
    score: float = structural_similarity(a, b, data_range=1.0)  # type: ignore[no-untyped-call]
    return float(score)


def _pool(x: tf.Tensor) -> tf.Tensor:
    """3x3 max pooling of stride 2 that rounds up, as in Caffe: padded on the right and at the bottom only."""
    height, width = tf.shape(x)[1], tf.shape(x)[2]
    x = tf.pad(x, [[0, 0], [0, (height - 3) % 2], [0, (width - 3) % 2], [0, 0]], constant_values=x.dtype.min)
    return tf.nn.max_pool2d(x, 3, 2, "VALID")


def _normalised(features: tf.Tensor) -> tf.Tensor:
    return features / tf.sqrt(tf.reduce_sum(tf.square(features), -1, keepdims=True) + 1e-10)


def _distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.sum((first - second) ** 2))
