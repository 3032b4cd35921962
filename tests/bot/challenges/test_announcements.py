"""Each thing is told once, in order, whoever is killed when."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.challenges.announcements import LEASE_S, Announcement
from bot.challenges.model import Challenge
from bot.challenges.wording import clock_time
from bot.texts import languages
from tests.bot.challenges.conftest import NO_RULES, World


def claimed(world: World, platform: str = "discord", consumer: str = "main") -> Announcement:
    found = world.another().announcements.claim(platform, consumer)
    assert found is not None
    return found


def cancelled(world: World) -> Challenge:
    """Two things to tell to each of two chats."""
    challenge = world.opened(everywhere=True)
    return world.core.life.cancel(challenge.challenge_id, world.maker)


def test_a_killed_poster_finds_what_it_had_claimed_at_once_and_is_told_so(world: World) -> None:
    cancelled(world)
    first = claimed(world)
    assert (first.event, first.redelivered, first.chat.channel_id) == ("opened", False, "11")
    assert world.another().announcements.claim("discord") is None  # the next one of this chat waits its turn
    again = world.another()
    again.announcements.resume("discord")
    found = claimed(world)
    assert (found.key, found.nonce, found.redelivered) == (first.key, first.nonce, True)
    assert again.announcements.posted(found, "m1")
    assert not again.announcements.posted(first, "m1")
    assert again.announcements.message(first.challenge_id, "opened", "discord:1") == "m1"
    following = claimed(world)
    assert (following.event, following.redelivered) == ("cancelled", False)


def test_another_poster_takes_over_after_the_lease_and_not_before(world: World) -> None:
    cancelled(world)
    first = claimed(world)
    world.another().announcements.resume("discord", "other")
    assert world.core.announcements.claim("discord", "other") is None
    world.now_s += LEASE_S
    found = claimed(world, consumer="other")
    assert (found.key, found.redelivered) == (first.key, True)


def test_the_place_of_a_message_is_remembered(world: World) -> None:
    cancelled(world)
    first = claimed(world, "telegram")
    world.core.announcements.place(first, "77")
    world.another().announcements.resume("telegram")
    assert claimed(world, "telegram").placed == "77"


@pytest.mark.parametrize("sure", [True, False])
def test_what_could_not_be_posted_comes_again_later(world: World, sure: bool) -> None:
    cancelled(world)
    first = claimed(world)
    world.core.announcements.later(first, 30, sure)
    assert world.core.announcements.claim("discord") is None
    world.now_s += 30
    found = claimed(world)
    assert (found.key, found.redelivered) == (first.key, not sure)


def test_a_closed_chat_does_not_hold_up_the_others(world: World) -> None:
    cancelled(world)
    world.core.announcements.drop(claimed(world), "Forbidden")
    assert world.told("discord") == ["cancelled"]
    assert world.told("telegram") == ["opened", "cancelled"]


def test_many_posters_post_each_once(world: World) -> None:
    for _ in range(6):
        cancelled(world)

    def post(worker: int) -> list[str]:
        core, keys = world.another(), []
        while found := core.announcements.claim("discord", f"w{worker}"):
            if core.announcements.posted(found, "m"):
                keys.append(found.key)
        return keys

    with ThreadPoolExecutor(8) as pool:
        posted = [key for keys in pool.map(post, range(8)) for key in keys]
    posted += [found.key for found in iter(lambda: _next(world), None)]
    assert len(posted) == len(set(posted)) == 12


def _next(world: World) -> Announcement | None:
    found = world.core.announcements.claim("discord")
    if found:
        world.core.announcements.posted(found, "m")
    return found


def test_every_kind_has_its_sentence_in_its_chats_language(world: World) -> None:
    challenge = world.opened(everywhere=True, rules=NO_RULES, theme="*Cats*", review=True)
    name = challenge.challenge_id
    entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(1)]
    for hours in (24, 23, 1):
        world.wait(hours)
    entries += [world.enter(challenge, f"telegram:p{number}", number) for number in range(1, 3)]
    world.wait(24)
    world.core.life.end_phase(name, world.maker)
    for hours in (0, 24, 23):
        world.wait(hours)
    for number in (0, 1):
        world.core.votes.vote(name, entries[number].entry_id, world.person(f"discord:v{number}"))
    world.wait(1)
    world.core.votes.vote(name, entries[0].entry_id, world.person("discord:v0"))
    world.wait(12)
    said: dict[str, str] = {}
    for platform in ("discord", "telegram"):
        while found := world.core.announcements.claim(platform):
            text = world.core.text(found, lambda at_s: f"<t:{int(at_s)}:R>", lambda text: text.replace("*", "\\*"))
            assert "\\*Cats\\*" in text
            assert "?" not in text.replace(" ?", "")
            said[f"{platform}.{found.kind}"] = text
            world.core.announcements.posted(found, "m")
    kinds = {key.partition(".")[2] for key in said}
    assert kinds == {"opened", "closing_soon", "extended", "review", "voting", "voting_soon", "run_off", "results"}
    assert "discord.review" in said
    assert "telegram.review" not in said
    assert "won, with 1 vote." in said["discord.results"]
    assert "P0 gagne, avec 1 vote." in said["telegram.results"]


def test_a_local_time_has_its_zones_name() -> None:
    assert clock_time(1_767_225_600, "Europe/Paris", "en") == "on 1 January 2026 at 01:00 (Europe/Paris)"
    assert clock_time(1_767_225_600, "Europe/Paris", "fr") == "le 1 janvier 2026 à 01:00 (Europe/Paris)"
    assert clock_time(1_767_225_600, "No/Where", "en") == "on 1 January 2026 at 00:00 (UTC)"
    assert all(clock_time(0, "UTC", language) for language in languages())
