"""Losses of optimisation-based style transfer, as published; normalised variants are named as such.

Symbols are the papers'. Activations F, P are float tensors [1, h, w, N]: N filters, M = h·w positions. An optional
weight map [1, h, w, 1] (0..1, an alpha channel or a mask) says how much each position counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import tensorflow as tf

_EPSILON = 1e-8


def content_loss(F: tf.Tensor, P: tf.Tensor) -> tf.Tensor:
    """Content loss: L = ½ Σ (F − P)² (Gatys, Ecker, Bethge 2016, eq. 1).

    Args:
        F: Activations of the pastiche, [1, h, w, N].
        P: Activations of the content, same shape.

    Returns:
        Scalar, 0 or more.
    """
    return 0.5 * tf.reduce_sum(tf.math.squared_difference(F, P))


def relative_content_loss(F: tf.Tensor, P: tf.Tensor) -> tf.Tensor:
    """Normalised content loss: Σ (F − P)² / Σ P², the content layer's relative energy of change.

    Not the paper's: free of the extractor's scale, so that one budget serves every picture and extractor.

    Args:
        F: Activations of the pastiche, [1, h, w, N].
        P: Activations of the content, same shape.

    Returns:
        Scalar, 0 or more.
    """
    return tf.reduce_sum(tf.math.squared_difference(F, P)) / (tf.reduce_sum(tf.square(P)) + _EPSILON)


def normalised(F: tf.Tensor) -> tf.Tensor:
    """Activations with unit length at each position, [1, h, w, N] (Zhang et al. 2018, section 3)."""
    return F * tf.math.rsqrt(tf.reduce_sum(tf.square(F), axis=-1, keepdims=True) + _EPSILON)


def perceptual_distance(F: tf.Tensor, unit_P: tf.Tensor) -> tf.Tensor:
    """One layer's mean over positions of ‖F/‖F‖ − P/‖P‖‖², Zhang et al. 2018, eq. 1 with all weights 1.

    Args:
        F: Activations of the pastiche, [1, h, w, N].
        unit_P: ``normalised`` activations of the content, same shape.

    Returns:
        Scalar, 0 to 4.
    """
    return tf.reduce_mean(tf.reduce_sum(tf.math.squared_difference(normalised(F), unit_P), axis=-1))


def gram(F: tf.Tensor, weight: tf.Tensor | None = None) -> tf.Tensor:
    """Gram matrix: G_ij = Σ_k F_ik F_jk (Gatys et al. 2016, eq. 3), a sum over positions.

    Args:
        F: Activations, [1, h, w, N].
        weight: How much each position counts, [1, h, w, 1]; None for 1 everywhere.

    Returns:
        Symmetric matrix [N, N].
    """
    flat = tf.reshape(F, [-1, tf.shape(F)[-1]])
    weighted = flat if weight is None else flat * tf.reshape(weight, [-1, 1])
    return tf.matmul(weighted, flat, transpose_a=True)


def style_layer_loss(G: tf.Tensor, A: tf.Tensor, filters: float, positions: tf.Tensor | float) -> tf.Tensor:
    """One layer's style loss: E = Σ (G − A)² / (4 N² M²) (Gatys et al. 2016, eq. 4).

    The paper tacitly takes both pictures to have the same M. Give A rescaled to the pastiche's M (times M / M_style)
    where they differ; the loss is then that of a style picture of the pastiche's size.

    Args:
        G: Gram matrix of the pastiche, [N, N].
        A: Gram matrix of the style, [N, N].
        filters: N.
        positions: M.

    Returns:
        Scalar, 0 or more.
    """
    return tf.reduce_sum(tf.math.squared_difference(G, A)) / (4.0 * tf.square(filters * tf.cast(positions, G.dtype)))


def style_loss(layer_losses: Sequence[tf.Tensor], weights: Sequence[float]) -> tf.Tensor:
    """Style loss of all layers: L = Σ_l w_l E_l (Gatys et al. 2016, eq. 5).

    Args:
        layer_losses: E_l, one scalar per layer.
        weights: w_l, one per layer; the paper takes 1 / layers.

    Returns:
        Scalar, 0 or more.

    Raises:
        ValueError: The lengths differ.
    """
    return tf.add_n([weight * loss for weight, loss in zip(weights, layer_losses, strict=True)])


def total_loss(content: tf.Tensor, style: tf.Tensor, alpha: float, beta: float) -> tf.Tensor:
    """The loss that is minimised: L = α L_content + β L_style (Gatys et al. 2016, eq. 7)."""
    return alpha * content + beta * style


def total_variation(image: tf.Tensor) -> tf.Tensor:
    """Total variation: Σ ((x_{i,j+1} − x_ij)² + (x_{i+1,j} − x_ij)²)^{β/2} with β = 2.

    Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them", section 3.

    Args:
        image: [1, h, w, 3].

    Returns:
        Scalar, 0 or more.
    """
    down = tf.math.squared_difference(image[:, 1:], image[:, :-1])
    right = tf.math.squared_difference(image[:, :, 1:], image[:, :, :-1])
    return tf.reduce_sum(down) + tf.reduce_sum(right)


def mean_total_variation(image: tf.Tensor) -> tf.Tensor:
    """Normalised total variation: ``total_variation`` divided by the number of values, free of the picture's size."""
    return total_variation(image) / tf.cast(tf.size(image), image.dtype)


@dataclass(frozen=True)
class Moments:
    """First and second moments of one layer's activations.

    Attributes:
        mean: μ, [N].
        second: E[f fᵀ] = Gram matrix / M, [N, N].
    """

    mean: tf.Tensor
    second: tf.Tensor


def moments(F: tf.Tensor, weight: tf.Tensor | None = None) -> Moments:
    """Moments of activations over positions.

    Args:
        F: Activations, [1, h, w, N].
        weight: How much each position counts, [1, h, w, 1]; None for 1 everywhere.

    Returns:
        Their mean [N] and second moment [N, N].
    """
    flat = tf.reshape(F, [-1, tf.shape(F)[-1]])
    if weight is None:
        mass = tf.cast(tf.shape(flat)[0], F.dtype)
        return Moments(tf.reduce_sum(flat, axis=0) / mass, gram(F) / mass)
    column = tf.reshape(weight, [-1, 1])
    mass = tf.reduce_sum(column) + _EPSILON
    return Moments(tf.reduce_sum(flat * column, axis=0) / mass, gram(F, weight) / mass)


def relative_gram_loss(second: tf.Tensor, target: tf.Tensor, energy: tf.Tensor | None = None) -> tf.Tensor:
    """Normalised Gram loss: Σ (G/M − A/M')² / energy.

    Not the paper's: every layer counts alike in every extractor, whatever the scale of its activations.

    Args:
        second: G / M of the pastiche, [N, N].
        target: A / M' of the style, [N, N].
        energy: What counts as 1; None for the style's own Σ (A/M')², the loss of a pastiche without activations.

    Returns:
        Scalar, 0 or more.
    """
    energy = tf.reduce_sum(tf.square(target)) if energy is None else energy
    return tf.reduce_sum(tf.math.squared_difference(second, target)) / (energy + _EPSILON)


def covariance(layer: Moments) -> tf.Tensor:
    """Covariance E[f fᵀ] − μ μᵀ, [N, N]."""
    return layer.second - layer.mean[:, None] * layer.mean[None, :]


def matrix_square_root(matrix: tf.Tensor) -> tf.Tensor:
    """Symmetric square root of a symmetric positive semi-definite matrix [N, N], by its eigenvalues."""
    values, vectors = tf.linalg.eigh(matrix)
    return tf.matmul(vectors * tf.sqrt(tf.maximum(values, 0.0)), vectors, transpose_b=True)


@tf.custom_gradient  # type: ignore[untyped-decorator]
def _trace_of_square_root(C: tf.Tensor, root: tf.Tensor) -> tuple[tf.Tensor, object]:
    """Trace of (S C S)^½ with S = ``root``; d/dC = ½ S (S C S)^−½ S, by the same eigenvectors as the value."""
    values, vectors = tf.linalg.eigh(tf.matmul(root, tf.matmul(C, root)))
    # Eigenvalues near 0 carry no distance, but would blow up the inverse square root.
    floor = 1e-6 * tf.reduce_max(values) + _EPSILON
    roots = tf.sqrt(tf.maximum(values, floor))
    side = tf.matmul(root, vectors)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        inverse = tf.where(values > floor, 1.0 / roots, tf.zeros_like(roots))
        return upstream * 0.5 * tf.matmul(side * inverse, side, transpose_b=True), None

    return tf.reduce_sum(tf.sqrt(tf.maximum(values, 0.0))), gradient


def wasserstein2_loss(layer: Moments, target: Moments, target_root: tf.Tensor) -> tf.Tensor:
    """Squared 2-Wasserstein distance of two Gaussians: ‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₂^½ C₁ C₂^½)^½).

    Olkin and Pukelsheim 1982; as a style loss crowsonkb/style-transfer-pytorch.

    Args:
        layer: Moments of the pastiche.
        target: Moments of the style.
        target_root: C₂^½ of the style, from ``matrix_square_root``, so that it is taken once.

    Returns:
        Scalar, 0 or more (up to rounding).
    """
    means = tf.reduce_sum(tf.math.squared_difference(layer.mean, target.mean))
    C1 = covariance(layer)
    traces = tf.linalg.trace(C1) + tf.linalg.trace(covariance(target))
    return means + traces - 2.0 * _trace_of_square_root(C1, target_root)


def relative_wasserstein2_loss(
    layer: Moments, target: Moments, target_root: tf.Tensor, energy: tf.Tensor | None = None
) -> tf.Tensor:
    """Normalised ``wasserstein2_loss``; ``energy`` None stands for the style's tr E[f fᵀ], as in a dead pastiche."""
    energy = tf.linalg.trace(target.second) if energy is None else energy
    return wasserstein2_loss(layer, target, target_root) / (energy + _EPSILON)
