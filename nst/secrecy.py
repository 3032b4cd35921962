"""Secrets that are never read in a message, however they are spelt there.

An address whose password holds ``/``, ``#`` or ``?`` is cut elsewhere than its owner thinks, and errors quote the
pieces. So one that is not sound is refused before anything else reads it, and what a process writes is struck.
"""

from __future__ import annotations

import base64
import html
import json
import re
import sys
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, TextIO, cast
from urllib.parse import unquote, urlsplit

HIDDEN = "(hidden)"
SOUND = "an address with / ? # @ % [ ] of its password written as %2F %3F %23 %40 %25 %5B %5D"
_STRUCK = "…"
_LEAST = 4  # characters: a shorter one is a part of everybody's words
_STRIPPED = str.maketrans("", "", "\t\r\n")  # what urllib leaves out of an address
_SECRET_IN_QUERY = re.compile(r"(?:^|&)[^=&]*password=([^&]*)")


def is_sound(url: str) -> bool:
    """Whether everybody reads an address alike: no part of a password passes for a host, a port or a path."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    rest = parts.path + _SECRET_IN_QUERY.sub("", parts.query) + parts.fragment
    outside = "@" in rest and bool(parts.netloc)
    return not outside and url == url.translate(_STRIPPED)


def secrets_in(url: str) -> frozenset[str]:
    """The passwords in an address as they stand there, and as they travel; also where it is not sound."""
    rest = url.partition("://")[2]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    before, at, _ = (authority if "@" in authority or is_sound(url) else rest).rpartition("@")
    user, colon, password = before.partition(":")
    if at and not colon and not is_sound(url):
        password = user
    query = rest.partition("?")[2]
    tail = query.partition("password=")[2]  # all of it, since one with & in it ends earlier than its owner thinks
    found = {password, tail, *_SECRET_IN_QUERY.findall(query), *re.split("[&=]", tail)}
    if password:
        found.add(base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode(errors="replace")).decode())
    return frozenset(found - {""})


def bare(url: str) -> str:
    """An address without user and password; any other text as it is."""
    if "://" not in url or "@" not in url:
        return url
    scheme, _, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    return f"{scheme}://{authority.rpartition('@')[2]}{rest[len(authority) :]}" if is_sound(url) else HIDDEN


class Secrets:
    """What must not be read.

    Args:
        values: Each as it was given; percent-encoded ones are known decoded as well. Those of less than four
            characters are left alone: whatever says nothing but letters would be struck.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        spelt = {form for value in values for form in (value, unquote(value), value.translate(_STRIPPED))}
        self._known = {form for form in spelt if len(form) >= _LEAST}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_spellings, longest_first))) if longest_first else None

    def __or__(self, other: Secrets) -> Secrets:
        """All of both."""
        return Secrets(self._known | other._known)

    def strike(self, text: str) -> str:
        """A text without them: as they are, percent-encoded, escaped as in JSON, Python or HTML, or of all these."""
        return self._pattern.sub(_STRUCK, text) if self._pattern else text

    def guard(self) -> None:
        """Strike them from everything that this process writes to its standard streams from now on."""
        for name in ("stdout", "stderr"):
            stream: Any = getattr(sys, name)
            known = self
            if isinstance(stream, _Guarded):
                stream, known = stream.stream, self | stream.secrets
            setattr(sys, name, cast(TextIO, _Guarded(stream, known)))


def guarded() -> Secrets:
    """What this process strikes from its standard streams: for its children."""
    stream: object = sys.stderr
    return stream.secrets if isinstance(stream, _Guarded) else Secrets()


class _Guarded:
    """A text stream that strikes secrets before it writes."""

    def __init__(self, stream: TextIO, secrets: Secrets) -> None:
        self.stream, self.secrets = stream, secrets

    def write(self, text: str) -> int:
        return self.stream.write(self.secrets.strike(text))

    def writelines(self, lines: Iterable[str]) -> None:
        self.write("".join(lines))

    def __getattr__(self, name: str) -> object:
        return getattr(self.stream, name)


def _spellings(secret: str) -> str:
    """A pattern for a secret as it is, or as somebody may have encoded it, however often.

    Escaping multiplies backslashes, so any number of them is one, and those before a secret go with it. They are taken
    all at once (``++``), and from the first of them on: a line of thousands costs no more than another.
    """
    rest = secret.lstrip("\\")
    run = r"(?:(?i:%5C|&#92;)|\\)"
    pieces = [rf"(?<!\\){run}{'*+' if rest else '++'}"]
    for before, character in pairwise(f"\\{rest}"):
        if character != "\\":
            pieces.append(_spellings_of_one(character, r"\\*+" if before == "\\" else r"\\++"))
        elif before != "\\":
            pieces.append(f"{run}++")
    return "".join(pieces)


def _spellings_of_one(character: str, backslashes: str) -> str:
    """A pattern for one character; the longest form first."""
    encoded = "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))
    escaped = {f"\\x{ord(character):02x}", *(spelt(character)[1:-1] for spelt in (json.dumps, repr, ascii))}
    forms = {encoded, html.escape(character), f"&#{ord(character)};", *escaped} - {character}
    patterns = []
    for form in sorted(forms, key=len, reverse=True):
        first, *others = re.escape(form).split(r"\\")
        patterns.append(first + "".join((backslashes if not i else r"\\++") + piece for i, piece in enumerate(others)))
    plus = "|[+]" if character == " " else ""
    return rf"(?:(?i:{'|'.join(patterns)})|\\*+{re.escape(character)}{plus})"
