"""Pictures over HTTP: uploads come in checked, and go out to the session that they belong to and to nobody else."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path

from PIL import Image, ImageOps
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bot.presets.catalogue import thumbnail
from bot.texts import as_told, explain, say
from bot.web.samples import sample_photograph
from bot.web.studio import Studio
from bot.web.throttle import UPLOADS, address_key
from bot.web.visitors import language_of, user_of
from nst.errors import JobError, OperatorError, PasticheError, UserError
from nst.image_header import DEFAULT_LIMITS
from nst.mp4_boxes import is_mp4

THUMBNAIL_PX = 192
SAMPLE_PX = 112
_AT_ONCE = 4  # uploads held in memory at the same time, 20 MiB each at most
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


def routes(studio: Studio) -> list[BaseRoute]:
    """The routes for pictures."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def upload(request: Request) -> Response:
        async with gate:
            return await _upload(studio, request)

    return [
        Route("/pictures", upload, methods=["POST"]),
        Route("/pictures/{digest}", _bound(_show, studio)),
        Route("/presets/{name}", _bound(_thumbnail, studio)),
        Route("/samples/{name}", _sample),
    ]


def media_type(data: bytes) -> str:
    """The type of a stored picture by its first bytes; these are pictures that were checked on arrival."""
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if is_mp4(data):
        return "video/mp4"
    return "image/avif" if data[4:12] in (b"ftypavif", b"ftypavis") else "application/octet-stream"


def _bound(
    answer: Callable[[Studio, Request], Awaitable[Response]], studio: Studio
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await answer(studio, request)

    return endpoint


async def _upload(studio: Studio, request: Request) -> Response:
    language = language_of(request.headers.get("accept-language"), studio.language)
    user = user_of(request.session)
    # The header makes browsers ask first before another site's page may send anything here.
    if user is None or "x-pastiche" not in request.headers:
        return JSONResponse({"sentence": say("web.upload_failed", language)}, 403)
    try:
        address = address_key(request.client and request.client.host)
        await asyncio.to_thread(studio.throttle.take, UPLOADS, user, address)
        picture = await studio.service.keep(await _body(request), user, address)
        await asyncio.to_thread(studio.album.let_see, user, picture)
    except UserError as error:
        return JSONResponse({"sentence": explain(error, language)}, 422)
    except ClientDisconnect:  # nobody is there to hear of it
        return Response(status_code=400)
    except PasticheError as error:
        told = as_told(error)
        if isinstance(told, OperatorError):
            return JSONResponse({"sentence": say("web.away", language)}, 503)
        return JSONResponse({"sentence": explain(told, language)}, 429)  # too much at once
    return JSONResponse({"picture": picture})


async def _body(request: Request) -> bytes:
    """The upload, refused as soon as it is known to be too large."""
    announced = request.headers.get("content-length", "")
    _check_size(int(announced) if announced.isdigit() else 0)
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        _check_size(len(received))
    return bytes(received)


def _check_size(size_bytes: int) -> None:
    allowed = DEFAULT_LIMITS.max_bytes
    if size_bytes > allowed:
        raise UserError("image_too_many_bytes", {"received_bytes": size_bytes, "allowed_bytes": allowed})


async def _show(studio: Studio, request: Request) -> Response:
    user, digest = user_of(request.session), str(request.path_params["digest"])
    try:
        if user is None or not await asyncio.to_thread(studio.album.may_see, user, digest):
            return Response(status_code=404)
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
    return Response(data, media_type=media_type(data), headers=headers)


async def _thumbnail(studio: Studio, request: Request) -> Response:
    preset = studio.presets.get(str(request.path_params["name"]))
    if preset is None:
        return Response(status_code=404)
    try:
        data = await asyncio.to_thread(thumbnail, preset, THUMBNAIL_PX)
    except OSError:  # the operator's folder may change
        return Response(status_code=404)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


async def _sample(request: Request) -> Response:
    path = sample_photograph(str(request.path_params["name"]))
    if path is None:
        return Response(status_code=404)
    data = await asyncio.to_thread(_small, path)
    return Response(data, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=3600"})


@cache
def _small(path: Path) -> bytes:
    """A sample's thumbnail."""
    with Image.open(path) as opened:
        small = ImageOps.fit(opened.convert("RGB"), (SAMPLE_PX, SAMPLE_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
