"""The bundled feature extractor: what Gatys' method looks through where no VGG can be downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from nst.bundled import layers
from nst.bundled.weights import EXTRACTOR, read_weights


@dataclass(frozen=True)
class BundledExtractor:
    """A small network that predicts the features of vgg19_16x, itself an estimate of VGG-19's.

    Attributes:
        weights: float32 tensors by name.
        identity: Names these weights, for keys of caches.
    """

    weights: layers.Weights
    identity: str

    def features(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        """Activations block1_conv1 .. block5_conv1 and block4_conv2, differentiable.

        Args:
            image: ``[N, h, w, 3]`` float32 0..1, sides of at least 32 px.

        Returns:
            float32, >= 0, with 16/32/64/128/128/128 channels; block b is 2^(b-1) times smaller than the image.
        """
        features = layers.extract(image, self.weights)
        return {name: features[name] for name in layers.READ_OUT}


def load_bundled_extractor(folder: Path | None = None) -> BundledExtractor:
    """Load the extractor from its weight file.

    Args:
        folder: Where ``extractor.npz`` lies; beside this module by default.

    Raises:
        OperatorError: ``weights_missing``: the file is absent or damaged.
    """
    file = read_weights(EXTRACTOR, folder)
    return BundledExtractor(file.tensors, f"bundled-extractor-{file.sha256[:12]}")
