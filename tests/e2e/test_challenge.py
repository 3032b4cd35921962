"""One challenge in a Discord server and a Telegram group at once; everything is killed in each of its states."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bench.steady_redis import SteadyRedis
from bot.challenges.entry import Entry, Status
from bot.challenges.model import State
from tests.e2e.test_discord_challenges import Community
from tests.peers.discord.palette_worker import HOLD
from tests.peers.discord.stage import Stage, Until
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import DEADLINE_S, TelegramStage, text_of
from tests.peers.telegram.world import Json
from workers.store.embedded_redis import EmbeddedRedis

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(400),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]
GROUP = -100_600_700_801
THEME = "Cats & *dogs*"


class World:
    """Both platforms, a worker and a Redis."""

    def __init__(self, folder: Path, redis: SteadyRedis, until: Until) -> None:
        self.redis, self.until = redis, until
        self.discord = Stage(folder, cast(EmbeddedRedis, redis), until)
        if sys.dont_write_bytecode:
            self.discord.keep_bytecode(folder / "bytecode")
        self.telegram = TelegramStage(folder, redis.url, until, GROUP)
        self.club = Community(self.discord, "both")

    def start(self) -> None:
        """Everything but Redis, which is there."""
        for process in (self.discord.worker, self.discord.bot, self.telegram.bot):
            process.start()
        self.discord.ready()
        self.telegram.ready()

    def kill_all(self) -> None:
        """SIGKILL both bots, the worker and Redis; then all of them begin anew, from Redis' file alone."""
        self.discord.end_bot(signal.SIGKILL)
        for process in (self.telegram.bot, self.discord.worker):
            process.end(signal.SIGKILL)
        self.redis.kill()
        self.telegram.peer.faults.all.clear()
        self.discord.peer.faults.clear()
        self.discord.peer.forget_nonces()
        self.redis.start()
        self.start()

    def told(self) -> None:
        """Every announcement was posted and noted."""
        lines = ("pastiche:announcements:discord", "pastiche:announcements:telegram")
        self.until(lambda: not any(self.discord.connection.zcard(line) for line in lines), "all is told", DEADLINE_S)

    def state(self) -> str:
        """The challenge's state in Redis."""
        (name,) = self.discord.connection.scan_iter(match="pastiche:challenge:????????")
        found: Any = self.discord.connection.hget(name, "state")
        return str(found.decode())

    def comes_to(self, state: State) -> None:
        """The clock takes it there."""
        self.until(lambda: self.state() == state, f"{state}; it is {self.state()}", DEADLINE_S)

    def in_group(self, words: str) -> Json:
        """The one message of the bot's in the Telegram group with these words."""
        messages: list[Json] = self.until(lambda: self.telegram.all_with(words), repr(words), DEADLINE_S)
        (message,) = messages
        return message

    def close(self) -> None:
        """End what runs."""
        self.telegram.close()
        self.discord.close()
        self.redis.kill()


@pytest.fixture
def world(tmp_path: Path, until: Until) -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
        redis = SteadyRedis(Path(folder))
        redis.start()
        world = World(tmp_path, redis, until)
        try:
            world.start()
            yield world
        finally:
            world.close()
    assert not world.discord.peer.violations
    # A process that is killed forgets how much it posted within the minute: Telegram's limit may stop the next one.
    assert [problem for problem in world.telegram.peer.problems if "flood" not in problem] == []
    assert "Traceback" not in world.telegram.log()


def entry_of(world: World, user: str) -> Entry:
    (name,) = world.discord.connection.scan_iter(match="pastiche:challenge:*:entries")
    rows: Any = world.discord.connection.hvals(name)
    return next(entry for entry in map(Entry.from_json, rows) if entry.user == user)


def enter_at_home(world: World, person: Person, announced: Json) -> None:
    person.follow(announced, "Enter")
    home = world.telegram.peer.person_again(person)
    world.telegram.says(home, "entries close")
    assert "Entered into" in world.telegram.press(home, world.telegram.paint(home), "r.enter")


def vote_at_home(
    world: World, person: Person, announced: Json, number: int, words: str = "an order of your own"
) -> None:
    person.follow(announced, "Vote")
    home = world.telegram.peer.person_again(person)
    ballot = world.telegram.says(home, words)
    assert f"You voted for {number}." in world.telegram.press(home, ballot, home.named(ballot, str(number)))


def test_one_challenge_on_both_platforms_survives_a_kill_of_everything_in_each_state(world: World) -> None:
    club, telegram = world.club, world.telegram
    ann, bob, cem = club.members
    dora, emil, fay = (telegram.member(manages=number == 0) for number in range(3))
    made = club.created(review=True)
    invited = world.discord.says(club.peer.press(made, "challenge_invite", club.host), "The code `")
    dora.send(f"/challenge join {invited.content.split('`')[1]} paris")
    world.in_group("takes part in")

    assert world.state() == State.DRAFT
    world.kill_all()
    club.peer.press(made, "challenge_open", club.host)
    club.told("A new challenge")
    told = world.in_group("A new challenge")
    assert "(Europe/Paris)" in text_of(told)
    club.entered(ann)
    enter_at_home(world, dora, told)

    world.told()
    world.kill_all()
    club.entered(bob)
    world.discord.connection.set(HOLD, 1)
    home = telegram.peer.person_again(emil)
    emil.follow(told, "Enter")
    telegram.says(home, "entries close")
    home.send("/enter", answering=telegram.queued(home)["message_id"])
    telegram.says(home, "as soon as it is painted")
    club.end_phase(made)
    world.comes_to(State.DRAINING)
    world.kill_all()
    assert entry_of(world, f"telegram:{emil.user['id']}").status is Status.PENDING
    world.discord.connection.delete(HOLD)
    world.comes_to(State.REVIEW)
    world.told()
    world.kill_all()
    club.end_phase(world.discord.says(club.use("status", club.host), "moderators look through"))
    call = club.told("the voting has begun. 4 entries")
    told = world.in_group("the voting has begun. 4 entries")
    first, second = (entry_of(world, f"discord:{user.id}").number for user in (ann, bob))

    world.told()
    world.kill_all()
    for user, number in ((bob, first), (cem, first), (ann, second)):
        club.vote(club.ballot(call, user), number, user)
    for person, number in ((dora, first), (emil, second), (fay, second)):
        vote_at_home(world, person, told, number)
    club.end_phase(world.discord.says(club.use("status", club.host), "voting"))
    call, told = club.told("a tie between"), world.in_group("a tie between")

    world.told()
    world.kill_all()
    assert world.state() == State.RUN_OFF
    for user, number in ((bob, first), (cem, first), (ann, second)):
        club.vote(club.ballot(call, user), number, user)
    for person in (dora, emil, fay):
        vote_at_home(world, person, told, first, "a tie!")

    let_through = world.discord.peer.hold("POST", f"/channels/{club.channel.id}/messages", after=True)
    lost = telegram.peer.fault("editMessageMedia", status=0, after=True, times=1000, chat_id=GROUP)
    club.end_phase(world.discord.says(club.use("status", club.host), "run-off. It ends"))
    poster = club.told("Ann won, with 3 votes. 6 people voted")
    world.until(lambda: lost.met, "the poster in the group", DEADLINE_S)
    world.kill_all()
    let_through()
    world.told()
    assert world.state() == State.RESULTS
    assert club.told("Ann won, with 3 votes. 6 people voted") is poster
    assert len(poster.attachments) == 1
    assert "photo" in world.in_group("won, with 3 votes. 6 people voted")
    for words in ("A new challenge", "the voting has begun", "a tie between"):
        club.told(words)
        world.in_group(words)
    assert not world.telegram.all_with("Art challenge:"), "no short line is left"
