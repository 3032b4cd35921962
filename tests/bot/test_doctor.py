"""The doctor finds what is wrong and says what to do."""

from __future__ import annotations

import contextlib
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis

from bot import doctor
from bot.doctor import Finding
from bot.settings import Settings
from nst.models.sources import MAGENTA_HUB
from nst.pictures.signature import READABLE

GOOD_TOKEN, BAD_TOKEN = "12:good", "12:bad"


def settings(**values: Any) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[call-arg]


def found(check: Callable[[Settings], Iterator[Finding]], given: Settings) -> dict[str, Finding]:
    return {finding.what: finding for finding in doctor._guarded(check, given)}


def test_a_sound_redis_is_ok_and_no_worker_is_noted(redis_url: str) -> None:
    findings = found(doctor._redis, settings(redis_url=redis_url))
    assert {what: finding.verdict for what, finding in findings.items()} == {
        "Redis": "ok",
        "Redis persistence": "ok",
        "Redis eviction": "ok",
        "workers": "note",
    }
    assert "pastiche worker" in findings["workers"].text


def test_a_forgetful_redis_is_bad(redis_url: str, redis_connection: redis.Redis) -> None:
    redis_connection.config_set("appendonly", "no")
    redis_connection.config_set("maxmemory-policy", "allkeys-lru")
    try:
        findings = found(doctor._redis, settings(redis_url=redis_url))
    finally:
        redis_connection.config_set("appendonly", "yes")
        redis_connection.config_set("maxmemory-policy", "noeviction")
    assert findings["Redis persistence"].verdict == "bad"
    assert "appendonly yes" in findings["Redis persistence"].text
    assert findings["Redis eviction"].verdict == "bad"
    assert "noeviction" in findings["Redis eviction"].text


def test_a_redis_that_is_away_is_bad_and_its_password_stays_hidden(tmp_path: Path) -> None:
    findings = found(doctor._redis, settings(redis_url=f"unix://:hunter2@{tmp_path}/none.sock"))
    (finding,) = findings.values()
    assert finding.verdict == "bad"
    assert "REDIS_URL" in finding.text
    assert "hunter2" not in finding.text


def test_what_can_be_read_is_said() -> None:
    pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    (finding,) = doctor._pictures(settings())
    assert finding.verdict == "ok"
    assert all(name in finding.text for name in READABLE)


def test_what_cannot_be_read_is_said_with_what_to_do() -> None:
    script = (
        "import sys; sys.modules['pillow_heif'] = None\n"  # what Python itself does for a module that is not there
        "from bot import doctor\nfrom bot.settings import Settings\n"
        "for finding in doctor._pictures(Settings(_env_file=None)): print(finding.verdict, finding.text)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    can, cannot = done.stdout.splitlines()
    assert can.startswith("ok JPEG, PNG")
    assert "HEIC" not in can
    assert cannot.startswith("note HEIC")
    assert "--extra heic" in cannot


@pytest.fixture
def bot_api() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == f"/bot{GOOD_TOKEN}/getMe" else 401)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing: tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("token", "verdict"), [(GOOD_TOKEN, "ok"), (BAD_TOKEN, "bad"), ("", "note")])
def test_a_token_is_tried(bot_api: str, token: str, verdict: str) -> None:
    (finding,) = found(doctor._telegram, settings(telegram_token=token, telegram_api_url=bot_api)).values()
    assert finding.verdict == verdict
    assert "TELEGRAM_TOKEN" in finding.text or verdict == "ok"
    assert not token or token not in finding.text


def test_an_unreachable_platform_is_told_apart_from_a_bad_token() -> None:
    given = settings(telegram_token=GOOD_TOKEN, telegram_api_url="http://127.0.0.1:9")
    (finding,) = found(doctor._telegram, given).values()
    assert finding.verdict == "bad"
    assert "cannot be reached" in finding.text


@pytest.mark.parametrize(
    ("url", "proxies", "verdicts", "words"),
    [
        ("", "", {"web": "note"}, "WEB_PUBLIC_URL is not set"),
        ("http://studio.lan", "", {"web": "note"}, "unencrypted"),
        ("https://p.example", "", {"web": "ok", "web proxies": "bad"}, "share its limits. Set it to"),
        ("https://p.example", "172.18.0.1", {"web": "ok", "web proxies": "ok"}, "172.18.0.1 may say"),
        ("https://p.example", "0.0.0.0/0", {"web": "ok", "web proxies": "bad"}, "trusts everybody"),
    ],
)
def test_proxies_before_the_web_chat_are_looked_at(url: str, proxies: str, verdicts: Any, words: str) -> None:
    findings = found(doctor._web, settings(web_public_url=url, web_trusted_proxies=proxies))
    assert {what: finding.verdict for what, finding in findings.items()} == verdicts
    assert any(words in finding.text for finding in findings.values())


class Trickle(BaseHTTPRequestHandler):
    """A model of 85 MB on a line on which it never comes to its end."""

    over = threading.Event()

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "85000000")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        with contextlib.suppress(OSError):
            while not self.over.wait(0.1):
                self.wfile.write(bytes(20_000))

    def log_message(self, *_: object) -> None:
        """Nothing: tests are quiet."""


@pytest.fixture
def slow_line(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Trickle)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}"
    Trickle.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.tensorflow
def test_models_that_are_not_here_are_said_and_not_downloaded(
    slow_line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    fast = f"{slow_line}/model.tar.gz#sha256={'0' * 64}"
    given = settings(nst_fast_model=fast, nst_keras_weights_url=slow_line, model_cache_dir=tmp_path / "cache")
    (finding,) = found(doctor._fast_model, given).values()
    assert (finding.verdict, finding.text.split(":")[0]) == ("note", "not on this machine")
    assert "`pastiche models fetch`" in finding.text
    assert "colours only" in finding.text
    (finding,) = found(doctor._gatys_weights, given).values()
    assert (finding.verdict, finding.text.split(":")[0]) == ("note", "not on this machine")
    assert "Until then the bundled one paints" in finding.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "keras.json"]


@pytest.mark.tensorflow
def test_a_damaged_cache_is_said_and_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / hashlib.sha1(MAGENTA_HUB.encode(), usedforsecurity=False).hexdigest()
    place.mkdir()
    (place / "saved_model.pb").write_bytes(b"damaged")
    (finding,) = found(doctor._fast_model, settings(nst_fast_model="auto", model_cache_dir=tmp_path)).values()
    assert finding.verdict == "note"
    assert str(place) in finding.text
    assert "fetches it again" in finding.text
    assert (place / "saved_model.pb").read_bytes() == b"damaged"


def test_what_takes_too_long_is_bad_and_the_rest_is_checked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(doctor, "_PROBE_TIMEOUT_S", 0.01)
    monkeypatch.chdir(tmp_path)
    assert doctor.examine(settings(redis_url=f"unix://{tmp_path}/none.sock")) == 1
    said = capsys.readouterr().out
    assert said.count("no answer within 0.01 s") == 3, "TensorFlow and two models"
    assert "Telegram: TELEGRAM_TOKEN is not set" in said
