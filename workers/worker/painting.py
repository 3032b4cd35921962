"""One job's pastiche: the engine's work, in slices; and a job's clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nst.engine import Painting
from nst.fast.batches import Passed
from nst.method import IsCancelled, Pastiche, Report, Run
from nst.options import StyleOptions
from nst.pictures.clip_header import MEDIA_TYPES, inspect_content
from nst.pictures.clip_painting import PaintedClip
from workers.contract import Job
from workers.worker.progress_of_job import Telling
from workers.worker.slices import Slices


class Engine(Protocol):
    """What makes pastiches: ``nst.engine.Engine``, kept warm by the process."""

    def begin(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        state: bytes = ...,
        cancelled: IsCancelled = ...,
        mask: bytes | None = ...,
    ) -> Painting:
        """As ``nst.engine.Engine.begin``."""

    def advance_together(
        self, paintings: Sequence[Painting], cancelled: IsCancelled = ..., passed: Passed = ...
    ) -> list[bool]:
        """As ``nst.engine.Engine.advance_together``."""

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

    def stylize_clip(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        media_type: str,
        report: Report = ...,
        cancelled: IsCancelled = ...,
        max_bytes: int | None = ...,
        mask: bytes | None = ...,
    ) -> PaintedClip:
        """As ``nst.engine.Engine.stylize_clip``."""


def paint(
    engine: Engine,
    slices: Slices,
    job: Job,
    pictures: Sequence[bytes],
    telling: Telling,
    begun: Run | None = None,
) -> Pastiche:
    """Make a job's pastiche, or the sheet of an explanation.

    Args:
        engine: Warm.
        slices: Runs what can be interrupted.
        job: What is to be done.
        pictures: The files that ``Job.pictures`` names.
        telling: Where progress goes.
        begun: The job's run where it was begun before, with others'.

    Raises:
        GivesWay: The rest comes later.
        Cancelled: Somebody wants it to stop.
        PasticheError: What the method has to say.
    """
    content, styles, mask = job.sorted(pictures)
    if job.explanation:
        return engine.explain(job.explanation, content, styles[0], job.options, telling.report, telling.cancelled)

    def begin(state: bytes) -> Run:
        return begun or engine.begin(content, styles, job.options, state, telling.cancelled, mask)

    return slices.run(job.job_id, begin, telling.report, telling.cancelled)


def clip_type(job: Job, content: bytes) -> str:
    """The media type of a clip's result: the content's own, or the first that its frontend can show."""
    own = MEDIA_TYPES[inspect_content(content, job.options).format]
    return own if not job.clip_types or own in job.clip_types else job.clip_types[0]


def paint_clip(engine: Engine, job: Job, pictures: Sequence[bytes], telling: Telling, max_bytes: int) -> PaintedClip:
    """Paint a job's clip.

    Args:
        engine: Warm.
        job: What is to be done.
        pictures: The files that ``Job.pictures`` names.
        telling: Where progress goes, frame by frame.
        max_bytes: What the result may have at most.

    Raises:
        Cancelled: Somebody wants it to stop.
        PasticheError: What reading the clip or the method has to say.
    """
    content, styles, mask = job.sorted(pictures)
    media_type = clip_type(job, content)
    return engine.stylize_clip(
        content, styles, job.options, media_type, telling.report, telling.cancelled, max_bytes=max_bytes, mask=mask
    )
