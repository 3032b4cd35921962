"""What SinGAN's networks are trained for, at one scale: WGAN-GP and reconstruction.

    min over G, max over D of  L_adv(G, D) + alpha L_rec(G)                       (SinGAN, equation 5)

L_adv is Gulrajani et al. 2017, "Improved training of Wasserstein GANs", equation 3, where a critic's word on a
picture is the mean over its map of patches. Pictures are -1..1, float32 [1, h, w, 3].
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

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
