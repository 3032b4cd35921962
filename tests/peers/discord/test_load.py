"""How the bot bears fifty pictures of 10 MiB: its memory is held to the limit, its loop's pauses are reported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.peers.discord.stage import ROOT, Stage, Until, noise
from workers.embedded_redis import EmbeddedRedis

PICTURES, SIDE_PX, LIMIT_MIB = 50, 1880, 150
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]


def test_fifty_pictures_of_ten_mebibytes(
    tmp_path: Path, until: Until, record_property: Callable[[str, object], None]
) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server:
        stage = Stage(tmp_path, server, until, bot=str(ROOT / "tests/peers/discord/watched_bot.py"))
        try:
            figures = _load(stage, until)
        finally:
            stage.close()
    for name, value in figures.items():
        record_property(name, value)
        print(f"{name}: {value:.1f}")  # noqa: T201 - shown with -rP
    assert not stage.peer.violations
    assert figures["peak_mib"] < LIMIT_MIB
    assert figures["late_acknowledgements"] == 0


def _load(stage: Stage, until: Until) -> dict[str, float]:
    stage.bot.start()
    until(stage.peer.ready, "READY")
    assert stage.bot.process is not None
    process = psutil.Process(stage.bot.process.pid)
    start_cpu_s = process.cpu_times().user + process.cpu_times().system
    idle_mib = process.memory_info().rss / 2**20
    stage.watched()  # what came before is not counted
    large = noise(SIDE_PX)
    assert len(large) > 10 * 2**20
    users = [stage.peer.add_user(f"painter{number}") for number in range(PICTURES)]
    asked = [stage.style(user, content=large, limit_bytes=25 * 2**20) for user in users]
    peak_mib = idle_mib

    def all_queued() -> bool:
        nonlocal peak_mib
        peak_mib = max(peak_mib, process.memory_info().rss / 2**20)
        return all(one.message and "position" in one.message.content for one in asked)

    until(all_queued, "all in the queue", 200)
    pauses = stage.watched()
    late = sum((one.answered_after_s or 99) > 3 for one in asked)
    return {
        "start_cpu_s": start_cpu_s,
        "idle_mib": idle_mib,
        "peak_mib": peak_mib,
        "late_acknowledgements": late,
        **pauses,
    }
