"""Files that end too early: what is there is painted and that is said, or the kind has a sentence of its own."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst.errors import UserError
from nst.pictures.decode import decode
from tests.picture_samples import noise, saved

PICTURE = noise(640, 480)


def tiff(compression: int = 1) -> bytes:
    """A TIFF of strips of 16 rows whose directory comes first, as most programs but libtiff write it."""
    strips = [PICTURE[top : top + 16].tobytes() for top in range(0, 480, 16)]
    strips = [zlib.compress(strip) for strip in strips] if compression == 8 else strips
    count, start = len(strips), 8 + 2 + 10 * 12 + 4
    bits_at, places_at = start, start + 6
    sizes_at, at = places_at + 4 * count, places_at + 8 * count
    places = [at + sum(map(len, strips[:number])) for number in range(count)]
    entries = [(256, 640), (257, 480), (258, bits_at), (259, compression), (262, 2), (273, places_at), (277, 3)]
    entries += [(278, 16), (279, sizes_at), (284, 1)]
    many = {258: (3, 3), 273: (4, count), 279: (4, count)}
    table = b"".join(struct.pack("<HHII", tag, *many.get(tag, (4, 1)), value) for tag, value in entries)
    lists = struct.pack(f"<3H{2 * count}I", 8, 8, 8, *places, *map(len, strips))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + table + bytes(4) + lists + b"".join(strips)


def runs() -> bytes:
    """A BMP of runs, one row after the other."""
    rows = b"".join(bytes([160, row % 250]) * 4 + b"\0\0" for row in range(480))
    head = struct.pack("<IiiHHIIiiII", 40, 640, 480, 1, 8, 1, len(rows), 0, 0, 256, 0)
    table = bytes(level for grey in range(256) for level in (grey, grey, grey, 0))
    start = 14 + len(head) + len(table)
    return b"BM" + struct.pack("<IHHI", start + len(rows) + 2, 0, 0, start) + head + table + rows + b"\0\1"


def large() -> bytes:
    picture = Image.fromarray(PICTURE).resize((6400, 4800), Image.Resampling.BILINEAR)
    return saved(picture, "WEBP", quality=50, method=0)


@pytest.mark.parametrize(
    ("data", "share"),
    [
        pytest.param(lambda: saved(PICTURE, "WEBP", quality=80), 0.98, id="WEBP"),
        pytest.param(lambda: saved(PICTURE, "WEBP", lossless=True), 0.95, id="lossless WEBP"),
        pytest.param(lambda: saved(Image.fromarray(PICTURE).convert("RGBA"), "WEBP"), 0.98, id="WEBP with alpha"),
        pytest.param(large, 0.97, id="large WEBP"),
        pytest.param(tiff, 0.95, id="TIFF"),
        pytest.param(lambda: tiff(8), 0.95, id="deflated TIFF"),
        pytest.param(runs, 0.95, id="BMP of runs"),
        pytest.param(lambda: saved(PICTURE, "BMP"), 0.95, id="BMP"),
        pytest.param(lambda: saved(Image.fromarray(PICTURE).quantize(), "GIF"), 0.95, id="GIF"),
    ],
)
def test_what_is_there_is_painted_and_that_is_said(data: Any, share: float) -> None:
    whole = data()
    part, right = decode(whole[: int(share * len(whole))], 640), decode(whole, 640)
    assert (part.notices, right.notices) == (("picture_cut_off",), ())
    rows = np.abs(part.rgb - right.rgb).mean(axis=(1, 2))
    same = rows < 2 / 255
    assert same.mean() > 0.85
    assert not same.all()
    assert np.abs(part.rgb - right.rgb).mean() < 0.05, "what is lacking continues what is there"


def test_a_frame_that_is_cut_off_takes_no_other_with_it() -> None:
    image = Image.fromarray(PICTURE)
    data = saved(image, "WEBP", save_all=True, append_images=[image.rotate(90), image.rotate(180)], lossless=True)
    assert np.array_equal(decode(data[:-3000], 640).rgb, decode(data, 640).rgb)


def heic() -> bytes:
    heif = pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    file = io.BytesIO()
    heif.from_pillow(Image.fromarray(PICTURE)).save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(lambda: saved(PICTURE, "AVIF"), "AVIF", id="AVIF"),
        pytest.param(heic, "HEIC", id="HEIC"),
        pytest.param(lambda: saved(PICTURE, "TIFF", compression="jpeg"), "TIFF", id="TIFF"),
    ],
)
@pytest.mark.parametrize("share", [0.99, 0.9, 0.5])
def test_kinds_that_show_nothing_without_their_end_are_said_to_lack_it(data: Any, kind: str, share: float) -> None:
    whole = data()
    with pytest.raises(UserError) as caught:
        decode(whole[: int(share * len(whole))], 640)
    assert (caught.value.code, caught.value.detail) == ("image_cut_off", {"found": kind})
