"""Redis behind Sentinel, by URL: the address of whoever is the master now, asked anew at every connection.

    redis+sentinel://:password@host1:26379,host2:26379/mymaster/0?sentinel_password=…
    rediss+sentinel://…  the same with TLS, to the sentinels as well
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

SCHEMES = ("redis+sentinel", "rediss+sentinel")
_PORT = 26379


@dataclass(frozen=True)
class SentinelAddress:
    """What such a URL says.

    Attributes:
        sentinels: Host and port of each.
        service: The master's name.
        database: Its number.
        tls: Whether all connections are encrypted.
        username: Of Redis.
        password: Of Redis.
        sentinel_password: Of the sentinels.
    """

    sentinels: tuple[tuple[str, int], ...]
    service: str
    database: int = 0
    tls: bool = False
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    sentinel_password: str = field(default="", repr=False)

    @classmethod
    def parse(cls, url: str) -> SentinelAddress:
        """Read a URL.

        Raises:
            ValueError: There is no service's name, or a port is none; the URL is not repeated.
        """
        parts = urlsplit(url)
        credentials, _, hosts = parts.netloc.rpartition("@")
        username, _, password = credentials.partition(":")
        service, _, database = parts.path.strip("/").partition("/")
        if not service or not hosts:
            raise ValueError("hosts and the master's name are needed: redis+sentinel://host:26379/mymaster")
        return cls(
            sentinels=tuple(map(_host, hosts.split(","))),
            service=service,
            database=int(database or 0),
            tls=parts.scheme.startswith("rediss"),
            username=unquote(username),
            password=unquote(password),
            sentinel_password=parse_qs(parts.query).get("sentinel_password", [""])[0],
        )

    def client(self, options: dict[str, Any]) -> redis.Redis:
        """A synchronous client of the master.

        Args:
            options: Keyword arguments of its connections.
        """
        sentinel = redis.sentinel.Sentinel(list(self.sentinels), sentinel_kwargs=self._to_sentinels(options))
        return sentinel.master_for(self.service, **self._to_master(options))

    def async_client(self, options: dict[str, Any]) -> redis.asyncio.Redis:
        """Its asynchronous twin."""
        sentinel = redis.asyncio.sentinel.Sentinel(list(self.sentinels), sentinel_kwargs=self._to_sentinels(options))
        return sentinel.master_for(self.service, **self._to_master(options))

    def _to_sentinels(self, options: dict[str, Any]) -> dict[str, Any]:
        # A sentinel that is away is not waited for: there are others, and whoever asks tries again.
        kept = {name: value for name, value in options.items() if name != "retry"}
        return kept | {"ssl": self.tls, "password": self.sentinel_password or None}

    def _to_master(self, options: dict[str, Any]) -> dict[str, Any]:
        own = {"db": self.database, "username": self.username or None, "password": self.password or None}
        return options | own | {"ssl": self.tls}


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port or _PORT)
