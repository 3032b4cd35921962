"""`make fleet` in small: the compose topology, upgraded and restored under load."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

pytest.importorskip("yaml", reason="PyYAML is not installed")
from bench.fleet.drill import drill

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(480),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]


def test_a_fleet_is_upgraded_and_restored_without_a_loss(tmp_path: Path) -> None:
    said: list[str] = []
    found = drill(tmp_path, "palette", jobs=4, every_s=1.0, say=said.append, workers=1)
    assert said[0] == "up: redis, discord, telegram, web, worker-1"
    assert found["exit codes"] == [0]
    assert found["jobs"] >= 6
    assert (found["lost"], found["duplicated"]) == (0, 0), said
