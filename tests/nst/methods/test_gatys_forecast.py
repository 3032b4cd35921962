"""How long a run still takes, on machines that are not the one whose speed was measured; no clock is looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytestmark = pytest.mark.tensorflow
pytest.importorskip("tensorflow")

from nst.gatys.cost import (  # noqa: E402
    Forecast,
    SpeedModel,
)
from nst.gatys.plan import Scale  # noqa: E402

MEASURED = SpeedModel(0.01, 1e-6)
PLAN = (Scale(256, 256, 20), Scale(362, 362, 15), Scale(512, 512, 10))


@pytest.mark.parametrize("slower", [0.2, 1.0, 5.0])
@pytest.mark.parametrize("look", [0.3, 1.0, 2.0])
def test_it_is_right_from_the_second_step_on_whatever_the_machine(slower: float, look: float) -> None:
    """Machines of another speed, where looking at the pictures costs less or more than foreseen, too."""
    costs = []
    for scale in PLAN:
        for step in range(scale.steps):
            look_s = look * (MEASURED.work_s(scale.pixels, 0, 1) if step == 0 else 0.0)
            costs.append((slower * (MEASURED.step_s(scale.pixels) + look_s), scale, step))
    forecast = Forecast(MEASURED)
    foreseen = forecast.left_s(PLAN, looked=False)
    assert foreseen == pytest.approx(sum(MEASURED.work_s(scale.pixels, scale.steps, 1) for scale in PLAN))
    for number, (seconds, scale, step) in enumerate(costs[:-1], 1):
        forecast.note(seconds, scale, looked=step == 0)
        left = [replace(scale, steps=scale.steps - step - 1), *PLAN[PLAN.index(scale) + 1 :]]
        truth = sum(cost for cost, *_ in costs[number:])
        if number >= 2:
            assert forecast.left_s(left, looked=True) == pytest.approx(truth, rel=0.25)
    assert forecast.left_s([replace(PLAN[-1], steps=0)], looked=True) == 0


def test_it_needs_no_second_step_where_all_is_as_foreseen() -> None:
    forecast = Forecast(MEASURED)
    forecast.note(3 * MEASURED.work_s(PLAN[0].pixels, 1, 1), PLAN[0], looked=True)
    left = [replace(PLAN[0], steps=PLAN[0].steps - 1)]
    assert forecast.left_s(left, looked=True) == pytest.approx(3 * MEASURED.work_s(PLAN[0].pixels, left[0].steps, 0))
