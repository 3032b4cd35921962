"""What a visit is told: what hangs already, progress, results, and where its jobs stand in the line."""

from __future__ import annotations

import asyncio

from bot.service import Standing
from bot.web.markup import put_text, shown_text
from bot.web.standings import running
from bot.web.visit import Visit
from workers.contract import Event, Job, Result

_SHOWN = 60  # jobs after a reload; older ones are still in the album
_TERMINAL = frozenset({"done", "failed", "cancelled"})


class Listening:
    """A ``studio.Visitor``.

    Args:
        visit: Whose page shows it.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._studio = visit.studio
        self._previews: set[str] = set()

    async def load(self) -> None:
        """Hang what the session has already, so that a reload loses nothing."""
        visit, service = self._visit, self._studio.service
        async with visit.boundary("banner"):
            entries = (await asyncio.to_thread(self._studio.album.entries, visit.user))[-_SHOWN:]
            results = await asyncio.gather(*(service.result(entry.job.job_id) for entry in entries))
            visit.wall.fill(entries, {result.job_id: result for result in results if result})
            if entries:
                self._resume(entries[-1].job)
            await self.look()

    async def hear(self, event: Event) -> None:
        """Show a job's progress, if it is on this wall."""
        if not self._visit.wall.waits_for(event.job_id) or event.state in _TERMINAL:
            return
        async with self._visit.boundary("banner"):
            await self._show(event.job_id, running(event))

    async def receive(self, result: Result) -> None:
        """Show a job's result; one that another tab of the session asked for as well."""
        visit = self._visit
        async with visit.boundary("banner"):
            if not visit.wall.knows(result.job_id):
                entry = await asyncio.to_thread(self._studio.album.entry, visit.user, result.job_id)
                if entry is None or entry.strip:
                    return  # a strip is hung as a whole: by who asked for it, or at the next load
                visit.wall.place([entry])
            visit.wall.finish(result)

    async def look(self) -> None:
        """Ask how everything stands: positions in the line are told by nobody."""
        visit, service = self._visit, self._studio.service
        async with visit.boundary("banner"):
            waiting = visit.wall.waiting()
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
        elif self._visit.wall.waits_for(job_id):  # it may have ended while we asked
            await self._show(job_id, standing)

    async def _show(self, job_id: str, standing: Standing) -> None:
        event = standing.event
        if event and event.preview and event.preview not in self._previews:
            await asyncio.to_thread(self._studio.album.let_see, self._visit.user, event.preview)
            self._previews.add(event.preview)
        self._visit.wall.stand(job_id, standing)

    def _resume(self, job: Job) -> None:
        self._visit.composer.show_content(job.content)
        if not job.style_label:
            self._visit.composer.show_style(job.styles[0])
