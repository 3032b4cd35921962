"""What the queue takes before it says "later"; light, because settings name it."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 2**20


@dataclass(frozen=True)
class Limits:
    """What the queue takes before it says "later".

    Attributes:
        pending_per_user: Unfinished jobs of one user.
        per_user_per_day: Jobs of one user on one day (UTC).
        waiting: Jobs waiting in one queue, whoever asked for them.
        pending_per_chat: Unfinished jobs of one chat, whoever in it asked for them.
        bytes_per_user: Pictures and results that are kept of one user.
        bytes_per_address: Those of all web sessions that come from one address.
        bytes_in_all: Those of everybody, where no limit of Redis' memory counts instead.
    """

    pending_per_user: int = 10
    per_user_per_day: int = 1000
    waiting: int = 1000
    pending_per_chat: int = 200
    bytes_per_user: int = 200 * MIB
    bytes_per_address: int = 400 * MIB
    bytes_in_all: int = 2048 * MIB
