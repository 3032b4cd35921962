"""Challenges on Telegram: the real bot process against the peer, from the wizard to the poster."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.peers.discord.stage import Process
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import DEADLINE_S, ROOT, TelegramStage, text_of
from tests.peers.telegram.world import Json
from workers.connection import connect
from workers.embedded_redis import EmbeddedRedis
from workers.service_times import live_workers

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
Until = Callable[..., Any]
GROUP = -100_300_400_501


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def stage(server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[TelegramStage]:
    """The bot and a worker that is up at once."""
    folder = tmp_path_factory.mktemp("stage")
    script = str(ROOT / "tests/peers/discord/palette_worker.py")
    environment = {"REDIS_URL": server.url, "NST_FAST_MODEL": "bundled"}
    worker = Process(script, server.url, environment=environment, log=folder / "worker.log")
    stage = TelegramStage(folder, server.url, until, GROUP)
    try:
        worker.start()
        stage.bot.start()
        stage.ready()
        with connect(server.url) as connection:
            until(lambda: live_workers(connection), "a worker", 120)
        yield stage
    finally:
        stage.close()
        if worker.process is not None:
            worker.process.kill()
            worker.process.wait()


@pytest.fixture(autouse=True)
def no_refusals(stage: TelegramStage) -> Iterator[None]:
    """Nothing that Telegram would refuse may happen during a test."""
    before = len(stage.peer.problems)
    yield
    stage.peer.faults.all.clear()
    assert stage.peer.problems[before:] == []
    assert "Traceback" not in stage.log()


def at_home(stage: TelegramStage, person: Person) -> Person:
    return stage.peer.person_again(person)


def filled_in(stage: TelegramStage, admin: Person, theme: str) -> tuple[Person, Json]:
    """The wizard with theme, zone and closing time; the administrator in private, and the form."""
    admin.send("/challenge")
    offer = stage.says(admin, "For administrators", after=last_of(admin) - 1)
    admin.follow(offer, "Set up a challenge")
    home = at_home(stage, admin)
    form = stage.says(home, "Theme: not said yet", after=last_of(home) - 1)
    for field, answer in (("theme", theme), ("zone", "paris"), ("closes", "3d")):
        home.press(form, home.named(form, {"theme": "Theme", "zone": "Time zone", "closes": "Closing"}[field]))
        stage.until(lambda form=form: "A new challenge" not in seen(home, form), "a question", DEADLINE_S)
        sent = home.send(answer)
        form = stage.says(home, "A new challenge", after=sent["message_id"])
    assert f"Theme: {theme}" in text_of(form)
    assert "(Europe/Paris)" in text_of(form)
    return home, form


def seen(person: Person, message: Json) -> str:
    return next(text_of(m) for m in person.bot_messages() if m["message_id"] == message["message_id"])


def last_of(person: Person) -> int:
    return max((m["message_id"] for m in person.bot_messages()), default=0)


def opened(stage: TelegramStage, admin: Person, theme: str) -> Json:
    home, form = filled_in(stage, admin, theme)
    home.press(form, home.named(form, "Open it"))
    return stage.says(admin, f"A new challenge: {theme}")


def end_phase(stage: TelegramStage, admin: Person, theme: str) -> None:
    """By the buttons of the administrator's own page."""
    admin.send("/challenge")
    here = stage.says(admin, theme, after=last_of(admin))
    admin.follow(here, "Manage")
    home = at_home(stage, admin)
    page = stage.says(home, "Entries: ", after=last_of(home))
    home.press(page, home.named(page, "End this phase"))
    asked = stage.says(home, "End the present phase")
    home.press(asked, home.named(asked, "Yes"))


def entered_at_home(stage: TelegramStage, person: Person, told: Json, theme: str) -> Json:
    """Through the announcement's link into the private chat, where the result is painted and entered."""
    person.follow(told, "Enter")
    home = at_home(stage, person)
    stage.says(home, f"“{theme}”: entries close")
    painted = stage.paint(home)
    assert stage.press(home, painted, "r.enter") == f"Entered into “{theme}”."
    return painted


def own_number(ballot: Json) -> str:
    """The data of the button that marks one's own entry."""
    rows = ballot["reply_markup"]["inline_keyboard"]
    return next(str(b["callback_data"]) for row in rows for b in row if "✎" in b["text"])


def numbers(ballot: Json) -> list[str]:
    """The entries' numbers in the order of the buttons."""
    rows = ballot["reply_markup"]["inline_keyboard"]
    return [str(b["text"]).strip("♥ ✎") for row in rows for b in row if ".bv." in f".{b['callback_data']}"]


def test_from_the_wizard_to_the_poster(stage: TelegramStage) -> None:
    admin, ann, bob, cem = (stage.member(manages=number == 0) for number in range(4))
    told = opened(stage, admin, "Cats at night")
    assert "(Europe/Paris)" in text_of(told)

    by_ann = stage.paint(ann)
    assert "somebody else" in stage.press(bob, by_ann, "r.enter")
    ann.send("/enter", answering=by_ann["message_id"])
    stage.says(ann, "Entered into “Cats at night”.")
    for person in (bob, cem):
        entered_at_home(stage, person, told, "Cats at night")

    home = at_home(stage, bob)
    better = stage.paint(home)
    assert stage.press(home, better, "r.enter") == ""
    offered = stage.says(home, "You have no entry left")
    assert stage.press(home, offered, "c.er") == "Entered into “Cats at night”."

    stage.bot.end(signal.SIGKILL)
    stage.bot.start()
    stage.ready()
    end_phase(stage, admin, "Cats at night")
    voting = stage.says(admin, "the voting has begun")
    assert "3 entries" in text_of(voting)
    orders = set()
    for voter in (ann, bob, cem, admin):
        voter.follow(voting, "Vote")
        home = at_home(stage, voter)
        ballot = stage.says(home, "an order of your own")
        orders.add(tuple(numbers(ballot)))
        if voter is not admin:
            assert stage.press(home, ballot, own_number(ballot)) == "That is your own entry: vote for the others."
        others = [b for row in ballot["reply_markup"]["inline_keyboard"] for b in row if "✎" not in b["text"]]
        toast = stage.press(home, ballot, str(others[0]["callback_data"]))
        assert toast == f"You voted for {others[0]['text']}. Votes left: 2."
    assert len(orders) > 1, "everybody's own order"
    ballot = stage.says(at_home(stage, admin), "Votes left: 2")
    assert "taken back" in stage.press(at_home(stage, admin), ballot, "c.bu")

    lost = stage.peer.fault("editMessageMedia", status=0, after=True, times=1000, chat_id=stage.group_id)
    end_phase(stage, admin, "Cats at night")
    stage.until(lambda: lost.met >= 1, "the poster stands there, and the bot does not know it", DEADLINE_S)
    stage.bot.end(signal.SIGKILL)
    stage.peer.faults.all.clear()
    stage.bot.start()
    stage.ready()
    stage.until(lambda: "results announced" in stage.log(), "it is noted", DEADLINE_S)
    (poster,) = stage.all_with("people voted")
    assert "photo" in poster
    assert len(stage.all_with("Art challenge:")) == 0, "no short line is left"
