"""The real bot process against the Telegram peer, with the real Redis and a real worker."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.peers.telegram.peer import TOKEN, Person, TelegramPeer
from tests.peers.telegram.world import Json
from workers.connection import connect
from workers.embedded_redis import EmbeddedRedis
from workers.service_times import live_workers

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
SPEC = (SHARED if SHARED.is_absolute() else ROOT / SHARED) / "specs" / "api.json"
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
Until = Callable[..., Any]
DEADLINE_S = 60
_NUMBERS = iter(range(7_000_001, 8_000_000))


def picture(seed: int = 1, width: int = 160, height: int = 120, kind: str = "JPEG") -> bytes:
    ramp = Image.linear_gradient("L").resize((width, height))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, kind)
    return out.getvalue()


class Process:
    """One of the processes under test."""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        self.arguments, self.environment, self.log = [sys.executable, "-m", "bot", *arguments], environment, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.arguments,
                cwd=self.log.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def peer() -> Iterator[TelegramPeer]:
    with TelegramPeer(SPEC if SPEC.is_file() else None) as peer:
        yield peer


@pytest.fixture(scope="module")
def environment(redis_server: EmbeddedRedis, peer: TelegramPeer) -> dict[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_URL": peer.url,
        "TELEGRAM_WEBHOOK_URL": "",
        "LOG_LEVEL": "DEBUG",
        "NST_FAST_MODEL": "bundled",
    }


@pytest.fixture(scope="module")
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Process]:
    process = Process("worker", environment=environment, log=tmp_path_factory.mktemp("worker") / "worker.log")
    process.start()
    yield process
    process.end()


@pytest.fixture(scope="module")
def running(
    environment: dict[str, str], worker: Process, tmp_path_factory: pytest.TempPathFactory, until: Until
) -> Iterator[Process]:
    """The bot, listening, and a worker that paints."""
    bot = Process("telegram", environment=environment, log=tmp_path_factory.mktemp("bot") / "bot.log")
    bot.start()
    with connect(environment["REDIS_URL"]) as connection:
        until(lambda: live_workers(connection), f"a worker ({worker.text()})", 120)
    until(lambda: "Telegram: ready" in bot.text(), "the bot", DEADLINE_S)
    yield bot
    bot.end()


@pytest.fixture
def bot(running: Process, peer: TelegramPeer) -> Iterator[Process]:
    """The running bot; nothing that Telegram would refuse may happen during a test."""
    before = len(peer.problems)
    yield running
    peer.faults.all.clear()
    assert peer.problems[before:] == []
    assert "Traceback" not in running.text()


@pytest.fixture
def anna(bot: Process, peer: TelegramPeer) -> Person:
    """Somebody new in a private chat."""
    return peer.person(next(_NUMBERS))


class Chat:
    """What is to be seen in a chat, waited for."""

    def __init__(self, person: Person, until: Until) -> None:
        self.person, self._until = person, until

    def message(self, what: Callable[[Json], bool], name: str = "a message") -> Json:
        return self._until(
            lambda: next((m for m in reversed(self.person.bot_messages()) if what(m)), None),
            f"{name}; there is {[(m.get('text') or m.get('caption')) for m in self.person.bot_messages()]}",
            DEADLINE_S,
        )

    def asks(self, verb: str) -> Json:
        return self.message(lambda m: has_button(m, f"d.{verb}."), f"a question with {verb}")

    def result(self, count: int = 1) -> Json:
        self._until(lambda: len(results(self.person)) >= count, f"{count} results", DEADLINE_S)
        return results(self.person)[count - 1]

    def says(self, words: str) -> Json:
        return self.message(lambda m: words in (m.get("text") or m.get("caption") or ""), repr(words))


@pytest.fixture
def chat(anna: Person, until: Until) -> Chat:
    return Chat(anna, until)


def has_button(message: Json, verb: str) -> bool:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return any(button.get("callback_data", "").startswith(verb) for row in rows for button in row)


def results(person: Person) -> list[Json]:
    return [message for message in person.bot_messages() if has_button(message, "r.recipe")]


def bytes_of(peer: TelegramPeer, message: Json) -> bytes:
    file = message["photo"][-1] if "photo" in message else message["document"]
    return peer.world.files[file["file_id"]].data


def test_a_photo_becomes_a_pastiche_by_buttons(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    content = picture()
    sent = anna.photo(content)
    question = chat.asks("style")
    assert question["reply_to_message"]["message_id"] == sent["message_id"]
    assert question["photo"][-1]["width"] > 900, "the presets' contact sheet"
    anna.press(question, "d.style")
    anna.press(chat.asks("strength"), "d.strength")
    anna.press(chat.asks("method"), anna.button(chat.asks("method"), "d.method")[:9])
    chat.result()
