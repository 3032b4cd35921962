"""Tables of the simulation, as Markdown for docs/scale.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.scale.model import Load, percentile, simulate, utilisation
from workers.routing import FAST, SLOW

WORKERS = (1, 2, 4, 8, 16, 32, 64)
USERS = (10, 100, 1_000, 10_000, 30_000, 100_000)
JOBS_PER_USER_HOUR = 0.3
SHARES = {"fast": 0.92, "palette": 0.05, "gatys": 0.03}
_OVERLOADED = 1.0


def wait_tables(service_s: Mapping[str, Sequence[float]], hours: float = 1.0, seed: int = 0) -> Iterator[str]:
    """Waiting times of fast and slow jobs, users down and workers across: p50 / p95 / p99 in seconds."""
    cells = {(users, workers): _cell(users, workers, service_s, hours, seed) for users in USERS for workers in WORKERS}
    yield from _table("Fast jobs and palette: seconds until work begins, p50 / p95 / p99", cells, FAST)
    yield from _table("Gatys: seconds until work begins, p50 / p95 / p99", cells, SLOW)


def _cell(
    users: int, workers: int, service_s: Mapping[str, Sequence[float]], hours: float, seed: int
) -> dict[str, str]:
    load = Load(users, JOBS_PER_USER_HOUR, SHARES)
    offered = utilisation(load, service_s, workers)
    if offered >= _OVERLOADED:
        return dict.fromkeys((FAST, SLOW), f"**{offered:.0%}**")
    # Few people make few jobs: more hours for the same certainty.
    outcome = simulate(load, service_s, workers, max(hours, min(200.0, 2000 / (load.jobs_per_s * 3600))), seed)
    return {queue: _percentiles(waited_s) for queue, waited_s in outcome.waited_s.items()}


def _percentiles(waited_s: Sequence[float]) -> str:
    return " / ".join(_short(percentile(waited_s, percent)) for percent in (50, 95, 99)) if waited_s else "-"


def _short(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.1f}"


def _table(title: str, cells: Mapping[tuple[int, int], Mapping[str, str]], queue: str) -> Iterator[str]:
    yield f"**{title}**"
    yield ""
    yield "| users \\ workers | " + " | ".join(map(str, WORKERS)) + " |"
    yield "| ---: |" + " ---: |" * len(WORKERS)
    for users in USERS:
        yield f"| {users:,} | " + " | ".join(cells[users, workers][queue] for workers in WORKERS) + " |"
    yield ""
