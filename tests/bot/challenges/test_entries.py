"""Entering: whose, when, in which style, how often; and the wait for what is being made."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from bot.challenges import keys
from bot.challenges.entry import Status
from bot.challenges.model import KEPT_S, State
from bot.challenges.submissions import ALIKE_BITS, dhash, twins
from bot.presets.catalogue import load_presets
from nst.errors import PasticheError
from tests.bot.challenges.conftest import GROUP, NO_RULES, World, picture, refused
from workers.store import keys as queue_keys
from workers.store.blobs import blob_hash


def test_picture_photo_and_recipe_are_kept_apart_from_the_queues(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    entry = world.enter(challenge, "discord:ann", 1)
    assert (entry.status, entry.name, entry.style_label, entry.method) == (Status.ENTERED, "Ann", "mosaic", "fast")
    world.blobs.forget(blob_hash(picture(1)), blob_hash(picture(1001)))
    assert world.core.entries.picture(entry.picture) == picture(1)
    before = world.core.entries.picture(entry.before)
    assert before[:2] == b"\xff\xd8"  # a JPEG, small enough to be kept
    assert list(twins(dhash(before), {"photo": dhash(picture(1001))})) == ["photo"]
    assert world.redis.ttl(queue_keys.blob(entry.picture)) > KEPT_S - 60
    assert entry.style_options.method == "fast"


def test_the_same_result_twice_is_one_entry_and_one_more_is_refused(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    entry = world.enter(challenge, "discord:ann", 1)
    again = world.core.entries.submit(challenge.challenge_id, entry.job_id, world.person("discord:ann"))
    assert again == entry
    assert refused("entry_limit", world.enter, challenge, "discord:ann", 2) == {"allowed": 1}


def test_racing_submissions_give_exactly_the_allowed_count(world: World) -> None:
    challenge = world.opened(rules=NO_RULES, entries_per_person=3)
    jobs = [world.made("discord:ann", number) for number in range(12)]

    def submit(job_id: str) -> str:
        try:
            world.another().entries.submit(challenge.challenge_id, job_id, world.person("discord:ann"))
        except PasticheError as error:
            return error.code
        return "entered"

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(submit, jobs))
    assert (outcomes.count("entered"), outcomes.count("entry_limit")) == (3, 9)
    assert len(world.core.entries.of_person(challenge.challenge_id, "discord:ann")) == 3


def test_withdrawn_and_replaced_until_closing(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    name, entries, ann = challenge.challenge_id, world.core.entries, world.person("discord:ann")
    first = world.enter(challenge, "discord:ann", 1)
    second = entries.submit(name, world.made("discord:ann", 2), ann, instead_of=first.entry_id)
    assert [entry.entry_id for entry in entries.of_person(name, "discord:ann")] == [second.entry_id]
    refused("job_expired", entries.picture, first.picture)
    refused("entry_not_yours", entries.withdraw, name, second.entry_id, world.person("discord:bob"))
    assert entries.withdraw(name, second.entry_id, ann).status is Status.WITHDRAWN
    refused("entry_unknown", entries.withdraw, name, second.entry_id, ann)
    assert entries.of_person(name, "discord:ann") == []
    assert [entry.status for entry in entries.all(name, world.maker)] == [Status.WITHDRAWN] * 2
    again = entries.submit(name, first.job_id, ann)
    assert again.status is Status.ENTERED
    world.now_s += 48 * 3600
    refused("challenge_closed", entries.withdraw, name, again.entry_id, ann)
    refused("challenge_closed", world.enter, challenge, "discord:bob", 5)


def test_what_may_not_be_entered(world: World) -> None:
    early = world.made("discord:ann", 1, submitted_at_s=world.now_s - 5)
    mosaic = load_presets()["mosaic"].picture.read_bytes()
    challenge = world.opened(rules=NO_RULES, style_preset="mosaic")
    name, submit, ann = challenge.challenge_id, world.core.entries.submit, world.person("discord:ann")
    refused("entry_too_old", submit, name, early, ann)
    refused("entry_style_given", submit, name, world.made("discord:ann", 2), ann)
    refused("not_your_job", submit, name, world.made("discord:bob", 3), ann)
    refused("job_expired", submit, name, "nobody-knows", ann)
    refused(
        "entry_not_made",
        submit,
        name,
        world.finish(world.job("discord:ann", 4, styles=_only(mosaic)), 4, "failed"),
        ann,
    )
    clip = world.made("discord:ann", 6, styles=_only(mosaic), frames=12)
    refused("entry_not_a_picture", submit, name, clip, ann)
    refused("challenge_unknown", submit, "nothere", early, ann)
    refused("challenge_not_here", submit, name, early, world.person("telegram:x", GROUP))
    assert submit(name, world.made("discord:ann", 5, styles=_only(mosaic)), ann).status is Status.ENTERED


def _only(style: bytes) -> tuple[str, ...]:
    return (blob_hash(style),)


@pytest.mark.parametrize("outcome", ["done", "failed"])
def test_what_is_being_made_counts_when_it_is_done(world: World, outcome: str) -> None:
    challenge = world.opened(rules=NO_RULES)
    job_id = world.job("discord:ann", 1)
    entry = world.core.entries.submit(challenge.challenge_id, job_id, world.person("discord:ann"))
    assert entry.status is Status.PENDING
    world.wait(0.01)
    world.finish(job_id, 1, outcome)
    world.wait(0.01)
    found = world.core.entries.all(challenge.challenge_id, world.maker)
    assert [one.status for one in found] == [Status.ENTERED if outcome == "done" else Status.FAILED]
    assert world.redis.zscore(keys.DUE, f"{challenge.challenge_id}|settle") is None
    if outcome == "failed":
        world.enter(challenge, "discord:ann", 2)  # it does not count towards what she may enter


def test_draining_waits_for_what_was_entered_in_time(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    name = challenge.challenge_id
    world.enter(challenge, "discord:ann", 1)
    job_id = world.job("discord:bob", 2)
    world.core.entries.submit(name, job_id, world.person("discord:bob"))
    world.wait(48)
    assert world.core.life.read(name).state is State.DRAINING
    world.wait(0.2)
    assert world.core.life.read(name).state is State.DRAINING
    world.finish(job_id, 2)
    world.wait(0.01)
    assert world.core.life.read(name).state is State.VOTING
    assert {entry.status for entry in world.core.entries.all(name, world.maker)} == {Status.ENTERED}


def test_draining_waits_for_half_an_hour_at_most(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    name = challenge.challenge_id
    for number in range(2):
        world.enter(challenge, f"discord:p{number}", number)
    world.core.entries.submit(name, world.job("discord:slow", 9), world.person("discord:slow"))
    world.wait(48)
    world.wait(0.4)
    assert world.core.life.read(name).state is State.DRAINING
    world.wait(0.2)
    assert world.core.life.read(name).state is State.VOTING
    assert [one.status for one in world.core.entries.all(name, world.maker)].count(Status.FAILED) == 1


def test_too_few_after_draining_extends(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    name = challenge.challenge_id
    world.enter(challenge, "discord:ann", 1)
    world.core.entries.submit(name, world.job("discord:slow", 9), world.person("discord:slow"))
    world.wait(48)
    world.wait(0.6)
    found = world.core.life.read(name)
    assert (found.state, found.extended) == (State.OPEN, True)


def test_pictures_that_look_the_same_are_flagged_not_refused(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    first = world.enter(challenge, "discord:ann", 1)
    job_id = world.job("discord:bob", 60)
    second = world.core.entries.submit(challenge.challenge_id, world.finish(job_id, 1), world.person("discord:bob"))
    world.enter(challenge, "discord:cem", 2)
    assert second.twin_of == (first.entry_id,)
    flags = world.core.moderation.flags(challenge.challenge_id, world.maker)
    assert [(flag.kind, flag.entry_id, flag.detail) for flag in flags] == [("twin", second.entry_id, first.entry_id)]
    world.core.clock.tick()
    assert world.told() == ["opened", "flagged.1"]


def test_a_copy_looks_the_same_and_another_picture_does_not() -> None:
    original = picture(3)
    out = io.BytesIO()
    with Image.open(io.BytesIO(original)) as image:
        image.resize((200, 150)).convert("RGB").save(out, "JPEG", quality=60)
    own, copy, other = dhash(original), dhash(out.getvalue()), dhash(picture(4))
    assert list(twins(own, {"copy": copy, "other": other})) == ["copy"]
    assert (int(own, 16) ^ int(other, 16)).bit_count() > 2 * ALIKE_BITS


@pytest.mark.parametrize("photograph", ["shown", "hidden"])
def test_an_entry_shows_no_photograph_that_is_not_its_makers(world: World, photograph: str) -> None:
    """Somebody who varied another one's result does not put that one's photograph on a poster."""
    challenge = world.opened()
    own = world.enter(challenge, "discord:ann", 1)
    job_id = world.made("discord:bob", 2, reply_to={"photograph": photograph})
    lent = world.core.entries.submit(challenge.challenge_id, job_id, world.person("discord:bob"))
    assert own.before
    assert lent.picture
    assert not lent.before
