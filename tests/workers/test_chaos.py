"""A short chaos run: see ``bench.chaos`` for the long one."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.timeout(480)
def test_nothing_is_lost_or_told_twice_while_everything_is_killed() -> None:
    options = ["--jobs", "60", "--rate", "4", "--every", "3", "--kills", "6", "--seed", "3"]
    command = [sys.executable, "-m", "bench.chaos", *options]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert ran.stdout.splitlines()[-1] == "lost 0, duplicated 0", ran.stdout + ran.stderr
    assert ran.returncode == 0
    kills = next(line for line in ran.stdout.splitlines() if "kill -9" in line)
    assert any(character.isdigit() for character in kills.split("kill -9")[1])
