"""A short soak: see ``bench.soak`` for the long one."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.tensorflow
@pytest.mark.timeout(480)
def test_a_workers_memory_stays_where_it_was() -> None:
    options = ["--jobs", "60", "--settle", "30", "--most", "160"]
    ran = subprocess.run([sys.executable, "-m", "bench.soak", *options], capture_output=True, text=True, timeout=400)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    grown = re.fullmatch(r"grew (-?[\d.]+)% after the first 30 of 60 jobs", ran.stdout.splitlines()[-1])
    assert grown is not None
    assert float(grown[1]) < 5
