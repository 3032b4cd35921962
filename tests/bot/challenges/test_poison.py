"""Records of challenges may hold anything: what cannot be read costs a sentence or its own line, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.challenges import keys
from bot.challenges.entry import Entry
from bot.challenges.model import HOUR_S, Challenge
from bot.challenges.scoring import Outcome
from nst.errors import PasticheError
from tests.bot.challenges.conftest import SERVER, World
from tests.workers.test_contract import read, values, written

CHALLENGE = Challenge(
    challenge_id="c", theme="Tides", created_by="ann", created_at_s=1.0, closes_at_s=2.0, chats=(SERVER,)
)
ENTRY = Entry(entry_id="e", challenge_id="c", user="ann", job_id="j", entered_at_s=1.0, styles=("s",))
OUTCOME = Outcome(groups=(("e",),), winners=("e",), votes={"e": 3}, voters=3)
RECORDS = {type(record): record for record in (CHALLENGE, ENTRY, OUTCOME)}
POISON = {
    "half": "{",
    "a list": "[]",
    "a long number": "9" * 400,
    "deep": "[" * 100_000,
    "no number": '{"theme": 1e999}',
    "no text": b"\xff\xfe",
}


@pytest.mark.parametrize("kind", RECORDS)
@given(changes=st.data())
def test_fields_of_any_type(kind: Any, changes: st.DataObject) -> None:
    data = json.loads(RECORDS[kind].to_json())
    assert read(kind, RECORDS[kind].to_json()) == RECORDS[kind]
    for name in changes.draw(st.sets(st.sampled_from([*data, "surplus"]), min_size=1, max_size=3)):
        data[name] = changes.draw(values)
    read(kind, written(data))


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_challenge_that_nobody_can_read_keeps_no_other_from_its_end(world: World, poison: str | bytes) -> None:
    broken, sound = world.opened(), world.opened()
    world.redis.hset(keys.challenge(broken.challenge_id), "data", poison)
    assert [one.challenge_id for one in world.core.life.in_chat(SERVER.key)] == [sound.challenge_id]
    world.now_s = sound.closes_at_s + HOUR_S
    world.core.clock.tick()
    assert world.core.life.read(sound.challenge_id).extended, "its time was up, with nobody in it"
    with pytest.raises(PasticheError, match="challenge_unknown"):
        world.core.life.read(broken.challenge_id)
