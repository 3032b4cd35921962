"""From votes to places. Exact: ranks are fractions, so that a tie is a tie."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Self, cast

import redis

from bot.challenges import keys
from bot.challenges.model import Count, Scoring
from workers.contract import fill, read_object

Group = tuple[str, ...]  # entries on the same place


@dataclass(frozen=True)
class Tally:
    """The valid votes of one round.

    Attributes:
        votes: Entry → platform → votes; every entry of the ballot is there.
        voters: How many people gave any.
    """

    votes: Mapping[str, Counter[str]]
    voters: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(platforms.total() for platforms in self.votes.values())

    def of(self, entry_id: str) -> int:
        """An entry's, over all platforms."""
        found = self.votes.get(entry_id)
        return found.total() if found else 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is kept of a count.

    Attributes:
        groups: Entries by place, best first; empty where nobody voted.
        winners: Those of the first place.
        votes: Entry → votes of the voting.
        run_off_votes: Entry → votes of the run-off.
        mean_ranks: Entry → mean of its ranks over platforms; empty where the sum decides.
        voters: How many people voted.
        run_off: Whether there was one.
    """

    groups: tuple[Group, ...] = ()
    winners: Group = ()
    votes: Mapping[str, Count] = field(default_factory=dict)
    run_off_votes: Mapping[str, Count] = field(default_factory=dict)
    mean_ranks: Mapping[str, float] = field(default_factory=dict)
    voters: Count = 0
    run_off: bool = False

    def to_json(self) -> str:
        """For the store."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``.

        Raises:
            ContractError: Nobody can read it.
        """
        return fill(cls, read_object(text))


def read_tally(connection: redis.Redis, challenge_id: str, vote_round: int) -> Tally:
    """Count a round's valid votes: those for entries that are on its ballot."""
    with connection.pipeline() as pipe:
        pipe.hkeys(keys.ballot(challenge_id, vote_round))
        pipe.hgetall(keys.votes(challenge_id, vote_round))
        on_ballot, rows = cast("tuple[list[bytes], dict[bytes, bytes]]", pipe.execute())
    votes: dict[str, Counter[str]] = {name.decode(): Counter() for name in on_ballot}
    voters = 0
    for voter, row in rows.items():
        platform = voter.decode().partition(":")[0]
        valid = [name for name in row.decode().split() if name in votes]
        for name in valid:
            votes[name][platform] += 1
        voters += bool(valid)
    return Tally(votes, voters)


def groups(tally: Tally, scoring: Scoring) -> tuple[Group, ...]:
    """Entries by place, best first."""
    ranks = mean_ranks(tally) if scoring is Scoring.RANK else {name: Fraction(-tally.of(name)) for name in tally.votes}
    return _grouped(ranks)


def mean_ranks(tally: Tally) -> dict[str, Fraction]:
    """The mean of an entry's ranks over the platforms that voted; equal counts share the mean of their ranks."""
    platforms = sorted({name for votes in tally.votes.values() for name in votes})
    by_platform = [_ranks({entry: votes[name] for entry, votes in tally.votes.items()}) for name in platforms]
    return {
        entry: sum((ranks[entry] for ranks in by_platform), Fraction()) / max(1, len(by_platform))
        for entry in tally.votes
    }


def outcome(first: Tally, second: Tally | None, scoring: Scoring) -> Outcome:
    """How a challenge ended.

    Args:
        first: Of the voting.
        second: Of the run-off, if there was one.
        scoring: How votes become places.
    """
    if not first.total:
        return Outcome(votes=dict.fromkeys(first.votes, 0), voters=first.voters, run_off=second is not None)
    places = groups(first, scoring)
    if second is not None:
        tied = groups(second, scoring)
        places = (*tied, *_without(places, {name for group in tied for name in group}))
    ranks = mean_ranks(first) if scoring is Scoring.RANK else {}
    return Outcome(
        groups=places,
        winners=places[0],
        votes={name: first.of(name) for name in first.votes},
        run_off_votes={name: second.of(name) for name in second.votes} if second else {},
        mean_ranks={name: float(rank) for name, rank in ranks.items()},
        voters=first.voters,
        run_off=second is not None,
    )


def _without(places: Iterable[Group], names: Collection[str]) -> list[Group]:
    left = (tuple(name for name in group if name not in names) for group in places)
    return [group for group in left if group]


def _ranks(counts: Mapping[str, int]) -> dict[str, Fraction]:
    ranks: dict[str, Fraction] = {}
    for group in _grouped({name: Fraction(-count) for name, count in counts.items()}):
        mean = Fraction(2 * len(ranks) + len(group) + 1, 2)
        ranks |= dict.fromkeys(group, mean)
    return ranks


def _grouped(scores: Mapping[str, Fraction]) -> tuple[Group, ...]:
    """Names by score, the smallest first."""
    by_score: dict[Fraction, list[str]] = {}
    for name in sorted(scores):
        by_score.setdefault(scores[name], []).append(name)
    ordered: Sequence[Fraction] = sorted(by_score)
    return tuple(tuple(by_score[score]) for score in ordered)
