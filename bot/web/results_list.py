"""The wall: cards and strips, the newest first, and which job is where on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

from bot.chat.service import Standing
from bot.web.elements import put_text, tag, thumbnail_url
from bot.web.loss_curves import Curves
from bot.web.result_card import Card
from bot.web.result_strip import Strip
from bot.web.session_jobs import Entry
from bot.web.wording import Reader, Wishes
from workers.contract import Job, Result

_SKETCHES = 3


class Wall:
    """What has been painted in a session.

    Args:
        reader: Whom the words are for.
        wishes: What the buttons do.
        curves: The losses to draw; None draws none.
    """

    def __init__(self, reader: Reader, wishes: Wishes, curves: Curves | None = None) -> None:
        self._reader = reader
        self._wishes = wishes
        self._curves = curves
        self._cards: dict[str, Card] = {}
        self._strips: dict[str, Strip] = {}  # by job
        self._results: dict[str, Result] = {}
        with tag("section", "wall", id="wall", aria_label=reader.say("history"), tabindex=-1):
            self._build_empty()
            self._news = tag("p", "unseen", role="status")
            self._root = tag("div", "hung")

    def takes(self, job: Job) -> bool:
        """Whether a job belongs on a wall: sheets that explain do not."""
        return not job.explanation

    def fill(self, entries: Sequence[Entry], results: Mapping[str, Result]) -> None:
        """Hang what there is already.

        Args:
            entries: The oldest first.
            results: Those that are finished, by job.
        """
        hung = sorted(_groups(entries), key=lambda group: group[0].hung_at_s or group[0].job.submitted_at_s)
        for group in hung:
            self.place(group)
        for job_id in [*self._cards, *self._strips]:
            if job_id in results and job_id not in self._results:
                self.finish(results[job_id])

    def place(self, entries: Sequence[Entry]) -> str:
        """Hang new jobs on top, those of one strip together.

        Args:
            entries: Either one job, or jobs of the same strip.

        Returns:
            The new element's id in the page, or "" if there was nothing to hang.
        """
        fresh = [entry for entry in entries if not self._hangs(entry)]
        if not fresh:
            return ""
        if fresh[0].hung_at_s:
            return self._hang_card(fresh[0].job).root.html_id
        return self._hang_strip([entry.job for entry in fresh]).root.html_id

    def hang(self, job: Job, result: Result) -> Card:
        """Give one of a strip's pictures a card of its own, or find the one that it has."""
        if job.job_id in self._cards:
            return self._cards[job.job_id]
        card = self._hang_card(job)
        card.finish(result)
        return card

    def knows(self, job_id: str) -> bool:
        """Whether a job hangs here."""
        return job_id in self._cards or job_id in self._strips

    def waits_for(self, job_id: str) -> bool:
        """Whether a job hangs here and is not finished."""
        return self.knows(job_id) and job_id not in self._results

    def waiting(self) -> list[str]:
        """The unfinished jobs."""
        return [job_id for job_id in {**self._cards, **self._strips} if job_id not in self._results]

    def picture_of(self, job_id: str) -> str:
        """A finished job's picture, unless another card shows the same one; "" if there is none."""
        picture = self._results[job_id].picture if job_id in self._results else ""
        others = {result.picture for other, result in self._results.items() if other != job_id}
        return "" if picture in others else picture

    def stand(self, job_id: str, standing: Standing) -> None:
        """Show how a job stands."""
        if job_id in self._cards:
            self._cards[job_id].stand(standing)
        if job_id in self._strips:
            self._strips[job_id].stand(job_id, standing)

    def finish(self, result: Result) -> None:
        """Show what became of a job; twice is as good as once."""
        job_id = result.job_id
        if not self.waits_for(job_id):
            return
        self._results[job_id] = result
        put_text(self._news, self._reader.outcome(result))
        if job_id in self._cards:
            self._cards[job_id].finish(result)
        if job_id in self._strips:
            self._strips[job_id].finish(result)

    def take_down(self, job_id: str) -> None:
        """Take a job's card off the wall."""
        card = self._cards.pop(job_id, None)
        if card:
            card.root.delete()
        if job_id not in self._strips:
            self._results.pop(job_id, None)
        self._show_empty()

    def _hangs(self, entry: Entry) -> bool:
        return entry.job.job_id in (self._cards if entry.hung_at_s else self._strips)

    def _hang_card(self, job: Job) -> Card:
        with self._root:
            card = self._cards[job.job_id] = Card(job, self._reader, self._wishes, self._curves)
        card.root.move(self._root, target_index=0)
        self._show_empty()
        return card

    def _hang_strip(self, jobs: list[Job]) -> Strip:
        with self._root:
            strip = Strip(jobs, self._reader, self._wishes)
        self._strips |= dict.fromkeys((job.job_id for job in jobs), strip)
        strip.root.move(self._root, target_index=0)
        self._show_empty()
        return strip

    def _build_empty(self) -> None:
        with tag("div", "empty") as self._empty:
            with tag("div", "sketches", aria_hidden="true"):
                for name in list(self._reader.presets)[:_SKETCHES]:
                    tag("img", "", src=thumbnail_url(name), alt="")
            tag("h2", "", self._reader.say("empty_title"))
            tag("p", "", self._reader.say("empty_text"))

    def _show_empty(self) -> None:
        self._empty.set_visibility(not self._cards and not self._strips)


def _groups(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Cards of their own, and the jobs of each strip together."""
    cards = [[entry] for entry in entries if entry.hung_at_s]
    parts = sorted((entry for entry in entries if entry.strip), key=lambda entry: entry.strip)
    strips = [list(group) for _, group in groupby(parts, key=lambda entry: entry.strip)]
    return [*cards, *([Entry(part.job, 0.0) for part in strip] for strip in strips)]
