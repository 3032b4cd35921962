"""One visit: the page, what its visitor asks for, and what they are told."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

from nicegui import Client, ui
from starlette.requests import Request as HttpRequest

from bot.service import Request, Standing, Style
from bot.texts import explain, say
from bot.variations import Button, vary
from bot.web.album import STRIP
from bot.web.cards import Reader, Wishes, running
from bot.web.composer import Composer, reset_file_inputs
from bot.web.form import read_form
from bot.web.markup import asset, put_text, tag
from bot.web.samples import sample_photograph
from bot.web.studio import Studio
from bot.web.visitors import language_of, user_of
from bot.web.wall import Wall
from nst.errors import OperatorError, PasticheError, UserError
from nst.image_header import DEFAULT_LIMITS
from workers.contract import Event, Job, Result

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_TERMINAL = frozenset({"done", "failed", "cancelled"})


async def show_page(studio: Studio, request: HttpRequest) -> None:
    """Build the page for one visit; inside NiceGUI's page function."""
    language = language_of(request.headers.get("accept-language"), studio.language)
    client = ui.context.client
    client.page = copy.copy(client.page)  # NiceGUI's own words in the visitor's language, on this visit alone
    client.page.language = cast("Any", {"fr": "fr"}.get(language, "en-US"))
    ui.add_head_html(
        f'<link rel="stylesheet" href="{asset("studio.css")}"><script defer src="{asset("studio.js")}"></script>'
        '<meta name="description" content="Pastiche"><meta name="robots" content="noindex">'
    )
    visit = Visit(studio, user_of(request.session) or "", language, client)
    visit.build()
    await visit.load()


class Visit:
    """An open page of one session.

    Args:
        studio: What all visits share.
        user: The session's key.
        language: The visitor's.
        client: NiceGUI's side of the page.
    """

    def __init__(self, studio: Studio, user: str, language: str, client: Client) -> None:
        self._studio = studio
        self._user = user
        self._language = language
        self._client = client
        self._previews: set[str] = set()

    def build(self) -> None:
        """Make the elements, and listen."""
        say_ = Reader(self._language, self._studio.presets).say
        tag("a", "skip", say_("skip"), href="#wall")
        with tag("header", "masthead"):
            tag("h1", "", say_("title"))
            tag("p", "", say_("tagline"))
        self._banner = tag("p", "banner", role="alert")
        with tag("main", "studio"):
            sample = self._take_sample if sample_photograph() else None
            with tag("div", "desk"):
                self._composer = Composer(self._studio.presets, self._language, self._paint, sample)
            wishes = Wishes(self._cancel, self._vary, self._other_style, self._delete, self._hang)
            self._wall = Wall(Reader(self._language, self._studio.presets), wishes)
        tag("footer", "faint", say_("kept"))
        ui.on("picture", self._take_picture)
        ui.on("refused", self._refuse)
        ui.timer(_LOOK_S, self._look)
        self._studio.doorbell.enter(self._user, self)
        self._client.on_delete(lambda: self._studio.doorbell.leave(self._user, self))

    async def load(self) -> None:
        """Hang what the session has already."""
        async with self._boundary("banner"):
            entries = await asyncio.to_thread(self._studio.album.entries, self._user)
            results = await asyncio.gather(*(self._studio.service.result(entry.job.job_id) for entry in entries))
            self._wall.fill(entries, {result.job_id: result for result in results if result})
            if entries:
                self._resume(entries[-1].job)
        await self._look()

    def _resume(self, job: Job) -> None:
        self._composer.show_content(job.content)
        if not job.style_label:
            self._composer.show_style(job.styles[0])

    async def hear(self, event: Event) -> None:
        """Show a job's progress, if it is on this wall."""
        if not self._wall.waits_for(event.job_id) or event.state in _TERMINAL:
            return
        async with self._boundary("banner"):
            await self._show(event.job_id, running(event))

    async def receive(self, result: Result) -> None:
        """Show a job's result; one that another tab of the session asked for as well."""
        async with self._boundary("banner"):
            if not self._wall.knows(result.job_id):
                entry = await asyncio.to_thread(self._studio.album.entry, self._user, result.job_id)
                if entry is None:
                    return
                self._wall.place([entry])
            self._wall.finish(result)

    async def _show(self, job_id: str, standing: Standing) -> None:
        event = standing.event
        if event and event.preview and event.preview not in self._previews:
            await asyncio.to_thread(self._studio.album.let_see, self._user, event.preview)
            self._previews.add(event.preview)
        self._wall.stand(job_id, standing)

    async def _look(self) -> None:
        """Ask how everything stands: positions in the queue are told by nobody else."""
        async with self._boundary("banner"):
            waiting = self._wall.waiting()
            standings = await asyncio.gather(*(self._studio.service.standing(job_id) for job_id in waiting))
            for job_id, standing in zip(waiting, standings, strict=True):
                if standing.event and standing.event.state in _TERMINAL:
                    result = await self._studio.service.result(job_id)
                    if result:
                        await self.receive(result)
                elif self._wall.waits_for(job_id):
                    await self._show(job_id, standing)
            if waiting or self._banner._text:
                await self._check_queue()

    async def _check_queue(self) -> None:
        await self._studio.service.jobs_of(self._user)  # raises while Redis is away
        put_text(self._banner, "")

    async def _paint(self, fields: Mapping[str, Any]) -> None:
        async with self._boundary("paint"):
            order = read_form(fields if isinstance(fields, Mapping) else {})
            style = Style(order.preset) if order.preset else Style(picture=self._composer.style)
            if not self._composer.content:
                raise UserError("image_missing")
            if not order.preset and not self._composer.style:
                raise UserError("style_missing")
            request = Request(
                content=self._composer.content,
                styles=[style],
                options=order.options,
                user=self._user,
                reply_to={"session": self._user},
            )
            await self._begin([await self._studio.service.submit(request)])

    async def _vary(self, result: Result, choice: Button) -> None:
        async with self._boundary("paint"):
            job = Job.from_json(result.job)
            reply_to = {"session": self._user}
            if choice is Button.STRIP:
                reply_to[STRIP] = uuid.uuid4().hex
            begun: list[Job] = []
            try:
                for options in vary(job.options, choice):
                    begun.append(await self._studio.service.repeat(job, options, self._user, reply_to))  # noqa: PERF401
            finally:  # what was queued before the queue was full is on its way
                await self._begin(begun)

    async def _begin(self, jobs: list[Job]) -> None:
        for job in jobs:
            await asyncio.to_thread(self._studio.album.add, job)
        entries = [await asyncio.to_thread(self._studio.album.entry, self._user, job.job_id) for job in jobs]
        placed = self._wall.place([entry for entry in entries if entry])
        self._composer.complain("", "paint")
        if placed:
            self._reveal(placed)
        await self._look()

    async def _cancel(self, job: Job) -> None:
        async with self._boundary("paint"):
            await self._studio.service.cancel(job.job_id, self._user)

    async def _delete(self, job: Job) -> None:
        async with self._boundary("paint"):
            picture = self._wall.picture_of(job.job_id)
            await asyncio.to_thread(self._studio.album.take_down, self._user, job.job_id, picture)
            self._wall.take_down(job.job_id)

    async def _hang(self, job: Job) -> None:
        async with self._boundary("paint"):
            entry = await asyncio.to_thread(self._studio.album.hang, self._user, job.job_id)
            result = await self._studio.service.result(job.job_id)
            if entry and result:
                card = self._wall.hang(entry.job, result)
                self._reveal(card.root.html_id)

    async def _other_style(self, job: Job) -> None:
        async with self._boundary("paint"):
            self._composer.show_content(job.content)
            ui.run_javascript("studio.chooseStyle()")

    async def _take_picture(self, event: Any) -> None:
        role, digest = _role(event.args), str(event.args.get("picture", ""))
        async with self._boundary(role):
            # The browser says which picture it has just sent: only one of this session's own is taken.
            if not await asyncio.to_thread(self._studio.album.may_see, self._user, digest):
                raise UserError("image_missing")
            self._take(role, digest)

    async def _take_sample(self) -> None:
        async with self._boundary("content"):
            path = sample_photograph()
            if path is None:
                raise UserError("image_missing")
            digest = await self._studio.service.keep(await asyncio.to_thread(path.read_bytes))
            await asyncio.to_thread(self._studio.album.let_see, self._user, digest)
            self._take("content", digest)

    def _take(self, role: str, digest: str) -> None:
        (self._composer.show_style if role == "style" else self._composer.show_content)(digest)
        reset_file_inputs()

    async def _refuse(self, event: Any) -> None:
        """The browser could not send a picture: it says why, in the server's sentence or by its size."""
        role, args = _role(event.args), event.args
        async with self._boundary(role):
            if isinstance(args.get("size"), int) and args["size"] > DEFAULT_LIMITS.max_bytes:
                detail = {"received_bytes": args["size"], "allowed_bytes": DEFAULT_LIMITS.max_bytes}
                raise UserError("image_too_many_bytes", detail)
            known = {"none": "web.no_file", "failed": "web.upload_failed"}.get(str(args.get("reason")))
            sentence = say(known, self._language) if known else str(args.get("sentence", ""))[:500]
            self._composer.complain(sentence, role)
            reset_file_inputs()

    def _reveal(self, html_id: str) -> None:
        ui.run_javascript(f"studio.reveal('{html_id}')")

    @contextlib.asynccontextmanager
    async def _boundary(self, about: str) -> AsyncIterator[None]:
        """Where errors become sentences.

        Args:
            about: Where to say them: ``banner``, ``content``, ``style`` or ``paint``.
        """
        try:
            with self._client:
                yield
        except OperatorError:
            self._tell("banner", say("web.away", self._language))
        except PasticheError as error:
            self._tell("paint" if about == "banner" else about, explain(error, self._language))
        except Exception:  # the frontend's boundary: the log has it, the visitor a sentence
            if not self._client.is_deleted:  # else the page was closed in the middle of something
                log.exception("A visit stumbled")
                self._tell("paint", say("web.unforeseen", self._language))

    def _tell(self, about: str, sentence: str) -> None:
        if self._client.is_deleted:
            return
        if about == "banner":
            put_text(self._banner, sentence)
        else:
            self._composer.complain(sentence, about)


def _role(args: Any) -> str:
    return "style" if isinstance(args, Mapping) and args.get("role") == "style" else "content"
