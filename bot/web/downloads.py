"""``/pastiches/JOB``: a finished picture as a file to keep, with its recipe in it, for the session that painted it."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.chat.captions import percent
from bot.chat.fitting import suffix
from bot.chat.recipe_codes import Recipe
from bot.chat.recipe_files import with_recipe
from bot.web.files import Leaving, Room
from bot.web.shared import Studio, user_of
from nst.errors import JobError, OperatorError
from workers.contract import Job


def routes(studio: Studio, room: Room) -> list[BaseRoute]:
    """The routes for downloads."""

    async def download(request: Request) -> Response:
        try:
            return await _answer(studio, room, request)
        except JobError:
            return Response(status_code=404)
        except OperatorError:
            return Response(status_code=503)

    return [Route("/pastiches/{job_id}", download)]


def download_url(job: Job) -> str:
    """Where a job's picture is to be had."""
    return f"/pastiches/{job.job_id}"


def file_name(job: Job, media_type: str) -> str:
    """What the file is called, such as ``pastiche-mosaic-70.jpg``."""
    style = job.style_label.replace(" ", "-") or "own"
    return f"pastiche-{style}-{percent(job.options)}{suffix(media_type)}"


async def _answer(studio: Studio, room: Room, request: Request) -> Response:
    user, job_id = user_of(request.session), str(request.path_params["job_id"])
    entry = await asyncio.to_thread(studio.album.entry, user, job_id) if user else None
    result = await studio.service.result(job_id) if entry else None
    if entry is None or result is None or not result.picture:
        return Response(status_code=404)
    async with room.places:
        data = with_recipe(await studio.service.picture(result.picture), Recipe.of(entry.job))
    return Leaving(
        data,
        room,
        media_type=result.media_type,
        headers={
            "Content-Disposition": f'attachment; filename="{_ascii(file_name(entry.job, result.media_type))}"',
            "Cache-Control": "private, no-store",
        },
    )


def _ascii(name: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._") else "-" for c in name)
