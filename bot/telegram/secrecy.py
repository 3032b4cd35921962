"""The token never appears in a log, at any level, whoever writes there.

httpx logs addresses that hold it, python-telegram-bot puts it into the error for a wrong one, and
any traceback may quote either: so every record is cleaned where it leaves the process.
"""

from __future__ import annotations

import logging
from urllib.parse import quote

_HIDDEN = "(token)"


class TokenFilter(logging.Filter):
    """Strikes a token out of log records.

    Args:
        token: The bot's token.
    """

    def __init__(self, token: str) -> None:
        super().__init__()
        secret = token.partition(":")[2]
        spellings = {token, quote(token, safe=""), secret if len(secret) > 8 else token}
        self._spellings = sorted(spellings, key=len, reverse=True)

    def filter(self, record: logging.LogRecord) -> bool:
        """Clean a record; every record passes."""
        record.msg, record.args = self._clean(record.getMessage()), ()
        if record.exc_info:
            record.exc_text = self._clean(logging.Formatter().formatException(record.exc_info))
            record.exc_info = None
        if record.stack_info:
            record.stack_info = self._clean(record.stack_info)
        return True

    def _clean(self, text: str) -> str:
        for spelling in self._spellings:
            text = text.replace(spelling, _HIDDEN)
        return text


def keep_secret(token: str) -> None:
    """Guard all handlers of the root logger, and quiet those that would log what users say."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(TokenFilter(token))
    for talkative in ("telegram", "tornado", "httpx", "httpcore", "hpack"):
        # At DEBUG they log whole messages: names, captions, pictures.
        logging.getLogger(talkative).setLevel(logging.WARNING)
