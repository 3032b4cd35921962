"""A card on the wall: one job, from its place in the line to its picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.chat.captions import alt_text, caption, failure, percent
from bot.chat.captions import standing as words
from bot.chat.recipe_words import format_style_command, parse_style_command
from bot.chat.service import Standing
from bot.chat.variations import CLIPS, Button, offered
from bot.texts import say
from bot.web.downloads import download_url, file_name
from bot.web.elements import button, picture_url, put, put_text, tag
from bot.web.loss_curves import Chart, Curves
from bot.web.wording import Reader, Wishes, fraction_of
from nst.errors import UserError
from nst.options import StyleOptions
from nst.pictures.clip_header import MP4
from workers.contract import Job, Result


# A recipe in words, where words can say all of it.
def recipe_words(names: Sequence[str], options: StyleOptions, presets: Collection[str]) -> str:
    """The words that give the same again in a chat.

    Args:
        names: The styles' presets; empty for pictures of one's own, which have no name that could be typed.
        options: The recipe's.
        presets: Names of all presets there are.

    Returns:
        The words, or "" where they would leave something out (extractor, weights, start and the like): the code has
        it all.
    """
    if not names:
        return ""
    words = format_style_command(names, options)
    try:
        said = parse_style_command(words, presets)
    except UserError:  # a preset that is gone
        return ""
    return words if (said.presets, said.options) == (tuple(names), options) else ""


class Card:
    """One job, from its place in the queue to the picture on the wall.

    Args:
        job: The job.
        reader: Whom the words are for.
        wishes: What the buttons do.
        curves: The losses to draw; None draws none.
    """

    def __init__(self, job: Job, reader: Reader, wishes: Wishes, curves: Curves | None = None) -> None:
        self.job = job
        self.result: Result | None = None
        self._reader = reader
        self._wishes = wishes
        self._curves = curves
        self._chart: Chart | None = None
        self.root = tag("article", "card", data_job=job.job_id, aria_label=reader.title(job))
        with self.root:
            self._build_waiting()

    def stand(self, standing: Standing) -> None:
        """Show how the job stands."""
        event = standing.event
        put_text(self._status, words(standing, self._reader.language))
        running = event is not None and event.state == "running"
        done = fraction_of(event)
        self._bar.style(f"--done: {done:.3f}")
        self._bar.classes(add="running" if running else "", remove="" if running else "running")
        put(self._bar, aria_valuenow=round(done * 100))
        if event and event.preview:
            put(self._preview, src=picture_url(event.preview))
            self._preview.classes("seen")
        self._draw(event.steps if event else 0)

    def finish(self, result: Result) -> None:
        """Show what became of the job."""
        self.result = result
        self.root.clear()
        self.root.classes("finished")
        with self.root:
            self._chart = None
            if result.outcome == "done":
                self._build_picture(result)
            elif result.picture:
                self._build_stopped(result)
            else:
                self._build_failure(result)

    def _build_waiting(self) -> None:
        self._heading()
        with tag("div", "frame developing"):
            tag("img", "photo", src=picture_url(self.job.content), alt="", data_moves="maybe")
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
            self._status = tag("p", "status", self._reader.say("moment"))
            with tag("span", "ends"):
                if self.job.options.method == "gatys":
                    button("quiet stop", self._play("stop"), lambda: self._wishes.stop(self.job))
                label = say("button.cancel", self._reader.language)
                button("quiet cancel", label, lambda: self._wishes.cancel(self.job))
        self._curve_place = tag("div", "curve-place")
        self._draw()

    def _play(self, key: str, **values: object) -> str:
        return say(f"playground.{key}", self._reader.language, **values)

    def _draw(self, steps: int = 0) -> None:
        curve = self._curves.of(self.job.job_id) if self._curves else None
        if curve is None:
            return
        if self._chart is None:
            with self._curve_place:
                self._chart = Chart(self._play)
        self._chart.draw(curve, steps)

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
            self._build_time_lapse(result)
            self._build_curves()
            with tag("div", "card-foot"):
                self._build_recipe()
                self._small_buttons()

    def _build_stopped(self, result: Result) -> None:
        self._build_comparison(result)
        with tag("div", "card-words"):
            tag("h3", "caption", self._play("stopped"))
            with tag("div", "actions"):
                button("action main", self._play("resume"), lambda: self._wishes.resume(self.job))
                self._download_button(result, "action")
                self._compare_button(result)
            self._build_curves()
            with tag("div", "card-foot"):
                self._small_buttons()

    def _build_time_lapse(self, result: Result) -> None:
        if not result.time_lapse:
            return
        address, name = picture_url(result.time_lapse), self._play("time_lapse")
        with tag("details", "more lapse"):
            tag("summary", "", name)
            tag("img", "", src=address, alt=self._play("time_lapse_alt"), loading="lazy", data_moves="yes")
            tag("a", "quiet", self._reader.say("download"), href=address, download="pastiche-time-lapse.webp")

    def _build_curves(self) -> None:
        if self._curves is None or self._curves.of(self.job.job_id) is None:
            return
        with tag("details", "more"):
            tag("summary", "", self._play("curves"))
            self._curve_place = tag("div", "curve-place")
        self._draw()

    def _download_button(self, result: Result, looks: str) -> None:
        name = file_name(self.job, result.media_type)
        tag("a", looks, self._reader.say("download"), href=download_url(self.job), download=name)

    def _compare_button(self, result: Result) -> None:
        compare = self._wishes.compare
        if compare is not None:
            button("action", self._play("compare"), lambda: compare(result))

    def _build_comparison(self, result: Result) -> None:
        ratio = max(1, result.width_px) / max(1, result.height_px)
        with tag("div", "frame compare").style(f"--ratio: {ratio:.5f}"):
            alt = alt_text(self.job, self._reader.presets, self._reader.language)
            self._picture("after", result, result.picture, alt)
            self._picture("before", result, self.job.content, self._reader.say("content_alt"))
            tag("span", "handle", aria_hidden="true")
            tag("span", "corner corner-before", self._reader.say("before"), aria_hidden="true")
            tag("span", "corner corner-after", self._reader.say("after"), aria_hidden="true")
            name = self._reader.say("compare")
            tag("input", "cut", type="range", min=0, max=100, step=1, defaultValue="0", aria_label=name)

    def _picture(self, looks: str, result: Result, digest: str, alt: str) -> None:
        """A picture, or a film where the result is one: its content image is one then, too."""
        if result.media_type == MP4:
            plays = {"autoplay": True, "loop": True, "muted": True, "playsinline": True}
            tag("video", looks, src=picture_url(digest), aria_label=alt, **plays)
        else:
            moves = "maybe" if looks == "before" or result.media_type in CLIPS else None
            tag("img", looks, src=picture_url(digest), alt=alt, data_moves=moves)

    def _build_buttons(self, result: Result) -> None:
        with tag("div", "actions"):
            self._download_button(result, "action main")
            self._compare_button(result)
            for choice in offered(self.job.options, result.media_type):
                self._variation(result, choice)
            label = say("button.other_style", self._reader.language)
            button("action", label, lambda: self._wishes.other_style(self.job))

    def _variation(self, result: Result, choice: Button) -> None:
        label = say(f"button.{choice.value}", self._reader.language)
        button("action", label, lambda: self._wishes.vary(result, choice), data_button=choice.value)

    def _build_recipe(self) -> None:
        with tag("span", "recipe"):
            tag("span", "faint", say("button.recipe", self._reader.language))
            words = recipe_words(self.job.style_label.split(), self.job.options, self._reader.presets)
            if words:
                self._copied(words)
            with tag("span", "") as self._code_place:
                button("recipe-words code", self._reader.say("recipe_code"), self._show_code)

    async def _show_code(self) -> None:
        code = await self._wishes.share(self.job)
        if code:
            self._code_place.clear()
            line = await self._wishes.quality(self.job) if self._wishes.quality else ""
            with self._code_place:
                self._copied(code)
                if line:
                    tag("span", "faint", line)

    def _copied(self, words: str) -> None:
        tag("button", "recipe-words", words, type="button", data_copy=words, data_copied=self._reader.say("copied"))

    def _small_buttons(self) -> None:
        label = say("button.delete", self._reader.language)
        button("quiet delete", label, lambda: self._wishes.delete(self.job))

    def _build_failure(self, result: Result) -> None:
        self._heading()
        with tag("div", "between"):
            tag("p", "outcome", failure(result, self._reader.language), role="status")
            self._small_buttons()
