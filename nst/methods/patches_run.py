"""One job of the patches method: from the coarsest size to the finest, a step at a time."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nst.colour import guided_filter, keep_colours, luma
from nst.errors import Cancelled
from nst.images import Picture
from nst.method import IsCancelled, Pastiche, Progress, Report, never_cancelled, no_report
from nst.methods.gatys_state import pack, unpack
from nst.methods.patches_distance import gradient
from nst.methods.patches_pictures import Material, prepare_material, resized
from nst.methods.patches_plan import plan
from nst.options import StyleOptions

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
