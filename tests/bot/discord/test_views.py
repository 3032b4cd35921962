from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import discord
import pytest

from bot.chat.strips import strip_job_ids
from bot.discord.views import (
    custom_id,
    forget_view,
    meaning,
    pages_view,
    queued_view,
    result_view,
    strip_view,
    style_view,
)
from bot.presets.catalogue import load_presets
from bot.texts import languages
from nst.options import METHODS, StyleOptions
from workers.contract import Job, Result

JOB_ID = "d" + "9" * 20


def result(options: StyleOptions, job_id: str = JOB_ID) -> Result:
    job = Job(job_id=job_id, frontend="discord", content="c", styles=("s",), options=options)
    return Result(job_id=job_id, frontend="discord", outcome="done", job=job.to_json())


def parts(view: discord.ui.View) -> Iterator[dict[str, Any]]:
    rows = view.to_components()
    assert 1 <= len(rows) <= 5
    for row in rows:
        assert len(row["components"]) <= 5
        yield from row["components"]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("method", METHODS)
async def test_every_button_keeps_discords_limits_and_its_meaning(method: str, language: str) -> None:
    strip = [result(StyleOptions(), job_id) for job_id in strip_job_ids(JOB_ID)]
    views = [
        result_view(result(StyleOptions(method=method, strength=0.5)), language),
        queued_view(JOB_ID, language),
        strip_view(strip, language),
        style_view("choose", "f" * 64, load_presets(), language, noted=True),
        pages_view(0, 2, language),
        forget_view(10**19, language),
    ]
    for view in views:
        assert view.is_finished()  # else discord.py would keep it for ever
        names = [part["custom_id"] for part in parts(view)]
        assert len(set(names)) == len(names)
        assert all(len(name) <= 100 and meaning(name) for name in names)


async def test_more_presets_than_a_list_holds_get_a_second_list() -> None:
    (preset,) = list(load_presets().values())[:1]
    found = list(parts(style_view("restyle", JOB_ID, {f"p{n}": preset for n in range(60)}, "en")))
    assert [len(part["options"]) for part in found] == [25, 25, 10]


def test_what_a_button_means_is_in_its_name() -> None:
    assert meaning(custom_id("stronger", "a:b")) == ("stronger", "a:b")
    assert meaning("somebody-elses") is None
