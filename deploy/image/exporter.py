"""The queue's figures for Prometheus, at http://HOST:PORT/metrics: ``exporter.py [HOST] [PORT]``.

Reads ``REDIS_URL``; any number of them may run, because the counters live in Redis. While Redis is
away a scrape fails, which is what Prometheus shows as ``up == 0``.
"""

from __future__ import annotations

import signal
import sys
import threading

from prometheus_client import CollectorRegistry, start_http_server

from bot.settings import read_settings
from workers.metrics import QueueCollector
from workers.store.connection import connect


def serve(host: str, port: int) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        host: Where to listen.
        port: 0 takes a free one, which is printed.

    Returns:
        0.

    Raises:
        OperatorError: ``queue_unavailable``, ``bad_setting``.
    """
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    settings = read_settings()
    settings.secrets.guard()
    with connect(settings.redis_url) as connection:
        registry = CollectorRegistry()
        registry.register(QueueCollector(connection))
        server, thread = start_http_server(port, host, registry)
        sys.stdout.write(f"metrics at http://{host}:{server.server_port}/metrics\n")
        sys.stdout.flush()
        ended.wait()
        server.shutdown()
        thread.join()
    return 0


if __name__ == "__main__":
    sys.exit(serve((sys.argv[1:2] or ["127.0.0.1"])[0], int((sys.argv[2:3] or ["9108"])[0])))
