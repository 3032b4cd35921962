"""A strip on the wall: one picture in five strengths."""

from __future__ import annotations

from nicegui.element import Element

from bot.captions import failure, percent
from bot.service import Standing
from bot.web.markup import button, picture_url, put, tag
from bot.web.reader import Reader, Wishes
from bot.web.standings import fraction_of
from workers.contract import Job, Result


class Strip:
    """Five strengths side by side, to pick from.

    Args:
        jobs: The five jobs, the faintest first.
        reader: Whom the words are for.
        wishes: What picking does.
    """

    def __init__(self, jobs: list[Job], reader: Reader, wishes: Wishes) -> None:
        self._reader = reader
        self._wishes = wishes
        self._cells: dict[str, Element] = {}
        self.root = tag("article", "card strip", aria_label=reader.title(jobs[0]))
        with self.root:
            tag("h3", "", reader.say("strip_title", style=reader.title(jobs[0])))
            with tag("div", "cells"):
                for job in jobs:
                    self._build_cell(job)

    def stand(self, job_id: str, standing: Standing) -> None:
        """Show how one of the jobs stands."""
        self._cells[job_id].style(f"--done: {fraction_of(standing.event):.3f}")

    def finish(self, result: Result) -> None:
        """Show one of the pictures."""
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
            tag("span", "cell-strength", percent(job.options))

    def _build_cell(self, job: Job) -> None:
        name = self._reader.say("strip_pick", strength=percent(job.options))
        cell = button("cell", "", lambda: self._wishes.hang(job), aria_label=name, disabled=True, data_job=job.job_id)
        self._cells[job.job_id] = cell
        with cell:
            tag("img", "waiting", src=picture_url(job.content), alt="", data_moves="maybe")
            tag("span", "cell-strength", percent(job.options))
