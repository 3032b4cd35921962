"""The process itself: its port, its weight, and what it is made of."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from bot.web.app import listen
from bot.web.pictures import media_type
from nst.errors import OperatorError

ROOT = Path(__file__).resolve().parents[3]
STATIC = ROOT / "bot" / "web" / "static"
MAX_RSS_MIB = 150

_IMPORTS = """
import sys
from bot.settings import read_settings
from bot.web.app import _import_nicegui
_import_nicegui(read_settings(data_dir=sys.argv[1]))
import bot.web.site
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(OperatorError) as caught:
            listen("127.0.0.1", port)
    assert (caught.value.code, caught.value.detail) == ("port_taken", {"host": "127.0.0.1", "port": port})


def test_port_zero_is_a_free_one() -> None:
    with listen("127.0.0.1", 0) as first, listen("127.0.0.1", 0) as second:
        assert first.getsockname()[1] != second.getsockname()[1]


def test_a_host_that_is_not_ours_is_a_bad_setting() -> None:
    with pytest.raises(OperatorError, match="bad_setting"):
        listen("192.0.2.1", 0)  # TEST-NET-1: nobody's


def test_nothing_heavy_is_imported(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", _IMPORTS, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = set(answer.stdout.split())
    assert {"nicegui", "redis", "PIL"} <= loaded
    assert not loaded & {"tensorflow", "keras", "numpy", "scipy", "skimage", "pandas", "matplotlib", "plotly"}
    assert not loaded & {"aiohttp", "tornado"}


def test_the_first_page_is_served_light_and_soon(
    redis_url: str, tmp_path: Path, until: Callable[..., Any], record_property: Callable[[str, object], None]
) -> None:
    settings = {"REDIS_URL": redis_url, "WEB_PORT": "0", "DATA_DIR": str(tmp_path / "data"), "LOG_LEVEL": "INFO"}
    began_s = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "web"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **settings},
        stderr=(tmp_path / "log").open("wb"),
    )
    try:
        log = tmp_path / "log"
        found = until(lambda: re.search(r"is at (http://\S+)", log.read_text()), "the web chat", 120)
        page = httpx.get(found[1], timeout=60).text
        first_page_s = time.monotonic() - began_s
        used = psutil.Process(process.pid)
        rss_mib, cpu_s = used.memory_info().rss / 2**20, sum(used.cpu_times()[:2])
        maps = Path(f"/proc/{process.pid}/maps")
        assert not maps.exists() or not re.search("numpy|tensorflow", maps.read_text())
        assert httpx.get(f"{found[1]}/healthz", timeout=60).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    print(f"web: first page after {first_page_s:.2f} s ({cpu_s:.2f} s of CPU), {rss_mib:.0f} MiB")  # noqa: T201
    record_property("rss_mib", round(rss_mib))
    assert "Drop a photo here" in page
    assert rss_mib < MAX_RSS_MIB
    assert not (tmp_path / ".nicegui").exists()


def test_the_site_needs_no_other_address() -> None:
    for path in STATIC.iterdir():
        addresses = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]+", path.read_text(encoding="utf-8")))
        assert addresses <= {"http://www.w3.org"}, path.name  # SVG's name space, which is not fetched


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"\x00\x00\x00\x1cftypavif", "image/avif"),
        (b"<html><script>", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_a_pictures_type_comes_from_its_bytes(beginning: bytes, name: str) -> None:
    assert media_type(beginning) == name
