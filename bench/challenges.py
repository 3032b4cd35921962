"""How fast one process takes votes, and whether their tally is exact: 10,000 voters, three votes each.

Every vote goes the way of a button: the challenge is read, the rules are checked, the script decides.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import redis
from rich.console import Console
from rich.table import Table

from bench.pictures import gradient
from bot.challenges.model import Chat, Person, Plan, State
from bot.challenges.service import Challenges
from bot.presets.catalogue import load_presets
from nst.options import StyleOptions
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store.blobs import Blobs
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

ENTRIES, VOTERS, VOTES_EACH = 60, 10_000, 3
_HOUR_S = 3_600
_HOME = Chat(platform="discord", chat_id="1")


@dataclass(frozen=True)
class Taken:
    """What came of the voting.

    Attributes:
        seconds: From the first vote to the last.
        given: Votes that were accepted, by entry, as the voters know them.
        counted: Votes by entry in the results.
        counting_s: Seconds that the clock needed to count them and announce the results.
    """

    seconds: float
    given: Counter[str]
    counted: Counter[str]
    counting_s: float


def take_votes(connection: redis.Redis, entries: int, voters: int, threads: int, seed: int = 0) -> Taken:
    """A challenge from its opening to its results.

    Args:
        connection: To a Redis of the measurement's own.
        entries: How many, at least 2.
        voters: How many, each with three votes; a voter's clicks follow each other, as people's do.
        threads: How many voters click at the same time.
        seed: Of the voters' choices.
    """
    shift_s = 0.0
    core = Challenges(connection, load_presets(), now_s=lambda: time.time() + shift_s)
    boss = _person("boss", manages=True)
    plan = Plan(theme="Measured", closes_at_s=time.time() + _HOUR_S, voting_hours=1, votes_per_person=VOTES_EACH)
    name = core.life.create(plan, _HOME, boss).challenge_id
    core.life.open(name, boss)
    for number in range(entries):
        maker = f"maker{number}"
        core.entries.submit(name, _made(connection, maker, number), _person(maker))
    shift_s += _HOUR_S
    core.clock.tick()
    choices = _choices([entry.entry_id for entry in core.entries.all(name, boss)], voters, seed)

    def click(voter: tuple[str, list[str]]) -> list[str]:
        person = _person(voter[0])
        return [entry for entry in voter[1] if core.votes.vote(name, entry, person).changed]

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        given = Counter(entry for accepted in pool.map(click, choices) for entry in accepted)
        seconds = time.perf_counter() - began
    began = time.perf_counter()
    counted = _count(core, name, boss)
    return Taken(seconds, given, counted, time.perf_counter() - began)


def _count(core: Challenges, name: str, boss: Person) -> Counter[str]:
    while core.life.read(name).state in {State.VOTING, State.RUN_OFF}:
        core.life.end_phase(name, boss)
        core.clock.tick()
    return Counter({one.entry.entry_id: one.votes for one in core.gallery.results(name).placed if one.votes})


def _choices(entries: list[str], voters: int, seed: int) -> Iterable[tuple[str, list[str]]]:
    draw = random.Random(seed)
    return [(f"voter{number}", draw.sample(entries, min(VOTES_EACH, len(entries)))) for number in range(voters)]


def _person(name: str, manages: bool = False) -> Person:
    return Person(
        user=f"discord:{name}",
        chat=_HOME.key,
        name=name,
        manages=manages,
        account_created_at_s=0.0,
        member_since_s=0.0,
    )


def _made(connection: redis.Redis, maker: str, number: int) -> str:
    digest = Blobs(connection).put(gradient(64, 7 * number))
    job = Job(
        job_id=maker,
        frontend="f",
        user=f"discord:{maker}",
        content=digest,
        styles=(digest,),
        options=StyleOptions(),
        submitted_at_s=time.time(),
    )
    result = Result(job_id=maker, frontend="f", outcome="done", user=job.user, picture=digest, job=job.to_json())
    post_terminal(connection, result)
    return maker


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voters", type=int, default=VOTERS)
    parser.add_argument("--entries", type=int, default=ENTRIES)
    options = parser.parse_args()
    title = f"{options.voters} voters x {VOTES_EACH} votes, {options.entries} entries, one process"
    table = Table("voters at once", "taken in s", "votes/s", "counted in s", "exact", title=title)
    for threads in (1, 8):
        with (
            tempfile.TemporaryDirectory(prefix="pastiche-bench-") as folder,
            EmbeddedRedis(Path(folder)) as server,
            connect(server.url) as connection,
        ):
            taken = take_votes(connection, options.entries, options.voters, threads)
        exact = "yes" if taken.given == taken.counted and taken.given.total() == options.voters * VOTES_EACH else "NO"
        rate = taken.given.total() / taken.seconds
        table.add_row(str(threads), f"{taken.seconds:.1f}", f"{rate:.0f}", f"{taken.counting_s:.2f}", exact)
    Console().print(table)


if __name__ == "__main__":
    main()
