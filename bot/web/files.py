"""Pictures over HTTP: uploads come in checked, and go out to the session that they belong to and to nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from bot.presets.catalogue import thumbnail
from bot.texts import as_told, explain, say
from bot.web.form.fields import sample_photograph
from bot.web.protection.pace import PIECE_BYTES
from bot.web.protection.shares import Shares
from bot.web.protection.throttle import UPLOADS, address_of
from bot.web.shared import Studio, language_of, user_of
from nst.errors import BusyError, JobError, OperatorError, PasticheError, UserError
from nst.pictures.clip_header import is_film
from nst.pictures.header import DEFAULT_LIMITS
from nst.pictures.mp4 import is_mp4

THUMBNAIL_PX = 192
SAMPLE_PX = 112
_AT_ONCE = 2  # pictures that are checked, stored or fetched at the same time, 20 MiB each at most
_ARRIVING_BYTES, _ARRIVING_OF_AN_ADDRESS = 48 * 2**20, 8
_LEAVING_BYTES = 32 * 2**20
_RETRY_S = 10
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


class Room:
    """What there is room for: pictures that arrive, that are worked on, and that leave."""

    def __init__(self) -> None:
        self.arriving = Shares(_ARRIVING_BYTES, _ARRIVING_OF_AN_ADDRESS)
        self.leaving = Shares(_LEAVING_BYTES)
        self.places = asyncio.Semaphore(_AT_ONCE)


def routes(studio: Studio, room: Room) -> list[BaseRoute]:
    """The routes for pictures."""

    async def upload(request: Request) -> Response:
        return await _upload(studio, room, request)

    async def show(request: Request) -> Response:
        return await _show(studio, room, request)

    @cache  # there are as many as presets
    def drawn(name: str) -> bytes:
        return thumbnail(studio.presets[name], THUMBNAIL_PX)

    async def show_preset(request: Request) -> Response:
        name = str(request.path_params["name"])
        if name not in studio.presets:
            return Response(status_code=404)
        try:
            async with room.places:
                data = await asyncio.to_thread(drawn, name)
        except OSError:  # the operator's folder may change
            return Response(status_code=404)
        return _public(data)

    return [
        Route("/pictures", upload, methods=["POST"]),
        Route("/pictures/{digest}", show),
        Route("/presets/{name}", show_preset),
        Route("/samples/{name}", _sample),
    ]


def media_type(data: bytes) -> str:
    """The type of a stored picture by its first bytes; these are pictures that were checked on arrival."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if is_film(data):
        return "video/mp4" if is_mp4(data) else "video/webm"
    return "image/avif" if data[4:12] in (b"ftypavif", b"ftypavis") else "application/octet-stream"


class Leaving(Response):
    """A picture on its way out; if too many are taken too slowly, the address that holds most loses one of its own.

    Args:
        data: The file.
        room: Where it counts.
        given: As ``Response`` has it.
    """

    def __init__(self, data: bytes, room: Room, **given: Any) -> None:
        super().__init__(data, **given)
        self._room = room

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, a piece at a time."""
        size, share = len(self.body), self._room.leaving.take(address_of(scope), self._drop, len(self.body))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            for start in range(0, size, PIECE_BYTES):
                if not self.body:
                    raise ClientDisconnect
                piece = bytes(self.body[start : start + PIECE_BYTES])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body"})
        finally:
            if share:
                self._room.leaving.leave(share)

    def _drop(self) -> None:
        self.body = b""


async def _upload(studio: Studio, room: Room, request: Request) -> Response:
    language = language_of(request.headers.get("accept-language"), studio.language)
    user = user_of(request.session)
    # The header makes browsers ask first before another site's page may send anything here.
    if user is None or "x-pastiche" not in request.headers:
        return JSONResponse({"sentence": say("web.upload_failed", language)}, 403)
    address = address_of(request.scope)
    try:
        await asyncio.to_thread(studio.throttle.take, UPLOADS, user, address)
        async with _arrived(request, room.arriving, address) as arrived, room.places:
            picture = await studio.service.keep(arrived.whole(), user, address)
        await asyncio.to_thread(studio.album.shown.note, user, picture)
    except UserError as error:
        return JSONResponse({"sentence": explain(error, language)}, 422)
    except ClientDisconnect:  # or too slow to be waited for
        return JSONResponse({"sentence": say("web.upload_failed", language)}, 408)
    except PasticheError as error:
        told = as_told(error)
        if isinstance(told, OperatorError):
            return JSONResponse({"sentence": say("web.away", language)}, 503)
        return JSONResponse({"sentence": explain(told, language)}, 429)  # too much at once
    return JSONResponse({"picture": picture})


class _Upload:
    """What has come of a picture; it may be taken away while it comes, and while it waits for its turn."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._taken = False

    def add(self, chunk: bytes) -> None:
        """Some more."""
        self._data += chunk
        _check_size(len(self._data))

    def give_way(self) -> None:
        """Others need the room."""
        self._data, self._taken = bytearray(), True

    def whole(self) -> bytes:
        """All of it, which is handed over and held here no longer.

        Raises:
            BusyError: It was taken away.
        """
        if self._taken:
            raise _busy()
        data, self._data = bytes(self._data), bytearray()
        return data


@contextlib.asynccontextmanager
async def _arrived(request: Request, arriving: Shares, address: str) -> AsyncIterator[_Upload]:
    """An upload once it is here as a whole: on its way it has no place, only what has come of it counts.

    Raises:
        UserError: As soon as it is known to be too large.
        BusyError: Too many of this address are on their way, or it had most of the room and others needed it.
        ClientDisconnect: It did not come, or too slowly.
    """
    announced = request.headers.get("content-length", "")
    _check_size(int(announced) if announced.isdigit() else 0)
    upload = _Upload()
    share = arriving.take(address, upload.give_way, 0)
    if share is None:
        raise _busy()
    try:
        async for chunk in request.stream():
            upload.add(chunk)
            arriving.grow(share, len(chunk))
        yield upload
    finally:
        arriving.leave(share)


def _busy() -> BusyError:
    return BusyError("rate_limited", {"retry_after_s": _RETRY_S})


def _check_size(size_bytes: int) -> None:
    allowed = DEFAULT_LIMITS.max_bytes
    if size_bytes > allowed:
        raise UserError("image_too_many_bytes", {"received_bytes": size_bytes, "allowed_bytes": allowed})


async def _show(studio: Studio, room: Room, request: Request) -> Response:
    user, digest = user_of(request.session), str(request.path_params["digest"])
    try:
        if user is None or not await asyncio.to_thread(studio.album.shown.has, user, digest):
            return Response(status_code=404)
        async with room.places:
            data = await studio.service.picture(digest)
    except JobError:
        return Response(status_code=404)
    except OperatorError:
        return Response(status_code=503)
    headers = {
        "Cache-Control": "private, max-age=86400, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": "inline",
    }
    return Leaving(data, room, media_type=media_type(data), headers=headers)


async def _sample(request: Request) -> Response:
    path = sample_photograph(str(request.path_params["name"]))
    if path is None:
        return Response(status_code=404)
    data = await asyncio.to_thread(_small, path)
    return _public(data)


def _public(data: bytes) -> Response:
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


@cache
def _small(path: Path) -> bytes:
    """A sample's thumbnail."""
    with Image.open(path) as opened:
        small = ImageOps.fit(opened.convert("RGB"), (SAMPLE_PX, SAMPLE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
