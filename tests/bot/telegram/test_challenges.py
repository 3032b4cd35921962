"""What of challenges needs no Telegram: the form in words, the data of buttons and links, results by their buttons."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Chat, InlineKeyboardButton, InlineKeyboardMarkup, Message

from bot.challenges.model import Scoring
from bot.chat.service import job_id_from
from bot.chat.strips import strip_job_ids
from bot.presets.catalogue import load_presets
from bot.telegram.challenges.buttons import button, link, read_button, read_link
from bot.telegram.challenges.entering import job_in
from bot.telegram.challenges.form import Form, evening_in, read_closing, read_zone, turned
from bot.telegram.challenges.form_pages import QUESTIONS, form_page, question_page
from bot.telegram.keyboards import meaning
from nst.errors import UserError
from workers.store.blobs import blob_hash

NAME, ENTRY = "abcdefg2", "hijklmn3"
SUMMER_S = datetime(2026, 7, 1, 10, 0, tzinfo=UTC).timestamp()
LONGEST_CHAT = -1_009_999_999_999
LONGEST_JOB = strip_job_ids("t" + job_id_from("token", "a press"))[-1]
CHATS = st.integers(LONGEST_CHAT, 2**40)


@given(CHATS)
def test_a_button_means_what_it_was_made_for_and_fits(chat_id: int) -> None:
    data = str(button("Yes", "er", NAME, chat_id, ENTRY, LONGEST_JOB).callback_data)
    assert len(data.encode()) <= 64
    found = meaning(data)
    assert found is not None
    assert (found.kind, found.verb) == ("c", "er")
    pressed = read_button(data)
    assert pressed is not None
    assert (pressed.challenge_id, pressed.chat_id, pressed.more) == (NAME, chat_id, (ENTRY, LONGEST_JOB))


@pytest.mark.parametrize("data", ["", "c", "c.bv", "c.bv.abc", "c.bv.abc.?", "d.style.1.mosaic", "r.recipe.t1m1"])
def test_other_buttons_are_none_of_a_challenge(data: str) -> None:
    assert read_button(data) is None


@given(CHATS, st.sampled_from(["new", "mine", "vote", "manage"]))
def test_a_link_leads_where_it_says(chat_id: int, door: str) -> None:
    payload = link("a_bot", door, NAME, chat_id).partition("?start=")[2]
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", payload)
    found = read_link(payload.removeprefix("challenge_"))
    assert found is not None
    assert (found.verb, found.chat_id) == (door, chat_id)
    assert found.challenge_id == ("" if door == "new" else NAME)


@pytest.mark.parametrize(
    "payload", ["", "new", "new_x", "abc_mine_-1", f"{NAME}_mine", f"{NAME}__-1", f"{NAME}_vote_-1_2"]
)
def test_other_payloads_lead_nowhere(payload: str) -> None:
    assert read_link(payload) is None


@pytest.mark.parametrize(
    ("words", "zone", "local"),
    [
        ("2026-12-24 18:30", "UTC", "2026-12-24 18:30"),
        ("2026-12-24T18:30", "Asia/Tokyo", "2026-12-24 18:30"),
        (" 2026-9-4 8h05 ", "UTC", "2026-09-04 08:05"),
        ("3d", "UTC", "2026-07-04 10:00"),
        ("3 j", "Europe/Paris", "2026-07-04 12:00"),
        ("+36h", "America/New_York", "2026-07-02 18:00"),
        ("90min", "UTC", "2026-07-01 11:30"),
    ],
)
def test_closing_times_are_read_as_people_write_them(words: str, zone: str, local: str) -> None:
    assert read_closing(words, zone, SUMMER_S) == local


@pytest.mark.parametrize(
    "words", ["", "soon", "2026-13-01 10:00", "2026-02-30 10:00", "2026-02-03 24:00", "3 weeks", "10:00"]
)
def test_other_words_are_no_closing_time(words: str) -> None:
    with pytest.raises(UserError) as raised:
        read_closing(words, "UTC", SUMMER_S)
    assert raised.value.code == "option_out_of_range"


def test_a_closing_time_is_local_whatever_the_season() -> None:
    summer = Form(chat_id=-1, zone="Europe/Paris", closes="2026-07-05 20:00")
    winter = Form(chat_id=-1, zone="Europe/Paris", closes="2026-12-05 20:00")
    assert datetime.fromtimestamp(summer.closes_at_s, UTC).hour == 18
    assert datetime.fromtimestamp(winter.closes_at_s, UTC).hour == 19
    assert evening_in(3, "Asia/Tokyo", SUMMER_S) == "2026-07-04 20:00"


@pytest.mark.parametrize(
    ("words", "zone"),
    [("Europe/Paris", "Europe/Paris"), ("paris", "Europe/Paris"), ("new york", "America/New_York"), ("utc", "UTC")],
)
def test_a_zone_is_known_by_name_and_city(words: str, zone: str) -> None:
    assert read_zone(words) == zone
    with pytest.raises(UserError):
        read_zone(words + "!")


def test_taps_go_round_and_a_form_becomes_a_plan() -> None:
    form = Form(chat_id=-1, theme="Cats", closes="2026-07-05 20:00", zone="Europe/Paris", preset="mosaic")
    for name in ("voting", "entries", "votes", "review", "scoring", "seen"):
        once = turned(form, name)
        assert once != form
        back = once
        for _ in range(10):
            if back == form:
                break
            back = turned(back, name)
        assert back == form
    plan = turned(turned(turned(form, "review"), "scoring"), "seen").plan()
    assert (plan.theme, plan.style_preset, plan.review, plan.scoring) == ("Cats", "mosaic", True, Scoring.RANK)
    assert not plan.rules.seen_before
    assert plan.closes_at_s == form.closes_at_s
    assert Form.from_json(form.to_json()) == form
    assert turned(form, "of_another_release") == form


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_of_the_wizard_fits_into_telegrams_limits(language: str) -> None:
    form = Form(chat_id=LONGEST_CHAT, theme="x" * 120, closes="2026-07-05 20:00", picture=blob_hash(b""))
    presets = load_presets()
    for page in (form_page(form, language), *(question_page(form, name, presets, language) for name in QUESTIONS)):
        assert len(page.text) <= 4096
        assert page.keyboard is not None
        for row in page.keyboard.inline_keyboard:
            assert len(row) <= 8
            assert all(len(str(one.callback_data).encode()) <= 64 and one.text for one in row)


def test_a_result_is_known_by_its_own_buttons() -> None:
    def message(*data: str) -> Message:
        rows = [[InlineKeyboardButton("x", callback_data=one)] for one in data]
        return Message(1, datetime.now(UTC), Chat(-1, "group"), reply_markup=InlineKeyboardMarkup(rows))

    assert job_in(message("r.weaker.t1m2", "r.recipe.t1m2")) == "t1m2"
    assert job_in(message("r.cancel.t1m3")) == "t1m3"
    assert job_in(message("r.pick.t1m2-20", "r.pick.t1m2-40")) == ""
    assert job_in(message("c.g.abc.1")) == ""
    assert job_in(None) == ""
