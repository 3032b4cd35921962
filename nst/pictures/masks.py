"""Where a picture is painted: as a mask says, inside it (the subject) or outside (the background)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from nst.colour import luma
from nst.errors import UserError
from nst.pictures.clip_painting import ClipPainter
from nst.pictures.decode import Picture, resize

Floats = NDArray[np.float32]

SIDE_PX = 2048  # a mask's edge is no finer than this
_NOTHING = 0.02  # what is whiter nowhere paints nothing that could be seen


class Mask:
    """A mask, for pictures of any size.

    Args:
        picture: White, or visible where it has transparency, is the subject.
        region: ``subject`` or ``background``.

    Raises:
        UserError: ``mask_empty``.
    """

    def __init__(self, picture: Picture, region: str) -> None:
        subject = _subject(picture)
        where = 1 - subject if region == "background" else subject
        if where.max() < _NOTHING:
            raise UserError("mask_empty", {"region": region})
        self._where = Picture(np.repeat(where[..., None], 3, axis=2).astype(np.float32))
        self._sized = self._where

    def over(self, picture: Picture) -> Floats:
        """What of a picture is to be painted, [h, w] of its size, 0..1; the mask is stretched."""
        size = (picture.width_px, picture.height_px)
        if (self._sized.width_px, self._sized.height_px) != size:
            self._sized = resize(self._where, *size)
        return self._sized.rgb[..., 0].clip(0, 1)

    def show(self, picture: Picture) -> Picture:
        """The picture with nothing to be seen of it but what is to be painted."""
        where = self.over(picture)
        return replace(picture, alpha=where if picture.alpha is None else where * picture.alpha)

    def blend(self, picture: Picture, painted: Floats) -> Floats:
        """Painted pixels inside, the picture's own outside, [h, w, 3]."""
        rgb: Floats = picture.rgb + self.over(picture)[..., None] * (painted - picture.rgb)
        return rgb


class MaskedPainter:
    """A ``ClipPainter`` that paints every frame of a clip under the same mask.

    Args:
        painter: Paints.
        mask: Where.
    """

    def __init__(self, painter: ClipPainter, mask: Mask) -> None:
        self._painter, self._mask = painter, mask
        self.method, self.model, self.notices = painter.method, painter.model, painter.notices

    def paint(self, frame: Picture) -> Floats:
        """A frame, painted where the mask says."""
        return self._mask.blend(frame, self._painter.paint(frame))


def mask_for(pictures: Sequence[Picture], mask: Picture | None, region: str) -> Mask | None:
    """The mask that pictures are painted under.

    Args:
        pictures: What is painted: a picture, or samples of a clip.
        mask: The mask, of ``SIDE_PX`` at most; without a region it means ``subject``.
        region: One of ``options.REGIONS``.

    Returns:
        None for all: also for the subject of pictures whose own transparency says what that is.

    Raises:
        UserError: ``mask_missing`` or ``mask_empty``.
    """
    if mask is not None:
        return Mask(mask, "background" if region == "background" else "subject")
    cut_out = all(picture.alpha is not None and picture.alpha.min() < 1 for picture in pictures)
    if region == "everything" or (region == "subject" and cut_out):
        return None
    raise UserError("mask_missing")


def _subject(mask: Picture) -> Floats:
    if mask.alpha is not None and mask.alpha.min() < 1:
        return mask.alpha
    return luma(mask.rgb).astype(np.float32).clip(0, 1)
