"""SinGAN: a pyramid of small GANs learns the patches of one style, and the content is put in at one of its scales.

After Shaham, Dekel and Michaeli 2019, "SinGAN: Learning a generative model from a single natural image". The first
pastiche of a style trains its pyramid, for minutes; all that follow take seconds, because pyramids are kept (see
``nst.singan.store``). ``strength`` moves the start scale from the finest (1/6 of the way with the quick
budget) to the second coarsest at 1; ``start_scale`` names it. ``steps`` are the iterations of training at the coarsest
scale. What departs from the paper is named where it does: areas instead of sides (``singan_plan``), a bank of drawn
pictures (``singan_training``), colours moved first and sizes beyond the pyramid's (``singan_painting``).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nst.device import configure_tensorflow

tf = configure_tensorflow()

# TensorFlow is configured before it is used.
from nst.errors import UserError  # noqa: E402
from nst.method import MethodSettings, Request  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.singan.painting import place_of  # noqa: E402
from nst.singan.pyramid import Budget, budget_of  # noqa: E402
from nst.singan.run import Run  # noqa: E402
from nst.singan.step import make_iterate  # noqa: E402
from nst.singan.store import MemoryPyramids, shared_or  # noqa: E402
from nst.singan.training import Training  # noqa: E402

_WARM_UP = Budget(40, 1, 1.0)


class SinGan:
    """The method that learns from the style alone; its traced steps stay warm, and its pyramids are kept.

    Args:
        settings: ``singan_budget`` is read.

    Raises:
        OperatorError: ``bad_setting``.
    """

    name = "singan"

    def __init__(self, settings: MethodSettings) -> None:
        self._budget = budget_of(settings.singan_budget, bool(tf.config.list_physical_devices("GPU")))
        self._iterate = make_iterate()
        self._own = MemoryPyramids()

    def prepare(self) -> None:
        """Trace an iteration; there are no weights to load."""
        Training(np.full((40, 40, 3), 0.5, np.float32), _WARM_UP, self._iterate).advance()

    def begin(self, request: Request, state: bytes = b"") -> Run:
        """Begin a pastiche or go on with one; see ``nst.method.Method.begin``.

        Raises:
            UserError: ``style_missing``; ``option_out_of_range`` for a start scale that the pyramid has not, or weights
                that are not as many as the styles.
            StateError: The state is of another request or release: begin anew.
        """
        if not request.styles:
            raise UserError("style_missing")
        request.options.shares(len(request.styles))
        budget = self.budget(request.options)
        place = place_of(request.options.strength, request.options.start_scale, budget.sides_px)
        run = Run(request, budget, place, self._iterate, shared_or(self._own))
        if state:
            run.restore(state)
        return run

    def budget(self, options: StyleOptions) -> Budget:
        """What these options' training may cost: the operator's budget, with the user's ``steps``."""
        return replace(self._budget, iterations=options.steps) if options.steps else self._budget
