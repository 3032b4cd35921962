"""Disks that are full and folders that are closed: it is said, and nothing is lost."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.workers.faulty_worker import FaultyEngine
from workers import tasks
from workers.contract import Job
from workers.store import byte_stores
from workers.store.byte_stores import FolderStore
from workers.store.made_before import MadeBefore
from workers.worker.slices import Slices

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    """What a full disk does: writes fail half-way."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.fixture
def pictures_in(tmp_path: Path) -> Iterator[Path]:
    """Pictures lie in a folder."""
    folder = tmp_path / "pictures"
    byte_stores.use_byte_store(FolderStore(folder))
    yield folder
    byte_stores.use_byte_store(None)


def test_a_result_that_cannot_be_kept_is_made_again_later(
    pictures_in: Path,
    chat: Any,
    redis_connection: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(tasks, "_STORE_WAIT_S", 0.0)
    monkeypatch.setattr(tasks, "_workplace", None)
    monkeypatch.setattr("nst.pictures.decoder.ELSEWHERE", False)  # what goes to a decoder's process is a file here, too
    slices, before = Slices(redis_connection, lambda: False), MadeBefore(redis_connection)
    never = lambda: False  # noqa: E731
    tasks.open_workplace(tasks.Workplace(redis_connection, FaultyEngine(), never, never, slices, before))
    job: Job = chat.send("j1")
    with files_of_at_most(100):
        assert tasks.stylize(job.to_json()) is not None, "back to its queue"
    assert chat.client.result("j1") is None
    assert "store of pictures" in caplog.text
    assert tasks.stylize(job.to_json()) is None
    assert chat.client.result("j1").outcome == "done"


@pytest.mark.e2e
def test_a_health_file_that_cannot_be_written_is_named(redis_url: str, tmp_path: Path) -> None:
    closed = tmp_path / "a-file"
    closed.touch()
    code = f"""
import sys
from tests.workers.faulty_worker import FaultyEngine
from bot.cli import main
import workers.__main__ as worker
run = worker.run_worker
worker.run_worker = lambda *args, **more: run(*args, **more, engine=FaultyEngine())
main(["worker", "--health-file", {str(closed / "healthy")!r}])
"""
    environment = {"REDIS_URL": redis_url, "PATH": "/usr/bin:/bin"}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ran.returncode == 2
    assert str(closed) in ran.stderr
    assert "Not a directory" in ran.stderr
