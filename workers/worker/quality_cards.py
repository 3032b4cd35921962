"""Quality cards of results, made by workers that have nothing else to do (docs/adr/0007).

A result is posted first; what its card needs goes into a list that outlives this process. No job is slower for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

import redis

from nst.errors import OperatorError, PasticheError
from nst.pictures.clip_header import MEDIA_TYPES
from workers.client.forgetting import note_on_record
from workers.client.outbox import result_of
from workers.contract import ContractError, Job, Result, read_object
from workers.store import keys
from workers.store.blobs import Blobs

log = logging.getLogger(__name__)

LONG = 64  # orders; from there on a card is made after every job, however busy the worker is


class Card(Protocol):
    """As ``nst.quality.QualityCard``."""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""


class Appraiser(Protocol):
    """As ``nst.quality.Appraiser``."""

    def card(
        self,
        content: bytes,
        styles: Sequence[bytes],
        shares: Sequence[float],
        made: bytes,
        seconds: float = ...,
        memory_bytes: int = ...,
    ) -> Card:
        """Appraise a result."""


class QualityCards:
    """Orders and makes cards; used by one thread.

    Args:
        connection: To the queue's Redis.
        load: Makes the appraiser, at the first card; ``OperatorError`` where it cannot be had: no cards then.
    """

    def __init__(self, connection: redis.Redis, load: Callable[[], Appraiser]) -> None:
        self._connection, self._blobs = connection, Blobs(connection)
        self._load: Callable[[], Appraiser] | None = load
        self._appraiser: Appraiser | None = None

    def order(self, result: Result, memory_bytes: int) -> None:
        """Have a card made of a result; clips and results without a picture get none.

        Args:
            result: Posted already.
            memory_bytes: Peak of this process while it was made.
        """
        if self._load is None or result.outcome != "done" or result.media_type in MEDIA_TYPES.values():
            return
        # No more than the job's name: what is forgotten meanwhile is not found here either.
        text = json.dumps({"job_id": result.job_id, "memory_bytes": memory_bytes})
        with self._connection.pipeline(transaction=False) as pipe:
            pipe.lpush(keys.CARD_ORDERS, text)
            pipe.expire(keys.CARD_ORDERS, keys.RESULT_TTL_S)
            waiting = pipe.execute()[0]
        if waiting > LONG:
            self.make_one()

    def make_one(self) -> bool:
        """Make the oldest card that was ordered.

        Returns:
            Whether there was one.
        """
        if self._load is None:
            return False
        text = cast("bytes | None", self._connection.rpop(keys.CARD_ORDERS))
        if text is None:
            return False
        try:
            if self._appraiser is None:
                self._appraiser = self._load()
            self._make(self._appraiser, read_object(text))
        except OperatorError as error:
            log.warning("No quality cards: %s", error)
            self._load = None
        except (PasticheError, ContractError, LookupError, TypeError, ValueError) as error:
            log.info("No quality card: %s", error)  # its pictures are gone, or nobody can read what they were for
        return True

    def _make(self, appraiser: Appraiser, order: dict[str, Any]) -> None:
        result = result_of(self._connection, order["job_id"])
        if result is None or not result.job:
            return
        job = Job.from_json(result.job)
        pictures = [self._blobs.get(digest) for digest in (job.content, *job.styles, result.picture)]
        content, styles, made = pictures[0], pictures[1:-1], pictures[-1]
        shares = job.options.shares(len(styles))
        card = appraiser.card(content, styles, shares, made, result.service_s, int(order["memory_bytes"]))
        note_on_record(self._connection, job.job_id, "quality", json.dumps(card.as_dict()))


def card_of(connection: redis.Redis, job_id: str) -> dict[str, Any]:
    """A job's quality card; {} where there is none (yet).

    Args:
        connection: To the queue's Redis.
        job_id: The job.
    """
    text = cast("bytes | None", connection.hget(keys.record(job_id), "quality"))
    try:
        return read_object(text) if text else {}
    except ContractError:
        return {}
