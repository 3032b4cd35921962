"""One job's pastiche: slow methods in slices, everything else by the engine in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol, cast

from nst.engine import STYLE_SIDE_PX
from nst.errors import OperatorError
from nst.images import Picture, decode
from nst.method import IsCancelled, Notice, Pastiche, Report
from nst.options import StyleOptions
from workers.contract import Job
from workers.routing import SLOW, queue_of
from workers.slices import Resumable, Slices
from workers.telling import Telling


class Engine(Protocol):
    """What makes pastiches: ``nst.engine.Engine``, kept warm by the process.

    One that has ``method`` as well gets its slow jobs in slices.
    """

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = ...,
        cancelled: IsCancelled = ...,
    ) -> Pastiche:
        """As ``nst.engine.Engine.stylize``."""


def paint(engine: Engine, slices: Slices, job: Job, pictures: Sequence[bytes], telling: Telling) -> Pastiche:
    """Make a job's pastiche.

    Args:
        engine: Warm.
        slices: Runs slow methods.
        job: What is to be done.
        pictures: The content image and one to four style images, as files.
        telling: Where progress goes.

    Raises:
        GivesWay: The rest comes later.
        Cancelled: Somebody wants it to stop.
        PasticheError: What the method has to say.
    """
    content, *styles = pictures
    method = getattr(engine, "method", None)
    if queue_of(job.options.method) == SLOW and job.options.strength > 0 and method:
        try:
            return _in_slices(cast(Resumable, method(job.options.method)), slices, job, pictures, telling)
        except OperatorError:
            pass  # the engine knows what to do instead, and says so
    return engine.stylize(content, styles, job.options, report=telling.report, cancelled=telling.cancelled)


def _in_slices(method: Resumable, slices: Slices, job: Job, pictures: Sequence[bytes], telling: Telling) -> Pastiche:
    content = decode(pictures[0], job.options.max_side_px)
    styles = [decode(data, STYLE_SIDE_PX) for data in pictures[1:]]
    made = slices.run(job.job_id, method, (content, styles), job.options, telling.report, telling.cancelled)
    notices = (Notice("first_frame_only"),) if content.frames > 1 else ()
    return replace(made, picture=Picture(made.picture.rgb, content.alpha), notices=(*notices, *made.notices))
