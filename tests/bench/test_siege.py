"""A short siege: see ``bench.siege`` for the long one, which also compares times."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.e2e
@pytest.mark.long
@pytest.mark.timeout(240)
def test_another_visitors_pictures_come_and_no_process_grows_too_large() -> None:
    command = [sys.executable, "-m", "bench.siege", "--seconds", "2", "--within", "0"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=220)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.splitlines()[-1].endswith("lost 0, over their limit 0")
    for met in ("floods: page", "floods: upload 200", "big styles: page 200", "full store: upload 429"):
        assert met in ran.stdout, "the siege was one"
