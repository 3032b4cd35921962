"""A challenge's way from draft to archived, and all side ways."""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import cast

import pytest
from PIL import Image

from bot.challenges import keys
from bot.challenges.entry import Entry, Status
from bot.challenges.model import ARCS, RUNNING, Challenge, Chat, Person, State
from bot.challenges.rules import MOST_DRAFTS
from bot.challenges.service import Challenges
from bot.presets.catalogue import load_presets
from nst.errors import UserError
from tests.bot.challenges.conftest import GROUP, NO_RULES, PRESETS, SERVER, World, picture, refused
from workers.client.line import Limits
from workers.store import keys as queue_keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.owners import Owners

InVoting = Callable[..., tuple[Challenge, list[Entry]]]


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


def test_a_process_that_was_away_catches_up_in_order_and_leaves_late_reminders_out(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    for number in range(2):
        world.enter(challenge, f"discord:p{number}", number)
    world.wait(72)
    voting = world.core.life.read(challenge.challenge_id)
    assert (voting.state, voting.until_s) == (State.VOTING, world.now_s + 48 * 3600)
    assert world.told() == ["opened", "voting"]
    world.wait(30 * 24)
    assert world.core.life.read(challenge.challenge_id).state is State.RESULTS
    assert world.told() == ["results"]


def test_a_reminder_that_comes_much_too_late_is_left_out(world: World) -> None:
    world.opened(rules=NO_RULES)
    world.wait(30)  # six hours after the first reminder's moment
    assert world.told() == ["opened"]
    world.wait(17.1)
    assert world.told() == ["closing_soon.1h.1"]


def test_many_clocks_do_everything_once(world: World) -> None:
    made = [world.opened(everywhere=True, rules=NO_RULES) for _ in range(5)]
    for challenge in made:
        for number in range(2):
            job_id = world.made(f"discord:p{number}", number + 10 * made.index(challenge))
            world.core.entries.submit(challenge.challenge_id, job_id, world.person(f"discord:p{number}"))
    world.now_s += 48 * 3600
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: world.another().clock.tick(), range(16)))
    world.core.clock.tick()
    for challenge in made:
        found = world.core.life.read(challenge.challenge_id)
        assert found.state is State.VOTING
        assert found.version == challenge.version + 2
    assert sorted(world.told()) == sorted(["opened", "voting"] * 5)


def test_fewer_than_two_entries_extend_once_and_then_there_is_no_winner(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    world.enter(challenge, "discord:ann", 1)
    world.wait(48)
    extended = world.core.life.read(challenge.challenge_id)
    assert (extended.state, extended.extended, extended.until_s) == (State.OPEN, True, world.now_s + 86_400)
    world.wait(23)
    world.wait(1)
    assert world.core.life.read(challenge.challenge_id).state is State.RESULTS
    results = world.core.gallery.results(challenge.challenge_id)
    assert results.winners == ()
    assert [one.place for one in results.placed] == [0]
    assert world.told() == ["opened", "extended", "closing_soon.1h.2", "results"]


def test_an_extension_that_brings_a_second_entry_goes_on(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    world.enter(challenge, "discord:ann", 1)
    world.wait(48)
    world.enter(challenge, "discord:bob", 2)
    world.wait(24)
    assert world.core.life.read(challenge.challenge_id).state is State.VOTING


def test_a_tie_is_run_off_once_and_then_shared(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(3)]
    name = world.to_voting(challenge).challenge_id
    for number in range(2):
        world.core.votes.vote(name, entries[number].entry_id, world.person(f"discord:v{number}"))
    world.wait(48)
    run_off = world.core.life.read(name)
    assert (run_off.state, run_off.allowance, run_off.until_s) == (State.RUN_OFF, 1, world.now_s + 12 * 3600)
    tied = world.core.votes.ballot(name, world.person("discord:v0"))
    assert {one.entry_id for one in tied.entries} == {entry.entry_id for entry in entries[:2]}
    world.wait(12)
    results = world.core.gallery.results(name)
    assert set(results.winners) == {entry.entry_id for entry in entries[:2]}
    assert [one.place for one in results.placed] == [1, 1, 3]
    assert results.run_off


def test_a_run_off_decides(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(2)]
    name = world.to_voting(challenge).challenge_id
    for number in range(2):
        world.core.votes.vote(name, entries[number].entry_id, world.person(f"discord:v{number}"))
    world.wait(48)
    world.core.votes.vote(name, entries[1].entry_id, world.person("discord:v0"))
    world.wait(12)
    results = world.core.gallery.results(name)
    assert results.winners == (entries[1].entry_id,)
    assert [(one.place, one.votes, one.run_off_votes) for one in results.placed] == [(1, 1, 1), (2, 1, 0)]


def test_nobody_voted_and_nobody_wins(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    for number in range(2):
        world.enter(challenge, f"discord:p{number}", number)
    world.wait(48)
    world.wait(48)
    assert world.core.gallery.results(challenge.challenge_id).winners == ()


def test_review_waits_for_a_moderator_or_a_day(world: World) -> None:
    for hours in (0.0, 24.0):
        challenge = world.opened(rules=NO_RULES, review=True)
        name = challenge.challenge_id
        for number in range(2):
            job_id = world.made(f"discord:p{number}", number + int(hours) + 3)
            world.core.entries.submit(name, job_id, world.person(f"discord:p{number}"))
        world.wait(48)
        assert world.core.life.read(name).state is State.REVIEW
        if not hours:
            world.core.life.end_phase(name, world.maker)
        world.wait(hours)
        assert world.core.life.read(name).state is State.VOTING
    assert world.told().count("review") == 2


def test_a_moderator_ends_every_phase_early(world: World) -> None:
    challenge = world.opened(rules=NO_RULES)
    name = challenge.challenge_id
    entries = [world.enter(challenge, f"discord:p{number}", number) for number in range(2)]
    world.core.life.end_phase(name, world.maker)
    refused("challenge_closed", world.enter, challenge, "discord:late", 9)
    world.wait(0)
    assert world.core.life.read(name).state is State.VOTING
    world.core.votes.vote(name, entries[0].entry_id, world.person("discord:v"))
    world.core.life.end_phase(name, world.maker)
    refused("voting_closed", world.core.votes.vote, name, entries[1].entry_id, world.person("discord:v"))
    world.wait(0)
    assert world.core.gallery.results(name).winners == (entries[0].entry_id,)


def test_a_second_chat_joins_with_a_code_once(world: World) -> None:
    made = world.core.life.create(world.plan(), SERVER, world.maker)
    code = world.core.life.invite(made.challenge_id, world.maker)
    world.core.life.open(made.challenge_id, world.maker)
    chief = world.person("telegram:chief", GROUP, manages=True)
    refused("not_a_manager", world.core.life.join, code, GROUP, world.person("telegram:x", GROUP))
    with ThreadPoolExecutor(8) as pool:
        chats = [Chat(platform="telegram", chat_id=str(-number)) for number in range(8)]
        joined = list(pool.map(lambda chat: _joined(world, code, chat, chief), chats))
    assert sorted(joined) == [*["challenge_code_unknown"] * 7, "joined"]
    found = world.core.life.read(made.challenge_id)
    assert len(found.chats) == 2
    assert world.told("telegram") == ["opened"]
    assert [one.challenge_id for one in world.core.life.in_chat(found.chats[1].key)] == [made.challenge_id]


def _joined(world: World, code: str, chat: Chat, chief: Person) -> str:
    try:
        world.core.life.join(code, chat, chief)
    except UserError as error:
        return error.code
    return "joined"


def test_a_code_lives_for_a_day(world: World) -> None:
    made = world.core.life.create(world.plan(), SERVER, world.maker)
    code = world.core.life.invite(made.challenge_id, world.maker)
    assert 86_000 < world.redis.ttl(keys.code(code)) <= 86_400


@pytest.mark.parametrize("state", [State.DRAFT, *sorted(RUNNING)])
def test_every_state_before_results_can_be_cancelled(world: World, state: State) -> None:
    review = state is State.REVIEW
    challenge = world.core.life.create(world.plan(rules=NO_RULES, review=review), SERVER, world.maker)
    name = challenge.challenge_id
    if state is not State.DRAFT:
        world.core.life.open(name, world.maker)
        for number in range(2):
            entry = world.enter(challenge, f"discord:p{number}", number)
        if state is State.DRAINING:
            world.core.entries.submit(name, world.job("discord:slow", 50), world.person("discord:slow"))
        if state is not State.OPEN:
            world.wait(48)
        if state is State.RUN_OFF:
            entries = world.core.entries.all(name, world.maker)
            for number, entry in enumerate(entries):
                world.core.votes.vote(name, entry.entry_id, world.person(f"discord:v{number}"))
            world.wait(48)
    assert world.core.life.read(name).state is state
    assert world.core.life.cancel(name, world.maker).state is State.CANCELLED
    world.wait(1000)
    assert world.core.life.read(name).state is State.CANCELLED
    assert world.redis.zcard(keys.DUE) == 0
    assert world.told()[-1:] == ([] if state is State.DRAFT else ["cancelled"])
    refused("challenge_closed", world.core.life.cancel, name, world.maker)


def test_a_draft_nobody_opened_goes(world: World) -> None:
    made = world.core.life.create(world.plan(), SERVER, world.maker)
    world.wait(48)
    assert world.core.life.read(made.challenge_id).state is State.CANCELLED
    assert world.told() == []


def test_only_managers_of_the_home_chat_run_it(world: World) -> None:
    challenge = world.opened(everywhere=True)
    name, life = challenge.challenge_id, world.core.life
    refused("not_a_manager", life.create, world.plan(), SERVER, world.person("discord:x"))
    refused("not_a_manager", life.cancel, name, world.person("discord:x"))
    refused("not_a_manager", life.cancel, name, world.person("telegram:chief", GROUP, manages=True))
    refused("not_a_person", life.cancel, name, world.person("discord:x", manages=True, kind="anonymous"))
    assert life.read(name).state is State.OPEN


@pytest.mark.parametrize(
    "plan",
    [
        {"theme": "  "},
        {"theme": "x" * 121},
        {"closes_at_s": 0.0},
        {"voting_hours": 0},
        {"entries_per_person": 11},
        {"votes_per_person": 0},
    ],
)
def test_a_plan_out_of_range_is_refused_by_name(world: World, plan: dict[str, object]) -> None:
    detail = refused("option_out_of_range", world.core.life.create, world.plan(**plan), SERVER, world.maker)
    assert set(detail) == {"option", "received", "allowed"}


def test_a_draft_is_revised_and_holds_its_style(world: World) -> None:
    made = world.core.life.create(world.plan(style_preset="mosaic"), SERVER, world.maker)
    preset = load_presets()["mosaic"].picture.read_bytes()
    assert (made.style, made.style_label) == (blob_hash(preset), "mosaic")
    own = picture(5)
    plan = world.plan(theme="Dogs \ud800", style_picture=own)
    revised = world.core.life.revise(made.challenge_id, plan, world.maker)
    assert (revised.theme, revised.style, revised.style_label) == ("Dogs", blob_hash(own), "")
    shown = world.core.entries.picture(revised.style_kept)
    assert blob_hash(shown) == revised.style_shown
    same = world.core.life.revise(made.challenge_id, world.plan(same_picture=True), world.maker)
    assert (same.style, same.style_kept) == (revised.style, revised.style_kept)
    world.core.life.open(made.challenge_id, world.maker)
    refused("challenge_closed", world.core.life.revise, made.challenge_id, plan, world.maker)


def test_a_group_that_becomes_a_supergroup_takes_its_challenges_along(world: World) -> None:
    challenge = world.opened(everywhere=True)
    world.core.life.saw("telegram:-2", "telegram:eva")
    world.core.life.move_chat("telegram", "-2", "-1002")
    assert [chat.key for chat in world.core.life.read(challenge.challenge_id).chats] == ["discord:1", "telegram:-1002"]
    assert world.core.life.in_chat("telegram:-2") == []
    assert [one.challenge_id for one in world.core.life.in_chat("telegram:-1002")] == [challenge.challenge_id]


def test_there_is_no_way_but_the_drawn_ones(world: World) -> None:
    challenge = world.opened()
    for state in set(State) - ARCS[State.OPEN]:
        with pytest.raises(ValueError, match="no way"):
            challenge.to(state, world.now_s)


def large(shade: int) -> bytes:
    """A PNG of more than a megabyte, which is noise all over."""
    out = io.BytesIO()
    rough = random.Random(shade).randbytes(1500 * 1200 * 3)
    Image.frombytes("RGB", (1500, 1200), rough).save(out, "PNG")
    return out.getvalue()


def test_a_given_style_is_reduced_and_paid_for_by_its_giver(world: World) -> None:
    own = large(1)
    made = world.core.life.create(world.plan(style_picture=own), SERVER, world.maker)
    shown = world.core.entries.picture(made.style_kept)
    with Image.open(io.BytesIO(shown)) as small:
        assert (small.format, max(small.size)) == ("JPEG", 1024)
    owners = Owners(world.redis)
    assert len(shown) <= owners.total_bytes(world.maker.user) == owners.total_bytes() < len(own) / 4
    world.core.life.open(made.challenge_id, world.maker)
    for number, style in enumerate((own, shown)):
        digest = world.blobs.put(style)
        job = world.made(f"discord:p{number}", number, styles=(digest,), style_label="")
        world.core.entries.submit(made.challenge_id, job, world.person(f"discord:p{number}"))
    other = world.made("discord:p3", 3)
    refused("entry_style_given", world.core.entries.submit, made.challenge_id, other, world.person("discord:p3"))


@pytest.mark.parametrize("ending", ["cancelled", "abandoned", "revised", "revised to a preset"])
def test_the_style_of_what_comes_to_nothing_takes_no_room(world: World, ending: str) -> None:
    made = world.core.life.create(world.plan(style_picture=picture(5)), SERVER, world.maker)
    if ending == "cancelled":
        world.core.life.cancel(made.challenge_id, world.maker)
    elif ending == "abandoned":
        world.wait(49)
    else:
        plan = world.plan(style_picture=picture(6)) if ending == "revised" else world.plan(style_preset="mosaic")
        world.core.life.revise(made.challenge_id, plan, world.maker)
    refused("job_expired", world.core.entries.picture, made.style_kept)
    kept = world.core.life.read(made.challenge_id).style_kept
    size_bytes = len(world.blobs.get(kept)) if ending == "revised" else 0
    assert Owners(world.redis).total_bytes(world.maker.user) == size_bytes


def test_a_style_that_two_challenges_share_goes_with_the_second(world: World) -> None:
    first, second = (
        world.core.life.create(world.plan(style_picture=picture(5)), SERVER, world.maker) for _ in range(2)
    )
    world.core.life.cancel(first.challenge_id, world.maker)
    assert world.core.entries.picture(second.style_kept)
    world.core.life.cancel(second.challenge_id, world.maker)
    refused("job_expired", world.core.entries.picture, second.style_kept)


def test_pictures_stay_as_long_as_the_records_of_what_is_over(world: World, in_voting: InVoting) -> None:
    challenge, entries = in_voting(2)
    key = queue_keys.blob(entries[0].picture)
    world.redis.expire(key, 60)
    world.redis.zadd(f"pastiche:owners:{entries[0].picture}", dict.fromkeys(_owners_of(world, entries[0].picture), 60))
    for hours in (48, 7 * 24):
        world.wait(hours)
    assert world.core.life.read(challenge.challenge_id).state is State.ARCHIVED
    assert world.redis.ttl(key) > 179 * 86_400


def _owners_of(world: World, digest: str) -> list[bytes]:
    return cast("list[bytes]", world.redis.zrange(f"pastiche:owners:{digest}", 0, -1))


def test_drafts_of_one_person_are_few(world: World) -> None:
    life = world.core.life
    made = [life.create(world.plan(), SERVER, world.maker) for _ in range(MOST_DRAFTS)]
    assert refused("draft_limit", life.create, world.plan(), SERVER, world.maker) == {"allowed": MOST_DRAFTS}
    life.create(world.plan(), SERVER, world.person("discord:chief", SERVER, manages=True))
    life.open(made[0].challenge_id, world.maker)
    life.cancel(made[1].challenge_id, world.maker)
    for _ in range(2):
        life.create(world.plan(), SERVER, world.maker)
    refused("draft_limit", life.create, world.plan(), SERVER, world.maker)


def test_styles_and_entries_are_within_what_their_givers_may_have(world: World) -> None:
    core = Challenges(world.redis, PRESETS, world.blobs, lambda: world.now_s, Limits(bytes_per_user=100_000))
    Blobs(world.redis).put(bytes(99_900), owner=world.maker.user)
    refused("bytes_limited", core.life.create, world.plan(style_picture=picture(5)), SERVER, world.maker)
    challenge = core.life.open(core.life.create(world.plan(), SERVER, world.maker).challenge_id, world.maker)
    Blobs(world.redis).put(bytes(99_000), owner="discord:ann")
    ann, name = world.person("discord:ann"), challenge.challenge_id
    refused("bytes_limited", core.entries.submit, name, world.made("discord:ann", 1), ann)
    waits = world.job("discord:ann", 2)
    core.entries.submit(name, waits, ann)
    world.finish(waits, 2)
    world.wait(1, core)
    (entry,) = core.entries.of_person(name, "discord:ann")
    assert entry.status is Status.ENTERED, "what was let in ends well"


def test_a_style_that_cannot_be_reduced_is_refused(world: World) -> None:
    given = picture(5)
    damaged = given[: len(given) // 2]
    refused("image_truncated", world.core.life.create, world.plan(style_picture=damaged), SERVER, world.maker)
    out = io.BytesIO()
    Image.new("L", (7200, 7200)).save(out, "PNG", compress_level=1)
    refused(
        "image_too_many_pixels", world.core.life.create, world.plan(style_picture=out.getvalue()), SERVER, world.maker
    )
    assert Owners(world.redis).total_bytes() == 0
