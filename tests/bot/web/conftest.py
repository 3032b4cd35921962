"""The web chat as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


@dataclass
class Web:
    """The web chat as a process."""

    process: subprocess.Popen[bytes]
    url: str


Serve = Callable[..., Web]


@pytest.fixture
def serve(redis_url: str, tmp_path: Path, until: Callable[..., Any]) -> Iterator[Serve]:
    """Starts the web chat with settings."""
    started: list[subprocess.Popen[bytes]] = []

    def start(**settings: str) -> Web:
        settings = {"REDIS_URL": redis_url, "WEB_PORT": "0", "DATA_DIR": str(tmp_path / "data")} | settings
        log = tmp_path / "log"
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "web"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "LOG_LEVEL": "INFO", **settings},
            stderr=log.open("wb"),
        )
        started.append(process)
        found = until(lambda: re.search(r"is at (http://\S+)", log.read_text()), "the web chat", 120)
        return Web(process, found[1])

    yield start
    for process in started:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
