from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.chat.captions import standing as words
from bot.chat.progress import Line, ProgressLine, ProgressLines, Shown
from bot.chat.service import Standing
from bot.texts import say
from nst.errors import OperatorError
from nst.options import StyleOptions
from workers.contract import Event, Job

TICK_S = 0.001


class Message:
    """Notes what a line shows; ``takes`` edits at most."""

    def __init__(self, takes: int = 100) -> None:
        self.shown: list[Line] = []
        self._takes = takes

    async def show(self, line: Line) -> Shown:
        self.shown.append(line)
        return Shown.YES if len(self.shown) < self._takes else Shown.NEVER


class Queue:
    """Answers with one standing after the other, the last one for ever."""

    def __init__(self, *standings: Standing | OperatorError) -> None:
        self._left = list(standings)
        self.asked = asyncio.Event()
        self.count = 0

    async def ask(self) -> Standing:
        self.count += 1
        if len(self._left) == 1:
            self.asked.set()
        now = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        if isinstance(now, OperatorError):
            raise now
        return now


def waiting(position: int) -> Standing:
    return Standing(None, position, None)


def running(fraction: float, preview: str = "") -> Standing:
    event = Event(job_id="j", frontend="f", state="running", fraction=fraction, preview=preview)
    return Standing(event, None, None)


ENDED = Standing(Event(job_id="j", frontend="f", state="done"), None, None)


async def test_a_line_shows_what_is_new_and_nothing_twice() -> None:
    queue = Queue(waiting(2), waiting(2), waiting(1), running(0.5, "abc"), running(0.5, "abc"), ENDED)
    message = Message()
    await ProgressLine(message.show, queue.ask, "en", TICK_S).follow()
    texts = [line.text for line in message.shown]
    assert texts == ["Queued, position 2", "Queued, position 1", "Painting … 50 %"]
    assert [line.preview for line in message.shown] == ["", "", "abc"]
    assert queue.count == 6


async def test_a_line_that_may_not_go_on_ends() -> None:
    message = Message(takes=1)
    await ProgressLine(message.show, Queue(waiting(2), waiting(1)).ask, "en", TICK_S).follow()
    assert len(message.shown) == 1


async def test_what_there_was_no_room_for_is_shown_when_there_is() -> None:
    shown: list[str] = []
    room = iter([Shown.NOT_NOW, Shown.NOT_NOW, Shown.YES])

    async def show(line: Line) -> Shown:
        shown.append(line.text)
        return next(room)

    queue = Queue(*[waiting(2)] * 5, ENDED)
    await ProgressLine(show, queue.ask, "en", TICK_S).follow()
    assert shown == ["Queued, position 2"] * 3, "once it is there it is not shown again"


async def test_closing_waits_for_the_edit_under_way_and_lets_no_other_begin() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    order: list[str] = []

    async def show(line: Line) -> Shown:
        begun.set()
        await go_on.wait()
        order.append(line.text)
        return Shown.YES

    line = ProgressLine(show, Queue(waiting(2), waiting(1)).ask, "en", TICK_S)
    following = asyncio.create_task(line.follow())
    await begun.wait()
    closing = asyncio.create_task(line.close())
    closing.add_done_callback(lambda _: order.append("closed"))
    go_on.set()
    await asyncio.gather(following, closing)
    assert order == ["Queued, position 2", "closed"]


async def test_a_result_that_comes_before_the_first_line_keeps_it_from_being_shown() -> None:
    lines, message = ProgressLines(), Message()
    job = Job(job_id="j", frontend="f", content="c", styles=("s",), options=StyleOptions())
    lines.open("j", ProgressLine(message.show, Queue(waiting(1)).ask, "en", TICK_S))
    await lines.close("j")
    lines.start(job)
    await lines.close("j")
    assert not message.shown
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "progress-j"]


async def test_a_queue_that_is_away_leaves_the_line_as_it_is() -> None:
    queue, message = Queue(waiting(1), OperatorError("queue_unavailable", {"reason": "x"})), Message()
    line = ProgressLine(message.show, queue.ask, "en", TICK_S)
    following = asyncio.create_task(line.follow())
    await queue.asked.wait()
    await line.close()
    await following
    assert [shown.text for shown in message.shown] == ["Queued, position 1"]


def test_where_nobody_paints_no_place_in_the_line_is_promised() -> None:
    queued = Event(job_id="j", frontend="f", state="queued")
    assert words(Standing(queued, 3, None, attended=False), "en") == say("progress.unattended", "en")
    assert words(Standing(queued, 3, None), "en") == say("progress.queued", "en", position=3)
    running = replace(queued, state="running", fraction=0.5)
    assert words(Standing(running, None, None, attended=False), "en") == say("progress.running", "en", percent=50)
