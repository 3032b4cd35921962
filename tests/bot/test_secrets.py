"""No secret is in any message, whatever its shape: of settings, connections, logs, the doctor and whole processes."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import doctor
from bot.observability import FORMATS, set_up_logs
from bot.settings import read_settings
from bot.texts import explain, languages
from nst.errors import PasticheError
from nst.secrecy import guarded
from workers.store.connection import connect

ROOT = Path(__file__).resolve().parents[2]
CLOSED = "127.0.0.1:1"

# Letters that no message of ours has four of in a row, and all that addresses, shells, JSON and HTML mind.
known_shapes = st.sampled_from(["qzxj/ЖЖЖЖ#жжжж", "ЖЖЖЖ#qzxj", "90804080", "8048#Жqzxj", "qzxj@ЖЖЖЖ/zzqq"])
texts = st.text("/?#@:[]%&=+ \\'\"<>\t\nЖд€𝄞ẞqzxj", min_size=6, max_size=24)
shapes = known_shapes | texts.filter(lambda text: bool(pieces(text)))

PLACES: dict[str, Callable[[str], str]] = {
    "REDIS_URL": lambda secret: f"redis://:{secret}@{CLOSED}/0",
    "redis_url": lambda secret: f"unix://:{secret}@/nowhere/redis.sock",
    "Redis_Url": lambda secret: f"redis+sentinel://:{secret}@{CLOSED},{CLOSED}/mymaster/0",
    "REDIS_url": lambda secret: f"redis+sentinel://{CLOSED}/mymaster/0?sentinel_password={secret}",
    "DISCORD_PROXY": lambda secret: f"http://user:{secret}@{CLOSED}",
    "HTTPS_PROXY": lambda secret: f"http://user:{secret}@{CLOSED}",
    "TELEGRAM_API_URL": lambda secret: f"http://user:{secret}@{CLOSED}",
    "S3_ENDPOINT_URL": lambda secret: f"http://user:{secret}@{CLOSED}",
    "NST_FAST_MODEL": lambda secret: f"https://user:{secret}@{CLOSED}/model",
    "BLOB_STORE": lambda secret: f"s3://user:{secret}@bucket",
    "TELEGRAM_TOKEN": lambda secret: f"12:{secret}",
    "DISCORD_TOKEN": str,
    "WEB_OPERATOR_PASSWORD": str,
    "TELEGRAM_WEBHOOK_SECRET": str,
    "S3_SECRET_ACCESS_KEY": str,
}


def pieces(secret: str) -> set[str]:
    """What an address that is cut elsewhere would leave of it, and all of it."""
    return {piece for piece in [secret.strip(), *re.split(r"[/?#@:\[\]%&=+\s\\]", secret)] if len(piece) >= 4}


@contextmanager
def everything_said(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Iterator[io.StringIO]:
    """The standard streams of a process that has this environment, here."""
    said, root = io.StringIO(), logging.getLogger()
    handlers, level = root.handlers[:], root.level
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", said)
        patch.setattr(sys, "stdout", said)
        for name, value in environment.items():
            patch.setenv(name.upper(), value)
        yield said
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.parametrize("place", PLACES)
@given(secret=shapes, encoded=st.booleans(), log_format=st.sampled_from(FORMATS))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_done_with_a_secret_it_is_not_said(
    place: str, secret: str, encoded: bool, log_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_value = PLACES[place](quote(secret, safe="") if encoded else secret)
    with everything_said(monkeypatch, {place: given_value}) as said:
        log = logging.getLogger("test")
        try:
            known = read_settings(_env_file=None)
            known.secrets.guard()
            set_up_logs("DEBUG", log_format)
            log.warning("Trying %s: %r", given_value, known)
            for check in (doctor._settings, doctor._redis) if "redis" in place.lower() else (doctor._settings,):
                for finding in doctor._guarded(check, known):
                    print(finding.text, finding)  # noqa: T201
            if "redis" in place.lower():
                connect(known.redis_url)
            raise ValueError(f"{given_value} is of no use, {secret!r} neither")
        except PasticheError as error:
            said.write("".join([repr(error), str(error), *(explain(error, language) for language in languages())]))
        except ValueError as error:
            log.exception("It failed", extra={"detail": {"reason": str(error)}})
    found = {piece for piece in pieces(secret) if piece in said.getvalue()}
    assert not found, said.getvalue()


def test_what_an_operator_has_to_do_about_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:pa/ss@host:6379/0")
    with pytest.raises(PasticheError, match="bad_setting") as caught:
        read_settings(_env_file=None)
    assert "REDIS_URL" in explain(caught.value)
    assert "%2F" in explain(caught.value)
    assert "pa" not in str(caught.value.detail["received"])


def test_a_proxy_of_the_environment_is_a_secret_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://user:qzxj%2Fqzxj@proxy:3128")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    known = read_settings(_env_file=None).secrets
    assert known.strike("qzxj/qzxj, wJalrXUtnFEMI/K7MDENG") == "…, …"
    assert not known.strike("dXNlcjpxenhqL3F6eGo=").strip("…")


def _nothing_leaks(said: str, secret: str) -> None:
    assert said, "it said something"
    assert not {piece for piece in pieces(secret) if piece in said}, said


# A process for each case, forked when the modules are loaded: sixty starts would load them sixty times.
FORKING = """
import json, os, sys
import bot.cli, bot.discord.app, bot.doctor, bot.telegram.app, bot.web.app, workers.__main__
codes = []
for number, (command, environment) in enumerate(json.load(sys.stdin)):
    if not (child := os.fork()):
        os.environ.update(environment)
        said = os.open(f"{number}.said", os.O_CREAT | os.O_WRONLY)
        os.dup2(said, 1), os.dup2(said, 2)
        bot.cli.main([command])
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""


@pytest.mark.e2e
def test_no_process_tells_the_password_of_a_broken_address(tmp_path: Path) -> None:
    secrets = ["qzxj/zzqq", "qzxj#zzqq", "qzxj@zz/qq", "1234#qzxj", "[qzxj]zzqq", "%qzxj'\"\\zzqq?"]
    tokens = {"TELEGRAM_TOKEN": "12:qzxjqzxj", "DISCORD_TOKEN": "zzqqzzqq", "LOG_LEVEL": "DEBUG", "WEB_PORT": "0"}
    cases = [
        (secret, command, tokens | {"REDIS_URL": f"redis://:{secret}@{CLOSED}/0", "LOG_FORMAT": log_format})
        for secret in secrets
        for log_format in FORMATS
        for command in ("doctor", "web", "worker", "telegram", "discord")
    ]
    forking = subprocess.run(
        [sys.executable, "-c", FORKING],
        input=json.dumps([case[1:] for case in cases]),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=120,
    )
    for number, (case, code) in enumerate(zip(cases, json.loads(forking.stdout), strict=True)):
        said = (tmp_path / f"{number}.said").read_text(encoding="utf-8")
        assert code == 1, (case, said)
        _nothing_leaks(said, case[0])
        _nothing_leaks(said, "qzxjqzxj zzqqzzqq")


@pytest.mark.e2e
def test_no_process_tells_a_password_that_redis_refuses(
    redis_url: str, redis_connection: redis.Redis, tmp_path: Path
) -> None:
    redis_connection.config_set("requirepass", "another one")
    secret = "qzxj/zz#qq@%'\"qzxj"  # noqa: S105
    try:
        url = redis_url.replace("unix://", f"unix://:{quote(secret, safe='')}@")
        environment = {"REDIS_URL": url, "TELEGRAM_TOKEN": "12:x", "DISCORD_TOKEN": "x", "PYTHONPATH": str(ROOT)}
        for name in ("web", "worker", "telegram", "discord"):
            process = _started(name, environment | {"LOG_LEVEL": "DEBUG"}, tmp_path)
            said = process.communicate(timeout=120)[0]
            assert process.returncode == 1, (name, said)
            assert "queue" in said
            _nothing_leaks(said, secret)
    finally:
        with connect(redis_url.replace("unix://", "unix://:another%20one@")) as inside:
            inside.config_set("requirepass", "")


def _started(name: str, environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bot", name],
        cwd=folder,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_nothing_stays_guarded_after_a_test() -> None:
    """These tests are about this process' streams, too: pytest has its own back."""
    own: Any = guarded()
    assert own.strike("qzxj") == "qzxj"
