from __future__ import annotations

import time
from dataclasses import replace

from bot.discord.address import Address

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
    assert ADDRESS.token_lives
    assert not replace(ADDRESS, token="").token_lives
    assert not replace(ADDRESS, token_until_s=int(time.time()) + 5).token_lives
