"""The explanations on the page: what each is about, a button, and the sheet that came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from nicegui.element import Element

from bot.captions import failure
from bot.captions import standing as words
from bot.service import Standing
from bot.texts import say
from bot.web.album import Entry
from bot.web.markup import button, picture_url, put, put_text, tag
from bot.web.reader import Reader
from bot.web.standings import fraction_of
from nst.options import EXPLANATIONS
from workers.contract import Job, Result

_METHOD = "explanation"  # what a result's method is if a worker of this release made it


class Board:
    """All explanations; a ``listening.Shows``.

    Args:
        reader: Whom the words are for.
        ask: Called with an explanation's name.
    """

    def __init__(self, reader: Reader, ask: Callable[[str], Awaitable[None]]) -> None:
        self._kinds: dict[str, str] = {}  # by job
        self._latest: dict[str, str] = {}  # job by kind
        self._done: set[str] = set()
        self._panels = {kind: Panel(kind, number, reader, ask) for number, kind in enumerate(EXPLANATIONS, 1)}

    def takes(self, job: Job) -> bool:
        """Whether a job belongs here."""
        return job.explanation in self._panels

    def fill(self, entries: Sequence[Entry], results: Mapping[str, Result]) -> None:
        """Show what there is already, the last of each kind."""
        for entry in entries:
            self.place([entry])
            if entry.job.job_id in results:
                self.finish(results[entry.job.job_id])

    def place(self, entries: Sequence[Entry]) -> str:
        """Show that jobs were asked for; the last one's place in the page."""
        place = ""
        for entry in entries:
            job = entry.job
            if job.job_id in self._kinds:
                continue
            self._kinds[job.job_id] = job.explanation
            self._latest[job.explanation] = job.job_id
            self._panels[job.explanation].wait()
            place = self._panels[job.explanation].root.html_id
        return place

    def knows(self, job_id: str) -> bool:
        """Whether a job is shown here."""
        return job_id in self._kinds

    def waits_for(self, job_id: str) -> bool:
        """Whether a job is shown here and is not finished."""
        return job_id in self._kinds and job_id not in self._done

    def waiting(self) -> list[str]:
        """The unfinished jobs."""
        return [job_id for job_id in self._kinds if job_id not in self._done]

    def stand(self, job_id: str, standing: Standing) -> None:
        """Show how a job stands."""
        if self._is_latest(job_id):
            self._panels[self._kinds[job_id]].stand(standing)

    def finish(self, result: Result) -> None:
        """Show what came of a job; twice is as good as once."""
        if not self.waits_for(result.job_id):
            return
        self._done.add(result.job_id)
        if self._is_latest(result.job_id):
            self._panels[self._kinds[result.job_id]].show(result)

    def _is_latest(self, job_id: str) -> bool:
        return job_id in self._latest.values()


class Panel:
    """One explanation.

    Args:
        kind: One of ``EXPLANATIONS``.
        number: Its chapter.
        reader: Whom the words are for.
        ask: Called with ``kind``.
    """

    def __init__(self, kind: str, number: int, reader: Reader, ask: Callable[[str], Awaitable[None]]) -> None:
        self._kind = kind
        self._language = reader.language
        self.root = tag("section", "chapter", id=f"how-{kind}", aria_labelledby=f"how-{kind}-title")
        with self.root:
            tag("h2", "", f"{number}. {self._say(f'{kind}_title')}", id=f"how-{kind}-title")
            tag("p", "", self._say(f"{kind}_text"))
            with tag("div", "chapter-foot"):
                title = self._say(f"{kind}_title")
                button("action", self._say("show"), lambda: ask(kind), aria_label=f"{self._say('show')}: {title}")
                self._status = tag("p", "status", role="status")
            self._bar: Element = tag("div", "bar hidden", role="progressbar", aria_label=reader.say("progress"))
            self._sheet = tag("div", "sheet")

    def wait(self) -> None:
        """It was asked for."""
        self._bar.classes(remove="hidden")
        put_text(self._status, say("web.moment", self._language))

    def stand(self, standing: Standing) -> None:
        """How its job stands."""
        event = standing.event
        running = event is not None and event.state == "running"
        done = fraction_of(event)
        put(self._bar, aria_valuenow=round(done * 100), aria_valuemin=0, aria_valuemax=100)
        self._bar.style(f"--done: {done:.3f}").classes(add="running" if running else "")
        put_text(self._status, words(standing, self._language))

    def show(self, result: Result) -> None:
        """What came of it."""
        self._bar.classes(add="hidden", remove="running")
        if result.outcome != "done" or result.method != _METHOD:
            known = result.outcome != "done"
            put_text(self._status, failure(result, self._language) if known else self._say("old_worker"))
            return
        put_text(self._status, "")
        self._sheet.clear()
        with self._sheet:
            alt = self._say(f"{self._kind}_alt")
            tag("img", "", src=picture_url(result.picture), alt=alt, width=result.width_px, height=result.height_px)
            tag("p", "faint", alt, aria_hidden="true")

    def _say(self, key: str) -> str:
        return say(f"how.{key}", self._language)
