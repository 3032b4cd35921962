"""Training of the feature extractor: predict the features, and their Gram matrices, of a bigger network.

The teacher is vgg19_16x (Wang et al. 2020, "Collaborative distillation for ultra-resolution universal style
transfer"), itself distilled from VGG-19.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.bundled import layers
from tools.train import data
from tools.train.encoder import stage_weights
from tools.train.fit import Losses
from tools.train.transformer import gram

Features = Callable[[tf.Tensor], dict[str, tf.Tensor]]
_BLOCKS = (2, 2, 4, 4, 1)


def load_vgg(file: Path, last_block: int = 5) -> Features:
    """The teacher network as a function of pictures [N,h,w,3] 0..1: block1_conv1, block1_conv2 .. block<last>_conv1.

    Args:
        file: .npz with preprocess/kernel, block1_conv1/kernel, ...; reflection padding, 2x2 max pooling.
        last_block: the last block to compute, of which only the first convolution.
    """
    with np.load(file, allow_pickle=False) as stored:
        weights = {name: tf.constant(stored[name]) for name in stored.files}
    counts = (*_BLOCKS[: last_block - 1], 1)

    def features(image: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.nn.conv2d(image, weights["preprocess/kernel"], 1, "VALID") + weights["preprocess/bias"]
        result = {}
        for block, count in enumerate(counts, 1):
            x = tf.nn.max_pool2d(x, 2, 2, "VALID") if block > 1 else x
            for number in range(1, count + 1):
                name = f"block{block}_conv{number}"
                x = tf.nn.relu(layers.convolve(x, weights[f"{name}/kernel"]) + weights[f"{name}/bias"])
                result[name] = x
        return result

    return features


def load_student(file: Path) -> Features:
    """An exported extractor, shipped or not, as a function of pictures [N,h,w,3] 0..1."""
    with np.load(file, allow_pickle=False) as stored:
        weights = {name: tf.constant(stored[name].astype(np.float32)) for name in stored.files}
    return lambda image: layers.extract(image, weights)


def initial_weights(teacher: Features, sample: NDArray[np.float32], seed: int) -> dict[str, NDArray[np.float32]]:
    """He-initialised kernels, zero biases; read-outs scaled to the teacher's features of `sample` [N,h,w,3]."""
    rng = np.random.default_rng(seed + 3)
    weights: dict[str, NDArray[np.float32]] = {}
    for stage in (stage for block in layers.EXTRACTOR for stage in block):
        weights |= stage_weights(stage, rng)
    seen = teacher(tf.constant(sample))
    for name, teachers_name in answers().items():
        power = tf.reduce_mean(tf.square(seen[teachers_name]), [0, 1, 2]).numpy()
        weights[f"{name}/scale"] = np.sqrt(power + 0.05 * power.mean())
    return weights


def answers() -> dict[str, str]:
    """Which of the teacher's activations each of ours predicts: the last of a block stands for the teacher's last."""
    pairs = {name: name for name in layers.READ_OUT}
    for block, stages in enumerate(layers.EXTRACTOR[:3]):
        pairs[stages[-1].name] = f"block{block + 1}_conv{_BLOCKS[block]}"
    return pairs


def batches(pictures: Sequence[data.Byte], side_px: int, size: int, seed: int) -> Iterator[tuple[Any, ...]]:
    """Endless ([size,side,side,3] 0..1,): crops of photographs and styles, a third of them noisy or recoloured.

    Gatys' method looks at pictures that are none yet: the extractor must be right on noise, too.
    """
    rng = np.random.default_rng(seed)
    while True:
        crops = []
        for index in rng.integers(len(pictures), size=size):
            crop = data.random_crop(pictures[int(index)], side_px, rng, smallest=0.25)
            crop = data.shift_colours(crop, rng) if rng.random() < 0.3 else crop
            noise = rng.normal(0, rng.uniform(0, 0.15), crop.shape) if rng.random() < 0.3 else 0.0
            crops.append(np.clip(crop / 255.0 + noise, 0, 1).astype(np.float32))
        yield (np.stack(crops),)


def losses(
    weights: layers.Weights, teacher: Features, by_blocks: bool, dtype: tf.DType = tf.bfloat16
) -> Callable[..., Losses]:
    """Sum over layers of relative squared errors of features and, with less weight, of Gram matrices.

    Args:
        weights: the student's.
        teacher: whose features are predicted.
        by_blocks: every block sees the teacher's activations instead of the block before.
        dtype: of the student's convolutions.
    """

    def compute(image: tf.Tensor) -> Losses:
        seen = teacher(image)
        targets = {name: seen[teachers_name] for name, teachers_name in answers().items()}
        ends = {block[-1].name: targets[block[-1].name] for block in layers.EXTRACTOR}
        guesses = layers.extract(image, weights, dtype, leak=0.05, replaced=ends if by_blocks else None)
        features = tf.add_n([_relative(guesses[name], target) for name, target in targets.items()])
        grams = tf.add_n([_relative(gram(guesses[name]), gram(target)) for name, target in targets.items()])
        return {"loss": features + 0.3 * grams, "features": features, "grams": grams}

    return compute


def _relative(guess: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.square(guess - target)) / tf.reduce_mean(tf.square(target))
