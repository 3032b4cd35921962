"""One job's id leads through the logs of all processes, and nothing else of it is there; figures over HTTP."""

from __future__ import annotations

import io
import json
import os
import secrets
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.ports import reserved_port
from workers.client.estimates import live_workers
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.tensorflow]
Until = Callable[..., Any]
_STARTS_S = 120
PASSWORD = secrets.token_hex(8)
CAPTION = "/style mosaic 70 palette"


def photo() -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize((160, 120)).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def records(log: Path) -> list[dict[str, Any]]:
    """Every line that is no JSON fails the test, but for the worker's one word that it is up."""
    lines = log.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if not line.startswith("worker ")]


@pytest.fixture
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        with connect(server.url) as connection:
            connection.config_set("requirepass", PASSWORD)
        url = server.url.replace("unix://", f"unix://:{PASSWORD}@")
        yield url
        with connect(url) as connection:
            connection.config_set("requirepass", "")  # or whoever ends it is not let in


def test_a_jobs_id_is_in_every_log_and_no_secret_in_any(redis_url: str, tmp_path: Path, until: Until) -> None:
    with ExitStack() as stack:
        port = stack.enter_context(reserved_port())
        peer = stack.enter_context(TelegramPeer())
        settings = {
            "REDIS_URL": redis_url,
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": peer.url,
            "NST_FAST_MODEL": "bundled",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "DEBUG",
            "PYTHONPATH": str(ROOT),
        }

        def start(name: str, **more: str) -> Path:
            log = tmp_path / f"{name}.log"
            with log.open("wb") as sink:
                command = [sys.executable, "-m", "bot", name]
                environment = {**os.environ, **settings, **more}
                process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=sink, stderr=sink)
            stack.callback(process.wait, 90)
            stack.callback(process.send_signal, signal.SIGTERM)
            return log

        logs = {"worker": start("worker"), "telegram": start("telegram", METRICS_PORT=str(port))}
        with connect(redis_url) as connection:
            until(lambda: live_workers(connection), "a worker", _STARTS_S)
        until(lambda: "Telegram: ready" in logs["telegram"].read_text(), "the bot", _STARTS_S)
        anna = peer.person(7_123_456)
        picture = photo()
        anna.photo(picture, caption=CAPTION)
        until(lambda: any("photo" in message for message in anna.bot_messages()), "the result", _STARTS_S)
        until(lambda: "was shown" in logs["telegram"].read_text(), "its acknowledgement")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            figures = answer.read().decode()
    assert 'pastiche_frontend_submitted_total{frontend="telegram",method="palette"} 1.0' in figures
    assert 'pastiche_frontend_shown_total{frontend="telegram",outcome="done"} 1.0' in figures
    assert "process_resident_memory_bytes" in figures

    said = {name: records(log) for name, log in logs.items()}
    (queued,) = [record for record in said["telegram"] if "is queued" in record["message"]]
    job_id = queued["job_id"]
    told = {name: [r["message"] for r in found if r.get("job_id") == job_id] for name, found in said.items()}
    assert told["worker"][0] == f"Job {job_id} begins"
    assert told["worker"][-1] == f"Job {job_id}: finished"
    assert told["telegram"][-1].startswith(f"Job {job_id}")
    assert all({"time", "level", "logger", "process", "message"} <= record.keys() for record in said["worker"])
    everything = "".join(log.read_text(encoding="utf-8") for log in logs.values())
    for secret in (
        TOKEN,
        TOKEN.partition(":")[2],
        PASSWORD,
        CAPTION,
        anna.user["first_name"],
        repr(picture[:12])[2:-1],
    ):
        assert secret not in everything, secret
