from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.challenges.model import HOUR_S, State
from nst.errors import UserError
from tests.bot.challenges.conftest import GROUP, NO_RULES, SERVER, World


def refused(code: str, call: Callable[[], object]) -> None:
    with pytest.raises(UserError) as error:
        call()
    assert error.value.code == code


def test_from_draft_to_archived_each_chat_is_told_once_and_in_order(world: World) -> None:
    challenge = world.opened(everywhere=True, rules=NO_RULES)
    name = challenge.challenge_id
    first = world.enter(challenge, "discord:ann", 1)
    world.enter(challenge, "telegram:bob", 2)
    for hours in (24, 23, 1):
        world.wait(hours)
    assert world.core.life.read(name).state is State.VOTING
    world.core.votes.vote(name, first.entry_id, world.person("discord:cem"))
    for hours in (24, 23, 1):
        world.wait(hours)
    assert world.core.life.read(name).state is State.RESULTS
    world.wait(7 * 24)
    assert world.core.life.read(name).state is State.ARCHIVED
    expected = ["opened", "closing_soon.24h.1", "closing_soon.1h.1", "voting", "voting_soon.24h.1", "voting_soon.1h.1"]
    assert world.told("discord") == [*expected, "results"]
    assert world.told("telegram") == [*expected, "results"]
    assert world.told("discord") == []
    results = world.core.gallery.results(name)
    assert (results.winners, results.votes, results.voters) == ((first.entry_id,), 1, 1)
