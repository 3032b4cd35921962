import numpy as np
import pytest

from nst.device import configure_tensorflow
from nst.strips import NO_BORDER, ROWS, Border, Strip, Window, in_strips, variance

pytestmark = pytest.mark.tensorflow

BORDERS = [(NO_BORDER, "REFLECT"), (Border(4, 3, 2, 1), "REFLECT"), (Border(1, 1, 1, 1, symmetric=True), "SYMMETRIC")]


def picture(count: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).random((count, height, width, 3), np.float32)


@pytest.mark.parametrize(("border", "mode"), BORDERS)
@pytest.mark.parametrize("height", [5, ROWS, 3 * ROWS + 7])
def test_strips_of_a_bordered_picture_make_the_whole(border: Border, mode: str, height: int) -> None:
    tf = configure_tensorflow()
    rgb, kernel = picture(2, height, 9), np.ones((3, 3, 3, 2), np.float32)
    sides = [(0, 0), border[:2], border[2:4], (0, 0)]
    expected = tf.nn.conv2d(tf.pad(rgb, sides, mode), kernel, 1, "VALID").numpy()
    _, rows, columns, _ = expected.shape
    made = in_strips(
        tf.constant(rgb),
        border,
        Window(3),
        [2, rows, columns],
        2,
        lambda strip: tf.nn.conv2d(strip.pixels, kernel, 1, "VALID"),
    )
    assert np.array_equal(made.numpy(), expected)


def test_strips_of_many_heights_have_few_shapes() -> None:
    tf = configure_tensorflow()
    shapes, ends = set(), []

    def make(strip: Strip) -> object:
        shapes.add(tuple(strip.pixels.shape))
        ends.append((bool(strip.first), bool(strip.last)))
        return tf.nn.max_pool2d(strip.pixels, 3, 2, "VALID")

    for height in range(64, 1025, 64):
        in_strips(tf.zeros([1, height, 8, 3]), Border(1, 0, 1, 0), Window(3, 2), [1, height // 2, 4], 3, make)
    assert shapes == {(1, 2 * ROWS + 1, 9, 3), (1, ROWS + 1, 9, 3)}, "of whole strips, and of half of one"
    assert ends.count((True, True)) == 2, "64 and 128 px are one strip"
    assert ends.count((True, False)) == ends.count((False, True)) == 14


def test_the_variance_is_that_of_the_whole_picture() -> None:
    tf = configure_tensorflow()
    rgb = picture(2, 2 * ROWS + 5, 9) + np.float32(100)  # where means of squares have lost their digits
    mean = rgb.mean((1, 2), keepdims=True)
    expected = rgb.astype(np.float64).var((1, 2), keepdims=True)
    np.testing.assert_allclose(variance(tf.constant(rgb), tf.constant(mean)).numpy(), expected, rtol=1e-4)
