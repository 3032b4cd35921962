"""What a visitor can ask for. Every method is a handler of the page and ends at the visit's boundary."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nicegui import ui

from bot.chat.captions import quality_line, short_quality_line
from bot.chat.recipe_codes import Recipe
from bot.chat.service import Request
from bot.chat.spoilers import SPOILER, is_hidden
from bot.chat.variations import Button, vary
from bot.texts import say
from bot.web.form.fields import Takes, sample_photograph
from bot.web.form.studio import reset_file_inputs
from bot.web.form.types import Wanted
from bot.web.page_context import Visit
from bot.web.protection.throttle import FORGETS, JOBS
from bot.web.session_jobs import STRIP
from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures.header import DEFAULT_LIMITS
from workers.contract import Job, Result

_REASONS = {"none": "web.no_file", "failed": "web.upload_failed"}


class Asking:
    """The wishes of one visit.

    Args:
        visit: Whose.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._service = visit.studio.service
        self._album = visit.studio.album
        self._user = visit.user

    async def paint(self, fields: object) -> None:
        """The form was sent."""
        async with self._visit.boundary("paint"):
            wanted = self._visit.composer.read(fields if isinstance(fields, Mapping) else {})
            if not self._visit.composer.content:
                raise UserError("image_missing")
            reply_to = self._address(wanted.spoiler, bool(wanted.strip))
            begun: list[Job] = []
            try:
                for options in wanted.each():
                    begun.append(await self._submit(wanted, options, reply_to))  # noqa: PERF401
            finally:  # what was queued before the queue was full is on its way
                await self._begin(begun)

    async def vary(self, result: Result, choice: Button) -> None:
        """A button under a result was pressed."""
        async with self._visit.boundary("paint"):
            job = Job.from_json(result.job)
            reply_to = self._address(is_hidden(job), choice is Button.STRIP)
            begun: list[Job] = []
            try:
                for options in vary(job.options, choice):
                    await self._count()
                    begun.append(await self._service.repeat(job, options, self._user, reply_to))
            finally:  # what was queued before the queue was full is on its way
                await self._begin(begun)

    async def cancel(self, job: Job, keep: bool = False) -> None:
        """Stop a job."""
        async with self._visit.boundary("paint"):
            await self._service.cancel(job.job_id, self._user, keep)

    async def stop(self, job: Job) -> None:
        """Stop a job where it is, to look at it and perhaps go on."""
        await self.cancel(job, keep=True)

    async def resume(self, job: Job) -> None:
        """Go on with a job that was stopped."""
        async with self._visit.boundary("paint"):
            await self._count()
            again = await self._service.resume(job, self._user, self._address(is_hidden(job)))
            await asyncio.to_thread(self._album.take_down, self._user, job.job_id)
            self._visit.wall.take_down(job.job_id)
            await self._begin([again])

    async def delete(self, job: Job) -> None:
        """Take a card down."""
        async with self._visit.boundary("paint"):
            picture = self._visit.wall.picture_of(job.job_id)
            await asyncio.to_thread(self._album.take_down, self._user, job.job_id, picture)
            self._visit.wall.take_down(job.job_id)

    async def forget_me(self) -> None:
        """Forget all of the session, on all of its pages."""
        async with self._visit.boundary("banner"):
            studio = self._visit.studio
            await asyncio.to_thread(studio.throttle.take, FORGETS, self._user, self._visit.address)
            count = await self._service.forget(self._user, lambda _: self._album.forget(self._user))
            await studio.doorbell.begin_anew(self._user, count)

    async def hang(self, job: Job) -> None:
        """Give a picture of a strip a card of its own."""
        async with self._visit.boundary("paint"):
            entry = await asyncio.to_thread(self._album.hang, self._user, job.job_id)
            result = await self._service.result(job.job_id)
            if entry and result:
                _reveal(self._visit.wall.hang(entry.job, result).root.html_id)

    async def share(self, job: Job) -> str:
        """Keep a job's recipe under its code, as the chats do; "" where that failed."""
        async with self._visit.boundary("paint"):
            return await asyncio.to_thread(self._visit.studio.recipes.keep, Recipe.of(job), job.user)
        return ""

    async def quality(self, job: Job) -> str:
        """A job's quality card in a line; "" where there is none."""
        async with self._visit.boundary("paint"):
            return quality_line(await self._service.quality(job.job_id), self._visit.language)
        return ""

    async def figures(self, job: Job) -> str:
        """A job's figures beside those of other methods; says so where they are still to come."""
        async with self._visit.boundary("paint"):
            return short_quality_line(await self._service.quality(job.job_id), self._visit.language)
        return ""

    async def other_style(self, job: Job) -> None:
        """Take a card's photograph for another style."""
        async with self._visit.boundary("paint"):
            self._visit.composer.show_content(job.content)
            ui.run_javascript("studio.chooseStyle()")

    async def take_picture(self, event: Any) -> None:
        """The browser has sent a picture over HTTP and says which."""
        role, digest = _role(event.args), str(event.args.get("picture", ""))
        async with self._visit.boundary(role):
            # Anybody can say anything here: only a picture that this session has sent is taken.
            if not await asyncio.to_thread(self._album.shown.has, self._user, digest):
                raise UserError("image_missing")
            self._take(role, digest)

    @property
    def takes(self) -> Takes:
        """What choosing a picture that is offered does."""
        return Takes(self.take_sample, self.take_preset)

    async def take_sample(self, name: str, role: str) -> None:
        """A sample photograph is wanted, to be painted or to be the style."""
        async with self._visit.boundary(role):
            await self._take_file(sample_photograph(name), role)

    async def take_preset(self, name: str) -> None:
        """A preset's own picture is to be painted."""
        async with self._visit.boundary("content"):
            preset = self._visit.studio.presets.get(name)
            await self._take_file(preset.picture if preset else None, "content")

    async def refuse(self, event: Any) -> None:
        """The browser could not send a picture: too large, none at all, or refused with the server's sentence."""
        role, args = _role(event.args), event.args
        async with self._visit.boundary(role):
            reset_file_inputs()
            size_bytes = args.get("size")
            if isinstance(size_bytes, int) and size_bytes > DEFAULT_LIMITS.max_bytes:
                detail = {"received_bytes": size_bytes, "allowed_bytes": DEFAULT_LIMITS.max_bytes}
                raise UserError("image_too_many_bytes", detail)
            known = _REASONS.get(str(args.get("reason")))
            sentence = say(known, self._visit.language) if known else str(args.get("sentence", ""))[:500]
            self._visit.composer.complain(sentence, role)

    def _address(self, spoiler: bool, strip: bool = False) -> dict[str, str]:
        """Where a job's answer goes; a session sees its own, but its recipes keep what was hidden so."""
        address = {"session": self._user} | ({STRIP: uuid.uuid4().hex} if strip else {})
        return address | (SPOILER if spoiler else {})

    async def _submit(self, wanted: Wanted, options: StyleOptions, reply_to: Mapping[str, str]) -> Job:
        await self._count()
        content = self._visit.composer.content
        return await self._service.submit(
            Request(
                content=content,
                styles=wanted.styles,
                options=options,
                user=self._user,
                reply_to=reply_to,
                mask=wanted.mask,
            )
        )

    async def _count(self) -> None:
        await asyncio.to_thread(self._visit.studio.throttle.take, JOBS, self._user, self._visit.address)

    async def _begin(self, jobs: Sequence[Job]) -> None:
        """Hang new jobs; their progress comes by itself."""
        for job in jobs:
            await asyncio.to_thread(self._album.add, job)
        entries = [await asyncio.to_thread(self._album.entry, self._user, job.job_id) for job in jobs]
        self._visit.composer.complain("", "paint")
        placed = self._visit.wall.place([entry for entry in entries if entry])
        if placed:
            _reveal(placed)

    async def _take_file(self, path: Path | None, role: str) -> None:
        if path is None:
            raise UserError("image_missing")
        picture = await asyncio.to_thread(path.read_bytes)
        digest = await self._service.keep(picture, self._user, self._visit.address)
        await asyncio.to_thread(self._album.shown.note, self._user, digest)
        self._take(role, digest)

    def _take(self, role: str, digest: str) -> None:
        desk = self._visit.composer
        {"style": desk.show_style, "mask": desk.show_mask}.get(role, desk.show_content)(digest)
        reset_file_inputs()


def _role(args: Any) -> str:
    role = args.get("role") if isinstance(args, Mapping) else None
    return role if role in ("style", "mask", "recipe") else "content"


def _reveal(html_id: str) -> None:
    ui.run_javascript(f"studio.reveal('{html_id}')")
