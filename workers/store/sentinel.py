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
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

SCHEMES = ("redis+sentinel", "rediss+sentinel")
_PORT = 26379


class _AsksAgain:
    """A connection that asks for the master whenever it connects.

    redis-py asks at the first connect only: a command that was under way when the master died would try the dead one's
    address until its patience ends (BaseConnection.send_packed_command).
    """

    connection_pool: Any
    host: str
    port: int
    _sock: Any = None

    def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """As the parent's, at the address of now."""
        if self._sock is None:
            self.host, self.port = self.connection_pool.get_master_address()
        super().connect_check_health(check_health, retry_socket_connect=False)  # type: ignore[misc]


class _Connection(_AsksAgain, redis.sentinel.SentinelManagedConnection):
    pass


class _TlsConnection(_AsksAgain, redis.sentinel.SentinelManagedSSLConnection):
    pass


class _AsyncAsksAgain:
    """Its asynchronous twin."""

    connection_pool: Any
    host: str
    port: int
    is_connected: bool

    async def connect_check_health(self, check_health: bool = True, retry_socket_connect: bool = True) -> None:
        """As the parent's, at the address of now."""
        if not self.is_connected:
            self.host, self.port = await self.connection_pool.get_master_address()
        await super().connect_check_health(check_health, retry_socket_connect=False)  # type: ignore[misc]


class _AsyncConnection(_AsyncAsksAgain, redis.asyncio.sentinel.SentinelManagedConnection):
    pass


class _AsyncTlsConnection(_AsyncAsksAgain, redis.asyncio.sentinel.SentinelManagedSSLConnection):
    pass


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

    def client(self, options: dict[str, Any], kind: type[redis.Redis] = redis.Redis) -> redis.Redis:
        """A synchronous client of the master.

        Args:
            options: Keyword arguments of its connections.
            kind: Its class.
        """
        known = options | {"retry": Retry(NoBackoff(), 0)}
        sentinel: Any = redis.sentinel.Sentinel(  # type: ignore[no-untyped-call]
            list(self.sentinels), sentinel_kwargs=self._to_sentinels(known)
        )
        options = options | {"connection_class": _TlsConnection if self.tls else _Connection}
        client: redis.Redis = sentinel.master_for(self.service, redis_class=kind, **self._to_master(options))
        return client

    def async_client(self, options: dict[str, Any]) -> redis.asyncio.Redis:
        """Its asynchronous twin."""
        known = options | {"retry": AsyncRetry(NoBackoff(), 0)}
        sentinel: Any = redis.asyncio.sentinel.Sentinel(  # type: ignore[no-untyped-call]
            list(self.sentinels), sentinel_kwargs=self._to_sentinels(known)
        )
        options = options | {"connection_class": _AsyncTlsConnection if self.tls else _AsyncConnection}
        client: redis.asyncio.Redis = sentinel.master_for(self.service, **self._to_master(options))
        return client

    def _to_sentinels(self, options: dict[str, Any]) -> dict[str, Any]:
        # A sentinel that is away is not waited for: there are others, and whoever asks for the master tries again.
        return options | {"ssl": self.tls, "password": self.sentinel_password or None}

    def _to_master(self, options: dict[str, Any]) -> dict[str, Any]:
        own = {"db": self.database, "username": self.username or None, "password": self.password or None}
        return options | own | {"ssl": self.tls}


def _host(text: str) -> tuple[str, int]:
    host, _, port = text.partition(":")
    return host, int(port or _PORT)
