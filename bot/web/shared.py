"""What all visits share: the service, the album, the presets, and who is here to be told."""

from __future__ import annotations

import hashlib
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bot.chat.access import Access
from bot.chat.recipe_codes import RecipeCodes
from bot.chat.service import StyleService
from bot.presets.catalogue import Preset
from bot.texts import languages
from bot.web.loss_curves import Curves
from bot.web.protection.shares import Shares
from bot.web.protection.throttle import Throttle
from bot.web.session_jobs import Album
from workers.contract import Event, Result

# Who visits, and what language they read.
log = logging.getLogger(__name__)

SESSION_S = 30 * 86_400
_SECRET_FILE = "web-secret"  # noqa: S105 - the file's name, not the secret


def user_of(session: Mapping[str, Any]) -> str | None:
    """The queue's key for a browser session, or None before its first page.

    The session's id stays in the signed cookie: only a hash of it goes into Redis.

    Args:
        session: What the cookie holds.
    """
    session_id = session.get("id")
    if not isinstance(session_id, str) or not session_id:
        return None
    return "web-" + hashlib.sha256(session_id.encode()).hexdigest()[:32]


def language_of(accept_language: str | None, default: str) -> str:
    """The language that a browser likes best of those that there are (RFC 9110, section 12.5.4).

    Args:
        accept_language: The header, such as ``fr-CA,fr;q=0.9,en;q=0.8``.
        default: Where it names none of them.
    """
    liked = []
    for place, part in enumerate((accept_language or "")[:200].split(",")):
        tag, _, weight = part.strip().partition(";q=")
        code = tag.split("-")[0].strip().lower()
        if code in languages() and _quality(weight) > 0:
            liked.append((-_quality(weight), place, code))
    return min(liked)[2] if liked else default


def _quality(weight: str) -> float:
    try:
        return float(weight) if weight else 1.0
    except ValueError:
        return 0.0


def cookie_secret(data_dir: Path) -> str:
    """The key that signs session cookies: one per data folder, so that a restart ends no session.

    Args:
        data_dir: Where it is kept, readable by its owner alone. If nothing can be written there, the key lives as
            long as the process.
    """
    path = data_dir / _SECRET_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_hex(32), encoding="ascii")
        kept = path.read_text(encoding="ascii").strip()
    except OSError as error:
        log.warning("The cookies' key cannot be kept (%s): sessions end with this process", type(error).__name__)
        kept = ""
    return kept if len(kept) >= 32 else secrets.token_hex(32)


FRONTEND = "web"
# NiceGUI holds 5 to 6 KiB for each element of an open page: 150 studios or 80 playgrounds, or fewer with full walls.
ELEMENTS, PAGES_OF_AN_ADDRESS = 30_000, 80


class Visitor(Protocol):
    """An open page. Both calls may come for jobs that it does not show."""

    async def hear(self, event: Event) -> None:
        """A job went on."""

    async def receive(self, result: Result) -> None:
        """A job ended."""

    async def begin_anew(self, forgotten: int) -> None:
        """So many pictures of the session were forgotten: nothing is left to show."""


class Doorbell:
    """Tells open pages about their session's jobs."""

    def __init__(self) -> None:
        self._visitors: dict[str, set[Visitor]] = {}

    def enter(self, user: str, visitor: Visitor) -> None:
        """A page of a session was opened."""
        self._visitors.setdefault(user, set()).add(visitor)

    def leave(self, user: str, visitor: Visitor) -> None:
        """It was closed; harmless when it was closed before."""
        self._visitors.get(user, set()).discard(visitor)
        if not self._visitors.get(user):
            self._visitors.pop(user, None)

    async def tell(self, event: Event) -> None:
        """Pass progress on. Events carry no user: each page knows its own jobs."""
        for visitor in [visitor for visitors in self._visitors.values() for visitor in visitors]:
            await visitor.hear(event)

    async def begin_anew(self, user: str, forgotten: int) -> None:
        """Have all pages of a session begin anew."""
        for visitor in list(self._visitors.get(user, ())):
            await visitor.begin_anew(forgotten)

    async def hand_over(self, result: Result) -> int:
        """Give a result to all pages of its session.

        Returns:
            How many there were.
        """
        visitors = list(self._visitors.get(result.user, ()))
        for visitor in visitors:
            await visitor.receive(result)
        return len(visitors)


@dataclass(frozen=True)
class Studio:
    """What all visits share.

    Attributes:
        service: The use cases.
        album: Who has which jobs and pictures.
        presets: All presets by name.
        recipes: Recipes by code.
        access: Whose a picture is.
        throttle: How much a session and an address may ask for.
        language: For browsers that name none that is spoken here.
        doorbell: Tells open pages.
        curves: The losses of what runs.
        pages: Who has how much of the elements, on all pages, that fit into memory.
    """

    service: StyleService
    album: Album
    presets: Mapping[str, Preset]
    throttle: Throttle
    recipes: RecipeCodes
    access: Access
    language: str
    doorbell: Doorbell = field(default_factory=Doorbell)
    curves: Curves = field(default_factory=Curves)
    pages: Shares = field(default_factory=lambda: Shares(ELEMENTS, PAGES_OF_AN_ADDRESS))
