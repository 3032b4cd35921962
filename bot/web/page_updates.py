"""What a visit is told: what hangs already, progress, results, and where its jobs stand in the line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from nicegui import ui

from bot.chat.service import Standing
from bot.web.elements import put_text, shown_text
from bot.web.page_context import Visit
from bot.web.session_jobs import Entry
from bot.web.wording import running
from workers.contract import Event, Job, Result

_SHOWN = 60  # jobs after a reload; older ones are still in the album
_TERMINAL = frozenset({"done", "failed", "cancelled"})


class Shows(Protocol):
    """What shows jobs on a page, such as ``wall.Wall``."""

    def takes(self, job: Job) -> bool:
        """Whether a job belongs here."""

    def fill(self, entries: Sequence[Entry], results: Mapping[str, Result]) -> None:
        """Show what there is already, the oldest first."""

    def place(self, entries: Sequence[Entry]) -> str:
        """Show new jobs."""

    def knows(self, job_id: str) -> bool:
        """Whether a job is shown."""

    def waits_for(self, job_id: str) -> bool:
        """Whether a job is shown and not finished."""

    def waiting(self) -> list[str]:
        """The unfinished jobs."""

    def stand(self, job_id: str, standing: Standing) -> None:
        """Show how a job stands."""

    def finish(self, result: Result) -> None:
        """Show what became of a job; twice is as good as once."""


class Listening:
    """A ``studio.Visitor``.

    Args:
        visit: Whose page it is.
        shows: What of the page shows jobs.
    """

    def __init__(self, visit: Visit, shows: Shows) -> None:
        self._visit = visit
        self._shows = shows
        self._studio = visit.studio
        self._previews: set[str] = set()

    async def load(self) -> None:
        """Hang what the session has already, so that a reload loses nothing."""
        visit, service = self._visit, self._studio.service
        async with visit.boundary("banner"):
            known = await asyncio.to_thread(self._studio.album.entries, visit.user)
            entries = [entry for entry in known if self._shows.takes(entry.job)][-_SHOWN:]
            results = await asyncio.gather(*(service.result(entry.job.job_id) for entry in entries))
            self._shows.fill(entries, {result.job_id: result for result in results if result})
            if entries:
                await self._resume(entries[-1].job)
            await self.look()

    async def hear(self, event: Event) -> None:
        """Show a job's progress, if it is on this wall."""
        if not self._shows.waits_for(event.job_id) or event.state in _TERMINAL:
            return
        async with self._visit.boundary("banner"):
            await self._show(event.job_id, running(event))

    async def receive(self, result: Result) -> None:
        """Show a job's result; one that another tab of the session asked for as well."""
        visit = self._visit
        async with visit.boundary("banner"):
            if not self._shows.knows(result.job_id):
                entry = await asyncio.to_thread(self._studio.album.entry, visit.user, result.job_id)
                if entry is None or entry.strip or not self._shows.takes(entry.job):
                    return  # a strip is hung as a whole: by who asked for it, or at the next load
                self._shows.place([entry])
            self._shows.finish(result)

    async def begin_anew(self, forgotten: int) -> None:
        """Load the page again: it says what was forgotten."""
        async with self._visit.boundary("banner"):
            ui.run_javascript(f'location.assign(location.pathname + "?forgotten={forgotten}")')

    async def look(self) -> None:
        """Ask how everything stands: positions in the line are told by nobody."""
        visit, service = self._visit, self._studio.service
        async with visit.boundary("banner"):
            waiting = self._shows.waiting()
            standings = await asyncio.gather(*(service.standing(job_id) for job_id in waiting))
            for job_id, standing in zip(waiting, standings, strict=True):
                await self._update(job_id, standing)
            if shown_text(visit.banner):
                await service.jobs_of(visit.user)  # raises while Redis is away
                put_text(visit.banner, "")

    async def _update(self, job_id: str, standing: Standing) -> None:
        if standing.event and standing.event.state in _TERMINAL:
            result = await self._studio.service.result(job_id)
            if result:
                await self.receive(result)
        elif self._shows.waits_for(job_id):  # it may have ended while we asked
            await self._show(job_id, standing)

    async def _show(self, job_id: str, standing: Standing) -> None:
        event = standing.event
        if event and event.preview and event.preview not in self._previews:
            await asyncio.to_thread(self._studio.album.shown.note, self._visit.user, event.preview)
            self._previews.add(event.preview)
        self._shows.stand(job_id, standing)

    async def _resume(self, job: Job) -> None:
        self._visit.composer.show_content(job.content)
        shown, style = self._studio.album.shown, job.styles[0]
        # It may be of a recipe of somebody else's.
        if not job.style_label and await asyncio.to_thread(shown.has, self._visit.user, style):
            self._visit.composer.show_style(job.styles[0])
        if job.mask:
            self._visit.composer.show_mask(job.mask)
