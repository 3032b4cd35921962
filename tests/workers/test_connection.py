from __future__ import annotations

import pytest
import redis

from nst.errors import OperatorError
from tests.ports import reserved_port
from workers.store.connection import PATIENT, connect, connect_async


def test_a_socket_answers(redis_url: str) -> None:
    with connect(redis_url, retries=PATIENT) as connection:
        assert connection.ping()
        assert connection.connection_pool.connection_kwargs["socket_timeout"] > 5


async def test_the_asynchronous_twin_answers(redis_url: str) -> None:
    async with await connect_async(redis_url) as connection:
        assert await connection.ping()


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_nobody_there_is_said_without_the_password(scheme: str) -> None:
    with reserved_port() as port, pytest.raises(OperatorError) as caught:
        connect(f"{scheme}://:s3cret%21@127.0.0.1:{port}/0")
    assert caught.value.code == "queue_unavailable"
    assert "refused" in str(caught.value.detail["reason"])
    assert "s3cret" not in str(caught.value)


def test_a_wrong_password_is_said_without_it(redis_connection: redis.Redis, redis_url: str) -> None:
    redis_connection.config_set("requirepass", "right")
    try:
        with pytest.raises(OperatorError) as caught:
            connect(redis_url.replace("unix://", "unix://:wr0ng@"))
        assert caught.value.code == "queue_unavailable"
        assert "wr0ng" not in str(caught.value)
        with connect(redis_url.replace("unix://", "unix://:right@")) as connection:
            assert connection.ping()
    finally:
        redis_connection.config_set("requirepass", "")


def test_another_kind_of_address_names_the_setting() -> None:
    with pytest.raises(OperatorError) as caught:
        connect("http://user:s3cret@somewhere")
    assert caught.value.code == "bad_setting"
    assert caught.value.detail["setting"] == "REDIS_URL"
    assert "s3cret" not in str(caught.value)


def test_an_unreadable_address_is_an_operators_error_too() -> None:
    with pytest.raises(OperatorError) as caught:
        connect("redis://:s3cret@localhost:port/x")
    assert "s3cret" not in str(caught.value)
