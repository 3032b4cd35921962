"""Logs of every process: one line an event, with its job's id. ``nst.secrecy`` takes secrets out of what they say."""

from __future__ import annotations

import logging

from prometheus_client import start_http_server
from pythonjsonlogger.json import JsonFormatter

from bot.settings import Settings
from nst.errors import OperatorError
from workers.worker.job_log import JobIdFilter

# Figures of one process for Prometheus, where ``METRICS_PORT`` is set.
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


FORMATS = ("text", "json")
_FIELDS = ("asctime", "levelname", "name", "process", "message")
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}


def set_up_logs(level: str, log_format: str = "text") -> None:
    """Send logs to standard error.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
        log_format: ``text``, or ``json``: one object a line with ``time``, ``level``, ``logger``, ``process`` (its
            id), ``message``, ``job_id`` where there is one, and ``exc_info``.
    """
    handler = logging.StreamHandler()
    handler.addFilter(JobIdFilter())
    handler.setFormatter(_json() if log_format == "json" else _Text("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore"):  # they log request addresses, and Telegram's hold the token
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for talkative in ("telegram", "tornado", "hpack"):  # at DEBUG they log whole messages: names, captions, pictures
        logging.getLogger(talkative).setLevel(logging.WARNING)
    for verbose in ("PIL", "asyncio", "watchfiles", "multipart"):
        logging.getLogger(verbose).setLevel(logging.WARNING)


def _json() -> logging.Formatter:
    return JsonFormatter(_FIELDS, rename_fields=_NAMES, json_ensure_ascii=False)


class _Text(logging.Formatter):
    """Names the job where the message does not."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        line, job_id = super().formatMessage(record), getattr(record, "job_id", "")
        return f"{line} [job {job_id}]" if job_id and job_id not in line else line
