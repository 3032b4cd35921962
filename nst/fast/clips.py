"""A clip by the fast method: one style vector and one set of statistics for all of its frames.

An instance norm takes its statistics from the picture that it sees. In a clip that would let every frame's
brightness and contrast follow its own content, so they are measured once, on a sheet of frames spread over the clip,
as tiling takes them from a thumbnail (Chen et al. 2021, URST, section 3.2). One sheet for the whole clip, not one
for each scene: two sides of a cut are painted by the same rule, each somewhat lighter or flatter than alone, and
nothing jumps where a cut is missed or seen too often.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from nst.colour import keep_colours, transport, transport_map
from nst.fast.artists import Artist, VectorArtist, plan
from nst.fast.network import StyleNetwork
from nst.fast.style_vectors import StyleVectors, mixed, normalised
from nst.fast.tiling import bucketed
from nst.method import Notice, never_cancelled
from nst.options import StyleOptions
from nst.pictures.decode import Picture, resize

Floats = NDArray[np.float32]

_SHEET_PX = 1024 * 1024
_LEAST_SIDE_PX = 64
_COLOUR_SAMPLES = 65_536


class VectorClip:
    """Paints a clip's frames by style vectors; a ``nst.pictures.clip_painting.ClipPainter``.

    Args:
        network: In two halves.
        vectors: Of that network.
        samples: Frames spread over the clip.
        styles: One to four style images.
        options: What the user chose; strength is above 0.
        notices: What the user should know of the network.
    """

    method = "fast"

    def __init__(
        self,
        network: StyleNetwork,
        vectors: StyleVectors,
        samples: Sequence[Picture],
        styles: Sequence[Picture],
        options: StyleOptions,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        self.model = network.identity
        self.notices = notices
        self._network, self._options = network, options
        self._plan = plan(options.strength)
        sheet = sheet_of(samples)
        if options.colours == "match":
            styles = [Picture(transport(style.rgb, sheet), style.alpha) for style in styles]
        vector = mixed([vectors.of(style, options.style_scale) for style in styles], options.style_weights)
        if self._plan.vector < 1:
            own = mixed([vectors.of(sample) for sample in samples], [1.0] * len(samples))
            vector = mixed([own, vector], [1 - self._plan.vector, self._plan.vector])
        self._vector = vector
        self._statistics = network.norm_statistics(bucketed(sheet)[None], vector)
        self._recoloured = transport_map(_pixels(sheet, _COLOUR_SAMPLES), _pooled(styles, options.style_weights))

    def paint(self, frame: Picture) -> Floats:
        """See ``ClipPainter``."""
        rgb, recipe = frame.rgb, self._plan
        height, width = rgb.shape[:2]
        painted = self._network.transform(bucketed(rgb)[None], self._vector, self._statistics)[0, :height, :width]
        painted = np.clip(painted, 0, 1)
        if recipe.network < 1:
            base = _blend(rgb, np.clip(self._recoloured(rgb), 0, 1), recipe.colour)
            painted = _blend(base, painted, recipe.network)
        return keep_colours(rgb, painted) if self._options.colours == "keep" else painted


def sheet_of(samples: Sequence[Picture]) -> Floats:
    """Frames above one another as one picture, ``[h, w, 3]``, small enough for one pass."""
    height, width = samples[0].rgb.shape[:2]
    scale = min(1.0, sqrt(_SHEET_PX / (height * width * len(samples))))
    size = (max(_LEAST_SIDE_PX, round(width * scale)), max(_LEAST_SIDE_PX, round(height * scale)))
    return np.concatenate([resize(Picture(sample.rgb), *size).rgb for sample in samples])


def _blend(first: Floats, second: Floats, share: float) -> Floats:
    """``first`` at 0, ``second`` at 1."""
    return first + np.float32(share) * (second - first) if share < 1 else second


def _pooled(styles: Sequence[Picture], weights: Sequence[float]) -> Floats:
    """Pixels of all styles in proportion to their weights, ``[n, 3]``."""
    shares = normalised(weights, len(styles))
    counts = [round(share * _COLOUR_SAMPLES) for share in shares]
    return np.concatenate([_pixels(style.rgb, n) for style, n in zip(styles, counts, strict=True) if n])


def _pixels(rgb: Floats, count: int) -> Floats:
    """``[count, 3]``: pixels spread evenly over the picture."""
    pixels = rgb.reshape(-1, 3)
    return pixels[np.linspace(0, len(pixels) - 1, count).astype(np.intp)]


class WholeClip:
    """Paints a clip's frames with a module that could not be split: each for itself; a ``ClipPainter``.

    Args:
        artist: Paints whole.
        styles: One to four style images.
        options: What the user chose; strength is above 0.
        notices: What the user should know of the module.
    """

    method = "fast"

    def __init__(
        self, artist: Artist, styles: Sequence[Picture], options: StyleOptions, notices: tuple[Notice, ...]
    ) -> None:
        self.model = artist.identity
        self.notices = (*notices, Notice("clip_may_flicker"))
        self._artist, self._styles, self._options = artist, styles, options

    def paint(self, frame: Picture) -> Floats:
        """See ``ClipPainter``; the module's own statistics follow every frame."""
        options, styles = self._options, self._styles
        if options.colours == "match":
            styles = [Picture(transport(style.rgb, frame.rgb), style.alpha) for style in styles]
        painted = self._artist.paint(frame, styles, options, lambda fraction: None, never_cancelled)
        return keep_colours(frame.rgb, painted) if options.colours == "keep" else painted


def begin_clip(
    artist: Artist,
    samples: Sequence[Picture],
    styles: Sequence[Picture],
    options: StyleOptions,
    notices: tuple[Notice, ...],
) -> VectorClip | WholeClip:
    """Learn from samples what stays the same for a whole clip; see ``nst.pictures.clip_painting.Animating``."""
    if isinstance(artist, VectorArtist):
        return VectorClip(artist.network, artist.vectors, samples, styles, options, notices)
    return WholeClip(artist, styles, options, notices)
