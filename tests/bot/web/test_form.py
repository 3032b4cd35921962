"""The composer's form is text from anywhere."""

from __future__ import annotations

from typing import Any

import pytest

from bot.web.form.parsing import OWN_STYLE, SIZES_PX, Order, read_form
from nst.errors import UserError
from nst.options import StyleOptions

SOUND = {"preset": "mosaic", "strength": "80", "method": "gatys", "colours": "keep", "size": "1024", "seed": "7"}


def test_a_form_becomes_options() -> None:
    expected = StyleOptions(method="gatys", strength=0.8, colours="keep", max_side_px=1024, seed=7)
    assert read_form(SOUND) == Order("mosaic", expected)


def test_what_is_left_out_has_the_defaults() -> None:
    assert read_form({"preset": "mosaic"}) == Order("mosaic", StyleOptions())


def test_ones_own_style_has_no_preset() -> None:
    assert read_form({"preset": OWN_STYLE}).preset == ""


@pytest.mark.parametrize("fields", [{}, {"preset": ""}, {"preset": 7}, {"preset": None}])
def test_a_style_is_needed(fields: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="style_missing"):
        read_form(fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("strength", "101"),
        ("strength", "-1"),
        ("strength", "nan"),
        ("strength", "much"),
        ("method", "oils"),
        ("method", ["fast"]),
        ("colours", "none"),
        ("size", "9000"),
        ("size", "768.5"),
        ("size", "inf"),
        ("seed", "-1"),
        ("seed", ""),
    ],
)
def test_what_is_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(UserError) as caught:
        read_form(SOUND | {name: value})
    assert caught.value.code == "option_out_of_range"
    assert caught.value.detail["option"] in (name, "max_side_px" if name == "size" else name)


def test_the_sizes_offered_are_possible() -> None:
    for size_px in SIZES_PX:
        assert StyleOptions(max_side_px=size_px).max_side_px == size_px
