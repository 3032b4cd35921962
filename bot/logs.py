"""Logs of every process: one line an event, and never a secret."""

from __future__ import annotations

import logging


def set_up_logs(level: str) -> None:
    """Send logs to standard error.

    Args:
        level: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``.
    """
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for chatty in ("httpx", "httpcore"):  # they log request addresses, and Telegram's hold the token
        logging.getLogger(chatty).setLevel(logging.WARNING)
    for verbose in ("PIL", "asyncio", "watchfiles", "multipart"):
        logging.getLogger(verbose).setLevel(logging.WARNING)
