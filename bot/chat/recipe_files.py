"""A recipe inside the picture that it made: PNG iTXt or JPEG XMP, beside the pixels, which stay as they were.

The text is ``Recipe.as_text``: options, names of presets and hashes of pictures, never a picture. A hash opens nothing
to somebody who does not have the picture: see ``bot.web.recipe_panel``.
"""

from __future__ import annotations

import html
import re
import struct
import zlib

from bot.chat.recipe_codes import Recipe
from nst.errors import UserError
from nst.options import MAX_STYLES
from nst.pictures.header import inspect

KEYWORD = "Pastiche recipe"
NAMESPACE = "urn:pastiche:recipe:1"
_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_PNG_HEADER_END = 33  # signature, and the IHDR chunk, which is always first (PNG, section 5.6)
_XMP_MARK = b"http://ns.adobe.com/xap/1.0/\0"
_ITXT_MARK = b"iTXt" + KEYWORD.encode("latin-1") + bytes(5)
_MAX_SEGMENT_BYTES = 65_533  # JPEG, section B.1.1.4: two bytes of length that count themselves
_MAX_TEXT = 20_000
_HASH = re.compile("[0-9a-f]{64}")


def with_recipe(data: bytes, recipe: Recipe) -> bytes:
    """A picture's file with its recipe in it.

    Args:
        data: PNG or JPEG of our own making; any other format is returned as it is.
        recipe: What made it.

    Returns:
        The file with one chunk or segment more; every other byte is the same.
    """
    text = recipe.as_text()
    if data.startswith(_PNG):
        return data[:_PNG_HEADER_END] + _itxt(text) + data[_PNG_HEADER_END:]
    if data.startswith(_JPEG):
        place = _after_jfif(data)
        return data[:place] + _xmp(text) + data[place:]
    return data


def recipe_in(data: bytes) -> Recipe:
    """The recipe in a file, which may be anybody's.

    Raises:
        UserError: ``image_*`` for what is no picture, ``recipe_unknown`` where there is no recipe in it.
    """
    inspect(data)
    text = _from_itxt(data) or _from_xmp(data)
    if not text or len(text) > _MAX_TEXT:
        raise UserError("recipe_unknown", {"received": "-"})
    recipe = Recipe.from_text(text)
    if not 1 <= len(recipe.styles) <= MAX_STYLES or not all(_HASH.fullmatch(digest) for digest in recipe.pictures):
        raise UserError("recipe_unknown", {"received": "-"})
    return recipe


def _itxt(text: str) -> bytes:
    """An uncompressed iTXt chunk (PNG, section 11.3.3.4)."""
    chunk = _ITXT_MARK + text.encode()
    return struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))


def _xmp(text: str) -> bytes:
    """An APP1 segment with an XMP packet (XMP part 3, section 1.1.3)."""
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:pastiche="{NAMESPACE}" pastiche:recipe="{html.escape(text)}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    body = _XMP_MARK + packet.encode()
    if len(body) > _MAX_SEGMENT_BYTES:
        return b""
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _after_jfif(data: bytes) -> int:
    """Behind the start mark and, where there is one, the JFIF segment, which has to be first."""
    return 4 + struct.unpack(">H", data[4:6])[0] if data[2:4] == b"\xff\xe0" else 2


def _from_itxt(data: bytes) -> str:
    at = data.find(_ITXT_MARK, 4)
    if at < 0:
        return ""
    size = min(int.from_bytes(data[at - 4 : at], "big"), len(_ITXT_MARK) + _MAX_TEXT)
    return data[at + len(_ITXT_MARK) : at + 4 + size].decode("utf-8", "replace")


def _from_xmp(data: bytes) -> str:
    at = data.find(_XMP_MARK)
    text = data[at : at + _MAX_SEGMENT_BYTES].decode("utf-8", "replace") if at >= 0 else ""
    found = re.search(r'pastiche:recipe="([^"]*)"', text) if NAMESPACE in text else None
    return html.unescape(found[1]) if found else ""
