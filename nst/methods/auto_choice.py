"""Which method ``auto`` takes, and why: one sentence's code for each case.

Gatys is the reference where a style has texture to give; its colours are too strong, and its strokes sit badly, where
there is little: there other methods do better. The thresholds stand between groups of pictures that people would
name so; ``tests/nst/methods/test_auto.py`` holds them against named pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nst.images import Picture
from nst.methods.auto_measure import Measure, measure

_TEXTURED = 0.034  # everywhere: brushwork, dots, tiles, engravings
_FAINTLY_TEXTURED = 0.02  # everywhere, if
_NOWHERE_CALM = 0.025  # no more of it than this is calm: soft brushwork
_SMOOTH = 0.019  # everywhere: photographs, smooth paintings
_EDGES = 0.09  # typical: a poster, flat and yet full of edges
_POSTER_COLOURS = 8
_CALM_CONTENT = 0.45  # share of a photograph that is sky, night or blur


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        method: One of ``nst.options.METHODS``.
        reason: Code of a notice.
    """

    method: str
    reason: str


def choose(content: Picture, styles: Sequence[Picture], shares: Sequence[float]) -> Choice:
    """Measure the pictures and take a method.

    Args:
        content: Content image.
        styles: One to four style images; the heaviest decides.
        shares: Their weights.
    """
    heaviest = max(range(len(styles)), key=lambda number: shares[number])
    return decide(measure(content), measure(styles[heaviest]))


def decide(content: Measure, style: Measure) -> Choice:
    """The rule alone.

    Args:
        content: Of the content image.
        style: Of the style image.
    """
    faintly = style.everywhere >= _FAINTLY_TEXTURED and style.calm <= _NOWHERE_CALM
    if style.everywhere >= _TEXTURED or faintly:
        return Choice("gatys", "auto_textured")
    poster = style.typical >= _EDGES and style.colours <= _POSTER_COLOURS
    if style.everywhere < _SMOOTH and not poster:
        return Choice("palette", "auto_smooth")
    if content.calm >= _CALM_CONTENT and not poster:
        return Choice("palette", "auto_calm")
    return Choice("fast", "auto_forms")
