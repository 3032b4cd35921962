"""Real processes for the end-to-end tests: a Redis, a worker, the web chat, a Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.visiting import Come, Visit
from workers.client.estimates import live_workers
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

ROOT = Path(__file__).resolve().parents[2]
Until = Callable[..., Any]
OPERATORS_PASSWORD = "for the tests alone"  # noqa: S105
_STARTS_S = 180  # a worker loads TensorFlow first, perhaps beside other things on this machine
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Pastiche:
    """One ``pastiche`` subcommand as a process, with its log in a file.

    Args:
        command: The subcommand.
        folder: Its working folder, and where its log goes.
        environment: Settings, on top of this process' environment.
    """

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / f"{command}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "bot", command],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "LOG_LEVEL": "INFO", **environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def lives(self) -> bool:
        """True while it runs; fails the test with its last words when it has ended."""
        assert self.process.poll() is None, self.log[-2000:]
        return True

    def stop(self) -> int:
        """Ask it to end, as a supervisor would, and wait.

        Returns:
            Its exit code.
        """
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


@dataclass(frozen=True)
class Stack:
    """What a test may use of the running processes.

    Attributes:
        url: The web chat's address.
        redis_url: The queue's Redis.
        web: The web chat.
        worker: The worker.
        folder: Where the web chat runs and keeps its data.
    """

    url: str
    redis_url: str
    web: Pastiche
    worker: Pastiche
    folder: Path


def serving_address(web: Pastiche, until: Until) -> str:
    """The address that a web chat says it serves at."""
    found = until(lambda: web.lives() and re.search(r"is at (http://\S+)", web.log), "the web chat", _STARTS_S)
    return str(found[1])


def fast_model() -> str:
    """The development machine's copy of the TF-Hub module where there is one, else the bundled network."""
    shared = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
    folder = (shared if shared.is_absolute() else ROOT / shared) / "models" / "magenta_savedmodel"
    return str(folder) if folder.is_dir() else "bundled"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, until: Until, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """Redis, a worker and the web chat, for a whole module; one with a ``FAST_MODEL`` of its own gets that."""
    folder = tmp_path_factory.mktemp("stack")
    with EmbeddedRedis(folder / "redis") as server:
        environment = {
            "REDIS_URL": server.url,
            "WEB_PORT": "0",
            "WEB_HOST": "127.0.0.1",
            "DATA_DIR": str(folder / "data"),
            "NST_FAST_MODEL": getattr(request.module, "FAST_MODEL", "") or fast_model(),
            "WEB_OPERATOR_PASSWORD": OPERATORS_PASSWORD,
            "CUDA_VISIBLE_DEVICES": "-1",
            "LANGUAGE": "en",
        }
        worker = Pastiche("worker", folder / "worker", environment)
        web = Pastiche("web", folder / "web", environment)
        try:
            url = serving_address(web, until)
            with connect(server.url) as connection:
                until(lambda: worker.lives() and live_workers(connection), "a warm worker", _STARTS_S)
            yield Stack(url, server.url, web, worker, folder)
        finally:
            web.stop()
            worker.stop()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine; skips where there is none.

    Ends with its module: Playwright's synchronous interface keeps an event loop running, and no
    asynchronous test can run beside it.
    """
    path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_CHROMIUM_ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """Where screenshots are kept to be looked at; git ignores it."""
    folder = ROOT / "artefacts" / "web"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def come(chromium: Browser, stack: Stack) -> Iterator[Come]:
    """Opens the page in a browser session of its own."""
    contexts: list[BrowserContext] = []

    def arrive(url: str = stack.url, context: BrowserContext | None = None, path: str = "/", **looks: Any) -> Visit:
        if context is None:
            context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-GB", **looks})
            contexts.append(context)
        return Visit(context, url, path)

    yield arrive
    for context in contexts:
        context.close()
