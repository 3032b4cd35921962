"""The host of Redis dies, and its last second with it: whoever ordered in that second is told to send it again."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.steady_redis import SteadyRedis
from tests.peers.discord.stage import Stage
from tests.peers.telegram.stage import TelegramStage

pytestmark = [pytest.mark.e2e, pytest.mark.long]
GROUP = -1_000_000_000_078
Until = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[SteadyRedis]:
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        redis = SteadyRedis(Path(folder))
        redis.start()
        yield redis
        redis.kill()


def test_on_discord(server: SteadyRedis, tmp_path: Path, until: Until) -> None:
    stage = Stage(tmp_path, server, until)
    try:
        stage.bot.start()
        stage.until(stage.peer.ready, "READY", 60)
        ann = stage.peer.add_user("ann")
        kept = stage.style(ann)
        stage.says(kept, "Queued")
        with server.without_what_follows():
            lost = stage.style(ann)
            stage.says(lost, "Queued")
        message = stage.says(lost, "Please send it again")
        assert not message.buttons()
        assert "Queued" in stage.message(kept).content
        stage.says(stage.peer.slash("queue", ann), "1. Queued. Nobody paints just now")
    finally:
        stage.close()


def test_on_telegram(server: SteadyRedis, tmp_path: Path, until: Until) -> None:
    stage = TelegramStage(tmp_path, server.url, until, GROUP)
    try:
        stage.bot.start()
        stage.ready()
        ann = stage.member()
        with server.without_what_follows():
            lost = stage.queued(ann)
        words = stage.says(ann, "Please send it again")
        assert words["message_id"] == lost["message_id"]
        assert "reply_markup" not in words
    finally:
        stage.close()
