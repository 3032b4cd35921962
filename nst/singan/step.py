"""One iteration of SinGAN's training at one scale: steps of the critic, then steps of the generator, all by Adam."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import tensorflow as tf

from nst.singan.networks import Weights, criticise, first_weights, generate

# What SinGAN's networks are trained for, at one scale: WGAN-GP and reconstruction.
#
#     min over G, max over D of  L_adv(G, D) + alpha L_rec(G)                       (SinGAN, equation 5)
#
# L_adv is Gulrajani et al. 2017, "Improved training of Wasserstein GANs", equation 3, where a critic's word on a
# picture is the mean over its map of patches. Pictures are -1..1, float32 [1, h, w, 3].
ALPHA = 10.0  # SinGAN, section 3.3 and supplementary material
GRADIENT_WEIGHT = 0.1  # lambda of the supplementary material

Critic = Callable[[tf.Tensor], tf.Tensor]


def critic_loss(critic: Critic, real: tf.Tensor, fake: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    """E[D(fake)] - E[D(real)] + lambda E[(|grad D(x)| - 1)^2], x between real and fake.

    Args:
        critic: D, any map of scores.
        real: The training picture at this scale.
        fake: What the generator made; no gradient goes to it.
        share: How much of x is real, uniform in 0..1, scalar.

    Returns:
        Scalar.
    """
    between = share * real + (1.0 - share) * fake
    distance = tf.reduce_mean(critic(fake)) - tf.reduce_mean(critic(real))
    return distance + GRADIENT_WEIGHT * gradient_penalty(critic, between)


def gradient_penalty(critic: Critic, image: tf.Tensor) -> tf.Tensor:
    """E[(|grad D(x)|_2 - 1)^2].

    As in the authors' code the critic's map is summed, and the norm is taken at each pixel over its three channels and
    then averaged: a critic of patches has slope 1 in every place, not over the whole picture.

    Args:
        critic: D.
        image: x.

    Returns:
        Scalar.
    """
    with tf.GradientTape() as tape:
        tape.watch(image)
        score = tf.reduce_sum(critic(image))
    slope = tape.gradient(score, image)
    # A square root has no slope at 0.
    norm = tf.sqrt(tf.reduce_sum(tf.square(slope), axis=-1) + 1e-12)
    return tf.reduce_mean(tf.square(norm - 1.0))


def adversarial_loss(critic: Critic, fake: tf.Tensor) -> tf.Tensor:
    """-E[D(fake)], the generator's side of L_adv.

    Returns:
        Scalar.
    """
    return -tf.reduce_mean(critic(fake))


def reconstruction_loss(made: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """L_rec = |G_n(0, x_rec) - x_n|^2 as a mean over pixels and channels (equation 6; its coarsest scale has z*).

    Args:
        made: What the generators make of the fixed noise z* and of no noise at finer scales.
        real: The training picture.

    Returns:
        Scalar.
    """
    return tf.reduce_mean(tf.square(made - real))


def noise_amplitude(before: tf.Tensor, real: tf.Tensor) -> tf.Tensor:
    """sigma_n: a tenth of the root mean squared error between the enlarged reconstruction and the picture.

    Section 3.3, with the factor of the authors' code (``noise_amp``): noise is to be as strong as a part of the detail
    that is missing.

    Args:
        before: The coarser scales' reconstruction, enlarged.
        real: The training picture.

    Returns:
        Scalar.
    """
    return 0.1 * tf.sqrt(reconstruction_loss(before, real))


CRITIC_STEPS = GENERATOR_STEPS = 3  # of each iteration (supplementary material)
LEARNING_RATE = 5e-4
DECAY = 0.1  # of the learning rate, after DECAY_AFTER of a scale's iterations
DECAY_AFTER = 0.8
_BETA_1, _BETA_2, _EPSILON = 0.5, 0.999, 1e-8


class Learner(NamedTuple):
    """One network and what Adam remembers of it; tuples of tensors of the weights' shapes."""

    weights: Weights
    first: Weights
    second: Weights


class ScaleState(NamedTuple):
    """What one iteration hands to the next."""

    generator: Learner
    critic: Learner


class Lesson(NamedTuple):
    """What a scale is trained on; pictures -1..1.

    Attributes:
        real: The training picture at this scale, [1, h, w, 3].
        drawn: Random pictures of the coarser scales, enlarged, [n, h, w, 3]; zeros at the coarsest.
        rebuilt: The coarser scales' reconstruction, enlarged, [1, h, w, 3]; zeros at the coarsest.
        fixed: Noise of the reconstruction, [1, h, w, 3]: z* at the coarsest scale, zeros elsewhere.
        amplitude: sigma_n, scalar.
    """

    real: tf.Tensor
    drawn: tf.Tensor
    rebuilt: tf.Tensor
    fixed: tf.Tensor
    amplitude: tf.Tensor


Iterate = Callable[[ScaleState, Lesson, tf.Tensor, tf.Tensor, tf.Tensor], tuple[ScaleState, tf.Tensor, tf.Tensor]]


def first_state(seed: int) -> ScaleState:
    """Untrained networks."""
    return ScaleState(_learner(first_weights(3, seed)), _learner(first_weights(1, seed + 1)))


def next_state(state: ScaleState) -> ScaleState:
    """The next finer scale's networks begin as this one's (section 3.3 of the authors' code), Adam anew."""
    return ScaleState(_learner(state.generator.weights), _learner(state.critic.weights))


def make_iterate(critic_steps: int = CRITIC_STEPS, generator_steps: int = GENERATOR_STEPS) -> Iterate:
    """One iteration, its two kinds of steps traced once in a process for pictures of all sizes.

    Args:
        critic_steps: Of each iteration.
        generator_steps: Of each iteration.

    Returns:
        A function of state, lesson, number of the iteration (float32, from 0), learning rate and seed (int32 [2]); it
        gives the next state and the last losses of critic and reconstruction.
    """
    critic_step, generator_step = _traced()

    def iterate(
        state: ScaleState, lesson: Lesson, number: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor
    ) -> tuple[ScaleState, tf.Tensor, tf.Tensor]:
        loss = rebuilding = tf.constant(0.0)
        for step in range(critic_steps):
            count = number * critic_steps + float(step + 1)
            critic, loss = critic_step(state, lesson, count, rate, seed + tf.constant([0, 2 * step]))
            state = state._replace(critic=critic)
        for step in range(generator_steps):
            count = number * generator_steps + float(step + 1)
            generator, rebuilding = generator_step(state, lesson, count, rate, seed + tf.constant([0, 100 + step]))
            state = state._replace(generator=generator)
        return state, loss, rebuilding

    return iterate


@cache
def _traced() -> tuple[Callable[..., Any], Callable[..., Any]]:
    signature = _signature()
    return tuple(tf.function(step, input_signature=signature) for step in (_critic_step, _generator_step))


def _signature() -> tuple[Any, ...]:
    state = tf.nest.map_structure(lambda weight: tf.TensorSpec(weight.shape, tf.float32), first_state(0))
    picture, bank, scalar = (tf.TensorSpec(shape) for shape in ([1, None, None, 3], [None, None, None, 3], []))
    lesson = Lesson(picture, bank, picture, picture, scalar)
    return state, lesson, scalar, scalar, tf.TensorSpec([2], tf.int32)


def _critic_step(
    state: ScaleState, lesson: Lesson, count: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor
) -> tuple[Learner, tf.Tensor]:
    fake = _drawn(state.generator.weights, lesson, seed)
    share = tf.random.stateless_uniform([], _other(seed, 1))
    with tf.GradientTape() as tape:
        tape.watch(state.critic.weights)
        loss = critic_loss(_scores(state.critic.weights), lesson.real, fake, share)
    return _adam(state.critic, tape.gradient(loss, state.critic.weights), count, rate), loss


def _generator_step(
    state: ScaleState, lesson: Lesson, count: tf.Tensor, rate: tf.Tensor, seed: tf.Tensor
) -> tuple[Learner, tf.Tensor]:
    weights = state.generator.weights
    with tf.GradientTape() as tape:
        tape.watch(weights)
        made = generate(weights, lesson.rebuilt + lesson.fixed, lesson.rebuilt)
        rebuilding = reconstruction_loss(made, lesson.real)
        aim = adversarial_loss(_scores(state.critic.weights), _drawn(weights, lesson, seed)) + ALPHA * rebuilding
    return _adam(state.generator, tape.gradient(aim, weights), count, rate), rebuilding


def _drawn(weights: Weights, lesson: Lesson, seed: tf.Tensor) -> tf.Tensor:
    """A fake: one of the drawn pictures with new noise, through the generator."""
    which = tf.random.stateless_uniform([], _other(seed, 500), 0, tf.shape(lesson.drawn)[0], tf.int32)
    before = lesson.drawn[which][None]
    noise = lesson.amplitude * tf.random.stateless_normal(tf.shape(before), seed)
    return generate(weights, before + noise, before)


def _other(seed: tf.Tensor, purpose: int) -> tf.Tensor:
    """Another seed for another purpose; scales lie 1000 apart."""
    return seed + tf.constant([0, purpose])


def _scores(weights: Weights) -> Callable[[tf.Tensor], tf.Tensor]:
    return lambda image: criticise(weights, image)


def _learner(weights: Weights) -> Learner:
    zeros = tuple(tf.zeros_like(weight) for weight in weights)
    return Learner(weights, zeros, zeros)


def _adam(learner: Learner, gradients: Weights, steps: tf.Tensor, rate: tf.Tensor) -> Learner:
    """Kingma and Ba 2015, algorithm 1."""
    first = tuple(_BETA_1 * m + (1 - _BETA_1) * g for m, g in zip(learner.first, gradients, strict=True))
    second = tuple(_BETA_2 * v + (1 - _BETA_2) * g * g for v, g in zip(learner.second, gradients, strict=True))
    size = rate * tf.sqrt(1 - tf.pow(_BETA_2, steps)) / (1 - tf.pow(_BETA_1, steps))
    moves = (size * m / (tf.sqrt(v) + _EPSILON) for m, v in zip(first, second, strict=True))
    weights = tuple(weight - move for weight, move in zip(learner.weights, moves, strict=True))
    return Learner(weights, first, second)
