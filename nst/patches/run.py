"""One job of the patches method: from the coarsest size to the finest, a step at a time."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nst.colour import guided_filter, keep_colours, luma
from nst.errors import Cancelled
from nst.method import IsCancelled, Pastiche, Progress, Report, never_cancelled, no_report
from nst.options import StyleOptions
from nst.patches.distance import gradient
from nst.patches.pictures import Material, prepare_material, resized
from nst.pictures.decode import Picture
from nst.run_state import pack, unpack

# The sizes through which the patches method goes, coarse to fine, and how long it stays at each.
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


Floats = NDArray[np.float32]

_MOMENTUM = np.float32(0.8)
# Part of the content's detail that each finer size gets, at strength 1; nearer to all of it below.
_DETAIL = 0.45
# How hard the target holds every pixel, against the patches' wishes: else they take whole faces apart.
_HOLD = np.float32(0.025)
_CHROMA_RADIUS_PX = 2
_CHROMA_NOISE = 1e-3


class Run:
    """A pastiche under way; a ``nst.method.Run``.

    Gradient descent with momentum on the sliced Wasserstein distance of patches. Departures from GPDM, which makes
    new pictures and has no content to keep: the content in the style's colours is the start; its Laplacian is
    re-injected in part at every finer size (as much as strength leaves); descent is not Adam's, which blows faint
    gradients up to grain; and after each size the colours are smoothed along the edges of the brightness, because
    random directions leave a little noise in every channel, and only that in colours is ugly.

    Args:
        content: Content image.
        styles: One to four style images.
        options: What the user chose; strength above 0.

    Raises:
        UserError: See ``prepare_material``.
    """

    def __init__(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> None:
        self._options = options
        self._material: Material = prepare_material(content, styles, options)
        self._levels = plan(content.width_px, content.height_px, options.strength, options.steps)
        self._digest = _digest(content, styles, options)
        self._level = self._step = 0
        self._rgb = self._velocity = np.zeros((0, 0, 3), np.float32)
        self._enter(None)

    @property
    def steps(self) -> int:
        """Steps in all."""
        return sum(level.steps for level in self._levels)

    def advance(
        self,
        budget_s: float | None = None,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> bool:
        """Go on for about ``budget_s``, or to the end; at least a step.

        Returns:
            Whether the work is done.

        Raises:
            Cancelled: ``cancelled()`` was true.
        """
        until_s = None if budget_s is None else time.monotonic() + budget_s
        while self._level < len(self._levels):
            if cancelled():
                raise Cancelled
            self._advance_once()
            report(self._progress())
            if until_s is not None and time.monotonic() >= until_s:
                break
        return self._level == len(self._levels)

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        return Pastiche(self.picture(), "patches")

    def state(self) -> bytes:
        """All that another process needs to go on."""
        place = {"level": self._level, "step": self._step}
        return pack(self._digest, place, {"rgb": self._rgb, "velocity": self._velocity})

    def restore(self, state: bytes) -> None:
        """Stand where another run stood.

        Raises:
            StateError: The state is of another job or release.
        """
        place, arrays = unpack(state, self._digest)
        self._level, self._step = place["level"], place["step"]
        self._rgb, self._velocity = arrays["rgb"], arrays["velocity"]
        if self._level < len(self._levels):
            self._look()

    def picture(self) -> Picture:
        """The pastiche, or how far it is, of the content's size."""
        content = self._material.content
        made = self._with_detail(self._rgb, content.height_px, content.width_px)
        if self._options.colours == "keep":
            made = keep_colours(content.rgb, made)
        # The rest of strength's way, as ``palette`` goes it: forms stand where the content has them.
        way = np.float32(self._options.strength**0.5)
        return Picture((content.rgb + way * (made - content.rgb)).clip(0, 1), content.alpha)

    def _advance_once(self) -> None:
        level = self._levels[self._level]
        rng = np.random.default_rng((self._options.seed, self._level, self._step))
        slope = gradient(self._rgb, self._seen, self._patches, level.stride, rng)
        slope += _HOLD * (self._rgb - self._target)
        self._velocity = _MOMENTUM * self._velocity + slope
        rate = level.rate * min(1.0, 2 * (1 - self._step / level.steps) + 0.1)
        self._rgb = (self._rgb - np.float32(rate) * self._velocity).clip(0, 1)
        self._step += 1
        if self._step == level.steps:
            self._level, self._step = self._level + 1, 0
            self._enter(_calmed(self._rgb))

    def _enter(self, coarser: Floats | None) -> None:
        """Begin a size, from the coarser one's picture where there was one."""
        if self._level == len(self._levels) and coarser is not None:
            self._rgb, self._velocity = coarser, coarser[:0]
            return
        level = self._levels[self._level]
        if coarser is None:
            self._rgb = self._material.target_at(level.height_px, level.width_px)
        else:
            self._rgb = self._with_detail(coarser, level.height_px, level.width_px)
        self._velocity = np.zeros_like(self._rgb)
        self._look()

    def _look(self) -> None:
        """What a size's steps look at."""
        level = self._levels[self._level]
        rng = np.random.default_rng((self._options.seed, self._level))
        self._patches = self._material.patches_at(max(level.height_px, level.width_px), rng)
        self._target = self._material.target_at(level.height_px, level.width_px)
        self._seen = self._material.seen_at(level.height_px, level.width_px)

    def _with_detail(self, rgb: Floats, height_px: int, width_px: int) -> Floats:
        """A picture at a finer size, with the content's detail that it could not have: a level of its Laplacian."""
        if rgb.shape[:2] == (height_px, width_px):
            return rgb
        target = self._material.target_at(height_px, width_px)
        coarse = resized(resized(self._material.target, *rgb.shape[:2]), height_px, width_px)
        kept = np.float32(1 - (1 - _DETAIL) * self._options.strength)
        return (resized(rgb, height_px, width_px) + kept * (target - coarse)).clip(0, 1)

    def _progress(self) -> Progress:
        costs = [level.cost for level in self._levels]
        step = sum(level.steps for level in self._levels[: self._level]) + self._step
        under_way = 0.0 if self._step == 0 else costs[self._level] * self._step / self._levels[self._level].steps
        fraction = 1.0 if step == self.steps else (sum(costs[: self._level]) + under_way) / sum(costs)
        return Progress(min(fraction, 1.0), step, self.steps, self.picture)


def _calmed(rgb: Floats) -> Floats:
    """Colours smoothed where the brightness is, [h, w, 3]."""
    bright = luma(rgb)
    chroma = rgb - bright[..., None]
    calm: Floats = bright[..., None] + guided_filter(bright, chroma, _CHROMA_RADIUS_PX, _CHROMA_NOISE)
    return calm.clip(0, 1)


def _digest(content: Picture, styles: Sequence[Picture], options: StyleOptions) -> str:
    """Identity of a job, for its states."""
    known = hashlib.sha256(repr(sorted(options.as_dict().items())).encode())
    for picture in (content, *styles):
        for plane in (picture.rgb, picture.alpha):
            known.update(b"none" if plane is None else repr(plane.shape).encode() + plane.tobytes())
    return known.hexdigest()
