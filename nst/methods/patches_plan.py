"""The sizes through which the patches method goes, coarse to fine, and how long it stays at each."""

from __future__ import annotations

import math
from dataclasses import dataclass

COARSEST_PX = 80  # at strength 1, of a square of the same area: below, faces are lost
FINEST_PX = 768  # larger pictures get the rest of their detail from the content
_RATIO = 0.75  # GPDM's
_STEPS_AT = 4000  # steps times the side, but within:
_LEAST_STEPS, _MOST_STEPS = 10, 50
_PATCHES = 24_000  # that one step looks at, about
_WIDEST_STRIDE = 3  # with more, patches of 8 px hardly overlap, and their grid shows


@dataclass(frozen=True)
class Level:
    """One size of the pyramid.

    Attributes:
        height_px: Of the picture.
        width_px: Of the picture.
        steps: How many there.
        stride: Pixels between the patches that a step looks at.
        rate: What part of a step is gone.
    """

    height_px: int
    width_px: int
    steps: int
    stride: int
    rate: float

    @property
    def cost(self) -> float:
        """Work, in patches."""
        return self.steps * self.height_px * self.width_px / self.stride**2


def plan(width_px: int, height_px: int, strength: float, steps: int | None) -> tuple[Level, ...]:
    """Levels for a picture, the coarsest first.

    The start is where strength acts (as GPDM's and SinGAN's starting scale): the coarser, the larger the forms that
    the style may move. It falls from the picture's own size to ``COARSEST_PX``, evenly in octaves.

    Args:
        width_px: Of the content.
        height_px: Of the content.
        strength: Above 0, to 1.
        steps: In all; None for what each size needs.
    """
    longer = max(width_px, height_px)
    finest = min(longer, FINEST_PX)
    at_full = min(finest, COARSEST_PX * math.sqrt(longer / min(width_px, height_px)))
    coarsest = finest * (at_full / finest) ** strength
    intervals = max(1, round(math.log(coarsest / finest) / math.log(_RATIO))) if coarsest < finest else 0
    sides = [finest * (coarsest / finest) ** (i / max(1, intervals)) for i in range(intervals, -1, -1)]
    wanted = [min(max(_STEPS_AT / side, _LEAST_STEPS), _MOST_STEPS) for side in sides]
    share = 1.0 if steps is None else steps / sum(wanted)
    levels = []
    for number, (side, count) in enumerate(zip(sides, wanted, strict=True)):
        height, width = (max(1, round(length * side / longer)) for length in (height_px, width_px))
        stride = min(max(1, math.ceil(math.sqrt(height * width / _PATCHES))), _WIDEST_STRIDE)
        # Half the rate at the two finest: what is stirred up there is not settled by any finer one, and shows as grain.
        rate = 0.2 if number >= len(sides) - 2 else 0.3
        levels.append(Level(height, width, max(1, round(count * share)), stride, rate))
    return tuple(levels)
