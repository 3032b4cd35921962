"""What the style network gets to see of a style, and what comes of several vectors."""

from __future__ import annotations

import numpy as np
import pytest

from nst.fast.style_vectors import VIEW_SIDE_PX, MemoryVectors, mixed, normalised, style_views
from nst.pictures.decode import Picture

SIDE = VIEW_SIDE_PX
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
ART = Picture(np.stack([ROWS, COLUMNS, 0.5 + 0.5 * np.sin(8 * np.pi * COLUMNS)], -1).astype(np.float32))


def waves(view: np.ndarray) -> int:
    """How often a view's third channel rises through its middle along a row: fewer are larger strokes."""
    row = view[SIDE // 2, :, 2] > 0.5
    return int(np.count_nonzero(row[1:] & ~row[:-1]))


def test_a_square_is_seen_as_it_is() -> None:
    (view,) = style_views(ART)
    assert np.array_equal(view, ART.rgb)


@pytest.mark.parametrize(("scale", "strokes"), [(1.0, 4), (2.0, 2), (4.0, 1), (0.5, 8)])
def test_scale_is_the_size_of_the_strokes(scale: float, strokes: int) -> None:
    views = style_views(ART, scale)
    assert views.shape[1:] == (SIDE, SIDE, 3)
    assert all(abs(waves(view) - strokes) <= 1 for view in views)


def test_a_larger_scale_leaves_nothing_of_the_picture_out() -> None:
    views = style_views(ART, 2.0)
    assert len(views) == 4
    corners = {(round(float(view[..., 0].mean()), 2), round(float(view[..., 1].mean()), 2)) for view in views}
    assert corners == {(0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)}


def test_a_wide_picture_is_covered_by_squares_and_not_squeezed() -> None:
    wide = Picture(np.concatenate([ART.rgb, ART.rgb[:, ::-1], ART.rgb], axis=1))
    views = style_views(wide)
    assert len(views) == 3
    assert [waves(view) for view in views] == pytest.approx([4, 4, 4], abs=1)


def test_four_vectors_mix_to_a_point_between_them() -> None:
    vectors = [np.full((1, 1, 1, 5), value, np.float32) for value in (0, 1, 10, 100)]
    assert mixed(vectors, (1, 1, 1, 1)) == pytest.approx(27.75)
    assert mixed(vectors, (0, 3, 0, 1)) == pytest.approx(25.75)
    assert mixed(vectors, ()) == pytest.approx(27.75)
    assert mixed(vectors[2:3], (0.5,)) is vectors[2]
    assert sum(normalised((2, 6), 4)) == 1


def test_what_was_not_used_for_longest_goes_first() -> None:
    vectors, one = MemoryVectors(capacity=2), np.zeros((1, 1, 1, 3), np.float32)
    vectors.put("a", one)
    vectors.put("b", one)
    assert vectors.get("a") is not None
    vectors.put("c", one)
    assert [vectors.get(key) is not None for key in "abc"] == [True, False, True]
