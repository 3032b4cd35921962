"""The worker process in the foreground.

``pastiche worker`` calls ``run_worker``. Supervise it (compose, systemd, Kubernetes): it ends when
it was asked to, when its memory has grown past the limit, when a job is stuck in native code, and
when Redis was away for minutes; whatever it ran is brought back by others.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import redis

from nst.device import has_gpu
from nst.engine import Engine as StyleEngine
from nst.errors import UserError
from nst.fast.style_vectors import share_vectors
from nst.method import MethodSettings
from nst.models.sources import listen_to_downloads
from nst.options import METHODS
from nst.pictures.decoder import Decoder
from nst.singan.store import share_pyramids
from workers.client.downloads import GettingNote
from workers.routing import FAST, QUEUES, queue_of
from workers.store.blob_sweep import keep_sweeping
from workers.store.byte_stores import ByteStore, byte_store
from workers.store.connection import PATIENT, connect
from workers.store.made_before import MadeBefore
from workers.store.pyramids import RedisPyramids
from workers.store.vectors import RedisVectors
from workers.tasks import Workplace, open_workplace, paint_ahead
from workers.worker.abilities import Abilities
from workers.worker.ahead import Ahead
from workers.worker.gpu_worker import EXIT_LOST_REDIS, GRACE_S, GpuWorker
from workers.worker.last_try import LastTry
from workers.worker.painting import Engine
from workers.worker.quality_cards import Appraiser, QualityCards
from workers.worker.slices import GivesWay, Slices
from workers.worker.vitals import SpareMemory, rss_bytes

log = logging.getLogger(__name__)

EXIT_RECYCLE = 75  # EX_TEMPFAIL: start me again, I was getting fat


def run_worker(
    redis_url: str,
    queues: Sequence[str] = QUEUES,
    methods: MethodSettings | None = None,
    *,
    device: str | int | None = None,
    grace_s: float = GRACE_S,
    health_file: Path | None = None,
    max_rss_bytes: int = 0,
    max_side_px: int = 0,
    engine: Engine | None = None,
) -> int:
    """Work until told to stop.

    Args:
        redis_url: The queue's Redis.
        queues: Names in order of priority; ``("fast",)`` keeps a worker for fast jobs.
        methods: What the operator set about methods.
        device: None for whatever is there, "cpu", or the number of a GPU.
        grace_s: Seconds after SIGTERM in which the running job may finish before it is handed back.
        health_file: Touched every two seconds while the process is well; removed at the end.
        max_rss_bytes: Resident memory above which the process ends between two jobs; 0 for no limit.
        max_side_px: Longer side of the largest picture that it announces to take; 0 for any.
        engine: Another engine than ``nst.engine.Engine``.

    Returns:
        Exit code: 0 on request, 75 when its memory has grown too much, 1 if Redis was lost.

    Raises:
        OperatorError: ``queue_unavailable``, ``bad_setting``.
        UserError: ``output_unwritable``: the health file.
    """
    choose_device(device)
    connection, side_connection = connect(redis_url, retries=PATIENT), connect(redis_url)
    vectors, pyramids = _shared_with_workers(connection)
    note = GettingNote(side_connection, queues)
    listen_to_downloads(note)
    methods = methods or MethodSettings()
    decoder = Decoder()
    make_engine: Callable[[], Engine] = partial(_same, engine) if engine else partial(StyleEngine, methods)
    real = engine is None
    cards = None if engine else _quality_cards(connection, methods, decoder)
    abilities = Abilities(lambda method: None, queues, max_side_px)
    if engine is None:
        engine, abilities = _warm_engine(methods, decoder, queues, max_side_px)
    full, spare = _memory_watch(max_rss_bytes), SpareMemory()
    batching = FAST in queues and _shares_passes(methods, real)
    worker = GpuWorker(
        connection,
        side_connection,
        queues,
        device="" if device is None else str(device),
        grace_s=grace_s,
        beat=health_file.touch if health_file else lambda: None,
        enough=lambda: _between_jobs(spare, full),
        about=abilities.about,
        idle=lambda: _use_the_pause(abilities, cards),
        paint_ahead=paint_ahead if batching else None,
    )
    note.running = worker.running_job
    decoder.interrupt = partial(_give_way_to_the_end, worker)
    store, slices, before = byte_store(), Slices(connection, worker.give_way), MadeBefore(connection)
    open_workplace(
        Workplace(
            connection,
            engine,
            worker.stopped,
            worker.leaving,
            slices,
            before,
            cards=cards,
            vectors=vectors,
            pyramids=pyramids,
            apart=LastTry(redis_url, make_engine, store).run,
            on_last_try=worker.on_last_try,
            ahead=Ahead(connection, engine, before, vectors, worker.leaving) if batching else None,
        )
    )
    with _sweeping(redis_url, store), _healthy(health_file):
        worker.run(ready=lambda: _announce(worker, health_file))
    if worker.stop_requested:
        return 0
    return EXIT_RECYCLE if full() else EXIT_LOST_REDIS


def _shared_with_workers(connection: redis.Redis) -> tuple[RedisVectors, RedisPyramids]:
    """What methods learn of styles, from now on kept where all workers find it."""
    vectors, pyramids = RedisVectors(connection), RedisPyramids(connection)
    share_vectors(vectors)
    share_pyramids(pyramids)
    return vectors, pyramids


@contextlib.contextmanager
def _sweeping(redis_url: str, store: ByteStore | None) -> Iterator[None]:
    """The byte store is swept now and then while this process works."""
    ended = threading.Event()
    if store:
        keep_sweeping(connect(redis_url, retries=PATIENT), store, ended.wait)
    try:
        yield
    finally:
        ended.set()


@contextlib.contextmanager
def _healthy(health_file: Path | None) -> Iterator[None]:
    """No health file is left behind."""
    try:
        yield
    finally:
        if health_file:
            with contextlib.suppress(OSError):
                health_file.unlink(missing_ok=True)


def _same(engine: Engine) -> Engine:
    return engine


def _between_jobs(spare: SpareMemory, full: Callable[[], bool]) -> bool:
    spare.give_back()
    return full()


def _use_the_pause(abilities: Abilities, cards: QualityCards | None) -> None:
    abilities.try_again()
    if cards:
        cards.make_one()


def _give_way_to_the_end(worker: GpuWorker) -> None:
    """A picture that is still being decoded when the process is asked to end goes back with its job, at no cost."""
    if worker.stop_requested:
        raise GivesWay


def _quality_cards(connection: redis.Redis, methods: MethodSettings, decoder: Decoder) -> QualityCards | None:
    def load() -> Appraiser:
        from nst.quality import Appraiser as Loaded

        return Loaded(methods.quality, decoder)

    return None if methods.quality == "off" else QualityCards(connection, load)


def choose_device(device: str | int | None) -> None:
    """Let this process see one device only; before TensorFlow is loaded.

    Args:
        device: None changes nothing, "cpu" hides the GPUs, a number shows that GPU alone.
    """
    if device is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1" if device == "cpu" else str(device)


def _shares_passes(methods: MethodSettings, real: bool) -> bool:
    """Whether fast jobs that wait together are painted together: by default where that pays, on a GPU."""
    return real and has_gpu() if methods.fast_batch == "auto" else methods.fast_batch == "on"


def _warm_engine(
    methods: MethodSettings, decoder: Decoder, queues: Sequence[str], max_side_px: int
) -> tuple[Engine, Abilities]:
    decoder.warm()  # while the networks are loaded
    engine = StyleEngine(methods, decoder)
    abilities = Abilities(lambda method: engine.method(method).prepare(), queues, max_side_px)
    # Those of the first queue: a slow job's own loading is little beside its minutes. Weights that the operator
    # named are looked at in any case, since a wrong name is to be known before the first job.
    first = [method for method in METHODS if queue_of(method) == queues[0]]
    named = ["gatys"] if methods.vgg_weights and queue_of("gatys") in queues else []
    abilities.prepare(*dict.fromkeys([*first, *named]))
    return engine, abilities


def _announce(worker: GpuWorker, health_file: Path | None) -> None:
    if health_file:
        _touch(health_file)
    sys.stdout.write(f"worker {worker.name} takes jobs from {', '.join(worker.queue_names())}\n")
    sys.stdout.flush()


def _touch(health_file: Path) -> None:
    try:
        health_file.touch()
    except OSError as error:
        raise UserError("output_unwritable", {"path": str(health_file), "reason": error.strerror or ""}) from None


def _memory_watch(max_rss_bytes: int) -> Callable[[], bool]:
    if not max_rss_bytes:
        return lambda: False
    return lambda: rss_bytes() > max_rss_bytes
