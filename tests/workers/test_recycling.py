from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.e2e
def test_a_process_over_its_memory_ends_between_two_jobs_and_leaves_the_rest(
    chat: Any, redis_url: str, tmp_path: Path
) -> None:
    health = tmp_path / "health"
    code = f"""
import sys
from pathlib import Path
from faulty_worker import FaultyEngine
from workers.__main__ import run_worker

class Growing(FaultyEngine):
    kept = []
    def begin(self, *args, **kwargs):
        assert Path({str(health)!r}).exists()
        self.kept.append(bytearray(b"x") * (200 * 2**20))
        return super().begin(*args, **kwargs)

sys.exit(run_worker({redis_url!r}, engine=Growing(), max_rss_bytes=300 * 2**20, health_file=Path({str(health)!r})))
"""
    for i in range(4):
        chat.send(f"j{i}", seed=i)
    ended = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, timeout=120)
    assert ended.returncode == 75, ended.stderr.decode()
    assert b"takes jobs from fast, slow" in ended.stdout
    done = [result.job_id for result in chat.results()]
    assert done == [f"j{i}" for i in range(len(done))]
    assert 1 <= len(done) <= 2
    assert chat.client.position(f"j{len(done)}") == 1
    assert not health.exists()
