"""Painting with a network: by style vectors where it could be split, else whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nst.colour import transport_map
from nst.fast.batches import Passed
from nst.fast.load import WholeModule
from nst.fast.network import StyleNetwork
from nst.fast.style_vectors import StyleVectors, VectorStore, mixed, normalised, style_views
from nst.fast.tiling import Painter, bucketed, check
from nst.method import IsCancelled, Request
from nst.options import StyleOptions
from nst.pictures.decode import Picture


# What the fast method does at each strength.
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


Floats = NDArray[np.float32]
Advance = Callable[[float], None]

# Enough to know a style's colours by.
_COLOUR_SAMPLES = 65_536
_ROWS = 512


class Artist(Protocol):
    """Paints one picture in one or several styles."""

    @property
    def identity(self) -> str:
        """Of its weights."""

    def paint(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        advance: Advance,
        cancelled: IsCancelled,
    ) -> Floats:
        """The pastiche's pixels, ``[h, w, 3]`` float32 0..1, of the content's size; strength is above 0."""


class VectorArtist:
    """Paints by style vectors.

    Args:
        network: A network in two halves.
        cache: Where its vectors are kept.

    Attributes:
        network: The network.
        vectors: Its vectors of pictures.
    """

    def __init__(self, network: StyleNetwork, cache: VectorStore) -> None:
        self.identity = network.identity
        self.network = network
        self.vectors = StyleVectors(network, cache)
        self._painter = Painter(network)

    def paint(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        advance: Advance,
        cancelled: IsCancelled,
    ) -> Floats:
        """See ``Artist``. Strength moves the vector, see ``fast_strength.plan``."""
        vector = self._vector(content, styles, options, cancelled)
        painted = self._painter.paint(content.rgb, vector, advance, cancelled)
        return _faded(content, styles, options, painted)

    def paint_batch(self, requests: Sequence[Request], cancelled: IsCancelled, passed: Passed) -> list[Floats | None]:
        """``paint`` for those of several pictures that can share a pass; None for the others.

        Args:
            requests: Strength above 0; each gets a vector of its own.
            cancelled: Asked before each vector and each pass.
            passed: Told how many pictures each pass held.
        """
        vectors = [self._vector(one.content, one.styles, one.options, cancelled) for one in requests]
        painted = self._painter.paint_batch([one.content.rgb for one in requests], vectors, cancelled, passed)
        return [
            None if rgb is None else _faded(one.content, one.styles, one.options, rgb)
            for one, rgb in zip(requests, painted, strict=True)
        ]

    def _vector(
        self, content: Picture, styles: Sequence[Picture], options: StyleOptions, cancelled: IsCancelled
    ) -> Floats:
        recipe = plan(options.strength)
        vector = mixed([self.vectors.of(style, options.style_scale) for style in styles], options.style_weights)
        check(cancelled)
        if recipe.vector < 1:
            vector = mixed([self.vectors.of(content), vector], [1 - recipe.vector, recipe.vector])
        return vector


class WholeArtist:
    """Paints with a module that could not be split: strength and mixes are blends of pixels.

    Args:
        module: A module that is called whole.
    """

    def __init__(self, module: WholeModule) -> None:
        self.identity = module.identity
        self._module = module

    def paint(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        advance: Advance,
        cancelled: IsCancelled,
    ) -> Floats:
        """See ``Artist``."""
        shares = normalised(options.style_weights, len(styles))
        total = np.zeros_like(content.rgb)
        for number, (style, share) in enumerate(zip(styles, shares, strict=True)):
            check(cancelled)
            total += np.float32(share) * self._one(content.rgb, style, options.style_scale)
            advance((number + 1) / len(styles))
        return _blend(content.rgb, np.clip(total, 0, 1), options.strength)

    def _one(self, rgb: Floats, style: Picture, scale: float) -> Floats:
        views = style_views(style, scale)
        height, width = rgb.shape[:2]
        return self._module(bucketed(rgb)[None], views[len(views) // 2][None])[0, :height, :width]


def _faded(content: Picture, styles: Sequence[Picture], options: StyleOptions, painted: Floats) -> Floats:
    """What the network painted, as far as the strength wants it; the rest is the recoloured content."""
    recipe = plan(options.strength)
    if recipe.network == 1:
        return painted
    colours = transport_map(_samples(content.rgb, _COLOUR_SAMPLES), _pooled(styles, options.style_weights))
    for row in range(0, len(painted), _ROWS):  # bounds the memory that a big picture takes
        rows = slice(row, row + _ROWS)
        base = content.rgb[rows]
        base = _blend(base, np.clip(colours(base), 0, 1), recipe.colour)
        painted[rows] = _blend(base, painted[rows], recipe.network)
    return painted


def _blend(first: Floats, second: Floats, share: float) -> Floats:
    """``first`` at 0, ``second`` at 1."""
    return first + np.float32(share) * (second - first) if share < 1 else second


def _pooled(styles: Sequence[Picture], weights: Sequence[float]) -> Floats:
    """Pixels of all styles in proportion to their weights, ``[n, 3]``: the colours of the mix."""
    shares = normalised(weights, len(styles))
    counts = [round(share * _COLOUR_SAMPLES) for share in shares]
    return np.concatenate([_samples(style.rgb, n) for style, n in zip(styles, counts, strict=True) if n])


def _samples(rgb: Floats, count: int) -> Floats:
    """``[count, 3]``: pixels spread evenly over the picture."""
    pixels = rgb.reshape(-1, 3)
    return pixels[np.linspace(0, len(pixels) - 1, count).astype(np.intp)]
