"""The way from pictures to an order, step by step, and the store that keeps it."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.conversation import (
    Action,
    Back,
    Choice,
    Draft,
    EnoughStyles,
    Event,
    LastAgain,
    MethodChosen,
    SecondIsContent,
    SecondIsMask,
    SecondIsStyle,
    Step,
    StrengthChosen,
    StyleChosen,
    advance,
    begin,
    begin_mix,
    second_picture,
)
from bot.chat.memory import Drafts, Sessions
from workers.contract import ContractError


def after(draft: Draft, *events: Event) -> tuple[Draft, Action]:
    action = Action.ASK
    for event in events:
        draft, action = advance(draft, event)
    return draft, action


def test_a_picture_a_style_a_strength_and_a_method_make_an_order() -> None:
    draft, action = after(begin("photo:1"), StyleChosen("mosaic"), StrengthChosen(0.6), MethodChosen("gatys"))
    assert (action, draft.step) == (Action.ORDER, Step.ORDERED)
    assert (draft.content, draft.presets, draft.pictures) == ("photo:1", ("mosaic",), ())
    assert draft.chosen == {"strength": 0.6, "method": "gatys"}


def test_what_words_have_settled_is_not_asked_again() -> None:
    draft, action = advance(begin("photo:1", strength=0.3), StyleChosen("mosaic"))
    assert (action, draft.step) == (Action.ASK, Step.METHOD)
    draft, action = advance(begin("photo:1", strength=0.3, method="fast"), StyleChosen("mosaic"))
    assert action is Action.ORDER


def test_an_album_has_its_style_already() -> None:
    assert begin("photo:1", pictures=["photo:2", "photo:3"]).step is Step.STRENGTH


def test_a_second_picture_is_the_style_or_another_beginning() -> None:
    draft = second_picture(begin("photo:1"), "photo:2")
    style, _ = advance(draft, SecondIsStyle())
    assert (style.step, style.content, style.pictures) == (Step.STRENGTH, "photo:1", ("photo:2",))
    other, _ = advance(draft, SecondIsContent())
    assert (other.step, other.content, other.pictures) == (Step.STYLE, "photo:2", ())


def test_a_second_picture_may_be_the_mask_and_a_third_one_the_style() -> None:
    masked, action = advance(second_picture(begin("photo:1", strength=0.4), "file:2"), SecondIsMask("background"))
    assert (masked.step, masked.content, masked.mask, action) == (Step.STYLE, "photo:1", "file:2", Action.ASK)
    assert masked.chosen == {"strength": 0.4, "region": "background"}
    draft, action = after(second_picture(masked, "photo:3"), SecondIsStyle(), MethodChosen("fast"))
    assert (draft.pictures, draft.mask, action) == (("photo:3",), "file:2", Action.ORDER)
    other, _ = advance(second_picture(masked, "photo:4"), SecondIsContent())
    assert (other.content, other.mask, other.chosen) == ("photo:4", "", {"strength": 0.4})


def test_the_last_choice_orders_at_once_unless_it_was_a_picture() -> None:
    last = Choice(presets=("azulejo",), strength=0.4, method="palette")
    draft, action = advance(begin("photo:1"), LastAgain(last))
    assert action is Action.ORDER
    assert (draft.presets, draft.chosen) == (("azulejo",), {"strength": 0.4, "method": "palette"})
    assert advance(begin("photo:1"), LastAgain(Choice())) == (begin("photo:1"), Action.ASK)


def test_a_mix_is_ticked_on_and_off_and_ends_with_enough() -> None:
    mix = begin_mix("photo:1")
    assert advance(mix, EnoughStyles()) == (mix, Action.ASK)
    draft, _ = after(mix, StyleChosen("a"), StyleChosen("b"), StyleChosen("a"), StyleChosen("c"))
    assert draft.presets == ("b", "c")
    full, _ = after(mix, *map(StyleChosen, "abcde"))
    assert full.presets == ("a", "b", "c", "d")
    assert advance(full, EnoughStyles())[0].step is Step.STRENGTH


def test_back_leads_to_the_step_before() -> None:
    draft, _ = after(begin("photo:1"), StyleChosen("mosaic"), StrengthChosen(0.6))
    draft, _ = advance(draft, Back())
    assert (draft.step, draft.chosen) == (Step.STRENGTH, {})
    draft, _ = advance(draft, Back())
    assert (draft.step, draft.presets) == (Step.STYLE, ())
    own = begin("photo:1", pictures=["photo:2"])
    assert advance(own, Back()) == (own, Action.ASK)


EVENTS = st.one_of(
    st.builds(StyleChosen, st.sampled_from("abc")),
    st.builds(StrengthChosen, st.sampled_from([0.0, 0.5, 1.0])),
    st.builds(MethodChosen, st.sampled_from(["fast", "gatys"])),
    st.builds(LastAgain, st.builds(Choice, presets=st.sampled_from([(), ("a",)]))),
    st.sampled_from([EnoughStyles(), SecondIsStyle(), SecondIsContent(), SecondIsMask("subject"), Back()]),
)


@given(st.sampled_from([begin("1"), begin_mix("1"), second_picture(begin("1"), "2")]), st.lists(EVENTS, max_size=12))
def test_whatever_is_pressed_an_order_is_complete(draft: Draft, events: list[Event]) -> None:
    for event in events:
        draft, action = advance(draft, event)
        assert Draft.from_json(draft.to_json()) == draft
        if action is Action.ORDER:
            assert draft.content
            assert draft.presets or draft.pictures
            assert set(draft.chosen) == {"strength", "method"} | ({"region"} if draft.mask else set())
            return
        assert draft.step is not Step.ORDERED


def test_drafts_belong_to_one_user_in_one_chat_and_are_forgotten(redis_connection: redis.Redis) -> None:
    drafts = Drafts(redis_connection)
    drafts.write("group", "anna", "1", begin("photo:1"))
    drafts.wait_in("group", "anna", "1")
    drafts.note_choice("anna", Choice(presets=("mosaic",), strength=0.2, method="fast"))
    assert drafts.waiting("group", "anna") == begin("photo:1")
    assert drafts.read("group", "bert", "1") is None
    assert drafts.waiting("group", "bert") is None
    assert drafts.last_choice("anna") == Choice(presets=("mosaic",), strength=0.2, method="fast")
    drafts.write("group", "anna", "2", begin("photo:2"))
    assert drafts.take("group", "anna", "2")
    assert not drafts.take("group", "anna", "2"), "a second press of the same button finds nothing"
    Sessions(redis_connection).forget("anna")
    assert drafts.read("group", "anna", "1") is None
    assert drafts.last_choice("anna") is None


@given(
    st.dictionaries(
        st.sampled_from(sorted(Draft.__dataclass_fields__)),
        st.sampled_from([[], 7, {}, None, "?", [[]], 10**309]),
        min_size=1,
    )
)
def test_a_draft_of_any_fields_is_read_or_refused(changes: dict[str, Any]) -> None:
    text = json.dumps(json.loads(begin("content").to_json()) | changes)
    with contextlib.suppress(ContractError):
        assert Draft.from_json(text).to_json()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"presets":7}', "7", "no JSON", b"\xff"])
def test_a_damaged_draft_is_gone(redis_connection: redis.Redis, text: str | bytes) -> None:
    drafts = Drafts(redis_connection)
    drafts.write("c", "u", "m", begin("content"))
    drafts.note_choice("u", Choice(presets=("mosaic",)))
    assert drafts.last_choice("u") == Choice(presets=("mosaic",))
    for name in redis_connection.keys("pastiche:session:*"):
        redis_connection.set(name, text)
    assert drafts.read("c", "u", "m") is None
    assert drafts.last_choice("u") is None
