"""What users and attackers send instead of pictures: each gets its own error, none gets further."""

from __future__ import annotations

import contextlib
import gzip
import io
import struct
import subprocess
import sys
import zipfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from nst.errors import UserError
from nst.pictures.decode import decode
from tests.picture_samples import GifFrame, TiffPage, bmp, chunk, gif, tiff
from tests.picture_samples import png as any_png

HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
WIDE = np.zeros((20, 24, 3), int)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><circle r="9"/></svg>'


def saved(image_format: str, size: tuple[int, int] = (48, 36), mode: str = "RGB", **choices: object) -> bytes:
    pixels = np.random.default_rng(7).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, image_format, **choices)
    return file.getvalue()


def png(width_px: int, height_px: int, pixels: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width_px, height_px, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    parts = [struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def zip_file() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.sh", "echo hello")
    return file.getvalue()


def refusal(data: bytes) -> UserError:
    with pytest.raises(UserError) as caught:
        decode(data)
    return caught.value


def test_empty() -> None:
    assert refusal(b"").code == "image_empty"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (HTML, "HTML"),
        (b"\n  <html lang='en'>" + b" " * 9000, "HTML"),
        (b"<!doctype html><svg></svg>", "HTML"),
        (zip_file(), "ZIP"),
        (gzip.compress(b"hello", mtime=0), "gzip"),
        (b"%!not a picture", "text"),
        ("Liebe Grüße".encode(), "text"),
        (("ü" * 5000).encode(), "text"),
        ("Liebe Grüße".encode("utf-16"), "text"),
        (b'<?xml version="1.0"?><feed/>', "XML"),
        (b"BMW is a make of cars, not a bitmap", "text"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "MP4"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "RIFF"),
        (b"\x7fELF\2\1\1", "ELF"),
        (bytes(range(256)), "data"),
    ],
)
def test_other_files_are_named(data: bytes, found: str) -> None:
    error = refusal(data)
    assert (error.code, error.detail) == ("image_not_an_image", {"found": found})


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (SVG, "SVG"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- drawn -->\n' + SVG, "SVG"),
        (SVG.decode().encode("utf-16"), "SVG"),
        (gzip.compress(SVG, mtime=0), "SVG"),
        (b"%PDF-1.7\n", "PDF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "PostScript"),
        (b"\1\0\0\0" + bytes(36) + b" EMF", "EMF"),
    ],
)
def test_vector_graphics(data: bytes, found: str) -> None:
    error = refusal(data)
    assert (error.code, error.detail) == ("image_vector", {"found": found})


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"8BPS\0\1", "PSD"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"P6 16 16 255 ", "PNM"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"\xff\x4f\xff\x51\0\x2f", "JPEG 2000"),
        (b"II\xbc\1\x20\0\0\0", "JPEG XR"),
        (b"II*\0\x10\0\0\0CR\2\0", "CR2 (camera RAW)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3 (camera RAW)"),
        (b"FUJIFILMCCD-RAW 0201", "RAF (camera RAW)"),
        (b"IIRO\x08\0\0\0", "ORF (camera RAW)"),
        (b"IIU\0\x18\0\0\0", "RW2 (camera RAW)"),
        (b"FORM\0\0\1\0ILBMBMHD", "ILBM"),
        (bytes(18) + bytes(100) + b"TRUEVISION-XFILE.\0", "TGA"),
        (b"\0\0\2\0" + bytes(100) + b"TRUEVISION-XFILE.\0", "TGA"),
        (bytes(128) + b"DICM", "DICOM"),
        (b"PK\3\4" + bytes(26) + b"mimetypeapplication/x-krita", "Krita"),
        (b"CSFCHUNK", "Clip Studio Paint"),
    ],
)
def test_other_raster_formats(data: bytes, found: str) -> None:
    error = refusal(data)
    assert error.code == "image_format_unsupported"
    assert error.detail["found"] == found
    assert "JPEG" in str(error.detail["allowed"])


@pytest.mark.parametrize(
    ("image_format", "mode", "found"),
    [
        ("DIB", "RGB", "DIB"),
        ("DIB", "1", "DIB"),
        ("XBM", "1", "XBM"),
        ("IM", "RGB", "IFUNC (IM)"),
        ("SPIDER", "F", "SPIDER"),
        ("MSP", "1", "Microsoft Paint (MSP)"),
    ],
)
def test_formats_that_name_themselves_late_or_not_at_all(image_format: str, mode: str, found: str) -> None:
    error = refusal(saved(image_format, mode=mode))
    assert (error.code, error.detail["found"]) == ("image_format_unsupported", found)


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("part", [0.15, 0.5, 0.9])
def test_truncated(image_format: str, part: float) -> None:
    data = saved(image_format)
    shows_nothing = image_format == "AVIF"  # without its end
    assert refusal(data[: int(len(data) * part)]).code == ("image_cut_off" if shows_nothing else "image_truncated")


@pytest.mark.parametrize("size", [(0, 0), (0, 40), (40, 0)])
def test_no_pixels(size: tuple[int, int]) -> None:
    assert refusal(png(*size, zlib.compress(b""))).code == "image_too_small"


def test_no_pixels_in_a_jpeg() -> None:
    data = bytearray(saved("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = bytes(4)
    assert refusal(bytes(data)).code == "image_too_small"


def test_line() -> None:
    assert refusal(png(1, 5000, zlib.compress(bytes(2 * 5000)))).code == "image_too_long"


def test_decompression_bomb_costs_no_memory(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    row = bytes(1 + 50_000 // 8)
    pixels = b"".join(packer.compress(row * 500) for _ in range(100)) + packer.flush()
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png(50_000, 50_000, pixels))
    assert bomb.stat().st_size < 400_000
    script = (
        "import resource, sys\nfrom nst.pictures.decode import decode\nfrom nst.errors import UserError\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try: decode(data)\nexcept UserError as error: print(error.code, error.detail['width_px'])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(bomb)], capture_output=True, text=True, check=True)
    said, grown_kib = done.stdout.splitlines()
    assert said == "image_too_many_pixels 50000"
    assert int(grown_kib) < 16 * 1024  # one byte a pixel would be 2.3 GiB


def test_webp_bomb_is_refused_before_its_canvas_is_made() -> None:
    data = bytearray(saved("WEBP", xmp=b"<x/>"))
    assert data[12:16] == b"VP8X"
    data[24:30] = b"\xfe\x3f\0\xfe\x3f\0"
    assert refusal(bytes(data)).detail["width_px"] == 16383


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "AVIF"])
def test_zip_behind_a_picture(image_format: str) -> None:
    error = refusal(saved(image_format) + zip_file())
    assert (error.code, error.detail) == ("image_polyglot", {"found": "ZIP"})


def test_zip_within_a_picture() -> None:
    data = saved("JPEG")
    inside = b"\xff\xfe" + struct.pack(">H", len(zip_file()) + 2) + zip_file()
    assert refusal(data[:2] + inside + data[2:]).detail == {"found": "ZIP"}


@pytest.mark.parametrize(
    ("markup", "found"),
    [(HTML, "HTML"), (SVG, "SVG"), (b"<ScRiPt >alert(1)</script>", "script"), (b"<?php phpinfo(); ?>", "script")],
)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "GIF", "WEBP"])
def test_markup_behind_a_picture(image_format: str, markup: bytes, found: str) -> None:
    assert refusal(saved(image_format) + bytes(10_000) + markup).detail == {"found": found}


def test_markup_in_the_head() -> None:
    data = saved("JPEG", comment=b"/*" + HTML)
    assert refusal(data).code == "image_polyglot"
    assert refusal(saved("GIF", comment=SVG)).detail == {"found": "SVG"}


def test_pdf_in_the_head() -> None:
    assert refusal(saved("JPEG", comment=b"%PDF-1.4 1 0 obj")).detail == {"found": "PDF"}


@pytest.mark.parametrize(
    "tail",
    [
        b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + bytes(1000),  # a motion photo's video
        saved("JPEG"),  # MPF: a second picture, as phones append for gain maps and previews
        b"SEFH" + bytes(40) + b"SEFT",  # Samsung's trailer
        bytes(512),
        b"PK\5\6" + bytes(range(18)),  # four bytes that turn up by chance
    ],
)
def test_ordinary_trailing_data_is_let_through(tail: bytes) -> None:
    assert decode(saved("JPEG") + tail).width_px == 48


def test_metadata_in_xml_is_let_through() -> None:
    xmp = b'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta><?xpacket end="w"?>'
    assert decode(saved("JPEG", xmp=xmp)).width_px == 48


@cache
def _sound_files() -> tuple[bytes, ...]:
    frames = [Image.new("RGB", (24, 20), colour) for colour in ("red", "lime")]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:])
    exif = Image.Exif()
    exif[0x0112] = 6
    small = (24, 20)
    deep = io.BytesIO()
    Image.fromarray(np.arange(480, dtype=np.uint16).reshape(20, 24) * 100).save(deep, "PNG")
    return (
        saved("JPEG", small, exif=exif),
        saved("JPEG", small, progressive=True),
        saved("JPEG", small, "CMYK"),
        saved("PNG", small, "RGBA"),
        saved("PNG", small, "P"),
        deep.getvalue(),
        saved("WEBP", small, lossless=True),
        saved("WEBP", small, exif=exif),
        animated.getvalue(),
        saved("BMP", small),
        saved("TIFF", small, compression="tiff_lzw"),
        saved("TIFF", small, exif=exif),
        saved("AVIF", small),
        *_heic(small),
        tiff([TiffPage(np.arange(480).reshape(20, 24, 1), 12, 1, compression=8, predictor=1)]),
        tiff([TiffPage(np.arange(1440).reshape(20, 24, 3) / 1440, 32, 2, 3, True, below=[TiffPage(WIDE)])], ">"),
        bmp(np.zeros((20, 24, 4), np.uint8), 16, (0xF00, 0xF0, 0xF, 0xF000), header_bytes=124),
        gif([GifFrame(np.zeros((16, 20), int), 3, 2, 2), GifFrame(np.ones((16, 20), int), 9, 9, 3)], 24, 20),
        any_png(np.arange(1440).reshape(20, 24, 3), 2, 16, interlaced=True, before=chunk(b"tRNS", bytes(6))),
    )


def _heic(size: tuple[int, int]) -> tuple[bytes, ...]:
    try:
        import pillow_heif
    except ImportError:
        return ()
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.new("RGB", size, "teal")).save(file)
    return (file.getvalue(),)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(data=st.data())
@settings(max_examples=600, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
def test_damaged_files_end_in_a_picture_or_in_a_user_error(data: st.DataObject) -> None:
    file = bytearray(data.draw(st.sampled_from(_sound_files())))
    # Half of the changes go to the head, where formats keep what decoders trust.
    places = st.one_of(st.integers(0, 120), st.integers(0, len(file) - 1))
    for at in data.draw(st.lists(places, min_size=1, max_size=6)):
        file[min(at, len(file) - 1)] = data.draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)) | st.integers(0, 255))
    cut = data.draw(st.none() | st.integers(1, len(file)))
    # Anything but a UserError would leave this test as an error.
    with contextlib.suppress(UserError):
        picture = decode(bytes(file[:cut]), max_side_px=64)
        assert picture.rgb.dtype == np.float32
        assert np.isfinite(picture.rgb).all()
        assert 0 <= picture.rgb.min() <= picture.rgb.max() <= 1


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@given(head=st.sampled_from([file[:n] for file in _sound_files() for n in (3, 12, 40)]), rest=st.binary(max_size=300))
@settings(max_examples=300, derandomize=True, deadline=None)
def test_invented_files_end_in_a_user_error_or_a_picture(head: bytes, rest: bytes) -> None:
    with contextlib.suppress(UserError):
        decode(head + rest, max_side_px=64)
