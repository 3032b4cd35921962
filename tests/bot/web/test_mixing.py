"""The mixer's pad: every point is a mix, corners are pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.web.form.parsing import mixing_place, mixing_weights
from nst.options import StyleOptions

UNIT = st.integers(0, 100).map(lambda percent: percent / 100)


@given(styles=st.integers(1, 4), x=UNIT, y=UNIT)
def test_every_point_is_a_mix_that_the_options_take(styles: int, x: float, y: float) -> None:
    weights = mixing_weights(styles, x, y)
    assert len(weights) == styles
    assert sum(weights) == pytest.approx(1, abs=1e-3)
    assert StyleOptions(style_weights=weights).shares(styles) == pytest.approx(weights, abs=1e-3)


@given(styles=st.integers(2, 4), x=UNIT, y=UNIT)
def test_weights_lead_back_to_their_point(styles: int, x: float, y: float) -> None:
    again = mixing_weights(styles, *mixing_place(mixing_weights(styles, x, y)))
    assert again == pytest.approx(mixing_weights(styles, x, y), abs=2e-3)


@pytest.mark.parametrize(
    ("styles", "corner", "pure"),
    [
        (2, (0, 0.5), 0),
        (2, (1, 0.5), 1),
        (3, (0, 0), 0),
        (3, (1, 0), 1),
        (3, (0.5, 1), 2),
        (4, (0, 0), 0),
        (4, (1, 0), 1),
        (4, (0, 1), 2),
        (4, (1, 1), 3),
    ],
)
def test_corners_are_pure(styles: int, corner: tuple[float, float], pure: int) -> None:
    assert mixing_weights(styles, *corner)[pure] == 1
