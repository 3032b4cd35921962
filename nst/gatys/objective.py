"""What the default preset minimises, and its step as one traced function for every size.

Departures from Gatys et al. 2016: the content target is the content in the style's colours; both losses are normalised,
so that nothing depends on the extractor's scale; content is compared in every layer but the first, so that grain cannot
hide from it; its weight follows a budget of change, measured in the middle layers; the image is kept in 0..1; padding
reflects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from nst import losses
from nst.extractors.load import Extractor
from nst.gatys.adam import AdamState, adam_step

# What strength means: how far a pastiche may go from its content, and the weight that keeps it there.
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


_NO_WEIGHT = 1e-12  # of a layer that does not count: nothing beside any other's
TOTAL_VARIATION_WEIGHT = 0.05  # measured: 0.5 costs style, 0 leaves grain
# Eigenvalues take the cube of a layer's width: beyond this they would cost more than the network.
_WIDEST_FOR_W2 = 512


class Targets(NamedTuple):
    """What the activations should be like.

    Attributes:
        content: Activations of the content target per content layer, [1, h', w', N].
        means: Per style layer, [N].
        seconds: Per style layer, Gram matrix / M, [N, N].
        roots: Per style layer, the covariance's square root [N, N]; zeros [N, N] where the loss is not W2.
        energies: Per style layer, the style loss that counts as 1, scalar.
        original: Per layer of change, normalised activations of the content as it came, [1, h', w', N].
        masks: Per style layer, how much each position of the pastiche counts for its style, [1, h', w', 1].
    """

    content: tuple[tf.Tensor, ...]
    means: tuple[tf.Tensor, ...]
    seconds: tuple[tf.Tensor, ...]
    roots: tuple[tf.Tensor, ...]
    energies: tuple[tf.Tensor, ...]
    original: tuple[tf.Tensor, ...]
    masks: tuple[tf.Tensor, ...]


class Knobs(NamedTuple):
    """The scalars of a step, float32.

    Attributes:
        budget: The content budget.
        controlled: 1 if the controller holds it, 0 if the weight stays.
        total_variation: Weight of ``losses.mean_total_variation``.
    """

    budget: tf.Tensor
    controlled: tf.Tensor
    total_variation: tf.Tensor


def change_layers(extractor: Extractor) -> dict[str, float]:
    """Where it is measured how far a picture has gone, and how much each layer counts there.

    Mostly two style layers from the middle on, less so the content layer and the first, which sees colours but also
    grain. Chosen out of all sets of layers as the one whose distance says best what another network (SqueezeNet) finds,
    over 20 pairs and three strengths.

    Returns:
        Weights by layer, summing to 1.
    """
    middle = len(extractor.style_layers) // 2
    weights = {extractor.style_layers[0]: 1 / 3, extractor.content_layer: 1 / 2}
    weights |= dict.fromkeys(extractor.style_layers[middle : middle + 2], 1.0)
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


class Objective:
    """The traced functions of one extractor; no job retraces them, whatever its size.

    Args:
        extractor: Where activations come from.
        wasserstein: Compare Gaussians by ``wasserstein2_loss`` rather than Gram matrices; None for where it pays.
        xla: Compile steps; XLA does so anew for every size, which pays for many steps of few sizes only.
    """

    def __init__(self, extractor: Extractor, wasserstein: bool | None = None, xla: bool = False) -> None:
        self.extractor = extractor
        found = extractor.features(tf.zeros([1, extractor.min_side_px, extractor.min_side_px, 3]))
        self._widths = {name: int(F.shape[-1]) for name, F in found.items()}
        widest = max(self._widths[name] for name in extractor.style_layers)
        self.wasserstein = widest <= _WIDEST_FOR_W2 if wasserstein is None else wasserstein
        self.identity = f"{extractor.model}:{'w2' if self.wasserstein else 'gram'}"
        self._change_layers = change_layers(extractor)
        # The first layer sees grain, not content.
        compared = extractor.style_layers[1:] or extractor.style_layers
        self._content_layers = tuple(dict.fromkeys((*compared, extractor.content_layer)))
        picture, column = tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([1, None, None, 1])
        self._moments = tf.function(self._measure, input_signature=[picture, column])
        self._content = tf.function(self._look, input_signature=[picture, column])
        self._original = tf.function(self._units, input_signature=[picture, column])
        units = tuple(tf.TensorSpec([1, None, None, None]) for _ in self._change_layers)
        self._changed = tf.function(self._change_of, input_signature=[picture, units])
        # Sizes vary from job to job, ranks and types never do: one trace serves all.
        self._step = tf.function(self._advance, input_signature=self._signature(), jit_compile=xla or None)

    def targets(
        self,
        content: tf.Tensor,
        original: tf.Tensor,
        styles: Sequence[tf.Tensor],
        weights: Sequence[float],
        style_masks: Sequence[tf.Tensor],
        mask: tf.Tensor,
        emphasis: Sequence[float] = (),
    ) -> Targets:
        """Look at the content target and the styles.

        Args:
            content: The content target, [1, h, w, 3].
            original: The content as it came, [1, h, w, 3].
            styles: Each [1, h', w', 3].
            weights: One per style, summing to 1: moments are blended, not losses, so that cost is that of one style.
            style_masks: Each [1, h', w', 1], which pixels of the style count.
            mask: Which pixels of the pastiche are to be painted, [1, h, w, 1].
            emphasis: From ``StyleOptions.emphasis``; empty for 1 everywhere. What counts twice as much has half the
                energy, so that weights are data and no job traces a step of its own.
        """
        means, seconds = self._blend(styles, weights, style_masks)
        pairs = zip(means, seconds, strict=True)
        roots = tuple(self._root(losses.Moments(mean, second)) for mean, second in pairs)
        found, masks = self._content(content, mask)
        units, before = self._original(original, mask)
        factors = emphasis or (1.0,) * len(seconds)
        energies = tuple(
            (self._energy(A) + self._energy(C)) / max(factor, _NO_WEIGHT)
            for A, C, factor in zip(seconds, before, factors, strict=True)
        )
        return Targets(found, means, seconds, roots, energies, units, masks)

    def change_from(self, original: tf.Tensor) -> Callable[[tf.Tensor], float]:
        """What tells how far pictures are from one, as the content budget counts it; all [1, h, w, 3]."""
        units = self._original(original, tf.ones_like(original[..., :1]))[0]
        return lambda image: float(self._changed(image, units))

    def step(self, state: AdamState, targets: Targets, knobs: Knobs) -> tuple[AdamState, dict[str, tf.Tensor]]:
        """One step of optimisation.

        Returns:
            The next state, and the losses before the step: ``content``, ``style``, ``total_variation``, ``total``
            and ``content_weight`` (μ), scalars.
        """
        after, found = self._step(state, targets, knobs)
        return AdamState(*after), found

    def _blend(
        self, styles: Sequence[tf.Tensor], weights: Sequence[float], masks: Sequence[tf.Tensor]
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        measured = [self._moments(style, mask) for style, mask in zip(styles, masks, strict=True)]
        blended: list[list[tf.Tensor]] = []
        for which in (0, 1):
            per_style = [[layer * weight for layer in m[which]] for m, weight in zip(measured, weights, strict=True)]
            blended.append([tf.add_n(list(layers)) for layers in zip(*per_style, strict=True)])
        return tuple(blended[0]), tuple(blended[1])

    def _energy(self, second: tf.Tensor) -> tf.Tensor:
        """Both pictures' count, lest a pale style make every deviation look huge."""
        return tf.linalg.trace(second) if self.wasserstein else tf.reduce_sum(tf.square(second))

    def _root(self, moments: losses.Moments) -> tf.Tensor:
        if not self.wasserstein:
            return tf.zeros_like(moments.second)
        return losses.matrix_square_root(losses.covariance(moments))

    def _measure(self, image: tf.Tensor, mask: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        return self._moments_of(self.extractor.features(image), mask)

    def _moments_of(
        self, found: dict[str, tf.Tensor], mask: tf.Tensor
    ) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        pairs = zip(self.extractor.style_layers, self._masks_by_layer(found, mask), strict=True)
        layers = [losses.moments(found[name], small) for name, small in pairs]
        return tuple(m.mean for m in layers), tuple(m.second for m in layers)

    def _masks_by_layer(self, found: dict[str, tf.Tensor], mask: tf.Tensor) -> tuple[tf.Tensor, ...]:
        sizes = [tf.shape(found[name])[1:3] for name in self.extractor.style_layers]
        return tuple(tf.image.resize(mask, size, antialias=True) for size in sizes)

    def _look(self, image: tf.Tensor, mask: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        found = self.extractor.features(image)
        return tuple(found[name] for name in self._content_layers), self._masks_by_layer(found, mask)

    def _units(self, image: tf.Tensor, mask: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], tuple[tf.Tensor, ...]]:
        found = self.extractor.features(image)
        units = tuple(losses.normalised(found[name]) for name in self._change_layers)
        return units, self._moments_of(found, mask)[1]

    def _change_of(self, image: tf.Tensor, original: tuple[tf.Tensor, ...]) -> tf.Tensor:
        return self._change(self.extractor.features(image), original)

    def _change(self, found: dict[str, tf.Tensor], original: tuple[tf.Tensor, ...]) -> tf.Tensor:
        """How far a picture is from the content as it came: the root of its perceptual distance, over layers.

        The root, for it grows as evenly with strength as eyes and evaluators see it.
        """
        pairs = zip(self._change_layers.items(), original, strict=True)
        return tf.add_n(
            [
                weight * tf.sqrt(losses.perceptual_distance(tf.stop_gradient(found[name]), unit))
                for (name, weight), unit in pairs
            ]
        )

    def _advance(self, state: AdamState, targets: Targets, knobs: Knobs) -> tuple[AdamState, dict[str, tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(state.image)
            found = self.extractor.features(state.image)
            change = self._change(found, targets.original)
            weight, log_weight = controlled_weight(
                state.log_weight, change, step_budget(knobs.budget, state.moment_steps), knobs.controlled
            )
            content = self._content_loss(found, targets)
            style = self._style_loss(found, targets)
            variation = losses.mean_total_variation(state.image)
            # Divided by 1 + μ so that Adam's moments never meet a loss of a wholly other size.
            total = (style + weight * content + knobs.total_variation * variation) / (1.0 + weight)
        gradient = tape.gradient(total, state.image)
        named = {"content": content, "style": style, "total_variation": variation, "total": total}
        named |= {"content_weight": weight, "change": change}
        return adam_step(state, gradient, log_weight), named

    def _content_loss(self, found: dict[str, tf.Tensor], targets: Targets) -> tf.Tensor:
        pairs = zip(self._content_layers, targets.content, strict=True)
        each = [losses.relative_content_loss(found[name], P) for name, P in pairs]
        return tf.add_n(each) / len(each)

    def _style_loss(self, found: dict[str, tf.Tensor], targets: Targets) -> tf.Tensor:
        each = []
        for index, name in enumerate(self.extractor.style_layers):
            energy = targets.energies[index]
            layer = losses.moments(found[name], targets.masks[index])
            if self.wasserstein:
                target = losses.Moments(targets.means[index], targets.seconds[index])
                each.append(losses.relative_wasserstein2_loss(layer, target, targets.roots[index], energy))
            else:
                each.append(losses.relative_gram_loss(layer.second, targets.seconds[index], energy))
        return losses.style_loss(each, [1.0 / len(each)] * len(each))

    def _signature(self) -> list[object]:
        picture, scalar = tf.TensorSpec([1, None, None, 3]), tf.TensorSpec([])
        widths = [self._widths[name] for name in self.extractor.style_layers]
        square = tuple(tf.TensorSpec([n, n]) for n in widths)
        state = AdamState(picture, picture, picture, picture, scalar, scalar, scalar)
        means = tuple(tf.TensorSpec([n]) for n in widths)
        content, original = (
            tuple(tf.TensorSpec([1, None, None, self._widths[name]]) for name in layers)
            for layers in (self._content_layers, self._change_layers)
        )
        masks = (tf.TensorSpec([1, None, None, 1]),) * len(widths)
        targets = Targets(content, means, square, square, (scalar,) * len(widths), original, masks)
        return [state, targets, Knobs(scalar, scalar, scalar)]
