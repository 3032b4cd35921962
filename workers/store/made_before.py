"""The same pictures, options and weights give the same pastiche: it is not painted twice in a day.

A result is recalled only where this process knows that it would use the same weights now, which
it learns from its first own job of each method.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import redis

from workers.contract import ContractError, Job, Result, fill, read_object
from workers.store import keys
from workers.store.owners import Owners

_FIELDS = (
    "picture",
    "media_type",
    "width_px",
    "height_px",
    "method",
    "model",
    "time_lapse",
    "time_lapse_type",
    "notices",
)


def made_key(job: Job) -> str:
    """Redis key of what was made from a job's pictures and options, whoever asked."""
    kinds: list[object] = [job.clip_types] if job.frames > 1 or job.options.time_lapse else []
    kinds += [job.explanation] if job.explanation else []
    kinds += [["mask", job.mask]] if job.mask else []
    what = json.dumps([job.content, job.styles, job.options.as_dict(), *kinds], sort_keys=True)
    return keys.made(hashlib.sha256(what.encode()).hexdigest())


class MadeBefore:
    """What one worker process recalls and remembers.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._connection, self._owners = connection, Owners(connection)
        self._models: dict[str, str] = {}

    def recall(self, job: Job, text: bytes | None) -> dict[str, Any] | None:
        """The fields of an earlier result of the same, if it still stands.

        Args:
            job: What is to be done.
            text: What Redis has under ``made_key``.

        Returns:
            Keyword arguments for ``Result``, or None if it has to be painted.
        """
        if text is None:
            return None
        now = {"job_id": job.job_id, "frontend": job.frontend, "outcome": "done"}
        try:
            earlier = fill(Result, read_object(text) | now)
        except ContractError:
            return None  # of a release that is not our neighbour
        if self._models.get(job.options.method) != earlier.model:
            return None
        wanted = [digest for digest in (earlier.picture, earlier.time_lapse) if digest]
        if self._owners.claim(job.user, dict.fromkeys(wanted), keys.RESULT_TTL_S, job_id=job.job_id):
            return None
        return {name: getattr(earlier, name) for name in _FIELDS}

    def remember(self, job: Job, result: Result) -> None:
        """Note a result, unless another method had to stand in."""
        if result.method != job.options.method:
            return
        self._models[result.method] = result.model
        text = json.dumps({name: getattr(result, name) for name in _FIELDS})
        self._connection.set(made_key(job), text, ex=keys.RESULT_TTL_S)
