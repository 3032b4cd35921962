"""The pad of the style mixer: up to four styles around a square, and a point that says how much of each.

two      A ─────── B          three    A ── B          four    A ── B
         only x counts                 └ C ┘                   C ── D
"""

from __future__ import annotations


def mixing_weights(styles: int, x: float, y: float) -> tuple[float, ...]:
    """The styles' weights at a point of the pad.

    Args:
        styles: One to four.
        x: 0 is left, 1 is right.
        y: 0 is top, 1 is bottom.

    Returns:
        One weight per style, 0..1, summing to 1: bilinear in x and y; with three styles, the third one has the
        whole lower edge.
    """
    left, right, top = 1 - x, x, 1 - y
    if styles == 1:
        weights: tuple[float, ...] = (1.0,)
    elif styles == 2:
        weights = (left, right)
    elif styles == 3:
        weights = (left * top, right * top, y)
    else:
        weights = (left * top, right * top, left * y, right * y)
    return tuple(round(weight, 4) for weight in weights)


def mixing_place(weights: tuple[float, ...]) -> tuple[float, float]:
    """A point of the pad for weights that came from elsewhere, such as a recipe.

    Args:
        weights: One to four, normalised or not, not all 0.

    Returns:
        ``(x, y)``; exact for weights that the pad can give, near for others.
    """
    shares = [weight / sum(weights) for weight in weights]
    shares += [0.0] * (4 - len(shares))
    if len(weights) == 3:
        upper = shares[0] + shares[1]
        return (shares[1] / upper if upper else 0.5, shares[2])
    return (shares[1] + shares[3], shares[2] + shares[3] if len(weights) > 2 else 0.5)
