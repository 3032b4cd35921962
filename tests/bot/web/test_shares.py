"""What there is only so much of: whoever holds most gives way."""

from __future__ import annotations

from collections.abc import Callable

from bot.web.protection.shares import Shares


class Losses:
    """Notes who gave way."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def of(self, name: str) -> Callable[[], None]:
        return lambda: self.names.append(name)


def test_whoever_holds_most_gives_way_to_whoever_comes() -> None:
    shares, lost = Shares(4), Losses()
    for number in range(4):
        shares.take("greedy", lost.of(f"greedy {number}"))
    for name in ("ann", "bob"):
        shares.take(name, lost.of(name))
    assert lost.names == ["greedy 0", "greedy 1"]
    shares.take("greedy", lost.of("greedy 4"))
    assert lost.names[2:] == ["greedy 2"], "who already holds most helps nobody by asking for more"
    assert shares.total == 4


def test_of_equals_whoever_came_last_is_not_let_in() -> None:
    shares, lost = Shares(2), Losses()
    for name in ("ann", "bob", "cem"):
        shares.take(name, lost.of(name))
    assert lost.names == ["cem"]


def test_what_grows_may_have_to_give_way_itself() -> None:
    shares, lost = Shares(100), Losses()
    small = shares.take("ann", lost.of("ann"), 0)
    large = shares.take("bob", lost.of("bob"), 60)
    assert small
    assert large
    shares.grow(small, 30)
    shares.grow(large, 11)
    assert lost.names == ["bob"]
    assert shares.total == 30
    shares.grow(large, 1000)  # it is not told twice
    shares.leave(large)
    assert shares.total == 30
    shares.leave(small)
    assert shares.total == 0


def test_the_largest_of_the_greedy_ones_goes_first() -> None:
    shares, lost = Shares(100), Losses()
    shares.take("greedy", lost.of("photo"), 10)
    shares.take("greedy", lost.of("film"), 50)
    shares.take("ann", lost.of("ann"), 50)
    assert lost.names == ["film"]


def test_an_address_holds_so_many_shares_and_no_more() -> None:
    shares, lost = Shares(10, each=2), Losses()
    first = shares.take("ann", lost.of("ann"))
    assert first
    assert shares.take("ann", lost.of("ann"))
    assert shares.take("ann", lost.of("ann")) is None
    assert shares.take("bob", lost.of("bob"))
    shares.leave(first)
    assert shares.take("ann", lost.of("ann"))
    assert not lost.names
