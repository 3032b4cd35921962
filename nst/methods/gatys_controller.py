"""What strength means: how far a pastiche may go from its content, and the weight that keeps it there."""

from __future__ import annotations

import tensorflow as tf

FULL_BUDGET = 0.44  # what nearly every pair of pictures reaches in the default number of steps
_POWER = 0.75
_STROKES = 0.25  # of the budget's square
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
        Root of the perceptual distance to the content, mean over the extractor's layers of change; what another
        network finds is nearly proportional to it.
    """
    return float(FULL_BUDGET * strength**_POWER)


def step_budget(budget: tf.Tensor, moved: tf.Tensor, steps_done: tf.Tensor) -> tf.Tensor:
    """The budget of one step.

    Args:
        budget: From ``content_budget``.
        moved: What the change of colours alone takes of it. Half of the way is left to strokes in any case (lengths
            of steps at right angles add by their squares): pictures whose colours go far would else get none.
        steps_done: The budget opens over the first steps, while Adam's moments are young and its steps blind.
    """
    room = tf.sqrt(_STROKES * tf.square(budget) + tf.square(moved))
    return tf.maximum(budget, room) * tf.sqrt(tf.minimum(1.0, (steps_done + 1.0) / _RAMP_STEPS))


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
