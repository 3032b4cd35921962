"""The simulation against queueing theory, and against the workers' own rules."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest
import simpy

from bench.scale.model import Fleet, Load, Process, Waiting, percentile, simulate, utilisation


def erlang_c(servers: int, offered: float) -> float:
    """Probability of having to wait with Poisson arrivals and exponential service (Erlang 1917)."""
    last = offered**servers / math.factorial(servers) * servers / (servers - offered)
    return last / (sum(offered**n / math.factorial(n) for n in range(servers)) + last)


@pytest.mark.parametrize(("workers", "load_per_worker"), [(1, 0.7), (4, 0.8)])
def test_waiting_times_are_those_of_queueing_theory(workers: int, load_per_worker: float) -> None:
    chance = Random(1)
    service_s = [chance.expovariate(1.0) for _ in range(5000)]
    mean_s = sum(service_s) / len(service_s)
    load = Load(users=1, jobs_per_user_hour=3600 * workers * load_per_worker / mean_s, shares={"fast": 1.0})
    outcome = simulate(load, {"fast": service_s}, workers, hours=16)
    offered = workers * load_per_worker
    expected_s = erlang_c(workers, offered) * mean_s / (workers - offered)
    assert utilisation(load, {"fast": service_s}, workers) == pytest.approx(load_per_worker)
    waited_s = outcome.waited_s["fast"]
    assert sum(waited_s) / len(waited_s) == pytest.approx(expected_s, rel=0.15)


def test_a_slow_job_gives_way_to_fast_ones_and_loses_nothing() -> None:
    environment = simpy.Environment()
    fleet = Fleet(environment, workers=1, slice_s=2.0)
    fleet.add(Waiting("gatys", 0.0, 10.0))

    def later() -> Process:
        yield environment.timeout(3.0)
        fleet.add(Waiting("fast", 3.0, 1.0))

    environment.process(later())
    environment.run(until=60)
    assert fleet.outcome.waited_s == {"fast": [pytest.approx(1.0)], "slow": [0.0]}
    assert fleet.outcome.took_s == {"fast": [pytest.approx(2.0)], "slow": [pytest.approx(11.0)]}


def test_with_several_workers_one_keeps_to_fast_jobs() -> None:
    environment = simpy.Environment()
    fleet = Fleet(environment, workers=2)
    for _ in range(3):
        fleet.add(Waiting("gatys", 0.0, 100.0))
    environment.run(until=50)
    assert fleet.waiting() == 2
    assert fleet.outcome.waited_s["slow"] == [0.0]


def test_more_workers_never_make_people_wait_longer() -> None:
    load = Load(2000, 1.0, {"fast": 0.95, "gatys": 0.05})
    waits = [
        percentile(simulate(load, {"fast": [1.0], "gatys": [20.0]}, workers).waited_s["fast"], 95)
        for workers in (2, 4, 8)
    ]
    assert all(later <= earlier for earlier, later in pairwise(waits))
