"""How a job goes from coarse to fine: the sizes, and the steps at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

COARSE_SIDE_PX = 256
SMALLEST_SIDE_PX = COARSE_SIDE_PX // 2  # of a pastiche that still shows strokes when it is enlarged
SINGLE_SCALE_BELOW_PX = 400  # measured: below this a coarse start gains nothing
_RATIO = 2**0.5
_STEPS = (24, 16, 12, 10, 8)  # coarse to fine; the last for all that follow
_SINGLE_SCALE_STEPS = 32


@dataclass(frozen=True)
class Scale:
    """One size of the plan.

    Attributes:
        height_px: Of the picture worked on.
        width_px: Of the picture worked on.
        steps: Steps at this size.
    """

    height_px: int
    width_px: int
    steps: int

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height_px * self.width_px


def plan_scales(width_px: int, height_px: int, steps: int | None, min_side_px: int) -> tuple[Scale, ...]:
    """Plan a job.

    Args:
        width_px: Of the content.
        height_px: Of the content.
        steps: Steps in all; None for the default, which grows slowly with the size.
        min_side_px: Smallest side that the extractor can look at; smaller pictures are worked on enlarged.

    Returns:
        Coarse to fine; the last is the content's own size, or larger where that is too small for the extractor.
    """
    width, height = _worked_on(width_px, height_px, min_side_px)
    factors = [1.0]
    if max(width_px, height_px) >= SINGLE_SCALE_BELOW_PX:
        while max(width, height) * factors[-1] / _RATIO >= COARSE_SIDE_PX * 0.98:
            factors.append(factors[-1] / _RATIO)
    sizes = [(round(height * factor), round(width * factor)) for factor in reversed(factors)]
    sizes = [size for size in sizes if min(size) >= min_side_px] or [(height, width)]
    shares = [_STEPS[min(index, len(_STEPS) - 1)] for index in range(len(sizes))]
    if len(sizes) == 1:
        shares = [_SINGLE_SCALE_STEPS]
    if steps is not None:
        sizes = sizes[-steps:]
        shares = _divide(steps, shares[: len(sizes)])
    return tuple(Scale(h, w, n) for (h, w), n in zip(sizes, shares, strict=True))


def plan_one_scale(width_px: int, height_px: int, steps: int, min_side_px: int) -> Scale:
    """The paper's plan: all steps at the content's own size, enlarged only where the extractor needs it."""
    width, height = _worked_on(width_px, height_px, min_side_px)
    return Scale(height, width, steps)


def one_size_down(plan: Sequence[Scale], at: int) -> tuple[Scale, ...]:
    """The plan after memory ran out at one of its sizes: it ends with the size before.

    Args:
        plan: Coarse to fine.
        at: Index of the size that did not fit.

    Returns:
        Without that size and all larger ones; where it was the first, that size alone at 1/√2 of its sides.
    """
    if at > 0:
        return tuple(plan[:at])
    return (limited(plan[:1], round(max(plan[0].height_px, plan[0].width_px) / _RATIO))[0],)


def limited(plan: Sequence[Scale], side_px: int) -> tuple[Scale, ...]:
    """The plan with no side longer than ``side_px``; what was larger ends at that size, with the last one's steps."""
    fitting = [scale for scale in plan if max(scale.height_px, scale.width_px) <= side_px]
    if len(fitting) == len(plan):
        return tuple(plan)
    last = plan[-1]
    share = side_px / max(last.height_px, last.width_px)
    size = (max(1, round(last.height_px * share)), max(1, round(last.width_px * share)))
    steps = plan[len(fitting)].steps
    return (*fitting, Scale(*size, steps))


def _worked_on(width_px: int, height_px: int, min_side_px: int) -> tuple[int, int]:
    enlarge = max(1.0, min_side_px / min(width_px, height_px))
    return round(width_px * enlarge), round(height_px * enlarge)


def _divide(total: int, shares: list[int]) -> list[int]:
    """``total`` in proportion to ``shares``, each at least 1, the rounding left to the first."""
    parts = [max(1, round(total * share / sum(shares))) for share in shares]
    parts[0] += total - sum(parts)
    while parts[0] < 1:
        parts[parts.index(max(parts))] -= 1
        parts[0] += 1
    return parts
