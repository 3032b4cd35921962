"""Patches: the content with the style's texture, by matching small pieces of the two. No weights, no network.

After Elnekave and Weiss 2022, "Generating natural images with direct patch distribution matching" (arXiv:2203.11862);
``patches_run`` names what is done differently.
"""

from __future__ import annotations

from collections.abc import Sequence

from nst.errors import Cancelled
from nst.images import Picture
from nst.method import IsCancelled, MethodSettings, Pastiche, Progress, Report, never_cancelled, no_report
from nst.methods.patches_run import Run
from nst.options import StyleOptions


class Patches:
    """Texture without a model; a ``nst.method.Method`` that can be interrupted.

    Strength chooses how coarse the work begins, how much of the content's detail comes back, and the last of the way.
    Several styles are mixed by the number of patches that each gives. ``style_scale`` is the size of the style next to
    the content; ``steps`` are spread over all sizes. Pictures of more than 768 px are worked on at that size and get
    the rest of their detail from the content, so time and memory are bounded.
    """

    name = "patches"

    def __init__(self, settings: MethodSettings) -> None:
        """Nothing to set: ``settings`` is taken for the registry's sake."""

    def prepare(self) -> None:
        """Nothing to load."""

    def stylize(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """Make one pastiche; see ``nst.method.Method.stylize``."""
        if cancelled():
            raise Cancelled
        report(Progress(0.0))
        if options.strength == 0:
            options.shares(len(styles))
            report(Progress(1.0))
            return Pastiche(content, self.name)
        run = self.start(content, styles, options)
        run.advance(None, report, cancelled)
        return self.pastiche(run, options)

    def start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Begin a job without doing a step of it; its ``advance`` does.

        Raises:
            UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
        """
        return Run(content, styles, options)

    def resume(self, state: bytes, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Go on with a job from its ``state``, in this or another process.

        Raises:
            StateError: The state is of another job or release: start anew.
        """
        run = self.start(content, styles, options)
        run.restore(state)
        return run

    def pastiche(self, run: Run, options: StyleOptions) -> Pastiche:
        """The result of a run that is done, or as far as it is."""
        return Pastiche(run.picture(), self.name)
