"""Convolutions in forms that a processor computes faster, equal but for rounding.

Each form is a pair: its kernel, made once from the plain one, and what is done with it for every picture. Kernels are
``[height, width, in, out]``, pictures NHWC; both float32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow

Floats = NDArray[np.float32]

# Winograd's minimal filtering F(4, 3): Lavin & Gray 2016, "Fast algorithms for convolutional neural networks",
# section 4.3. Four neighbouring outputs of a kernel of three taps take six multiplications instead of twelve.
_OUTPUTS, _INPUTS = 4, 6
_FROM_PICTURE = np.array(
    [[4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0], [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0],
     [0, 4, 0, -5, 0, 1]], np.float32)  # fmt: skip
_FROM_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]], np.float32) / 24
_TO_PICTURE = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float32)
# A tile's 36 places in the order in which ``winograd`` lays them out: by the block of 4 x 4 px that they lie in.
_PLACES = [
    _INPUTS * (4 * down + row) + 4 * right + column
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1))
    for row in range(2 if down else 4)
    for column in range(2 if right else 4)
]


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
        kernel: From ``enlarged_kernel``.

    Returns:
        ``[N, 2 h, 2 w, out]``.
    """
    tf = configure_tensorflow()
    padded = tf.pad(picture, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    return tf.nn.depth_to_space(tf.nn.conv2d(padded, kernel, 1, "VALID"), 2)[:, 1:-1, 1:-1]


def winograd_kernel(kernel: Floats) -> Floats:
    """For ``winograd``.

    Args:
        kernel: ``[3, 3, in, out]``.

    Returns:
        ``[36, in, out]``.
    """
    turned = np.einsum("pu,qv,uvio->pqio", _FROM_KERNEL, _FROM_KERNEL, kernel, optimize=True)
    return np.ascontiguousarray(turned.reshape(_INPUTS**2, *kernel.shape[2:]))


def winograd(padded: Any, kernel: Any) -> Any:
    """A convolution with 3 x 3 taps in tiles of 4 x 4 px: a quarter of the multiplications, more memory traffic.

    Args:
        padded: ``[N, h + 2, w + 2, in]``.
        kernel: From ``winograd_kernel``.

    Returns:
        ``[N, h, w, out]``.
    """
    tf = configure_tensorflow()
    given, made = kernel.shape[1:]
    count, size = tf.shape(padded)[0], tf.shape(padded)[1:3] - 2
    rows_columns = (size + _OUTPUTS - 1) // _OUTPUTS
    rows, columns = rows_columns[0], rows_columns[1]
    zeros = tf.zeros(2, tf.int32)
    # A tile reaches two pixels into the next ones, so there is one block more than tiles.
    missing = _OUTPUTS * (rows_columns + 1) - size - 2
    blocks = tf.space_to_batch(padded, [_OUTPUTS, _OUTPUTS], tf.stack([zeros, missing], 1))
    blocks = tf.reshape(blocks, [_OUTPUTS, _OUTPUTS, count, rows + 1, columns + 1, given])
    parts = (
        (16, blocks[:, :, :, :rows, :columns]),
        (8, blocks[:, :2, :, :rows, 1:]),
        (8, blocks[:2, :, :, 1:, :columns]),
        (4, blocks[:2, :2, :, 1:, 1:]),
    )
    tiles = tf.concat([tf.reshape(part, [places, -1]) for places, part in parts], 0)
    from_picture = np.kron(_FROM_PICTURE, _FROM_PICTURE)[:, _PLACES]
    turned = tf.reshape(tf.matmul(from_picture, tiles), [_INPUTS**2, count * rows * columns, given])
    multiplied = tf.reshape(tf.matmul(turned, kernel), [_INPUTS**2, -1])
    back = tf.matmul(np.kron(_TO_PICTURE, _TO_PICTURE), multiplied)
    back = tf.reshape(back, [_OUTPUTS**2 * count, rows, columns, made])
    return tf.batch_to_space(back, [_OUTPUTS, _OUTPUTS], tf.stack([zeros, _OUTPUTS * rows_columns - size], 1))
