"""Health of one container, for its supervisor: exit code 0 while it is well, else 1 and a sentence.

- ``health.py web``: the site answers, and Redis answers the site.
- ``health.py worker FILE``: the worker touched its health file in the last 15 s (it does every 2 s once warm).
- ``health.py frontend``: a client of this container's address asked Redis for results in the last two minutes (a
  frontend does every two seconds once it is in).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bot.settings import Settings, read_settings
from nst.errors import PasticheError
from workers.store.connection import connect, speaking_redis

_TIMEOUT_S = 4.0
_BEAT_S = 15.0
_READER_S = 120  # a batch of results may be slow to post
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - what to ask when a site listens everywhere


def main(arguments: Sequence[str]) -> int:
    """Look at one thing.

    Args:
        arguments: See above.

    Returns:
        0 or 1.
    """
    what, *rest = arguments
    try:
        complaint = _worker(Path(rest[0])) if what == "worker" else _web() if what == "web" else _reader()
    except (OSError, PasticheError) as error:
        complaint = str(error)
    if complaint:
        sys.stderr.write(f"{what}: {complaint}\n")
    return int(bool(complaint))


def _worker(health_file: Path) -> str:
    age_s = time.time() - health_file.stat().st_mtime
    return f"no beat for {age_s:.0f} s" if age_s > _BEAT_S else ""


def _web() -> str:
    settings = _settings()
    host = _ANYWHERE.get(settings.web_host, settings.web_host)
    try:
        with urlopen(f"http://{host}:{settings.web_port}/healthz", timeout=_TIMEOUT_S):
            return ""
    except URLError as error:
        return str(error.reason)


def _reader() -> str:
    # Not the outbox's consumer: before Redis 7.2 its idle time grows while there is simply nothing to read.
    settings = _settings()
    with connect(settings.redis_url) as connection, speaking_redis(settings.redis_url):
        here = _host(connection.client_info())
        readers = [client for client in connection.client_list() if client["cmd"] == "xreadgroup"]
    idle_s = min((int(client["idle"]) for client in readers if _host(client) == here), default=None)
    if idle_s is None:
        return "it does not read its results"
    return f"it has not read its results for {idle_s} s" if idle_s > _READER_S else ""


def _settings() -> Settings:
    settings = read_settings()
    settings.secrets.guard()
    return settings


def _host(client: dict[str, str]) -> str:
    return client["addr"].rpartition(":")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
