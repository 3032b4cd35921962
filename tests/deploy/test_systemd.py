"""The units for a host without containers, as systemd itself reads them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from workers.worker.gpu_worker import GRACE_S

UNITS = Path(__file__).resolve().parents[2] / "deploy/systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
FRONTENDS = ["discord", "telegram", "web"]


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(UNITS / name)
    return parsed


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_has_nothing_to_say(tmp_path: Path) -> None:
    """Programs and other packages' units are stood in for by files of the same names: verify wants them to be there."""
    folder = tmp_path / "etc/systemd/system"
    folder.mkdir(parents=True)
    for path in UNITS.iterdir():
        (folder / path.name).write_text(path.read_text())
    for name in ("docker.service", "redis-server.service"):
        (folder / name).write_text("[Service]\nExecStart=/bin/true\n")
    targets = ("sysinit", "basic", "shutdown", "network-online", "network", "multi-user", "timers", "time-sync")
    for target in (*targets, "time-set", "local-fs", "sockets", "paths"):
        (folder / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    for slice_ in ("system", "-"):
        (folder / f"{slice_}.slice").write_text("[Unit]\nDefaultDependencies=no\n")
    for program in ("bin/sh", "bin/true", "usr/bin/docker", "opt/pastiche/.venv/bin/pastiche"):
        file = tmp_path / program
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/true\n")
        file.chmod(0o755)
    names = [str(folder / path.name.replace("@.", "@cpu.")) for path in UNITS.iterdir()]
    (folder / "pastiche-worker@cpu.service").write_text((UNITS / "pastiche-worker@.service").read_text())
    command = ["systemd-analyze", "verify", f"--root={tmp_path}", "--man=no", "--recursive-errors=yes", *names]
    verdict = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert verdict.stderr == ""
    assert verdict.returncode == 0


@pytest.mark.parametrize("name", FRONTENDS)
def test_each_frontend_has_a_unit(name: str) -> None:
    service = unit(f"pastiche-{name}.service")["Service"]
    assert service["ExecStart"] == f"/opt/pastiche/.venv/bin/pastiche {name}"
    assert service["User"] not in ("", "root")


@pytest.mark.parametrize(("name", "setting"), [("discord", "DISCORD_TOKEN"), ("telegram", "TELEGRAM_TOKEN")])
def test_a_frontend_without_a_token_is_skipped_and_says_so(name: str, setting: str) -> None:
    condition = unit(f"pastiche-{name}.service")["Service"]["ExecCondition"]
    script = re.fullmatch(r"/bin/sh -c '(.*)'", condition)
    assert script
    without = subprocess.run(["/bin/sh", "-c", script[1]], env={}, capture_output=True, text=True, check=False)
    assert without.returncode == 1  # 1 to 254: skipped, not failed (systemd.service(5))
    assert without.stdout.startswith(f"{setting} is not set")
    assert subprocess.run(["/bin/sh", "-c", script[1]], env={setting: "x"}, check=False).returncode == 0


def test_a_worker_is_started_again_whatever_its_exit_code_was() -> None:
    parsed = unit("pastiche-worker@.service")
    assert parsed["Service"]["Restart"] == "always"
    assert parsed["Unit"]["StartLimitIntervalSec"] == "0"


def test_a_worker_has_time_to_hand_its_job_back() -> None:
    service = unit("pastiche-worker@.service")["Service"]
    grace = re.search(r"--grace (\d+)", service["ExecStart"])
    assert grace
    assert float(grace[1]) >= GRACE_S
    assert float(service["TimeoutStopSec"]) >= float(grace[1]) + 10
