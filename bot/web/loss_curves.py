"""The losses of jobs as they run, for curves: what events have told, in this process' memory.

An event that nobody heard is a point that is missing, and nothing worse.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nicegui.element import Element

from bot.web.elements import put, put_text, tag
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


# Loss curves as inline SVG: a few lines need no charting library, and follow the page's colours.
_WIDTH, _HEIGHT = 640, 200
_LEFT, _BOTTOM = 52, 22
_DECADES = 5  # below that much under the highest value a curve runs along the bottom


class Chart:
    """A job's losses over its steps, on a logarithmic scale.

    Args:
        say: A sentence of the ``playground`` table.
        steps: Steps in all; 0 where it is not known yet.
    """

    def __init__(self, say: Callable[..., str], steps: int = 0) -> None:
        self._say = say
        self._paths: dict[str, Element] = {}
        self._values: dict[str, Element] = {}
        self.root = tag("figure", "curves")
        with self.root:
            self._picture = tag("svg", "chart", viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=say("curves"))
            with self._picture:
                self._grid = tag("g", "grid")
                for name in NAMES:
                    self._paths[name] = tag("path", f"curve {name}", d="")
            with tag("figcaption", "legend"):
                for name in NAMES:
                    with tag("span", f"key {name}"):
                        tag("span", "", say(f"loss_{name}"))
                        self._values[name] = tag("output", "", "–")
        self._steps = steps

    def draw(self, curve: Curve, steps: int = 0) -> None:
        """Show a curve as it is now.

        Args:
            curve: The job's.
            steps: Steps in all.
        """
        self._steps = max(steps, self._steps, curve.steps[-1])
        top, bottom = decades([value for values in curve.losses.values() for value in values])
        self._draw_grid(top, bottom)
        for name, values in curve.losses.items():
            put(self._paths[name], d=path(curve.steps, values, self._steps, (top, bottom)))
            put_text(self._values[name], f"{values[-1]:.3g}")
        shown = ", ".join(f"{self._say(f'loss_{name}')} {values[-1]:.3g}" for name, values in curve.losses.items())
        put(self._picture, aria_label=self._say("curves_at", step=curve.steps[-1], values=shown))

    def _draw_grid(self, top: int, bottom: int) -> None:
        self._grid.clear()
        with self._grid:
            for decade in range(bottom, top + 1):
                y = _y(10.0**decade, (top, bottom))
                tag("path", "line", d=f"M{_LEFT} {y:.1f}H{_WIDTH}")
                tag("text", "mark", f"{10.0**decade:g}", x=_LEFT - 8, y=f"{y + 4:.1f}", text_anchor="end")
            tag("text", "mark", "0", x=_LEFT, y=_HEIGHT - 4)
            label = self._say("curves_steps", steps=self._steps)
            tag("text", "mark", label, x=_WIDTH - 2, y=_HEIGHT - 4, text_anchor="end")


def decades(values: Sequence[float]) -> tuple[int, int]:
    """The powers of ten around values: ``(top, bottom)``, at least one and at most five apart."""
    positive = [value for value in values if value > 0] or [1.0]
    top = math.ceil(math.log10(max(positive)) - 1e-9)
    bottom = max(math.floor(math.log10(min(positive)) + 1e-9), top - _DECADES)
    return (top, min(bottom, top - 1))


def path(steps: Sequence[int], values: Sequence[float], of_steps: int, scale: tuple[int, int]) -> str:
    """An SVG path through the points.

    Args:
        steps: Steps, rising.
        values: One loss per step.
        of_steps: What the right edge stands for.
        scale: From ``decades``.
    """
    wide = (_WIDTH - _LEFT) / max(1, of_steps)
    points = [f"{_LEFT + step * wide:.1f} {_y(value, scale):.1f}" for step, value in zip(steps, values, strict=True)]
    return "M" + "L".join(points) if points else ""


def _y(value: float, scale: tuple[int, int]) -> float:
    top, bottom = scale
    height = (math.log10(max(value, 10.0**bottom)) - bottom) / (top - bottom)
    return 8 + (1 - height) * (_HEIGHT - _BOTTOM - 8)
