"""The queue in simulation: jobs arrive at random, workers take them as the real ones do.

The rules are the workers' own: fast jobs first; a slow job gives way between two slices and goes to the
head of its queue; with several workers one keeps to fast jobs. Service times are drawn from measured ones.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import simpy

from workers.routing import FAST, SLOW, queue_of
from workers.worker.slices import SLICE_S

Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True)
class Load:
    """Who asks for what in the busiest hour.

    Attributes:
        users: People.
        jobs_per_user_hour: Jobs of one of them in that hour, on average.
        shares: Share of each kind of job, adding up to 1.
    """

    users: int
    jobs_per_user_hour: float
    shares: Mapping[str, float]

    @property
    def jobs_per_s(self) -> float:
        """Arrivals a second."""
        return self.users * self.jobs_per_user_hour / 3600


@dataclass
class Waiting:
    """One job in simulation: its kind, when it came, and seconds of work that are left."""

    kind: str
    came_s: float
    left_s: float
    waited_s: float | None = None


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        waited_s: Per queue, seconds from arrival to the first second of work, of every job that began.
        took_s: Per queue, seconds from arrival to the end, of every job that ended.
        left: Jobs that still waited when the hour was over.
    """

    waited_s: dict[str, list[float]] = field(default_factory=lambda: {FAST: [], SLOW: []})
    took_s: dict[str, list[float]] = field(default_factory=lambda: {FAST: [], SLOW: []})
    left: int = 0


class Fleet:
    """Workers and their two queues.

    Args:
        environment: simpy's.
        workers: How many; from two on, the first keeps to fast jobs.
        slice_s: After so long a slow job gives way if a fast one waits.
    """

    def __init__(self, environment: simpy.Environment, workers: int, slice_s: float = SLICE_S) -> None:
        self._environment, self._slice_s = environment, slice_s
        self._lines: dict[str, deque[Waiting]] = {FAST: deque(), SLOW: deque()}
        self._idle: list[tuple[tuple[str, ...], simpy.Event]] = []
        self.outcome = Outcome()
        for number in range(workers):
            environment.process(self._work((FAST,) if number == 0 and workers > 1 else (FAST, SLOW)))

    def add(self, job: Waiting) -> None:
        """A job arrives."""
        queue = queue_of(job.kind)
        self._lines[queue].append(job)
        self._wake(queue)

    def waiting(self) -> int:
        """Jobs that nobody works on."""
        return sum(map(len, self._lines.values()))

    def _wake(self, queue: str) -> None:
        # Who can do nothing else first: a mixed worker is left for slow jobs.
        able = [idle for idle in self._idle if queue in idle[0]]
        if able:
            chosen = min(able, key=lambda idle: len(idle[0]))
            self._idle.remove(chosen)
            chosen[1].succeed()

    def _work(self, queues: Sequence[str]) -> Process:
        while True:
            queue = next((queue for queue in queues if self._lines[queue]), None)
            if queue is None:
                woken = self._environment.event()
                self._idle.append((tuple(queues), woken))
                yield woken
            else:
                yield from self._do(self._lines[queue].popleft(), queue)

    def _do(self, job: Waiting, queue: str) -> Process:
        if job.waited_s is None:
            job.waited_s = self._environment.now - job.came_s
            self.outcome.waited_s[queue].append(job.waited_s)
        while job.left_s > 0:
            step_s = job.left_s if queue == FAST else min(job.left_s, self._slice_s)
            yield self._environment.timeout(step_s)
            job.left_s -= step_s
            if queue == SLOW and job.left_s > 0 and self._lines[FAST]:
                self._lines[SLOW].appendleft(job)
                return
        self.outcome.took_s[queue].append(self._environment.now - job.came_s)


def simulate(
    load: Load, service_s: Mapping[str, Sequence[float]], workers: int, hours: float = 1.0, seed: int = 0
) -> Outcome:
    """Let an hour pass.

    Args:
        load: Arrivals are Poisson.
        service_s: Measured seconds of each kind of job; one of them is drawn for every job.
        workers: How many.
        hours: Simulated time.
        seed: Of arrivals and service times.
    """
    environment = simpy.Environment()
    fleet = Fleet(environment, workers)
    environment.process(_arrivals(environment, fleet, load, service_s, Random(seed)))
    environment.run(until=hours * 3600)
    fleet.outcome.left = fleet.waiting()
    return fleet.outcome


def _arrivals(
    environment: simpy.Environment, fleet: Fleet, load: Load, service_s: Mapping[str, Sequence[float]], chance: Random
) -> Process:
    kinds, shares = list(load.shares), list(load.shares.values())
    while True:
        yield environment.timeout(chance.expovariate(load.jobs_per_s))
        kind = chance.choices(kinds, shares)[0]
        fleet.add(Waiting(kind, environment.now, chance.choice(service_s[kind])))


def utilisation(load: Load, service_s: Mapping[str, Sequence[float]], workers: int) -> float:
    """Offered work over what the workers can do; above 1 the queue grows without end."""
    mean_s = sum(share * sum(service_s[kind]) / len(service_s[kind]) for kind, share in load.shares.items())
    return load.jobs_per_s * mean_s / workers


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that ``percent`` of all do not exceed; NaN of none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
