"""Redis as it is deployed: the configuration, the password, backup and restore."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from PIL import Image

from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.contract import Job
from workers.store import keys
from workers.store.blobs import blob_hash
from workers.store.connection import connect

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
Script = Callable[..., "subprocess.CompletedProcess[str]"]
WRONG = "battery-staple"
_WORKER = """
import sys
from nst.engine import Engine
from nst.method import MethodSettings
from workers.__main__ import run_worker
sys.exit(run_worker(sys.argv[1], ("fast",), engine=Engine(MethodSettings()), grace_s=1))
"""


def picture(seed: int) -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((64, 48)).rotate(37 * seed).convert("RGB").save(out, "PNG")
    return out.getvalue()


class Sender:
    """Submits palette jobs one after the other until it is told to stop."""

    def __init__(self, url: str) -> None:
        self.connection = connect(url)
        self._client = QueueClient(self.connection, Limits(pending_per_user=10_000, waiting=10_000))
        self._pictures = [picture(seed) for seed in (1, 4)]
        self.acknowledged: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send_all)

    def send(self, count: int = 1) -> None:
        content, style = map(blob_hash, self._pictures)
        for _ in range(count):
            number = len(self.acknowledged)
            options = StyleOptions(method="palette", seed=number)
            job = Job(
                job_id=f"j{number}",
                frontend="web",
                content=content,
                styles=(style,),
                options=options,
                user=f"u{number % 7}",
            )
            self._client.submit(job, self._pictures)
            self.acknowledged.append(job.job_id)

    def _send_all(self) -> None:
        while not self._ended.wait(0.01):  # a hundred a second at most: a worker has to do them all
            self.send()

    def __enter__(self) -> Sender:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.connection.close()


def test_the_configuration_is_what_doctor_asks_for(serve: Any, tmp_path: Path) -> None:
    with connect(serve(tmp_path / "data")) as connection:
        info: Any = connection.info()
        assert info["aof_enabled"] == 1
        assert info["maxmemory_policy"] == "noeviction"
        assert info["maxmemory"] == 2 * 2**30


def test_nobody_gets_in_without_the_password(serve: Any, tmp_path: Path, redis_cli: Script) -> None:
    url = serve(tmp_path / "data")
    with redis.Redis.from_url(url.replace("correct", "wrong")) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert redis_cli("redis/healthy.sh", url=url).returncode == 0
    assert redis_cli("redis/healthy.sh", url=url, password=WRONG).returncode != 0


def test_the_password_is_in_no_process_list(serve: Any, tmp_path: Path) -> None:
    with connect(serve(tmp_path / "data")) as connection:
        info: Any = connection.info("server")
        command = Path(f"/proc/{info['process_id']}/cmdline").read_bytes()
    assert b"redis-server" in command
    assert b"correct-horse" not in command


@pytest.mark.parametrize("password", ["", "with space", "a@b", "line\nbreak"])
def test_a_password_that_could_not_stand_in_a_url_is_refused(password: str, redis_path: str) -> None:
    environment = {"PATH": redis_path, "REDIS_PASSWORD": password}
    script = str(ROOT / "deploy/redis/start.sh")
    refused = subprocess.run(["sh", script], env=environment, capture_output=True, text=True, timeout=90, check=False)
    assert refused.returncode != 0
    assert "REDIS_PASSWORD" in refused.stderr


def test_a_clean_end_keeps_everything(serve: Any, tmp_path: Path, until: Any) -> None:
    with connect(serve(tmp_path / "data")) as connection:
        info: Any = connection.info("server")
        connection.set("kept", "yes")
        subprocess.run(["kill", "-TERM", str(info["process_id"])], check=True)  # what a supervisor sends
        until(lambda: _gone(info["process_id"]), "the end")
    with connect(serve(tmp_path / "data")) as connection:
        assert connection.get("kept") == b"yes"


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.fixture
def backed_up(serve: Any, tmp_path: Path, redis_cli: Script, until: Any) -> tuple[str, list[str], list[str]]:
    """A Redis restored from a backup that was taken while jobs came in.

    Returns:
        Its URL, the jobs acknowledged before the backup began, and all that were sent to the first Redis.
    """
    with Sender(serve(tmp_path / "first")) as sender:
        until(lambda: len(sender.acknowledged) >= 50, "50 jobs")
        before = list(sender.acknowledged)
        done = redis_cli("backup.sh", str(tmp_path / "backup"), url=_url(sender))
        assert done.returncode == 0, done.stderr
        until(lambda: len(sender.acknowledged) > len(before), "a job after the backup")
    restored = redis_cli("restore.sh", str(tmp_path / "backup"), str(tmp_path / "second"))
    assert restored.returncode == 0, restored.stderr
    return serve(tmp_path / "second"), before, sender.acknowledged


def _url(sender: Sender) -> str:
    settings = sender.connection.connection_pool.connection_kwargs
    return f"redis://127.0.0.1:{settings['port']}"


def test_a_backup_under_load_holds_every_job_acknowledged_before_it(
    backed_up: tuple[str, list[str], list[str]], until: Any
) -> None:
    url, before, sent = backed_up
    with connect(url) as connection:
        waiting = [job_id.decode() for job_id in connection.lrange(keys.rq_queue("fast"), 0, -1)]
        assert set(before) <= set(waiting) <= set(sent)
        assert len(waiting) == len(set(waiting))
        worker = subprocess.Popen([sys.executable, "-c", _WORKER, url], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            client = QueueClient(connection)
            until(lambda: connection.xlen(keys.outbox("web")) >= len(waiting), "all results", 120)
            outcomes = {job_id: client.result(job_id) for job_id in waiting}
        finally:
            worker.terminate()
            worker.wait(90)
        assert {result.outcome for result in outcomes.values() if result} == {"done"}
        assert None not in outcomes.values()
        assert connection.xlen(keys.outbox("web")) == len(waiting)  # each told once


def test_a_restored_redis_keeps_its_file_from_then_on(
    backed_up: tuple[str, list[str], list[str]], serve: Any, tmp_path: Path, until: Any
) -> None:
    url, before, _ = backed_up
    with connect(url) as connection:
        info: Any = connection.info()
        assert info["aof_enabled"] == 1
        connection.set("after", "the restore")
        until(lambda: connection.info("persistence")["aof_pending_bio_fsync"] == 0, "fsync")
        subprocess.run(["kill", "-KILL", str(info["process_id"])], check=True)
        until(lambda: _gone(info["process_id"]), "the kill")
    with connect(serve(tmp_path / "second")) as connection:
        assert connection.get("after") == b"the restore"
        assert connection.llen(keys.rq_queue("fast")) >= len(before)


def test_times_to_live_go_with_the_backup(serve: Any, tmp_path: Path, redis_cli: Script) -> None:
    url = serve(tmp_path / "first")
    with connect(url) as connection:
        connection.set("picture", "bytes", ex=keys.RESULT_TTL_S)
    assert redis_cli("backup.sh", str(tmp_path / "backup"), url=url).returncode == 0
    assert redis_cli("restore.sh", str(tmp_path / "backup"), str(tmp_path / "second")).returncode == 0
    with connect(serve(tmp_path / "second")) as connection:
        assert 0 < connection.ttl("picture") <= keys.RESULT_TTL_S


def test_a_refused_backup_leaves_the_old_one(serve: Any, tmp_path: Path, redis_cli: Script) -> None:
    url, file = serve(tmp_path / "data"), tmp_path / "backup"
    file.write_bytes(b"the old one")
    assert redis_cli("backup.sh", str(file), url=url, password=WRONG).returncode != 0
    assert file.read_bytes() == b"the old one"
    assert [path.name for path in tmp_path.glob("backup*")] == ["backup"]


def test_restore_overwrites_nothing(serve: Any, tmp_path: Path, redis_cli: Script) -> None:
    url, file = serve(tmp_path / "data"), tmp_path / "backup"
    assert redis_cli("backup.sh", str(file), url=url).returncode == 0
    assert file.stat().st_mode & 0o077 == 0
    refused = redis_cli("restore.sh", str(file), str(tmp_path / "data"))
    assert refused.returncode == 1
    assert "holds data" in refused.stderr
    file.write_bytes(b"something else")
    assert redis_cli("restore.sh", str(file), str(tmp_path / "empty")).returncode == 1
    assert not (tmp_path / "empty").exists()
