"""Forget me: nothing of theirs stays, what was counted stays consistent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import redis

from bot.challenges import keys
from bot.challenges.entry import Entry, Status
from bot.challenges.forgetting import forget_in_challenges
from bot.challenges.model import Challenge, State
from bot.challenges.scoring import read_tally
from bot.chat.privacy import forget
from tests.bot.challenges.conftest import SERVER, World, picture, refused
from tests.traces import traces_left
from workers.client.outbox import result_of
from workers.contract import Job, Result
from workers.store import keys as queue_keys
from workers.store.blobs import blob_hash

InVoting = Callable[..., tuple[Challenge, list[Entry]]]


def mentions(world: World, user: str) -> list[bytes]:
    """Keys that have somebody's key in their name or value; quotas hold numbers only."""
    return [key for key in world.redis.scan_iter() if user.encode() in key + _content(world.redis, key)]


def _content(connection: redis.Redis, key: bytes) -> bytes:
    reads: dict[bytes, Callable[[], Any]] = {
        b"string": lambda: connection.get(key),
        b"hash": lambda: connection.hgetall(key),
        b"list": lambda: connection.lrange(key, 0, -1),
        b"set": lambda: connection.smembers(key),
        b"zset": lambda: connection.zrange(key, 0, -1),
        b"stream": lambda: connection.xrange(key),
    }
    kind = cast(bytes, connection.type(key))
    return repr(reads[kind]()).encode()


def test_while_the_voting_runs_entry_and_votes_go(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(3)
    name = challenge.challenge_id
    by_user = {entry.user: entry for entry in entries}
    gone = by_user["discord:p0"]
    world.core.votes.vote(name, by_user["discord:p1"].entry_id, world.person("discord:p0"))
    for number in range(2):
        world.core.votes.vote(name, gone.entry_id, world.person(f"discord:v{number}"))
    world.core.votes.vote(name, by_user["discord:p2"].entry_id, world.person("discord:v0"))
    forget(world.redis, "discord:p0", [blob_hash(picture(7777))])
    after = {entry.entry_id: entry for entry in world.core.entries.all(name, world.maker)}[gone.entry_id]
    assert (after.status, after.number) == (Status.WITHDRAWN, gone.number)
    assert (after.user, after.name, after.picture, after.job_id, dict(after.options)) == ("", "", "", "", {})
    refused("job_expired", world.core.entries.picture, gone.picture)
    refused("entry_unknown", world.core.votes.vote, name, gone.entry_id, world.person("discord:v3"))
    assert world.core.votes.ballot(name, world.person("discord:v1")).left == 3
    tally = read_tally(world.redis, name, 1)
    assert (tally.total, tally.voters) == (1, 1)
    assert mentions(world, "discord:p0") == []
    assert forget(world.redis, "discord:p0") == 0
    world.wait(48)
    assert world.core.gallery.results(name).winners == (by_user["discord:p2"].entry_id,)


def test_after_the_results_the_counts_stay_and_the_name_goes(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(2)
    name = challenge.challenge_id
    by_user = {entry.user: entry for entry in entries}
    world.core.votes.vote(name, by_user["discord:p0"].entry_id, world.person("discord:v"))
    world.core.votes.vote(name, by_user["discord:p0"].entry_id, world.person("discord:p1"))
    world.wait(48)
    forget(world.redis, "discord:p0")
    forget(world.redis, "discord:v")
    results = world.core.gallery.results(name)
    assert (results.votes, results.winners) == (2, (by_user["discord:p0"].entry_id,))
    tally = read_tally(world.redis, name, 1)
    assert (tally.total, tally.of(by_user["discord:p0"].entry_id)) == (2, 2)
    assert [one.name for one in world.core.gallery.leaderboard(SERVER.key)] == ["P1"]
    assert world.core.gallery.poster(name).alt
    assert mentions(world, "discord:v'") == mentions(world, "discord:p0") == []


def test_before_the_closing_they_may_come_back_anew(world: World) -> None:
    challenge = world.opened()
    entry = world.enter(challenge, "discord:ann", 1)
    pending = world.job("discord:bob", 2)
    world.core.entries.submit(challenge.challenge_id, pending, world.person("discord:bob"))
    for user in ("discord:ann", "discord:bob"):
        assert forget_in_challenges(world.redis, user) == 1
    world.core.clock.tick()
    assert {one.status for one in world.core.entries.all(challenge.challenge_id, world.maker)} == {Status.WITHDRAWN}
    again = world.enter(challenge, "discord:ann", 3)
    assert again.entry_id != entry.entry_id
    assert world.core.life.read(challenge.challenge_id).state is State.OPEN


def test_who_made_the_challenge_is_forgotten_and_it_goes_on(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(2, review=True)
    name = challenge.challenge_id
    world.wait(24)
    world.core.moderation.disqualify(name, entries[0].entry_id, "copied", world.maker)
    forget(world.redis, "discord:boss")
    assert world.core.life.read(name).created_by == ""
    assert {line.user for line in world.core.moderation.log(name, world.maker)} == {""}
    world.wait(48)
    assert world.core.life.read(name).state is State.RESULTS
    assert mentions(world, "discord:boss") == []
    assert world.told() == ["opened", "voting", "results"]  # not the review, which was for them
    assert world.redis.exists(keys.challenge(name))


def test_the_style_picture_goes_with_the_one_who_gave_it(world: World) -> None:
    chief = world.person("discord:chief", SERVER, manages=True)
    draft = world.core.life.create(world.plan(), SERVER, world.maker)
    revised = world.core.life.revise(draft.challenge_id, world.plan(style_picture=picture(5)), chief)
    opened = world.core.life.open(draft.challenge_id, world.maker)
    forget(world.redis, "discord:boss")
    assert world.core.entries.picture(revised.style_kept), "the maker did not give it"
    forget(world.redis, "discord:chief")
    refused("job_expired", world.core.entries.picture, revised.style_kept)
    after = world.core.life.read(draft.challenge_id)
    assert (after.state, after.style, after.style_kept, after.style_by) == (State.OPEN, "", "", "")
    for trace in ("discord:chief", "discord:boss", opened.style, opened.style_shown, opened.style_kept):
        assert mentions(world, trace) == [], trace
    world.enter(after, "discord:p1", 1)


def test_a_draft_goes_with_its_maker(world: World) -> None:
    draft = world.core.life.create(world.plan(theme="Nobody knows", style_picture=picture(5)), SERVER, world.maker)
    forget(world.redis, "discord:boss")
    refused("challenge_unknown", world.core.life.read, draft.challenge_id)
    for trace in (draft.challenge_id, "discord:boss", "Nobody knows", draft.style_kept):
        assert mentions(world, trace) == [], trace
    world.wait(50)
    assert world.told() == []


def test_what_an_entry_looked_like_is_forgotten_after_the_results_too(world: World, in_voting: InVoting) -> None:
    _, entries = in_voting(2)
    world.wait(48)
    forget(world.redis, entries[0].user)
    assert mentions(world, entries[0].dhash) == []
    assert mentions(world, entries[1].dhash) != []


def test_nothing_tells_of_an_entrant_voter_and_moderator_who_was_forgotten(world: World, in_voting: InVoting) -> None:
    """All that one person can do in challenges, before the voting, in it, and after the results."""
    for hours in (0, 48, 24 * 9):
        challenge, entries = in_voting(2)
        name, gone = challenge.challenge_id, entries[0]
        job = Job.from_json(cast("bytes", world.redis.hget(queue_keys.record(gone.job_id), "job")))
        result = cast("Result", result_of(world.redis, gone.job_id))
        moderator = world.person(gone.user, SERVER, manages=True)
        world.core.votes.vote(name, entries[1].entry_id, world.person(gone.user))
        world.core.life.saw(SERVER.key, gone.user)
        own = world.core.life.create(world.plan(theme="Of their own", style_picture=picture(5)), SERVER, moderator)
        world.core.moderation.disqualify(name, entries[1].entry_id, "copied", moderator)
        world.wait(hours)
        traces = [gone.user, gone.name, gone.picture, gone.before, gone.job_id, job.content, result.picture]
        traces += [own.theme, own.style, own.style_kept, own.challenge_id, gone.dhash]
        assert [trace for trace in traces if not traces_left(world.redis, [trace])] in ([], [own.theme])
        forget(world.redis, gone.user, [blob_hash(picture(7777))])
        assert traces_left(world.redis, traces, but=[queue_keys.done(gone.job_id)]) == []
        world.redis.flushall()
