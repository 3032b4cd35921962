"""What strength means: how much the content layer may change, and the weight that keeps to it."""

from __future__ import annotations

import tensorflow as tf

FULL_BUDGET = 0.30
_POWER = 1.5
_GAIN = 0.15
_WORST = 2.0  # |ln(loss / budget)| that one step answers to: a start from noise must not overshoot
_LOG_WEIGHT_RANGE = (-9.0, 9.0)


def content_budget(strength: float) -> float:
    """The relative energy of change of the content layer that a strength allows.

    No fixed weight looks equally strong on different pictures, this budget does (``bench/gatys_strength.py``).

    Args:
        strength: 0..1.

    Returns:
        Target of ``losses.relative_content_loss``, 0..0.3, rising with strength.
    """
    return FULL_BUDGET * strength**_POWER


def next_log_weight(log_weight: tf.Tensor, content_loss: tf.Tensor, budget: tf.Tensor, active: tf.Tensor) -> tf.Tensor:
    """One step of the controller: ln μ += 0.15 ln(L_content / budget).

    Args:
        log_weight: ln μ, the logarithm of the content loss's weight, scalar.
        content_loss: This step's relative content loss, scalar.
        budget: What it should be, scalar above 0.
        active: 1 to control, 0 to leave μ as it is (the user gave the weights), scalar.

    Returns:
        The next ln μ.
    """
    error = tf.math.log(tf.maximum(content_loss, 1e-12) / budget)
    moved = log_weight + active * _GAIN * tf.clip_by_value(error, -_WORST, _WORST)
    return tf.clip_by_value(moved, *_LOG_WEIGHT_RANGE)
