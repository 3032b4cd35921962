"""A real Redis for the tests: one process for the session, emptied before each test."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from PIL import Image

from workers.connection import connect
from workers.embedded_redis import EmbeddedRedis


@pytest.fixture(scope="session")
def _redis_server() -> Iterator[EmbeddedRedis]:
    with tempfile.TemporaryDirectory(prefix="pastiche-test-") as folder, EmbeddedRedis(Path(folder)) as server:
        yield server


@pytest.fixture
def redis_url(_redis_server: EmbeddedRedis) -> str:
    """The address of an empty Redis."""
    with connect(_redis_server.url) as connection:
        connection.flushall()
    return _redis_server.url


@pytest.fixture
def redis_connection(redis_url: str) -> Iterator[redis.Redis]:
    """A connection to an empty Redis."""
    with connect(redis_url) as connection:
        yield connection


def picture(seed: int, width_px: int = 96, height_px: int = 72) -> bytes:
    """A small PNG with colours of its own."""
    ramp = Image.linear_gradient("L").resize((width_px, height_px))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "PNG")
    return out.getvalue()


@pytest.fixture(scope="session")
def content() -> bytes:
    return picture(1)


@pytest.fixture(scope="session")
def style() -> bytes:
    return picture(4, 64, 80)
