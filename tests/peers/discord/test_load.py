"""How the bot bears fifty pictures of 10 MiB, there and back, and how soon it is ready.

Memory is held to its limit, and that an acknowledgement waits for no picture. Times are reported, not
asserted, because they belong to the machine: ``pytest -rP`` shows them. ``cpu_ms`` is how long the loop itself was
at work between two looks, ``lag_ms`` counts what other processes took from it as well.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.peers.discord.stage import ROOT, Stage, Until, job_id_of, noise
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.embedded_redis import EmbeddedRedis

PICTURES, SIDE_PX, LIMIT_MIB = 50, 1880, 150
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(500),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]


def test_fifty_pictures_of_ten_mebibytes(
    tmp_path: Path, until: Until, record_property: Callable[[str, object], None]
) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        stage = Stage(tmp_path, server, until, bot=str(ROOT / "tests/peers/discord/watched_bot.py"))
        stage.keep_bytecode(tmp_path / "bytecode")
        try:
            figures = _load(stage, until)
            starts = [_start_s(stage, until) for _ in range(2)]
            figures["ready_s"], figures["ready_cpu_s"] = (min(values) for values in zip(*starts, strict=True))
        finally:
            stage.close()
    for name, value in figures.items():
        record_property(name, value)
        print(f"{name}: {value:.1f}")  # noqa: T201 - shown with -rP
    assert not stage.peer.violations
    assert figures["peak_mib"] < LIMIT_MIB


def _load(stage: Stage, until: Until) -> dict[str, float]:
    stage.bot.start()
    until(stage.peer.ready, "READY")
    watched = _Watched(stage)
    large = noise(SIDE_PX)
    assert len(large) > 10 * 2**20
    users = [stage.peer.add_user(f"painter{number}") for number in range(PICTURES)]
    asked = [stage.style(user, content=large, limit_bytes=25 * 2**20) for user in users]

    def all_queued() -> bool:
        watched.look()
        return all(stage.connection.exists(keys.record(job_id_of(one))) for one in asked)

    until(all_queued, "all in the queue", 200)
    figures = watched.figures("in")
    for one in asked:
        post_terminal(stage.connection, _painted(stage, job_id_of(one)))

    def all_shown() -> bool:
        watched.look()
        return all(one.message and one.message.attachments for one in asked)

    until(all_shown, "all results", 200)
    sizes = {one.message.attachments[0]["size"] for one in asked if one.message}
    assert sizes == {len(large)}  # as it was painted, not made smaller
    assert all(stage.peer.answered_first(one) for one in asked)
    slowest_s = max(one.answered_after_s or 0 for one in asked)
    return {**figures, **watched.figures("out"), "peak_mib": watched.peak_mib, "slowest_answer_s": slowest_s}


def _painted(stage: Stage, job_id: str) -> Result:
    """The content image as the result of its job, as a worker would post it."""
    record: Any = stage.connection.hget(keys.record(job_id), "job")
    job = Job.from_json(record)
    return Result(
        job_id=job_id, frontend=job.frontend, outcome="done", reply_to=job.reply_to, user=job.user, picture=job.content,
        media_type="image/png", width_px=SIDE_PX, height_px=SIDE_PX, method="palette", job=job.to_json(),
    )  # fmt: skip


def _start_s(stage: Stage, until: Until) -> tuple[float, float]:
    """Seconds from the command ``pastiche discord`` to READY, and those that the processor spent on it.

    Its modules are compiled, as they are wherever it was started once before.
    """
    if stage.bot.process is not None and stage.bot.process.poll() is None:
        stage.bot.end()
    until(lambda: not stage.peer.gateway.ready.is_set(), "the last one's end")
    started_s = time.perf_counter()
    stage.bot.start("-m", "bot", "discord")
    until(stage.peer.ready, "READY")
    took_s = time.perf_counter() - started_s
    assert stage.bot.process is not None
    spent = psutil.Process(stage.bot.process.pid).cpu_times()
    return took_s, spent.user + spent.system


class _Watched:
    """The bot under load."""

    def __init__(self, stage: Stage) -> None:
        assert stage.bot.process is not None
        self._stage = stage
        self._process = psutil.Process(stage.bot.process.pid)
        self.peak_mib = 0.0
        self.look()
        self.idle_mib = self.peak_mib
        stage.watched()  # what came before is not counted

    def look(self) -> None:
        self.peak_mib = max(self.peak_mib, self._process.memory_info().rss / 2**20)

    def figures(self, way: str) -> dict[str, float]:
        seen = {f"{way}_{name}": value for name, value in self._stage.watched().items()}
        return {"idle_mib": self.idle_mib, **seen}
