"""What a frontend costs before its first user: seconds to import and memory, each in a process of its own."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from rich.console import Console
from rich.table import Table

ENTRIES = ("bot.cli", "bot.web.app", "bot.discord.app", "bot.telegram.app")
ROUNDS = 5
_PROBE = """
import importlib, json, sys, time
started = time.perf_counter()
importlib.import_module(sys.argv[1])
seconds = time.perf_counter() - started
import psutil
print(json.dumps([seconds, psutil.Process().memory_info().rss / 2**20]))
"""


def main() -> None:
    """Measure and print."""
    table = Table("frontend", "import s (median)", "RSS MiB (median)", title=f"frontends, {ROUNDS} rounds")
    for entry in ENTRIES:
        rounds = [_measured(entry) for _ in range(ROUNDS)]
        seconds, mib = (statistics.median(column) for column in zip(*rounds, strict=True))
        table.add_row(entry, f"{seconds:.2f}", f"{mib:.0f}")
    Console().print(table)


def _measured(entry: str) -> tuple[float, float]:
    command = [sys.executable, "-c", _PROBE, entry]
    probe = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own code
    seconds, mib = json.loads(probe.stdout)
    return seconds, mib


if __name__ == "__main__":
    main()
