"""``make demo`` as a newcomer runs it: real processes, one real picture, and nothing left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image, ImageChops

from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.contract import Job
from workers.store.blobs import blob_hash
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis, running_url

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(600)]


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content.jpg"
    left, right = Image.linear_gradient("L"), Image.radial_gradient("L")
    Image.merge("RGB", (left, right, ImageChops.invert(left))).resize((300, 200)).save(path, quality=95)
    return path


@pytest.fixture
def style() -> Path:
    return ROOT / "bot/presets/pictures/woodblock-waves.jpg"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "WEB_PORT")}
    return {**kept, "DATA_DIR": str(tmp_path / "data"), "NST_FAST_MODEL": "bundled"}


class Running:
    """A demo process, and everything that it started."""

    def __init__(self, *arguments: str, environment: dict[str, str], output: Path) -> None:
        self.output = output
        with output.open("wb") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", "demo", *arguments],
                cwd=ROOT,
                env=environment,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.family: dict[int, psutil.Process] = {}

    def text(self) -> str:
        for child in psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []:
            self.family.setdefault(child.pid, child)
        return self.output.read_text(errors="replace")

    def wait_for(self, pattern: str, timeout_s: float = 180) -> re.Match[str]:
        found = wait_until(lambda: re.search(pattern, self.text()) or self._ended(), timeout_s, self.text)
        assert isinstance(found, re.Match), self.text()
        return found

    def wait(self, timeout_s: float = 180) -> int:
        wait_until(lambda: self.text() is None or self.process.poll() is not None, timeout_s, self.text)
        return self.process.wait()

    def left_behind(self) -> list[int]:
        """Who still runs; what has ended is perhaps not yet taken note of by the system."""
        _, alive = psutil.wait_procs(list(self.family.values()), timeout=10)
        return [process.pid for process in alive]

    def _ended(self) -> bool:
        return self.process.poll() is not None


def wait_until(condition: Callable[[], Any], timeout_s: float, explain: Callable[[], str]) -> Any:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.2)  # between two looks at a condition
    raise AssertionError(explain())


@pytest.fixture
def demo(tmp_path: Path, environment: dict[str, str]) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(*arguments: str, **changes: str) -> Running:
        output = tmp_path / f"demo-{len(started)}.log"
        started.append(Running(*arguments, environment={**environment, **changes}, output=output))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.text()
            running.process.kill()
            running.process.wait()
        for process in running.family.values():
            if process.is_running():
                process.kill()


def test_serves_until_interrupted_and_the_next_one_does_what_is_left(
    demo: Callable[..., Running], content: Path, style: Path, tmp_path: Path
) -> None:
    running = demo("--method", "palette", WEB_PORT="0")
    address = running.wait_for(r"web chat is at (http://\S+/)")[1]
    with urllib.request.urlopen(address, timeout=30) as page:  # noqa: S310 - our own address
        assert page.status == 200
    redis_dir = tmp_path / "data" / "redis"
    jobs = _submit_many(str(running_url(redis_dir)), content, 12)
    running.text()
    running.process.send_signal(signal.SIGINT)
    assert running.wait() == 0, running.text()
    assert running.left_behind() == []

    pictures = ("--content", str(content), "--style", str(style), "--out", str(tmp_path / "out"))
    again = demo("--once", *pictures, "--method", "palette")
    assert again.wait() == 0, again.text()
    (picture,) = (tmp_path / "out").iterdir()
    with Image.open(picture) as pastiche, Image.open(content) as original:
        assert pastiche.size == original.size
        assert ImageChops.difference(pastiche.convert("RGB"), original).getbbox() is not None
    assert again.family, "Redis and a worker were processes of their own"
    assert again.left_behind() == []
    with EmbeddedRedis(redis_dir) as redis_server:
        client = QueueClient(connect(redis_server.url))
        results = {job_id: client.result(job_id) for job_id in jobs}
        assert {job_id: result.outcome for job_id, result in results.items() if result} == dict.fromkeys(jobs, "done")


def test_uses_the_redis_of_redis_url(demo: Callable[..., Running], content: Path, style: Path, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "other") as other:
        arguments = ("--once", "--content", str(content), "--style", str(style), "--out", str(tmp_path / "out"))
        running = demo(*arguments, "--method", "palette", REDIS_URL=other.url)
        assert running.wait() == 0, running.text()
        assert not (tmp_path / "data" / "redis").exists()
        assert connect(other.url).xlen("pastiche:outbox:demo") == 0, "the result was acknowledged"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--style", "no-such-style"), "There is no style no-such-style."),
        (("--content", "nowhere.jpg"), "nowhere.jpg cannot be read."),
        (("--strength", "101"), "strength can't be 101. Allowed: 0 to 100."),
        (("--method", "magic"), "method can't be magic. Allowed: fast, gatys, palette, patches, singan, auto."),
    ],
)
def test_mistakes_end_with_2_and_one_sentence(
    demo: Callable[..., Running], arguments: tuple[str, ...], sentence: str
) -> None:
    running = demo("--once", *arguments)
    assert running.wait() == 2
    assert sentence in running.text()
    assert "Traceback" not in running.text()


def test_a_folder_that_cannot_be_written_is_told_before_anything_runs(
    demo: Callable[..., Running], tmp_path: Path
) -> None:
    running = demo("--once", "--out", "/proc/pictures")
    assert running.wait() == 2
    assert "/proc/pictures can't be written: " in running.text()
    assert list(tmp_path.glob("data/*")) == []
    assert running.left_behind() == []


def test_a_bad_picture_ends_with_2_and_leaves_nothing(demo: Callable[..., Running], tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_text("<html>not a picture</html>")
    running = demo("--once", "--content", str(bad))
    assert running.wait() == 2
    assert "That is not a picture" in running.text()
    assert running.left_behind() == []


def _submit_many(url: str, content: Path, count: int) -> list[str]:
    picture = content.read_bytes()
    digest = blob_hash(picture)
    client = QueueClient(connect(url))
    ids = []
    for number in range(count):
        options = StyleOptions(method="palette", strength=0.5 + number / 100)
        job = Job(
            job_id=f"job-{number}",
            frontend="test",
            content=digest,
            styles=(digest,),
            options=options,
            user=f"u{number}",
        )
        client.submit(job, [picture])
        ids.append(job.job_id)
    return ids
