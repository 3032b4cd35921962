"""Curves of losses: what events tell, and how it is drawn."""

from __future__ import annotations

import pytest

from bot.web.loss_curves import Curves, decades, path
from workers.contract import Event


def event(step: int, **losses: float) -> Event:
    return Event(job_id="j", frontend="web", state="running", step=step, steps=10_000, losses=losses)


def test_points_come_from_events_once_and_in_order() -> None:
    curves = Curves()
    for heard in (
        event(1, content=1.0, style=2.0),
        event(3, content=0.5),
        event(3, content=9.0),
        event(2, content=9.0),
    ):
        curves.hear(heard)
    curves.hear(event(0))
    curve = curves.of("j")
    assert curve is not None
    assert curve.steps == [1, 3]
    assert (curve.losses["content"], curve.losses["style"]) == ([1.0, 0.5], [2.0, 0.0])
    assert curves.of("other") is None


def test_a_long_job_keeps_its_shape_in_few_points() -> None:
    curves = Curves()
    for step in range(1, 10_001):
        curves.hear(event(step, total=1.0 / step))
    curve = curves.of("j")
    assert curve is not None
    assert 200 <= len(curve.steps) <= 400
    assert curve.steps == sorted(set(curve.steps))
    assert curve.losses["total"] == [1.0 / step for step in curve.steps]


def test_only_so_many_jobs_are_remembered() -> None:
    curves = Curves()
    for number in range(300):
        curves.hear(Event(job_id=str(number), frontend="web", state="running", step=1, losses={"total": 1.0}))
    assert curves.of("99") is None
    assert curves.of("299") is not None


@pytest.mark.parametrize(
    ("values", "found"),
    [([], (0, -1)), ([0.0], (0, -1)), ([0.5, 0.02], (0, -2)), ([1.0], (0, -1)), ([1e9, 1e-9], (9, 4)), ([30], (2, 1))],
)
def test_the_scale_is_whole_decades(values: list[float], found: tuple[int, int]) -> None:
    assert decades(values) == found


def test_lower_losses_are_drawn_lower_and_zero_on_the_floor() -> None:
    points = [tuple(map(float, part.split())) for part in path([1, 5, 10], [1.0, 0.1, 0.0], 10, (0, -2))[1:].split("L")]
    xs, ys = zip(*points, strict=True)
    assert list(xs) == sorted(xs)
    assert xs[-1] == 640
    assert ys[0] < ys[1] < ys[2]
    assert ys[1] == pytest.approx((ys[0] + ys[2]) / 2, abs=0.2)
