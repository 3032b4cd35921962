"""One visit, and the boundary where its errors become sentences."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable

from nicegui import Client
from nicegui.element import Element

from bot.texts import as_told, explain, say
from bot.web.elements import put_text
from bot.web.form.types import Desk
from bot.web.results_list import Wall
from bot.web.shared import Studio
from nst.errors import OperatorError, PasticheError

log = logging.getLogger(__name__)


class Visit:
    """An open page of one session; its furniture, and what it counts for in memory, are put in by the page.

    Attributes:
        forgotten: How many pictures were forgotten just now, at the visitor's word; else None.

    Args:
        studio: What all visits share.
        user: The session's key.
        language: The visitor's.
        client: NiceGUI's side of the page.
        address: Where the visitor comes from, as ``throttle.address_key``.
    """

    forgotten: int | None = None
    banner: Element
    weigh: Callable[[], None]
    composer: Desk
    wall: Wall

    def __init__(self, studio: Studio, user: str, language: str, client: Client, address: str) -> None:
        self.studio = studio
        self.user = user
        self.language = language
        self.client = client
        self.address = address

    @contextlib.asynccontextmanager
    async def boundary(self, about: str) -> AsyncIterator[None]:
        """Where errors become sentences, and where new elements find their page.

        Args:
            about: Where to say them: ``banner``, ``content``, ``style``, ``recipe`` or ``paint``.
        """
        try:
            with self.client:
                yield
        except PasticheError as error:
            told = as_told(error)
            if isinstance(told, OperatorError):
                self._tell("banner", say("web.away", self.language))
            else:
                self._tell("paint" if about == "banner" else about, explain(told, self.language))
        except Exception:  # the frontend's boundary: the log has it, the visitor a sentence
            if not self.client.is_deleted:  # else the page was closed in the middle of something
                log.exception("A visit stumbled")
                self._tell("paint", say("web.unforeseen", self.language))

    def _tell(self, about: str, sentence: str) -> None:
        if self.client.is_deleted:
            return
        if about == "banner":
            put_text(self.banner, sentence)
        else:
            self.composer.complain(sentence, about)
