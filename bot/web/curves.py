"""The losses of jobs as they run, for curves: what events have told, in this process' memory.

An event that nobody heard is a point that is missing, and nothing worse.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from workers.contract import Event

NAMES = ("content", "style", "total_variation", "total")
_JOBS = 200
_POINTS = 400


@dataclass
class Curve:
    """One job's losses.

    Attributes:
        steps: Steps, rising.
        losses: By name of ``NAMES``, one value per step.
    """

    steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in NAMES})

    def add(self, step: int, losses: Mapping[str, float]) -> None:
        """Add a point, unless it is older than the last one; of too many, every second one goes."""
        if self.steps and step <= self.steps[-1]:
            return
        self.steps.append(step)
        for name in NAMES:
            self.losses[name].append(float(losses.get(name, 0.0)))
        if len(self.steps) > _POINTS:
            self.steps = self.steps[::2]
            self.losses = {name: values[::2] for name, values in self.losses.items()}


class Curves:
    """The curves of the jobs that were heard of last."""

    def __init__(self) -> None:
        self._curves: OrderedDict[str, Curve] = OrderedDict()

    def hear(self, event: Event) -> None:
        """Take a point from a progress event, if it has losses."""
        if not event.losses or not event.step:
            return
        curve = self._curves.setdefault(event.job_id, Curve())
        self._curves.move_to_end(event.job_id)
        curve.add(event.step, event.losses)
        while len(self._curves) > _JOBS:
            self._curves.popitem(last=False)

    def of(self, job_id: str) -> Curve | None:
        """A job's curve, or None if no point of it was heard."""
        return self._curves.get(job_id)
