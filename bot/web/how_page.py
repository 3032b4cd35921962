"""``/how``: how it works, told with the visitor's own pictures. The sheets are made by workers, as pastiches are."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui import ui
from nicegui.element import Element
from starlette.requests import Request as HttpRequest

from bot.chat.captions import failure
from bot.chat.captions import standing as words
from bot.chat.service import Request, Standing, Style
from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.elements import button, picture_url, put, put_text, set_up_head, tag, thumbnail_url
from bot.web.form.fields import Drop, Takes, offer_contents, offer_styles
from bot.web.form.studio import own_style_tile
from bot.web.form.types import Wanted
from bot.web.page_actions import Asking
from bot.web.page_context import Visit
from bot.web.protection.throttle import JOBS
from bot.web.session_jobs import Entry
from bot.web.shared import Studio
from bot.web.studio_page import arrive, enter, stay
from bot.web.wording import Reader, fraction_of
from nst.errors import UserError
from nst.options import EXPLANATIONS, StyleOptions
from workers.contract import Job, Result

# The explanations on the page: what each is about, a button, and the sheet that came of it.
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


# What the explanations are about: a photo and a style; a ``wanted.Desk``.
# Small and short: a sheet has up to seven pictures, and is made in one go (docs/adr/0010).
_OPTIONS = StyleOptions(method="gatys", max_side_px=192, steps=40)


class Subject:
    """The photo and the style.

    Args:
        presets: The styles on offer.
        language: The visitor's.
        takes: What choosing a picture that is offered does.
    """

    def __init__(self, presets: Mapping[str, Preset], language: str, takes: Takes) -> None:
        self._presets = presets
        self._language = language
        self._tiles: dict[str, Any] = {}
        self._chosen = ""
        self._drop = Drop(language, lambda: offer_contents(presets, takes, language))
        with tag("section", "part", aria_labelledby="part-style"):
            tag("h2", "step", say("web.style", language), id="part-style")
            with tag("div", "gallery", role="group", aria_labelledby="part-style"):
                own_style_tile(language)
                self._own = tag("div", "own")
                for preset in presets.values():
                    alt = preset.alt.get(language) or preset.alt.get("en", "")
                    self._tile(preset.name, preset.title(language), alt, thumbnail_url(preset.name))
            offer_styles(takes, language)
            self._style_problem = tag("p", "problem", role="alert")
        self._problem = tag("p", "problem", role="alert")
        self.choose(next(iter(presets), ""))

    @property
    def content(self) -> str:
        """Blob hash of the chosen picture, or ""."""
        return self._drop.picture

    def read(self, fields: Mapping[str, Any]) -> Wanted:
        """The style and the options of a sheet; there are no fields.

        Raises:
            UserError: ``image_missing`` or ``style_missing``.
        """
        if not self.content:
            raise UserError("image_missing")
        if not self._chosen:
            raise UserError("style_missing")
        preset = self._chosen in self._presets
        return Wanted([Style(self._chosen) if preset else Style(picture=self._chosen)], _OPTIONS)

    def choose(self, style: str) -> None:
        """Choose a style: a preset's name or a picture's hash."""
        self._chosen = style
        for name, tile in self._tiles.items():
            put(tile, aria_pressed="true" if name == style else "false")

    def show_content(self, digest: str) -> None:
        """Show the picture to be explained."""
        self._drop.show(digest)
        self.complain("", "paint")

    def show_style(self, digest: str) -> None:
        """Take a style picture of the visitor's own, and choose it."""
        self.complain("", "style")
        if digest not in self._tiles:
            with self._own:
                title, alt = (say(f"web.{key}", self._language) for key in ("own_style_short", "own_style_alt"))
                self._tile(digest, title, alt, picture_url(digest))
        self.choose(digest)

    def show_mask(self, digest: str) -> None:
        """Explanations are of whole pictures: there is no place for one here."""

    def complain(self, sentence: str, about: str) -> None:
        """Say what is wrong, where it is wrong; see ``Composer.complain``."""
        if about == "content":
            self._drop.complain(sentence)
        else:
            put_text(self._style_problem if about == "style" else self._problem, sentence)

    def _tile(self, value: str, title: str, alt: str, source: str) -> None:
        tile = button("tile pick", "", lambda: self.choose(value), aria_pressed="false", title=title, data_style=value)
        self._tiles[value] = tile
        with tile:
            tag("img", "tile-picture", src=source, alt=alt, width=96, height=96)
            tag("span", "tile-title", title)


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
