"""The compose topology as plain processes, upgraded and restored under load: ``make fleet``.

    python -m bench.fleet [--method fast] [--jobs 40] [--every 0.5]

Redis with its password and its start script, Discord and Telegram (against loopback peers of the platforms), the
web chat and two workers, each with the command, environment and health check of docker-compose.yml. People order
pictures in both chats while the workers are replaced one by one, then while Redis is backed up; then
everything is stopped, Redis' folder is lost, and all comes up again on the backup. The last line is
``lost N, duplicated N``; exit code 1 unless both are 0.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.fleet.drill import drill


def main() -> int:
    """Run the drill and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="fast", choices=("fast", "palette"))
    parser.add_argument("--jobs", type=int, default=40, help="at least, in each half")
    parser.add_argument("--every", type=float, default=0.5, help="seconds between two orders")
    options = parser.parse_args()
    console = Console(soft_wrap=True, highlight=False)
    with tempfile.TemporaryDirectory(prefix="pastiche-fleet-") as folder:
        found = drill(Path(folder), options.method, options.jobs, options.every, console.print)
    console.print(f"{found['jobs']} jobs in both chats")
    console.print(f"lost {found['lost']}, duplicated {found['duplicated']}")
    return int(bool(found["lost"] or found["duplicated"] or any(found["exit codes"])))


if __name__ == "__main__":
    sys.exit(main())
