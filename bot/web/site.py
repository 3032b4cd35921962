"""The site: what is at which address, and NiceGUI's page in the middle of it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable

import redis
from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui
from redis.exceptions import RedisError
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from bot.chat.access import Access
from bot.presets.catalogue import load_presets
from bot.recipe_codes import RecipeCodes
from bot.service import StyleService
from bot.settings import Settings
from bot.texts import say
from bot.web import downloads, pictures
from bot.web.album import Album
from bot.web.gallery.frame import busy
from bot.web.gallery.routes import Gallery
from bot.web.guard import HEALTH, Guard, Place
from bot.web.headers import SecurityHeaders
from bot.web.how import show_how
from bot.web.markup import STATIC, tag
from bot.web.operator import OperatorPage
from bot.web.page import forget_page, show_page
from bot.web.playground import show_playground
from bot.web.post import deliveries
from bot.web.studio import FRONTEND, Studio
from bot.web.throttle import Throttle
from bot.web.visitors import SESSION_S, cookie_secret, language_of
from nst.errors import BusyError

log = logging.getLogger(__name__)

Answer = Callable[[Request], Awaitable[Response]]

_PING_S = 2.0
_COOKIE = "pastiche"
_PAGE_S = 20.0  # above the two seconds after which a queue that is away is given up


def build_site(settings: Settings, connection: redis.Redis, address: str, place: Place) -> FastAPI:
    """Put the site together; NiceGUI has one application per process, so once.

    Args:
        settings: What the operator set.
        connection: To the queue's Redis; closed when the site ends.
        address: Where it is served: for the log, and for links where no public address is set.
        place: What the guard has to know of it.
    """
    presets = load_presets(settings.presets_dir)
    throttle = Throttle(connection)
    studio = Studio(
        service=StyleService(connection, presets, FRONTEND, settings.limits),
        album=Album(connection),
        presets=presets,
        throttle=throttle,
        recipes=RecipeCodes(connection),
        access=Access(connection),
        language=settings.language,
    )

    room = pictures.Room()

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with deliveries(studio, connection, settings.redis_url):
            log.info("The web chat is at %s", address)
            yield
        connection.close()

    site = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    site.router.routes += [
        Route(HEALTH, _healthz(connection)),
        Mount("/static", StaticFiles(directory=STATIC)),
        *pictures.routes(studio, room),
        *downloads.routes(studio, room),
        *Gallery(
            connection,
            presets,
            settings.language,
            settings.web_public_url or address,
            listed=settings.web_list_challenges,
        ).routes(),
        *_operator(settings, connection),
    ]
    secret = cookie_secret(settings.data_dir)
    site.add_middleware(
        SessionMiddleware,
        secret_key=secret,
        session_cookie=_COOKIE,
        max_age=SESSION_S,
        same_site="lax",
        https_only=place.secure,
    )
    site.add_middleware(Guard, place=place, throttle=throttle)
    site.add_middleware(SecurityHeaders, secure=place.secure)
    _add_pages(site, studio, secret)
    return site


def _add_pages(site: FastAPI, studio: Studio, secret: str) -> None:
    async def serve(show: Callable[[Studio, Request], Awaitable[None]], request: Request) -> Response | None:
        try:
            await show(studio, request)
        except BusyError as error:
            forget_page(ui.context.client)
            return busy(error, language_of(request.headers.get("accept-language"), studio.language))
        return None

    @ui.page("/", response_timeout=_PAGE_S)
    async def page(request: Request) -> Response | None:
        return await serve(show_page, request)

    @ui.page("/playground", response_timeout=_PAGE_S, title="Pastiche: playground")
    async def playground(request: Request) -> Response | None:
        return await serve(show_playground, request)

    @ui.page("/how", response_timeout=_PAGE_S, title="Pastiche: how it works")
    async def how(request: Request) -> Response | None:
        return await serve(show_how, request)

    nicegui_app.on_page_exception(lambda: tag("p", "lost", say("web.unforeseen", studio.language)))
    nicegui_app.add_exception_handler(404, _nothing_here(studio.language))
    ui.run_with(
        site,
        title="Pastiche",
        favicon=STATIC / "favicon.svg",
        dark=None,
        tailwind=False,
        storage_secret=secret,
        show_welcome_message=False,
        binding_refresh_interval=None,
        reconnect_timeout=10,
    )


def _operator(settings: Settings, connection: redis.Redis) -> list[BaseRoute]:
    password = settings.web_operator_password.get_secret_value()
    return OperatorPage(connection, password, settings.language).routes() if password else []


def _healthz(connection: redis.Redis) -> Answer:
    async def healthz(_: Request) -> Response:
        """200 while Redis answers, else 503."""
        try:
            await asyncio.wait_for(asyncio.to_thread(connection.ping), _PING_S)
        except (RedisError, OSError, TimeoutError):
            return PlainTextResponse("queue unavailable", 503)
        return PlainTextResponse("ok")

    return healthz


def _nothing_here(default_language: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def nothing_here(request: Request, _: Exception) -> Response:
        language = language_of(request.headers.get("accept-language"), default_language)
        return PlainTextResponse(say("web.no_page", language), 404)

    return nothing_here
