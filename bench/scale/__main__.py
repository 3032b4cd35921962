"""How long people wait with so many workers: ``make scale``.

    python -m bench.scale [--times FILE] [--measure] [--redis URL] [--hours 1]

``--measure`` measures this machine's seconds per job and Redis' work per job and writes them to FILE;
``--redis`` takes the seconds that the workers of a running installation measured themselves.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path

from rich.console import Console

from bench.scale.measured import Measured, median_s, redis_per_job, service_seconds, service_times_of
from bench.scale.report import wait_tables

_TIMES = Path(__file__).with_name("times.json")


def main() -> int:
    """Print Markdown."""
    options = _parser().parse_args()
    console = Console(soft_wrap=True, highlight=False)
    if options.measure:
        with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
            cpu_s, commands = redis_per_job(Path(folder))
        _measured(service_seconds(options.fast_model), cpu_s, commands).write(options.times)
    measured = Measured.read(options.times)
    service_s = measured.service_s | (service_times_of(options.redis) if options.redis else {})
    console.print(f"Measured on {measured.machine}.\n")
    for kind, seconds in service_s.items():
        console.print(f"- {kind}: {median_s(seconds):.3f} s a job")
    console.print(
        f"- Redis: {measured.redis_cpu_s * 1000:.2f} ms of one core and {measured.redis_commands:.0f} commands a job, "
        f"so {1 / measured.redis_cpu_s:.0f} jobs/s at most\n"
    )
    for line in wait_tables(service_s, options.hours):
        console.print(line, markup=False)
    return 0


def _measured(service_s: dict[str, list[float]], cpu_s: float, commands: float) -> Measured:
    return Measured(service_s, round(cpu_s, 6), round(commands, 1), f"{platform.machine()}, processor only")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=Path, default=_TIMES, help="figures as JSON")
    parser.add_argument("--measure", action="store_true", help="measure this machine and write them")
    parser.add_argument("--fast-model", default="bundled", help="as NST_FAST_MODEL")
    parser.add_argument("--redis", help="take the service times that this installation's workers measured")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated, at least")
    return parser


if __name__ == "__main__":
    sys.exit(main())
