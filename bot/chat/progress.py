"""One line that says how a job stands: the newest word wins, and no platform's flood limit is met.

A frontend gives the way to show a line; this room decides when. It edits at most once in
``INTERVAL_S``, never the same thing twice, and never again once a platform said "stop" or the
result is about to take the line's place. What a platform had no room for is shown when it has.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from bot.chat.captions import standing as sentence
from bot.chat.service import Standing
from nst.errors import OperatorError
from workers.contract import Job

INTERVAL_S = 3.0
_LONGEST_INTERVAL_S = 15.0
_UNFINISHED = ("queued", "running")


@dataclass(frozen=True)
class Line:
    """What is to be seen of a job.

    Attributes:
        text: The sentence.
        preview: Blob hash of the picture as it stands, or "".
    """

    text: str
    preview: str = ""


class Shown(Enum):
    """What became of an edit."""

    YES = "yes"
    NOT_NOW = "not now"  # there was no room for it, or the platform had a hiccup
    NEVER = "never"  # the message cannot be written any more


Show = Callable[[Line], Awaitable[Shown]]
Ask = Callable[[], Awaitable[Standing]]


class ProgressLine:
    """The progress of one job in one message.

    Args:
        show: Shows a line, and says what became of it.
        ask: How the job stands now.
        language: Whom to speak to.
        interval_s: Seconds between two edits at least.
    """

    def __init__(self, show: Show, ask: Ask, language: str, interval_s: float = INTERVAL_S) -> None:
        self._show = show
        self._ask = ask
        self._language = language
        self._interval_s = interval_s
        self._shown: Line | None = None
        self._closing = asyncio.Event()
        self._edit = asyncio.Lock()

    async def follow(self) -> None:
        """Show the line now, and again whenever it says something new, until the job or the line ends."""
        pause_s = 0.0
        while not await self._closed_within(pause_s):
            try:
                standing = await self._ask()
            except OperatorError:
                pause_s = _LONGEST_INTERVAL_S  # the queue is away: the line stays as it is meanwhile
                continue
            if standing.event is not None and standing.event.state not in _UNFINISHED:
                return
            line = self._line(standing)
            if line != self._shown and await self._edit_to(line) is Shown.NEVER:
                return
            pause_s = self._pause_s(standing.position)

    async def close(self) -> None:
        """No edit starts any more, and the one under way has ended: the message is free for the result."""
        self._closing.set()
        async with self._edit:
            pass

    async def _edit_to(self, line: Line) -> Shown:
        async with self._edit:
            if self._closing.is_set():
                return Shown.NEVER
            shown = await self._show(line)
            if shown is Shown.YES:
                self._shown = line
            return shown

    def _line(self, standing: Standing) -> Line:
        return Line(sentence(standing, self._language), standing.event.preview if standing.event else "")

    def _pause_s(self, position: int | None) -> float:
        """Who is far back in the line is asked for less often: two hundred of them cost Redis nothing."""
        return max(self._interval_s, min(_LONGEST_INTERVAL_S, (position or 0) / 10))

    async def _closed_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return False
        return True


class ProgressLines:
    """The open lines of a frontend by job."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[ProgressLine, asyncio.Task[None] | None]] = {}

    def open(self, job_id: str, line: ProgressLine) -> None:
        """Know a line before its job is queued, so that no result can come too early for it."""
        self._lines[job_id] = (line, None)

    def start(self, job: Job) -> None:
        """Follow a job that was queued; nothing happens if its result came first."""
        found = self._lines.get(job.job_id)
        if found:
            line, _ = found
            self._lines[job.job_id] = (line, asyncio.create_task(line.follow(), name=f"progress-{job.job_id}"))

    def has(self, job_id: str) -> bool:
        """Whether there is such a line."""
        return job_id in self._lines

    async def close(self, job_id: str) -> None:
        """Free the message for the result."""
        line, task = self._lines.pop(job_id, (None, None))
        if line is None:
            return
        await line.close()
        if task is not None:
            task.cancel()  # it holds no edit now; at most it waits or asks
