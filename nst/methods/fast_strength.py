"""What the fast method does at each strength."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """How a strength is made; each number 0..1.

    Attributes:
        vector: Where the vector lies between the content's own (0) and the style's (1).
        network: The network's share of the pixels; the rest is the recoloured content.
        colour: How far the content's colours are moved to the style's in that rest.
    """

    vector: float
    network: float
    colour: float


def plan(strength: float) -> Plan:
    """The recipe of a strength.

    Magenta moves the vector alone, ``identity * (1 - w) + style * w``. But w = 0 is not yet the
    photograph, and below about 0.6 the network is further from the content *and* further from the style than
    a mere transport of colours. So the low end is the photograph with its colours on the way to the style's; the
    network fades in faster than in proportion, its vector on the way from 0.6 to the style's own.

    The exponent and the ends are chosen so that style distance falls and content distance rises with every
    step; ``bench/fast_strength.py`` measures it.

    Args:
        strength: 0..1.

    Returns:
        No network and no colour for 0, where the input's pixels come back; the style's vector alone for 1.
    """
    return Plan(0.6 + 0.4 * strength, strength**1.5, min(1.0, strength / 0.5))
