"""Options out of range name the option, what came and what is allowed."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nst.errors import UserError
from nst.options import MAX_STYLES, METHODS, StyleOptions, strength_from_percent


def refusal(**options: Any) -> UserError:
    with pytest.raises(UserError) as caught:
        StyleOptions(**options)
    return caught.value


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("strength", -0.01),
        ("strength", 1.01),
        ("strength", math.nan),
        ("strength", math.inf),
        ("strength", "1"),
        ("strength", True),
        ("strength", None),
        ("max_side_px", 63),
        ("max_side_px", 8193),
        ("max_side_px", 512.0),
        ("style_scale", 0.2),
        ("style_scale", 4.1),
        ("seed", -1),
        ("seed", 2**31),
        ("steps", 0),
        ("steps", 10_001),
        ("method", "slow"),
        ("method", None),
        ("colours", "none"),
        ("extractor", "vgg11"),
        ("gatys_preset", ""),
        ("start", "black"),
        ("content_weight", -1.0),
        ("style_weight", math.nan),
        ("total_variation_weight", 1e10),
        ("time_lapse", 1),
        ("smaller_allowed", "yes"),
    ],
)
def test_out_of_range_names_all_three(option: str, value: Any) -> None:
    error = refusal(**{option: value})
    assert error.code == "option_out_of_range"
    assert error.detail["option"] == option
    assert str(error.detail["received"]) in {str(value), f"{value:g}" if isinstance(value, float) else ""}
    assert error.detail["allowed"]


def test_ranges_are_told_as_people_read_them() -> None:
    assert refusal(strength=2).detail["allowed"] == "0 to 1"
    assert refusal(method="slow").detail["allowed"] == ", ".join(METHODS)


def test_what_came_is_told_in_part_only() -> None:
    assert len(str(refusal(method="x" * 10_000).detail["received"])) <= 40


@pytest.mark.parametrize("weights", [(-1.0,), (math.nan,), (0.0, 0.0), (math.inf,)])
def test_weights_out_of_range(weights: tuple[float, ...]) -> None:
    assert refusal(style_weights=weights).detail["option"] == "style_weights"


def test_too_many_weights() -> None:
    error = refusal(style_weights=(1.0,) * (MAX_STYLES + 1))
    assert (error.code, error.detail) == ("too_many_styles", {"received": 5, "allowed": 4})


def test_shares() -> None:
    assert StyleOptions().shares(4) == (0.25,) * 4
    assert StyleOptions(style_weights=(3.0, 1.0)).shares(2) == (0.75, 0.25)
    assert StyleOptions(style_weights=(7.0,)).shares(1) == (1.0,)
    with pytest.raises(UserError) as caught:
        StyleOptions(style_weights=(3.0, 1.0)).shares(3)
    assert caught.value.detail["received"] == "2"


def test_only_what_differs_is_written() -> None:
    assert StyleOptions().as_dict() == {}
    assert StyleOptions(strength=0.5, style_weights=(1.0, 2.0)).as_dict() == {
        "strength": 0.5,
        "style_weights": [1.0, 2.0],
    }


@given(
    st.builds(
        StyleOptions,
        method=st.sampled_from(METHODS),
        strength=st.floats(0, 1),
        style_weights=st.lists(st.floats(0.5, 10), max_size=MAX_STYLES).map(tuple),
        max_side_px=st.integers(64, 8192),
        seed=st.integers(0, 2**31 - 1),
        steps=st.none() | st.integers(1, 10_000),
    )
)
def test_options_come_back_from_json(options: StyleOptions) -> None:
    assert StyleOptions.from_dict(json.loads(json.dumps(options.as_dict()))) == options


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"strenght": 1}, "option_unknown"),
        ({"style_weights": "1,2"}, "option_out_of_range"),
        ({"style_weights": ["a"]}, "option_out_of_range"),
        ({"strength": [1]}, "option_out_of_range"),
        ({"method": {}}, "option_out_of_range"),
    ],
)
def test_hostile_json(data: dict[str, Any], code: str) -> None:
    with pytest.raises(UserError) as caught:
        StyleOptions.from_dict(data)
    assert caught.value.code == code


def test_replace_validates() -> None:
    with pytest.raises(UserError):
        StyleOptions().replace(strength=3)


@pytest.mark.parametrize(("percent", "strength"), [(0, 0.0), (50, 0.5), (100, 1.0), (12.5, 0.125)])
def test_percent(percent: float, strength: float) -> None:
    assert strength_from_percent(percent) == strength


@pytest.mark.parametrize("percent", [-1, 101, math.nan, "50", True])
def test_percent_out_of_range_is_told_in_percent(percent: Any) -> None:
    with pytest.raises(UserError) as caught:
        strength_from_percent(percent)
    assert caught.value.detail["allowed"] == "0 to 100"
