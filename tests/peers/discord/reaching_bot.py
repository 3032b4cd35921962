"""The Discord bot that takes one web host of the tests for the public internet: ``reaching_bot.py PORT``."""

from __future__ import annotations

import sys
from ipaddress import IPv4Network

from bot.chat.fetching import Reach
from bot.discord.app import run
from bot.observability import set_up_logs
from bot.settings import read_settings
from tests.peers.web_host import OUTSIDE

if __name__ == "__main__":
    settings = read_settings()
    set_up_logs(settings.log_level, settings.log_format)
    run(settings, Reach(networks=[IPv4Network(f"{OUTSIDE}/32")], ports=(80, 443, int(sys.argv[1]))))
