"""What the jobs of a batch share is painted ahead of them; then each of them runs as it would alone.

A job's own run looks at its standing, decodes, asks whether it was cancelled, posts and ends as ever: only where the
method would be called it finds the method's work done. So whatever goes wrong with one picture goes wrong in its own
run, and where nothing could be painted ahead, all of them paint for themselves.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import redis

from nst.batches import Batching, Request
from nst.clip_header import is_clip
from nst.errors import Cancelled, PasticheError
from nst.images import Picture
from nst.method import IsCancelled, Method, Pastiche, Progress, Report, never_cancelled
from nst.options import StyleOptions
from workers import keys
from workers.contract import ContractError, Job
from workers.made_before import MadeBefore, made_key
from workers.painting import Engine, paint
from workers.slices import Slices
from workers.standing import Standing, look
from workers.telling import Telling
from workers.vectors import RedisVectors

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Painted:
    """One job's share of a pass.

    Attributes:
        pastiche: As the method gave it.
        share_s: Its share of the seconds that all of them took.
    """

    pastiche: Pastiche
    share_s: float

    def perform(
        self,
        method: Method,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report,
        cancelled: IsCancelled,
    ) -> Pastiche:
        """A ``nst.engine.Perform`` whose work is done."""
        if cancelled():
            raise Cancelled
        report(Progress(1.0))
        return self.pastiche


class Ahead:
    """Paints for several jobs at once, and keeps that until they run; used by one thread.

    Args:
        connection: To the queue's Redis.
        engine: Warm.
        slices: As for jobs that run alone.
        made_before: What needs no painting.
        vectors: Style vectors shared with other workers, or None.
        leaving: Whether everything that is held has to go back.
    """

    def __init__(
        self,
        connection: redis.Redis,
        engine: Engine,
        slices: Slices,
        made_before: MadeBefore,
        vectors: RedisVectors | None = None,
        leaving: IsCancelled = never_cancelled,
    ) -> None:
        self._connection = connection
        self._engine, self._slices = engine, slices
        self._made_before, self._vectors = made_before, vectors
        self._leaving = leaving
        self._painted: dict[str, Painted] = {}

    def paint(self, job_ids: Collection[str]) -> int:
        """Paint what several jobs can share.

        Args:
            job_ids: The jobs; this worker holds them all.

        Returns:
            For how many of them something was painted; 0 where they will all do it themselves.

        Raises:
            RedisError: Redis is away.
        """
        self._painted.clear()
        started_s = time.monotonic()
        try:
            made = self._together(job_ids)
        except (redis.ConnectionError, redis.TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 - the task boundary: each job's own run tells what is wrong
            log.warning("A batch of %d is painted one by one: %s", len(job_ids), type(error).__name__)
            return 0
        share_s = (time.monotonic() - started_s) / max(1, len(made))
        self._painted = {job_id: Painted(pastiche, share_s) for job_id, pastiche in made.items()}
        return len(made)

    def take(self, job_id: str) -> Painted | None:
        """What was painted for a job, once."""
        return self._painted.pop(job_id, None)

    def _together(self, job_ids: Collection[str]) -> dict[str, Pastiche]:
        unmade = self._unmade(job_ids)
        asked = [(job, self._request(job, standing)) for job, standing in unmade]
        requests = {job.job_id: found for job, found in asked if found}
        if len(requests) < 2:
            return {}
        method = next(iter(requests.values()))[0]
        with self._noted(job for job, _ in unmade):
            batch = [request for _, request in requests.values()]
            made = method.stylize_batch(batch, self._leaving, self._count)
        return {job_id: pastiche for job_id, pastiche in zip(requests, made, strict=True) if pastiche}

    def _noted(self, jobs: Iterable[Job]) -> contextlib.AbstractContextManager[None]:
        pictures = {digest for job in jobs for digest in (job.content, *job.styles)}
        return self._vectors.during(pictures) if self._vectors else contextlib.nullcontext()

    def _unmade(self, job_ids: Collection[str]) -> list[tuple[Job, Standing]]:
        """Those that have to be painted; of equal ones the first, since the others find what it made."""
        with self._connection.pipeline(transaction=False) as pipe:
            for job_id in job_ids:
                pipe.hget(keys.record(job_id), "job")
            texts = cast("list[bytes | None]", pipe.execute())
        found: dict[str, tuple[Job, Standing]] = {}
        for text in texts:
            try:
                job = Job.from_json(text or b"")
            except (ContractError, PasticheError):
                continue
            standing = look(self._connection, job)
            if not (standing.done or standing.cancelled or self._made_before.recall(job, standing.made)):
                found.setdefault(made_key(job), (job, standing))
        return list(found.values())

    def _request(self, job: Job, standing: Standing) -> tuple[Batching, Request] | None:
        """The job's pictures as its method would get them, if that method paints several at once."""
        found: list[tuple[Method, Request]] = []

        def note(
            method: Method,
            content: Picture,
            styles: Sequence[Picture],
            options: StyleOptions,
            report: Report,
            cancelled: IsCancelled,
        ) -> Pastiche:
            found.append((method, Request(content, styles, options)))
            return Pastiche(content, method.name)

        try:
            if not is_clip(standing.pictures()[0], job.options):
                telling = Telling(self._connection, job, standing, self._leaving)
                telling.begin()
                paint(self._engine, self._slices, job, standing.pictures(), telling, note)
        except PasticheError:
            return None
        method, request = found[0] if found else (None, None)
        return (cast(Batching, method), request) if request and hasattr(method, "stylize_batch") else None

    def _count(self, pictures: int) -> None:
        log.info("%d pictures in one pass", pictures)
        self._connection.hincrby(keys.COUNTERS, f"passes:{pictures}", 1)
