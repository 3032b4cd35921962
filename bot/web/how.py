"""``/how``: how it works, told with the visitor's own pictures. The sheets are made by workers, as pastiches are."""

from __future__ import annotations

import asyncio

from nicegui import ui
from starlette.requests import Request as HttpRequest

from bot.service import Request
from bot.texts import say
from bot.web.asking import Asking
from bot.web.board import Board
from bot.web.furniture import set_up_head
from bot.web.markup import tag
from bot.web.page import arrive, enter, stay
from bot.web.reader import Reader
from bot.web.studio import Studio
from bot.web.subject import Subject
from bot.web.throttle import JOBS
from bot.web.visit import Visit


async def show_how(studio: Studio, request: HttpRequest) -> None:
    """Build the page for one visit; inside NiceGUI's page function."""
    visit = arrive(studio, request)
    set_up_head(visit.language, styles=("how.css",))
    if not await enter(visit, "how", "chapters"):
        return
    asking = Asking(visit)
    board = _furnish(visit, asking)
    ui.on("picture", asking.take_picture)
    ui.on("refused", asking.refuse)
    await stay(visit, board)


def _furnish(visit: Visit, asking: Asking) -> Board:
    def words(key: str) -> str:
        return say(f"how.{key}", visit.language)

    reader = Reader(visit.language, visit.studio.presets)
    with tag("div", "studio"):
        with tag("div", "desk"), tag("div", "composer how-subject"):
            visit.composer = Subject(visit.studio.presets, visit.language, asking.takes)
        with tag("div", "chapters", id="chapters", tabindex=-1):
            tag("p", "lead", words("lead"))
            _draw_pipeline(visit.language)

            async def ask(kind: str) -> None:
                await _explain(visit, board, kind)

            board = Board(reader, ask)
    tag("footer", "faint", reader.say("kept"))
    return board


def _draw_pipeline(language: str) -> None:
    """The way of a picture, as a list that looks like a row of boxes."""
    with tag("ol", "pipeline"):
        for step in ("pipeline_pictures", "pipeline_network", "pipeline_compare", "pipeline_change"):
            tag("li", "", say(f"how.{step}", language))


async def _explain(visit: Visit, board: Board, kind: str) -> None:
    """A chapter's button was pressed."""
    async with visit.boundary("paint"):
        studio = visit.studio
        wanted = visit.composer.read({})
        await asyncio.to_thread(studio.throttle.take, JOBS, visit.user, visit.address)
        job = await studio.service.submit(
            Request(
                content=visit.composer.content,
                styles=wanted.styles,
                options=wanted.options,
                user=visit.user,
                reply_to={"session": visit.user},
                explanation=kind,
            )
        )
        await asyncio.to_thread(studio.album.add, job)
        entry = await asyncio.to_thread(studio.album.entry, visit.user, job.job_id)
        visit.composer.complain("", "paint")
        if entry:
            board.place([entry])
