"""Gatys: optimise the picture itself until its features have the content's places and the style's statistics.

After Gatys, Ecker and Bethge 2016, "Image style transfer using convolutional neural networks"; the default preset
departs from it where ``gatys_objective`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from nst.device import configure_tensorflow

configure_tensorflow()

# TensorFlow is configured before it is used.
from nst.errors import JobError  # noqa: E402
from nst.extractors.load import Extractor, load_extractor  # noqa: E402
from nst.gatys.cost import (  # noqa: E402
    Cost,
    Forecast,
    SpeedModel,
    check_memory,
    fit_speed,
    memory_model,
    predict,
)
from nst.gatys.objective import Objective  # noqa: E402
from nst.gatys.paper import STEPS as PAPER_STEPS  # noqa: E402
from nst.gatys.paper import PaperObjective, PaperRun  # noqa: E402
from nst.gatys.pictures import Material, Rgb, prepare_material  # noqa: E402
from nst.gatys.plan import SMALLEST_SIDE_PX, Scale, plan_one_scale, plan_scales  # noqa: E402
from nst.gatys.precision import extractor_in, precision_at_hand  # noqa: E402
from nst.gatys.run import Run, colours_within_budget  # noqa: E402
from nst.method import MethodSettings, Request, create_method, stylize  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture, resize  # noqa: E402

_WARM_UP_PX = 64


class Gatys:
    """The slow method; its extractors stay warm.

    Args:
        settings: ``vgg_weights``, ``model_cache``, ``gatys_precision`` and ``gatys_xla`` are read, and ``fast_model``
            for ``start="fast"``.
    """

    name = "gatys"

    def __init__(self, settings: MethodSettings) -> None:
        self._settings = settings
        self._extractors: dict[tuple[str | None, str], Extractor] = {}
        self._objectives: dict[str | None, Objective] = {}
        self._paper_objectives: dict[str | None, PaperObjective] = {}
        self._speeds: dict[tuple[str | None, str], SpeedModel] = {}

    def prepare(self) -> None:
        """Load the default extractor, trace its step, and measure this machine; see ``Method.prepare``."""
        grey = Picture(np.full((_WARM_UP_PX, _WARM_UP_PX, 3), 0.5, np.float32), None)
        options = StyleOptions(method="gatys", steps=1)
        self.begin(Request(grey, [grey], options)).advance()
        self.predict(grey, options)

    def begin(self, request: Request, state: bytes = b"", mask: Rgb | None = None) -> Run | PaperRun:
        """Begin a pastiche or go on with one; see ``nst.method.Method.begin``.

        Args:
            request: Its pictures and options; strength above 0.
            state: What ``Run.state`` gave.
            mask: What to paint, float32 [h, w] of the content's size, 0..1: a subject, or all but it; None for all.

        Raises:
            StateError: The state is of another request or release: begin anew.
            OperatorError: ``weights_missing`` or ``model_unusable``.
            JobError: ``job_out_of_memory`` with the largest side that would fit, unless ``options.smaller_allowed``:
                that size is worked on then, and the pastiche enlarged.
        """
        content, styles, options = request.content, request.styles, request.options
        paper = options.gatys_preset == "gatys2016"
        start = self._fast_start(content, styles, options) if options.start == "fast" else None
        material = prepare_material(content, styles, options, start, not paper, mask)
        plan = self._plan(content, options)
        allowed_px = self._allowed_side_px(plan, options)
        run = self._begun(material, plan, options)
        run.work_at_most(allowed_px)
        if state:
            run.restore(state)
        return run

    def _begun(self, material: Material, plan: tuple[Scale, ...], options: StyleOptions) -> Run | PaperRun:
        if options.gatys_preset == "gatys2016":
            return PaperRun(self._paper_objective(options), material, plan[0], options)
        objective = self._objective(options)
        run = Run(objective, colours_within_budget(objective, material, plan[0], options), plan, options)
        speed = self._speeds.get((options.extractor, options.gatys_preset))
        run.forecast = Forecast(speed) if speed else None
        return run

    def _allowed_side_px(self, plan: tuple[Scale, ...], options: StyleOptions) -> int:
        """The longest side that may be worked on; the plan's own where it fits."""
        try:
            check_memory(plan, memory_model(self.extractor(options)))
        except JobError as too_large:
            allowed_px = int(too_large.detail["allowed_px"])
            if not options.smaller_allowed or allowed_px < SMALLEST_SIDE_PX:
                raise
            return allowed_px
        return max(max(scale.height_px, scale.width_px) for scale in plan)

    def predict(self, content: Picture, options: StyleOptions) -> Cost:
        """Seconds and memory of a job before it starts; the first call per extractor measures this machine.

        Args:
            content: Content image; only its size is looked at.
            options: What the user chose.

        Raises:
            OperatorError: As ``begin``.
        """
        extractor = self.extractor(options)
        key = (options.extractor, options.gatys_preset)
        if key not in self._speeds:
            self._speeds[key] = fit_speed(lambda side_px: self._probe(side_px, options))
        return predict(self._plan(content, options), self._speeds[key], memory_model(extractor))

    def _probe(self, side_px: int, options: StyleOptions) -> Callable[[], object]:
        grey = Picture(np.full((side_px, side_px, 3), 0.5, np.float32), None)
        long = options.replace(steps=10_000, start="content", colours="match")
        run = self.begin(Request(grey, [grey], long))
        return lambda: run.advance(budget_s=0.0)

    def _plan(self, content: Picture, options: StyleOptions) -> tuple[Scale, ...]:
        minimum = self.extractor(options).min_side_px
        if options.gatys_preset == "gatys2016":
            return (plan_one_scale(content.width_px, content.height_px, options.steps or PAPER_STEPS, minimum),)
        return plan_scales(content.width_px, content.height_px, options.steps, minimum)

    def extractor(self, options: StyleOptions) -> Extractor:
        """The extractor that these options get, checked in reduced precision where that is wanted; it stays loaded.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        key = (options.extractor, options.gatys_preset)
        if key not in self._extractors:
            load = partial(load_extractor, options.extractor, self._settings)
            if options.gatys_preset == "gatys2016":
                self._extractors[key] = load(pooling="average", padding="zero")
            else:
                wanted = precision_at_hand(self._settings.gatys_precision)
                self._extractors[key] = extractor_in(wanted, lambda precision: load(precision=precision))
        return self._extractors[key]

    def _objective(self, options: StyleOptions) -> Objective:
        if options.extractor not in self._objectives:
            self._objectives[options.extractor] = Objective(self.extractor(options), xla=self._settings.gatys_xla)
        return self._objectives[options.extractor]

    def _paper_objective(self, options: StyleOptions) -> PaperObjective:
        if options.extractor not in self._paper_objectives:
            self._paper_objectives[options.extractor] = PaperObjective(
                self.extractor(options), self._settings.gatys_xla
            )
        return self._paper_objectives[options.extractor]

    def _fast_start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Rgb:
        fast = create_method("fast", self._settings)
        picture = stylize(fast, content, styles, options.replace(method="fast", start="content")).picture
        if (picture.width_px, picture.height_px) != (content.width_px, content.height_px):
            picture = resize(picture, content.width_px, content.height_px)
        return np.asarray(picture.rgb, np.float32)
