"""The paper's own set-up: published losses, fixed alpha and beta, L-BFGS. For comparison and study.

Gatys, Ecker and Bethge 2016, section 2: VGG-19 with average pooling, style conv1_1 … conv5_1 with w_l = 1/5, content
conv4_2, L-BFGS. Departures: the image is kept in 0..1; and each layer's activations are scaled to one mean activation,
since the paper's normalised weights are not those of Keras or of a smaller network, and alpha / beta does not carry
over between scales of activation (the content loss goes with their square, the style loss with their fourth power).
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst import losses
from nst.device import memory_errors
from nst.errors import Cancelled
from nst.extractors.load import Extractor
from nst.gatys import lbfgs as lbfgs
from nst.gatys.lbfgs import Flat, preconditioner
from nst.gatys.pictures import Material, Rgb, content_at, finish, style_at
from nst.gatys.plan import Scale, limited, one_size_down
from nst.gatys.run import begin_time_lapse, check_not_too_small, smaller_notice
from nst.method import IsCancelled, Notice, Pastiche, Progress, Report, never_cancelled, no_report
from nst.options import StyleOptions
from nst.pictures.decode import Picture, resize
from nst.run_state import pack, unpack

ALPHA_OVER_BETA = 1e-3  # the paper's middle choice
STEPS = 200
# Seen at 144 px after 100 steps with a 16 times narrower VGG-19: as in the paper's figure 4, what is left of the
# content grows with the ratio, from next to nothing at 1e-5 to all of its forms at 1e-1.
_MEAN_ACTIVATION = 100.0
_DECADES = 4.0
# Under the published losses frequencies and colours differ less in steepness than where all layers count alike: at 1
# the loss is 3 to 8 % higher after 120 iterations than without any, at 0.3 it is 4 % lower (two pairs, 128 px).
_TILT = 0.3


class PaperTargets(NamedTuple):
    """What the activations should be like.

    Attributes:
        content: P, activations of the content, [1, h', w', N].
        grams: A_l, blended over styles and rescaled to the pastiche's M, [N, N] each.
        scales: What each style layer's activations are multiplied by, scalars.
        content_scale: The same for the content layer.
    """

    content: tf.Tensor
    grams: tuple[tf.Tensor, ...]
    scales: tuple[tf.Tensor, ...]
    content_scale: tf.Tensor


def alpha_over_beta(options: StyleOptions) -> float:
    """The user's ratio, or the paper's at strength 1 and 10⁴ times more for content towards strength 0."""
    if options.content_weight is None and options.style_weight is None:
        return float(ALPHA_OVER_BETA * 10 ** (_DECADES * (1 - options.strength)))
    alpha = ALPHA_OVER_BETA if options.content_weight is None else options.content_weight
    beta = 1.0 if options.style_weight is None else options.style_weight
    return alpha / max(beta, 1e-30)


class PaperObjective:
    """The traced loss and gradient of one extractor, for every size.

    Args:
        extractor: Where activations come from; average pooling for the paper's.
        xla: Compile the loss and its gradient, anew for every size.
    """

    def __init__(self, extractor: Extractor, xla: bool = False) -> None:
        self.extractor = extractor
        self.identity = f"{extractor.model}:gatys2016"
        self._features = tf.function(extractor.features, input_signature=[tf.TensorSpec([1, None, None, 3])])
        self._evaluate = tf.function(self._loss_and_gradient, reduce_retracing=True, jit_compile=xla or None)

    def targets(
        self,
        content: tf.Tensor,
        styles: Sequence[tf.Tensor],
        weights: Sequence[float],
        emphasis: Sequence[float] = (),
    ) -> PaperTargets:
        """Look at the content and the styles.

        Args:
            content: [1, h, w, 3].
            styles: [1, h', w', 3] each.
            weights: One per style, summing to 1.
            emphasis: From ``StyleOptions.emphasis``; empty for 1 everywhere. A layer's loss goes with the fourth power
                of its activations: so they carry its w_l.
        """
        there, arts = self._features(content), [self._features(style) for style in styles]
        grams, scales = [], []
        factors = emphasis or (1.0,) * len(self.extractor.style_layers)
        for layer, factor in zip(self.extractor.style_layers, factors, strict=True):
            scale = factor**0.25 * _scale_of([there[layer], *(art[layer] for art in arts)])
            positions = float(np.prod(there[layer].shape[1:3]))
            blended = [w * losses.moments(scale * art[layer]).second for art, w in zip(arts, weights, strict=True)]
            grams.append(positions * tf.add_n(blended))
            scales.append(scale)
        P = there[self.extractor.content_layer]
        content_scale = _scale_of([P])
        return PaperTargets(content_scale * P, tuple(grams), tuple(scales), content_scale)

    def evaluate(
        self, image: Rgb, targets: PaperTargets, ratio: float, variation: float
    ) -> tuple[float, Rgb, dict[str, float]]:
        """Total loss with beta = 1, its gradient, and the named losses.

        Args:
            image: [h, w, 3] in 0..1.
            targets: What it is compared with.
            ratio: alpha / beta.
            variation: Weight of the published total variation.
        """
        picture = tf.constant(image[None])
        knobs = tf.constant([ratio, variation], tf.float32)
        total, gradient, named = self._evaluate(picture, targets, knobs)
        values = {name: float(value) for name, value in named.items()}
        return float(total), gradient.numpy()[0], values

    def _loss_and_gradient(
        self, image: tf.Tensor, targets: PaperTargets, knobs: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, dict[str, tf.Tensor]]:
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = self.extractor.features(image)
            F = targets.content_scale * found[self.extractor.content_layer]
            content = losses.content_loss(F, targets.content)
            style = self._style(found, targets)
            variation = losses.total_variation(image)
            total = losses.total_loss(content, style, knobs[0], 1.0) + knobs[1] * variation
        named = {"content": content, "style": style, "total_variation": variation, "total": total}
        return total, tape.gradient(total, image), named

    def _style(self, found: dict[str, tf.Tensor], targets: PaperTargets) -> tf.Tensor:
        each = []
        for layer, A, scale in zip(self.extractor.style_layers, targets.grams, targets.scales, strict=True):
            F = scale * found[layer]
            positions = tf.shape(F)[1] * tf.shape(F)[2]
            each.append(losses.style_layer_loss(losses.gram(F), A, F.shape[-1], positions))
        return losses.style_loss(each, [1 / len(each)] * len(each))


def _scale_of(activations: Sequence[tf.Tensor]) -> tf.Tensor:
    mean = tf.add_n([tf.reduce_mean(tf.abs(each)) for each in activations]) / len(activations)
    return _MEAN_ACTIVATION / (mean + 1e-8)


class PaperRun:
    """One job under way, with the same verbs as ``gatys_run.Run``; a step is an iteration of L-BFGS.

    Args:
        objective: The extractor's traced functions.
        material: The job's pictures.
        scale: Size and steps.
        options: What the user chose.
    """

    def __init__(self, objective: PaperObjective, material: Material, scale: Scale, options: StyleOptions) -> None:
        self._objective, self._material, self._options = objective, material, options
        self._asked = self._scale = scale
        self.steps, self.steps_done = scale.steps, 0
        self.losses: dict[str, float] = {}
        self._targets: PaperTargets | None = None
        self._image = content_at(material.start, scale.height_px, scale.width_px)[0].numpy()
        self._state: lbfgs.LbfgsState | None = None
        self._unit = 0.0
        self._time_lapse = begin_time_lapse(material, self.steps, options)

    @property
    def fraction(self) -> float:
        """Share of the steps done, 0..1."""
        return self.steps_done / self.steps

    @property
    def done(self) -> bool:
        """Whether all steps are done, or nothing gets better any more."""
        return self.steps_done >= self.steps

    def advance(
        self,
        budget_s: float | None = None,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> bool:
        """See ``gatys_run.Run.advance``."""
        start_s = time.monotonic()
        while not self.done:
            if cancelled():
                raise Cancelled
            if self._time_lapse and not self.steps_done:
                self._time_lapse.look(0, self.picture)
            try:
                self._one_step()
            except memory_errors() as error:
                check_not_too_small(self._scale, error)
                self._rescale(one_size_down([self._scale], 0)[0])
            if self._time_lapse:
                self._time_lapse.look(self.steps_done, self.picture)
            report(self.progress())
            if budget_s is not None and time.monotonic() - start_s >= budget_s:
                break
        return self.done

    @property
    def notices(self) -> tuple[Notice, ...]:
        """See ``gatys_run.Run.notices``."""
        return () if self._scale == self._asked else (smaller_notice(self._scale),)

    def work_at_most(self, side_px: int) -> None:
        """See ``gatys_run.Run.work_at_most``."""
        self._rescale(limited([self._scale], side_px)[-1])

    def time_lapse(self) -> tuple[Picture, ...]:
        """See ``gatys_run.Run.time_lapse``."""
        return self._time_lapse.frames() if self._time_lapse else ()

    def _rescale(self, scale: Scale) -> None:
        self._scale, self._state, self._targets, self._unit = scale, None, None, 0.0
        self._image = content_at(self._image, scale.height_px, scale.width_px)[0].numpy()

    def _one_step(self) -> None:
        if self._state is None:
            self._unit = self._unit or max(self._evaluated(self._image.ravel())[0], 1e-30)
            self._state = lbfgs.first_state(self._image.ravel(), self._loss)
        after = lbfgs.iterate(self._state, self._loss, preconditioner(*self._image.shape[:2], _TILT))
        if after is None:
            self.steps_done = self.steps
            return
        self._state, self._image = after, after.image.reshape(self._image.shape)
        self.steps_done += 1

    def _loss(self, flat: Flat) -> tuple[float, Flat]:
        """In units of the first loss: 1e9 and its gradients would leave little of float32's range."""
        total, gradient = self._evaluated(flat)
        return total / self._unit, gradient.ravel() / np.float32(self._unit)

    def _evaluated(self, flat: Flat) -> tuple[float, Flat]:
        ratio, variation = alpha_over_beta(self._options), self._options.total_variation_weight or 0.0
        image = flat.reshape(self._image.shape)
        total, gradient, self.losses = self._objective.evaluate(image, self._seen(), ratio, variation)
        return total, gradient

    def _seen(self) -> PaperTargets:
        if self._targets is None:
            scale, material = self._scale, self._material
            content = content_at(material.content, scale.height_px, scale.width_px)
            minimum = self._objective.extractor.min_side_px
            pairs = zip(material.styles, material.style_masks, strict=True)
            styles = [style_at(r, m, scale.pixels, self._options.style_scale, minimum)[0] for r, m in pairs]
            emphasis = self._options.emphasis(len(self._objective.extractor.style_layers))
            self._targets = self._objective.targets(content, styles, material.style_weights, emphasis)
        return self._targets

    def progress(self) -> Progress:
        """Where the run stands; its preview is the picture of this very step."""
        image = self._image

        def preview() -> Picture:
            return self._finished(image)

        return Progress(self.fraction, self.steps_done, self.steps, preview, dict(self.losses))

    def picture(self) -> Picture:
        """The pastiche as it stands, at the content's size."""
        return self._finished(self._image)

    def _finished(self, image: Rgb) -> Picture:
        height, width = self._material.original.shape[:2]
        rgb = image
        if rgb.shape[:2] != (height, width):
            rgb = np.asarray(resize(Picture(rgb, None), width, height).rgb)
        return Picture(finish(rgb, self._material, self._options), None)

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        extractor = self._objective.extractor
        notices = (*self.notices, *extractor.notices)
        return Pastiche(self.picture(), "gatys", extractor.model, notices, self.time_lapse())

    def state(self) -> bytes:
        """See ``gatys_run.Run.state``; L-BFGS's history goes with it."""
        arrays: dict[str, NDArray[Any]] = {"image": self._image}
        if self._state is not None:
            arrays |= lbfgs.as_arrays(self._state) | {"unit": np.array(self._unit)}
        if self._time_lapse:
            arrays |= self._time_lapse.as_arrays()
        return pack(self.digest(), {"step": self.steps_done}, arrays)

    def restore(self, data: bytes) -> None:
        """See ``gatys_run.Run.restore``.

        Raises:
            StateError: Not a state, or one of another job or release.
        """
        place, arrays = unpack(data, self.digest())
        self._image, self.steps_done = arrays["image"], place["step"]
        self._scale = Scale(self._image.shape[0], self._image.shape[1], self._asked.steps)
        self._unit = float(arrays["unit"]) if "unit" in arrays else 0.0
        self._state = lbfgs.from_arrays(self._image.ravel(), arrays) if "unit" in arrays else None
        if self._time_lapse:
            self._time_lapse.restore(arrays)

    def digest(self) -> str:
        """Identity of the job: pictures, options, size and weights."""
        seen = repr((self._options, self._asked, self._objective.identity, self._material.digest()))
        return hashlib.sha256(seen.encode()).hexdigest()
