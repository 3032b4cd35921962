"""What some bytes are, told by their first few: a picture that is read here, or what else.

Names and endings of files are never looked at, so a wrong one does no harm. Standard library only.
"""

from __future__ import annotations

import re
import zlib

from nst.errors import UserError

READABLE = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "HEIC", "AVIF")

_HEAD_BYTES = 4096
_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")

_PICTURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
)
_OTHER_PICTURES = (
    (b"8BPS", "PSD"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\1\0", "ICO"),
    (b"v/1\1", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"gimp xcf", "XCF"),
    (b"AT&TFORM", "DjVu"),
)
_OTHERS = (
    (b"PK\3\4", "ZIP"),
    (b"PK\5\6", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"Rar!\x1a\7", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1aE\xdf\xa3", "Matroska"),
    (b"OggS", "Ogg"),
    (b"ID3", "MP3"),
    (b"RIFF", "RIFF"),
    (b"\x7fELF", "ELF"),
    (b"MZ", "EXE"),
)
_PDF = re.compile(rb"%PDF-\d")
_SVG = re.compile(r"<svg[\s>/:]|<!doctype\s+svg", re.IGNORECASE)
_HTML = re.compile(r"<(!doctype\s+html|html|head|body|script|title|div|p|a|iframe|table)[\s>/]", re.IGNORECASE)
_PORTABLE_ANYMAP = re.compile(rb"P[1-7]\s+[\d#W]")


def identify(data: bytes) -> str:
    """Name the picture format of some bytes.

    Args:
        data: The whole file.

    Returns:
        One of ``READABLE``.

    Raises:
        UserError: ``image_empty``, ``image_vector``, ``image_format_unsupported`` or ``image_not_an_image``.
    """
    if not data:
        raise UserError("image_empty")
    name = _picture(data)
    if name is None:
        raise _refusal(data)
    return name


def _picture(data: bytes) -> str | None:
    for magic, name in _PICTURES:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    return _box_picture(data)


def _box_picture(data: bytes) -> str | None:
    # ISO base media files name a major brand and compatible ones; mif1 alone says no codec.
    if data[4:8] != b"ftyp":
        return None
    end = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    brands = {data[i : i + 4] for i in range(8, end, 4) if i != 12}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if data[8:12] in _HEIC_BRANDS else None


def _refusal(data: bytes) -> UserError:
    head = data[:_HEAD_BYTES]
    text = _as_text(head)
    if _PDF.search(head[:1024]):
        return UserError("image_vector", {"found": "PDF"})
    if head.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        return UserError("image_vector", {"found": "PostScript"})
    if _SVG.search(_as_text(_unzipped(head))) and not re.match(r"\s*<(!doctype\s+)?html", text, re.IGNORECASE):
        return UserError("image_vector", {"found": "SVG"})
    for magic, name in _OTHER_PICTURES:
        if head.startswith(magic):
            return unsupported(name)
    if _PORTABLE_ANYMAP.match(head):
        return unsupported("PNM")
    return UserError("image_not_an_image", {"found": _other(head, text)})


def unsupported(name: str) -> UserError:
    """The error for a kind of picture that is called by its name, and not read here."""
    return UserError("image_format_unsupported", {"found": name, "allowed": ", ".join(READABLE)})


def _other(head: bytes, text: str) -> str:
    for magic, name in _OTHERS:
        if head.startswith(magic):
            return name
    if head[4:8] == b"ftyp":
        return "MP4"
    if _HTML.search(text):
        return "HTML"
    if text.lstrip("\ufeff \t\r\n").startswith("<?xml"):
        return "XML"
    return "text" if text and not re.search(r"[\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]", text) else "data"


def _as_text(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "ignore")
    # The head may end within a character; anything else that is not UTF-8 shows as U+FFFD.
    return head[:-4].decode("utf-8", "replace") if len(head) == _HEAD_BYTES else head.decode("utf-8", "replace")


def _unzipped(head: bytes) -> bytes:
    """The start of what a gzip holds (SVGZ), a few kilobytes at most; other bytes as they are."""
    if not head.startswith(b"\x1f\x8b"):
        return head
    try:
        return zlib.decompressobj(wbits=31).decompress(head, _HEAD_BYTES)
    except zlib.error:
        return head
