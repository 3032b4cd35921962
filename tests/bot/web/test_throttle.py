"""Rates per session and address, counted in a real Redis."""

from __future__ import annotations

import pytest
import redis

from bot.web.protection.throttle import Rate, Throttle, address_key
from nst.errors import BusyError
from workers.store.keys import fingerprint

RATE = Rate("tests", 60, per_session=3, per_address=5)


def test_a_session_has_so_many_and_another_its_own(redis_connection: redis.Redis) -> None:
    throttle = Throttle(redis_connection)
    for _ in range(3):
        throttle.take(RATE, "ann", "home")
    with pytest.raises(BusyError, match="rate_limited") as caught:
        throttle.take(RATE, "ann", "home")
    assert 0 < caught.value.retry_after_s <= 60
    throttle.take(RATE, "bob", "elsewhere")


def test_new_sessions_of_one_address_do_not_help(redis_connection: redis.Redis) -> None:
    throttle = Throttle(redis_connection)
    for number in range(5):
        throttle.take(RATE, f"session{number}", "home")
    for number in range(5, 8):
        with pytest.raises(BusyError):
            throttle.take(RATE, f"session{number}", "home")
    throttle.take(RATE, "session9", "elsewhere")


def test_the_window_ends_and_what_was_refused_does_not_prolong_it(redis_connection: redis.Redis) -> None:
    throttle = Throttle(redis_connection)
    for _ in range(3):
        throttle.take(RATE, "ann", "home")
    (key,) = redis_connection.keys(f"pastiche:web:rate:tests:{fingerprint('session', 'ann')}")
    redis_connection.expire(key, 5)
    with pytest.raises(BusyError) as caught:
        throttle.take(RATE, "ann", "home")
    assert caught.value.retry_after_s <= 5
    redis_connection.delete(key)
    throttle.take(RATE, "ann", "home")


def test_addresses_are_counted_and_not_told(redis_connection: redis.Redis) -> None:
    Throttle(redis_connection).take(RATE, "", address_key("192.0.2.7"))
    (key,) = redis_connection.keys("pastiche:web:rate:*")
    assert b"192.0.2.7" not in key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.7", "192.0.2.8", False),
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.7", "192.0.2.7", True),
        ("::ffff:192.0.2.7", "::ffff:192.0.2.8", False),
        (None, "", True),
    ],
)
def test_one_household_is_one_address(one: str | None, other: str | None, same: bool) -> None:
    assert (address_key(one) == address_key(other)) is same
