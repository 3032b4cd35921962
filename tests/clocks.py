"""Clocks of their own for processes that tests start (libfaketime); waits take as long as they do."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

DAY_S = 86_400


@functools.cache
def _library() -> str:
    """The library, or "" where there is none for this machine."""
    spec = importlib.util.find_spec("libfaketime")
    folder = Path(spec.origin).parent if spec and spec.origin else Path(os.devnull)
    for path in sorted(folder.rglob("libfaketime.so.1")):
        environment = {**os.environ, "LD_PRELOAD": str(path), "FAKETIME": "+10d"}
        probe = [sys.executable, "-c", "import time; print(time.time())"]
        said = subprocess.run(probe, capture_output=True, text=True, env=environment, check=False).stdout
        if said.strip() and float(said) - time.time() > 9 * DAY_S:
            return str(path)
    return ""


def clock_off_by(offset_s: float) -> dict[str, str]:
    """Environment of a process whose clock is off by so many seconds; skips where that cannot be had."""
    return _environment() | {"FAKETIME": f"{offset_s:+.0f}"}


def clock_as_in(file: Path) -> dict[str, str]:
    """Environment of a process whose clock is off by what a file says at the moment: ``+3600``."""
    return _environment() | {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1"}


def _environment() -> dict[str, str]:
    if not _library():
        pytest.skip("libfaketime cannot be loaded on this machine: no process can have another clock")
    return {"LD_PRELOAD": _library(), "DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}
