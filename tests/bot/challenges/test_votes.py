"""Voting: exact under races, anonymous, and in an order of everybody's own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis

from bot.challenges import keys
from bot.challenges.entry import Entry
from bot.challenges.model import Challenge, State
from bot.challenges.scoring import read_tally
from nst.errors import PasticheError
from tests.bot.challenges.conftest import GROUP, NO_RULES, World, refused
from workers.store.connection import connect

InVoting = Callable[..., tuple[Challenge, list[Entry]]]


def test_at_most_one_for_an_entry_none_for_ones_own_and_no_more_than_allowed(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(5, votes_per_person=2)
    name, votes, voter = challenge.challenge_id, world.core.votes, world.person("discord:p0")
    own = next(entry for entry in entries if entry.user == "discord:p0")
    a, b, c = [entry.entry_id for entry in entries if entry is not own][:3]
    refused("vote_own_entry", votes.vote, name, own.entry_id, voter)
    assert votes.vote(name, a, voter).left == 1
    again = votes.vote(name, a, voter)
    assert (again.changed, again.left, again.chosen) == (False, 1, (a,))
    assert votes.vote(name, b, voter).left == 0
    assert refused("vote_limit", votes.vote, name, c, voter) == {"allowed": 2}
    taken = votes.revoke(name, a, voter)
    assert (taken.changed, taken.left, taken.chosen) == (True, 1, (b,))
    assert not votes.revoke(name, a, voter).changed
    assert votes.vote(name, c, voter).chosen == (b, c)
    refused("entry_unknown", votes.vote, name, "zzzzzzzz", voter)
    assert read_tally(world.redis, name, 1).total == 2


def test_a_thousand_racing_clicks_give_exactly_the_allowed_count(
    world: World, in_voting: InVoting, redis_url: str
) -> None:
    challenge, entries = in_voting(10, votes_per_person=3)
    start, refusals = threading.Barrier(8), []

    def clicks(worker: int) -> None:
        with connect(redis_url) as own:
            core, voter = World(own).core, world.person("discord:clicker")
            start.wait()
            for click in range(125):
                entry = entries[(click * 7 + worker) % len(entries)]
                try:
                    core.votes.vote(challenge.challenge_id, entry.entry_id, voter)
                except PasticheError as error:
                    refusals.append(error.code)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(clicks, range(8)))
    assert set(refusals) == {"vote_limit"}
    tally = read_tally(world.redis, challenge.challenge_id, 1)
    assert (tally.total, tally.voters) == (3, 1)
    assert max(tally.of(entry.entry_id) for entry in entries) == 1


def test_a_ballot_is_anonymous_numbered_and_in_everybodys_own_order(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(8)
    name = challenge.challenge_id
    seen = {}
    for voter in ("discord:p0", "discord:v1", "discord:v2"):
        ballot = world.core.votes.ballot(name, world.person(voter))
        assert ballot == world.another().votes.ballot(name, world.person(voter))
        assert sorted(one.number for one in ballot.entries) == list(range(1, 9))
        assert "discord:p" not in repr(ballot)
        seen[voter] = [one.number for one in ballot.entries]
    assert len({tuple(order) for order in seen.values()}) == 3
    assert [one.own for one in world.core.votes.ballot(name, world.person("discord:p0")).entries].count(True) == 1
    by_time = [entry.number for entry in sorted(entries, key=lambda entry: entry.entered_at_s)]
    assert by_time != sorted(by_time)


def test_a_ballot_shows_ones_own_choice_and_nobodys_counts(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(3)
    name, voter = challenge.challenge_id, world.person("discord:v")
    world.core.votes.vote(name, entries[0].entry_id, voter)
    ballot = world.core.votes.ballot(name, voter)
    assert [one.entry_id for one in ballot.entries if one.chosen] == [entries[0].entry_id]
    assert (ballot.left, ballot.until_s, ballot.run_off) == (2, challenge.until_s, False)
    refused("challenge_not_over", world.core.gallery.results, name)


def test_there_is_no_voting_before_and_after(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    name, voter = challenge.challenge_id, world.person("discord:v")
    entry = world.enter(challenge, "discord:ann", 1)
    world.enter(challenge, "discord:bob", 2)
    refused("voting_closed", world.core.votes.vote, name, entry.entry_id, voter)
    world.to_voting(challenge)
    world.core.votes.vote(name, entry.entry_id, voter)
    world.now_s += 48 * 3600
    refused("voting_closed", world.core.votes.revoke, name, entry.entry_id, voter)
    refused("voting_closed", world.core.votes.ballot, name, voter)
    world.core.clock.tick()
    refused("voting_closed", world.core.votes.vote, name, entry.entry_id, voter)


def test_the_script_itself_refuses_a_vote_that_comes_too_late(world: World, in_voting: InVoting) -> None:
    """Between the reading of the challenge and the vote it may have closed."""
    challenge, entries = in_voting(2)
    late = world.another()
    voter = world.person("discord:v")
    check = late.votes._check

    def closes_meanwhile(found: Challenge, person: object) -> None:
        check(found, person)  # type: ignore[arg-type]
        if world.core.life.read(found.challenge_id).state is State.VOTING:
            world.core.life.cancel(challenge.challenge_id, world.maker)

    late.votes._check = closes_meanwhile  # type: ignore[method-assign,assignment]
    refused("voting_closed", late.votes.vote, challenge.challenge_id, entries[0].entry_id, voter)
    assert world.redis.exists(keys.votes(challenge.challenge_id, 1)) == 0


def test_a_process_that_remembers_an_older_version_votes_in_the_present_round(
    world: World, in_voting: InVoting
) -> None:
    challenge, entries = in_voting(3)
    name = challenge.challenge_id
    for number in (0, 1):
        world.core.votes.vote(name, entries[number].entry_id, world.person(f"discord:v{number}"))
    world.another().life.end_phase(name, world.maker)
    world.another().clock.tick()  # another process begins the run-off, earlier than this one knows
    assert world.core.votes.vote(name, entries[0].entry_id, world.person("discord:v1")).left == 0
    assert (read_tally(world.redis, name, 1).total, read_tally(world.redis, name, 2).total) == (2, 1)
    refused("entry_unknown", world.core.votes.vote, name, entries[2].entry_id, world.person("discord:v1"))


def test_a_disqualified_entrys_votes_are_void_and_their_voters_have_them_back(
    world: World, in_voting: InVoting
) -> None:
    challenge, entries = in_voting(3, votes_per_person=1)
    name, voter = challenge.challenge_id, world.person("discord:v")
    world.core.votes.vote(name, entries[0].entry_id, voter)
    refused("option_out_of_range", world.core.moderation.disqualify, name, entries[0].entry_id, " ", world.maker)
    refused("not_a_manager", world.core.moderation.disqualify, name, entries[0].entry_id, "x", voter)
    world.core.moderation.disqualify(name, entries[0].entry_id, "not made with the bot", world.maker)
    assert len(world.core.votes.ballot(name, voter).entries) == 2
    refused("entry_unknown", world.core.votes.vote, name, entries[0].entry_id, world.person("discord:w"))
    assert world.core.votes.vote(name, entries[1].entry_id, voter).left == 0
    row = world.redis.hget(keys.votes(name, 1), voter.user)
    assert row == f"{entries[0].entry_id} {entries[1].entry_id}".encode()  # no row is deleted
    log = world.core.moderation.log(name, world.maker)
    assert (log[-1].action, log[-1].entry_id, log[-1].reason) == (
        "disqualified",
        entries[0].entry_id,
        "not made with the bot",
    )
    world.wait(48)
    results = world.core.gallery.results(name)
    assert results.winners == (entries[1].entry_id,)
    assert [(one.entry.entry_id, one.place, one.votes) for one in results.placed][-1] == (entries[0].entry_id, 0, 0)
    refused("challenge_closed", world.core.moderation.disqualify, name, entries[1].entry_id, "late", world.maker)


def test_a_burst_is_flagged_once_and_an_even_stream_is_not(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(4)
    name = challenge.challenge_id
    for number in range(40):
        world.core.votes.vote(name, entries[number % 4].entry_id, world.person(f"discord:even{number}"))
    assert world.core.moderation.flags(name, world.maker) == []
    for number in range(40):
        world.core.votes.vote(name, entries[0].entry_id, world.person(f"discord:burst{number}"))
    flags = world.core.moderation.flags(name, world.maker)
    assert [(flag.kind, flag.entry_id, flag.detail) for flag in flags] == [("burst", entries[0].entry_id, "15/20")]
    world.core.clock.tick()
    assert world.told().count("flagged.1") == 1


def test_slow_votes_for_one_entry_are_no_burst(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(2)
    for number in range(40):
        world.now_s += 10
        world.core.votes.vote(challenge.challenge_id, entries[0].entry_id, world.person(f"discord:v{number}"))
    assert world.core.moderation.flags(challenge.challenge_id, world.maker) == []


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"kind": "bot"}, "not_a_person"),
        ({"kind": "sender_chat"}, "not_a_person"),
        ({"kind": "anonymous"}, "not_a_person"),
        ({"is_member": False}, "not_a_member"),
        ({"account_created_at_s": 6 * 86_400}, "account_too_young"),
        ({"member_since_s": 3_000}, "member_too_new"),
        ({"chat": "discord:99"}, "challenge_not_here"),
    ],
)
def test_who_may_neither_enter_nor_vote(world: World, facts: dict[str, Any], code: str) -> None:
    challenge = world.opened()
    for number in range(2):
        world.enter(challenge, f"discord:p{number}", number)
    ages = {name: world.now_s - value for name, value in facts.items() if name.endswith("_s")}
    person = world.person("discord:x", **{**facts, **ages})
    name, job_id = challenge.challenge_id, world.made("discord:x", 9)
    refused(code, world.core.entries.submit, name, job_id, person)
    world.to_voting(challenge)
    ages = {key: value + 48 * 3600 for key, value in ages.items()}
    person = world.person("discord:x", **{**facts, **ages})
    refused(code, world.core.votes.vote, name, "any", person)
    refused(code, world.core.votes.ballot, name, person)


def test_telegram_voters_were_seen_before_the_challenge_came(world: World) -> None:
    world.core.life.saw(GROUP.key, "telegram:old")
    world.core.life.saw("telegram:-9", "telegram:elsewhere")
    world.now_s += 60
    challenge = world.opened(everywhere=True)
    name = challenge.challenge_id
    entry = world.enter(challenge, "discord:ann", 1)
    world.enter(challenge, "telegram:maker", 2)
    world.now_s += 60
    world.core.life.saw(GROUP.key, "telegram:new")
    world.to_voting(challenge)
    for user in ("telegram:new", "telegram:elsewhere", "telegram:never"):
        refused("not_seen_before", world.core.votes.vote, name, entry.entry_id, world.person(user))
    for user in ("telegram:old", "telegram:maker", "discord:anybody"):
        assert world.core.votes.vote(name, entry.entry_id, world.person(user)).changed


def test_a_moved_group_remembers_whom_it_saw(world: World, redis_connection: redis.Redis) -> None:
    world.core.life.saw(GROUP.key, "telegram:old")
    world.now_s += 60
    challenge = world.opened(everywhere=True)
    entry = world.enter(challenge, "discord:ann", 1)
    world.enter(challenge, "discord:bob", 2)
    world.core.life.move_chat("telegram", GROUP.chat_id, "-1002")
    world.to_voting(challenge)
    voter = world.person("telegram:old")
    moved = world.person("telegram:old", chat="telegram:-1002")
    refused("challenge_not_here", world.core.votes.vote, challenge.challenge_id, entry.entry_id, voter)
    assert world.core.votes.vote(challenge.challenge_id, entry.entry_id, moved).changed
    assert world.core.life.read(challenge.challenge_id).state is State.VOTING
