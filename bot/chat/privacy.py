"""What is kept of a user, and how all of it is forgotten at their word.

Every job of a user is noted for as long as anything of it can exist, and every blob has owners
(``workers.store.owners``): what others have as well stays theirs. Counters of quotas stay until their day is over:
forgetting is no way around them, and their names say of nobody whose they are.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterable
from typing import cast

import redis

from bot.challenges.forgetting import forget_in_challenges
from bot.chat.memory import Sessions
from bot.chat.recipe_codes import RecipeCodes
from bot.chat.shown import Shown
from nst.errors import UserError
from workers.client.client import QueueClient
from workers.client.forgetting import forget_job
from workers.store import keys
from workers.store.owners import Owners, account_of

_END_WAIT_S = 10.0  # a running job ends at its next step


def noted_jobs(connection: redis.Redis, user: str) -> list[str]:
    """A user's jobs of the last days, oldest first; synchronous, call it in a thread."""
    return [job_id.decode() for job_id in cast("list[bytes]", connection.zrange(keys.jobs_of(user), 0, -1))]


def forget(
    connection: redis.Redis,
    user: str,
    presets: Collection[str] = (),
    besides: Callable[[Collection[str]], object] | None = None,
) -> int:
    """Stop a user's jobs and delete their pictures, results, previews, records, sessions and part in challenges.

    Args:
        connection: To the queue's Redis. This blocks for up to ten seconds: call it in a thread.
        user: Opaque key of the user.
        presets: Blob hashes of the presets, which are nobody's.
        besides: Deletes what the platform itself notes; it gets the ids of the user's jobs.

    Returns:
        How many jobs were forgotten.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    owned = cast("list[bytes]", connection.zrange(keys.held(account_of(user)), 0, -1))
    held = [digest.decode() for digest in owned]
    noted = [job_id.decode() for job_id in cast("list[bytes]", connection.zrange(keys.jobs_of(user), 0, -1))]
    client = QueueClient(connection)
    jobs = list(dict.fromkeys([*noted, *client.jobs_of(user)]))
    _stop(connection, client, jobs, user)
    count = sum(forget_job(connection, job_id, presets) for job_id in jobs)
    if besides:
        besides(jobs)
    forget_in_challenges(connection, user)
    given = {digest.decode() for digest in cast("set[bytes]", connection.smembers(keys.given(user)))}
    given |= Sessions(connection).forget(user)
    owners = Owners(connection)
    owners.release(user, *(given - set(presets)))
    owners.release_all(user)
    Shown(connection).forget(user, [digest for digest in held if not connection.exists(keys.blob(digest))])
    RecipeCodes(connection).forget(user)
    connection.delete(keys.jobs_of(user), keys.pending(user), keys.given(user))
    return count


def _stop(connection: redis.Redis, client: QueueClient, jobs: Iterable[str], user: str) -> None:
    stopping = []
    for job_id in jobs:
        with contextlib.suppress(UserError):
            if client.cancel(job_id, user):
                stopping.append(job_id)
    deadline = time.monotonic() + _END_WAIT_S
    while any(not connection.exists(keys.done(job_id)) for job_id in stopping) and time.monotonic() < deadline:
        time.sleep(0.05)
