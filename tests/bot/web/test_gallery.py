"""The challenges' public pages over HTTP: what is shown when, and to whom it could belong."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from PIL import Image
from starlette.applications import Starlette
from starlette.testclient import TestClient

from bot.challenges.model import Challenge
from bot.web.gallery.routes import Gallery
from bot.web.gallery.shown import slug_of
from bot.web.plain_page import el
from tests.bot.challenges.conftest import PRESETS, SERVER, World, picture

MAKERS = ("ann", "bob", "cem")


@pytest.fixture
def world(redis_connection: redis.Redis) -> World:
    return World(redis_connection)


@pytest.fixture
def browser(redis_connection: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setattr("bot.web.gallery.shown._INDEX_S", 0.0)  # the list of challenges is otherwise a little old
    site = Starlette(routes=Gallery(redis_connection, PRESETS, "en", "https://pastiche.example", listed=True).routes())
    with TestClient(site, base_url="http://inside") as client:
        yield client


def voted_on(world: World, seed: int = 40, **plan: Any) -> tuple[Challenge, list[Any]]:
    challenge = world.opened(**plan)
    entries = [world.enter(challenge, f"discord:{name}", seed + number) for number, name in enumerate(MAKERS)]
    return world.to_voting(challenge), entries


def finished(world: World, **plan: Any) -> tuple[Challenge, list[Any]]:
    challenge, entries = voted_on(world, **plan)
    for voter in ("ann", "cem"):
        world.core.votes.vote(challenge.challenge_id, entries[1].entry_id, world.person(f"discord:{voter}"))
    world.wait(48)
    return world.core.life.read(challenge.challenge_id), entries


def test_a_closed_groups_challenge_is_found_by_its_link_alone(world: World, redis_connection: redis.Redis) -> None:
    challenge, entries = finished(world)
    site = Starlette(routes=Gallery(redis_connection, PRESETS, "en", "https://pastiche.example").routes())
    with TestClient(site, base_url="http://inside") as stranger:
        page = stranger.get("/challenges").text
        assert "found by the link" in page
        for secret in (challenge.theme, challenge.challenge_id, *(entry.entry_id for entry in entries)):
            assert secret not in page
        assert challenge.theme in stranger.get(f"/challenges/{slug_of(challenge)}").text


def test_drafts_and_cancelled_ones_are_nobodys_business(world: World, browser: TestClient) -> None:
    draft = world.core.life.create(world.plan(theme="Secret plans"), SERVER, world.maker)
    cancelled = world.opened(theme="Called off")
    world.core.life.cancel(cancelled.challenge_id, world.maker)
    for challenge in (draft, cancelled):
        assert browser.get(f"/challenges/{slug_of(challenge)}").status_code == 404
        assert browser.get(f"/challenges/{challenge.challenge_id}/card").status_code == 404
    page = browser.get("/challenges").text
    assert "Secret plans" not in page
    assert "Called off" not in page


def test_while_entries_come_in_none_is_shown(world: World, browser: TestClient) -> None:
    challenge = world.opened(theme="Cats <at> night", style_preset="mosaic")
    entry = world.enter(world.opened(), "discord:ann", 3)
    page = browser.get(f"/challenges/{challenge.challenge_id}")
    assert page.url.path == f"/challenges/cats-at-night-{challenge.challenge_id}"
    assert "Cats &lt;at&gt; night" in page.text
    assert "<at>" not in page.text
    assert "Open. Entries close" in page.text
    for kind in ("after", "before"):
        assert browser.get(f"/challenges/{entry.challenge_id}/entries/{entry.entry_id}/{kind}").status_code == 404
    assert _side(browser.get(f"/challenges/{challenge.challenge_id}/style").content) > 0


def test_the_voting_shows_pictures_by_number_and_nothing_else(world: World, browser: TestClient) -> None:
    challenge, entries = voted_on(world)
    world.core.votes.vote(challenge.challenge_id, entries[1].entry_id, world.person("discord:ann"))
    page = browser.get(f"/challenges/{slug_of(challenge)}").text
    assert [page.count(f"#{number}<") for number in (1, 2, 3)] == [1, 1, 1]
    secrets = [*MAKERS, *(name.title() for name in MAKERS), "mosaic", "1 vote<", *(entry.job_id for entry in entries)]
    assert [secret for secret in secrets if re.search(rf"\b{re.escape(secret)}\b", page)] == []
    path = f"/challenges/{challenge.challenge_id}/entries/{entries[0].entry_id}"
    assert _side(browser.get(f"{path}/after").content) == 64
    assert browser.get(f"{path}/before").status_code == 404
    assert browser.get(f"/challenges/{challenge.challenge_id}/poster").status_code == 404


def test_afterwards_everything_is_told_and_links_unfurl(world: World, browser: TestClient) -> None:
    challenge, entries = finished(world)
    answer = browser.get(f"/challenges/{slug_of(challenge)}", headers={"Accept-Language": "fr"})
    page = answer.text
    assert '<html lang="fr">' in page
    assert "1. Bob" in page
    assert "mosaic 100" in page
    assert page.index("1. Bob") < page.index("Ann")
    assert 'property="og:title" content="Cats at night"' in page
    found = re.search(r'property="og:image" content="https://pastiche\.example([^"]+)"', page)
    assert found
    poster = browser.get(found[1])
    assert poster.headers["content-type"] == "image/jpeg"
    assert _side(poster.content) >= 1200
    path = f"/challenges/{challenge.challenge_id}/entries/{entries[1].entry_id}"
    assert {browser.get(f"{path}/{kind}").status_code for kind in ("after", "before")} == {200}
    assert browser.get(f"{path}/beside").status_code == 404


def test_what_was_made_hidden_is_hidden_in_the_pages_and_in_what_links_show(world: World, browser: TestClient) -> None:
    challenge = world.opened()
    jobs = [world.made("discord:ann", 41, reply_to={"spoiler": "1"}), world.made("discord:bob", 42)]
    entries = [
        world.core.entries.submit(challenge.challenge_id, job_id, world.person(f"discord:{name}"))
        for job_id, name in zip(jobs, MAKERS, strict=False)
    ]
    assert [entry.spoiler for entry in entries] == [True, False]
    challenge = world.to_voting(challenge)
    address = f"/challenges/{slug_of(challenge)}"

    def hidden(page: str) -> list[bool]:
        covered = " ".join(re.findall(r"<details class=\"spoiler\">.*?</details>", page, re.DOTALL))
        return [f"/entries/{entry.entry_id}/after" in covered for entry in entries]

    assert hidden(browser.get(address).text) == [True, False]
    ballot = world.core.votes.ballot(challenge.challenge_id, world.person("discord:cem"))
    assert {one.entry_id: one.spoiler for one in ballot.entries} == {entry.entry_id: entry.spoiler for entry in entries}
    world.wait(48)
    page = browser.get(address).text
    assert hidden(page) == [True, False]
    assert re.search(r"<details class=\"spoiler\"><summary>[^<]+</summary><img class=\"poster\"", page)
    assert re.search(r'property="og:image" content="[^"]+/card"', page), "nothing hides a link's own picture"
    assert world.core.gallery.poster(challenge.challenge_id).spoiler


def test_a_given_style_that_came_hidden_is_hidden_in_its_page_and_in_what_links_show(
    world: World, browser: TestClient
) -> None:
    given = picture(7)
    bare, hidden, free = (
        world.opened(theme="Cats", **more)
        for more in ({"style_picture": given}, {"style_picture": given, "style_spoiler": True}, {})
    )

    def shown(challenge: Challenge) -> bool:
        page = browser.get(f"/challenges/{slug_of(challenge)}").text
        whole = f"/challenges/{challenge.challenge_id}/style"
        assert whole in page
        return whole in re.sub(r"<details class=\"spoiler\">.*?</details>", "", page, flags=re.DOTALL)

    assert (shown(bare), shown(hidden)) == (True, False)
    cards = [browser.get(f"/challenges/{one.challenge_id}/card").content for one in (bare, hidden, free)]
    assert cards[1] == cards[2] != cards[0], "as of a challenge that gives none"


def test_long_galleries_have_pages_with_addresses(world: World, browser: TestClient) -> None:
    challenge = world.opened()
    for number in range(8):
        world.enter(challenge, f"discord:p{number}", 60 + number)
    world.to_voting(challenge)
    world.wait(48)
    address = f"/challenges/{slug_of(challenge)}"
    counts = [browser.get(f"{address}?page={page}").text.count("<article>") for page in ("1", "2", "99", "x", "-1")]
    assert counts == [6, 2, 2, 6, 6]
    assert 'aria-current="page"' in browser.get(f"{address}?page=2").text


def test_the_list_has_them_by_what_can_be_done(world: World, browser: TestClient) -> None:
    assert "No challenge is running yet" in browser.get("/challenges").text
    finished(world, theme="Done")
    voted_on(world, seed=80, theme="Vote now")
    world.opened(theme="Enter now")
    page = browser.get("/challenges").text
    places = [
        page.index(words) for words in ("Open for entries", "Enter now", "Voting", "Vote now", "Finished", "Done")
    ]
    assert places == sorted(places)
    for card in re.findall(r"/challenges/[a-z2-7]{8}/card", page):
        with Image.open(io.BytesIO(browser.get(card).content)) as picture:
            assert picture.size == (1200, 630)


@pytest.mark.parametrize("path", ["nosuchid", "../../etc/passwd", "x" * 3000, "abcdefgh"])
def test_what_is_not_there_is_not_there(browser: TestClient, path: str) -> None:
    assert browser.get(f"/challenges/{path}").status_code == 404


def test_markup_escapes_what_people_wrote() -> None:
    assert el("a", '<b>"', href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;">&lt;b&gt;"</a>'
    assert el("img", alt="", hidden=True, src=None) == '<img alt="" hidden>'


def _side(data: bytes) -> int:
    with Image.open(io.BytesIO(data)) as picture:
        return max(picture.size)
