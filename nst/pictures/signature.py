"""What some bytes are, told by their first few: a picture that is read here, or what else.

Names and endings of files are never looked at, so a wrong one does no harm. Standard library only.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterable

from nst.errors import UserError

# A picture's size as its first bytes declare it, for formats whose decoder cannot be asked safely.
#
# Standard library only. TIFF, HEIC and AVIF are left to their decoders, which take no memory for that.
Size = tuple[int, int]

_JPEG_MARKER = re.compile(rb"\xff[\xc0-\xcf\xda-\xfe]")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_MAX_STEPS = 10_000


def declared_size(data: bytes, image_format: str) -> Size | None:
    """Width and height in pixels as stored, or None where they are not found.

    Args:
        data: The whole file.
        image_format: As ``image_signature.identify`` names it.
    """
    read = _READERS.get(image_format)
    return read(data) if read else None


def _png(data: bytes) -> Size | None:
    return (_big(data, 16, 4), _big(data, 20, 4)) if data[12:16] == b"IHDR" and len(data) >= 24 else None


def _gif(data: bytes) -> Size | None:
    return (_little(data, 6, 2), _little(data, 8, 2)) if len(data) >= 10 else None


def _bmp(data: bytes) -> Size | None:
    if len(data) < 26:
        return None
    if _little(data, 14, 4) == 12:
        return _little(data, 18, 2), _little(data, 20, 2)
    # A negative height means that rows go from the top.
    height = int.from_bytes(data[22:26], "little", signed=True)
    return _little(data, 18, 4), abs(height)


def _webp(data: bytes) -> Size | None:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
    if kind == b"VP8L" and len(data) >= 25:
        bits = _little(data, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and len(data) >= 30:
        return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
    return None


def _jpeg(data: bytes) -> Size | None:
    at = 2
    for _ in range(_MAX_STEPS):
        marker = _JPEG_MARKER.search(data, at)
        if marker is None or marker.group() == b"\xff\xda":
            return None
        at = marker.end()
        if marker.group()[1] in _JPEG_FRAMES:
            return (_big(data, at + 5, 2), _big(data, at + 3, 2)) if len(data) >= at + 7 else None
        at += _big(data, at, 2)
    return None


def _big(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _little(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "little")


_READERS: dict[str, Callable[[bytes], Size | None]] = {
    "PNG": _png,
    "GIF": _gif,
    "BMP": _bmp,
    "WEBP": _webp,
    "JPEG": _jpeg,
}


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
    (b"II\xbc", "JPEG XR"),
    (b"\0\0\1\0", "ICO"),
    (b"\0\0\2\0", "CUR"),
    (b"icns", "ICNS"),
    (b"v/1\1", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"#?RGBE", "Radiance HDR"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"\xabKTX ", "KTX"),
    (b"gimp xcf", "XCF"),
    (b"AT&TFORM", "DjVu"),
    (b"CSFCHUNK", "Clip Studio Paint"),
    (b"Paint Shop Pro Image File", "Paint Shop Pro"),
    (b"PDN3", "Paint.NET"),
    (b"FUJIFILMCCD-RAW", "RAF (camera RAW)"),
    (b"IIRO", "ORF (camera RAW)"),
    (b"IIRS", "ORF (camera RAW)"),
    (b"MMOR", "ORF (camera RAW)"),
    (b"IIU\0", "RW2 (camera RAW)"),
    (b"FOVb", "X3F (camera RAW)"),
    (b"\0MRM", "MRW (camera RAW)"),
    (b"BPG\xfb", "BPG"),
    (b"FLIF", "FLIF"),
    (b"\x8aMNG\r\n\x1a\n", "MNG"),
    (b"\x8bJNG\r\n\x1a\n", "JNG"),
    (b"\x97JB2\r\n\x1a\n", "JBIG2"),
    (b"SIMPLE  =", "FITS"),
    (b"SDPX", "DPX"),
    (b"XPDS", "DPX"),
    (b"\x01\xda", "SGI"),
    (b"\x59\xa6\x6a\x95", "Sun raster"),
    (b"\n\5\1", "PCX"),
    (b"/* XPM */", "XPM"),
    (b"farbfeld", "farbfeld"),
    (b"Image type: ", "IFUNC (IM)"),
    (b"DanM", "Microsoft Paint (MSP)"),
    (b"LinS", "Microsoft Paint (MSP)"),
)
# The same further on: in ISO base media files by the major brand, in zip files by the type that comes first.
_FURTHER_ON = (
    (4, b"ftypcrx ", "CR3 (camera RAW)"),
    (4, b"ftypavci", "HEIF (AVC)"),
    (4, b"ftypavcs", "HEIF (AVC)"),
    (4, b"ftypj2k", "HEIF (JPEG 2000)"),
    (4, b"ftypjpeg", "HEIF (JPEG)"),
    (4, b"ftypvvic", "HEIF (VVC)"),
    (4, b"ftypevb", "HEIF (EVC)"),
    (8, b"ILBM", "ILBM"),
    (30, b"mimetypeapplication/x-krita", "Krita"),
    (30, b"mimetypeimage/openraster", "OpenRaster"),
    (128, b"DICM", "DICOM"),
)
_TGA_END = b"TRUEVISION-XFILE.\0"
_VECTORS = (
    (0, b"%!PS", "PostScript"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (40, b" EMF", "EMF"),
    (0, b"AC10", "DWG"),
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
_X_BITMAP = re.compile(rb"\s*(/\*.*?\*/\s*)?#define\s+\w*width\s+\d", re.DOTALL)
_DIB_DEPTHS = frozenset({1, 4, 8, 16, 24, 32})
_SPIDER_HEADER = 23  # of its numbers, those that are looked at
_SPIDER_FORMS = frozenset({1, 3, -11, -12, -21, -22})
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
    if data[:4] in {b"II*\0", b"MM\0*"} and data[8:10] == b"CR":
        raise unsupported("CR2 (camera RAW)")
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
    vector = "PDF" if _PDF.search(head[:1024]) else _named(head, _VECTORS)
    if vector is None and _SVG.search(_as_text(_unzipped(head))):
        vector = None if re.match(r"\s*<(!doctype\s+)?html", text, re.IGNORECASE) else "SVG"
    if vector:
        return UserError("image_vector", {"found": vector})
    other = _named(head, ((0, magic, name) for magic, name in _OTHER_PICTURES)) or _named(head, _FURTHER_ON)
    if data.endswith(_TGA_END):
        other = "TGA"  # whose first bytes may be a cursor's
    elif _PORTABLE_ANYMAP.match(head):
        other = other or "PNM"
    other = other or _without_magic(head)
    if other:
        return unsupported(other)
    return UserError("image_not_an_image", {"found": _other(head, text)})


def _without_magic(head: bytes) -> str | None:
    """Kinds that begin with no word of their own, by numbers that fit each other."""
    if _X_BITMAP.match(head):
        return "XBM"
    header, planes, depth = struct.unpack("<I8xHH", head[:16].ljust(16, b"\0"))
    if header in _BMP_HEADER_SIZES and planes == 1 and depth in _DIB_DEPTHS:
        return "DIB"  # a BMP without its first 14 bytes
    for order in "<>":
        numbers = struct.unpack(
            f"{order}{_SPIDER_HEADER}f", head[: 4 * _SPIDER_HEADER].ljust(4 * _SPIDER_HEADER, b"\0")
        )
        records, record_bytes, header_bytes = numbers[12], numbers[22], numbers[21]
        if numbers[4] in _SPIDER_FORMS and 0 < header_bytes == records * record_bytes:
            return "SPIDER"
    return None


def _named(head: bytes, table: Iterable[tuple[int, bytes, str]]) -> str | None:
    return next((name for at, magic, name in table if head.startswith(magic, at)), None)


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
