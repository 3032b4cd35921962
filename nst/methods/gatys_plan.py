"""How a job goes from coarse to fine: the sizes, and the steps at each."""

from __future__ import annotations

from dataclasses import dataclass

COARSE_SIDE_PX = 256
SINGLE_SCALE_BELOW_PX = 400  # measured: below this a coarse start gains nothing
_RATIO = 2**0.5
_STEPS = (36, 24, 16, 12, 10)  # coarse to fine; the last for all that follow
_SINGLE_SCALE_STEPS = 48


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
