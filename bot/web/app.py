"""``pastiche web``: the local web chat as a process of its own, in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import partial
from typing import Any, cast

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
from nst.errors import BusyError, OperatorError
from workers.store.connection import connect

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


_GRACE_S = 2  # sockets that are still open are closed after that
_BACKLOG = 128
_MESSAGE_BYTES = 1024 * 1024  # of a socket; pictures come over HTTP
_COOKIE = "pastiche"
# Client libraries that engineio would load if they are there; a server has no use for them (20 MiB, a third of the
# start-up).
_UNUSED = ("aiohttp", "requests", "tornado", "websocket")


def serve(settings: Settings) -> None:
    """Serve until told to stop.

    Args:
        settings: ``WEB_HOST``, ``WEB_PORT`` (0 takes a free one), ``REDIS_URL``, ``PRESETS_DIR``, ``DATA_DIR`` (the
            key that signs cookies) and ``LANGUAGE``.

    Raises:
        OperatorError: ``port_taken`` or ``queue_unavailable``.
    """
    listener = listen(settings.web_host, settings.web_port)
    connection = connect(settings.redis_url)
    _import_nicegui(settings)
    import uvicorn

    from bot.web.protection.guard import Place
    from bot.web.protection.listener import HttpSocket, Sockets, WebSocket

    address = f"http://{settings.web_host}:{listener.getsockname()[1]}"
    place = Place(settings.web_public_url, settings.web_host, settings.trusted_proxies, settings.language)
    site = build_site(settings, connection, address, place)
    sockets = Sockets(place.trusts)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    config = uvicorn.Config(
        site,
        log_config=None,
        access_log=False,
        http=cast("Any", partial(HttpSocket, sockets)),
        ws=cast("Any", partial(WebSocket, sockets)),
        ws_max_size=_MESSAGE_BYTES,
        proxy_headers=False,  # uvicorn would believe whoever comes from 127.0.0.1; ``guard`` asks the settings
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Take the address, before anything costly is done.

    Args:
        host: Name or address.
        port: 0 for a free one.

    Raises:
        OperatorError: ``port_taken``, also where the address is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise OperatorError("bad_setting", {"setting": "WEB_HOST", "received": host, "allowed": str(error)}) from None
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise OperatorError("port_taken", {"host": host, "port": port}) from None
        raise OperatorError("bad_setting", {"setting": "WEB_HOST", "received": host, "allowed": str(error)}) from None
    return listener


def _import_nicegui(settings: Settings) -> None:
    """NiceGUI decides at import where it would store things: in our data folder, not in the working one."""
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(settings.data_dir / "web"))
    with _hidden(_UNUSED):
        import nicegui  # noqa: F401


@contextlib.contextmanager
def _hidden(names: tuple[str, ...]) -> Iterator[None]:
    """Make optional imports fail for a while."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # None is how Python says "not there"
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


# The site: what is at which address, and NiceGUI's page in the middle of it.
log = logging.getLogger(__name__)

Answer = Callable[[Request], Awaitable[Response]]

_PING_S = 2.0
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
