"""The bank: augmented style pictures with the teacher's vectors, made once and kept on disk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tools.train import data

_LOG = logging.getLogger(__name__)
STYLE_SIDE_PX = 256
_SHARE_PHOTO, _SHARE_PROCEDURAL, _SHARE_BLEND = 0.17, 0.08, 0.15


def draw_style(styles: Sequence[data.Byte], photos: Sequence[data.Byte], rng: np.random.Generator) -> data.Byte:
    """One random style picture [256,256,3] uint8: mostly an augmented painting, else photograph, texture or blend."""
    kind = rng.random()
    if kind < _SHARE_PROCEDURAL:
        return data.procedural_texture(STYLE_SIDE_PX, rng)
    if kind < _SHARE_PROCEDURAL + _SHARE_BLEND:
        return data.blend(_augmented(styles, rng), _augmented(styles, rng), rng)
    photo = kind < _SHARE_PROCEDURAL + _SHARE_BLEND + _SHARE_PHOTO
    return _augmented(photos if photo else styles, rng)


def _augmented(pictures: Sequence[data.Byte], rng: np.random.Generator) -> data.Byte:
    picture = pictures[int(rng.integers(len(pictures)))]
    untouched = rng.random() < 0.3
    uncropped = rng.random() < 0.3
    square = data.whole(picture, STYLE_SIDE_PX) if uncropped else data.random_crop(picture, STYLE_SIDE_PX, rng)
    return square if untouched else data.shift_colours(square, rng)


def build_bank(
    file: Path,
    count: int,
    vector: Callable[[Any], Any],
    styles: Sequence[data.Byte],
    photos: Sequence[data.Byte],
    seed: int,
) -> tuple[data.Byte, NDArray[np.float32]]:
    """Read the bank from `file`, or make and save it.

    Args:
        file: where it lies, .npz.
        count: how many entries.
        vector: the teacher's encoder, [N,256,256,3] 0..1 -> [N,1,1,D].
        styles: style pictures.
        photos: photographs, whose vectors serve as identities at low strength.
        seed: of the augmentation.

    Returns:
        Pictures [count,256,256,3] uint8 and vectors [count,D] float32.
    """
    if file.exists():
        with np.load(file, allow_pickle=False) as stored:
            if len(stored["vectors"]) >= count:
                return stored["pictures"], stored["vectors"]
    rng = np.random.default_rng(seed)
    pictures = np.zeros((count, STYLE_SIDE_PX, STYLE_SIDE_PX, 3), np.uint8)
    vectors = []
    for start in range(0, count, 16):
        for i in range(start, min(start + 16, count)):
            pictures[i] = draw_style(styles, photos, rng)
        batch = pictures[start : start + 16].astype(np.float32) / 255.0
        vectors.append(np.asarray(vector(tf.constant(batch)))[:, 0, 0])
        if start % 800 == 0:
            _LOG.info("bank %d of %d", start, count)
    result = np.concatenate(vectors)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, pictures=pictures, vectors=result)
    return pictures, result
