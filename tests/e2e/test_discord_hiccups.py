"""Each request that an order on Discord needs fails once: every order ends in one picture or one sentence."""

from __future__ import annotations

import re
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.discord.promises import Promise
from tests.peers.discord.faults import Fault
from tests.peers.discord.stage import DEADLINE_S, Stage, Until, picture, replies, running
from tests.peers.discord.world import Channel, Interaction, Message, User

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]
KINDS: dict[str, dict[str, Any]] = {
    "500": {"status": 500},
    "502": {"status": 502},
    "429": {"status": 429},
    "cut": {"status": 0},
}
_SEEDS = iter(range(200, 10_000))
Ask = Callable[[Stage, User, Channel], Interaction | Message]


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discord-hiccups")
    with running(folder, until, tmp_path_factory.getbasetemp() / "bytecode") as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    yield whole_stage
    whole_stage.peer.faults.clear()
    assert not whole_stage.peer.violations


def by_command(stage: Stage, user: User, channel: Channel) -> Interaction:
    return stage.style(user, channel=channel, content=picture(next(_SEEDS)))


def by_button(stage: Stage, user: User, channel: Channel) -> Interaction:
    painted = next(m for m in stage.peer.messages(channel) if "colours" in m.buttons())
    return stage.peer.press(painted, "colours", user)


def by_mention(stage: Stage, user: User, channel: Channel) -> Message:
    return stage.peer.say(user, "@bot mosaic palette", picture(next(_SEEDS)), channel=channel)


# What each asks for before and after its job: method and path, of an interaction by its token, else by its channel.
REQUESTS: dict[str, tuple[Ask, tuple[tuple[str, str], ...]]] = {
    "command": (by_command, (("GET", "/attachments/{channel}/"), ("PATCH", "/webhooks/.*/messages/"))),
    "button": (by_button, (("PATCH", "/webhooks/.*/messages/"),)),
    "mention": (
        by_mention,
        (
            ("POST", "/channels/{channel}/messages"),
            ("GET", "/attachments/{channel}/"),
            ("PATCH", "/channels/{channel}/messages/"),
        ),
    ),
}


def answers(stage: Stage, asked: Interaction | Message) -> list[Message]:
    """What the bot answered to an order."""
    if isinstance(asked, Message):
        return replies(stage, asked)
    return [asked.message] if asked.message else []


def ended(stage: Stage, asked: Interaction | Message) -> bool:
    """Whether the one message of an order shows a picture or says a sentence, and nothing is left to be cancelled."""
    message = next(iter(answers(stage, asked)), None)
    if message is None or message.loading or "cancel" in message.buttons():
        return False
    waits = re.search("position|Painting|Waiting|One moment", message.content)
    return bool(message.attachments) or bool(message.content and not waits)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_that_fails_once_costs_no_order(stage: Stage, kind: str) -> None:
    orders: list[tuple[str, Fault, Interaction | Message]] = []
    for name, (ask, requests) in REQUESTS.items():
        for method, path in requests:
            user = stage.peer.add_user(f"{name}{next(_SEEDS)}")
            channel = stage.peer.add_channel(f"{name}{next(_SEEDS)}")
            if name == "button":
                stage.result(by_command(stage, user, channel))
            if "{channel}" in path:
                fault = stage.peer.fail(method, path.format(channel=channel.id), **KINDS[kind])
                orders.append((f"{name}: {method} {path}", fault, ask(stage, user, channel)))
            else:
                with stage.paused_worker():
                    asked = ask(stage, user, channel)
                    assert isinstance(asked, Interaction)
                    stage.waiting(asked)
                    fault = stage.peer.fail(method, asked.token, **KINDS[kind])
                orders.append((f"{name}: {method} {path}", fault, asked))
    for what, fault, asked in orders:
        stage.until(lambda asked=asked: ended(stage, asked), f"an end of {what}", DEADLINE_S)
        assert fault.met == 1, what
    assert not [what for what, _, asked in orders if not any(one.attachments for one in answers(stage, asked))]


def fetching(stage: Stage, ask: Ask) -> Interaction | Message:
    """An order whose picture is on its way, and stays there."""
    user, channel = somewhere(stage)
    place = f"/attachments/{channel.id}/"
    stage.peer.hold("GET", place)
    asked = ask(stage, user, channel)
    stage.until(lambda: any(place in path for path in list(stage.peer.world.order)), "a fetch")
    return asked


def acknowledged(stage: Stage, ask: Ask, method: str, path: str) -> Interaction | Message:
    """An order whose first answer stands, of which the bot does not learn."""
    user, channel = somewhere(stage)
    if ask is by_button:
        stage.result(by_command(stage, user, channel))
    stage.peer.hold(method, path.format(channel=channel.id), after=True)
    asked = ask(stage, user, channel)
    stage.until(lambda: answers(stage, asked), "an answer")
    return asked


def somewhere(stage: Stage) -> tuple[User, Channel]:
    return stage.peer.add_user(f"user{next(_SEEDS)}"), stage.peer.add_channel(f"channel{next(_SEEDS)}")


def test_a_bot_that_is_killed_anywhere_paints_every_order_once(stage: Stage) -> None:
    callback = ("POST", "/interactions/")
    asked: dict[str, Interaction | Message] = {
        "command, fetching": fetching(stage, by_command),
        "mention, fetching": fetching(stage, by_mention),
        "mention, answered": acknowledged(stage, by_mention, "POST", "/channels/{channel}/messages"),
        "button, acknowledged": acknowledged(stage, by_button, *callback),
        "command, acknowledged": acknowledged(stage, by_command, *callback),
    }
    stage.end_bot(signal.SIGKILL)
    stage.peer.faults.clear()
    stage.bot.start()
    stage.until(stage.peer.ready, "the next bot", DEADLINE_S)
    for name, one in asked.items():
        stage.until(lambda one=one: ended(stage, one), f"an end of {name}", DEADLINE_S)
    shown = {name: [len(message.attachments) for message in answers(stage, one)] for name, one in asked.items()}
    assert shown == {name: [1] for name in asked}


def test_an_order_whose_answer_can_no_longer_be_edited_by_its_token_is_told_so(stage: Stage) -> None:
    asked = fetching(stage, by_command)
    stage.until(lambda: b'"message_id": "0"' not in kept(stage)[1], "all of the promise")
    stage.end_bot(signal.SIGKILL)
    stage.peer.faults.clear()
    name, text = kept(stage)
    promise = Promise.from_json(text)
    late = replace(promise, address=replace(promise.address, token_until_s=1))
    stage.connection.set(name, late.to_json())
    stage.bot.start()
    stage.until(stage.peer.ready, "the next bot", DEADLINE_S)
    stage.until(lambda: "I was restarted" in answers(stage, asked)[0].content, "a sentence", DEADLINE_S)


def kept(stage: Stage) -> tuple[bytes, bytes]:
    """The one promise that is not kept yet."""
    (name,) = stage.connection.scan_iter(match="pastiche:discord:promise:*")
    text: Any = stage.connection.get(name)
    return name, text
