"""A short chaos run: see ``bench.chaos`` for the long one."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.timeout(480)
def test_nothing_is_lost_told_twice_or_left_untold_while_everything_is_killed_and_redis_is_in_trouble() -> None:
    options = ["--jobs", "150", "--rate", "2", "--every", "2", "--kills", "10", "--seed", "3"]
    command = [sys.executable, "-m", "bench.chaos", *options]
    wide = os.environ | {"COLUMNS": "400"}  # a name of two words stays on its line
    ran = subprocess.run(command, capture_output=True, text=True, timeout=400, env=wide)
    assert ran.stdout.splitlines()[-1] == "lost 0, told twice 0, left untold 0", ran.stdout + ran.stderr
    assert ran.returncode == 0
    for trouble in ("failover 1", "read-only 1", "no replica 1", "full 1", "slow 1"):
        assert trouble in ran.stdout
