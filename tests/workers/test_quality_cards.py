"""Quality cards: ordered with the result, made in a pause, gone with their job."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from nst.errors import OperatorError
from workers.client.forgetting import forget_job
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs
from workers.worker.quality_cards import LONG, QualityCards, card_of
from workers.worker.vitals import peak_bytes, reset_peak


class Sums:
    """Appraises by adding up bytes."""

    def card(
        self,
        content: bytes,
        styles: Any,
        shares: Any,
        made: bytes,
        seconds: float = 0.0,
        memory_bytes: int = 0,
    ) -> Any:
        class Sum:
            def as_dict(self) -> dict[str, Any]:
                return {"bytes": len(content) + sum(map(len, styles)) + len(made), "shares": list(shares)} | {
                    "seconds": seconds,
                    "memory_bytes": memory_bytes,
                }

        return Sum()


def done(chat: Any, connection: redis.Redis, job_id: str, media_type: str = "image/png") -> Result:
    job: Job = chat.send(job_id)
    digest = Blobs(connection).put(b"a picture")
    result = Result(
        job_id=job_id,
        frontend=job.frontend,
        outcome="done",
        picture=digest,
        media_type=media_type,
        service_s=1.5,
        job=job.to_json(),
    )
    post_terminal(connection, result)
    return result


@pytest.fixture
def cards(redis_connection: redis.Redis) -> QualityCards:
    return QualityCards(redis_connection, Sums)


def test_a_card_is_made_in_a_pause_and_kept_with_the_job(
    chat: Any, cards: QualityCards, redis_connection: redis.Redis, content: bytes, style: bytes
) -> None:
    cards.order(done(chat, redis_connection, "j1"), 4096)
    assert card_of(redis_connection, "j1") == {}
    assert cards.make_one()
    size = len(content) + len(style) + len(b"a picture")
    assert card_of(redis_connection, "j1") == {"bytes": size, "shares": [1.0], "seconds": 1.5, "memory_bytes": 4096}
    assert not cards.make_one()


def test_orders_outlive_their_worker(chat: Any, cards: QualityCards, redis_connection: redis.Redis) -> None:
    for name in ("j1", "j2"):
        cards.order(done(chat, redis_connection, name), 0)
    other = QualityCards(redis_connection, Sums)
    assert other.make_one()
    assert card_of(redis_connection, "j1")
    assert other.make_one()
    assert card_of(redis_connection, "j2")


def test_a_long_list_is_worked_off_after_every_job(
    chat: Any, cards: QualityCards, redis_connection: redis.Redis
) -> None:
    result = done(chat, redis_connection, "j1")
    for _ in range(LONG + 5):
        cards.order(result, 0)
    assert redis_connection.llen(keys.CARD_ORDERS) == LONG
    assert card_of(redis_connection, "j1")


def test_a_forgotten_job_stays_forgotten(chat: Any, cards: QualityCards, redis_connection: redis.Redis) -> None:
    result = done(chat, redis_connection, "j1")
    cards.order(result, 0)
    forget_job(redis_connection, "j1")
    assert not cards.make_one()
    cards.order(result, 0)  # taken from the list just before it was forgotten, say
    assert cards.make_one()
    assert not redis_connection.exists(keys.record("j1"))


def test_pictures_that_are_gone_clips_and_failures_have_none(
    chat: Any, cards: QualityCards, redis_connection: redis.Redis
) -> None:
    lost = done(chat, redis_connection, "j1")
    cards.order(lost, 0)
    redis_connection.delete(keys.blob(lost.picture))
    assert cards.make_one()
    assert card_of(redis_connection, "j1") == {}
    cards.order(done(chat, redis_connection, "j2", "video/mp4"), 0)
    cards.order(Result.cancellation(Job.from_json(lost.job)), 0)
    assert not cards.make_one()


def test_without_an_evaluator_there_are_no_cards_and_no_orders(chat: Any, redis_connection: redis.Redis) -> None:
    def nothing() -> Sums:
        raise OperatorError("weights_missing", {"model": "evaluator", "reason": "none"})

    cards = QualityCards(redis_connection, nothing)
    result = done(chat, redis_connection, "j1")
    cards.order(result, 0)
    assert cards.make_one()
    cards.order(result, 0)
    assert not redis_connection.exists(keys.CARD_ORDERS)
    assert not cards.make_one()


def test_the_peak_counts_from_its_reset() -> None:
    reset_peak()
    before = peak_bytes()
    held = bytearray(b"\1" * 64_000_000)
    high = peak_bytes()
    assert high - before > 50_000_000
    del held
    reset_peak()
    assert peak_bytes() < high - 30_000_000


def test_orders_name_nobody(chat: Any, cards: QualityCards, redis_connection: redis.Redis) -> None:
    cards.order(done(chat, redis_connection, "j1"), 7)
    (order,) = redis_connection.lrange(keys.CARD_ORDERS, 0, -1)
    assert json.loads(order) == {"job_id": "j1", "memory_bytes": 7}
