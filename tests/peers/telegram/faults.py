"""Failures on order: what a test wants to go wrong, where and how often."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Fault:
    """One thing to go wrong.

    Attributes:
        method: Method of the Bot API, such as ``editMessageMedia``; ``file`` for the download of one.
        status: HTTP status; 0 cuts the connection; 200 is only slow.
        times: How many requests it meets.
        retry_after_s: With 429.
        description: What the API says.
        after: Act on the request first: the bot never learns that it worked.
        chat_id: Only there, or 0.
        message_id: Only this message, or 0.
        file_id: Only this file, or "".
        slow_s: Seconds before anything happens; nothing does where the bot is gone by then.
        met: How many requests it met.
    """

    method: str
    status: int = 500
    times: int = 1
    retry_after_s: int = 1
    description: str = ""
    after: bool = False
    chat_id: int = 0
    message_id: int = 0
    file_id: str = ""
    slow_s: float = 0
    met: int = field(default=0, init=False)


class Faults:
    """The faults in force."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def take(self, method: str, chat_id: int, message_id: int = 0, file_id: str = "") -> Fault | None:
        """The fault that meets a request, if there is one."""
        for fault in self.all:
            here = fault.chat_id in (0, chat_id) and fault.message_id in (0, message_id)
            here = here and fault.file_id in ("", file_id)
            if fault.method == method and fault.met < fault.times and here:
                fault.met += 1
                return fault
        return None
