"""The bundled style network: any style, no download.

The same two halves as the split TF-Hub module: a style encoder (picture to style vector) and a conditional transformer
(content and vector to pastiche). How it was trained and how good it is: MODEL_CARD.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from nst.bundled import layers
from nst.bundled.weights import NETWORK, read_weights

# Below this the reflection padding of the deepest layers would not fit.
_SMALLEST_SIDE_PX = 16


@dataclass(frozen=True)
class BundledNetwork:
    """Both halves of the network; pure TensorFlow functions, fit for ``tf.function``.

    Attributes:
        weights: float32 tensors by name.
        vector_width: Length D of a style vector.
        identity: Names these weights, for keys of caches.
    """

    weights: layers.Weights
    vector_width: int
    identity: str

    def style_vector(self, style: tf.Tensor) -> tf.Tensor:
        """The style vector of a picture.

        Args:
            style: ``[N, h, w, 3]`` float32 0..1, any size; it is seen squeezed into 256 x 256 px.

        Returns:
            ``[N, 1, 1, D]`` float32. Convex combinations of vectors blend styles.
        """
        side = layers.STYLE_SIDE_PX
        if style.shape[1] != side or style.shape[2] != side:
            style = tf.image.resize(style, [side, side], "bicubic", antialias=True)
        return layers.encode(tf.clip_by_value(style, 0.0, 1.0), self.weights)

    def transform(
        self, content: tf.Tensor, vector: tf.Tensor, statistics: layers.Statistics | None = None
    ) -> tf.Tensor:
        """Paint a content picture in a style.

        Args:
            content: ``[N, h, w, 3]`` float32 0..1, any size.
            vector: ``[N, 1, 1, D]`` or ``[1, 1, 1, D]`` float32.
            statistics: From ``norm_statistics`` of a thumbnail, so that tiles of a big picture fit together (Chen et
                al. 2022, URST); the content's own by default.

        Returns:
            ``[N, h, w, 3]`` float32 0..1.
        """
        return self.paint(content, vector, statistics).picture

    def paint(
        self, content: tf.Tensor, vector: tf.Tensor, statistics: layers.Statistics | None = None
    ) -> layers.Painting:
        """As ``transform``, with what came to light on the way."""
        shape = tf.shape(content)
        painting = layers.paint(_padded(content), vector, self.weights, statistics)
        cropped = painting.picture[:, : shape[1], : shape[2]]
        return painting._replace(picture=tf.ensure_shape(cropped, content.shape))

    def norm_statistics(self, content: tf.Tensor, vector: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """The (mean, variance) ``[N, 1, 1, C]`` of every instance norm when `content` is painted.

        Args:
            content: ``[N, h, w, 3]`` float32 0..1.
            vector: ``[N, 1, 1, D]`` or ``[1, 1, 1, D]`` float32.
        """
        return layers.paint(_padded(content), vector, self.weights).statistics


def load_bundled(folder: Path | None = None) -> BundledNetwork:
    """Load the network from its weight file.

    Args:
        folder: Where ``network.npz`` lies; beside this module by default.

    Raises:
        OperatorError: ``weights_missing``: the file is absent or damaged.
    """
    file = read_weights(NETWORK, folder)
    width = int(file.tensors["style/kernel"].shape[0])
    return BundledNetwork(file.tensors, width, f"bundled-{file.sha256[:12]}")


def _padded(content: tf.Tensor) -> tf.Tensor:
    """Reflected to the right and below until the sides suit the network."""
    multiple = layers.SIDE_MULTIPLE_PX
    for axis in (1, 2):
        known = content.shape[axis]
        if known is not None and known % multiple == 0 and known >= _SMALLEST_SIDE_PX:
            continue
        side = tf.shape(content)[axis]
        wanted = tf.maximum(-(-side // multiple) * multiple, _SMALLEST_SIDE_PX)
        content = tf.gather(content, _reflected(tf.range(wanted), side), axis=axis)
    return content


def _reflected(index: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    """Indices folded back into 0..side-1 without repeating the border, however far they reach."""
    period = tf.maximum(2 * (side - 1), 1)
    folded = index % period
    return tf.minimum(folded, period - folded) % tf.maximum(side, 1)
