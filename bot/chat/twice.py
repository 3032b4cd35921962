"""What cannot be taken back is pressed twice: the first press says what the second one does."""

from __future__ import annotations

import asyncio

import redis

from nst.errors import UserError
from workers.store import keys

WITHIN_S = 30


class Twice:
    """First presses, for half a minute.

    Args:
        connection: To the queue's Redis.
        frontend: Whose.
    """

    def __init__(self, connection: redis.Redis, frontend: str) -> None:
        self._connection, self._frontend = connection, frontend

    async def ask(self, user: str, what: str, press: str) -> None:
        """Let the second press through.

        Args:
            user: Who presses.
            what: The button and all that it would act on.
            press: Names this press, which may be handled again after a kill: that is not a second one.

        Raises:
            UserError: ``press_again``: it is the first one.
            OperatorError: ``queue_unavailable``.
        """
        key = f"pastiche:sure:{self._frontend}:{keys.fingerprint('sure', user)}:{what}"
        if await asyncio.to_thread(self._is_first, key, press.encode()):
            raise UserError("press_again", {"seconds": WITHIN_S})

    def _is_first(self, key: str, press: bytes) -> bool:
        if self._connection.set(key, press, nx=True, ex=WITHIN_S) or self._connection.get(key) == press:
            return True
        self._connection.delete(key)
        return False
