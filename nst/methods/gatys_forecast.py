"""How long a run still takes: its cost model, corrected by what the run's own steps took."""

from __future__ import annotations

from collections.abc import Sequence

from nst.methods.gatys_cost import SpeedModel
from nst.methods.gatys_plan import Scale


class Forecast:
    """Follows one run; right on a machine of any speed, or as busy as it may be, from the second step on.

    The first step at every size looks at the pictures, too. How long that takes says less about steps than a step does:
    it counts only while nothing else is known.

    Args:
        speed: Seconds as they were measured on this or any other machine.
    """

    def __init__(self, speed: SpeedModel) -> None:
        self._speed = speed
        self._taken_s, self._foreseen_s = 0.0, 0.0  # of steps alone
        self._first: tuple[float, float] | None = None  # of the first one, with its look

    def note(self, seconds: float, scale: Scale, looked: bool) -> None:
        """A step was done.

        Args:
            seconds: What it took.
            scale: Where.
            looked: Whether it looked at the pictures.
        """
        if not looked:
            self._taken_s += seconds
            self._foreseen_s += self._speed.work_s(scale.pixels, 1, 0)
        elif self._first is None:
            self._first = (seconds, self._speed.work_s(scale.pixels, 1, 1))

    def left_s(self, left: Sequence[Scale], looked: bool) -> float:
        """Seconds to the end.

        Args:
            left: Sizes with the steps that are left.
            looked: Whether the pictures have been looked at for the first of them.
        """
        looks = [not looked, *[True] * (len(left) - 1)]
        pairs = zip(left, looks, strict=True)
        return self._slower * sum(self._speed.work_s(scale.pixels, scale.steps, look) for scale, look in pairs)

    @property
    def _slower(self) -> float:
        if self._foreseen_s:
            return self._taken_s / self._foreseen_s
        return self._first[0] / self._first[1] if self._first else 1.0
