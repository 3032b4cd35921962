"""What a chaos run is counted by: ledgers that no kill can take back."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

WORKERS = ("worker0", "worker1")
LOST = "lost"  # the outcome of a job whose user was asked to send it again


class Ledger:
    """Lines that outlive their writers: each is one ``write`` to a file opened for appending."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, *words: object) -> None:
        """Append a line with the time."""
        line = " ".join(map(str, (f"{time.time():.3f}", *words))) + "\n"
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)

    def lines(self) -> Iterator[list[str]]:
        """What was written so far, in words."""
        if self._path.exists():
            for line in self._path.read_text().splitlines():
                yield line.split(" ")


@dataclass
class Life:
    """One process from its start to its end.

    Attributes:
        name: Its role.
        pid: Its process id.
        out: Where its standard output goes: it says there that it is up.
        killed_s: When it was killed; infinity while it lives.
    """

    name: str
    pid: int
    out: Path
    killed_s: float = math.inf

    @property
    def up_s(self) -> float:
        """When it was up; infinity if it never was."""
        return self.out.stat().st_mtime if self.out.exists() and self.out.stat().st_size else math.inf


def figures(
    folder: Path, jobs: int, lives: Sequence[Life], kills: Counter[str], took_s: float
) -> tuple[Table, int, int, int]:
    """Count the ledgers.

    Args:
        folder: Where they are.
        jobs: How many were to be done.
        lives: Every process that there was.
        kills: How often each was killed.
        took_s: Seconds that it all took.

    Returns:
        A table, jobs lost, jobs told twice, jobs left untold.
    """
    results: dict[str, set[tuple[str, str]]] = {}
    edits = 0
    for _, job_id, entry_id, outcome in Ledger(folder / "shown").lines():
        results.setdefault(job_id, set()).add((entry_id, outcome))
        edits += 1
    untold, twice = jobs - len(results), sum(len(seen) > 1 for seen in results.values())
    outcomes = Counter(outcome for seen in results.values() for _, outcome in seen)
    waits_s = recoveries_s(lives, list(Ledger(folder / "runs").lines()))
    table = Table("chaos", "", title=f"{jobs} jobs of 20 users, two workers, two frontends, Redis and a replica")
    table.add_row("seconds", f"{took_s:.0f}")
    table.add_row("kill -9, and Redis in trouble", _list(kills))
    table.add_row("results", _list(outcomes))
    table.add_row("shown again after a frontend's death, as the same edit", str(edits - len(results)))
    table.add_row("runs interrupted by a worker's death", str(len(waits_s)))
    if waits_s:
        table.add_row("death to running again, while a worker was up, worst", f"{max(waits_s):.1f} s")
    return table, outcomes[LOST], twice, untold


def _list(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))


def recoveries_s(lives: Sequence[Life], runs: list[list[str]]) -> list[float]:
    """Seconds until each interrupted job ran again, those alone in which a worker was up to run it."""
    waits_s = []
    workers = [life for life in lives if life.name in WORKERS]
    for victim in (life for life in workers if life.killed_s < math.inf):
        begun = {words[2] for words in runs if words[1] == "begin" and words[3] == str(victim.pid)}
        ended = {words[2] for words in runs if words[1] == "end" and words[3] == str(victim.pid)}
        for number in begun - ended:
            begins_s = [float(w[0]) for w in runs if w[1] == "begin" and w[2] == number and w[3] != str(victim.pid)]
            again_s = [begin_s for begin_s in begins_s if begin_s > victim.killed_s]
            if again_s:
                waits_s.append(_seconds_with_a_worker(workers, victim.killed_s, min(again_s)))
    return waits_s


def _seconds_with_a_worker(workers: Sequence[Life], start_s: float, end_s: float) -> float:
    spans = sorted((max(life.up_s, start_s), min(life.killed_s, end_s)) for life in workers)
    total_s, until_s = 0.0, start_s
    for up_s, down_s in spans:
        total_s += max(0.0, down_s - max(up_s, until_s))
        until_s = max(until_s, down_s)
    return total_s
