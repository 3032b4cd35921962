"""A job whose content image is a clip: what kind of file its result is, and how it is painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nst.clip_header import MEDIA_TYPES, inspect_content
from nst.clip_painting import PaintedClip
from nst.method import IsCancelled, Report
from nst.options import StyleOptions
from workers.contract import Job
from workers.telling import Telling


class ClipEngine(Protocol):
    """What paints clips: ``nst.engine.Engine``."""

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


def clip_type(job: Job, content: bytes) -> str:
    """The media type of a clip's result: the content's own, or the first that its frontend can show."""
    own = MEDIA_TYPES[inspect_content(content, job.options).format]
    return own if not job.clip_types or own in job.clip_types else job.clip_types[0]


def paint_clip(
    engine: ClipEngine, job: Job, pictures: Sequence[bytes], telling: Telling, max_bytes: int
) -> PaintedClip:
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
