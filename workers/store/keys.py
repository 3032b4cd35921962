"""Names of everything in Redis, and how long it is kept there.

Keys that start with ``rq:`` are RQ's own; their layout is pinned with RQ's version.

Every key has its end from whoever writes it; nothing is kept because nobody came to delete it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

RESULT_TTL_S = 86_400  # results, job records and pictures: a day
PREVIEW_TTL_S = 600
UNUSED_TTL_S = 1800  # a picture that no job uses
NOTED_TTL_S = 8 * 86_400  # which jobs are whose, what waits and runs: longer than anything of theirs
LASTING_TTL_S = 365 * 86_400  # what is meant to last, from its last use: settings of a chat, totals, service times
CARD_ORDERS = "pastiche:cards"
CHAT_PENDING = "pastiche:chatpending:"
OUTBOX_TTL_S = 7 * 86_400  # a frontend that was away for longer finds nothing


def blob(digest: str) -> str:
    """Bytes by SHA-256."""
    return f"pastiche:blob:{digest}"


def held(account: str) -> str:
    """Sorted set: what is counted on an account (``workers.store.owners``), by the Unix time when it ends."""
    return f"pastiche:held:{account}"


def held_bytes(account: str) -> str:
    """Hash: the bytes of each thing on an account, and their total."""
    return f"pastiche:bytes:{account}"


def side(digest: str) -> str:
    """Longer side of the picture in a blob, in pixels; for estimates."""
    return f"pastiche:side:{digest}"


def frames(digest: str) -> str:
    """Frames of the clip in a blob; there is none for still pictures. For estimates and time-outs."""
    return f"pastiche:frames:{digest}"


def vector(key: str) -> str:
    """A style vector, float32, by model, picture and scale; a day from its last use."""
    return f"pastiche:vector:{key}"


def pyramid(key: str) -> str:
    """Hash of the blob with SinGAN's pyramid of a style, by picture and budget; a day from its last use."""
    return f"pastiche:pyramid:{key}"


def vectors_of(digest: str) -> str:
    """Set: keys of the vectors and pyramids that jobs with a picture used; to forget them with it."""
    return f"pastiche:vectors:{digest}"


def made(digest: str) -> str:
    """What was made from the same pictures and options before."""
    return f"pastiche:made:{digest}"


def record(job_id: str) -> str:
    """Hash: what is known of a job from submission on (job, queue, user, kind, event)."""
    return f"pastiche:job:{job_id}"


def done(job_id: str) -> str:
    """The job's terminal result; whoever sets it first has the only word."""
    return f"pastiche:done:{job_id}"


def cancel(job_id: str) -> str:
    """Flag: the job should stop; with ``STOP_AND_KEEP`` it leaves what it has."""
    return f"pastiche:cancel:{job_id}"


def outbox(frontend: str) -> str:
    """Stream of a frontend's terminal results."""
    return f"pastiche:outbox:{frontend}"


def progress(frontend: str) -> str:
    """Channel of a frontend's progress events."""
    return f"pastiche:progress:{frontend}"


def pending(user: str) -> str:
    """Sorted set: a user's unfinished jobs by time of submission."""
    return f"pastiche:pending:{user}"


def chat_pending(chat: str) -> str:
    """Sorted set: a chat's unfinished jobs by time of submission."""
    return f"{CHAT_PENDING}{chat}"


def jobs_of(user: str) -> str:
    """Sorted set: a user's jobs of the last days by time of submission."""
    return f"pastiche:userjobs:{user}"


def given(user: str) -> str:
    """Set: hashes of pictures that a user gave; earlier releases wrote it, for a day."""
    return f"pastiche:given:{user}"


def quota(user: str, day: str) -> str:
    """Counter: jobs that a user submitted on a day. It outlives ``forget me``, so it names nobody."""
    return f"pastiche:quota:{fingerprint(day, user)}"


def fingerprint(*words: str) -> str:
    """A name for a counter that does not say whose it is.

    Args:
        words: The day among them, so that tomorrow's name is another one.
    """
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:20]


def line(queue: str) -> str:
    """Hash: which jobs wait in a queue, in which round and since when; for fair places."""
    return f"pastiche:line:{queue}"


def getting(waiting: str) -> str:
    """How far the download is that a job, or a queue, waits for."""
    return f"pastiche:getting:{waiting}"


def lease(worker: str) -> str:
    """What a live worker runs ("-" for nothing); gone a few seconds after the worker."""
    return f"pastiche:lease:{worker}"


def ready(worker: str) -> str:
    """Hash about a live and warm worker; lives as long as its lease."""
    return f"pastiche:worker:{worker}"


STOP_AND_KEEP = b"keep"
WORKERS = "pastiche:workers"  # set of worker names; those without a lease are dead
FAILURES = "pastiche:failures"  # sorted set: the jobs that failed last, by Unix time
SERVICE_TIMES = "pastiche:service"  # hash: kind of job → seconds, exponentially weighted
REAPER_LOCK = "pastiche:reaper"
REAPER_SPELL = "pastiche:reaper:spell"  # hash: since when reapers have looked without a long gap, and the last look
SWEEP_LOCK = "pastiche:sweep"  # held by whoever swept the byte store last
COUNTERS = "pastiche:counters"  # hash of totals for the metrics


def rq_job(job_id: str) -> str:
    """RQ's hash of a job."""
    return f"rq:job:{job_id}"


def rq_queue(queue: str) -> str:
    """RQ's list of waiting job ids."""
    return f"rq:queue:{queue}"


def rq_intermediate(queue: str) -> str:
    """RQ's list of ids that were taken and not yet started."""
    return f"rq:queue:{queue}:intermediate"


def rq_started(queue: str) -> str:
    """RQ's sorted set of ``job:execution`` that run."""
    return f"rq:wip:{queue}"


def rq_execution(entry: str) -> str:
    """RQ's hash of one execution, by its entry in ``rq_started``."""
    return f"rq:execution:{entry}"


def rq_executions(job_id: str) -> str:
    """RQ's sorted set of a job's executions."""
    return f"rq:executions:{job_id}"


def rq_finished(queue: str) -> str:
    """RQ's sorted set of finished job ids."""
    return f"rq:finished:{queue}"


def rq_failed(queue: str) -> str:
    """RQ's sorted set of failed job ids."""
    return f"rq:failed:{queue}"


def rq_worker(name: str) -> str:
    """RQ's hash of a worker."""
    return f"rq:worker:{name}"


RQ_QUEUES = "rq:queues"
RQ_WORKERS = "rq:workers"


def rq_registers(queues: Iterable[str]) -> list[str]:
    """RQ's sets of its workers' records: of all, and of those of each queue."""
    return [RQ_WORKERS, *(f"{RQ_WORKERS}:{queue}" for queue in queues)]
