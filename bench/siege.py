"""One visitor's picture while others attack the web side: how long it takes, who refuses what, how large processes get.

    python -m bench.siege [--seconds 20] [--within 3.0]

Real processes: a Redis, a worker, the web side. A visitor from an address of their own opens a page, sends a
photograph, has it painted and sees it; first in quiet, then while others do, for so many seconds each:

- slow bodies: forty uploads from four addresses that send a byte a second,
- floods: pages without cookies, and uploads of noise by ever new sessions, as fast as answers come,
- big styles: style, card and poster of challenges whose style was given with 36 megapixels, again and again,
- a full store: Redis has no memory left for new pictures; jobs that were let in before still end well.

The last line is ``slowest N x, lost N, over their limit N``. Exit code 1 where pictures of a phase took longer than
``--within`` times the quiet ones (medians; 0: whatever they took), a job got no result, or a process held more than
docker-compose.yml gives it.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import psutil
from PIL import Image
from rich.console import Console
from rich.table import Table

from bench.pictures import gradient
from bench.steady_redis import SteadyRedis
from bot.challenges.model import HOUR_S, Chat, Person, Plan
from bot.challenges.service import Challenges
from bot.web.shared import user_of
from nst.options import StyleOptions
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.client.line import Limits
from workers.contract import Job
from workers.store.blobs import blob_hash
from workers.store.connection import connect

LIMITS_MIB = {"web": 512, "worker": 8192, "redis": 4096}  # docker-compose.yml's
T = TypeVar("T")
ATTACKERS = ("127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5")
VISITOR = "127.0.0.9"
_DEADLINE_S, _PICTURES = 180.0, 5
_STYLE = gradient(256, 80)


@dataclass
class City:
    """The processes, and what comes of the visitor's jobs.

    Attributes:
        url: The web side's.
        redis_url: The store's.
        processes: By name.
        jobs: Submitted.
        lost: Of these, without a result.
        answers: What attackers were told, by phase and status.
    """

    url: str
    redis_url: str
    processes: dict[str, psutil.Process]
    jobs: int = 0
    lost: int = 0
    answers: Counter[str] = field(default_factory=Counter)

    def peaks_mib(self) -> dict[str, int]:
        """The most memory that each process ever held."""
        status = {name: Path(f"/proc/{one.pid}/status").read_text() for name, one in self.processes.items()}
        return {name: int(text.partition("VmHWM:")[2].split()[0]) // 1024 for name, text in status.items()}


class Visitor:
    """Somebody with one browser and one address, who wants a picture.

    Args:
        city: Where.
    """

    def __init__(self, city: City) -> None:
        self._city = city
        self._browser = browser(city, VISITOR)
        self._connection = connect(city.redis_url)
        self._queue = QueueClient(self._connection, Limits())
        self._browser.get("/").raise_for_status()
        payload = self._browser.cookies["pastiche"].partition(".")[0]
        self._user = user_of(json.loads(base64.b64decode(payload))) or ""

    def order(self) -> Job:
        """Send a photograph like no other, and have it painted."""
        photograph = gradient(256, 1000 + self._city.jobs)
        sent = self._browser.post("/pictures", content=photograph, headers={"X-Pastiche": "1"})
        sent.raise_for_status()
        job = Job(
            job_id=f"siege-{self._city.jobs}",
            frontend="siege",
            user=self._user,
            content=sent.json()["picture"],
            styles=(blob_hash(_STYLE),),
            options=StyleOptions(seed=self._city.jobs, max_side_px=256),
        )
        self._city.jobs += 1
        self._queue.submit(job, [photograph, _STYLE])
        return job

    def see(self, job: Job) -> None:
        """Wait for the picture, and look at the photograph beside it."""
        ends_s = time.monotonic() + _DEADLINE_S
        while (result := self._queue.result(job.job_id)) is None and time.monotonic() < ends_s:
            time.sleep(0.02)
        if result is None or result.outcome != "done":
            self._city.lost += 1
        self._browser.get(f"/pictures/{job.content}").raise_for_status()

    def picture_s(self) -> float:
        """Seconds from the page to the picture."""
        began_s = time.monotonic()
        self._browser.get("/playground").raise_for_status()
        self.see(self.order())
        return time.monotonic() - began_s


def browser(city: City, address: str) -> httpx.Client:
    """A browser that comes from an address of the loopback."""
    return httpx.Client(base_url=city.url, timeout=60, transport=httpx.HTTPTransport(local_address=address))


@contextlib.contextmanager
def slow_bodies(city: City) -> Iterator[None]:
    """Uploads that send a byte a second."""
    stop, sockets = threading.Event(), list[socket.socket]()
    host, port = city.url.removeprefix("http://").split(":")

    def begin(address: str) -> None:
        with browser(city, address) as session:
            cookie = session.get("/").headers["set-cookie"].partition(";")[0]
        for _ in range(10):
            one = socket.create_connection((host, int(port)), 60, source_address=(address, 0))
            head = f"POST /pictures HTTP/1.1\r\nHost: {host}:{port}\r\nX-Pastiche: 1\r\nCookie: {cookie}\r\n"
            one.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode())
            sockets.append(one)

    def drip() -> None:
        while not stop.wait(1.0):
            for one in list(sockets):
                try:
                    one.sendall(b"x")
                except OSError:
                    city.answers["slow bodies: closed"] += 1
                    sockets.remove(one)

    for address in ATTACKERS:
        begin(address)
    with _threads(stop, drip):
        yield
    for one in sockets:
        one.close()


@contextlib.contextmanager
def floods(city: City) -> Iterator[None]:
    """Pages without a cookie, and noise from ever new sessions."""
    stop = threading.Event()

    def pages(address: str) -> None:
        with browser(city, address) as flood:
            while not stop.is_set():
                flood.cookies.clear()
                _ask(city, "floods", flood, "/playground")

    def uploads(address: str) -> None:
        while not stop.is_set():
            with browser(city, address) as flood:
                _ask(city, "floods", flood, "/")
                for _ in range(4):
                    _ask(city, "floods", flood, "/pictures", _noise())

    works = [_bound(pages, ATTACKERS[0]), _bound(pages, ATTACKERS[1])]
    with _threads(stop, *works, _bound(uploads, ATTACKERS[2]), _bound(uploads, ATTACKERS[3])):
        yield


@contextlib.contextmanager
def big_styles(city: City) -> Iterator[None]:
    """What challenges show, whose style was given with 36 megapixels."""
    stop, large = threading.Event(), io.BytesIO()
    Image.effect_noise((600, 600), 60).convert("RGB").resize((6000, 6000)).save(large, "JPEG", quality=80)
    with connect(city.redis_url) as connection:
        core = Challenges(connection, {})
        chat, host = Chat(platform="discord", chat_id="1"), Person(user="discord:1", chat="discord:1", manages=True)
        plan = Plan(theme="Besieged", closes_at_s=time.time() + 48 * HOUR_S, style_picture=large.getvalue())
        names = [core.life.open(core.life.create(plan, chat, host).challenge_id, host).challenge_id for _ in range(2)]

    def look(address: str) -> None:
        with browser(city, address) as one:
            while not stop.is_set():
                for name in names:
                    for what in ("style", "card", "poster"):
                        _ask(city, "big styles", one, f"/challenges/{name}/{what}")

    with _threads(stop, *(_bound(look, address) for address in ATTACKERS)):
        yield


@contextlib.contextmanager
def full_store(city: City) -> Iterator[None]:
    """No memory is left for new pictures, and somebody goes on sending them."""
    stop = threading.Event()

    def send() -> None:
        while not stop.wait(0.1):
            _ask(city, "full store", one, "/pictures", _noise())

    with connect(city.redis_url) as connection, browser(city, VISITOR) as one:
        one.get("/").raise_for_status()
        used = int(connection.info("memory")["used_memory"])
        connection.config_set("maxmemory", int(used * 1.05))  # above it nothing is taken from 90 % on
        try:
            with _threads(stop, send):
                yield
        finally:
            connection.config_set("maxmemory", 0)


def _noise() -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (457, 457), os.urandom(3 * 457 * 457)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def _ask(city: City, phase: str, one: httpx.Client, path: str, picture: bytes = b"") -> None:
    """A page, or an upload; what came of it is counted."""
    try:
        sent = one.post(path, content=picture, headers={"X-Pastiche": "1"}) if picture else one.get(path)
        answer = str(sent.status_code)
    except httpx.HTTPError as error:
        answer = type(error).__name__
    city.answers[f"{phase}: {'upload' if picture else 'page'} {answer}"] += 1


def _bound(work: Callable[[str], None], address: str) -> Callable[[], None]:
    return lambda: work(address)


@contextlib.contextmanager
def _threads(stop: threading.Event, *works: Callable[[], None]) -> Iterator[None]:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def city() -> Iterator[City]:
    """Start Redis, a worker and the web side."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pastiche-")))
        store = SteadyRedis(folder)
        store.start()
        stack.callback(store.kill)
        settings = {"REDIS_URL": store.url, "WEB_PORT": "0", "DATA_DIR": str(folder), "NST_FAST_MODEL": "bundled"}
        environment = {**os.environ, **settings, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        processes = {"redis": psutil.Process(store.pid)}
        for name in ("worker", "web"):
            with (folder / name).open("wb") as output:
                started = subprocess.Popen(  # noqa: S603
                    [sys.executable, "-m", "bot", name], cwd=folder, env=environment, stderr=output, stdout=output
                )
            stack.callback(_end, started)
            processes[name] = psutil.Process(started.pid)
        log = folder / "web"
        found = _until(lambda: re.search(r"is at (http://\S+)", log.read_text()), "the web side")
        assert found is not None  # noqa: S101
        with connect(store.url) as connection:
            _until(lambda: bool(live_workers(connection)), "a worker")
        yield City(found[1], store.url, processes)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(60)


def _until(condition: Callable[[], T], what: str) -> T:
    ends_s = time.monotonic() + _DEADLINE_S
    while not (found := condition()):
        if time.monotonic() > ends_s:
            raise TimeoutError(f"{what} did not come")
        time.sleep(0.05)
    return found


def besiege(city: City, seconds: float) -> tuple[Table, float]:
    """Let it all happen.

    Args:
        city: Where.
        seconds: For each phase.

    Returns:
        The table of figures, and the worst ratio of besieged to quiet seconds.
    """
    visitor = Visitor(city)
    visitor.picture_s()  # warms up
    quiet_s = statistics.median(visitor.picture_s() for _ in range(_PICTURES))
    table = Table("phase", "pictures", "seconds each", "times the quiet ones")
    table.add_row("quiet", str(_PICTURES), f"{quiet_s:.2f}", "1.0")
    worst = 0.0
    for phase in (slow_bodies, floods, big_styles):
        took_s = list[float]()
        with phase(city):
            for _ in range(_PICTURES):  # few: a visitor may not send more than sixty in ten minutes
                time.sleep(seconds / _PICTURES)
                took_s.append(visitor.picture_s())
        worst = max(worst, statistics.median(took_s) / quiet_s)
        name, each_s = phase.__name__.replace("_", " "), statistics.median(took_s)
        table.add_row(name, str(len(took_s)), f"{each_s:.2f}", f"{each_s / quiet_s:.1f}")
    orders = [visitor.order() for _ in range(3)]
    began_s = time.monotonic()
    with full_store(city):
        for order in orders:
            visitor.see(order)
        each_s = (time.monotonic() - began_s) / len(orders)
        time.sleep(min(seconds, 5.0))  # the sender meets a full store
    table.add_row("full store", str(len(orders)), f"{each_s:.2f}", f"{each_s / quiet_s:.1f}")
    return table, max(worst, each_s / quiet_s)


def main() -> int:
    """Besiege, and say how it went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each phase")
    parser.add_argument("--within", type=float, default=3.0, help="times the quiet seconds; 0 for any")
    args = parser.parse_args()
    console = Console()
    with city() as besieged:
        table, worst = besiege(besieged, args.seconds)
        peaks = besieged.peaks_mib()
        answers = sorted(besieged.answers.items())
    console.print(table)
    for what, number in answers:
        console.print(f"{what}: {number}", highlight=False)
    over = [name for name, peak in peaks.items() if peak > LIMITS_MIB[name]]
    console.print(
        ", ".join(f"{name} {peak} MiB of {LIMITS_MIB[name]}" for name, peak in peaks.items()), highlight=False
    )
    console.print(f"slowest {worst:.1f} x, lost {besieged.lost}, over their limit {len(over)}", highlight=False)
    return int(bool(besieged.lost or over or (args.within and worst > args.within)))


if __name__ == "__main__":
    sys.exit(main())
