"""Large pictures of challenges: whoever looks at them takes none of the process' memory."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
import redis
from PIL import Image

from bot.challenges.model import Challenge
from bot.challenges.pictures import is_light
from bot.challenges.service import Challenges
from bot.challenges.store import Store
from tests.bot.challenges.conftest import World
from tests.bot.web.conftest import Serve, Web
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys

_ALLOWED_MIB = 150  # 569 were taken by one look at a style of 40 megapixels


@pytest.fixture
def world(redis_connection: redis.Redis) -> World:
    return World(redis_connection)


@pytest.fixture
def web(serve: Serve) -> Web:
    return serve()


def large_png(side: int, seed: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").rotate(seed * 7).convert("RGB").resize((side, side)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def peak_mib(web: Web) -> float:
    """The most memory since ``forget_peak``."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{web.process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def forget_peak(web: Web) -> float:
    """What it takes now; the peak is counted from here."""
    Path(f"/proc/{web.process.pid}/clear_refs").write_text("5")
    return peak_mib(web)


def entered(world: World, challenge: Challenge, name: str, seed: int) -> None:
    """An entry of 16 megapixels."""
    job_id = world.job(f"discord:{name}", seed)
    job = Job.from_json(world.redis.hget(keys.record(job_id), "job"))  # type: ignore[arg-type]
    made = Result(
        job_id=job_id,
        frontend="f",
        outcome="done",
        user=job.user,
        job=job.to_json(),
        picture=world.blobs.put(large_png(4096, seed), owner=job.user),
        media_type="image/png",
        width_px=4096,
        height_px=4096,
        method="fast",
    )
    post_terminal(world.redis, made)
    world.core.entries.submit(challenge.challenge_id, job_id, world.person(job.user))


def assert_it_stayed_light(web: Web, before_mib: float) -> None:
    grown_mib = peak_mib(web) - before_mib
    print(f"web: {grown_mib:.0f} MiB more at most")  # noqa: T201
    assert grown_mib < _ALLOWED_MIB


def looked_at(web: Web, *paths: str) -> dict[str, httpx.Response]:
    with httpx.Client(base_url=web.url, timeout=120) as visitor:
        return {path: visitor.get(path) for path in paths}


def test_no_page_and_no_picture_of_a_challenge_decodes_a_large_one(web: Web, world: World) -> None:
    style = large_png(4000, 5)
    challenge = world.opened(style_picture=style)
    path = f"/challenges/{challenge.challenge_id}"
    looked_at(web, "/challenges", "/challenges/none")
    before = forget_peak(web)
    given = looked_at(web, path, f"{path}/style", f"{path}/card", "/challenges")
    assert {answer.status_code for answer in given.values()} <= {200, 301}
    assert is_light(given[f"{path}/style"].content)
    assert_it_stayed_light(web, before)


def test_no_page_and_no_picture_of_its_results_does_either(web: Web, world: World) -> None:
    challenge = world.opened()
    for number, name in enumerate(("ann", "bob", "cem")):
        entered(world, challenge, name, number)
    world.to_voting(challenge)
    rows = Store(world.redis).entries(challenge.challenge_id)
    path = f"/challenges/{challenge.challenge_id}"
    pictures = [f"{path}/entries/{row.entry_id}/after" for row in rows]
    looked_at(web, "/challenges", "/challenges/none")
    before = forget_peak(web)
    voted = looked_at(web, *pictures)
    assert all(is_light(answer.content) for answer in voted.values())
    (bobs,) = (row.entry_id for row in rows if row.user == "discord:bob")
    for voter in ("ann", "cem"):
        world.core.votes.vote(challenge.challenge_id, bobs, world.person(f"discord:{voter}"))
    world.wait(48)
    over = looked_at(web, *pictures, f"{path}/poster", f"{path}/card")
    assert {answer.status_code for answer in over.values()} == {200}
    assert_it_stayed_light(web, before)


@pytest.mark.parametrize(("side", "status"), [(6000, 200), (7200, 404)])
def test_what_an_earlier_release_kept_is_made_small_once_or_not_shown(
    web: Web, world: World, side: int, status: int
) -> None:
    challenge = world.opened(style_picture=large_png(64, 1))
    kept = world.blobs.put(b"pastiche challenge style\n" + large_png(side, 3), owner="challenge:old")
    stored = replace(challenge, style_kept=kept, style_shown="")
    world.redis.hset(f"pastiche:challenge:{challenge.challenge_id}", "data", stored.to_json())
    assert Challenges(world.redis, {}).life.read(challenge.challenge_id).style_kept == kept
    path = f"/challenges/{challenge.challenge_id}/style"
    looked_at(web, "/challenges", "/challenges/none")
    before = forget_peak(web)
    with httpx.Client(base_url=web.url, timeout=120) as visitor:
        answers = [visitor.get(path) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status] * 3
    assert_it_stayed_light(web, before)
