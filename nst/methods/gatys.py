"""Gatys: optimise the picture itself until its features have the content's places and the style's statistics.

After Gatys, Ecker and Bethge 2016, "Image style transfer using convolutional neural networks"; the default preset
departs from it where ``gatys_objective`` says so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nst.device import configure_tensorflow

configure_tensorflow()

from nst.extractors import Extractor, load_extractor  # noqa: E402 - TensorFlow is configured before it is used
from nst.images import Picture, resize  # noqa: E402
from nst.method import (  # noqa: E402
    IsCancelled,
    MethodSettings,
    Pastiche,
    Progress,
    Report,
    create_method,
    never_cancelled,
    no_report,
)
from nst.methods.gatys_objective import Objective  # noqa: E402
from nst.methods.gatys_pictures import Rgb, prepare_material  # noqa: E402
from nst.methods.gatys_plan import plan_scales  # noqa: E402
from nst.methods.gatys_run import Run  # noqa: E402
from nst.options import StyleOptions  # noqa: E402

_WARM_UP_PX = 64


class Gatys:
    """The slow method; its extractors stay warm.

    Args:
        settings: ``vgg_weights`` and ``model_cache`` are read, and ``fast_model`` for ``start="fast"``.
    """

    name = "gatys"

    def __init__(self, settings: MethodSettings) -> None:
        self._settings = settings
        self._objectives: dict[str | None, Objective] = {}

    def prepare(self) -> None:
        """Load the default extractor and trace its step; see ``Method.prepare``."""
        grey = Picture(np.full((_WARM_UP_PX, _WARM_UP_PX, 3), 0.5, np.float32), None)
        self.start(grey, [grey], StyleOptions(method="gatys", steps=1)).advance()

    def stylize(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """Make one pastiche; see ``Method.stylize``."""
        report(Progress(0.0))
        if options.strength == 0.0:
            report(Progress(1.0))
            return Pastiche(content, self.name)
        run = self.start(content, styles, options)
        run.advance(None, report, cancelled)
        return self.pastiche(run, options)

    def start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Begin a job without doing a step of it; ``Run.advance`` does.

        Args:
            content: Content image.
            styles: One to four style images.
            options: What the user chose; strength above 0.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        objective = self._objective(options)
        start = self._fast_start(content, styles, options) if options.start == "fast" else None
        material = prepare_material(content, styles, options, start)
        plan = plan_scales(content.width_px, content.height_px, options.steps, objective.extractor.min_side_px)
        return Run(objective, material, plan, options)

    def resume(self, state: bytes, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Go on with a job from ``Run.state``, in this or another process.

        Args:
            state: What ``Run.state`` gave.
            content: The same content image.
            styles: The same style images.
            options: The same options.

        Raises:
            StateError: The state is of another job or release: start anew.
            OperatorError: As ``start``.
        """
        run = self.start(content, styles, options)
        run.restore(state)
        return run

    def pastiche(self, run: Run, options: StyleOptions) -> Pastiche:
        """The result of a run that is done, or as far as it is."""
        extractor = self.extractor(options)
        return Pastiche(run.picture(), self.name, extractor.model, extractor.notices)

    def extractor(self, options: StyleOptions) -> Extractor:
        """The extractor that these options get.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        return self._objective(options).extractor

    def _objective(self, options: StyleOptions) -> Objective:
        if options.extractor not in self._objectives:
            self._objectives[options.extractor] = Objective(load_extractor(options.extractor, self._settings))
        return self._objectives[options.extractor]

    def _fast_start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Rgb:
        fast = create_method("fast", self._settings)
        picture = fast.stylize(content, styles, options.replace(method="fast", start="content")).picture
        if (picture.width_px, picture.height_px) != (content.width_px, content.height_px):
            picture = resize(picture, content.width_px, content.height_px)
        return np.asarray(picture.rgb, np.float32)
