"""``pastiche demo``: everything on one machine, and a first pastiche through the real queue.

    embedded Redis (or REDIS_URL) ── worker process ── web chat process (not with --once)
              └── first job: submitted, watched and received here, as any frontend would

Ctrl-C ends the web chat, then the worker (which finishes its picture or hands it back), then
Redis; what waits is in Redis' append-only file and goes on with the next demo.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from bot.chat.captions import failure, notices, standing
from bot.chat.fitting import suffix
from bot.chat.recipe_words import find_preset, is_file
from bot.chat.service import Request, Style, StyleService
from bot.presets.catalogue import load_presets
from bot.settings import Settings
from bot.texts import explain, say
from nst.errors import OperatorError, UserError
from nst.options import StyleOptions
from nst.output_file import check_folder, write_output
from workers.client.outbox import OutboxReader
from workers.contract import Job, Result
from workers.store.connection import connect, connect_async
from workers.store.embedded_redis import EmbeddedRedis, running_url

# Child processes of the demo: started with a log of their own, and never left behind.
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> Callable[[], None] | None:
    """For ``preexec_fn``: the child is told to end when we are killed outright.

    Returns:
        None where the platform has no such thing (anything but Linux).
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork: nothing may be loaded after it

    def ask() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

    return ask


class Child:
    """One ``pastiche`` subcommand as a process of its own.

    Args:
        arguments: The subcommand and its options.
        environment: Settings that differ from ours.
        log: File that gets its output.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        self.name = arguments[0]
        self._command = [sys.executable, "-m", "bot", *arguments]
        self._environment = {**os.environ, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Its process id; 0 before the start."""
        return self._process.pid if self._process else 0

    def start(self) -> Self:
        """Start it; Ctrl-C does not reach it, since we end it in our own order."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and arguments
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(),
            )
        return self

    def running(self) -> bool:
        """Whether it still runs."""
        return self._process is not None and self._process.poll() is None

    def last_words(self) -> str:
        """The last line of its log: why it ended."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][-300:] if lines else "it said nothing"

    def stop(self, grace_s: float) -> None:
        """Ask it to end, wait, and end it if it does not."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


FRONTEND = "demo"
FIRST_STYLE = "starry-strokes"
_SAMPLE = "chelsea.png"
_POLL_S = 0.1
_WEB_TIMEOUT_S = 60.0
_WEB_GRACE_S = 5.0
_WORKER_GRACE_S = 30.0


@dataclass(frozen=True)
class FirstJob:
    """The demo's first job.

    Attributes:
        content: Content image; None for a sample photograph of scikit-image's.
        style: A preset's name or a picture's path; "" for a preset that shows well.
        out: Folder for the result; None for the data folder.
        options: The rest.
    """

    content: Path | None
    style: str
    out: Path | None
    options: StyleOptions


class Demo:
    """The demo's processes and its first job.

    Args:
        settings: The operator's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._console = Console(highlight=False)
        self._stack = contextlib.ExitStack()

    def run(self, first: FirstJob, once: bool) -> None:
        """Start everything, do the first job, and serve until Ctrl-C (or end, with ``once``).

        Raises:
            PasticheError: Anything that keeps the first job from being done.
        """
        content, style = _content(first.content), _style(first.style, self._settings)
        check_folder(self._folder(first), parents=True)
        signal.signal(signal.SIGTERM, _as_interrupt)
        with self._stack:
            try:
                self._serve(first, content, style, once)
            except KeyboardInterrupt:
                self._say("\nStopping … what is not finished stays in the queue and goes on next time.")
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C would leave processes behind

    def _serve(self, first: FirstJob, content: bytes, style: Style, once: bool) -> None:
        settings = self._settings = self._settings.model_copy(update={"redis_url": self._redis_url()})
        self._announce_download()
        worker = self._child("worker", _WORKER_GRACE_S)
        web = None if once else self._web()
        asyncio.run(self._first_job(first, content, style, worker))
        if web is None:
            return
        self._say(f"\nThe web chat is at [bold]{self._address}[/bold] (Ctrl-C ends it).")
        self._say(f"Logs are in {settings.data_dir}.")
        _wait_for_end(worker, web)

    def _announce_download(self) -> None:
        cache = self._settings.model_cache_dir
        if self._settings.nst_fast_model == "auto" and not (cache.is_dir() and any(cache.iterdir())):
            self._say("The worker asks for the TF-Hub module, once (about 90 MB); else the bundled network paints.")

    def _redis_url(self) -> str:
        settings = self._settings
        if "redis_url" in settings.model_fields_set:
            connect(settings.redis_url).close()
            self._say("Using the Redis of REDIS_URL.")
            return settings.redis_url
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        other = running_url(settings.data_dir / "redis")
        if other:
            self._say("Using the Redis of another demo that runs here.")
            return other
        own = self._stack.enter_context(EmbeddedRedis(settings.data_dir / "redis", preexec=die_with_parent()))
        self._say(f"Redis runs, with its data in {settings.data_dir / 'redis'}.")
        return own.url

    def _child(self, name: str, grace_s: float, **environment: str) -> Child:
        settings = self._settings
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        log = settings.data_dir / f"{name}-{os.getpid()}.log"
        child = Child(name, environment={"REDIS_URL": settings.redis_url, **environment}, log=log)
        self._stack.callback(child.stop, grace_s)
        return child.start()

    def _web(self) -> Child:
        host, port = self._settings.web_host, _free_port(self._settings.web_host, self._settings.web_port)
        self._address = f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}/"  # noqa: S104
        web = self._child("web", _WEB_GRACE_S, WEB_PORT=str(port))
        deadline = time.monotonic() + _WEB_TIMEOUT_S
        while not _answers(self._address + "healthz"):
            if not web.running() or time.monotonic() > deadline:
                raise OperatorError("process_ended", {"name": web.name, "reason": web.last_words()})
            time.sleep(_POLL_S)
        self._say(f"The web chat answers at {self._address}")
        return web

    async def _first_job(self, first: FirstJob, content: bytes, style: Style, worker: Child) -> None:
        settings = self._settings
        connection = connect(settings.redis_url)
        reader = OutboxReader(await connect_async(settings.redis_url), FRONTEND, consumer=f"demo-{os.getpid()}")
        service = StyleService(connection, load_presets(settings.presets_dir), FRONTEND, settings.limits)
        job = await self._submit(
            service, Request(content=content, styles=[style], options=first.options, user=FRONTEND)
        )
        received = asyncio.create_task(_receive(reader, job.job_id))
        try:
            await self._watch(service, job, worker, received)
            result = await received
        finally:
            received.cancel()
        await self._keep(result, service, first)

    async def _submit(self, service: StyleService, request: Request) -> Job:
        """Where the method's model cannot be had, colours alone show that the rest works; and it is said."""
        try:
            return await service.submit(request)
        except UserError as error:
            if error.code != "method_unavailable":
                raise
            self._say(explain(error, self._settings.language))
            return await service.submit(replace(request, options=request.options.replace(method="palette")))

    async def _watch(self, service: StyleService, job: Job, worker: Child, received: asyncio.Task[Result]) -> None:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %"),
        )
        with Progress(*columns, console=self._console) as bar:
            task = bar.add_task(say("progress.waiting", self._settings.language), total=1.0)
            while not received.done():
                if not worker.running():
                    raise OperatorError("no_worker", {"reason": worker.last_words()})
                await self._show(bar, task, service, job.job_id)
                await asyncio.wait({received}, timeout=_POLL_S)
            bar.update(task, completed=1.0)

    async def _show(self, bar: Progress, task: TaskID, service: StyleService, job_id: str) -> None:
        now = await service.standing(job_id)
        line = standing(now, self._settings.language)
        bar.update(task, description=line, completed=now.event.fraction if now.event else 0.0)

    async def _keep(self, result: Result, service: StyleService, first: FirstJob) -> None:
        language = self._settings.language
        error = result.raised()
        if error is not None or result.outcome != "done":
            self._say(failure(result, language))
            raise error or UserError("no_such_job", {"job_id": result.job_id})
        path = self._folder(first) / f"pastiche-{result.job_id[:8]}{suffix(result.media_type)}"
        write_output(path, await service.picture(result.picture))
        self._say(f"Painted in {result.service_s:.1f} s with {result.method}: [bold]{path}[/bold]")
        for sentence in notices(result, language):
            self._say(sentence)

    def _folder(self, first: FirstJob) -> Path:
        return first.out or self._settings.data_dir

    def _say(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


async def _receive(reader: OutboxReader, job_id: str) -> Result:
    async for delivery in reader.deliveries():
        await reader.ack(delivery)
        if delivery.result.job_id == job_id:  # others are of a demo that was interrupted
            return delivery.result
    raise AssertionError("an outbox never ends")


def _content(path: Path | None) -> bytes:
    if path is None:
        # Found, not imported: scikit-image costs a second, and its photographs are plain files.
        spec = importlib.util.find_spec("skimage")
        if spec is None or spec.origin is None:
            raise OperatorError("extra_missing", {"extra": "worker"})
        path = Path(spec.origin).parent / "data" / _SAMPLE
    return _read(path)


def _style(name: str, settings: Settings) -> Style:
    if name and is_file(name):
        return Style(picture=_read(Path(name)))
    return Style(preset=find_preset(name or FIRST_STYLE, load_presets(settings.presets_dir)))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError("image_unreachable", {"name": path.name, "reason": error.strerror or ""}) from None


def _free_port(host: str, wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OperatorError("port_taken", {"host": host, "port": wanted})


def _answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=2) as response:  # noqa: S310 - ours
        return bool(response.status == 200)
    return False


def _wait_for_end(*children: Child) -> None:
    while True:
        for child in children:
            if not child.running():
                raise OperatorError("process_ended", {"name": child.name, "reason": child.last_words()})
        time.sleep(_POLL_S)


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
