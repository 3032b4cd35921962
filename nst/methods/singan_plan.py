"""How large SinGAN's scales are, and how long each is trained."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from nst.errors import OperatorError

COARSEST_PX = 28
FACTOR = 0.75  # between scales, at most this much is lost in one step
SMALLEST_SIDE_PX = 14  # a picture must be larger than a patch of 11
MOST_ITERATIONS = 10_000
_CUSTOM = re.compile(r"(\d{2,3}):(\d{1,5})")
_SIDES_PX = (40, 512)


@dataclass(frozen=True)
class Budget:
    """What training a pyramid may cost.

    Attributes:
        side_px: Square root of the finest scale's area.
        iterations: At the coarsest scale.
        last_share: How many of them the finest gets, 0..1; a step there costs twenty times one at the coarsest.
    """

    side_px: int
    iterations: int
    last_share: float

    @property
    def sides_px(self) -> tuple[float, ...]:
        """Square root of each scale's area, coarse to fine; the ratio is 4/3 or a little less.

        The authors fix the coarsest scale's shorter side (25 px) and the finest's longer one (250 px). Here areas are
        fixed, so that all pyramids of a budget have the same scales whatever their shape, and styles can be mixed.
        """
        steps = math.ceil(math.log(self.side_px / COARSEST_PX) / math.log(1 / FACTOR))
        return tuple(COARSEST_PX * (self.side_px / COARSEST_PX) ** (scale / steps) for scale in range(steps + 1))

    def iterations_at(self, scale: int) -> int:
        """Iterations of a scale; from the coarsest on they fall by the same factor each time."""
        last = len(self.sides_px) - 1
        share: float = self.last_share ** (scale / last)
        return max(1, round(self.iterations * share))

    @property
    def scales(self) -> int:
        """How many scales there are."""
        return len(self.sides_px)


QUICK = Budget(128, 240, 0.25)
FULL = Budget(250, 2000, 1.0)  # as published


def budget_of(setting: str, on_gpu: bool) -> Budget:
    """The budget that ``NST_SINGAN_BUDGET`` names.

    Args:
        setting: ``quick``, ``full``, ``auto`` (full on a GPU), or ``SIDE:ITERATIONS``, for instance ``160:400``.
        on_gpu: Whether there is one.

    Raises:
        OperatorError: ``bad_setting``.
    """
    if setting in ("quick", "full", "auto"):
        return FULL if setting == "full" or (setting == "auto" and on_gpu) else QUICK
    found = _CUSTOM.fullmatch(setting)
    if found:
        side_px, iterations = int(found[1]), int(found[2])
        if _SIDES_PX[0] <= side_px <= _SIDES_PX[1] and 1 <= iterations <= MOST_ITERATIONS:
            return Budget(side_px, iterations, QUICK.last_share)
    allowed = f"auto, quick, full or SIDE:ITERATIONS, {_SIDES_PX[0]}:1 to {_SIDES_PX[1]}:{MOST_ITERATIONS}"
    raise OperatorError("bad_setting", {"setting": "NST_SINGAN_BUDGET", "received": setting[:40], "allowed": allowed})


def size_at(height_px: int, width_px: int, side_px: float) -> tuple[int, int]:
    """Height and width of a picture at a scale: its own shape, the scale's area.

    Args:
        height_px: Of the picture.
        width_px: Of the picture.
        side_px: Square root of the scale's area.
    """
    shape = (height_px / width_px) ** 0.5
    return max(SMALLEST_SIDE_PX, round(side_px * shape)), max(SMALLEST_SIDE_PX, round(side_px / shape))
