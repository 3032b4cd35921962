"""Waiting jobs that a worker takes along with the one it has just taken, so that all share a pass.

Only from the head of the queue, and only while the next job is of the same kind: nobody is overtaken. Of what waits
a worker takes its share, so that colleagues find some, too. A job whose worker died before takes nobody along and is
taken by nobody: what kills workers kills no others' jobs twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil
from typing import cast

import redis

from nst.batches import MOST, PASS_PX
from workers import keys
from workers.job_class import MAX_RETRIES
from workers.routing import FAST
from workers.service_times import live_workers

WINDOW_S = 0.010
_LOOK_EVERY_S = 0.002

# KEYS: queue, intermediate. ARGV: kind, most, retries of a fresh job, prefix of records, prefix of RQ's jobs.
# Gives the ids taken, after a first number: 1 if the queue ended there, 0 if its next job does not fit.
_TAKE_ALONG = """
local taken = {}
while #taken < tonumber(ARGV[2]) do
  local id = redis.call('LINDEX', KEYS[1], 0)
  if not id then return {1, taken} end
  local kind = redis.call('HGET', ARGV[4] .. id, 'kind')
  local left = redis.call('HGET', ARGV[5] .. id, 'retries_left')
  if kind ~= ARGV[1] or left ~= ARGV[3] then return {0, taken} end
  redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
  taken[#taken + 1] = id
end
return {redis.call('LLEN', KEYS[1]) == 0 and 1 or 0, taken}
"""


def most_together(kind: str) -> int:
    """How many jobs of a kind (see ``routing.kind_of``) may share a pass; 1 for those that never do."""
    method, _, side_px = kind.partition(":")
    if method != "fast" or not side_px.isdigit():  # another method, or a clip
        return 1
    return max(1, min(MOST, PASS_PX // int(side_px) ** 2))


class Companions:
    """Takes along.

    Args:
        connection: To the queue's Redis.
        clock: Monotonic seconds.
        sleep: Waits for some seconds.
    """

    def __init__(
        self,
        connection: redis.Redis,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._sleep = sleep

    def take(self, job_id: str) -> list[bytes]:
        """Move further jobs' ids to the fast queue's intermediate list, as ``Turns.take`` does with one.

        Waits up to ``WINDOW_S`` for more to come, unless there are enough or the next one does not fit.

        Args:
            job_id: The job that was taken, of the fast queue.

        Returns:
            Their ids, in the queue's order.
        """
        kind = (cast("bytes | None", self._connection.hget(keys.record(job_id), "kind")) or b"").decode()
        room, taken, ends_s = most_together(kind) - 1, list[bytes](), self._clock() + WINDOW_S
        while room > len(taken):
            open_ended, more = self._take(kind, room - len(taken))
            taken += more
            if not open_ended or self._clock() >= ends_s:
                break
            self._sleep(_LOOK_EVERY_S)
        return taken

    def _take(self, kind: str, room: int) -> tuple[bool, list[bytes]]:
        waiting = self._connection.llen(keys.rq_queue(FAST))
        if not waiting:
            return True, []
        hands = sum(FAST in worker.get("queues", "").split(",") for worker in live_workers(self._connection))
        share = min(room, ceil(waiting / max(1, hands)))
        script = self._connection.register_script(_TAKE_ALONG)
        script_keys = [keys.rq_queue(FAST), keys.rq_intermediate(FAST)]
        answer = script(keys=script_keys, args=[kind, share, MAX_RETRIES, keys.record(""), keys.rq_job("")])
        ended, ids = cast("tuple[int, list[bytes]]", answer)
        return bool(ended), ids
