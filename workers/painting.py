"""One job's pastiche: the engine's work, with slow methods in slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

from nst.engine import Perform, perform_whole
from nst.images import Picture
from nst.method import IsCancelled, Method, Pastiche, Report
from nst.options import StyleOptions
from workers.contract import Job
from workers.slices import Resumable, Slices
from workers.telling import Telling


class Engine(Protocol):
    """What makes pastiches: ``nst.engine.Engine``, kept warm by the process."""

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = ...,
        cancelled: IsCancelled = ...,
        perform: Perform = ...,
        mask: bytes | None = ...,
    ) -> Pastiche:
        """As ``nst.engine.Engine.stylize``."""


class Explainer(Protocol):
    """An engine that also makes sheets which explain: ``nst.engine.Engine``."""

    def explain(
        self,
        kind: str,
        content: bytes,
        style: bytes,
        options: StyleOptions,
        report: Report = ...,
        cancelled: IsCancelled = ...,
    ) -> Pastiche:
        """As ``nst.engine.Engine.explain``."""


def paint(
    engine: Engine,
    slices: Slices,
    job: Job,
    pictures: Sequence[bytes],
    telling: Telling,
    perform: Perform | None = None,
) -> Pastiche:
    """Make a job's pastiche, or the sheet of an explanation.

    Args:
        engine: Warm.
        slices: Runs methods that can be interrupted.
        job: What is to be done.
        pictures: The files that ``Job.pictures`` names.
        telling: Where progress goes.
        perform: How the method is run; None runs it here and now, in slices where it can be interrupted.

    Raises:
        GivesWay: The rest comes later.
        Cancelled: Somebody wants it to stop.
        PasticheError: What the method has to say.
    """

    def in_slices(
        method: Method,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report,
        cancelled: IsCancelled,
    ) -> Pastiche:
        if not hasattr(method, "resume"):
            return perform_whole(method, content, styles, options, report, cancelled)
        return slices.run(job.job_id, cast(Resumable, method), (content, styles), options, report, cancelled)

    content, styles, mask = job.sorted(pictures)
    if job.explanation:
        explainer = cast(Explainer, engine)
        return explainer.explain(job.explanation, content, styles[0], job.options, telling.report, telling.cancelled)
    return engine.stylize(
        content, styles, job.options, telling.report, telling.cancelled, perform or in_slices, mask=mask
    )
