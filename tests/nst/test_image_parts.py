"""Files made to cost time before a single pixel is decoded: each is refused after a bounded number of steps."""

from __future__ import annotations

import io
import os
import struct
import time
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures.clip_header import inspect_content
from nst.pictures.header import inspect
from nst.pictures.parts import parts_of

SIZE = (20 << 20) - 10_000  # just under what is taken at all
ALLOWED_CPU_S = 1.0  # of what took 3 to 6 s, and takes 0.01 to 0.2 s now


def saved(image_format: str, **choices: Any) -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (36, 48, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, image_format, **choices)
    return file.getvalue()


EXTENDED = b"VP8X\x0a\0\0\0\0\0\0\0\x2f\0\0\x23\0\0"
JPEG, PNG, GIF, WEBP = saved("JPEG"), saved("PNG"), saved("GIF"), saved("WEBP")


def filled(unit: bytes) -> bytes:
    return unit * (SIZE // len(unit))


def chunk(kind: bytes) -> bytes:
    return bytes(4) + kind + struct.pack(">I", zlib.crc32(kind))


def riff(body: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(body)) + body


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def film(times: bytes) -> bytes:
    described = box(
        b"stsd", struct.pack(">III", 0, 1, 86) + b"avc1" + bytes(24) + struct.pack(">HH", 64, 48) + bytes(50)
    )
    table = box(b"minf", box(b"stbl", described + times))
    head = box(b"mdhd", bytes(12) + struct.pack(">II", 1000, 1000) + bytes(4)) + box(
        b"hdlr", bytes(8) + b"vide" + bytes(12)
    )
    return box(b"trak", box(b"mdia", head + table))


def mp4(movie: bytes) -> bytes:
    return box(b"ftyp", b"isom\0\0\0\0isom") + box(b"moov", movie)


MADE: dict[str, Callable[[], bytes]] = {
    "ends of archives behind a JPEG": lambda: JPEG + filled(b"PK\5\6"),
    "empty comments in a JPEG": lambda: JPEG[:2] + filled(b"\xff\xfe\0\2") + JPEG[2:],
    "fill bytes in a JPEG": lambda: JPEG[:2] + filled(b"\xff") + JPEG[2:],
    "escaped bytes in a JPEG": lambda: JPEG[:-2] + filled(b"\xff\0") + JPEG[-2:],
    "empty chunks in a PNG": lambda: PNG[:33] + filled(chunk(b"teSt")) + PNG[33:],
    "empty pixels in a PNG": lambda: PNG[:33] + filled(chunk(b"IDAT")) + PNG[33:],
    "empty chunks behind a PNG's pixels": lambda: PNG[:-12] + filled(chunk(b"teSt")) + PNG[-12:],
    "one-byte blocks of a GIF's comment": lambda: GIF[:-1] + b"!\xfe" + filled(b"\1a") + b"\0;",
    "one-byte blocks of a GIF's pixels": lambda: GIF[:-2] + filled(b"\1a") + b"\0;",
    "empty extensions of a GIF": lambda: GIF[:-1] + filled(b"!\xfe\0") + b";",
    "empty chunks in a WEBP": lambda: riff(b"WEBP" + EXTENDED + WEBP[12:] + filled(b"abcd\0\0\0\0")),
    "tags behind a JPEG": lambda: JPEG + filled(b"<"),
    "long tags behind a JPEG": lambda: JPEG + filled(b"<!doctype" + b" " * 30),
    "entries of a TIFF": lambda: b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, SIZE // 20) + filled(bytes(20)),
    "directories of a TIFF": lambda: b"II*\0" + b"".join(struct.pack("<IH", at, 0) for at in range(8, SIZE, 6)),
    "times of an MP4": lambda: mp4(film(box(b"stts", struct.pack(">II", 0, SIZE // 8) + filled(bytes(7) + b"\1")))),
    "tracks of an MP4": lambda: mp4(filled(box(b"trak", box(b"free") * 10_000))),
    "boxes of an MP4": lambda: box(b"ftyp", b"isom\0\0\0\0isom") + filled(box(b"free")),
}  # fmt: skip


@pytest.mark.parametrize("name", MADE)
def test_parts_without_number_cost_nothing(name: str) -> None:
    data = MADE[name]()
    began_s = time.process_time()
    with pytest.raises(UserError) as caught:
        inspect_content(data)
    assert time.process_time() - began_s < ALLOWED_CPU_S
    codes = {"ends": "image_polyglot", "times": "clip_too_many_frames", "tracks": "clip_without_pictures"}
    codes["boxes"] = "clip_damaged"
    assert caught.value.code == codes.get(name.split()[0], "image_too_costly")


def scans(progressive: bytes, count: int) -> bytes:
    """A progressive JPEG whose last scan is repeated."""
    last = progressive.rindex(b"\xff\xda")
    return progressive[:last] + progressive[last:-2] * count + progressive[-2:]


@pytest.mark.parametrize("count", [101, 12_000])
def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded(count: int) -> None:
    with pytest.raises(UserError) as caught:
        inspect(scans(saved("JPEG", progressive=True), count))
    assert caught.value.code == "image_too_costly"


def test_a_jpeg_of_as_many_scans_as_encoders_make_is_taken() -> None:
    assert inspect(scans(saved("JPEG", progressive=True), 20)).width_px == 48


def test_what_a_jpeg_keeps_of_itself_is_known() -> None:
    assert parts_of(JPEG, "JPEG").kept_bytes_per_px == 0
    assert parts_of(saved("JPEG", progressive=True, subsampling=2), "JPEG").kept_bytes_per_px == 3
    assert parts_of(saved("JPEG", progressive=True, subsampling=0), "JPEG").kept_bytes_per_px == 6


@pytest.mark.parametrize(
    "data",
    [
        JPEG + os.urandom(2 << 20),  # a motion photo
        JPEG[:2] + (b"\xff\xe2\xff\xff" + bytes(65_533)) * 300 + JPEG[2:],  # 19 MiB of further profiles and previews
        PNG[:33] + chunk(b"IDAT") * 2_000 + PNG[33:],
        PNG[:33] + chunk(b"tEXt") * 500 + PNG[33:],
        GIF[:-1] + b"!\xff\x0bXMP DataXMP" + b" x" * 20_000 + b"\0;",  # metadata that were not cut into blocks
    ],
    ids=["film", "segments", "pixels", "text", "metadata"],
)
def test_what_cameras_and_programs_make_is_taken(data: bytes) -> None:
    assert inspect(data).width_px == 48


def test_a_gif_of_many_frames_is_told_that_it_has_too_many(clips: ModuleType) -> None:
    with pytest.raises(UserError) as caught:
        inspect_content(clips.bomb(), StyleOptions())
    assert caught.value.code == "clip_too_many_frames"
