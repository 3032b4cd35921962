"""Health of one container, for its supervisor: exit code 0 while it is well, else 1 and a sentence.

- ``health.py web``: the site answers, and Redis answers the site.
- ``health.py worker FILE``: the worker touched its health file in the last 15 s (it does every 2 s once warm).
- ``health.py discord``, ``health.py telegram``: the frontend listens to its jobs in Redis. It begins so once it is in,
  and one that hangs with its connections open is not noticed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from bot.settings import read_settings
from nst.errors import PasticheError
from workers import keys
from workers.connection import connect, speaking_redis

_TIMEOUT_S = 4.0
_BEAT_S = 15.0
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
        complaint = _worker(Path(rest[0])) if what == "worker" else _web() if what == "web" else _listener(what)
    except (OSError, PasticheError) as error:
        complaint = str(error)
    if complaint:
        sys.stderr.write(f"{what}: {complaint}\n")
    return int(bool(complaint))


def _worker(health_file: Path) -> str:
    age_s = time.time() - health_file.stat().st_mtime
    return f"no beat for {age_s:.0f} s" if age_s > _BEAT_S else ""


def _web() -> str:
    settings = read_settings()
    host = _ANYWHERE.get(settings.web_host, settings.web_host)
    try:
        with urlopen(f"http://{host}:{settings.web_port}/healthz", timeout=_TIMEOUT_S):
            return ""
    except URLError as error:
        return str(error.reason)


def _listener(frontend: str) -> str:
    # Not the outbox's consumer: before Redis 7.2 its idle time grows while there is simply nothing to read.
    settings = read_settings()
    with connect(settings.redis_url) as connection, speaking_redis(settings.redis_url):
        ((_, listeners),) = connection.pubsub_numsub(keys.progress(frontend))
    return "" if listeners else "it does not listen to its jobs"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
