"""Whatever is compared in Redis is compared by Redis' clock: a host whose own is days off does no harm."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import redis
from rq.registry import StartedJobRegistry

from tests.clocks import DAY_S, clock_off_by
from workers.client.outbox import last_failures, post_terminal
from workers.contract import Result
from workers.store import keys
from workers.store.blobs import blob_hash
from workers.store.byte_stores import FolderStore
from workers.store.clock import server_time_s

ROOT = Path(__file__).resolve().parents[2]
BROKEN = 100_002  # as in faulty_worker
CLOCKS = pytest.mark.parametrize("offset_s", [8 * DAY_S, -8 * DAY_S], ids=["ahead", "behind"])

SUBMIT = """
import sys
from nst.errors import BusyError
from workers.client.client import QueueClient
from workers.store.connection import connect
from workers.contract import Job
from workers.client.line import Limits
job = Job.from_json(sys.argv[2])
try:
    print(QueueClient(connect(sys.argv[1]), Limits(**eval(sys.argv[3]))).submit(job))
except BusyError as error:
    print(error.code)
"""
SWEEP = """
import sys
from pathlib import Path
from workers.store.blob_sweep import sweep
from workers.store.byte_stores import FolderStore
from workers.store.connection import connect
print(sweep(connect(sys.argv[1]), FolderStore(Path(sys.argv[2]))))
"""


def elsewhere(offset_s: float, code: str, *arguments: str) -> str:
    """What a process says whose clock is off."""
    command = [sys.executable, "-c", code, *arguments]
    environment = {**os.environ, **clock_off_by(offset_s)}
    return subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.e2e
@CLOCKS
def test_a_worker_with_another_clock_throws_no_result_away(
    chat: Any, spawn: Any, redis_connection: redis.Redis, offset_s: int
) -> None:
    job = chat.send("j")
    for number in range(300):
        post_terminal(redis_connection, Result.cancellation(replace(job, job_id=f"j{number}")))
    spawn(clock=clock_off_by(offset_s))
    chat.send("bad", seed=BROKEN)
    chat.wait_for("j", "bad")
    assert redis_connection.xlen(keys.outbox("web")) == 302
    ((failed_s, failed),) = last_failures(redis_connection)
    assert failed.job_id == "bad"
    assert abs(failed_s - server_time_s(redis_connection)) < 3600
    waited_s = float(cast(bytes, redis_connection.hget(keys.COUNTERS, "wait:fast:sum")))
    assert 0 <= waited_s < 3600


@pytest.mark.e2e
@CLOCKS
def test_a_run_by_another_clock_is_known_for_what_it_is(
    chat: Any, spawn: Any, redis_connection: redis.Redis, offset_s: int
) -> None:
    spawn(clock=clock_off_by(offset_s))
    chat.send("long", seed=5_000)
    kind = cast(bytes, redis_connection.hget(keys.record("long"), "kind"))
    redis_connection.hset(keys.SERVICE_TIMES, kind, 3600)
    chat.until(lambda: chat.state("long") == "running", "the job's start")
    assert 3000 < chat.client.eta_s("long") <= 3600
    StartedJobRegistry("fast", connection=redis_connection).cleanup()  # as a dashboard does, by this host's clock
    assert redis_connection.zcard(keys.rq_started("fast")) == 1
    (result,) = chat.wait_for("long")
    assert result.outcome == "done"
    chat.until(lambda: redis_connection.zscore(keys.rq_finished("fast"), "long"), "the end of its run")
    finished_s = cast(float, redis_connection.zscore(keys.rq_finished("fast"), "long"))
    assert abs(finished_s - server_time_s(redis_connection)) < 3600


@CLOCKS
@pytest.mark.parametrize("limit", ["pending_per_user", "per_user_per_day", "pending_per_chat"])
def test_limits_hold_over_frontends_with_other_clocks(
    chat: Any, redis_url: str, redis_connection: redis.Redis, offset_s: int, limit: str
) -> None:
    job = replace(chat.send("first"), reply_to={"chat": "c"})
    tries = [
        elsewhere(clock_s, SUBMIT, redis_url, replace(job, job_id=job_id).to_json(), repr({limit: allowed}))
        for job_id, clock_s, allowed in (("second", offset_s, 3), ("third", 0, 1), ("fourth", offset_s, 1))
    ]
    assert tries == ["True", *["chat_full" if limit == "pending_per_chat" else "rate_limited"] * 2]
    scores = redis_connection.zrange(keys.pending("ann"), 0, -1, withscores=True)
    assert [name for name, _ in cast("list[tuple[bytes, float]]", scores)] == [b"first", b"second"]


@CLOCKS
def test_a_sweeper_with_another_clock_leaves_fresh_bytes_alone(redis_url: str, tmp_path: Path, offset_s: int) -> None:
    store, data = FolderStore(tmp_path / "pictures"), b"not named in Redis yet"
    store.write(blob_hash(data), data)
    assert elsewhere(offset_s, SWEEP, redis_url, str(tmp_path / "pictures")) == "0"
    assert store.read(blob_hash(data)) == data
    (path,) = (tmp_path / "pictures").glob("*/*")
    os.utime(path, (0, path.stat().st_mtime - 7200))
    assert elsewhere(offset_s, SWEEP, redis_url, str(tmp_path / "pictures")) == "1"


def test_nobody_asks_the_hosts_clock_for_what_redis_compares() -> None:
    asked = re.compile(r"\btime\.time\b|datetime\.now\(|utcnow\(")
    paths = [*(ROOT / "workers").glob("**/*.py"), *(ROOT / "bot" / "challenges").glob("**/*.py")]
    paths += [ROOT / "bot" / "chat" / name for name in ("chat_settings.py", "privacy.py")]
    assert [path.name for path in paths if asked.search(path.read_text(encoding="utf-8"))] == []
