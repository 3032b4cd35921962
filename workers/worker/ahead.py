"""What the jobs of a batch share is painted ahead of them; then each of them runs as it would alone.

A job's own run looks at its standing, asks whether it was cancelled, posts and ends as ever: only where it would begin
the painting it finds it done. So whatever goes wrong with one picture goes wrong in its own
run, and where nothing could be painted ahead, all of them paint for themselves.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import cast

import redis

from nst.engine import Painting
from nst.errors import PasticheError
from nst.method import IsCancelled, never_cancelled
from nst.pictures.clip_header import is_clip
from workers.contract import ContractError, Job
from workers.counters import count
from workers.store import keys
from workers.store.made_before import MadeBefore, made_key
from workers.store.vectors import RedisVectors
from workers.worker.painting import Engine
from workers.worker.progress_of_job import Standing, Telling, look

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Painted:
    """One job's share of a pass.

    Attributes:
        painting: Done.
        share_s: Its share of the seconds that all of them took.
    """

    painting: Painting
    share_s: float


class Ahead:
    """Paints for several jobs at once, and keeps that until they run; used by one thread.

    Args:
        connection: To the queue's Redis.
        engine: Warm.
        made_before: What needs no painting.
        vectors: Style vectors shared with other workers, or None.
        leaving: Whether everything that is held has to go back.
    """

    def __init__(
        self,
        connection: redis.Redis,
        engine: Engine,
        made_before: MadeBefore,
        vectors: RedisVectors | None = None,
        leaving: IsCancelled = never_cancelled,
    ) -> None:
        self._connection = connection
        self._engine = engine
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
        self._painted = {job_id: Painted(painting, share_s) for job_id, painting in made.items()}
        return len(made)

    def take(self, job_id: str) -> Painted | None:
        """What was painted for a job, once."""
        return self._painted.pop(job_id, None)

    def _together(self, job_ids: Collection[str]) -> dict[str, Painting]:
        unmade = self._unmade(job_ids)
        with self._noted(job for job, _ in unmade):
            begun = [(job.job_id, self._begun(job, standing)) for job, standing in unmade]
            paintings = {job_id: painting for job_id, painting in begun if painting}
            done = self._engine.advance_together(list(paintings.values()), self._leaving, self._count)
        return {job_id: painting for (job_id, painting), ready in zip(paintings.items(), done, strict=True) if ready}

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

    def _begun(self, job: Job, standing: Standing) -> Painting | None:
        try:
            content, styles, mask = job.sorted(standing.pictures())
            if job.explanation or is_clip(content, job.options):
                return None
            telling = Telling(self._connection, job, standing, self._leaving)
            telling.begin()
            return self._engine.begin(content, styles, job.options, b"", telling.cancelled, mask)
        except PasticheError:
            return None

    def _count(self, pictures: int) -> None:
        log.info("%d pictures in one pass", pictures)
        count(self._connection, f"passes:{pictures}")
