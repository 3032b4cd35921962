from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis

from bot.discord.address import Address
from bot.discord.promises import Promise, Promises
from workers.contract import ContractError

ADDRESS = Address(
    channel_id=1,
    message_id=2,
    user_id=3,
    token="t:=",  # noqa: S106 - opens nothing
    token_until_s=int(time.time()) + 900,
    spoiler=True,
    language="fr",
)


def test_an_address_comes_back_from_the_queue() -> None:
    assert Address.from_reply_to(ADDRESS.to_reply_to()) == ADDRESS
    assert Address.from_reply_to(replace(ADDRESS, spoiler=False, token="").to_reply_to()).spoiler is False


def test_fields_of_a_newer_release_are_ignored() -> None:
    assert Address.from_reply_to({**ADDRESS.to_reply_to(), "thread": "9"}) == ADDRESS


def test_a_token_lives_a_quarter_of_an_hour_less_an_upload() -> None:
    fresh = replace(ADDRESS, token_until_s=int(time.time()) + 900)
    assert fresh.token_lives
    assert not replace(fresh, token="").token_lives
    assert not replace(ADDRESS, token_until_s=int(time.time()) + 5).token_lives


@pytest.mark.parametrize(
    "changes", [{"channel_id": "here"}, {"channel_id": "9" * 5000}, {"limit_bytes": "1e999"}, {"user_id": ""}]
)
def test_an_address_that_is_none_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(ContractError):
        Address.from_reply_to(ADDRESS.to_reply_to() | changes)
    with pytest.raises(ContractError):
        Address.from_reply_to({})


@pytest.mark.parametrize("text", ["[" * 100_000, "{}", "7", '{"address":"here","job_id":"j","user":"u"}', b"\xff"])
def test_a_damaged_promise_keeps_no_others_from_being_kept(redis_connection: redis.Redis, text: str | bytes) -> None:
    promise = Promise(job_id="j1", user="discord:1", address=ADDRESS, chat="c")
    redis_connection.set("pastiche:discord:promise:j1", promise.to_json())
    redis_connection.set("pastiche:discord:promise:j2", text)
    assert Promises(redis_connection).earlier() == [promise]
