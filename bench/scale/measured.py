"""What the simulation is fed with: seconds and Redis' work per job, measured here or by an operator's own workers."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast

import redis

from bench.pictures import gradient
from bench.queue import in_bulk, worker
from bench.steady_redis import SteadyRedis
from nst.engine import Engine
from nst.method import MethodSettings
from nst.options import StyleOptions
from nst.pictures.decode import encode
from workers.store import keys
from workers.store.connection import connect, speaking_redis

KINDS = {
    "palette": StyleOptions(method="palette", max_side_px=512),
    "fast": StyleOptions(method="fast", max_side_px=512),
    "gatys": StyleOptions(method="gatys", max_side_px=384),
}


@dataclass(frozen=True)
class Measured:
    """Figures of one machine.

    Attributes:
        service_s: Seconds of one job, per kind, several times; encoding included.
        redis_cpu_s: Seconds of Redis' one thread for a job, from submitting it to acknowledging its result.
        redis_commands: Commands of a job in the same run.
        machine: In words.
    """

    service_s: dict[str, list[float]]
    redis_cpu_s: float
    redis_commands: float
    machine: str

    @classmethod
    def read(cls, file: Path) -> Measured:
        """Figures that were written before."""
        return cls(**json.loads(file.read_text(encoding="utf-8")))

    def write(self, file: Path) -> None:
        """Keep them."""
        file.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def service_seconds(fast_model: str, times: int = 7, kinds: Sequence[str] = tuple(KINDS)) -> dict[str, list[float]]:
    """Each kind of job several times in this process, as a warm worker does it."""
    engine = Engine(MethodSettings(fast_model=fast_model))
    content, style = gradient(640, 37), gradient(384, 80)
    return {kind: _timed(engine, content, style, KINDS[kind], times if kind != "gatys" else 3) for kind in kinds}


def _timed(engine: Engine, content: bytes, style: bytes, options: StyleOptions, times: int) -> list[float]:
    taken_s = []
    for number in range(times + 1):
        started_s = time.perf_counter()
        encode(engine.stylize(content, [style], options.replace(seed=number)).picture)
        taken_s.append(round(time.perf_counter() - started_s, 4))
    return taken_s[1:]  # the first one traces and warms up


def redis_per_job(folder: Path, jobs: int = 400) -> tuple[float, float]:
    """Redis' seconds of processor and its commands for one job without any work, pictures of 40 kB included."""
    server = SteadyRedis(folder)
    server.start()
    try:
        with worker(server.url, "idle"), redis.Redis.from_url(server.url) as connection:
            before = _spent(connection)
            asyncio.run(in_bulk(server.url, [gradient(256, 37), gradient(192, 80)], jobs))
            after = _spent(connection)
    finally:
        server.kill()
    return tuple((late - early) / jobs for early, late in zip(before, after, strict=True))  # type: ignore[return-value]


def _spent(connection: redis.Redis) -> tuple[float, float]:
    info = connection.info()
    return info["used_cpu_user"] + info["used_cpu_sys"], info["total_commands_processed"]


def median_s(values: Sequence[float]) -> float:
    """The middle of them."""
    return statistics.median(values)


def service_times_of(redis_url: str) -> dict[str, list[float]]:
    """Mean seconds per kind of job as the workers of an installation measured them, by method.

    Raises:
        OperatorError: ``queue_unavailable``.
    """
    found: dict[str, list[float]] = {}
    with connect(redis_url) as connection, speaking_redis(redis_url):
        for kind, seconds in cast("dict[bytes, bytes]", connection.hgetall(keys.SERVICE_TIMES)).items():
            found.setdefault(kind.decode().partition(":")[0], []).append(float(seconds))
    return {method: seconds for method, seconds in found.items() if method in KINDS}
