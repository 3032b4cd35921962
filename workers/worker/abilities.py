"""What a worker can do: the methods whose models it could load, and the largest picture it may take.

A method that could not be had is tried again now and then while nothing waits, so that a hub that
was away for a while does not cost a restart.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection

from nst.errors import OperatorError
from nst.options import METHODS
from workers.routing import queue_of

log = logging.getLogger(__name__)

AGAIN_S = 300.0


class Abilities:
    """What one worker announces.

    Args:
        prepare: Loads a method by its name, or raises ``OperatorError``.
        queues: Whose jobs it takes.
        max_side_px: Longer side of the pictures that it takes; 0 for any.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        prepare: Callable[[str], None],
        queues: Collection[str],
        max_side_px: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._prepare = prepare
        self._methods = [method for method in METHODS if queue_of(method) in queues]
        self._max_side_px = max_side_px
        self._clock = clock
        self._failed_s: dict[str, float] = {}

    def prepare(self, *methods: str) -> None:
        """Load methods; what cannot be loaded is logged, and not announced until it can."""
        for method in methods:
            try:
                self._prepare(method)
            except OperatorError as error:
                self._failed_s[method] = self._clock()
                log.warning("The method %s cannot be had here: %s", method, error)
            else:
                self._failed_s.pop(method, None)

    def try_again(self) -> None:
        """Load one method that could not be had five minutes ago, if there is one; for idle moments."""
        due = [method for method, since_s in self._failed_s.items() if self._clock() - since_s >= AGAIN_S]
        self.prepare(*due[:1])

    def about(self) -> dict[str, str]:
        """What is announced; fields as ``staffing.check_staff`` reads them."""
        methods = [method for method in self._methods if method not in self._failed_s]
        return {"methods": ",".join(methods), "max_side_px": str(self._max_side_px)}
