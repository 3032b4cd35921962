"""A world for challenges: a real Redis, a clock that tests set, people, and jobs with results."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import redis
from PIL import Image

from bot.challenges.entry import Entry
from bot.challenges.model import HOUR_S, Challenge, Chat, Person, Plan, Rules
from bot.challenges.service import Challenges
from bot.presets.catalogue import load_presets
from nst.errors import PasticheError
from nst.options import StyleOptions
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs

SERVER = Chat(platform="discord", chat_id="1", channel_id="11", language="en")
GROUP = Chat(platform="telegram", chat_id="-2", language="fr", time_zone="Europe/Paris")
PRESETS = load_presets()


def picture(seed: int) -> bytes:
    """A small PNG that looks like no other seed's."""
    rough = bytes((seed * 97 + place * place * 31 + place * seed * 57) % 256 for place in range(48))
    out = io.BytesIO()
    Image.frombytes("RGB", (4, 4), rough).resize((64, 48), Image.Resampling.BICUBIC).save(out, "PNG")
    return out.getvalue()


class World:
    """Everything that a test does to challenges.

    Attributes:
        now_s: The time; tests set it.
        core: As one process has it.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self.redis, self.blobs = connection, Blobs(connection)
        self.now_s = float(int(time.time()))
        self.core = self.another()
        self.maker = self.person("discord:boss", SERVER, manages=True)

    def another(self) -> Challenges:
        """The core as a process has it that was just started."""
        return Challenges(self.redis, PRESETS, self.blobs, lambda: self.now_s)

    def person(self, user: str, where: Chat | None = None, **facts: Any) -> Person:
        """Somebody in good standing."""
        here = where or (SERVER if user.startswith("discord") else GROUP)
        since = self.now_s - 1e8
        known = {"account_created_at_s": since, "member_since_s": since} if here is SERVER else {"is_member": True}
        return Person(**{"user": user, "chat": here.key, "name": user.partition(":")[2].title(), **known, **facts})

    def job(self, user: str, seed: int, **job: Any) -> str:
        """A job that waits to be made; its id."""
        content, style = self.blobs.put(picture(seed + 1000), owner=user), self.blobs.put(picture(7777))
        values = {"content": content, "styles": (style,), "style_label": "mosaic", "options": StyleOptions()}
        name = f"{user.replace(':', '-')}-{seed}"
        values |= {"job_id": name, "frontend": "f", "user": user, "submitted_at_s": self.now_s}
        made = Job(**{**values, **job})
        self.redis.hset(keys.record(made.job_id), "job", made.to_json())
        self.redis.zadd(keys.jobs_of(user), {made.job_id: self.now_s})
        return made.job_id

    def finish(self, job_id: str, seed: int, outcome: str = "done") -> str:
        """Give a job its result."""
        text = self.redis.hget(keys.record(job_id), "job")
        job = Job.from_json(text)  # type: ignore[arg-type]
        made = Result(
            job_id=job_id,
            frontend="f",
            outcome=outcome,
            user=job.user,
            job=job.to_json(),
            picture=self.blobs.put(picture(seed), owner=job.user) if outcome == "done" else "",
            media_type="image/png",
            width_px=64,
            height_px=48,
            method="fast",
        )
        post_terminal(self.redis, made)
        return job_id

    def made(self, user: str, seed: int, **job: Any) -> str:
        """A finished job; its id."""
        return self.finish(self.job(user, seed, **job), seed)

    def plan(self, **values: Any) -> Plan:
        """A plan for two days."""
        return Plan(**{"theme": "Cats at night", "closes_at_s": self.now_s + 48 * HOUR_S, **values})

    def opened(self, *, everywhere: bool = False, **plan: Any) -> Challenge:
        """An open challenge, in one chat or two."""
        made = self.core.life.create(self.plan(**plan), SERVER, self.maker)
        if everywhere:
            code = self.core.life.invite(made.challenge_id, self.maker)
            self.core.life.join(code, GROUP, self.person("telegram:chief", GROUP, manages=True))
        return self.core.life.open(made.challenge_id, self.maker)

    def enter(self, challenge: Challenge, user: str, seed: int) -> Entry:
        """Enter a finished pastiche."""
        return self.core.entries.submit(challenge.challenge_id, self.made(user, seed), self.person(user))

    def to_voting(self, challenge: Challenge) -> Challenge:
        """Let the entries close."""
        self.wait(48)
        return self.core.life.read(challenge.challenge_id)

    def wait(self, hours: float, core: Challenges | None = None) -> None:
        """Let time pass, and the clock tick."""
        self.now_s += hours * HOUR_S
        (core or self.core).clock.tick()

    def told(self, platform: str = "discord") -> list[str]:
        """Post everything that waits; the kinds, in order."""
        kinds: list[str] = []
        while found := self.core.announcements.claim(platform):
            assert self.core.announcements.posted(found, f"m{len(kinds)}")
            kinds.append(found.event)
        return kinds


def refused(code: str, call: Callable[..., object], *args: Any) -> dict[str, Any]:
    """Check that a call is refused with this code; its details."""
    with pytest.raises(PasticheError) as error:
        call(*args)
    assert error.value.code == code
    return error.value.detail


NO_RULES = Rules(account_age_s=0, membership_s=0, seen_before=False)


@pytest.fixture
def world(redis_connection: redis.Redis) -> World:
    """An empty world."""
    return World(redis_connection)


@pytest.fixture
def in_voting(world: World) -> Callable[..., tuple[Challenge, list[Entry]]]:
    """Makes a challenge that votes, with so many entries, one of each person ``discord:p0``, ``discord:p1`` …"""

    def make(entries: int = 3, **plan: Any) -> tuple[Challenge, list[Entry]]:
        challenge = world.opened(rules=NO_RULES, **plan)
        for number in range(entries):
            world.enter(challenge, f"discord:p{number}", number)
        challenge = world.to_voting(challenge)
        manager = replace(world.maker)
        return challenge, world.core.entries.all(challenge.challenge_id, manager)

    return make
