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
    photograph, and for small w the network is further from the content *and* further from the style
    than a mere transport of colours. So the low end starts from the photograph with its colours on the way to
    the style's and fades the network in.

    Args:
        strength: 0..1.

    Returns:
        Zeros for 0, where the input's pixels come back, and a pure vector for 1.
    """
    return Plan(0.3 + 0.7 * strength, _smooth(strength / 0.9), min(1.0, strength / 0.3))


def _smooth(x: float) -> float:
    x = min(1.0, max(0.0, x))
    return x * x * (3 - 2 * x)
