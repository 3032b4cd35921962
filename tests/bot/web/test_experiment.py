"""The playground's form: somebody's text in, options out, and back again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.compare import differences, shown
from bot.web.form.parsing import KNOBS, form_of, read_experiment
from bot.web.form.types import EVERY_METHOD, STRENGTHS, Wanted
from nst.errors import UserError
from nst.options import COLOURS, EXTRACTORS, METHODS, STARTS, StyleOptions

PLAIN = StyleOptions()


def test_an_empty_form_is_the_default() -> None:
    assert read_experiment({}, 1) == PLAIN
    assert read_experiment({knob.name: "" for knob in KNOBS}, 1) == PLAIN


@given(
    method=st.sampled_from(METHODS),
    percent=st.integers(0, 100),
    colours=st.sampled_from(COLOURS),
    size=st.integers(64, 8192),
    steps=st.none() | st.integers(1, 10_000),
    extractor=st.none() | st.sampled_from(EXTRACTORS),
    start=st.sampled_from(STARTS),
    weight=st.none() | st.floats(0, 1e9),
)
def test_every_choice_comes_through_the_form_and_gatys_choices_count_for_gatys_only(
    method: str,
    percent: int,
    colours: str,
    size: int,
    steps: int | None,
    extractor: str | None,
    start: str,
    weight: float | None,
) -> None:
    options = StyleOptions(
        method=method, strength=percent / 100, colours=colours, max_side_px=size, steps=steps, extractor=extractor,
        start=start, content_weight=weight,
    )  # fmt: skip
    again = read_experiment(form_of(options), 1)
    gatys = {"steps": steps, "extractor": extractor, "start": start, "content_weight": pytest.approx(weight)}
    expected = gatys if method == "gatys" else {name: getattr(PLAIN, name) for name in gatys}
    assert {name: getattr(again, name) for name in gatys} == expected
    assert (again.method, again.strength, again.colours, again.max_side_px) == (method, percent / 100, colours, size)


def test_the_pad_gives_the_weights() -> None:
    assert read_experiment({"mix-x": "25", "mix-y": "90"}, 2).style_weights == (0.75, 0.25)
    assert read_experiment({"mix-x": "25"}, 1).style_weights == ()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("strength", "101"),
        ("size", "x"),
        ("size", "9000"),
        ("steps", "0"),
        ("steps", "2.5"),
        ("extractor", "eyes"),
        ("start", "<script>"),
        ("content_weight", "nan"),
        ("content_weight", "-1"),
        ("method", "magic"),
        ("mix-x", "ü"),
    ],
)
def test_nonsense_is_named(name: str, text: str) -> None:
    with pytest.raises(UserError, match="option_out_of_range"):
        read_experiment({"method": "gatys", name: text}, 2)


def test_a_strip_is_five_strengths_of_the_same() -> None:
    each = Wanted([], StyleOptions(seed=3), strip=STRENGTHS).each()
    assert [options.strength for options in each] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert {options.seed for options in each} == {3}


def test_a_contest_is_the_photo_and_every_method_with_what_they_have_in_common() -> None:
    chosen = StyleOptions(method="gatys", strength=0.6, seed=3, max_side_px=200, steps=50, style_weights=(1, 2))
    untouched, *others = Wanted([], chosen, strip=EVERY_METHOD).each()
    assert (untouched.method, untouched.strength) == ("palette", 0)
    assert {options.method for options in others} == set(METHODS) - {"auto"}
    assert [options.start_scale for options in others if options.method == "singan"] == [2, 4, 6]
    kept = {(o.strength, o.seed, o.max_side_px, o.steps, o.style_weights) for o in others}
    assert kept == {(0.6, 3, 200, None, (1.0, 2.0))}


def test_only_what_differs_is_compared() -> None:
    assert differences(PLAIN, PLAIN) == []
    one, other = StyleOptions(method="gatys", steps=50), StyleOptions(method="gatys", strength=0.5)
    assert differences(one, other) == [("strength", (1.0, 0.5)), ("steps", (50, None))]
    assert [shown(value) for value in (True, 0.5, (0.25, 1.0), "gatys")] == ["✓", "0.5", "0.25 : 1", "gatys"]


def test_layer_weights_count_only_where_they_differ() -> None:
    fields = {"method": "gatys", **{f"layer-{place}": "40" for place in range(5)}}
    assert read_experiment(fields, 1).layer_weights == ()
    options = read_experiment({**fields, "layer-4": "0"}, 1)
    assert options.layer_weights == (0.4, 0.4, 0.4, 0.4, 0.0)
    assert read_experiment(form_of(options), 1).emphasis(5) == options.emphasis(5)
    assert read_experiment({**fields, "method": "fast", "layer-4": "0"}, 1).layer_weights == ()
