"""``pastiche doctor``: looks at everything a setup needs and says what to do.

Each finding is ``ok``, ``note`` (works, but the operator may want to know) or ``bad``. The exit
code is 1 if anything is bad.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

import httpx
from rich.console import Console
from rich.markup import escape

from bot.presets.catalogue import load_presets
from bot.settings import Settings
from bot.texts import explain
from nst.errors import PasticheError
from nst.pictures.header import readable_formats
from nst.pictures.signature import READABLE
from nst.secrecy import bare
from workers.store import keys
from workers.store.connection import connect

_MARKS = {"ok": "[green]ok  [/green]", "note": "[yellow]note[/yellow]", "bad": "[red]bad [/red]"}
_TIMEOUT_S = 5.0
_PROBE_TIMEOUT_S = 120.0
# In a process of its own: TensorFlow is never loaded here, and a broken driver cannot take the doctor with it.
_GPU_PROBE = """
from nst.device import configure_tensorflow
configure_tensorflow()
import tensorflow as tf
print(tf.__version__, len(tf.config.list_physical_devices("GPU")))
"""

_MODEL_PROBE = """
import json, sys
from bot.texts import explain
from nst.errors import OperatorError
from nst.method import MethodSettings, create_method
from nst.models.inventory import absent
from nst.models.sources import is_remote
settings = MethodSettings(**json.load(sys.stdin))
found = {"absent": list(absent(sys.argv[1], settings).items())}
found["fetchable"] = sys.argv[1] == "fast" and (settings.fast_model == "auto" or is_remote(settings.fast_model))
try:
    method = create_method(sys.argv[1], settings)
    method.prepare()
    found["model"] = getattr(method, "model", "")
except OperatorError as error:
    found["error"] = explain(error)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        verdict: ``ok``, ``note`` or ``bad``.
        what: What was looked at.
        text: What was found, and what to do.
    """

    verdict: str
    what: str
    text: str


def examine(settings: Settings) -> int:
    """Look at everything and print what was found.

    Returns:
        The exit code: 1 if something is bad.
    """
    console = Console(highlight=False)
    worst = 0
    for check in (
        _settings,
        _redis,
        _presets,
        _pictures,
        _tensorflow,
        _fast_model,
        _gatys_weights,
        _discord,
        _telegram,
        _web,
    ):
        for finding in _guarded(check, settings):
            console.print(f"{_MARKS[finding.verdict]} {finding.what}: {escape(finding.text)}", soft_wrap=True)
            worst = max(worst, finding.verdict == "bad")
    return int(worst)


def _guarded(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> Iterator[Finding]:
    try:
        yield from check(settings)
    except PasticheError as error:
        yield Finding("bad", _name(check), explain(error))
    except subprocess.TimeoutExpired as error:
        yield Finding(
            "bad", _name(check), f"no answer within {error.timeout:g} s: this machine is too slow, or too busy"
        )


def _name(check: Callable[[Settings], Iterator[Finding]]) -> str:
    return check.__name__.strip("_").replace("_", " ")


def _settings(settings: Settings) -> Iterator[Finding]:
    given = sorted(name.upper() for name in settings.model_fields_set)
    yield Finding("ok", "settings", ", ".join(given) + " set; the rest are defaults" if given else "all defaults")
    if os.path.exists(".env") and os.stat(".env").st_mode & 0o077:
        yield Finding("note", "settings", ".env can be read by others on this machine: chmod 600 .env")


def _redis(settings: Settings) -> Iterator[Finding]:
    with connect(settings.redis_url) as connection:
        info = cast("dict[str, Any]", connection.info())
        yield Finding("ok", "Redis", f"version {info['redis_version']} answers")
        yield _durability(info)
        yield _eviction(info)
        workers = cast("set[bytes]", connection.smembers(keys.WORKERS))
        alive = sum(bool(connection.exists(keys.lease(name.decode()))) for name in workers)
        text = f"{alive} alive" if alive else "none is up: start one with `pastiche worker`"
        yield Finding("ok" if alive else "note", "workers", text)


def _durability(info: dict[str, Any]) -> Finding:
    if info.get("aof_enabled"):
        return Finding("ok", "Redis persistence", "append-only file on: a crash loses a second at most")
    return Finding("bad", "Redis persistence", "a crash would lose jobs: set `appendonly yes`")


def _eviction(info: dict[str, Any]) -> Finding:
    policy = info.get("maxmemory_policy", "unknown")
    if policy in ("noeviction", "volatile-ttl"):
        return Finding("ok", "Redis eviction", str(policy))
    return Finding("bad", "Redis eviction", f"{policy} throws jobs away when memory is short: set `noeviction`")


def _presets(settings: Settings) -> Iterator[Finding]:
    presets = load_presets(settings.presets_dir)
    own = sum(preset.picture.parent == settings.presets_dir for preset in presets.values())
    yield Finding("ok", "presets", f"{len(presets)}, {own} of them from PRESETS_DIR")


def _pictures(settings: Settings) -> Iterator[Finding]:
    readable = readable_formats()
    yield Finding("ok", "pictures", f"{', '.join(readable)} can be read")
    missing = [name for name in READABLE if name not in readable]
    if missing:
        # Both come with the same extra; what phones send is mostly the first.
        text = f"{', '.join(missing)} cannot be read here, which phones send: `uv sync --extra heic`"
        yield Finding("note", "pictures", text)


def _tensorflow(settings: Settings) -> Iterator[Finding]:
    if importlib.util.find_spec("tensorflow") is None:
        yield Finding("note", "TensorFlow", "not installed: frontends run, workers need `uv sync --extra worker`")
        return
    code = [sys.executable, "-c", _GPU_PROBE]
    probe = subprocess.run(code, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False)  # noqa: S603
    if probe.returncode != 0:
        reason = (probe.stderr.strip().splitlines() or ["no reason given"])[-1]
        yield Finding("bad", "TensorFlow", f"cannot be loaded: {reason[-300:]}")
        return
    version, gpus = probe.stdout.split()[-2:]
    yield Finding("ok", "TensorFlow", version)
    text = f"{gpus} seen" if gpus != "0" else "none seen: pictures are made on the processor"
    yield Finding("ok" if gpus != "0" else "note", "GPU", text)


def _fast_model(settings: Settings) -> Iterator[Finding]:
    yield from _method_model("fast", settings.nst_fast_model, settings)


def _gatys_weights(settings: Settings) -> Iterator[Finding]:
    yield from _method_model("gatys", settings.nst_vgg_weights or "auto", settings)


def _method_model(method: str, setting: str, settings: Settings) -> Iterator[Finding]:
    """Load what is on this machine; nothing is downloaded."""
    if importlib.util.find_spec("tensorflow") is None:
        return
    given = json.dumps(asdict(replace(settings.methods, download=False)))
    command = [sys.executable, "-c", _MODEL_PROBE, method]
    # By standard input: an address may hold a password, and everybody reads the process list.
    probe = subprocess.run(  # noqa: S603
        command, input=given, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
    )
    what = f"{method} model ({bare(setting)})"
    if probe.returncode != 0:
        yield Finding("bad", what, (probe.stderr.strip().splitlines() or ["no answer"])[-1])
        return
    found = json.loads(probe.stdout.splitlines()[-1])
    paints = "pictures are painted with colours only (palette)"
    if "model" in found:
        paints = f"{found['model'] or 'the bundled one'} paints"
    if found["absent"]:
        sources = " or ".join(
            f"{source}{why and f' (cannot be reached now: {why})'}" for source, why in found["absent"]
        )
        when = "a worker fetches it at its first start, `pastiche models fetch` at once"
        yield Finding("note", what, f"not on this machine: {when}, from {sources}. Until then {paints}.")
    elif "model" in found:
        yield Finding("ok", what, found["model"] or "loads")
    elif found["fetchable"]:
        yield Finding("note", what, f"{found['error']} Workers pass it over; `pastiche models fetch` fetches it again.")
    else:
        yield Finding("note", what, f"{found['error']} Until then {paints}.")


def _discord(settings: Settings) -> Iterator[Finding]:
    token = settings.discord_token.get_secret_value()
    if not token:
        yield Finding("note", "Discord", "DISCORD_TOKEN is not set: the Discord bot stays off")
        return
    proxy = settings.discord_proxy or None
    headers = {"Authorization": f"Bot {token}"}
    yield _token("Discord", "DISCORD_TOKEN", "https://discord.com/api/v10/users/@me", headers, proxy)


def _telegram(settings: Settings) -> Iterator[Finding]:
    token = settings.telegram_token.get_secret_value()
    if not token:
        yield Finding("note", "Telegram", "TELEGRAM_TOKEN is not set: the Telegram bot stays off")
        return
    yield _token("Telegram", "TELEGRAM_TOKEN", f"{settings.telegram_api_url}/bot{token}/getMe", {}, None)


def _web(settings: Settings) -> Iterator[Finding]:
    url, proxies = settings.web_public_url, settings.trusted_proxies
    if not url:
        where = f"answers to {settings.web_host} and to this machine's own names only"
        yield Finding(
            "note", "web", f"WEB_PUBLIC_URL is not set: the web chat {where}, and links to it lead nowhere else"
        )
    elif url.startswith("http://"):
        yield Finding(
            "note", "web", "WEB_PUBLIC_URL is http://…: cookies and the operator's password travel unencrypted"
        )
    else:
        yield Finding("ok", "web", f"{url}, cookies over TLS only")
    if any(network.prefixlen == 0 for network in proxies):
        text = "WEB_TRUSTED_PROXIES trusts everybody: anyone may write any address. Name your proxy's alone"
        yield Finding("bad", "web proxies", text)
    elif url.startswith("https://") and not proxies:
        text = (
            "WEB_PUBLIC_URL is https, so a proxy stands before the web chat, but WEB_TRUSTED_PROXIES is empty: all "
            "visitors count as that one address and share its limits. Set it to the address or network that the "
            "proxy comes from (127.0.0.1 on the same host; the gateway of Docker's network, the ingress' pods)"
        )
        yield Finding("bad", "web proxies", text)
    elif proxies:
        yield Finding("ok", "web proxies", f"{settings.web_trusted_proxies} may say where visitors come from")


def _token(what: str, setting: str, url: str, headers: dict[str, str], proxy: str | None) -> Finding:
    try:
        with httpx.Client(proxy=proxy, timeout=_TIMEOUT_S) as client:
            status = client.get(url, headers=headers).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:  # a proxy of the environment, say
        return Finding("bad", what, f"cannot be reached ({type(error).__name__}): a proxy or firewall in the way?")
    if status == 200:
        return Finding("ok", what, "the token is valid")
    return Finding("bad", what, f"{setting} was refused ({status}): make a new token")
