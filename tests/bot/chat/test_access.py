"""Whose a picture is, with results in a real Redis."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from bot.chat.access import FAINTEST, Access, Grant, Photograph, Viewer, offered_under, within
from bot.chat.recipe_codes import Kept, Recipe
from bot.chat.variations import Button
from nst.errors import JobError, UserError
from nst.options import StyleOptions
from workers.contract import Job, Result
from workers.store import keys

CONTENT, STYLE, MASK = "c" * 64, "s" * 64, "m" * 64
GROUP, ELSEWHERE = "telegram:-1007", "telegram:9"
ANN, BOB = "telegram:1", "telegram:2"
PAINTED = StyleOptions(method="fast", strength=0.8)


def result(options: StyleOptions = PAINTED, user: str = ANN, **to: str) -> Result:
    reply_to = {"chat": GROUP, "chat_id": GROUP.removeprefix("telegram:"), **to}
    job = Job(
        job_id="t1",
        frontend="telegram",
        content=CONTENT,
        styles=(STYLE,),
        options=options,
        user=user,
        reply_to=reply_to,
        mask=MASK if options.region != "everything" else "",
    )
    known: dict[str, Any] = {
        "job_id": "t1",
        "frontend": "telegram",
        "reply_to": reply_to,
        "user": user,
        "job": job.to_json(),
    }
    return Result(outcome="done", picture="p" * 64, media_type="image/jpeg", **known)


def in_group(user: str, others_may: bool = True) -> Viewer:
    return Viewer(user=user, place=GROUP, others_may=others_may)


@pytest.fixture
def access(redis_connection: redis.Redis) -> Access:
    return Access(redis_connection)


def test_a_result_is_for_its_owner_anywhere_and_for_others_where_it_was_shown(access: Access) -> None:
    assert access.grant(Viewer(user=ANN, place=ELSEWHERE), result(), "t1").photograph is Photograph.OWN
    assert access.grant(in_group(BOB), result(), "t1").photograph is Photograph.HIDDEN
    with pytest.raises(UserError, match="not_your_job"):
        access.grant(Viewer(user=BOB, place=ELSEWHERE), result(), "t1")
    with pytest.raises(UserError, match="not_your_job"):
        access.grant(in_group(BOB, others_may=False), result(), "t1")
    assert access.grant(in_group(ANN, others_may=False), result(), "t1")


def test_a_result_of_another_platform_is_nobodys_here(access: Access) -> None:
    foreign = Result.from_json(result().to_json().replace('"frontend":"telegram"', '"frontend":"discord"'))
    with pytest.raises(UserError, match="not_your_job"):
        access.grant(in_group(BOB), foreign, "t1")


def test_what_is_gone_is_said_to_be_gone(access: Access) -> None:
    with pytest.raises(JobError, match="job_expired"):
        access.grant(in_group(ANN), None, "t1")


def test_a_group_that_moved_has_seen_what_it_saw_before(redis_connection: redis.Redis) -> None:
    access = Access(redis_connection, lambda place: "telegram:-2000" if place == GROUP else place)
    access.shown.note(GROUP, CONTENT)
    access.shown.move(GROUP, "telegram:-2000")
    viewer = Viewer(user=BOB, place="telegram:-2000")
    assert access.grant(viewer, result(), "t1").photograph is Photograph.SHOWN
    assert not access.shown.has(GROUP, CONTENT)


def test_a_photograph_that_was_shown_is_everybodys_there_and_nowhere_else(access: Access) -> None:
    access.shown.note(GROUP, CONTENT)
    grant = access.grant(in_group(BOB), result(), "t1")
    assert grant.photograph is Photograph.SHOWN
    assert grant.options(StyleOptions(strength=0.0)).strength == 0
    with pytest.raises(UserError, match="not_your_job"):
        access.grant(Viewer(user=BOB, place=ELSEWHERE), result(), "t1")


@pytest.mark.parametrize("kind", [Photograph.SHOWN, Photograph.HIDDEN])
def test_who_varies_somebody_elses_result_does_not_own_the_photograph(access: Access, kind: Photograph) -> None:
    """Else one press more would launder it: the second result is the stranger's own."""
    varied = result(user=BOB, photograph=kind.value)
    assert access.grant(Viewer(user=BOB, place=ELSEWHERE), varied, "t1").photograph is Photograph.HIDDEN
    assert access.grant(in_group(BOB), varied, "t1").photograph is Photograph.HIDDEN
    access.shown.note(GROUP, CONTENT)
    assert access.grant(in_group(BOB), varied, "t1").photograph is Photograph.SHOWN


def test_only_a_day_is_remembered(access: Access, redis_connection: redis.Redis) -> None:
    access.shown.note(GROUP, CONTENT, "")
    (name,) = redis_connection.scan_iter("pastiche:shown:*")
    assert 0 < int(redis_connection.ttl(name)) <= keys.RESULT_TTL_S
    redis_connection.zadd(name, {"old": 1.0})
    assert not access.shown.has(GROUP, "old")
    access.shown.note(GROUP, STYLE)
    assert redis_connection.zscore(name, "old") is None, "it goes, however long the chat goes on"


def test_a_picture_is_owned_by_who_sent_it_or_had_it_painted(access: Access, redis_connection: redis.Redis) -> None:
    assert not access.owns(ANN, CONTENT)
    access.shown.note(ANN, CONTENT)
    assert access.owns(ANN, CONTENT)
    for user, kind in ((BOB, Photograph.HIDDEN), (ANN, Photograph.OWN)):
        job = Job.from_json(result(user=user, photograph=kind.value).job)
        redis_connection.hset(keys.record(job.job_id), "job", job.to_json())
        redis_connection.zadd(keys.jobs_of(user), {job.job_id: 1.0})
        assert access.owns(user, STYLE) is (user == ANN)


@pytest.mark.parametrize(
    ("own", "content", "shown", "expected"),
    [
        (True, CONTENT, False, Photograph.OWN),
        (False, CONTENT, True, Photograph.SHOWN),
        (False, CONTENT, False, None),
        (True, "", False, None),
    ],
)
def test_a_recipes_photograph_is_its_owners_or_its_chats(
    access: Access, own: bool, content: str, shown: bool, expected: Photograph | None
) -> None:
    if shown:
        access.shown.note(GROUP, CONTENT)
    kept = Kept(Recipe(content, (STYLE,), (), StyleOptions()), own)
    assert access.opened(in_group(BOB), kept) is expected


def test_the_recipe_of_a_lent_photograph_has_no_photograph() -> None:
    def recipe(**to: str) -> Recipe:
        found = result(PAINTED.replace(region="subject"), **to)
        return Grant(found, Job.from_json(found.job), Photograph.HIDDEN).recipe()

    assert recipe().content == CONTENT
    lent = recipe(photograph="hidden")
    assert (lent.content, lent.mask, lent.options.region) == ("", "", "everything")
    assert lent.pictures == (STYLE,)


@pytest.mark.parametrize(
    "wanted",
    [
        {"strength": 0.0},
        {"strength": FAINTEST - 0.1},
        {"method": "palette"},
        {"method": "patches"},
        {"method": "singan"},
        {"method": "auto"},
        {"time_lapse": True},
        {"region": "subject"},
    ],
)
def test_nothing_brings_a_hidden_photograph_out(wanted: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="photograph_hidden"):
        within(PAINTED, PAINTED.replace(**wanted))


@pytest.mark.parametrize(
    ("shown", "wanted"),
    [
        ({"method": "palette", "strength": 0.2}, {"strength": 0.4}),
        ({"method": "palette", "strength": 1.0}, {"method": "gatys"}),
        ({"strength": 0.2}, {"seed": 3}),
        ({"strength": 0.9}, {"strength": FAINTEST}),
        ({"method": "gatys", "strength": 1.0}, {"colours": "keep"}),
    ],
)
def test_what_shows_no_more_than_was_shown_is_painted(shown: dict[str, Any], wanted: dict[str, Any]) -> None:
    before = StyleOptions(**shown)
    assert within(before, before.replace(**wanted)) == before.replace(**wanted)


def test_a_new_style_is_no_way_to_less_paint() -> None:
    """A palette near the photograph's own is the photograph; so are a few steps, a large size, a whole clip."""
    with pytest.raises(UserError, match="photograph_hidden"):
        within(StyleOptions(method="palette"), StyleOptions(method="palette"), restyled=True)
    with pytest.raises(UserError, match="photograph_hidden"):
        within(StyleOptions(strength=0.2), StyleOptions(strength=0.2), restyled=True)
    shown = StyleOptions(method="gatys", max_side_px=512, steps=1, content_weight=1e9, time_lapse=True, animate=False)
    wanted = shown.replace(max_side_px=4096, animate=True)
    assert within(shown, wanted, restyled=True) == StyleOptions(method="gatys", max_side_px=512, animate=False)


def test_buttons_that_would_be_refused_are_not_offered() -> None:
    assert Button.STRIP in offered_under(result())
    lent = offered_under(result(StyleOptions(strength=FAINTEST), photograph="hidden"))
    assert set(lent) == {Button.STRONGER, Button.COLOURS, Button.REFINE}
