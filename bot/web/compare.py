"""Two results side by side, and in what their settings differ."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui
from nicegui.element import Element

from bot.chat.captions import alt_text, caption
from bot.chat.variations import CLIPS
from bot.texts import say
from bot.web.elements import button, picture_url, tag
from bot.web.form.parsing import KNOBS
from bot.web.wording import Reader
from nst.options import StyleOptions
from workers.contract import Job, Result

_NAMES = {
    "strength": "web.strength",
    "method": "web.method",
    "colours": "web.colours",
    "region": "web.region",
    "style_weights": "playground.mixer",
    "layer_weights": "playground.layers",
    "time_lapse": "playground.time_lapse",
    **{knob.option: f"playground.{knob.name}" for knob in KNOBS},
}


class Duel:
    """The place for two results; empty at first.

    Args:
        reader: Whom the words are for.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._results: list[Result] = []
        self._root = tag("section", "duel", aria_label=self._say("duel"), tabindex=-1)
        self._root.set_visibility(False)

    def take(self, result: Result) -> None:
        """Lay a result beside the one that was taken before; the older of two goes."""
        others = [other for other in self._results if other.job_id != result.job_id]
        self._results = [*others[-1:], result]
        self._show()
        ui.run_javascript(f"studio.reveal('{self._root.html_id}')")

    def clear(self) -> None:
        """Put both away."""
        self._results = []
        self._show()

    def _say(self, key: str, **values: object) -> str:
        return say(f"playground.{key}", self._reader.language, **values)

    def _show(self) -> None:
        self._root.clear()
        self._root.set_visibility(bool(self._results))
        if not self._results:
            return
        with self._root:
            with tag("div", "between"):
                tag("h2", "", self._say("duel"))
                button("quiet", self._say("duel_clear"), self.clear)
            with tag("div", "pair"):
                for result in self._results:
                    self._figure(result)
            if len(self._results) == 2:
                self._differences()
            else:
                tag("p", "faint", self._say("duel_one"))

    def _figure(self, result: Result) -> None:
        job = Job.from_json(result.job)
        with tag("figure", "side"):
            alt = alt_text(job, self._reader.presets, self._reader.language)
            moves = "maybe" if result.media_type in CLIPS else None
            tag("img", "", src=picture_url(result.picture), alt=alt, data_moves=moves)
            tag("figcaption", "", caption(result, self._reader.presets, self._reader.language).split("\n")[0])

    def _differences(self) -> None:
        jobs = [Job.from_json(result.job) for result in self._results]
        rows = differences(jobs[0].options, jobs[1].options)
        if not rows:
            tag("p", "faint", self._say("duel_same"))
            return
        with tag("table", "settings"):
            with tag("thead"), tag("tr"):
                tag("th", "", self._say("duel_setting"), scope="col")
                for job in jobs:
                    tag("th", "", self._reader.title(job), scope="col")
            with tag("tbody"):
                for name, values in rows:
                    self._row(name, values)

    def _row(self, name: str, values: Sequence[object]) -> Element:
        with tag("tr") as row:
            tag("th", "", self._named(name), scope="row")
            for value in values:
                tag("td", "", self._say("default") if value is None else shown(value))
        return row

    def _named(self, option: str) -> str:
        """What the form calls an option."""
        key = _NAMES.get(option)
        return say(key, self._reader.language) if key else option.replace("_", " ")


def differences(first: StyleOptions, second: StyleOptions) -> list[tuple[str, tuple[object, object]]]:
    """The options that differ, in the order of ``StyleOptions``."""
    ours, theirs = first.as_dict(), second.as_dict()
    names = [name for name in StyleOptions.__dataclass_fields__ if name in ours or name in theirs]
    pairs = [(name, (getattr(first, name), getattr(second, name))) for name in names]
    return [(name, (one, other)) for name, (one, other) in pairs if one != other]


def shown(value: object) -> str:
    """An option's value for people."""
    if isinstance(value, bool):
        return "✓" if value else "–"
    if isinstance(value, tuple):
        return " : ".join(f"{part:.2g}" for part in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
