"""Whoever waits for a download sees how far it is: a real worker, a real download that stands still half-way."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis

from bot.chat.captions import standing as sentence
from bot.chat.service import Request, Standing, StyleService
from bot.chat.service import Style as OneStyle
from bot.presets.catalogue import load_presets
from nst.options import StyleOptions
from tests.bot.test_service import png
from workers.client.downloads import Getting, GettingNote

SIZE = 2_000_000

_WORKER = """
import sys
from nst.method import MethodSettings
from workers.__main__ import run_worker
sys.exit(run_worker(sys.argv[1], ("fast",), MethodSettings(fast_model=sys.argv[2], model_cache=sys.argv[3])))
"""


def words(now: Standing) -> str:
    return sentence(now, "en")


@pytest.fixture
def service(redis_connection: redis.Redis) -> StyleService:
    return StyleService(redis_connection, load_presets(), "test")


@pytest.fixture
def half_way() -> Iterator[str]:
    """The address of an archive of which 34 % come at once, and the rest never."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(SIZE))
            self.end_headers()
            self.wfile.write(bytes(SIZE * 34 // 100))
            over.wait()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/model.tar.gz#sha256={'0' * 64}"
    over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.e2e
def test_a_job_says_how_far_the_model_is_that_it_waits_for(
    service: StyleService, half_way: str, redis_url: str, tmp_path: Path, until: Any
) -> None:
    options = StyleOptions(method="fast")
    wanted = Request(content=png(), styles=(OneStyle(preset="mosaic"),), options=options, user="ann")
    job = asyncio.run(service.submit(wanted))
    assert words(service._standing(job.job_id)).startswith("Queued. Nobody paints just now")
    command = [sys.executable, "-c", _WORKER, redis_url, half_way, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            shown = "Getting the model, 34 % of 2 MB"
            until(lambda: words(service._standing(job.job_id)) == shown, shown)
        finally:
            worker.kill()


async def test_a_running_job_is_told_of_its_own_download_only(
    service: StyleService, redis_connection: redis.Redis
) -> None:
    wanted = Request(content=png(), styles=(OneStyle(preset="mosaic"),), options=StyleOptions(), user="ann")
    one, other = [await service.submit(wanted) for _ in range(2)]
    note = GettingNote(redis_connection, ("fast",))
    note(1_000_000, 0)
    assert (await service.standing(other.job_id)).getting == Getting(1_000_000, 0)
    assert words(await service.standing(one.job_id)) == "Getting the model, 1 MB so far"
    note(8, 8)
    redis_connection.lpop("rq:queue:fast")
    note.running = lambda: one.job_id
    note(50, 200)
    assert (await service.standing(one.job_id)).getting == Getting(50, 200)
    assert (await service.standing(other.job_id)).getting is None
    note(200, 200)
    assert (await service.standing(one.job_id)).getting is None
