"""GIFs frame by frame, as browsers show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from nst.errors import UserError
from nst.pictures.decode import decode, frame_of
from nst.pictures.header import open_image
from tests.picture_samples import COLOURS, GifFrame, gif, noise, quarters, saved, seen

QUARTERS = quarters()


def as_browsers(frames: Sequence[GifFrame], width_px: int, height_px: int) -> list[NDArray[np.uint8]]:
    """What is shown of each frame, RGBA; compared with Chromium's ImageDecoder on 80 GIFs, pixel by pixel."""
    first = frames[0]
    width, height = (
        max(width_px, first.left + first.indices.shape[1]),
        max(height_px, first.top + first.indices.shape[0]),
    )
    canvas, shown = np.zeros((height, width, 4), np.uint8), []
    for frame in frames:
        before = canvas.copy()
        part = canvas[frame.top : frame.top + frame.indices.shape[0], frame.left : frame.left + frame.indices.shape[1]]
        indices = frame.indices[: part.shape[0], : part.shape[1]]
        there = indices != (-1 if frame.transparent is None else frame.transparent)
        table = np.array(frame.colours or COLOURS, np.uint8)
        part[there] = np.insert(table[indices], 3, 255, axis=2)[there]
        shown.append(canvas.copy())
        if frame.disposal == 2:
            part[:] = 0
        elif frame.disposal in {3, 4}:
            canvas = before
    return shown


def made_gif(seed: int) -> list[GifFrame]:
    rng = np.random.default_rng(seed)

    def pick(*values: Any) -> Any:
        return values[rng.integers(len(values))]

    return [
        GifFrame(
            rng.integers(0, pick(1, 4), (rng.integers(16, 45), rng.integers(16, 60))),
            int(rng.integers(0, 40)),
            int(rng.integers(0, 30)),
            pick(0, 1, 2, 2, 3, 4, 5),
            pick(None, 0, 2),
            pick((), ((9, 8, 7), (60, 50, 40), (1, 100, 200), (250, 1, 2))),
        )
        for _ in range(rng.integers(1, 6))
    ]


@pytest.mark.parametrize("seed", range(12))
def test_a_gif_is_shown_as_browsers_show_it(seed: int) -> None:
    frames = made_gif(seed)
    image, header = open_image(gif(frames, 48, 32))
    assert header.frames == min(2, len(frames))
    for number, right in enumerate(as_browsers(frames, 48, 32)):
        image.seek(number)
        picture = frame_of(image, *image.size)
        alpha = np.full(right.shape[:2], 255) if picture.alpha is None else np.rint(picture.alpha * 255)
        assert np.array_equal(alpha, right[..., 3]), number
        visible = right[..., 3] > 0
        assert np.array_equal(np.rint(seen(picture))[visible], right[..., :3][visible]), number


def test_what_the_first_frame_leaves_free_is_transparent() -> None:
    picture = decode(gif([GifFrame(np.ones((16, 24), int), 8, 8)], 48, 32))
    assert picture.alpha is not None
    assert (picture.alpha[0, 0], picture.alpha[10, 10], picture.alpha.mean()) == (0, 1, 24 * 16 / (48 * 32))


def test_a_still_gif_without_its_last_percents_is_painted_as_far_as_it_goes() -> None:
    whole = saved(Image.fromarray(noise(300, 200)).quantize(64), "GIF")
    for share in (0.99, 0.97):
        picture, right = decode(whole[: int(len(whole) * share)]), decode(whole)
        assert (picture.notices, right.notices) == (("picture_cut_off",), ())
        assert np.mean(np.abs(picture.rgb - right.rgb).max(axis=2) > 16 / 255) < 0.08
    with pytest.raises(UserError, match="image_truncated"):
        decode(whole[: len(whole) * 2 // 3])
