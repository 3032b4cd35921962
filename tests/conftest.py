"""What several floors' tests share: a real Redis, waiting for a condition, and the development models."""

from __future__ import annotations

import importlib.util
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, settings

from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[1]
Until = Callable[..., Any]

# Other tests run beside these: how long an example takes says nothing about the code.
settings.register_profile("beside others", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("beside others")


_own_temporary: list[str] = []


def pytest_configure(config: pytest.Config) -> None:
    """Temporary files of all processes lie in one folder; those that tests kill leave theirs (TensorFlow, clips).

    What pytest itself keeps of its last runs stays where it always is.
    """
    config.addinivalue_line("markers", "long: its file takes half a minute or more, and is begun first")
    if hasattr(config, "workerinput"):
        return  # one of several processes: they share the first one's folder
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    _own_temporary.append(tempfile.mkdtemp(prefix="pastiche-tests-"))
    os.environ["TMPDIR"] = tempfile.tempdir = _own_temporary[0]


def pytest_unconfigure() -> None:
    for folder in _own_temporary:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, so that nobody waits for one at the end; then in turn those that wait and those that compute.

    Several processes take one file after the other (``make test``): while one waits for processes of its own, another
    one has the processor.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    marks = {path: {mark.name for item in found for mark in item.iter_markers()} for path, found in files.items()}
    long = [path for path in files if {"long", "browser"} & marks[path]]
    waiting = [path for path in files if "e2e" in marks[path] and path not in long]
    computing = [path for path in files if path not in long and path not in waiting]
    turns = sorted((place / len(group), path) for group in (waiting, computing) for place, path in enumerate(group))
    items[:] = [item for path in [*long, *(path for _, path in turns)] for item in files[path]]


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


@pytest.fixture(scope="session")
def until() -> Until:
    """Waits for a condition: ``until(lambda: …, "what should happen", deadline_s)`` returns its value."""

    def wait(condition: Callable[[], Any], what: str = "a condition", deadline_s: float = 60) -> Any:
        ends_s = time.monotonic() + deadline_s
        while not (value := condition()):
            assert time.monotonic() < ends_s, f"{what} did not come within {deadline_s} s"
            time.sleep(0.02)
        return value

    return wait


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with development models and pictures; skips where it is absent."""
    folder = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
    folder = folder if folder.is_absolute() else ROOT / folder
    if not folder.is_dir():
        pytest.skip("SHARED_DIR is absent: development models and pictures are not on this machine")
    return folder


@pytest.fixture(scope="session")
def clips() -> ModuleType:
    """``clip_samples.py`` beside this file; test folders are no packages."""
    spec = importlib.util.spec_from_file_location("clip_samples", Path(__file__).with_name("clip_samples.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
