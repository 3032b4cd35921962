"""What hangs on the wall: a card per job, and strips of five strengths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nicegui.element import Element

from bot.captions import alt_text, caption, failure, percent, style_name
from bot.captions import standing as standing_words
from bot.presets.catalogue import Preset
from bot.recipes import format_style_command
from bot.service import Standing
from bot.texts import say
from bot.variations import Button, offered
from bot.web.markup import button, picture_url, put, put_text, tag
from workers.contract import Event, Job, Result

_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp"}


@dataclass(frozen=True)
class Wishes:
    """What the buttons of a card do; each is called with the card's job, ``vary`` with its result.

    Attributes:
        cancel: Stop it.
        vary: Start what a button stands for.
        other_style: Take its picture for another style.
        delete: Take it off the wall.
        hang: Give a strip's part a card of its own.
    """

    cancel: Callable[[Job], Any]
    vary: Callable[[Result, Button], Any]
    other_style: Callable[[Job], Any]
    delete: Callable[[Job], Any]
    hang: Callable[[Job], Any]


@dataclass(frozen=True)
class Reader:
    """Whom the words are for.

    Attributes:
        language: Theirs.
        presets: For the styles' titles.
    """

    language: str
    presets: Mapping[str, Preset]

    def say(self, key: str, **values: object) -> str:
        """A sentence of the catalogue's ``web`` table."""
        return say(f"web.{key}", self.language, **values)

    def title(self, job: Job) -> str:
        """The style's title, such as ``Mosaic``."""
        name = style_name(job.style_label, self.presets, self.language)
        return name[:1].upper() + name[1:]


class Card:
    """One job, from its place in the queue to the picture on the wall.

    Args:
        job: The job.
        reader: Whom the words are for.
        wishes: What the buttons do.
    """

    def __init__(self, job: Job, reader: Reader, wishes: Wishes) -> None:
        self.job = job
        self.result: Result | None = None
        self._reader = reader
        self._wishes = wishes
        self.root = tag("article", "card", data_job=job.job_id, aria_label=reader.title(job))
        with self.root:
            self._build_waiting()

    def stand(self, standing: Standing) -> None:
        """Show how the job stands."""
        event = standing.event
        put_text(self._status, _standing(standing, self._reader.language))
        running = event is not None and event.state == "running"
        done = _done(event)
        self._bar.style(f"--done: {done:.3f}")
        self._bar.classes(add="running" if running else "", remove="" if running else "running")
        put(self._bar, aria_valuenow=round(done * 100))
        if event and event.preview:
            put(self._preview, src=picture_url(event.preview))
            self._preview.classes("seen")

    def finish(self, result: Result) -> None:
        """Show what became of the job."""
        self.result = result
        self.root.clear()
        self.root.classes("finished")
        with self.root:
            if result.outcome == "done":
                self._build_picture(result)
            else:
                self._build_failure(result)

    def _build_waiting(self) -> None:
        self._heading()
        with tag("div", "frame developing"):
            tag("img", "photo", src=picture_url(self.job.content), alt="")
            self._preview = tag("img", "preview", alt=self._reader.say("preview_alt"))
            tag("span", "sheen", aria_hidden="true")
        self._bar = tag(
            "div",
            "bar",
            role="progressbar",
            aria_label=self._reader.say("progress"),
            aria_valuemin=0,
            aria_valuemax=100,
            aria_valuenow=0,
        )
        with tag("div", "between"):
            self._status = tag("p", "status", say("progress.waiting", self._reader.language), aria_live="polite")
            label = say("button.cancel", self._reader.language)
            button("quiet cancel", label, lambda: self._wishes.cancel(self.job))

    def _heading(self) -> None:
        with tag("header", "card-head"):
            tag("h3", "", self._reader.title(self.job))
            tag("span", "faint", f"{percent(self.job.options)} · {self.job.options.method}")

    def _build_picture(self, result: Result) -> None:
        self._build_comparison(result)
        first, *notices = caption(result, self._reader.presets, self._reader.language).split("\n")
        with tag("div", "card-words"):
            tag("h3", "caption", first)
            for sentence in notices:
                tag("p", "notice", sentence)
            self._build_buttons(result)
            with tag("div", "card-foot"):
                self._build_recipe()
                self._small_buttons()

    def _build_comparison(self, result: Result) -> None:
        ratio = max(1, result.width_px) / max(1, result.height_px)
        with tag("div", "frame compare").style(f"--ratio: {ratio:.5f}"):
            alt = alt_text(self.job, self._reader.presets, self._reader.language)
            tag("img", "after", src=picture_url(result.picture), alt=alt)
            tag("img", "before", src=picture_url(self.job.content), alt=self._reader.say("content_alt"))
            tag("span", "handle", aria_hidden="true")
            tag("span", "corner corner-before", self._reader.say("before"), aria_hidden="true")
            tag("span", "corner corner-after", self._reader.say("after"), aria_hidden="true")
            name = self._reader.say("compare")
            tag("input", "cut", type="range", min=0, max=100, step=1, defaultValue="0", aria_label=name)

    def _build_buttons(self, result: Result) -> None:
        with tag("div", "actions"):
            tag(
                "a",
                "action main",
                self._reader.say("download"),
                href=picture_url(result.picture),
                download=_file_name(self.job, result),
            )
            for choice in offered(self.job.options):
                self._variation(result, choice)
            label = say("button.other_style", self._reader.language)
            button("action", label, lambda: self._wishes.other_style(self.job))

    def _variation(self, result: Result, choice: Button) -> None:
        label = say(f"button.{choice.value}", self._reader.language)
        button("action", label, lambda: self._wishes.vary(result, choice), data_button=choice.value)

    def _build_recipe(self) -> None:
        if not self.job.style_label:
            return  # a picture of one's own has no name that could be typed
        words = format_style_command(self.job.style_label.split(" "), self.job.options)
        with tag("span", "recipe"):
            tag("span", "faint", say("button.recipe", self._reader.language))
            tag("button", "recipe-words", words, type="button", data_copy=words, data_copied=self._reader.say("copied"))

    def _small_buttons(self) -> None:
        label = say("button.delete", self._reader.language)
        button("quiet delete", label, lambda: self._wishes.delete(self.job))

    def _build_failure(self, result: Result) -> None:
        self._heading()
        with tag("div", "between"):
            tag("p", "outcome", failure(result, self._reader.language), role="status")
            self._small_buttons()


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
        self._cells[job_id].style(f"--done: {_done(standing.event):.3f}")

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
            tag("img", "waiting", src=picture_url(job.content), alt="")
            tag("span", "cell-strength", percent(job.options))


def _standing(standing: Standing, language: str) -> str:
    position = standing.position if standing.attended else None
    return standing_words(standing.event, position, standing.eta_s, language)


def _done(event: Event | None) -> float:
    return event.fraction if event and event.state == "running" else 0.0


def _file_name(job: Job, result: Result) -> str:
    style = job.style_label.replace(" ", "-") or "own"
    return f"pastiche-{style}-{percent(job.options)}.{_SUFFIXES.get(result.media_type, 'jpg')}"


def running(event: Event) -> Standing:
    """The standing that a progress event stands for."""
    return Standing(event, None, event.eta_s if event.eta_s >= 0 else None)
