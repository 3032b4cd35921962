"""One job of the SinGAN method, in slices: it can be advanced, looked at, saved, and gone on with elsewhere."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace

import numpy as np

from nst.errors import Cancelled
from nst.method import IsCancelled, Pastiche, Progress, Report, Request, never_cancelled, no_report
from nst.pictures.decode import Picture, fit
from nst.run_state import StateError, pack, unpack
from nst.singan.painting import Place, paint
from nst.singan.pyramid import VERSION, Budget, Pyramid
from nst.singan.step import Iterate
from nst.singan.store import PyramidStore
from nst.singan.training import Training, pyramid_key

_PREVIEW_SIDE_PX = 320
_TRAINING_SHARE = 0.97  # of the work; the rest is painting


class Run:
    """A pastiche under way; a ``nst.method.Run``, made by ``SinGan.begin``.

    Args:
        request: Pictures and options.
        budget: Of each style's training.
        place: Where the content is injected.
        iterate: ``singan_step.make_iterate``'s.
        store: Where trained pyramids are looked for and kept.
    """

    def __init__(
        self,
        request: Request,
        budget: Budget,
        place: Place,
        iterate: Iterate,
        store: PyramidStore,
    ) -> None:
        self._content, self._styles = request.content, [_opaque(style) for style in request.styles]
        self._options, self._budget, self._place, self._store = request.options, budget, place, store
        self._keys = [pyramid_key(style.rgb, budget) for style in self._styles]
        self._pyramids = [_kept(store, key) for key in self._keys]
        self._trainings = [Training(style.rgb, budget, iterate) for style in self._styles]
        self._made: Picture | None = None
        self._spent_s = self._spent_work = 0.0
        self._warm = False

    @property
    def done(self) -> bool:
        """Whether the pastiche is painted."""
        return self._made is not None

    @property
    def fraction(self) -> float:
        """Share of the work done, 0..1."""
        if self.done:
            return 1.0
        untrained = self._work_left
        whole = sum(training.work for training in self._trainings)
        return _TRAINING_SHARE * (1.0 - untrained / whole)

    @property
    def eta_s(self) -> float:
        """Seconds to the end, by what the iterations so far took; -1 before the second."""
        if self.done:
            return 0.0
        if not self._spent_work:
            return -1.0
        return self._work_left * self._spent_s / self._spent_work

    @property
    def _work_left(self) -> float:
        return sum(training.work - training.work_done for training in self._waiting)

    @property
    def _waiting(self) -> list[Training]:
        pairs = zip(self._trainings, self._pyramids, strict=True)
        return [training for training, pyramid in pairs if pyramid is None]

    def advance(
        self,
        budget_s: float | None = None,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> bool:
        """Go on, at least one step unless the run is done: an iteration of training, or the painting.

        Args:
            budget_s: Stop after the step during which this many seconds have passed; None to go to the end.
            report: Told about every step.
            cancelled: Asked before every step.

        Returns:
            Whether the run is done.

        Raises:
            Cancelled: ``cancelled()`` was true.
        """
        start_s = time.monotonic()
        while not self.done:
            if cancelled():
                raise Cancelled
            self._one_step()
            report(self.progress())
            if budget_s is not None and time.monotonic() - start_s >= budget_s:
                break
        return self.done

    def _one_step(self) -> None:
        index = next((i for i, pyramid in enumerate(self._pyramids) if pyramid is None), None)
        if index is None:
            self._made = self._painted(self._content)
            return
        training, before = self._trainings[index], self._trainings[index].work_done
        began_s = time.monotonic()
        training.advance()
        if self._warm:  # the first iteration traces
            self._spent_s += time.monotonic() - began_s
            self._spent_work += training.work_done - before
        self._warm = True
        if training.done:
            self._pyramids[index] = training.pyramid()
            self._store.put(self._keys[index], training.pyramid().as_bytes())

    def learn(self, report: Report, cancelled: IsCancelled) -> list[Pyramid]:
        """Train what is untrained, and paint nothing.

        Args:
            report: Told about every iteration.
            cancelled: Asked before every iteration.

        Returns:
            One pyramid per style.

        Raises:
            Cancelled: ``cancelled()`` was true.
        """
        while self._waiting:
            if cancelled():
                raise Cancelled
            self._one_step()
            report(self.progress())
        return [pyramid for pyramid in self._pyramids if pyramid]

    def progress(self) -> Progress:
        """Where the run stands; its preview is painted with what is trained, and smaller."""
        training = self._waiting[0] if self._waiting else self._trainings[-1]
        steps = 1 + sum(training.iterations for training in self._trainings)
        left = sum(training.iterations - training.done_iterations for training in self._waiting)
        step = steps - left - (0 if self.done else 1)
        return Progress(self.fraction, step, steps, self._preview, dict(training.losses), self.eta_s)

    def _preview(self) -> Picture:
        small = fit(replace(self._content, alpha=None), _PREVIEW_SIDE_PX)
        if self._content.alpha is not None:
            small = fit(self._content, _PREVIEW_SIDE_PX)
        return self._painted(small)

    def picture(self) -> Picture:
        """The pastiche, or what it would be with what is trained."""
        return self._made or self._painted(self._content)

    def _painted(self, content: Picture) -> Picture:
        pairs = zip(self._pyramids, self._trainings, strict=True)
        pyramids = [pyramid or training.pyramid() for pyramid, training in pairs]
        rgb = paint(pyramids, content, self._styles, self._options, self._place)
        if content.alpha is not None:
            rgb = content.rgb + content.alpha[..., None] * (rgb - content.rgb)
        return Picture(rgb.clip(0, 1).astype(np.float32), None)

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        model = f"singan-{VERSION}:{self._budget.side_px}:{self._budget.iterations}"
        return Pastiche(self.picture(), "singan", model)

    def state(self) -> bytes:
        """All that another process needs to go on, besides the pictures and options: an ``.npz``, no pickle."""
        parts = {}
        for index, (pyramid, training) in enumerate(zip(self._pyramids, self._trainings, strict=True)):
            name, data = ("pyramid", pyramid.as_bytes()) if pyramid else ("training", training.state())
            parts[f"{name}{index}"] = np.frombuffer(data, np.uint8)
        return pack(self.digest(), {}, parts)

    def restore(self, data: bytes) -> None:
        """Go on where ``state`` was taken.

        Raises:
            StateError: Not a state, or one of other pictures, options or release.
        """
        _, parts = unpack(data, self.digest())
        for index, training in enumerate(self._trainings):
            if f"pyramid{index}" in parts:
                self._pyramids[index] = Pyramid.from_bytes(parts[f"pyramid{index}"].tobytes())
            elif self._pyramids[index] is None:
                training.restore(parts[f"training{index}"].tobytes())

    def digest(self) -> str:
        """Identity of the job: pictures, options, budget."""
        seen = hashlib.sha256(repr((self._options, self._keys, self._content.rgb.shape)).encode())
        for part in (self._content.rgb, self._content.alpha):
            if part is not None:
                seen.update(np.ascontiguousarray(part).data)
        return seen.hexdigest()


def _kept(store: PyramidStore, key: str) -> Pyramid | None:
    data = store.get(key)
    if data is None:
        return None
    try:
        return Pyramid.from_bytes(data)
    except StateError:
        return None


def _opaque(style: Picture) -> Picture:
    """A style without holes: what is hidden gets the mean of what is seen, as ``images.decode`` does it."""
    if style.alpha is None or not (style.alpha > 0).any():
        return replace(style, alpha=None)
    seen = style.rgb[style.alpha > 0].mean(axis=0)
    return Picture(np.where(style.alpha[..., None] > 0, style.rgb, seen).astype(np.float32), None)
