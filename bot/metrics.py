"""Figures of one process for Prometheus, where ``METRICS_PORT`` is set."""

from __future__ import annotations

import logging

from prometheus_client import start_http_server

from bot.settings import Settings
from nst.errors import OperatorError

log = logging.getLogger(__name__)


def serve_metrics(settings: Settings) -> None:
    """Serve the process' own figures in the background until it ends; nothing where no port is set.

    Args:
        settings: ``METRICS_HOST`` and ``METRICS_PORT``.

    Raises:
        OperatorError: ``bad_setting``: the address cannot be had.
    """
    if not settings.metrics_port:
        return
    try:
        start_http_server(settings.metrics_port, settings.metrics_host)
    except OSError as error:
        allowed = f"a port of this process' own ({error.strerror or error})"
        raise OperatorError(
            "bad_setting", {"setting": "METRICS_PORT", "received": settings.metrics_port, "allowed": allowed}
        ) from None
    log.info("Metrics at http://%s:%d/metrics", settings.metrics_host, settings.metrics_port)
