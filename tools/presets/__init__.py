"""The built-in presets' code: one module per style, all in one table.

Needs numpy, scipy and Pillow (the worker's libraries). Every drawing follows from its seed alone.
"""

from collections.abc import Callable
from typing import NamedTuple

from tools.presets import (
    autumn_impasto,
    azulejo,
    cubist,
    engraving,
    ink_wash,
    kilim,
    linocut,
    marbling,
    mosaic,
    neon_rain,
    op_art,
    peacock,
    pointillism,
    risograph,
    stained_glass,
    starry_strokes,
    watercolour,
    woodblock_waves,
)
from tools.presets.fields import Field


class Drawing(NamedTuple):
    """How a style is drawn.

    Attributes:
        draw: From a side in pixels and a seed to a picture, (side, side, 3) float32 in 0..1.
        seed: The shipped picture's seed, chosen by eye.
    """

    draw: Callable[[int, int], Field]
    seed: int


DRAWINGS: dict[str, Drawing] = {
    "woodblock-waves": Drawing(woodblock_waves.draw, 7),
    "starry-strokes": Drawing(starry_strokes.draw, 7),
    "stained-glass": Drawing(stained_glass.draw, 7),
    "watercolour": Drawing(watercolour.draw, 7),
    "pointillism": Drawing(pointillism.draw, 7),
    "ink-wash": Drawing(ink_wash.draw, 5),
    "mosaic": Drawing(mosaic.draw, 7),
    "autumn-impasto": Drawing(autumn_impasto.draw, 7),
    "linocut": Drawing(linocut.draw, 6),
    "marbling": Drawing(marbling.draw, 5),
    "engraving": Drawing(engraving.draw, 7),
    "peacock": Drawing(peacock.draw, 7),
    "risograph": Drawing(risograph.draw, 7),
    "op-art": Drawing(op_art.draw, 7),
    "cubist": Drawing(cubist.draw, 4),
    "azulejo": Drawing(azulejo.draw, 7),
    "kilim": Drawing(kilim.draw, 7),
    "neon-rain": Drawing(neon_rain.draw, 7),
}
