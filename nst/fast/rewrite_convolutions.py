"""Convolutions in forms that a processor computes faster, equal but for rounding.

Each form is a pair: its kernel, made once from the plain one, and what is done with it for every picture. Kernels are
``[height, width, in, out]``, pictures NHWC; both float32.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow

Floats = NDArray[np.float32]

# Winograd's minimal filtering F(4, 3) and F(4, 2): Lavin & Gray 2016, "Fast algorithms for convolutional neural
# networks", section 4. Four neighbouring outputs of a kernel of three taps take six multiplications instead of
# twelve, of two taps five instead of eight. By number of taps; interpolated at 0, 1, -1, 2, (-2) and infinity.
_OUTPUTS = 4
_FROM_PICTURE = {
    3: np.array(
        [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
         [0, 4, 0, -5, 0, 1]], np.float32),
    2: np.array(
        [[2, -1, -2, 1, 0], [0, -2, -1, 1, 0], [0, 2, -3, 1, 0], [0, -1, 0, 1, 0], [0, 2, -1, -2, 1]], np.float32),
}  # fmt: skip
_FROM_KERNEL = {
    3: np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float32) / 24,
    2: np.array([[3, 0], [-3, -3], [-1, 1], [1, 2], [0, 6]], np.float32) / 6,
}
_TO_PICTURE = {
    3: np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32),
    2: np.array([[1, 1, 1, 1, 0], [0, 1, -1, 2, 0], [0, 1, 1, 4, 0], [0, 1, -1, 8, 1]], np.float32),
}


def neighbours_kernel(kernel: Floats) -> Floats:
    """For ``neighbours``: one output channel for each place of a block of 2 x 2 px.

    Args:
        kernel: ``[k, l, in, out]``.

    Returns:
        ``[k + 1, l + 1, in, 4 out]``.
    """
    height, width, given, made = kernel.shape
    wide = np.zeros((height + 1, width + 1, given, 2, 2, made), np.float32)
    for row, column in np.ndindex(2, 2):
        wide[row : row + height, column : column + width, :, row, column] = kernel
    return wide.reshape(height + 1, width + 1, given, 4 * made)


def neighbours(padded: Any, kernel: Any) -> Any:
    """A convolution to few channels, two by two pixels at a time: fills the processor's vectors.

    Args:
        padded: ``[N, h + k - 1, w + l - 1, in]``.
        kernel: From ``neighbours_kernel``.

    Returns:
        ``[N, h, w, out]``.
    """
    tf = configure_tensorflow()
    size = tf.shape(padded)[1:3] - kernel.shape[:2] + 2
    one_more = [[0, 0], [0, 1], [0, 1], [0, 0]]  # an odd side's last block is half outside
    blocks = tf.nn.conv2d(padded, kernel, 2, one_more)
    return tf.nn.depth_to_space(blocks, 2)[:, : size[0], : size[1]]


def enlarged_kernel(kernel: Floats) -> Floats:
    """For ``enlarged``: pixels that an enlarged picture repeats are multiplied by the sum of their taps.

    Args:
        kernel: ``[3, 3, in, out]``.

    Returns:
        ``[2, 2, in, 4 out]``; channels by the place in a block that straddles four pixels.
    """
    odd, even = [[1, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1]]
    taps = np.array([odd, even], np.float32)  # [place, pixel, tap]
    summed = np.einsum("pau,qbv,uvio->abipqo", taps, taps, kernel, optimize=True)
    return np.ascontiguousarray(summed.reshape(2, 2, kernel.shape[2], -1))


def enlarged(picture: Any, kernel: Any) -> Any:
    """Enlarge by two (nearest), pad by reflection, convolve with 3 x 3 taps: in 4/9 of the multiplications.

    The first row of an enlarged picture is its second, so to reflect there is to repeat the picture's own border.

    Args:
        picture: ``[N, h, w, in]``.
        kernel: From ``enlarged_kernel``, or of that ``winograd_kernel``.

    Returns:
        ``[N, 2 h, 2 w, out]``.
    """
    tf = configure_tensorflow()
    padded = tf.pad(picture, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    made = winograd(padded, kernel) if len(kernel.shape) == 3 else tf.nn.conv2d(padded, kernel, 1, "VALID")
    return tf.nn.depth_to_space(made, 2)[:, 1:-1, 1:-1]


def winograd_kernel(kernel: Floats) -> Floats:
    """For ``winograd``.

    Args:
        kernel: ``[k, k, in, out]`` with 3 or 2 taps.

    Returns:
        ``[(k + 3)^2, in, out]``.
    """
    turn = _FROM_KERNEL[kernel.shape[0]]
    turned = np.einsum("pu,qv,uvio->pqio", turn, turn, kernel, optimize=True)
    return np.ascontiguousarray(turned.reshape(len(turn) ** 2, *kernel.shape[2:]))


def winograd(padded: Any, kernel: Any) -> Any:
    """A convolution in tiles of 4 x 4 px: a fraction of the multiplications, more memory traffic.

    Args:
        padded: ``[N, h + k - 1, w + k - 1, in]``.
        kernel: From ``winograd_kernel``.

    Returns:
        ``[N, h, w, out]``.
    """
    tf = configure_tensorflow()
    side, (given, made) = math.isqrt(kernel.shape[0]), kernel.shape[1:]
    more = side - _OUTPUTS  # rows and columns that a tile reads of the next ones
    taps = more + 1
    count, size = tf.shape(padded)[0], tf.shape(padded)[1:3] - more
    rows_columns = (size + _OUTPUTS - 1) // _OUTPUTS
    rows, columns = rows_columns[0], rows_columns[1]
    zeros = tf.zeros(2, tf.int32)
    # There is one block more than tiles.
    missing = _OUTPUTS * (rows_columns + 1) - size - more
    blocks = tf.space_to_batch(padded, [_OUTPUTS, _OUTPUTS], tf.stack([zeros, missing], 1))
    blocks = tf.reshape(blocks, [_OUTPUTS, _OUTPUTS, count, rows + 1, columns + 1, given])
    parts = (
        (_OUTPUTS**2, blocks[:, :, :, :rows, :columns]),
        (_OUTPUTS * more, blocks[:, :more, :, :rows, 1:]),
        (_OUTPUTS * more, blocks[:more, :, :, 1:, :columns]),
        (more**2, blocks[:more, :more, :, 1:, 1:]),
    )
    tiles = tf.concat([tf.reshape(part, [places, -1]) for places, part in parts], 0)
    from_picture = np.kron(_FROM_PICTURE[taps], _FROM_PICTURE[taps])[:, _places(side)]
    turned = tf.reshape(tf.matmul(from_picture, tiles), [side**2, count * rows * columns, given])
    multiplied = tf.reshape(tf.matmul(turned, kernel), [side**2, -1])
    back = tf.matmul(np.kron(_TO_PICTURE[taps], _TO_PICTURE[taps]), multiplied)
    back = tf.reshape(back, [_OUTPUTS**2 * count, rows, columns, made])
    return tf.batch_to_space(back, [_OUTPUTS, _OUTPUTS], tf.stack([zeros, _OUTPUTS * rows_columns - size], 1))


def _places(side: int) -> list[int]:
    """A tile's places in the order in which ``winograd`` lays them out: by the block of 4 x 4 px that they lie in."""
    more = side - _OUTPUTS
    return [
        side * (_OUTPUTS * down + row) + _OUTPUTS * right + column
        for down, right in ((0, 0), (0, 1), (1, 0), (1, 1))
        for row in range(more if down else _OUTPUTS)
        for column in range(more if right else _OUTPUTS)
    ]
