"""Which queue a worker takes its next job from.

By priority, with two rules beside it. A queue that waited for ``NEGLECT_S`` goes first for one turn:
priorities age, so that a stream of fast jobs delays a slow one and never starves it (a slow job that
is given way to after a slice of 1.5 s still gets a fifth of the worker). And a worker takes a slow job
only while another one is left for fast jobs, unless it is alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import cast

import redis

from workers.routing import FAST
from workers.store import keys

NEGLECT_S = 6.0

# KEYS: queue, intermediate, started, workers. ARGV: own name, prefix of leases, prefix of announcements, fast queue.
# Whoever is between taking and starting such a job right now is counted as one that is not free.
_TAKE_SPARING = """
if redis.call('LLEN', KEYS[1]) == 0 then return false end
local others, free = 0, -redis.call('LLEN', KEYS[2])
for _, name in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  local lease = redis.call('GET', ARGV[2] .. name)
  local queues = redis.call('HGET', ARGV[3] .. name, 'queues') or ''
  if name ~= ARGV[1] and lease and string.find(',' .. queues .. ',', ',' .. ARGV[4] .. ',', 1, true) then
    others = others + 1
    if not redis.call('ZSCORE', KEYS[3], lease) then free = free + 1 end
  end
end
if others > 0 and free <= 0 then return false end
return redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
"""


class Turns:
    """One worker's turns.

    Args:
        connection: To the queue's Redis.
        worker: The worker's name.
        queues: In order of priority.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        connection: redis.Redis,
        worker: str,
        queues: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._worker = worker
        self._queues = tuple(queues)
        self._clock = clock
        self._turn_s = dict.fromkeys(queues, clock())  # when each queue had its last turn, or nothing to do
        self._taken = ""

    def take(self) -> tuple[str, bytes] | None:
        """Move the next job's id to its queue's intermediate list, where the reaper finds it.

        Returns:
            The queue and the id, or None if nothing waits that this worker may take.
        """
        if self._taken:
            self._turn_s[self._taken], self._taken = self._clock(), ""  # its run has just ended
        for queue in self._order():
            job_id = self._take_from(queue)
            if job_id is not None:
                self._taken = queue
                return queue, job_id
            self._turn_s[queue] = self._clock()
        return None

    def _order(self) -> list[str]:
        first, *rest = self._queues
        neglected = [queue for queue in rest if self._clock() - self._turn_s[queue] >= NEGLECT_S]
        return [*neglected, first, *(queue for queue in rest if queue not in neglected)]

    def _take_from(self, queue: str) -> bytes | None:
        source, between = keys.rq_queue(queue), keys.rq_intermediate(queue)
        if queue == FAST or FAST not in self._queues:
            return cast("bytes | None", self._connection.lmove(source, between))
        script = self._connection.register_script(_TAKE_SPARING)
        script_keys = [source, between, keys.rq_started(queue), keys.WORKERS]
        args = [self._worker, keys.lease(""), keys.ready(""), FAST]
        return cast("bytes | None", script(keys=script_keys, args=args))
