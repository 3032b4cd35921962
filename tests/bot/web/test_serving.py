"""The process itself: its port, its weight, and what it is made of."""

from __future__ import annotations

import contextlib
import io
import os
import re
import select
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
import redis
from PIL import Image

from bot.web.app import listen
from bot.web.files import media_type
from bot.web.protection.throttle import address_key
from nst.errors import OperatorError
from tests.bot.web.conftest import Serve, Web
from tests.e2e.visiting import photograph

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
    serve: Serve, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began_s = time.monotonic()
    web = serve()
    page = httpx.get(web.url, timeout=60).text
    first_page_s = time.monotonic() - began_s
    used = psutil.Process(web.process.pid)
    rss_mib, cpu_s = used.memory_info().rss / 2**20, sum(used.cpu_times()[:2])
    maps = Path(f"/proc/{web.process.pid}/maps")
    assert not maps.exists() or not re.search("numpy|tensorflow", maps.read_text())
    assert httpx.get(f"{web.url}/healthz", timeout=60).status_code == 200
    print(f"web: first page after {first_page_s:.2f} s ({cpu_s:.2f} s of CPU), {rss_mib:.0f} MiB")  # noqa: T201
    record_property("rss_mib", round(rss_mib))
    assert "Your picture, painted in the style of another." in page
    assert rss_mib < MAX_RSS_MIB
    assert not (tmp_path / ".nicegui").exists()


def test_who_hangs_up_in_the_middle_of_an_upload_is_no_error(serve: Serve, tmp_path: Path) -> None:
    web = serve()
    with httpx.Client(base_url=web.url, timeout=60) as browser:
        browser.get("/")
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        host, port = web.url.removeprefix("http://").split(":")
        for _ in range(3):
            with socket.create_connection((host, int(port))) as line:
                head = f"POST /pictures HTTP/1.1\r\nHost: {host}:{port}\r\nX-Pastiche: 1\r\nCookie: {cookie}\r\n"
                line.sendall(f"{head}Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n".encode())
                assert b"100" in line.recv(100), "it waits for the body"
                line.sendall(bytes(5_000))
        assert browser.get("/healthz").status_code == 200
    web.process.send_signal(signal.SIGTERM)
    web.process.wait(30)
    log = (tmp_path / "log").read_text()
    assert "ERROR" not in log
    assert "Traceback" not in log


def from_address(source: str, url: str) -> httpx.Client:
    """A visitor from an address of the loopback, without a cookie."""
    return httpx.Client(base_url=url, timeout=60, transport=httpx.HTTPTransport(local_address=source))


def test_a_flood_of_pages_is_light_and_ends_for_its_own_address_alone(serve: Serve) -> None:
    web = serve()
    used = psutil.Process(web.process.pid)
    with from_address("127.0.0.2", web.url) as flood, from_address("127.0.0.9", web.url) as visitor:
        assert flood.get("/playground").status_code == 200
        before = used.memory_info().rss
        answers = []
        for _ in range(300):
            flood.cookies.clear()
            answers.append(flood.get("/playground", headers={"Accept-Language": "fr"}))
        grown_mib = (used.memory_info().rss - before) / 2**20
        assert visitor.get("/playground").status_code == 200
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 60
    assert "Réessayez" in refused[-1].text
    assert int(refused[-1].headers["retry-after"]) > 0
    assert "default-src 'self'" in refused[-1].headers["content-security-policy"]
    assert grown_mib < 40, "150 MiB for each hundred is what whole pages took"


def begun_uploads(web: Web, source: str, number: int, stack: contextlib.ExitStack) -> list[socket.socket]:
    """Uploads of which one byte came, of one session."""
    cookie = stack.enter_context(from_address(source, web.url)).get("/").headers["set-cookie"].partition(";")[0]
    url = httpx.URL(web.url)
    begun = [
        stack.enter_context(socket.create_connection((url.host, url.port or 80), 60, source_address=(source, 0)))
        for _ in range(number)
    ]
    for one in begun:
        one.sendall(
            f"POST /pictures HTTP/1.1\r\nHost: {web.url[7:]}\r\nX-Pastiche: 1\r\nCookie: {cookie}\r\n"
            "Content-Length: 1000000\r\n\r\nx".encode()
        )
    return begun


def test_uploads_that_do_not_come_take_nobodys_place(serve: Serve) -> None:
    web = serve()
    with contextlib.ExitStack() as stack, from_address("127.0.0.9", web.url) as visitor:
        for source in ("127.0.0.2", "127.0.0.3"):
            begun_uploads(web, source, 6, stack)
        visitor.get("/")
        answer = visitor.post("/pictures", content=photograph(), headers={"X-Pastiche": "1"})
        assert answer.status_code == 200, answer.text
        assert visitor.get(f"/pictures/{answer.json()['picture']}").content == photograph()


def test_one_address_sends_so_many_pictures_at_once(serve: Serve, until: Callable[..., Any]) -> None:
    with contextlib.ExitStack() as stack:
        begun = begun_uploads(serve(), "127.0.0.2", 12, stack)
        until(lambda: len(select.select(begun, [], [], 0)[0]) == 4, "an answer to those beyond the eighth")
        answers = [one.recv(4096) for one in select.select(begun, [], [], 0)[0]]
    assert all(answer.startswith(b"HTTP/1.1 429") for answer in answers)


def test_one_address_fills_no_more_than_its_share_with_however_many_sessions(
    serve: Serve, redis_connection: redis.Redis
) -> None:
    """Four uploads a session of 20 MiB each, and a new session whenever one is full: 4.7 GiB in ten minutes."""
    web = serve(BYTES_PER_USER="1MiB", BYTES_PER_ADDRESS="2MiB")

    def send(source: str, pictures: int) -> list[httpx.Response]:
        with from_address(source, web.url) as session:
            session.get("/")
            return [session.post("/pictures", content=noise(), headers={"X-Pastiche": "1"}) for _ in range(pictures)]

    taken, refused = send("127.0.0.2", 2)
    assert (taken.status_code, refused.status_code) == (200, 429)
    assert (
        "MiB of your pictures already, and 1.0 at most. There is room for more in 30 min" in refused.json()["sentence"]
    )
    answers = [answer for _ in range(4) for answer in send("127.0.0.2", 1)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert "pictures from your network" in answers[-1].json()["sentence"]
    assert send("127.0.0.9", 1)[0].status_code == 200
    kept = list(redis_connection.scan_iter("pastiche:blob:*"))
    assert len(kept) == 4
    assert all(0 < int(redis_connection.ttl(name)) <= 1800 for name in kept), "no job uses them"


def noise() -> bytes:
    """A PNG of 0.6 MiB like no other."""
    out = io.BytesIO()
    Image.frombytes("RGB", (457, 457), os.urandom(3 * 457 * 457)).save(out, "PNG")
    return out.getvalue()


def test_behind_a_proxy_with_tls_cookies_stay_there_and_visitors_have_their_own_addresses(
    serve: Serve, redis_connection: redis.Redis
) -> None:
    public = "https://pastiche.example"
    web = serve(WEB_PUBLIC_URL=public, WEB_TRUSTED_PROXIES="127.0.0.1", WEB_OPERATOR_PASSWORD="the test's")  # noqa: S106
    with httpx.Client(base_url=web.url, timeout=60) as proxy:
        forwarded = {"Host": "pastiche.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.1"}
        page = proxy.get("/", headers=forwarded)
        assert page.status_code == 200
        assert page.headers["set-cookie"].startswith("pastiche=")
        assert "secure" in page.headers["set-cookie"].lower()
        assert page.headers["strict-transport-security"] == "max-age=31536000"
        listed = proxy.get("/challenges", headers=forwarded)
        assert f'property="og:url" content="{public}/challenges"' in listed.text
        assert proxy.get("/", headers=forwarded | {"Host": "evil.example"}).status_code == 421
        proxy.get("/operator", headers=forwarded, auth=("x", "wrong"))
    counted = {key.decode().rpartition(":")[2] for key in redis_connection.scan_iter("pastiche:web:rate:passwords:*")}
    assert counted == {address_key("203.0.113.1"), "all"}


def test_without_a_proxy_nobody_else_says_where_visitors_come_from(serve: Serve, redis_connection: redis.Redis) -> None:
    web = serve(WEB_OPERATOR_PASSWORD="the test's")  # noqa: S106
    with httpx.Client(base_url=web.url, timeout=60) as visitor:
        forged = {"X-Forwarded-For": "203.0.113.1", "X-Forwarded-Host": "evil.example"}
        visitor.get("/operator", headers=forged, auth=("x", "wrong"))
        listed = visitor.get("/challenges", headers=forged)
        assert "evil.example" not in listed.text
        assert f'property="og:url" content="{web.url}/challenges"' in listed.text
        assert visitor.get("/challenges", headers={"Host": "evil.example"}).status_code == 421
        cookie = visitor.get("/").headers["set-cookie"]
        assert "secure" not in cookie.lower()
    counted = {key.decode().rpartition(":")[2] for key in redis_connection.scan_iter("pastiche:web:rate:passwords:*")}
    assert counted == {address_key("127.0.0.1"), "all"}


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
