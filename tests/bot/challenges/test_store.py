"""The script through which everything is changed: all or nothing, and only on what it relies on."""

from __future__ import annotations

import pytest

from bot.challenges import keys, phases
from bot.challenges.announcements import announce
from bot.challenges.model import Challenge, State
from bot.challenges.store import Change, Store
from tests.bot.challenges.conftest import NO_RULES, World


def turned(world: World, challenge: Challenge, after: Challenge) -> bool:
    """Whether a process that saw ``challenge`` could make it ``after``."""
    change = Change()
    phases.turn(change, challenge, after)
    announce(change, after, world.now_s, f"made {after.theme}")
    return Store(world.redis).commit(change)


def test_of_two_changes_of_one_version_one_is_made(world: World) -> None:
    challenge = world.opened()
    first, second = challenge.changed(theme="first"), challenge.changed(theme="second")
    assert (first.state, first.version) == (second.state, second.version)
    assert [turned(world, challenge, first), turned(world, challenge, second)] == [True, False]
    assert world.core.life.read(challenge.challenge_id) == first
    assert world.told() == ["opened", "made first"]


@pytest.mark.parametrize("state", [State.DRAINING, State.CANCELLED])
def test_a_change_of_an_old_state_is_not_made(world: World, state: State) -> None:
    challenge = world.opened()
    world.core.life.cancel(challenge.challenge_id, world.maker)
    cancelled = world.core.life.read(challenge.challenge_id)
    assert not turned(world, challenge, challenge.to(state, world.now_s, world.now_s))
    assert world.core.life.read(challenge.challenge_id) == cancelled


def test_a_count_that_a_vote_overtook_is_not_written(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(2)]
    name = world.to_voting(challenge).challenge_id
    change, rows = Change(), Store(world.redis).rows(name)
    change.check(keys.challenge(name), "rows", rows)
    change.write("SET", keys.results(name), "{}")
    world.core.votes.vote(name, entries[0].entry_id, world.person("discord:v"))
    assert not Store(world.redis).commit(change)
    assert not world.redis.exists(keys.results(name))


def test_a_disqualification_between_counting_and_writing_is_counted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    challenge = world.opened(rules=NO_RULES)
    entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(2)]
    name = world.to_voting(challenge).challenge_id
    for number, voters in enumerate((2, 1)):
        for voter in range(voters):
            world.core.votes.vote(name, entries[number].entry_id, world.person(f"discord:v{voter}"))
    late, store = world.another(), world.core.clock._store
    commit = store.commit
    outcomes: list[bool] = []

    def overtaken(change: Change) -> bool:
        if not outcomes:
            late.moderation.disqualify(name, entries[0].entry_id, "copied", world.maker)
        outcomes.append(commit(change))
        return outcomes[-1]

    world.now_s = world.core.life.read(name).until_s
    world.redis.zrem(keys.DUE, f"{name}|soon_24", f"{name}|soon_1")
    monkeypatch.setattr(store, "commit", overtaken)
    world.core.clock.tick()
    assert outcomes == [False, True]
    assert world.core.gallery.results(name).winners == (entries[1].entry_id,)


def test_what_is_announced_once_is_not_announced_again(world: World) -> None:
    challenge = world.opened()
    for _ in range(2):
        change = Change()
        announce(change, challenge, world.now_s, "voting")
        assert Store(world.redis).commit(change)
    assert world.told() == ["opened", "voting"]
    assert Store(world.redis).commit(change)
    assert world.told() == []
