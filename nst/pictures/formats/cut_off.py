"""Files that end too early: how much of the picture is lacking, and what stands in for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image, ImageFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

# In ``info`` of a picture that was loaded as far as its file went.
CUT_OFF = "cut_off"
_MOST = 0.1


def stand_in(image: ImageFile.ImageFile, lacking: NDArray[Any], share: float | None = None) -> None:
    """Let what is lacking continue what is above it, so that no method meets a black or grey bar.

    Args:
        image: Loaded; changed in place, and marked as ``CUT_OFF``.
        lacking: Pixels that the file did not come to, bool ``[h, w]``.
        share: What of the picture they are, 0..1, if not their number says so.

    Raises:
        OSError: Too much is lacking: the picture has to be sent again.
    """
    import numpy as np

    if (lacking.mean() if share is None else share) > _MOST:
        raise OSError("cut off too early")
    image.info[CUT_OFF] = True
    rows = np.flatnonzero(lacking.any(axis=1))
    if not rows.size:
        return
    pixels = np.asarray(image)
    upwards = bool(lacking[0].any())  # bottom-up formats lack their first rows
    if upwards:
        pixels, lacking, rows = pixels[::-1], lacking[::-1], np.flatnonzero(lacking[::-1].any(axis=1))
    first = max(0, rows[0] - 1)
    part, gone = pixels[first:], lacking[first:]
    source = np.maximum.accumulate(np.where(gone, 0, np.arange(len(part), dtype=np.int32)[:, None]), axis=0)
    filled = pixels.copy()
    filled[first:] = part[source, np.arange(part.shape[1])]
    replace(image, Image.frombytes(image.mode, image.size, (filled[::-1] if upwards else filled).tobytes()))


def replace(image: ImageFile.ImageFile, made: Image.Image) -> None:
    """Give an opened picture the pixels and the mode of another one of its own making."""
    image.im = made.im
    image._mode, image._size = made.mode, made.size
    if image.palette:
        image.palette.dirty = 1  # for ``load`` to give it to the new pixels
