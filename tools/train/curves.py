"""Training curves as a picture, drawn with Pillow alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

_WIDTH, _HEIGHT, _MARGIN = 640, 260, 44
_INK, _GRID = (40, 40, 40), (225, 225, 225)
_COLOURS = ((31, 119, 180), (214, 39, 40), (44, 160, 44), (148, 103, 189), (255, 127, 14))
History = Sequence[Mapping[str, float]]


def draw_curves(histories: Mapping[str, History], file: Path) -> None:
    """One panel for each run, losses over steps with a logarithmic axis, saved as a picture.

    Args:
        histories: by the run's name, rows of {"step", "elapsed_s", losses...}.
        file: the picture to write.
    """
    drawn = {name: history for name, history in histories.items() if len(history) > 1}
    picture = Image.new("RGB", (_WIDTH, max(1, len(drawn)) * _HEIGHT), "white")
    for number, (name, history) in enumerate(drawn.items()):
        _panel(ImageDraw.Draw(picture), number * _HEIGHT, name, history)
    file.parent.mkdir(parents=True, exist_ok=True)
    picture.save(file)


def _panel(draw: ImageDraw.ImageDraw, top: int, name: str, history: History) -> None:
    losses = [key for key in history[0] if key not in ("step", "elapsed_s")]
    values = np.log10([[max(row[key], 1e-6) for key in losses] for row in history])
    low, high = float(np.floor(values.min() * 4) / 4), float(np.ceil(values.max() * 4) / 4)
    last = history[-1]
    title = f"{name}: {last['step']:.0f} steps, {last['elapsed_s'] / 60:.0f} min"
    draw.text((_MARGIN, top + 6), title, fill=_INK)
    _grid(draw, top, low, high)
    for number, key in enumerate(losses):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [
            (_across(row["step"] / last["step"]), _down(top, (value - low) / max(high - low, 1e-9)))
            for row, value in zip(history, values[:, number], strict=True)
        ]
        draw.line(points, fill=colour, width=2)
        draw.text((_WIDTH - 190, top + 24 + 14 * number), f"{key} {last[key]:.4f}", fill=colour)


def _grid(draw: ImageDraw.ImageDraw, top: int, low: float, high: float) -> None:
    for level in np.arange(low, high + 1e-9, max(0.25, (high - low) / 6)):
        y = _down(top, (level - low) / max(high - low, 1e-9))
        draw.line([(_MARGIN, y), (_WIDTH - 8, y)], fill=_GRID)
        draw.text((4, y - 6), f"{10**level:.3g}", fill=_INK)


def _across(share: float) -> float:
    return _MARGIN + share * (_WIDTH - _MARGIN - 8)


def _down(top: int, share: float) -> float:
    return top + _HEIGHT - 12 - share * (_HEIGHT - 40)
