"""A year of traffic, by Redis' clock: each key has its end, lists forget what has ended, and nothing is left."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.challenges import keys as challenge_keys
from bot.challenges.model import HOUR_S, Challenge, Chat, Person, Plan, Rules, State
from bot.challenges.service import Challenges
from bot.chat.chat_settings import ChatSettings, ChatSettingsStore
from bot.chat.conversation import Choice
from bot.chat.memory import Drafts, NotedStyle, Sessions
from bot.chat.privacy import forget
from bot.chat.recipe_codes import Recipe, RecipeCodes
from bot.chat.shown import Shown
from bot.presets.catalogue import load_presets
from bot.web.session_jobs import Album
from nst.options import StyleOptions
from tests.bot.challenges.conftest import picture
from tests.clocks import DAY_S, clock_as_in
from tests.peers.discord.palette_worker import HOLD
from tests.peers.discord.stage import Process
from tests.peers.telegram.stage import DEADLINE_S, ROOT, TelegramStage, text_of
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.client.line import Limits
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.clock import server_time_s
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]
Until = Callable[..., Any]
GROUP = -100_300_400_901
SERVER = Chat(platform="discord", chat_id="1", channel_id="11")  # which nobody serves
PRESETS = load_presets()
STYLE = PRESETS["mosaic"].picture.read_bytes()
MONTHS, MONTH_S = 12, 30 * DAY_S
NO_RULES = Rules(account_age_s=0, membership_s=0, seen_before=False)


class Year:
    """What people, workers and time do to one Redis.

    Args:
        server: Its clock is what ``clock`` says.
        clock: Seconds that it is ahead.
        folder: For logs.
        until: The waiting fixture.
    """

    def __init__(self, server: EmbeddedRedis, clock: Path, folder: Path, until: Until) -> None:
        self.redis, self.until = connect(server.url), until
        self._clock, self._ahead_s, self._numbers = clock, 0, itertools.count(1)
        self._worker = [str(ROOT / "tests/peers/discord/palette_worker.py"), server.url]
        self._url, self._folder = server.url, folder
        self.stage = TelegramStage(folder, server.url, until, GROUP)
        self.core = Challenges(self.redis, PRESETS)
        self.worker = self.hire()

    def hire(self) -> Process:
        """Another worker, warm."""
        log = self._folder / f"worker{next(self._numbers)}.log"
        process = Process(*self._worker, environment={"REDIS_URL": self._url, "NST_FAST_MODEL": "bundled"}, log=log)
        process.start()
        assert process.process is not None
        pid = str(process.process.pid)
        self.until(lambda: pid in {worker.get("pid") for worker in live_workers(self.redis)}, "a worker", DEADLINE_S)
        return process

    def pass_by(self, seconds: float) -> None:
        """Let time pass for Redis."""
        self._ahead_s += int(seconds)
        before_s = server_time_s(self.redis)
        beside = self._clock.with_suffix(".new")
        beside.write_text(f"+{self._ahead_s}")
        beside.replace(self._clock)
        self.until(lambda: server_time_s(self.redis) >= before_s + int(seconds), "time", DEADLINE_S)

    def endless(self) -> list[str]:
        """Keys that nothing ever ends."""
        names = list(self.redis.scan_iter(count=1000))
        with self.redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.ttl(name)
            return sorted(name.decode() for name, ttl_s in zip(names, pipe.execute(), strict=True) if ttl_s == -1)

    def no_key_is_endless(self) -> None:
        """What is on its way from one list to the next may have no end, for a moment."""
        self.until(lambda: not self.endless(), f"ends of {self.endless()}", 10)

    def order(self, user: str, frontend: str = "discord", chat: str = SERVER.key, **options: Any) -> Job:
        """A job of somebody's, as a frontend queues it."""
        number = next(self._numbers)
        content, options = picture(number), {"method": "palette", "seed": number, **options}
        job = Job(
            job_id=f"job{number}",
            frontend=frontend,
            user=user,
            content=blob_hash(content),
            styles=(blob_hash(STYLE),),
            options=StyleOptions(**options),
            reply_to={"chat": chat},
            style_label="mosaic",
        )
        QueueClient(self.redis, Limits(pending_per_user=50)).submit(job, [content, STYLE])
        return job

    def made(self, *jobs: Job) -> list[Result]:
        """The jobs' results."""
        client = QueueClient(self.redis)
        self.until(lambda: all(client.result(job.job_id) for job in jobs), "results", DEADLINE_S)
        return [result for job in jobs if (result := client.result(job.job_id))]

    def person(self, user: str, where: Chat, manages: bool = False) -> Person:
        """Somebody in good standing."""
        return Person(user=user, chat=where.key, name=user.title(), manages=manages)

    def at_home(self, month: int) -> None:
        """What a frontend keeps of people: sessions, drafts, recipes, walls, settings, quotas, files never ordered."""
        user = f"discord:{month}"
        job = self.order(user, steps=None, max_side_px=64 << month % 5)
        (result,) = self.made(job)
        Sessions(self.redis).note_style(SERVER.key, user, NotedStyle(job.styles[0]))
        Drafts(self.redis).note_choice(user, Choice(presets=("mosaic",), strength=0.5, method="palette"))
        RecipeCodes(self.redis).keep(Recipe.of(job), user)
        Shown(self.redis).note(SERVER.key, result.picture)
        strip = self.order(user, "web")
        Album(self.redis).add(strip, *self.made(strip))
        assert Album(self.redis).hang(user, strip.job_id)
        settings = ChatSettings(cooldown_s=30, per_user_per_day=9)
        chats = ChatSettingsStore(self.redis)
        chats.change(f"discord:{month}", spoiler=True)
        chats.take(SERVER.key, user, settings)
        self.pass_by(DAY_S)  # what is given back then is of another day
        chats.give_back(SERVER.key, user, settings)
        chats.move(f"discord:{month}", f"discord:{month}0")
        Blobs(self.redis).put(picture(next(self._numbers)), owner=user)
        self.core.life.saw(SERVER.key, user)
        if month % 2:
            forget(self.redis, user)

    def contest(self, month: int) -> Challenge:
        """One challenge from its draft to its results; another one is cancelled, another one stays a draft."""
        group = Chat(platform="telegram", chat_id=str(GROUP))
        maker, chief = self.person("discord:maker", SERVER, True), self.person("telegram:7", group, True)
        now_s = server_time_s(self.redis)
        plan = Plan(theme=f"Month {month}", closes_at_s=now_s + 48 * HOUR_S, rules=NO_RULES)
        life = self.core.life
        draft, cancelled, one = (life.create(plan, SERVER, maker).challenge_id for _ in range(3))
        life.join(life.invite(one, maker), group, chief)
        for name in (cancelled, one):
            life.open(name, maker)
        life.cancel(cancelled, maker)
        jobs = [self.order(f"discord:artist{number}") for number in range(3)]
        pending = self.core.entries.submit(one, jobs[0].job_id, self.person(jobs[0].user, SERVER))
        self.made(*jobs)
        for job in jobs[1:]:
            self.core.entries.submit(one, job.job_id, self.person(job.user, SERVER))
        self.end_phase(one, maker, State.VOTING)
        for number in range(20):  # all for one, within a minute: moderators are told
            self.core.votes.vote(one, pending.entry_id, self.person(f"discord:voter{number}", SERVER))
        self.end_phase(one, maker, State.RESULTS)
        assert {found.challenge_id for found in life.in_chat(SERVER.key, set(State))} >= {draft, cancelled, one}
        return life.read(one)

    def end_phase(self, name: str, maker: Person, then: State) -> None:
        """End what runs, and wait for what comes."""
        self.core.life.end_phase(name, maker)

        def come() -> bool:
            self.core.clock.tick()
            return self.core.life.read(name).state is then

        self.until(come, f"{then}", DEADLINE_S)

    def lose_a_worker(self) -> None:
        """It is killed in the middle of a job, which another one brings to its end."""
        self.redis.set(HOLD, "held", ex=300)
        job = self.order("discord:patient")
        self.until(lambda: (QueueClient(self.redis).event(job.job_id) or job).state == "running", "a run", DEADLINE_S)  # type: ignore[union-attr]
        self.worker.end(signal.SIGKILL)
        self.redis.delete(HOLD)
        self.worker = self.hire()
        self.made(job)

    def close(self) -> None:
        """End all processes."""
        self.stage.close()
        self.worker.end(signal.SIGKILL)
        self.redis.close()


@pytest.fixture
def year(tmp_path: Path, until: Until) -> Iterator[Year]:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environment = clock_as_in(clock)
    with EmbeddedRedis(tmp_path / "redis", preexec=lambda: os.environ.update(environment)) as server:
        year = Year(server, clock, tmp_path, until)
        try:
            year.stage.bot.start()
            year.stage.ready()
            yield year
        finally:
            year.close()


def in_a_group(stage: TelegramStage, month: int) -> None:
    """Orders, presses, a recipe, settings and a picture that nobody ordered anything for, by the real bot."""
    stage.go_to(GROUP - month)
    admin = stage.member(manages=True)
    admin.send("/settings method palette")
    stage.says(admin, "method palette")
    painted = stage.paint(admin, "kilim palette")
    stage.press(admin, painted, "r.recipe")
    stage.says(admin, "/recipe")
    home = stage.peer.person(9_700_000 + month)
    home.photo(stage.picture())
    stage.until(lambda: home.bot_messages(), "a question", DEADLINE_S)
    new = stage.peer.group(GROUP - 100 - month)
    stage.peer.do(lambda: stage.peer.world.moved.__setitem__(stage.group_id, new))
    admin.send(migrate_to_chat_id=new)
    there = stage.peer.person(admin.user["id"], new)
    stage.peer.do(lambda: stage.peer.world.admins.add((new, admin.user["id"])))
    there.send("/settings")
    stage.says(there, "method palette")


def test_a_year_leaves_no_key_without_an_end(year: Year) -> None:
    connection, core, stage = year.redis, year.core, year.stage
    for month in range(MONTHS):
        if month in {0, 6}:
            in_a_group(stage, month)
        if month in {1, 8}:
            year.lose_a_worker()
        year.at_home(month)
        contest = year.contest(month)
        assert contest.state is State.RESULTS
        year.no_key_is_endless()
        year.pass_by(MONTH_S - DAY_S)
        core.clock.tick()
        assert core.life.read(contest.challenge_id).state is State.ARCHIVED

    workers = {keys.rq_worker(worker["name"]).encode() for worker in live_workers(connection)}
    assert connection.smembers(keys.RQ_WORKERS) == workers, "the killed ones are taken off"
    assert connection.zcard(challenge_keys.of_chat(SERVER.key)) <= 3 * 7, "half a year's"
    told = connection.lrange(challenge_keys.line("discord", SERVER.key), 0, -1)
    assert told, "nobody serves that platform"
    assert all(connection.exists(key) for key in told[1:]), "what has ended leaves the line"
    assert [text_of(m) for m in stage.all_with("Month")] == []

    for process in (stage.bot, year.worker):
        assert process.end() in {0, 1}
    year.pass_by(366 * DAY_S)
    assert list(connection.scan_iter()) == []
