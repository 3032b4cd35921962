"""The token is in no log, whatever the level and whoever logs it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from bot.telegram.secrecy import TokenFilter, keep_secret

TOKEN = "123456:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"  # noqa: S105 - nobody's


class Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, root = Kept(), logging.getLogger()
    levels = {name: logging.getLogger(name).level for name in ("telegram", "tornado", "httpx", "httpcore", "hpack")}
    before = root.level
    root.addHandler(handler)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)
    for other in root.handlers:
        for one in [one for one in other.filters if isinstance(one, TokenFilter)]:
            other.removeFilter(one)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.mark.parametrize("level", [logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR])
def test_no_level_shows_the_token(kept: Kept, level: int) -> None:
    logging.getLogger().setLevel(level)
    keep_secret(TOKEN)
    for name in ("bot.telegram", "httpx", "telegram.ext", "asyncio"):
        log = logging.getLogger(name)
        log.log(level, "POST https://api.telegram.org/bot%s/getMe", TOKEN)
        log.log(level, "POST https://api.telegram.org/bot%s/getMe", TOKEN.replace(":", "%3A"))
        try:
            raise ValueError(f"The token `{TOKEN}` was rejected by the server.")
        except ValueError:
            log.log(level, "failed", exc_info=True, stack_info=True)
    text = "\n".join(kept.lines)
    assert "getMe" in text
    assert "was rejected" in text
    assert TOKEN.partition(":")[2] not in text


def test_libraries_do_not_log_what_people_say(kept: Kept) -> None:
    logging.getLogger().setLevel(logging.DEBUG)
    keep_secret(TOKEN)
    logging.getLogger("telegram.ext.Application").debug("Processing update %s", "a caption")
    logging.getLogger("httpcore.http11").debug("send_request_headers")
    assert kept.lines == []
