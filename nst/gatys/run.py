"""One job of the Gatys method, in slices: it can be advanced, looked at, saved, and gone on with elsewhere."""

from __future__ import annotations

import hashlib
import logging
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import tensorflow as tf

from nst.device import memory_errors
from nst.errors import Cancelled, JobError
from nst.gatys import adam as optimiser
from nst.gatys.cost import Forecast
from nst.gatys.objective import (
    TOTAL_VARIATION_WEIGHT,
    Knobs,
    Objective,
    Targets,
    colours_within,
    content_budget,
    first_log_weight,
)
from nst.gatys.pictures import Material, Rgb, content_at, finish, style_at
from nst.gatys.plan import SMALLEST_SIDE_PX, Scale, limited, one_size_down
from nst.method import IsCancelled, Notice, Pastiche, Progress, Report, never_cancelled, no_report
from nst.options import StyleOptions
from nst.pictures.decode import Picture, resize
from nst.pictures.time_lapse import TimeLapse
from nst.run_state import pack, unpack

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where a run stands.

    Attributes:
        scale: Index into the plan.
        step: Steps done at that scale.
    """

    scale: int = 0
    step: int = 0


class Run:
    """One job under way; a ``nst.method.Run``, made by ``Gatys.begin``.

    Args:
        objective: The extractor's traced functions.
        material: The job's pictures.
        plan: Sizes and steps, coarse to fine.
        options: What the user chose.
    """

    def __init__(
        self, objective: Objective, material: Material, plan: tuple[Scale, ...], options: StyleOptions
    ) -> None:
        self._objective, self._material, self._options = objective, material, options
        self._asked = self._plan = plan
        self._knobs = _knobs(options)
        self.place = Place()
        self.losses: dict[str, float] = {}
        self._targets: Targets | None = None
        first = content_at(material.start, plan[0].height_px, plan[0].width_px)
        log_weight = tf.constant(_fixed_log_weight(options), tf.float32)
        self._state = optimiser.first_state(first)._replace(log_weight=log_weight)
        self._time_lapse = begin_time_lapse(material, self.steps, options)
        self.forecast: Forecast | None = None

    @property
    def steps(self) -> int:
        """Steps in all."""
        return sum(scale.steps for scale in self._plan)

    @property
    def steps_done(self) -> int:
        """Steps done."""
        return sum(scale.steps for scale in self._plan[: self.place.scale]) + self.place.step

    @property
    def fraction(self) -> float:
        """Share of the work done, 0..1: a step counts by its pixels."""
        total = sum(scale.steps * scale.pixels for scale in self._plan)
        done = sum(scale.steps * scale.pixels for scale in self._plan[: self.place.scale])
        return min(1.0, (done + self.place.step * self._scale.pixels) / total)

    @property
    def done(self) -> bool:
        """Whether all steps are done."""
        return self.steps_done >= self.steps

    @property
    def eta_s(self) -> float:
        """Seconds to the end, 0 when done; -1 without a forecast."""
        if self.forecast is None:
            return -1.0
        left = [replace(self._scale, steps=self._scale.steps - self.place.step), *self._plan[self.place.scale + 1 :]]
        return self.forecast.left_s(left, looked=self._targets is not None) if not self.done else 0.0

    @property
    def _scale(self) -> Scale:
        return self._plan[self.place.scale]

    def advance(
        self,
        budget_s: float | None = None,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> bool:
        """Go on, at least one step unless the run is done.

        Args:
            budget_s: Stop after the step during which this many seconds have passed; None to go to the end.
            report: Told about every step.
            cancelled: Asked before every step.

        Returns:
            Whether the run is done.

        Raises:
            Cancelled: ``cancelled()`` was true.
            JobError: ``job_out_of_memory``: not even a smaller size fits.
        """
        start_s = time.monotonic()
        while not self.done:
            if cancelled():
                raise Cancelled
            if self._time_lapse and not self.steps_done:
                self._time_lapse.look(0, self._preview)
            began_s = time.monotonic()
            try:
                looked = self._one_step()
            except memory_errors() as error:
                self._go_one_size_down(error)
            else:
                self._note_cost(time.monotonic() - began_s, looked)
            if self._time_lapse:
                self._time_lapse.look(self.steps_done, self._preview)
            report(self.progress())
            if budget_s is not None and time.monotonic() - start_s >= budget_s:
                break
        return self.done

    def _note_cost(self, seconds: float, looked: bool) -> None:
        if self.forecast is not None:
            self.forecast.note(seconds, self._scale, looked)

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user should know: the work was done at a smaller size than asked for."""
        return () if self._plan == self._asked else (smaller_notice(self._plan[-1]),)

    def work_at_most(self, side_px: int) -> None:
        """Before the first step: leave out what is larger, and say so in ``notices``."""
        self._replan(limited(self._plan, side_px))

    def time_lapse(self) -> tuple[Picture, ...]:
        """The way so far in small pictures of one size; none unless ``options.time_lapse``."""
        return self._time_lapse.frames() if self._time_lapse else ()

    def progress(self) -> Progress:
        """Where the run stands; its preview is the picture of this very step."""
        state, scale = self._state, self._scale

        def preview() -> Picture:
            return Picture(finish_at(state, scale, self._material, self._options), None)

        return Progress(self.fraction, self.steps_done, self.steps, preview, dict(self.losses), self.eta_s)

    def _preview(self) -> Picture:
        return Picture(finish_at(self._state, self._scale, self._material, self._options), None)

    def picture(self) -> Picture:
        """The pastiche as it stands, at the content's size."""
        height, width = self._material.original.shape[:2]
        rgb = optimiser.averaged(self._state)[0].numpy()
        if rgb.shape[:2] != (height, width):
            rgb = np.asarray(resize(Picture(rgb, None), width, height).rgb)
        return Picture(finish(rgb, self._material, self._options), None)

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        extractor = self._objective.extractor
        notices = (*self.notices, *extractor.notices)
        return Pastiche(self.picture(), "gatys", extractor.model, notices, self.time_lapse())

    def state(self) -> bytes:
        """All that another process needs to go on, besides the pictures and options: an ``.npz``, no pickle."""
        arrays = {name: tensor.numpy() for name, tensor in self._state._asdict().items()}
        arrays["plan"] = np.array([(scale.height_px, scale.width_px, scale.steps) for scale in self._plan])
        if self._time_lapse:
            arrays |= self._time_lapse.as_arrays()
        return pack(self.digest(), {"scale": self.place.scale, "step": self.place.step}, arrays)

    def restore(self, data: bytes) -> None:
        """Go on where ``state`` was taken; the steps that follow are bit for bit those of the uninterrupted run.

        Raises:
            StateError: Not a state, or one of other pictures, options, weights or release.
        """
        place, arrays = unpack(data, self.digest())
        self.place, self._targets = Place(**place), None
        self._plan = tuple(Scale(*row) for row in arrays["plan"].tolist())
        self._state = optimiser.AdamState(*(tf.constant(arrays[name]) for name in optimiser.AdamState._fields))
        if self._time_lapse:
            self._time_lapse.restore(arrays)

    def digest(self) -> str:
        """Identity of the job: pictures, options, plan and weights."""
        seen = repr((self._options, self._asked, self._objective.identity, self._material.digest()))
        return hashlib.sha256(seen.encode()).hexdigest()

    def _one_step(self) -> bool:
        """Whether it began with a look at the pictures."""
        if self.place.step >= self._scale.steps:
            self._next_scale()
        looks = self._targets is None
        if self._targets is None:
            self._targets = self._look()
        self._state, found = self._objective.step(self._state, self._targets, self._knobs)
        self.losses = {name: float(value) for name, value in found.items()}
        self.place = Place(self.place.scale, self.place.step + 1)
        return looks

    def _go_one_size_down(self, error: Exception) -> None:
        """The device ran out of memory after all: the work ends at the size before, and that is said."""
        check_not_too_small(self._scale, error)
        self._replan(one_size_down(self._plan, self.place.scale))

    def _replan(self, plan: tuple[Scale, ...]) -> None:
        self._plan, self._targets = plan, None
        if self.place.scale >= len(plan):
            self.place = Place(len(plan) - 1, plan[-1].steps)
        size = (self._scale.height_px, self._scale.width_px)
        if self._state.image.shape[1:3] != size:
            smaller = tf.clip_by_value(tf.image.resize(self._state.image, size, "bicubic", antialias=True), 0.0, 1.0)
            self._state = optimiser.resized(self._state, smaller)

    def _look(self) -> Targets:
        scale, material = self._scale, self._material
        minimum = self._objective.extractor.min_side_px
        content = content_at(material.content, scale.height_px, scale.width_px)
        # With colours kept, grey is compared with grey: the colours come back at the end.
        before = material.content if self._options.colours == "keep" else material.original
        original = content_at(before, scale.height_px, scale.width_px)
        pairs = zip(material.styles, material.style_masks, strict=True)
        seen = [style_at(rgb, mask, scale.pixels, self._options.style_scale, minimum) for rgb, mask in pairs]
        styles, masks = [style for style, _ in seen], [mask for _, mask in seen]
        mask = tf.image.resize(material.mask[None, ..., None], [scale.height_px, scale.width_px], antialias=True)
        emphasis = self._options.emphasis(len(self._objective.extractor.style_layers))
        return self._objective.targets(content, original, styles, material.style_weights, masks, mask, emphasis)

    def _next_scale(self) -> None:
        self.place = Place(self.place.scale + 1, 0)
        self._targets = None
        size = (self._scale.height_px, self._scale.width_px)
        before = optimiser.averaged(self._state)
        larger = tf.image.resize(before, size, "bicubic")
        if self._options.start == "content":
            larger += _detail(self._material.content, size, before.shape[1:3])
        self._state = optimiser.resized(self._state, tf.clip_by_value(larger, 0.0, 1.0))


def begin_time_lapse(material: Material, steps: int, options: StyleOptions) -> TimeLapse | None:
    """What collects a run's time-lapse, where the user wants one."""
    height, width = material.original.shape[:2]
    return TimeLapse(width, height, steps) if options.time_lapse else None


def smaller_notice(scale: Scale) -> Notice:
    """That the work was done at this size, for want of memory."""
    return Notice("smaller_for_memory", {"side_px": max(scale.height_px, scale.width_px)})


def check_not_too_small(scale: Scale, error: Exception) -> None:
    """A size that did not fit has to be large enough for a smaller one to make sense.

    Raises:
        JobError: ``job_out_of_memory``.
    """
    side_px = round(max(scale.height_px, scale.width_px) / 2**0.5)
    if side_px < SMALLEST_SIDE_PX:
        raise JobError("job_out_of_memory", {"allowed_px": side_px}) from error
    log.warning("out of memory at %d x %d: going one size down", scale.width_px, scale.height_px)


def finish_at(state: optimiser.AdamState, scale: Scale, material: Material, options: StyleOptions) -> Rgb:
    """The picture of a state at its own scale, [h, w, 3]: for previews."""
    small = content_at(material.original, scale.height_px, scale.width_px)[0].numpy()
    mask = tf.image.resize(material.mask[..., None], [scale.height_px, scale.width_px], antialias=True)
    there = Material(small, small, (), (), (), small, mask[..., 0].numpy())
    return finish(optimiser.averaged(state)[0].numpy(), there, options)


def _detail(content: Rgb, size: tuple[int, int], before: Any) -> tf.Tensor:
    """What enlarging the content from the scale before cannot bring back: the finest level of its Laplacian pyramid."""
    fine = content_at(content, *size)
    coarse = content_at(content, int(before[0]), int(before[1]))
    return fine - tf.image.resize(coarse, size, "bicubic")


def colours_within_budget(objective: Objective, material: Material, coarsest: Scale, options: StyleOptions) -> Material:
    """The material with as much of its change of colours as the strength's budget allows."""
    if not _is_controlled(options) or options.colours != "style":
        return material
    size = (coarsest.height_px, coarsest.width_px)
    original, whole = content_at(material.original, *size), content_at(material.content, *size)
    change = objective.change_from(original)

    def moved(share: float) -> float:
        return change(original + share * (whole - original))

    share = colours_within(moved, content_budget(options.strength))
    content = (material.original + share * (material.content - material.original)).astype(np.float32)
    return replace(material, content=content, start=content if options.start == "content" else material.start)


def _is_controlled(options: StyleOptions) -> bool:
    return options.content_weight is None and options.style_weight is None


def _knobs(options: StyleOptions) -> Knobs:
    weight = options.total_variation_weight
    variation = TOTAL_VARIATION_WEIGHT if weight is None else weight
    controlled = _is_controlled(options)
    budget = max(content_budget(options.strength), 1e-6)
    return Knobs(tf.constant(budget), tf.constant(float(controlled)), tf.constant(float(variation)))


def _fixed_log_weight(options: StyleOptions) -> float:
    """Ln (α / β) where the user gave weights, within ±9; else where the controller starts."""
    if _is_controlled(options):
        return first_log_weight(options.strength)
    alpha = 1.0 if options.content_weight is None else options.content_weight
    beta = 1.0 if options.style_weight is None else options.style_weight
    return float(np.clip(np.log(max(alpha, 1e-9) / max(beta, 1e-9)), -9.0, 9.0))
