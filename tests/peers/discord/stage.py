"""What the tests of the real bot process share: everything that runs, and shorthands."""

from __future__ import annotations

import importlib.util
import io
import itertools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from PIL import Image

from bench.steady_redis import SteadyRedis
from bot.chat.service import job_id_from
from tests.peers.discord.palette_worker import HOLD
from tests.peers.discord.peer import TOKEN, DiscordPeer
from tests.peers.discord.world import MANAGE_GUILD, MEMBER_PERMISSIONS, Interaction, Message, User
from workers.client.estimates import live_workers
from workers.contract import Job
from workers.store import keys
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[3]
_SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
_SPEC = (_SHARED if _SHARED.is_absolute() else ROOT / _SHARED) / "specs" / "openapi.json"
Until = Callable[..., Any]
DEADLINE_S = 60  # of a busy machine


def picture(seed: int = 1, width_px: int = 96, height_px: int = 72) -> bytes:
    ramp = Image.linear_gradient("L").resize((width_px, height_px))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "PNG")
    return out.getvalue()


def undescribed() -> str:
    """Why requests cannot be held against Discord's own description here; "" where they can."""
    if not _SPEC.is_file():
        return "SHARED_DIR is absent: Discord's OpenAPI description is not on this machine"
    return "" if importlib.util.find_spec("jsonschema") else "jsonschema is not installed"


class Process:
    """One of the processes under test."""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        self._arguments = [sys.executable, *arguments]
        self.environment = {**os.environ, **environment}
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *instead: str) -> None:
        arguments = [sys.executable, *instead] if instead else self._arguments
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                arguments, cwd=ROOT, env=self.environment, stdout=sink, stderr=subprocess.STDOUT
            )

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.send(number)
        return self.process.wait(60)


class Stage:
    """Everything that runs, and shorthands for the tests."""

    def __init__(
        self, folder: Path, server: EmbeddedRedis | SteadyRedis, until: Until, bot: str = "", *arguments: str
    ) -> None:
        self.until = until
        self._pictures = itertools.count(10)
        self.server, redis_url = server, server.url
        self.peer = DiscordPeer(folder, None if undescribed() else _SPEC).start()
        environment = {"REDIS_URL": redis_url, "NST_FAST_MODEL": "bundled", "LOG_LEVEL": "INFO"}
        script = str(ROOT / "tests/peers/discord/palette_worker.py")
        self.worker = Process(script, redis_url, environment=environment, log=folder / "worker.log")
        environment |= self.peer.environment()
        self._watch = folder / "watch.json"
        command = [bot, *(arguments or [str(self._watch)])] if bot else ["-m", "bot", "discord"]
        self.bot = Process(*command, environment=environment, log=folder / "bot.log")
        self.connection = connect(redis_url)

    def keep_bytecode(self, folder: Path) -> None:
        """Let the bot find its modules compiled when it starts again, as they are where it was installed."""
        self.bot.environment |= {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder)}

    def ready(self) -> None:
        self.until(self.peer.ready, "the bot's READY", 120)
        self.until(lambda: live_workers(self.connection), "a worker", 120)

    def end_bot(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End the bot, and see Discord notice it; until then what is sent would go to the line that is dead."""
        code = self.bot.end(number)
        self.until(lambda: not self.peer.gateway.ready.is_set(), "the old line's end")
        return code

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

    def forgets(self, told: Message, user: User, pictures: int) -> None:
        """All of a user, by the button of ``/privacy``, which asks whether they are sure."""
        self.peer.press(told, "forget", user)
        self.until(lambda: f"still kept: {pictures}" in told.content, "a question", DEADLINE_S)
        self.peer.press(told, "forget_sure", user)
        self.until(lambda: f"Forgotten: {pictures}" in told.content, "the end of all", DEADLINE_S)
        assert not told.buttons()

    def refused(self, interaction: Interaction, pattern: str) -> Message:
        """What is told to nobody but the one who pressed."""

        def told() -> Message | None:
            said = [*interaction.followups, *filter(None, [interaction.message])]
            return next((one for one in said if not one.deleted and re.search(pattern, one.content)), None)

        found: Message = self.until(told, f"{pattern!r} in private", DEADLINE_S)
        assert found.ephemeral
        assert not found.attachments
        return found

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
        # Each picture is another one: what was painted before would be recalled, not painted.
        given: dict[str, Any] = {
            "content": picture(next(self._pictures)),
            "style": "mosaic",
            "method": "palette",
            **options,
        }
        return self.peer.slash("style", user, **{name: value for name, value in given.items() if value is not None})

    def watched(self) -> dict[str, float]:
        """What ``watched_bot`` saw since it was asked last."""
        self._watch.unlink(missing_ok=True)
        self.bot.send(signal.SIGUSR1)
        self.until(self._watch.exists, "a report")
        found: dict[str, float] = json.loads(self._watch.read_text(encoding="utf-8"))
        return found

    def redis_process(self) -> psutil.Process:
        return psutil.Process(self.server.pid)

    def job(self, interaction: Interaction) -> Job:
        """The job that an interaction led to."""
        record: Any = self.connection.hget(keys.record(job_id_of(interaction)), "job")
        return Job.from_json(record)

    def waiting(self, interaction: Interaction) -> Message:
        """The message once it says how the job stands."""
        return self.says(interaction, "position|Painting|Waiting")

    def palette_by_default(self) -> None:
        manager = self.peer.add_user("manager", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
        self.says(self.peer.slash("settings", manager, method="palette"), "palette")

    def paused_worker(self) -> Paused:
        return Paused(self)


def job_id_of(interaction: Interaction) -> str:
    """What the bot calls the job of an interaction."""
    return "d" + job_id_from(TOKEN, interaction.id)


@contextmanager
def running(folder: Path, until: Until, bytecode: Path, *bot: str) -> Iterator[Stage]:
    """A stage with a Redis, a worker and the bot (or ``bot``, a script and its arguments), all up."""
    with EmbeddedRedis(folder / "redis") as server:
        stage = Stage(folder, server, until, *bot)
        if sys.dont_write_bytecode:
            stage.keep_bytecode(bytecode)  # it starts again and again
        try:
            stage.worker.start()
            stage.bot.start()
            stage.ready()
            yield stage
        finally:
            stage.close()


class Paused:
    """The first job stands still half-way, and the others wait behind it."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __enter__(self) -> None:
        self._stage.connection.set(HOLD, secrets.token_hex(8))

    def __exit__(self, *_: object) -> None:
        self._stage.connection.delete(HOLD)


def noise(side_px: int) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (side_px, side_px), os.urandom(3 * side_px * side_px)).save(out, "PNG")
    return out.getvalue()


def replies(stage: Stage, message: Message) -> list[Message]:
    found = stage.peer.messages(message.channel)
    return [one for one in found if (one.reference or {}).get("message_id") == message.id]
