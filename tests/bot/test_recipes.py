"""Recipes in words: what is printed is read back the same."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.chat.recipe_words import find_preset, format_style_command, parse_style_command
from bot.texts import explain, languages
from nst.errors import UserError
from nst.options import COLOURS, METHODS, REGIONS, StyleOptions

PRESETS = ("great-wave", "mosaic", "ink-wash", "ink-lines")

options = st.builds(
    StyleOptions,
    method=st.sampled_from(METHODS),
    strength=st.integers(0, 100).map(lambda percent: percent / 100),
    colours=st.sampled_from(COLOURS),
    max_side_px=st.integers(64, 4096),
    seed=st.integers(0, 99_999),
    style_scale=st.sampled_from((0.25, 0.5, 1.0, 2.0)),
    steps=st.none() | st.integers(1, 10_000),
    start_scale=st.none() | st.integers(1, 16),
    region=st.sampled_from(REGIONS),
    time_lapse=st.booleans(),
)


@given(st.sets(st.sampled_from(PRESETS), max_size=4), options, st.booleans())
def test_what_is_printed_is_read_back(names: set[str], chosen: StyleOptions, spoiler: bool) -> None:
    command = parse_style_command(format_style_command(sorted(names), chosen, spoiler), PRESETS)
    assert command.spoiler is spoiler
    assert command.presets == tuple(sorted(names))
    assert command.options == chosen


def test_words_in_any_order_and_either_spelling() -> None:
    command = parse_style_command("70 Mosaic keep-colors gatys 1024px seed=7", PRESETS)
    assert command.presets == ("mosaic",)
    assert command.options == StyleOptions(method="gatys", strength=0.7, colours="keep", max_side_px=1024, seed=7)


def test_weights_of_a_mix() -> None:
    command = parse_style_command("great-wave:2 mosaic", PRESETS)
    assert command.presets == ("great-wave", "mosaic")
    assert command.options.style_weights == (2.0, 1.0)


def test_defaults_stay_where_no_word_changes_them() -> None:
    defaults = StyleOptions(strength=0.4, method="palette")
    assert parse_style_command("mosaic 60", PRESETS, defaults).options == defaults.replace(strength=0.6)


def test_a_beginning_that_only_one_preset_has_is_enough() -> None:
    assert find_preset("Great Wa", PRESETS) == "great-wave"


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        ("ink 50", "style_unknown", "ink"),
        ("monet", "style_unknown", "monet"),
        ("mosaic 101", "option_out_of_range", "101"),
        ("mosaic -5", "option_out_of_range", "-5"),
        ("mosaic steps=0", "option_out_of_range", "0"),
        ("mosaic steps=many", "option_out_of_range", "many"),
        ("mosaic 10px", "option_out_of_range", "10"),
        ("mosaic mosaic mosaic mosaic mosaic", "too_many_styles", "5"),
    ],
)
def test_mistakes_are_named(text: str, code: str, named: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_style_command(text, PRESETS)
    assert caught.value.code == code
    assert named in str(caught.value.detail["received"])
    assert caught.value.detail["allowed"]


def test_a_time_lapse_chooses_the_method_that_has_one_unless_another_is_named() -> None:
    assert parse_style_command("mosaic time-lapse", PRESETS).options == StyleOptions(method="gatys", time_lapse=True)
    assert parse_style_command("mosaic time-lapse fast", PRESETS).options.method == "fast"


def test_a_still_of_a_clip_is_a_word() -> None:
    command = parse_style_command("mosaic 70 still", ["mosaic"])
    assert not command.options.animate
    assert parse_style_command(format_style_command(command.presets, command.options), ["mosaic"]) == command


WORDS = ("", "seed=", "steps=", "scale=", "start-scale=", "mosaic:", "-", ".", "px", "%", "e", "=")
digits = st.sampled_from(["9" * 309, "9" * 5000, "1e309", "nan", "inf", "0", "-1", "٣", "²", "1_000", "7."])
words = st.lists(st.sampled_from([*WORDS, *METHODS, "great-wave"]) | digits, max_size=3).map("".join)


@given(st.lists(words | st.text(max_size=9), max_size=5).map(" ".join))
@example("9" * 309 + "px")
@example("9" * 5000 + "px")
@example("seed=" + "9" * 309)
@example("mosaic:" + "9" * 309 + " great-wave")
def test_any_words_are_read_or_refused_with_a_sentence(text: str) -> None:
    try:
        command = parse_style_command(text, PRESETS)
        said = [format_style_command(command.presets, command.options)]
    except UserError as error:
        said = [explain(error, language) for language in languages()]
    assert all(said)
