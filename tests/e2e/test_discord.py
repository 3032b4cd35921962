"""The real bot process against the Discord peer, with the real Redis and a real worker."""

from __future__ import annotations

import importlib.util
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.peers.discord.peer import ACK_LIMIT_S, DiscordPeer
from tests.peers.discord.world import Interaction, Message, User
from workers.connection import connect
from workers.embedded_redis import EmbeddedRedis
from workers.service_times import live_workers

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
SPEC = (SHARED if SHARED.is_absolute() else ROOT / SHARED) / "specs" / "openapi.json"
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]
Until = Callable[..., Any]
DEADLINE_S = 60


def picture(seed: int = 1, width_px: int = 96, height_px: int = 72) -> bytes:
    ramp = Image.linear_gradient("L").resize((width_px, height_px))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "PNG")
    return out.getvalue()


def described() -> Path | None:
    """Discord's own description, and what reads it, where both are at hand."""
    return SPEC if SPEC.is_file() and importlib.util.find_spec("jsonschema") else None


class Process:
    """One of the processes under test."""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        self._arguments = [sys.executable, *arguments]
        self._environment = {**os.environ, **environment}
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self._arguments, cwd=ROOT, env=self._environment, stdout=sink, stderr=subprocess.STDOUT
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.send(number)
        return self.process.wait(20)


class Stage:
    """Everything that runs, and shorthands for the tests."""

    def __init__(self, folder: Path, redis_url: str, until: Until) -> None:
        self.until = until
        self.peer = DiscordPeer(folder, described()).start()
        environment = {"REDIS_URL": redis_url, "NST_FAST_MODEL": "bundled", "LOG_LEVEL": "INFO"}
        script = str(ROOT / "tests/peers/discord/palette_worker.py")
        self.worker = Process(script, redis_url, environment=environment, log=folder / "worker.log")
        environment |= self.peer.environment()
        self.bot = Process("-m", "bot", "discord", environment=environment, log=folder / "bot.log")
        self.connection = connect(redis_url)

    def ready(self) -> None:
        self.until(self.peer.ready, "the bot's READY", DEADLINE_S)
        self.until(lambda: live_workers(self.connection), "a worker", 120)

    def close(self) -> None:
        for process in (self.bot, self.worker):
            if process.process is not None and process.process.poll() is None:
                process.send(signal.SIGCONT)
                process.process.kill()
                process.process.wait()
        self.connection.close()
        self.peer.stop()

    def message(self, interaction: Interaction) -> Message:
        found: Message = self.until(lambda: interaction.message, "an acknowledgement", DEADLINE_S)
        return found

    def says(self, interaction: Interaction, pattern: str) -> Message:
        message = self.message(interaction)
        self.until(lambda: re.search(pattern, message.content), f"{pattern!r} in {message.content!r}", DEADLINE_S)
        return message

    def result(self, interaction: Interaction) -> Message:
        message = self.message(interaction)
        return self.painted(message)

    def painted(self, message: Message) -> Message:
        done = "stronger", "weaker", "delete", "pick"
        self.until(
            lambda: message.attachments and set(done) & set(message.buttons()),
            f"a result; it says {message.content!r}",
            DEADLINE_S,
        )
        return message

    def style(self, user: User, **options: Any) -> Interaction:
        given: dict[str, Any] = {"content": picture(), "style": "mosaic", "method": "palette", **options}
        return self.peer.slash("style", user, **{name: value for name, value in given.items() if value is not None})

    def paused_worker(self) -> Paused:
        return Paused(self)


class Paused:
    """Jobs wait while the worker is frozen."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        self._stage.worker.send(signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        self._stage.worker.send(signal.SIGCONT)


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discord")
    with EmbeddedRedis(folder / "redis") as server:
        stage = Stage(folder, server.url, until)
        try:
            stage.worker.start()
            stage.bot.start()
            stage.ready()
            yield stage
        finally:
            stage.close()


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    yield whole_stage
    whole_stage.peer.faults.clear()
    for name in whole_stage.connection.scan_iter(match="pastiche:settings:*"):
        whole_stage.connection.delete(name)
    found = list(whole_stage.peer.violations)
    whole_stage.peer.violations.clear()
    assert not found
    assert not whole_stage.peer.proxy.refused


@pytest.fixture
def ann(stage: Stage) -> User:
    return stage.peer.add_user("ann")


def test_style_paints_a_picture_in_the_channel(stage: Stage, ann: User) -> None:
    interaction = stage.style(ann, strength=70)
    message = stage.result(interaction)
    assert interaction.answered == 5
    assert (interaction.answered_after_s or 0) < ACK_LIMIT_S
    assert "strength 70" in message.content
    assert message.attachments[0]["description"] == "Photo in the style of Byzantine mosaic, strength 70"
    with Image.open(io.BytesIO(stage.peer.picture(message))) as painted:
        assert painted.size == (96, 72)
    assert not message.ephemeral
    everything_went_through_the_proxy = {"discord.com", "gateway.discord.gg", "cdn.discordapp.com"}
    assert everything_went_through_the_proxy <= set(stage.peer.proxy.tunnels)
