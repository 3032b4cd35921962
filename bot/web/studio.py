"""What all visits share: the service, the album, the presets, and who is here to be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.chat.access import Access
from bot.presets.catalogue import Preset
from bot.recipe_codes import RecipeCodes
from bot.service import StyleService
from bot.web.album import Album
from bot.web.curves import Curves
from bot.web.shares import Shares
from bot.web.throttle import Throttle
from workers.contract import Event, Result

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
