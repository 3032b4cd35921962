from __future__ import annotations

import pytest
import redis

from bot.chat.chat_settings import ChatSettings, ChatSettingsStore, check_place
from nst.errors import BusyError, UserError


@pytest.fixture
def store(redis_connection: redis.Redis) -> ChatSettingsStore:
    return ChatSettingsStore(redis_connection)


def test_settings_are_the_chats_own_and_outlive_the_process(
    store: ChatSettingsStore, redis_connection: redis.Redis
) -> None:
    assert store.read("a") == ChatSettings()
    store.change("a", channels=("1", "2"), spoiler=True)
    store.change("a", defaults={"strength": 0.5})
    expected = ChatSettings(channels=("1", "2"), spoiler=True, defaults={"strength": 0.5})
    assert ChatSettingsStore(redis_connection).read("a") == expected
    assert store.read("b") == ChatSettings()


def test_settings_of_a_newer_release_are_read(store: ChatSettingsStore, redis_connection: redis.Redis) -> None:
    redis_connection.set("pastiche:settings:a", '{"spoiler": true, "not_known_yet": 1}')
    assert store.read("a") == ChatSettings(spoiler=True)


def test_choices_go_over_the_chats_defaults() -> None:
    settings = ChatSettings(defaults={"strength": 0.4, "method": "palette"})
    options = settings.options(strength=0.9, method=None)
    assert (options.strength, options.method) == (0.9, "palette")


def test_a_quota_is_counted_by_user_and_given_back(store: ChatSettingsStore) -> None:
    settings = ChatSettings(per_user_per_day=2)
    store.take("a", "ann", settings)
    store.take("a", "ann", settings)
    with pytest.raises(BusyError) as refused:
        store.take("a", "ann", settings)
    assert 0 < refused.value.retry_after_s <= 86_400
    store.take("a", "bob", settings)
    store.give_back("a", "ann", settings)
    store.take("a", "ann", settings)


def test_a_cooldown_says_how_long_it_lasts_and_costs_no_quota(store: ChatSettingsStore) -> None:
    settings = ChatSettings(cooldown_s=100, per_user_per_day=2)
    store.take("a", "ann", settings)
    for _ in range(3):
        with pytest.raises(BusyError) as refused:
            store.take("a", "ann", settings)
        assert 90 < refused.value.retry_after_s <= 100
    store.take("a", "ann", ChatSettings(per_user_per_day=2))


def test_places_and_roles() -> None:
    check_place(ChatSettings(), ["7"], [])
    settings = ChatSettings(channels=("1",), roles=("5",))
    check_place(settings, ["9", "1"], ["5", "6"])
    with pytest.raises(UserError, match="channel_not_allowed"):
        check_place(settings, ["9"], ["5"])
    with pytest.raises(UserError, match="role_missing"):
        check_place(settings, ["1"], ["6"])
