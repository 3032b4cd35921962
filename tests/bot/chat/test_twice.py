"""The first press asks, the second one acts; a press that is handled again is no second one."""

from __future__ import annotations

import pytest
import redis

from bot.chat.twice import WITHIN_S, Twice
from nst.errors import UserError


async def test_the_second_press_of_the_same_person_on_the_same_thing_goes_through(
    redis_connection: redis.Redis,
) -> None:
    twice = Twice(redis_connection, "discord")
    for press in ("1", "1"):  # a kill came between
        with pytest.raises(UserError, match="press_again"):
            await twice.ask("ann", "delete:j:5", press)
    with pytest.raises(UserError, match="press_again"):
        await twice.ask("bob", "delete:j:5", "2")
    with pytest.raises(UserError, match="press_again"):
        await twice.ask("ann", "delete:j:6", "3")
    names = list(redis_connection.scan_iter("pastiche:sure:*"))
    assert len(names) == 3
    assert all(b"ann" not in name and 0 < redis_connection.ttl(name) <= WITHIN_S for name in names)
    await twice.ask("ann", "delete:j:5", "4")
    with pytest.raises(UserError, match="press_again"):
        await twice.ask("ann", "delete:j:5", "5")
