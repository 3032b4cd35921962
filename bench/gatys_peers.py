"""What others do, re-implemented plainly for comparison: the TensorFlow tutorial's loop and jcjohnson/neural-style.

The tutorial (Adam 0.02, beta1 0.99, epsilon 0.1, from the content, Gram matrices): its weights hold for Keras' VGG-19
only; both its terms are divided by their targets' energy here, so that they weigh the same with any extractor, and the
sum is multiplied by 10⁶, the tutorial's own order of magnitude: beside a loss of 1 Adam's epsilon of 0.1 would stop it.

jcjohnson/neural-style by its defaults: 1000 iterations of Torch's L-BFGS (100 pairs, step 1, no line search) from
noise, content weight 5, style weight 100, total variation 10⁻³, in pixels of 0 to 255 around the network's mean. Each
layer's activations are scaled to one mean, as in ``nst.gatys.paper``, and Gram matrices are divided by the
published VGG-19's widths, for the same reason.
"""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bench.gatys_pairs import Pair
from nst import losses
from nst.extractors.load import Extractor
from nst.gatys import lbfgs as lbfgs
from nst.gatys.lbfgs import preconditioner

Rgb = NDArray[np.float32]
Flat = NDArray[np.float32]
_ORDER = 1e6
_MEAN_ACTIVATION = 100.0


class Tutorial:
    """The tutorial's loss on one pair, and its loop.

    Args:
        extractor: Where activations come from.
        pair: Content and style.
    """

    def __init__(self, extractor: Extractor, pair: Pair) -> None:
        self._extractor = extractor
        content, style = extractor.features(batch(pair.content.rgb)), extractor.features(batch(pair.style.rgb))
        self._content = content[extractor.content_layer]
        self._grams = [losses.moments(style[layer]).second for layer in extractor.style_layers]
        self.loss_and_gradient = tf.function(self._loss_and_gradient)
        self.loss_and_gradient(batch(pair.content.rgb))

    def _loss_and_gradient(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = self._extractor.features(image)
            pairs = zip(self._extractor.style_layers, self._grams, strict=True)
            style = [losses.relative_gram_loss(losses.moments(found[name]).second, A) for name, A in pairs]
            content = losses.relative_content_loss(found[self._extractor.content_layer], self._content)
            total = _ORDER * (tf.add_n(style) / len(style) + content)
        return total, tape.gradient(total, image)

    def loss(self, rgb: Rgb) -> float:
        """The tutorial's loss of a picture [h, w, 3]."""
        return float(self.loss_and_gradient(batch(rgb))[0])

    def adam(self, start: Rgb, steps: int) -> Rgb:
        """The tutorial's loop."""
        image, first, second = batch(start), tf.zeros([1, *start.shape]), tf.zeros([1, *start.shape])
        for step in range(1, steps + 1):
            _, gradient = self.loss_and_gradient(image)
            first, second = 0.99 * first + 0.01 * gradient, 0.999 * second + 0.001 * gradient**2
            move = first / (1 - 0.99**step) / (tf.sqrt(second / (1 - 0.999**step)) + 0.1)
            image = tf.clip_by_value(image - 0.02 * move, 0.0, 1.0)
        return np.asarray(image.numpy()[0])

    def lbfgs(self, start: Rgb, goal: float, seconds: float) -> Rgb:
        """The project's own L-BFGS until the loss is ``goal`` or so much of the processor's time is spent."""
        end = time.process_time() + seconds

        def function(flat: Flat) -> tuple[float, Flat]:
            value, gradient = self.loss_and_gradient(tf.constant(flat.reshape(1, *start.shape)))
            return float(value) / _ORDER, gradient.numpy().ravel() / np.float32(_ORDER)

        state: lbfgs.LbfgsState | None = lbfgs.first_state(np.clip(start, 0, 1).astype(np.float32).ravel(), function)
        while state is not None:
            best = state
            if best.loss * _ORDER <= goal or time.process_time() > end:
                break
            state = lbfgs.iterate(best, function, preconditioner(*start.shape[:2]))
        return best.image.reshape(start.shape)


class NeuralStyle:
    """jcjohnson/neural-style's loss on one pair, and Torch's L-BFGS.

    Args:
        extractor: Where activations come from.
        pair: Content and style.
    """

    _CONTENT, _STYLE, _VARIATION, _HISTORY = 5.0, 100.0, 1e-3, 100
    _WIDTHS = (64, 128, 256, 512, 512)

    def __init__(self, extractor: Extractor, pair: Pair) -> None:
        self._extractor, self._shape = extractor, pair.content.rgb.shape
        self._mean = np.float32(pair.content.rgb.mean())
        there, art = extractor.features(batch(pair.content.rgb)), extractor.features(batch(pair.style.rgb))
        self._scales = {layer: _MEAN_ACTIVATION / (tf.reduce_mean(tf.abs(there[layer])) + 1e-8) for layer in there}
        self._content = self._scales[extractor.content_layer] * there[extractor.content_layer]
        self._layers = tuple(zip(extractor.style_layers, self._WIDTHS, strict=True))
        self._grams = [self._gram(self._scales[layer] * art[layer], width) for layer, width in self._layers]
        self._evaluate = tf.function(self._loss_and_gradient)
        self._evaluate(batch(pair.content.rgb))

    @staticmethod
    def _gram(found: tf.Tensor, width: int) -> tf.Tensor:
        return losses.moments(found).second / width

    def _loss_and_gradient(self, pixels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            found = self._extractor.features(pixels / 255.0 + self._mean)
            here = self._scales[self._extractor.content_layer] * found[self._extractor.content_layer]
            total = self._CONTENT * tf.reduce_mean(tf.math.squared_difference(here, self._content))
            for (layer, width), target in zip(self._layers, self._grams, strict=True):
                gram = self._gram(self._scales[layer] * found[layer], width)
                total += self._STYLE * tf.reduce_mean(tf.math.squared_difference(gram, target))
            total += self._VARIATION * losses.total_variation(pixels)
        return total, tape.gradient(total, pixels)

    def run(self, iterations: int) -> Rgb:
        """Torch's ``optim.lbfgs`` from noise; the picture [h, w, 3], clipped at the end as there."""
        pixels = np.random.default_rng(0).normal(0, 1e-3, np.prod(self._shape)).astype(np.float32)
        moves: list[Flat] = []
        turns: list[Flat] = []
        gradient = self._gradient(pixels)
        for iteration in range(iterations):
            first = min(1.0, 1.0 / float(np.abs(gradient).sum())) if iteration == 0 else 1.0
            move = -np.float32(first) * _quasi_newton(gradient, moves, turns)
            pixels, before = pixels + move, gradient
            gradient = self._gradient(pixels)
            turn = gradient - before
            if np.dot(move, turn) > 1e-10:
                moves, turns = [*moves, move][-self._HISTORY :], [*turns, turn][-self._HISTORY :]
        rgb = pixels.reshape(self._shape) / np.float32(255) + self._mean
        return np.asarray(np.clip(rgb, 0, 1), np.float32)

    def _gradient(self, pixels: Flat) -> Flat:
        return np.asarray(self._evaluate(tf.constant(pixels.reshape(1, *self._shape)))[1].numpy().ravel())


def batch(rgb: Rgb) -> tf.Tensor:
    """[h, w, 3] as float32 [1, h, w, 3]."""
    return tf.constant(rgb[None], tf.float32)


def _quasi_newton(gradient: Flat, moves: list[Flat], turns: list[Flat]) -> Flat:
    """H g by the two-loop recursion (Liu and Nocedal 1989, algorithm 2.1)."""
    q = gradient
    kept: list[np.float32] = []
    for move, turn in zip(reversed(moves), reversed(turns), strict=True):
        weight = np.dot(move, q) / np.dot(move, turn)
        q, kept = q - weight * turn, [*kept, weight]
    if moves:
        q = q * (np.dot(moves[-1], turns[-1]) / np.dot(turns[-1], turns[-1]))
    for move, turn, weight in zip(moves, turns, reversed(kept), strict=True):
        q = q + (weight - np.dot(turn, q) / np.dot(move, turn)) * move
    return q
