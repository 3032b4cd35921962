"""Work on pictures in strips of rows, so that TensorFlow meets few shapes and keeps little.

For every shape that a convolution or a matrix product has met, oneDNN keeps 45 to 100 KiB until the process ends: a
network of seven convolutions that meets a hundred shapes of pictures keeps some 60 MiB. In strips of so many rows
shapes depend on a picture's width only, and on what is left below the last whole strip. And what lies between two
steps is a strip, not a picture: nothing is padded, squared or rearranged as a whole.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from nst.device import configure_tensorflow

# Measured on the public module's network: 32 rows cost 7 % more, 128 gain nothing and keep more.
ROWS = 64


class Border(NamedTuple):
    """What a picture is padded with, px.

    Attributes:
        top: Above.
        bottom: Below.
        left: Left.
        right: Right.
        symmetric: Begin with the outermost row itself; else reflect at it. Symmetric borders are 1 px wide at most.
    """

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0
    symmetric: bool = False


NO_BORDER = Border()


class Strip(NamedTuple):
    """A part of a padded picture.

    Attributes:
        pixels: ``[N, rows, w, C]``.
        first: Whether it is the topmost; a scalar.
        last: Whether it is the lowest, which may have fewer rows; a scalar.
    """

    pixels: Any
    first: Any
    last: Any


class Window(NamedTuple):
    """How a convolution goes down a picture.

    Attributes:
        taps: Height of its kernel.
        stride: Rows from one to the next.
        more: Rows of zeros that the convolution itself adds below; fewer than ``stride``, so that no strip but the last
            one heeds them.
    """

    taps: int
    stride: int = 1
    more: int = 0


def in_strips(
    picture: Any, border: Border, window: Window, shape: Any, channels: int, make: Callable[[Strip], Any]
) -> Any:
    """Make a picture from another one, strip by strip.

    Args:
        picture: ``[N, H, W, in]``.
        border: Given to each strip as if the whole picture had it.
        window: A strip is read for ``ROWS`` rows of its result.
        shape: ``[N, h, w]`` of what is made, int32.
        channels: Of what is made.
        make: From a strip to ``[N, some rows, w, channels]``.

    Returns:
        ``[N, h, w, channels]``.
    """
    tf = configure_tensorflow()
    read = tf.shape(picture)[1] + border.top + border.bottom
    count = _strips_of((read + window.more - window.taps) // window.stride + 1)
    # With the picture's number second, a strip is whole rows; for one picture transposing is free.
    empty = tf.raw_ops.Empty(shape=tf.stack([shape[1], shape[0], shape[2], channels]), dtype=picture.dtype)

    def add(index: Any, row: Any, made: Any) -> tuple[Any, Any, Any]:
        begin, last = index * ROWS * window.stride, tf.equal(index, count - 1)
        end = tf.where(last, read, begin + (ROWS - 1) * window.stride + window.taps)
        strip = make(Strip(_bordered(picture, border, begin, end), tf.equal(index, 0), last))
        next_row = row + tf.shape(strip)[1]
        # Written where it stays: neither all strips beside the whole, nor a copy of the whole for each.
        written = tf.raw_ops.InplaceUpdate(x=made, i=tf.range(row, next_row), v=tf.transpose(strip, [1, 0, 2, 3]))
        return index + 1, next_row, written

    # Two at a time: what one core does alone for one strip, others fill with the next.
    *_, made = tf.while_loop(lambda index, *_: index < count, add, (0, 0, empty), parallel_iterations=2)
    return tf.ensure_shape(tf.transpose(made, [1, 0, 2, 3]), [None, None, None, channels])


def summed(picture: Any, part: Callable[[Any], Any]) -> Any:
    """Add up what is found in each strip.

    Args:
        picture: ``[N, h, w, C]``.
        part: From a strip ``[N, rows, w, C]`` to ``[N, 1, 1, D]``.

    Returns:
        ``[N, 1, 1, D]``.
    """
    tf = configure_tensorflow()
    count = _strips_of(tf.shape(picture)[1])

    def found(index: Any) -> Any:
        return part(picture[:, index * ROWS : (index + 1) * ROWS])

    def add(index: Any, total: Any) -> tuple[Any, Any]:
        return index + 1, total + found(index)

    _, total = tf.while_loop(lambda index, _: index < count, add, (1, found(0)), parallel_iterations=2)
    return total


def variance(picture: Any, mean: Any) -> Any:
    """Mean square of what differs from the mean, over rows and columns.

    Args:
        picture: ``[N, h, w, C]``.
        mean: ``[N, 1, 1, C]``.

    Returns:
        ``[N, 1, 1, C]``.
    """
    tf = configure_tensorflow()

    def squares(strip: Any) -> Any:
        return tf.reduce_sum(tf.math.squared_difference(strip, mean), [1, 2], keepdims=True)

    return summed(picture, squares) / tf.cast(tf.shape(picture)[1] * tf.shape(picture)[2], picture.dtype)


def _strips_of(rows: Any) -> Any:
    return configure_tensorflow().maximum(1, -(-rows // ROWS))


def _bordered(picture: Any, border: Border, begin: Any, end: Any) -> Any:
    """Rows ``begin:end`` of a picture with its border."""
    tf = configure_tensorflow()
    lowest = tf.shape(picture)[1] - 1
    rows = tf.range(begin - border.top, end - border.top)
    if border.symmetric:
        rows = tf.clip_by_value(rows, 0, lowest)
    elif border.top or border.bottom:
        rows = lowest - tf.abs(lowest - tf.abs(rows))
    strip = tf.gather(picture, rows, axis=1)
    sides = [[0, 0], [0, 0], [border.left, border.right], [0, 0]]
    return tf.pad(strip, sides, "SYMMETRIC" if border.symmetric else "REFLECT") if any(sides[2]) else strip
