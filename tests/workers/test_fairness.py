"""One user's flood hardly delays the others."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import redis

_FLOOD, _SEED_MS = 100, 100


def test_five_users_places_in_the_line(chat: Any, redis_connection: redis.Redis) -> None:
    for i in range(_FLOOD):
        chat.send(f"flood{i}", seed=_SEED_MS + i, user="flooder")
    others = [f"other{i}" for i in range(5)]
    for i, job_id in enumerate(others):
        chat.send(job_id, seed=_SEED_MS - 1 - i, user=f"user{i}")
    places = [chat.client.position(job_id) for job_id in others]
    assert places == [2, 3, 4, 5, 6], "behind the flood's first, before its second"
    # One worker, every job a tenth of a second, and a job that has just begun.
    mean_wait_s = sum(place * _SEED_MS / 1000 for place in places) / len(places)
    assert mean_wait_s < 1


@pytest.mark.e2e
def test_five_users_behind_a_flood_of_a_hundred(chat: Any, spawn: Any) -> None:
    for i in range(_FLOOD):
        chat.send(f"flood{i}", seed=_SEED_MS + i, user="flooder")
    others = [f"other{i}" for i in range(5)]
    for i, job_id in enumerate(others):
        chat.send(job_id, seed=_SEED_MS - 1 - i, user=f"user{i}")
    spawn()
    chat.wait_for(*others)
    order = [result.job_id for result in chat.results()]
    in_front = [order.index(job_id) for job_id in others]
    sys.stdout.write(f"jobs served before each of the five: {in_front}, of a flood of {_FLOOD}\n")
    assert max(in_front) < 12  # the flood's first, the other four, and what a round lets in between
    assert len(chat.client.jobs_of("flooder")) > 50
