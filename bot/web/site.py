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
from starlette.datastructures import MutableHeaders
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.chat.access import Access
from bot.chat.recipe_codes import RecipeCodes
from bot.chat.service import StyleService
from bot.presets.catalogue import load_presets
from bot.settings import Settings
from bot.texts import say
from bot.web import downloads, files
from bot.web.elements import STATIC, tag
from bot.web.gallery.routes import Gallery
from bot.web.how_page import show_how
from bot.web.operator_page import OperatorPage
from bot.web.plain_page import busy
from bot.web.playground import show_playground
from bot.web.protection.guard import HEALTH, Guard, Place
from bot.web.protection.throttle import Throttle
from bot.web.queue_listener import deliveries
from bot.web.session_jobs import Album
from bot.web.shared import FRONTEND, SESSION_S, Studio, cookie_secret, language_of
from bot.web.studio_page import forget_page, show_page
from nst.errors import BusyError

# Headers that every answer carries.
# NiceGUI's page has inline scripts without nonces and compiles Vue templates in the browser: hence the two "unsafe".
# What the policy still gives: nothing is loaded from, or sent to, any other address; no frames, no plug-ins.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_YEAR_S = 365 * 86_400
_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class SecurityHeaders:
    """ASGI middleware that adds them where the answer has none of its own.

    Args:
        app: What answers.
        secure: Whether visitors come over TLS, and are never again to come without.
    """

    def __init__(self, app: ASGIApp, secure: bool = False) -> None:
        self._app = app
        self._headers = _HEADERS | ({"Strict-Transport-Security": f"max-age={_YEAR_S}"} if secure else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add the headers to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


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

    room = files.Room()

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
        *files.routes(studio, room),
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
