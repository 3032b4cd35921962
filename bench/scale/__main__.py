"""How long people wait with so many workers: ``make scale``.

    python -m bench.scale [--times FILE] [--measure] [--redis URL] [--hours 1] [--write DOCUMENT]

``--measure`` measures this machine's seconds per job and Redis' work per job and writes them to FILE;
``--redis`` takes the seconds that the workers of a running installation measured themselves.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from bench.scale.measured import KINDS, Measured, median_s, redis_per_job, service_seconds, service_times_of
from bench.scale.report import wait_tables

_BEGIN, _END = "<!-- measured", "<!-- end -->"
_TIMES = Path(__file__).with_name("times.json")


def main() -> int:
    """Print Markdown."""
    options = _parser().parse_args()
    if options.measure:
        with tempfile.TemporaryDirectory(prefix="pastiche-") as folder:
            cpu_s, commands = redis_per_job(Path(folder))
        _measured(service_seconds(options.fast_model), cpu_s, commands).write(options.times)
    measured = Measured.read(options.times)
    service_s = measured.service_s | (service_times_of(options.redis) if options.redis else {})
    lines = [*_figures(measured, service_s), "", *wait_tables(service_s, options.hours)]
    if options.write:
        _write(options.write, lines)
    else:
        Console(soft_wrap=True, highlight=False).print("\n".join(lines), markup=False)
    return 0


def _figures(measured: Measured, service_s: Mapping[str, Sequence[float]]) -> Iterator[str]:
    yield f"Measured on {measured.machine}; medians."
    yield ""
    for kind, seconds in service_s.items():
        yield f"- {kind}, {KINDS[kind].max_side_px} px: {median_s(seconds):.3f} s a job"
    redis_ms, commands = measured.redis_cpu_s * 1000, measured.redis_commands
    most = 1 / measured.redis_cpu_s
    yield f"- Redis: {redis_ms:.2f} ms of one core and {commands:.0f} commands a job, so {most:.0f} jobs/s at most"


def _write(document: Path, lines: Sequence[str]) -> None:
    """Put the lines between the document's two marks."""
    head, _, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
    mark, _, old = rest.partition("\n")
    document.write_text("\n".join([f"{head}{_BEGIN}{mark}", *lines, _END + old.partition(_END)[2]]), encoding="utf-8")


def _measured(service_s: dict[str, list[float]], cpu_s: float, commands: float) -> Measured:
    return Measured(service_s, round(cpu_s, 6), round(commands, 1), f"{platform.machine()}, processor only")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=Path, default=_TIMES, help="figures as JSON")
    parser.add_argument("--measure", action="store_true", help="measure this machine and write them")
    parser.add_argument("--fast-model", default="bundled", help="as NST_FAST_MODEL")
    parser.add_argument("--redis", help="take the service times that this installation's workers measured")
    parser.add_argument("--write", type=Path, help="put the tables between the marks of this document")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated, at least")
    return parser


if __name__ == "__main__":
    sys.exit(main())
