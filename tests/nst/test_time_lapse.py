"""A time-lapse's file plays what it was given, in order, and holds the last picture."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from nst.pictures.decode import Picture
from nst.pictures.time_lapse import encode_time_lapse


def test_the_frames_come_back_in_order_and_the_last_one_stays() -> None:
    greys = (0.1, 0.5, 0.9)
    frames = [Picture(np.full((40, 60, 3), grey, np.float32)) for grey in greys]
    with Image.open(io.BytesIO(encode_time_lapse(frames))) as film:
        assert (film.format, film.size, getattr(film, "n_frames", 1), film.info["loop"]) == ("WEBP", (60, 40), 3, 0)
        shown, durations = [], []
        for index in range(3):
            film.seek(index)
            shown.append(np.asarray(film.convert("RGB")).mean() / 255)
            durations.append(film.info["duration"])
    np.testing.assert_allclose(shown, greys, atol=0.03)
    assert durations[2] > 5 * durations[0]


def test_one_frame_is_a_film_too() -> None:
    data = encode_time_lapse([Picture(np.zeros((8, 8, 3), np.float32))])
    with Image.open(io.BytesIO(data)) as film:
        assert film.size == (8, 8)
