"""What strength means: how far a pastiche may go from its content, and the weight that keeps it there."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

FULL_BUDGET = 0.49  # more, and some pictures have no more style to take: they lose content for nothing
_POWER = 0.5
_COLOURS = 0.8  # of the budget
_HALVINGS = 6
_PROPORTIONAL = 4.0
_INTEGRAL = 0.6
_RAMP_STEPS = 8.0
_WORST = 1.0  # |ln(change / budget)| that one step answers to: a start from noise must not overshoot
_LOG_WEIGHT_RANGE = (-9.0, 9.0)


def content_budget(strength: float) -> float:
    """How far from the content a strength lets the pastiche go.

    No fixed weight looks equally strong on different pictures, this budget does (``bench/gatys_strength.py``).

    Args:
        strength: 0..1.

    Returns:
        Root of the perceptual distance to the content, over the extractor's layers of change.
    """
    return float(FULL_BUDGET * strength**_POWER)


def first_log_weight(strength: float) -> float:
    """Where ln μ starts: near where it ends for most pictures, so that the budget is reached early."""
    return 0.7 - 4.6 * strength


def colours_within(moved: Callable[[float], float], budget: float) -> float:
    """How much of the change of colours a budget allows.

    Some pictures' colours would take all of it, and nothing would be left to strokes.

    Args:
        moved: Share of the change of colours -> how much of the budget it takes; rising.
        budget: What there is.

    Returns:
        Share, 0..1; ways at right angles add by their squares, so that strokes keep 0.6 of the way.
    """
    low, high = 0.0, 1.0
    if moved(high) <= _COLOURS * budget:
        return high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if moved(middle) <= _COLOURS * budget else (low, middle)
    return low


def step_budget(budget: tf.Tensor, steps_done: tf.Tensor) -> tf.Tensor:
    """The budget of one step: it opens over the first ones, while Adam's moments are young and its steps blind."""
    return budget * tf.sqrt(tf.minimum(1.0, (steps_done + 1.0) / _RAMP_STEPS))


def controlled_weight(
    log_weight: tf.Tensor, change: tf.Tensor, budget: tf.Tensor, active: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """One step of a proportional-integral controller on the logarithm of the content weight.

    With e = ln(change / budget): ln μ = I + 4 e, and I += 0.6 e. The proportional part brakes before the budget is
    overrun, which a picture takes long to recover from; the integral part finds the weight that keeps it there.

    Args:
        log_weight: I, scalar.
        change: How far the picture has gone from the content now, scalar.
        budget: How far it should, scalar above 0.
        active: 1 to control, 0 to leave I as it is and use it (the user gave the weights), scalar.

    Returns:
        The content loss's weight μ for this step, and the next I.
    """
    error = active * tf.clip_by_value(tf.math.log(tf.maximum(change, 1e-12) / budget), -_WORST, _WORST)
    weight = tf.exp(log_weight + _PROPORTIONAL * error)
    return weight, tf.clip_by_value(log_weight + _INTEGRAL * error, *_LOG_WEIGHT_RANGE)
