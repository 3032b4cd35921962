"""What the queue takes before it says "later"; light, because settings name it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What the queue takes before it says "later".

    Attributes:
        pending_per_user: Unfinished jobs of one user.
        per_user_per_day: Jobs of one user on one day (UTC).
        waiting: Jobs waiting in one queue, whoever asked for them.
        pending_per_chat: Unfinished jobs of one chat, whoever in it asked for them.
    """

    pending_per_user: int = 10
    per_user_per_day: int = 1000
    waiting: int = 1000
    pending_per_chat: int = 200
