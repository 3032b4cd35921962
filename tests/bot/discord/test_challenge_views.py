from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
import pytest

from bot.challenges.entry import BallotEntry
from bot.challenges.model import Challenge, State
from bot.discord.challenges.presses import PRESSES
from bot.discord.challenges.views import announcement_view, ballot_view, choice_view, pages_view, status_view
from bot.discord.views import job_of, meaning, result_view
from bot.texts import languages
from nst.options import StyleOptions
from workers.contract import Job, Result

NAME, JOB_ID = "abcdefg7", "d" + "9" * 20
KINDS = ("opened", "closing_soon", "extended", "voting", "voting_soon", "run_off", "results", "cancelled", "review")


def parts(view: discord.ui.View) -> Iterator[dict[str, Any]]:
    rows = view.to_components()
    assert 1 <= len(rows) <= 5
    for row in rows:
        assert len(row["components"]) <= 5
        yield from row["components"]


def entries(count: int) -> list[BallotEntry]:
    return [
        BallotEntry(
            entry_id=f"entry{number:03}",
            number=number,
            chosen=number % 3 == 0,
            own=number == 1,
            picture="",
            media_type="",
            style_label="",
        )
        for number in range(1, count + 1)
    ]


def of_state(state: State) -> Challenge:
    return Challenge(
        challenge_id=NAME, theme="T", created_by="discord:1", created_at_s=0.0, closes_at_s=1.0, state=state
    )


@pytest.mark.parametrize("language", languages())
async def test_every_button_keeps_discords_limits_and_is_understood(language: str) -> None:
    views = [
        *(announcement_view(NAME, kind, f"{kind}.24h.2", language) for kind in KINDS),
        *(status_view(of_state(state), True, language) for state in State),
        ballot_view(NAME, entries(4), 2, 3, language),
        pages_view("sift", NAME, 1, 2, language),
        choice_view("enter_for", f"{NAME}:{JOB_ID}", [("x" * 120, str(n)) for n in range(30)], "?"),
    ]
    for view in filter(None, views):
        assert view.is_finished()  # else discord.py would keep it for ever
        found = list(parts(view))
        names = [part["custom_id"] for part in found]
        assert len(set(names)) == len(names)
        assert all(len(name) <= 100 and (meaning(name) or ("", ""))[0] in PRESSES for name in names)
        assert all(len(part.get("label") or "") <= 80 and len(part.get("options", [])) <= 25 for part in found)


async def test_only_those_who_manage_get_its_buttons() -> None:
    assert status_view(of_state(State.OPEN), False, "en") is None
    voting = status_view(of_state(State.VOTING), False, "en")
    assert voting is not None
    assert [meaning(part["custom_id"]) for part in parts(voting)] == [("ballot", NAME)]


async def test_the_result_offers_to_enter_where_something_is_open() -> None:
    job = Job(job_id=JOB_ID, frontend="discord", content="c", styles=("s",), options=StyleOptions())
    result = Result(job_id=JOB_ID, frontend="discord", outcome="done", job=job.to_json())
    names = [[part["custom_id"] for part in parts(result_view(result, "en", enter))] for enter in (False, True)]
    assert set(names[1]) - set(names[0]) == {f"p:enter:{JOB_ID}"}
    assert {job_of(name) for name in names[1]} == {"", JOB_ID}


async def test_ones_own_entry_cannot_be_pressed() -> None:
    found = list(parts(ballot_view(NAME, entries(3), 1, 1, "en")))
    assert [part["disabled"] for part in found] == [True, False, False]
    assert [(meaning(part["custom_id"]) or ("", ""))[0] for part in found] == ["vote", "vote", "unvote"]
