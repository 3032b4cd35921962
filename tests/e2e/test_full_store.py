"""Redis is full, or cannot save: on every platform people read that there is no room, and no log has a traceback."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench.steady_redis import SteadyRedis
from tests.e2e.conftest import Pastiche, serving_address
from tests.peers.discord.stage import Stage, picture
from tests.peers.discord.world import MANAGE_GUILD, MEMBER_PERMISSIONS
from tests.peers.telegram.stage import TelegramStage

pytestmark = [pytest.mark.e2e, pytest.mark.long]
GROUP = -1_000_000_000_077
NO_ROOM = "There is no room for more pictures just now"
Until = Callable[..., Any]


@pytest.fixture
def server() -> Iterator[SteadyRedis]:
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        redis = SteadyRedis(Path(folder))
        redis.start()
        yield redis
        redis.kill()


@pytest.fixture(params=["full", "unsaving"])
def takes_nothing(request: pytest.FixtureRequest, server: SteadyRedis, until: Until) -> Callable[[], None]:
    """From its call on Redis takes nothing."""

    def full() -> None:
        with server.speaking() as client:
            client.config_set("maxmemory", "1")

    def unsaving() -> None:
        server.limit_files(1)
        with server.speaking() as client:

            def refuses() -> bool:
                with contextlib.suppress(Exception):
                    client.set("anything", 1)
                return bool(client.info("persistence")["aof_last_write_status"] == "err")

            until(refuses, "a failed write")

    return full if request.param == "full" else unsaving


def test_on_discord(server: SteadyRedis, takes_nothing: Callable[[], None], tmp_path: Path, until: Until) -> None:
    stage = Stage(tmp_path, server, until)
    try:
        stage.bot.start()
        stage.until(stage.peer.ready, "READY", 60)
        ann = stage.peer.add_user("ann", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
        posted = stage.peer.say(ann, "look", picture(7))
        takes_nothing()
        stage.says(stage.style(ann), NO_ROOM)
        stage.says(stage.peer.menu("Use as style", ann, posted), NO_ROOM)
        stage.says(stage.peer.menu("Stylize this picture", ann, posted), f"{NO_ROOM}|Which style")
        stage.says(stage.peer.slash("settings", ann, strength=15), NO_ROOM)
        stage.says(stage.peer.slash("queue", ann), "Nothing of yours")
    finally:
        stage.close()
    assert "Traceback" not in (tmp_path / "bot.log").read_text()


def test_on_telegram(server: SteadyRedis, takes_nothing: Callable[[], None], tmp_path: Path, until: Until) -> None:
    stage = TelegramStage(tmp_path, server.url, until, GROUP)
    try:
        stage.bot.start()
        stage.ready()
        ann = stage.member(manages=True)
        takes_nothing()
        for order in ("/style mosaic palette", "/style"):  # by command, by picker
            sent = ann.photo(stage.picture(), caption=order)
            stage.says(ann, NO_ROOM, after=sent["message_id"])
        sent = ann.send("/settings strength 15")
        stage.says(ann, NO_ROOM, after=sent["message_id"])
        sent = ann.send("/queue")
        stage.says(ann, "Nothing of yours", after=sent["message_id"])
    finally:
        stage.close()
    assert "Traceback" not in stage.log()


def test_on_the_web(server: SteadyRedis, takes_nothing: Callable[[], None], tmp_path: Path, until: Until) -> None:
    settings = {"REDIS_URL": server.url, "WEB_PORT": "0", "WEB_HOST": "127.0.0.1", "DATA_DIR": str(tmp_path)}
    web = Pastiche("web", tmp_path, settings)
    try:
        with httpx.Client(base_url=serving_address(web, until), timeout=60) as browser:
            browser.get("/")
            takes_nothing()
            refused = browser.post("/pictures", content=picture(3), headers={"x-pastiche": "1"})
            assert (refused.status_code, refused.json()["sentence"][: len(NO_ROOM)]) == (429, NO_ROOM)
            for path in ("/", "/playground", "/how", "/challenges"):
                assert browser.get(path).status_code == 200
    finally:
        web.stop()
    assert "Traceback" not in web.log
