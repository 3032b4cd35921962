"""The Telegram bot with a watch on its event loop: ``watched_bot.py FILE``."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.observability import set_up_logs
from bot.settings import read_settings
from bot.telegram.app import run
from tests.peers.loop_watch import watch_every_loop

if __name__ == "__main__":
    watch_every_loop(Path(sys.argv[1]))
    settings = read_settings()
    set_up_logs(settings.log_level)
    run(settings)
