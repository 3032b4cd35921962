"""Each call that a conversation needs fails once, or the bot is killed in it: every order ends in one picture.

A conversation is a generator that goes on when what it waits for is there, so that all of them run at the same time.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.discord.stage import Process, picture
from tests.peers.telegram.faults import Fault
from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import SPEC, text_of
from tests.peers.telegram.world import Json
from workers.client.estimates import live_workers
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(400)]
ROOT = Path(__file__).resolve().parents[2]
Until = Callable[..., Any]
Conversation = Callable[[Person, int], Iterator[bool]]
DEADLINE_S = 150
_NUMBERS = iter(range(8_000_001, 9_000_000))
_SEEDS = iter(range(1, 10_000))
SLOW_S = 60.0

# As the fault plan has them: what the API answers, once, in the place of what it should.
KINDS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502": {"status": 502},
    "429": {"status": 429, "retry_after_s": 1},
    "cut": {"status": 0},
    "slow": {"status": 200, "slow_s": 1.5},
}


def buttons(message: Json) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def with_button(person: Person, verb: str) -> Json | None:
    found = [m for m in person.bot_messages() if any(one.startswith(verb) for one in buttons(m))]
    return found[-1] if found else None


def pressed(person: Person, verb: str, label: str = "") -> Iterator[bool]:
    """Press a button when it is there; a tap that came to nothing is made again, as people do."""
    while (message := with_button(person, verb)) is None:
        yield False
    data = person.named(message, label) if label else verb
    query, tries = person.press(message, data), 1
    before = (message.get("edit"), buttons(message), text_of(message))
    for waited in range(100_000):
        now = next((m for m in person.bot_messages() if m["message_id"] == message["message_id"]), None)
        if now is None or (now.get("edit"), buttons(now), text_of(now)) != before:
            return
        if waited and waited % 400 == 0 and tries < 3 and person.toast(query) is not None:
            query, tries = person.press(message, data), tries + 1
        yield False


def by_command(person: Person, seed: int) -> Iterator[bool]:
    person.photo(picture(seed), caption="/style mosaic 60 palette")
    yield False


def by_picker(person: Person, seed: int) -> Iterator[bool]:
    person.photo(picture(seed))
    yield from pressed(person, "d.style")
    yield from pressed(person, "d.strength", "60")
    yield from pressed(person, "d.method", "Palette")


def by_album(person: Person, seed: int) -> Iterator[bool]:
    for number in range(2):
        caption: Json = {} if number else {"caption": "/style 60 palette"}
        person.send(**person.a_photo(picture(seed + 5_000 * number)), media_group_id=f"album{seed}", **caption)
    yield False


def as_file(person: Person, seed: int) -> Iterator[bool]:
    person.file(picture(seed))
    yield from pressed(person, "d.style")
    yield from pressed(person, "d.strength", "60")
    yield from pressed(person, "d.method", "Palette")


CONVERSATIONS: dict[str, tuple[Conversation, tuple[str, ...]]] = {
    "command": (by_command, ("sendMessage", "getFile", "file", "editMessageMedia")),
    "picker": (by_picker, ("sendPhoto", "answerCallbackQuery", "editMessageCaption", "getFile", "editMessageMedia")),
    "album": (by_album, ("sendMessage", "getFile", "file", "editMessageMedia")),
    "file": (as_file, ("getFile", "file", "sendPhoto", "editMessageCaption")),
}


def pictures(person: Person) -> list[Json]:
    return [m for m in person.bot_messages() if any(one.startswith("r.recipe") for one in buttons(m))]


def uncalled(person: Person) -> list[Json]:
    """All but the short reply that calls those whose job took 20 s."""
    return [message for message in person.bot_messages() if not text_of(message).startswith("Your picture is ready")]


def unended(person: Person) -> list[str]:
    """Messages that are still as they were before the end."""
    left = [m for m in person.bot_messages() if any(one.startswith(("r.cancel", "d.")) for one in buttons(m))]
    return [text_of(m) for m in left] or (["nothing"] if not person.bot_messages() else [])


@pytest.fixture(scope="module")
def peer() -> Iterator[TelegramPeer]:
    with TelegramPeer(SPEC if SPEC.is_file() else None) as peer:
        yield peer


@pytest.fixture(scope="module")
def bot(peer: TelegramPeer, tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("hiccups")
    with EmbeddedRedis(folder / "redis") as server:
        environment = {
            "REDIS_URL": server.url,
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": peer.url,
            "TELEGRAM_WEBHOOK_URL": "",
            "LOG_LEVEL": "INFO",
        }
        script = str(ROOT / "tests/peers/discord/palette_worker.py")
        worker = Process(script, server.url, environment=environment, log=folder / "worker.log")
        bot = Process("-m", "bot", "telegram", environment=environment, log=folder / "bot.log")
        worker.start()
        bot.start()
        try:
            with connect(server.url) as connection:
                until(lambda: live_workers(connection), "a worker", 120)
            until(lambda: "Telegram: ready" in log_of(bot), "the bot", 60)
            yield bot
        finally:
            codes = [process.end() for process in (bot, worker)]
        assert codes[0] == 0
        assert "Traceback" not in log_of(bot)


def log_of(bot: Process) -> str:
    return bot.log.read_text(errors="replace")


def begin(peer: TelegramPeer, call: str, **how: Any) -> tuple[Person, Callable[[], Fault]]:
    """Somebody new, and their fault: by their chat where a call names one, by their next file otherwise."""
    person = peer.person(next(_NUMBERS))
    if call in ("getFile", "file"):
        number = int(peer.do(lambda: max(peer.world.files, default="0" * 8))[-8:]) + 1
        return person, lambda: peer.fault(call, file_id=f"AgACAgIAAxkB{number:08d}", **how)
    chat = {} if call == "answerCallbackQuery" else {"chat_id": person.chat_id}
    return person, lambda: peer.fault(call, **chat, **how)


def converse(until: Until, started: dict[str, tuple[Person, Iterator[bool]]], ended: Callable[[Person], bool]) -> None:
    """Let all conversations go on until each has ended."""
    going = dict(started)

    def all_ended() -> bool:
        for name, (person, conversation) in list(going.items()):
            next(conversation, None)
            if ended(person):
                del going[name]
        return not going

    def left() -> str:
        return "; ".join(f"{name}: {unended(person)}" for name, (person, _) in going.items())

    try:
        until(all_ended, "an end of all conversations", DEADLINE_S)
    except AssertionError:
        pytest.fail(f"not ended: {left()}")


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_that_fails_once_costs_no_order(peer: TelegramPeer, bot: Process, until: Until, kind: str) -> None:
    started, faults = {}, {}
    for name, (conversation, calls) in CONVERSATIONS.items():
        for call in calls:
            person, fault = begin(peer, call, **KINDS[kind])
            faults[f"{name}: {call}"] = fault()
            started[f"{name}: {call}"] = (person, conversation(person, next(_SEEDS)))
            next(started[f"{name}: {call}"][1], None)
    converse(until, started, lambda person: bool(pictures(person)) and not unended(person))
    assert {name: fault.met for name, fault in faults.items()} == dict.fromkeys(faults, 1)
    assert {name: len(pictures(person)) for name, (person, _) in started.items()} == dict.fromkeys(started, 1)
    assert {name: len(uncalled(person)) for name, (person, _) in started.items()} == dict.fromkeys(started, 1)


def test_an_order_whose_picture_is_still_fetched_can_be_cancelled(
    peer: TelegramPeer, bot: Process, until: Until
) -> None:
    person, fault = begin(peer, "file", status=200, slow_s=4)
    slow = fault()
    person.photo(picture(next(_SEEDS)), caption="/style mosaic 60 palette")
    until(lambda: slow.met and with_button(person, "r.cancel"), "a fetch", DEADLINE_S)
    message = with_button(person, "r.cancel")
    assert message is not None
    query = person.press(message, "r.cancel")
    until(lambda: person.toast(query) == "", "an answer to the press", DEADLINE_S)
    until(lambda: [text_of(m) for m in person.bot_messages()] == ["Cancelled."], "an end", DEADLINE_S)
    again = person.photo(picture(next(_SEEDS)), caption="/style mosaic 60 palette")
    until(lambda: pictures(person), "the next one", DEADLINE_S)
    assert pictures(person)[0]["reply_to_message"]["message_id"] == again["message_id"]
    assert len(uncalled(person)) == 2


@pytest.mark.parametrize("as_channel", [False, True], ids=["anonymous administrator", "channel"])
def test_who_writes_under_another_name_uses_their_own_buttons(
    peer: TelegramPeer, bot: Process, until: Until, as_channel: bool
) -> None:
    """Telegram shows messages under the group's or the channel's name, and presses under the person's own."""
    group = peer.group(-1_001_000_000_000 - next(_NUMBERS))
    person, stranger = peer.person(next(_NUMBERS), group), peer.person(next(_NUMBERS), group)
    identity = peer.group(-1_002_000_000_000 - next(_NUMBERS), type="channel") if as_channel else group
    peer.do(lambda: peer.world.admins.add((identity, person.user["id"])))
    photo = person.silently(**person.a_photo(picture(next(_SEEDS))))
    hidden = {"id": 1087968824 if not as_channel else 136817688, "is_bot": True, "first_name": "Group"}
    content: Json = {"text": "/style", "from": hidden, "sender_chat": peer.world.chat(identity)}
    person.send(answering=photo["message_id"], **content)
    until(lambda: with_button(person, "d.style"), "a picker", DEADLINE_S)
    picker = with_button(person, "d.style")
    assert picker is not None
    refused = stranger.press(picker, "d.style")
    until(lambda: stranger.toast(refused), "a refusal", DEADLINE_S)
    steps = (("d.style", ""), ("d.strength", "60"), ("d.method", "Palette"))
    for verb, label in steps:
        conversation = pressed(person, verb, label)
        until(lambda conversation=conversation: next(conversation, "over") == "over", verb, DEADLINE_S)
    until(lambda: pictures(person), "a picture", DEADLINE_S)
    person.send(**{**content, "text": "/privacy"})
    until(lambda: with_button(person, "p.forget"), "an offer", DEADLINE_S)


def test_a_bot_that_is_killed_in_a_call_costs_no_order(peer: TelegramPeer, bot: Process, until: Until) -> None:
    started, faults = {}, {}
    for name, (conversation, calls) in CONVERSATIONS.items():
        for call in calls:
            if call == "answerCallbackQuery":
                continue
            person, fault = begin(peer, call, status=200, slow_s=SLOW_S)
            faults[f"{name}: {call}"] = fault()
            started[f"{name}: {call}"] = (person, conversation(person, next(_SEEDS)))
            next(started[f"{name}: {call}"][1], None)
    met = {person.user["id"]: fault for (person, _), fault in zip(started.values(), faults.values(), strict=True)}
    converse(until, started, lambda person: bool(met[person.user["id"]].met))
    bot.end(signal.SIGKILL)
    bot.start()
    converse(until, started, lambda person: bool(pictures(person)) and not unended(person))
    assert {name: len(pictures(person)) for name, (person, _) in started.items()} == dict.fromkeys(started, 1)
    assert {name: len(uncalled(person)) for name, (person, _) in started.items()} == dict.fromkeys(started, 1)
