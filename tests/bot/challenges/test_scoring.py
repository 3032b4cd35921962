"""From votes to places, against counting by hand."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.challenges.model import Scoring
from bot.challenges.scoring import Outcome, Tally, groups, mean_ranks, outcome


def tally(**votes: tuple[int, int]) -> Tally:
    """Votes on Discord and on Telegram."""
    counts = {
        name: Counter({platform: n for platform, n in zip(("discord", "telegram"), pair, strict=True) if n})
        for name, pair in votes.items()
    }
    return Tally(counts, sum(map(sum, votes.values())))


def test_the_sum_lets_the_larger_chat_decide_and_ranks_do_not() -> None:
    votes = tally(a=(100, 0), b=(90, 3), c=(0, 2))
    assert groups(votes, Scoring.SUM) == (("a",), ("b",), ("c",))
    assert groups(votes, Scoring.RANK) == (("b",), ("a",), ("c",))
    ranks = mean_ranks(votes)
    assert [float(ranks[name]) for name in "abc"] == [2.0, 1.5, 2.5]


def test_equal_counts_share_the_mean_of_their_ranks() -> None:
    ranks = mean_ranks(tally(a=(5, 0), b=(5, 0), c=(1, 0), d=(0, 0)))
    assert [float(ranks[name]) for name in "abcd"] == [1.5, 1.5, 3.0, 4.0]


def test_a_platform_that_did_not_vote_has_no_say() -> None:
    assert groups(tally(a=(1, 0), b=(2, 0)), Scoring.RANK) == (("b",), ("a",))


def test_a_run_off_orders_only_those_who_were_in_it() -> None:
    first, second = tally(a=(2, 0), b=(2, 0), c=(1, 0)), tally(a=(0, 0), b=(1, 0))
    ended = outcome(first, second, Scoring.SUM)
    assert ended.groups == (("b",), ("a",), ("c",))
    assert (ended.winners, ended.run_off_votes) == (("b",), {"a": 0, "b": 1})
    assert Outcome.from_json(ended.to_json()) == ended


def test_without_votes_nobody_wins() -> None:
    assert outcome(tally(a=(0, 0), b=(0, 0)), None, Scoring.SUM).winners == ()


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1))
def test_places_hold_every_entry_once_and_the_first_is_beaten_by_none(votes: dict[str, tuple[int, int]]) -> None:
    counted = tally(**votes)
    for scoring in Scoring:
        places = groups(counted, scoring)
        assert sorted(name for group in places for name in group) == sorted(votes)
        for winner in places[0]:
            beaten_everywhere = [other for other in votes if all(votes[other][p] > votes[winner][p] for p in (0, 1))]
            assert not beaten_everywhere
    assert {sum(votes[name]) for name in groups(counted, Scoring.SUM)[0]} == {max(map(sum, votes.values()))}
