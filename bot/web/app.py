"""``pastiche web``: the local web chat as a process of its own, in the foreground."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, cast

from bot.settings import Settings
from nst.errors import OperatorError
from workers.store.connection import connect

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
    from bot.web.site import build_site

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
