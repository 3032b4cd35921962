"""Auto: looks at the pictures, takes palette, fast or gatys, and says why.

It can be interrupted as ``gatys`` can, and waits among the slow jobs: which method it takes is known only once the
pictures are decoded, and a job of minutes must not stand before those of a second (docs/adr/0016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from nst.colour import luma
from nst.errors import UserError
from nst.method import Method, MethodSettings, Notice, Pastiche, Request, Run, create_method
from nst.pictures.decode import Picture, fit

# What ``auto`` looks at: how much texture a style has, and how calm a photograph is. A few milliseconds, no network.
#
# Texture is the deviation of a picture's fine detail (finer than a blur of 2 px at 256 px) in blocks of 16 px. What
# counts is not the mean but the lower quartile of the blocks: brushwork, tiles and engravings have texture everywhere,
# a photograph or a smooth painting has it at its edges and hardly any in a sky, on a cheek, out of focus.
_SIDE_PX = 256
_BLOCK_PX = 16
_BLUR_PX = 2.0
_CALM = 0.012  # 3 of 255 levels: noise and JPEG, no texture
_LEVELS = 8  # of each channel, where colours are counted


@dataclass(frozen=True)
class Measure:
    """A picture's texture and palette.

    Attributes:
        everywhere: Lower quartile of the blocks' texture, 0..1: what even the calmer parts have.
        typical: Median of the blocks' texture, 0..1.
        calm: Share of the blocks that have none, 0..1.
        colours: How many colours, of 512, nine tenths of the picture are made of.
    """

    everywhere: float
    typical: float
    calm: float
    colours: int


def measure(picture: Picture) -> Measure:
    """Measure a picture.

    Args:
        picture: Any size; what is hidden does not count, unless all is.
    """
    small = fit(picture, _SIDE_PX)
    seen = np.ones(small.rgb.shape[:2], bool) if small.alpha is None else small.alpha > 0.5
    bright = luma(small.rgb)
    blocks = _blocks(bright - gaussian_filter(bright, _BLUR_PX)).std(axis=(1, 3)).ravel()
    counts = _blocks(seen.astype(np.float32)).mean(axis=(1, 3)).ravel() > 0.5
    blocks = blocks[counts] if counts.any() else blocks
    everywhere, typical = np.quantile(blocks, (0.25, 0.5))
    shown = small.rgb[seen] if seen.any() else small.rgb.reshape(-1, 3)
    return Measure(float(everywhere), float(typical), float((blocks < _CALM).mean()), _colours(shown))


def _blocks(plane: NDArray[np.float32]) -> NDArray[np.float32]:
    """A plane [h, w] in blocks, [rows, block, columns, block]; a side of less than a block is one block."""
    height, width = (min(_BLOCK_PX, side) for side in plane.shape)
    rows, columns = plane.shape[0] // height, plane.shape[1] // width
    return plane[: rows * height, : columns * width].reshape(rows, height, columns, width)


def _colours(rgb: NDArray[np.float32]) -> int:
    levels = np.minimum((rgb * _LEVELS).astype(np.int64), _LEVELS - 1)
    counted = np.sort(np.unique(levels @ np.array([1, _LEVELS, _LEVELS**2]), return_counts=True)[1])[::-1]
    return int((np.cumsum(counted) < 0.9 * counted.sum()).sum()) + 1


class AutoRun:
    """The chosen method's run, with the reason for the choice first among its notices.

    Args:
        choice: Which method, and why.
        inner: Its run.
    """

    def __init__(self, choice: Choice, inner: Run) -> None:
        self.choice, self._inner = choice, inner
        self.advance, self.state = inner.advance, inner.state

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        made = self._inner.pastiche()
        return replace(made, notices=(Notice(self.choice.reason), *made.notices))


class Auto:
    """Chooses among the methods; a ``nst.method.Method`` that can be interrupted.

    Args:
        settings: For the methods that it takes.
        find: Where warm methods are; makes them itself by default.
    """

    name = "auto"

    def __init__(self, settings: MethodSettings, find: Callable[[str], Method] | None = None) -> None:
        self._settings = settings
        self._methods: dict[str, Method] = {}
        self._find = find or self._own

    def prepare(self) -> None:
        """Nothing: what is taken is known only with the pictures."""

    def begin(self, request: Request, state: bytes = b"") -> AutoRun:
        """Choose, and begin or go on: the same pictures lead to the same choice; see ``nst.method.Method.begin``.

        The pastiche's ``method`` is the one that was taken.

        Raises:
            UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
            StateError: The state is of another request or release: begin anew.
            OperatorError: The chosen method cannot be had.
        """
        if not request.styles:
            raise UserError("style_missing")
        choice = choose(request.content, request.styles, request.options.shares(len(request.styles)))
        asked = replace(request, options=request.options.replace(method=choice.method))
        return AutoRun(choice, self._find(choice.method).begin(asked, state))

    def _own(self, name: str) -> Method:
        if name not in self._methods:
            self._methods[name] = create_method(name, self._settings)
        return self._methods[name]


# Which method ``auto`` takes, and why: one sentence's code for each case.
#
# Gatys is the reference where a style has texture to give; its colours are too strong, and its strokes sit badly, where
# there is little: there other methods do better. The thresholds stand between groups of pictures that people would
# name so; ``tests/nst/methods/test_auto.py`` holds them against named pictures.
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
