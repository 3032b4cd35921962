"""How the bot bears fifty pictures of 10 MB: its memory is held to the limit, its start and pauses are reported."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from tests.peers.telegram.peer import TOKEN, TelegramPeer
from workers.store.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[3]
PICTURES, SIDE_PX, LIMIT_MIB = 50, 1850, 120
Until = Callable[..., Any]
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(500)]


def test_fifty_pictures_of_ten_megabytes(
    tmp_path: Path, until: Until, record_property: Callable[[str, object], None]
) -> None:
    with EmbeddedRedis(tmp_path / "redis") as server, TelegramPeer() as peer:
        began_s = time.monotonic()
        with (tmp_path / "bot.log").open("wb") as log:
            bot = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/peers/telegram/watched_bot.py"), str(tmp_path / "watch.json")],
                cwd=tmp_path,
                env={**os.environ, **_environment(server, peer)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            until(lambda: peer.calls("getUpdates"), "the first question for updates", 60)
            figures = {"start_s": time.monotonic() - began_s, **_load(peer, bot.pid, tmp_path, until)}
        finally:
            bot.terminate()
            bot.wait(90)
        assert peer.problems == []
        assert "Traceback" not in (tmp_path / "bot.log").read_text(encoding="utf-8")
    for name, value in figures.items():
        record_property(name, value)
        print(f"{name}: {value:.1f}")  # noqa: T201 - shown with -rP
    assert figures["peak_mib"] < LIMIT_MIB


def _environment(server: EmbeddedRedis, peer: TelegramPeer) -> dict[str, str]:
    return {
        "PYTHONPATH": str(ROOT),
        "REDIS_URL": server.url,
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_URL": peer.url,
        "TELEGRAM_WEBHOOK_URL": "",
        "LOG_LEVEL": "INFO",
    }


def _load(peer: TelegramPeer, pid: int, folder: Path, until: Until) -> dict[str, float]:
    process = psutil.Process(pid)
    cpu = process.cpu_times()
    idle_mib = process.memory_info().rss / 2**20
    _watched(pid, folder, until)  # what came before is not counted
    large = _noise()
    people = [peer.person(8_100_000 + number) for number in range(PICTURES)]
    for number, person in enumerate(people):
        person.file(large + number.to_bytes(4), caption="/style mosaic palette")  # no two alike: each is kept
    peak_mib = idle_mib

    def all_queued() -> bool:
        nonlocal peak_mib
        peak_mib = max(peak_mib, process.memory_info().rss / 2**20)
        return all(any(_queued(message) for message in person.bot_messages()) for person in people)

    until(all_queued, "all in the queue", 200)
    pauses = _watched(pid, folder, until)
    return {"start_cpu_s": cpu.user + cpu.system, "idle_mib": idle_mib, "peak_mib": peak_mib, **pauses}


def _queued(message: dict[str, Any]) -> bool:
    return str(message.get("text", "")).startswith(("Queued", "Waiting"))


def _watched(pid: int, folder: Path, until: Until) -> dict[str, float]:
    report = folder / "watch.json"
    report.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    until(report.exists, "the watch's report", 30)
    seen: dict[str, float] = json.loads(report.read_text(encoding="utf-8"))
    return seen


def _noise() -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (SIDE_PX, SIDE_PX), os.urandom(3 * SIDE_PX**2)).save(out, "PNG", compress_level=0)
    assert out.tell() > 10 * 10**6
    return out.getvalue()
