"""How much one browser session, and one address, may ask for: counters in Redis, so that a restart forgets nothing.

A session is had for nothing, by anybody who drops a cookie: hence the address as well. The queue's own limits per user
(``workers.client.line``) come on top.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from nst.errors import BusyError
from workers.store.keys import fingerprint

# A window that begins with its first event. KEYS: counters. ARGV: window_s, then one limit per counter.
# Nothing is counted for what is refused: who keeps asking does not wait longer.
_COUNT = """
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[i + 1]) then return math.max(1, redis.call('TTL', key)) end
end
for i, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('EXPIRE', key, ARGV[1]) end
end
return 0
"""
# A window that has ended meanwhile took its count along.
_UNCOUNT = """
for _, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) > 0 then redis.call('DECR', key) end
end
"""


@dataclass(frozen=True)
class Rate:
    """What is allowed within a window.

    Attributes:
        name: Of what.
        window_s: Seconds from the first one on.
        per_session: For one browser session.
        per_address: For one address; more people may share it.
        in_all: For all together; 0 for as many as come.
    """

    name: str
    window_s: int
    per_session: int
    per_address: int
    in_all: int = 0


PAGES = Rate("pages", 600, 240, 240)
UPLOADS = Rate("uploads", 600, 60, 240)
JOBS = Rate("jobs", 600, 60, 240)
RECIPES = Rate("recipes", 600, 30, 60)
FORGETS = Rate("forgets", 600, 6, 60)
PASSWORDS = Rate("passwords", 900, 10, 10, in_all=100)


class Throttle:
    """Counts; synchronous, call it in a thread.

    Args:
        connection: To the queue's Redis.
    """

    def __init__(self, connection: redis.Redis) -> None:
        self._count = connection.register_script(_COUNT)
        self._uncount = connection.register_script(_UNCOUNT)

    def take(self, rate: Rate, user: str, address: str) -> None:
        """Count one, or refuse it.

        Args:
            rate: What is asked for.
            user: The session's key; "" counts for the address alone.
            address: From ``address_key``.

        Raises:
            BusyError: ``rate_limited`` with ``retry_after_s``.
            OperatorError: ``queue_unavailable``.
        """
        names = _counters(rate, user, address)
        wait_s = cast(int, self._count(keys=list(names), args=[rate.window_s, *names.values()]))
        if wait_s:
            raise BusyError("rate_limited", {"retry_after_s": wait_s})

    def give_back(self, rate: Rate, user: str, address: str) -> None:
        """Take back what was counted and turned out not to count.

        Args:
            rate: As in ``take``.
            user: As in ``take``.
            address: As in ``take``.

        Raises:
            OperatorError: ``queue_unavailable``.
        """
        self._uncount(keys=list(_counters(rate, user, address)))


def _counters(rate: Rate, user: str, address: str) -> dict[str, int]:
    """Where it is counted, and up to what; no name says whose it is, since "forget me" leaves them."""
    session = fingerprint("session", user) if user else ""
    limits = {address: rate.per_address, session: rate.per_session, "all": rate.in_all}
    return {f"pastiche:web:rate:{rate.name}:{name}": limit for name, limit in limits.items() if name and limit}


def address_key(host: str | None) -> str:
    """A key for an address that does not tell it: the address itself never goes into Redis.

    Args:
        host: IPv4 or IPv6 as text; of IPv6 the first 64 bits count, which is what one household has.
    """
    try:
        parsed = ipaddress.ip_address(host or "")
    except ValueError:
        network = host or "nowhere"
    else:
        parsed = getattr(parsed, "ipv4_mapped", None) or parsed  # of a socket that listens on :: for both
        network = str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if parsed.version == 6 else str(parsed)
    return hashlib.sha256(network.encode()).hexdigest()[:24]


def address_of(scope: Mapping[str, Any]) -> str:
    """The key of the address that a request comes from.

    Args:
        scope: ASGI's, as ``guard.Guard`` passes it on.
    """
    client = scope.get("client")
    return address_key(client and client[0])
