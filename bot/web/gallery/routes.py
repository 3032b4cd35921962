"""The gallery's addresses, and what they answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

import redis
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.challenges.model import FINISHED, VOTABLE, Challenge
from bot.challenges.pictures import SHOWN_PX, is_light
from bot.presets.catalogue import Preset
from bot.texts import explain, say
from bot.web.gallery.pages import Pages, description
from bot.web.gallery.preview_card import draw_card
from bot.web.gallery.shown import Shown, slug_of
from bot.web.plain_page import Sheet, answer
from bot.web.shared import language_of
from nst.errors import JobError, OperatorError, UserError

_KEPT_S = 300
_CARD_PICTURES = 5
Answer = Callable[[Request], Awaitable[Response]]


class Gallery:
    """The gallery's answers.

    Args:
        connection: To the queue's Redis.
        presets: All presets by name.
        language: For browsers that name none that is spoken here.
        url: Where the site is reached; a request's own Host header is anybody's to write.
        listed: Whether all challenges are listed for everybody; else each is found by its link alone, which nobody
            can guess and its own chat is given.
    """

    def __init__(
        self, connection: redis.Redis, presets: Mapping[str, Preset], language: str, url: str, *, listed: bool = False
    ) -> None:
        self._shown = Shown(connection, presets)
        self._presets = presets
        self._language = language
        self._url, self._listed = url, listed
        self._poster = lru_cache(maxsize=16)(self._draw_poster)
        self._card = lru_cache(maxsize=32)(self._draw_card)
        self._small = lru_cache(maxsize=32)(self._reduce)
        self._drawing = asyncio.Semaphore(1)

    def routes(self) -> list[BaseRoute]:
        """Every route, behind the boundary that turns errors into pages."""
        found: list[tuple[str, Answer]] = [
            ("/challenges", self._index),
            ("/challenges/{slug}", self._challenge),
            ("/challenges/{slug}/poster", self._show_poster),
            ("/challenges/{slug}/card", self._show_card),
            ("/challenges/{slug}/style", self._show_style),
            ("/challenges/{slug}/entries/{entry}/{kind}", self._show_entry),
        ]
        return [Route(path, self._guarded(handle)) for path, handle in found]

    def _guarded(self, handle: Answer) -> Answer:
        async def guarded(request: Request) -> Response:
            try:
                return await handle(request)
            except UserError as error:
                return self._lost(request, explain(error, self._language_of(request)), 404)
            except JobError:
                return Response(status_code=404)
            except OperatorError:
                return self._lost(request, say("web.away", self._language_of(request)), 503)

        return guarded

    async def _index(self, request: Request) -> Response:
        language = self._language_of(request)
        challenges = await asyncio.to_thread(self._shown.challenges) if self._listed else []
        title, tagline = (say(f"gallery.{key}", language) for key in ("title", "tagline"))
        sheet = Sheet(
            title=title,
            tagline=tagline,
            language=language,
            here="challenges",
            address=f"{self._url}/challenges",
        )
        return answer(sheet, *Pages(self._presets, language).index(challenges, "none" if self._listed else "unlisted"))

    async def _challenge(self, request: Request) -> Response:
        language, challenge = self._language_of(request), await self._find(request)
        path = f"/challenges/{slug_of(challenge)}"
        if request.url.path != path:
            return RedirectResponse(path, 301)
        picture = "card"
        if challenge.state in FINISHED:
            results = await asyncio.to_thread(self._shown.core.gallery.results, challenge.challenge_id)
            picture = "card" if results.spoiler else "poster"  # a link's picture is hidden nowhere
        sheet = Sheet(
            title=challenge.theme,
            tagline=description(challenge, self._presets, language),
            language=language,
            address=self._url + path,
            picture=f"{self._url}/challenges/{challenge.challenge_id}/{picture}",
            picture_alt=challenge.theme,
        )
        return await self._page(request, challenge, sheet)

    async def _page(self, request: Request, challenge: Challenge, sheet: Sheet) -> HTMLResponse:
        pages = Pages(self._presets, sheet.language)
        if challenge.state in FINISHED:
            number = request.query_params.get("page", "1")
            gallery = self._shown.core.gallery
            wanted = int(number) if number.isdecimal() and len(number) < 6 else 1
            page = await asyncio.to_thread(gallery.page, challenge.challenge_id, wanted)
            home = challenge.chats[0].key if challenge.chats else ""
            ranked = await asyncio.to_thread(gallery.leaderboard, home)
            return answer(sheet, *pages.results(page, ranked))
        if challenge.state in VOTABLE:
            return answer(sheet, *pages.ballot(challenge, await asyncio.to_thread(self._shown.ballot, challenge)))
        return answer(sheet, *pages.challenge(challenge))

    async def _show_poster(self, request: Request) -> Response:
        challenge = await self._find(request)
        await asyncio.to_thread(self._shown.core.gallery.results, challenge.challenge_id)  # else there is none to draw
        return await self._drawn(self._poster, challenge.challenge_id, challenge.version, self._language_of(request))

    async def _show_card(self, request: Request) -> Response:
        return await self._drawn(self._card, await self._find(request), self._language_of(request))

    async def _show_style(self, request: Request) -> Response:
        challenge = await self._find(request)
        if challenge.style_label in self._presets:
            return await self._drawn(self._small, "", challenge.style_label)
        return await self._show(challenge.style_kept)

    async def _show_entry(self, request: Request) -> Response:
        challenge, kind = await self._find(request), request.path_params["kind"]
        if kind not in ("after", "before"):
            return Response(status_code=404)
        entry = str(request.path_params["entry"])
        digest = await asyncio.to_thread(self._shown.picture, challenge, entry, kind == "before")
        return await self._show(digest)

    async def _show(self, digest: str) -> Response:
        """A kept picture, as it lies there: it was made small when it was given."""
        if not digest:
            return Response(status_code=404)
        data = await asyncio.to_thread(self._shown.core.entries.picture, digest)
        return _jpeg(data) if is_light(data) else await self._drawn(self._small, digest)

    async def _drawn(self, draw: Callable[..., bytes], *what: Any) -> Response:
        """What has to be drawn, or was kept by a release that kept large ones only: one at a time."""
        async with self._drawing:
            return _jpeg(await asyncio.to_thread(draw, *what))

    async def _find(self, request: Request) -> Challenge:
        return await asyncio.to_thread(self._shown.challenge, str(request.path_params["slug"]))

    def _draw_poster(self, challenge_id: str, version: int, language: str) -> bytes:
        return self._shown.core.gallery.poster(challenge_id, language).data

    def _draw_card(self, challenge: Challenge, language: str) -> bytes:
        pages = Pages(self._presets, language)
        shown = challenge.style and not challenge.style_spoiler  # nothing hides a link's picture
        pictures = self._best(challenge) or ([self._style(challenge)] if shown else [])
        if not pictures:
            pictures = [self._small("", name) for name in list(self._presets)[:_CARD_PICTURES]]
        kicker = say("challenge.poster_kicker", language)
        return draw_card(challenge.theme, kicker, pages.state(challenge), pictures)

    def _best(self, challenge: Challenge) -> list[bytes]:
        """The first few of a challenge that is over."""
        if challenge.state not in FINISHED:
            return []
        page = self._shown.core.gallery.page(challenge.challenge_id, per_page=_CARD_PICTURES)
        return [self._small(one.entry.small) for one in page.placed if not one.entry.spoiler]

    def _style(self, challenge: Challenge) -> bytes:
        known = challenge.style_label in self._presets
        return self._small("", challenge.style_label) if known else self._small(challenge.style_kept)

    def _reduce(self, digest: str, preset: str = "") -> bytes:
        """A kept picture, or a preset's, made small.

        Raises:
            JobError: ``job_expired``: it is not kept.
            UserError: It would take too much memory.
        """
        data = self._presets[preset].picture.read_bytes() if preset else self._shown.core.entries.picture(digest)
        return data if is_light(data) else self._shown.core.pictures.reduced(data, SHOWN_PX)

    def _language_of(self, request: Request) -> str:
        return language_of(request.headers.get("accept-language"), self._language)

    def _lost(self, request: Request, sentence: str, status: int) -> HTMLResponse:
        language = self._language_of(request)
        sheet = Sheet(title=say("gallery.title", language), tagline=sentence, language=language, here="challenges")
        return answer(sheet, status=status)


def _jpeg(data: bytes) -> Response:
    headers = {"Cache-Control": f"public, max-age={_KEPT_S}", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(data, media_type="image/jpeg", headers=headers)
