"""A strip on the wall: one picture in five strengths, or by every method."""

from __future__ import annotations

from nicegui.element import Element

from bot.chat.captions import failure, percent
from bot.chat.service import Standing
from bot.texts import say
from bot.web.all_methods import contestant, is_contest
from bot.web.elements import button, picture_url, put, put_text, tag
from bot.web.wording import Reader, Wishes, fraction_of
from workers.contract import Job, Result


class Strip:
    """Five strengths or all methods side by side, to pick from.

    Args:
        jobs: The jobs, the faintest first.
        reader: Whom the words are for.
        wishes: What picking does.
    """

    def __init__(self, jobs: list[Job], reader: Reader, wishes: Wishes) -> None:
        self._reader = reader
        self._wishes = wishes
        self._cells: dict[str, Element] = {}
        self._figures: dict[str, Element] = {}
        self._finished: set[str] = set()
        self._jobs = jobs
        self._contest = is_contest([job.options for job in jobs])
        looks = "card strip contest" if self._contest else "card strip"
        self.root = tag("article", looks, aria_label=reader.title(jobs[0]))
        with self.root:
            title = "contest_title" if self._contest else "strip_title"
            tag("h3", "", reader.say(title, style=reader.title(jobs[0])))
            with tag("div", "cells"):
                for job in jobs:
                    self._build_cell(job)
            if self._contest:
                with tag("div", "between"):
                    tag("p", "faint", reader.say("figures_legend"))
                    with tag("span", "ends"):
                        button("quiet", reader.say("figures"), self._show_figures)
                        self._cancel = button("quiet cancel", say("button.cancel", reader.language), self._cancel_rest)

    def stand(self, job_id: str, standing: Standing) -> None:
        """Show how one of the jobs stands."""
        self._cells[job_id].style(f"--done: {fraction_of(standing.event):.3f}")

    def finish(self, result: Result) -> None:
        """Show one of the pictures."""
        self._finished.add(result.job_id)
        if self._contest and len(self._finished) == len(self._jobs):
            self._cancel.set_visibility(False)
        cell = self._cells[result.job_id]
        job = Job.from_json(result.job)
        cell.clear()
        with cell:
            if result.outcome == "done":
                cell.classes("ready")
                put(cell, disabled=None)
                tag("img", "", src=picture_url(result.picture), alt="")
            else:
                tag("span", "cell-outcome", failure(result, self._reader.language))
            tag("span", "cell-strength", self._label(job))

    async def _cancel_rest(self) -> None:
        for job in self._jobs:
            if job.job_id not in self._finished:
                await self._wishes.cancel(job)

    async def _show_figures(self) -> None:
        for job in self._jobs:
            if self._wishes.figures:
                put_text(self._figures[job.job_id], await self._wishes.figures(job))

    def _label(self, job: Job) -> str:
        return contestant(job.options, self._reader.language) if self._contest else percent(job.options)

    def _build_cell(self, job: Job) -> None:
        if self._contest:
            with tag("div", "contestant"):
                self._build_button(job, self._reader.say("contest_pick", method=self._label(job)))
                self._figures[job.job_id] = tag("p", "faint figures", role="status")
        else:
            self._build_button(job, self._reader.say("strip_pick", strength=percent(job.options)))

    def _build_button(self, job: Job, name: str) -> None:
        cell = button("cell", "", lambda: self._wishes.hang(job), aria_label=name, disabled=True, data_job=job.job_id)
        self._cells[job.job_id] = cell
        with cell:
            tag("img", "waiting", src=picture_url(job.content), alt="", data_moves="maybe")
            tag("span", "cell-strength", self._label(job))
