"""``/operator``: the queue, the workers, estimates, failures and outcomes, for whoever has the password.

Off without one. Plain HTML behind HTTP Basic authentication, refreshed every five seconds; it shows figures and the
ids of jobs, never a picture or a name.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

import redis
from prometheus_client.metrics_core import Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.chat.captions import failure, standing
from bot.chat.service import Standing
from bot.texts import duration, explain, say
from bot.web.plain_page import Html, Sheet, answer, el
from bot.web.protection.throttle import PASSWORDS, Throttle, address_of
from bot.web.shared import language_of
from nst.errors import BusyError, OperatorError, UserError
from workers.client.estimates import eta_s, live_workers
from workers.client.outbox import last_failures
from workers.client.progress import last_event
from workers.contract import ContractError, Event, Job, Result
from workers.metrics import QueueCollector
from workers.routing import QUEUES
from workers.store import keys

# What the operator's page tells of single jobs: which run, which are next and until when, and which failed.
#
# Synchronous. Nothing of it says who asked, or shows what they sent.
NEXT = 20  # of those that wait, of each queue; an estimate looks at all that are ahead


@dataclass(frozen=True)
class Unfinished:
    """A job that runs or waits.

    Attributes:
        job_id: Which.
        kind: What it is like for estimates, such as ``fast:768``.
        queue: Where it is.
        place: Its place in the line from 1; 0 while it runs.
        event: The last one, or None.
        eta_s: Seconds until it will be ready, or None where nothing like it was measured.
    """

    job_id: str
    kind: str
    queue: str
    place: int
    event: Event | None
    eta_s: float | None


def unfinished(connection: redis.Redis) -> list[Unfinished]:
    """What runs, then the next ``NEXT`` of each queue.

    Args:
        connection: To the queue's Redis.
    """
    runs = [(queue, 0, job_id) for queue in QUEUES for job_id in _running(connection, queue)]
    waits = [(queue, place, job_id) for queue in QUEUES for place, job_id in _waiting(connection, queue)]
    return [_look(connection, *job) for job in (*runs, *waits)]


def _running(connection: redis.Redis, queue: str) -> list[str]:
    entries = cast("list[bytes]", connection.zrange(keys.rq_started(queue), 0, -1))
    return [entry.decode().rpartition(":")[0] for entry in entries]


def _waiting(connection: redis.Redis, queue: str) -> list[tuple[int, str]]:
    ids = cast("list[bytes]", connection.lrange(keys.rq_queue(queue), 0, NEXT - 1))
    return [(place, job_id.decode()) for place, job_id in enumerate(ids, 1)]


def _look(connection: redis.Redis, queue: str, place: int, job_id: str) -> Unfinished:
    kind = cast("bytes | None", connection.hget(keys.record(job_id), "kind"))
    event = last_event(connection, job_id)
    told_s = event.eta_s if event and not place and event.eta_s >= 0 else None
    left_s = eta_s(connection, job_id) if told_s is None else told_s
    return Unfinished(job_id, (kind or b"").decode(), queue, place, event, left_s)


_REFRESH_S = 5


class OperatorPage:
    """The page.

    Args:
        connection: To the queue's Redis.
        password: What opens it; not "".
        language: For browsers that name none that is spoken here.
    """

    def __init__(self, connection: redis.Redis, password: str, language: str) -> None:
        self._connection = connection
        self._password = password.encode()
        self._language = language
        self._throttle = Throttle(connection)

    def routes(self) -> list[BaseRoute]:
        """Its one route."""
        return [Route("/operator", self._show)]

    async def _show(self, request: Request) -> Response:
        language = language_of(request.headers.get("accept-language"), self._language)
        try:
            if not await self._opens(request):
                return _refusal(say("operator.denied", language), language, 401)
            content = await asyncio.to_thread(lambda: list(self._content(language)))
        except BusyError as error:
            return _refusal(explain(error, language), language, 429)
        except OperatorError:
            return answer(_sheet(say("web.away", language), language), status=503)
        return answer(_sheet(say("operator.tagline", language), language, _REFRESH_S), *content)

    async def _opens(self, request: Request) -> bool:
        """Count first, compare then: of guesses sent at once no more are looked at than of guesses in turn.

        Raises:
            BusyError: Too many wrong ones came; the right one is not looked at, either.
        """
        given = _password(request)
        if given is None:
            return False
        address = address_of(request.scope)
        await asyncio.to_thread(self._throttle.take, PASSWORDS, "", address)
        # Of equal length first: how long a comparison takes would tell the password's.
        known, guess = (hashlib.sha256(text).digest() for text in (self._password, given))
        if not secrets.compare_digest(known, guess):
            return False
        await asyncio.to_thread(self._throttle.give_back, PASSWORDS, "", address)
        return True

    def _content(self, language: str) -> Iterator[Html]:
        connection = self._connection
        metrics = {metric.name: metric for metric in QueueCollector(connection).collect()}
        yield queues(metrics, language)
        yield jobs(unfinished(connection), language)
        yield failures(last_failures(connection), language)
        yield staff(connection, language)
        yield estimates(connection, language)
        yield outcomes(metrics["pastiche_results"], language)


def _password(request: Request) -> bytes | None:
    """What came with the request; None where nothing did, b"" where it cannot be read."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    kind, _, coded = header.partition(" ")
    try:
        _, _, given = base64.b64decode(coded, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b""
    return given if kind.lower() == "basic" else b""


def _refusal(sentence: str, language: str, status: int) -> Response:
    refusal = answer(_sheet(sentence, language), status=status)
    if status == 401:
        refusal.headers["WWW-Authenticate"] = 'Basic realm="Pastiche", charset="UTF-8"'
    return refusal


def _sheet(tagline: str, language: str, refresh_s: int = 0) -> Sheet:
    return Sheet(title=say("operator.title", language), tagline=tagline, language=language, refresh_s=refresh_s)


# The operator's page in parts: figures and tables as HTML.
_QUEUE_FIGURES = ("waiting", "running")
_ID_LETTERS = 8  # as in the sentences that name a job


def queues(metrics: dict[str, Metric], language: str) -> Html:
    """What waits and runs, in large figures.

    Args:
        metrics: The queue's, by name.
        language: The reader's, as everywhere here.
    """
    figures = []
    for name in _QUEUE_FIGURES:
        for sample in metrics[f"pastiche_queue_{name}"].samples:
            label = say(f"operator.{name}", language, queue=sample.labels["queue"])
            figures.append(_figure(f"{sample.value:g}", label))
    oldest_s = max((sample.value for sample in metrics["pastiche_queue_oldest_seconds"].samples), default=0.0)
    age = duration(oldest_s, language) if oldest_s else "–"
    key = "operator.oldest" if oldest_s else "operator.nothing_waits"
    figures.append(_figure(age, say(key, language)))
    return el("div", figures, class_="figures")


def jobs(shown: Sequence[Unfinished], language: str) -> Html:
    """What runs and what is next, each with the time until it will be ready."""
    rows = [
        (
            job.job_id[:_ID_LETTERS],
            job.kind,
            standing(Standing(job.event, job.place or None, None), language),
            "–" if job.eta_s is None else duration(job.eta_s, language),
        )
        for job in shown
    ]
    table = _table("jobs", ("job", "kind", "stands", "ready_in"), rows, "no_jobs", language)
    if not any(job.place == NEXT for job in shown):
        return table
    return el("div", table, el("p", say("operator.next_only", language, count=NEXT), class_="faint"))


def failures(failed: Sequence[tuple[float, Result]], language: str) -> Html:
    """What went wrong last, the newest first."""
    rows = []
    for failed_s, result in failed:
        code = str((result.error or {}).get("code", "–"))
        job_id, when = result.job_id[:_ID_LETTERS], _moment(failed_s)
        rows.append((job_id, when, _method(result), code, failure(result, language)))
    return _table("failures", ("job", "when", "method", "code", "sentence"), rows, "no_failures", language)


def staff(connection: redis.Redis, language: str) -> Html:
    """The workers that live, and what each runs."""
    rows = []
    for worker in live_workers(connection):
        runs = cast("bytes | None", connection.get(keys.lease(worker["name"]))) or b"-"
        memory = f"{int(worker.get('rss_bytes', '0')) / 2**20:.0f}"
        doing = say("operator.idle", language) if runs == b"-" else runs.decode().split(":")[0][:_ID_LETTERS]
        rows.append((worker["name"], worker.get("queues", ""), worker.get("device", ""), memory, doing))
    return _table("workers", ("worker", "queues", "device", "memory", "runs"), rows, "no_workers", language)


def estimates(connection: redis.Redis, language: str) -> Html:
    """How long each kind of job takes."""
    means = cast("dict[bytes, bytes]", connection.hgetall(keys.SERVICE_TIMES))
    rows = sorted((kind.decode(), f"{float(seconds):.2f}") for kind, seconds in means.items())
    return _table("eta", ("kind", "seconds"), rows, "no_times", language)


def outcomes(results: Metric, language: str) -> Html:
    """How many jobs ended how."""
    rows = sorted(
        (sample.labels["method"], sample.labels["outcome"], f"{sample.value:g}")
        for sample in results.samples
        if sample.name.endswith("_total")
    )
    return _table("outcomes", ("method", "outcome", "count"), rows, "no_outcomes", language)


def _figure(number: str, label: str) -> Html:
    return el("div", el("strong", number), el("span", label), class_="figure")


def _moment(unix_s: float) -> Html:
    moment = datetime.fromtimestamp(unix_s, UTC)
    return el("time", f"{moment:%Y-%m-%d %H:%M:%S} UTC", datetime=f"{moment:%Y-%m-%dT%H:%M:%SZ}")


def _method(result: Result) -> str:
    """What was asked for; a failure has no method of its own."""
    try:
        return Job.from_json(result.job).options.method
    except (ContractError, UserError):  # of another release
        return "–"


def _table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], nothing: str, language: str) -> Html:
    title = say(f"operator.{name}", language)
    heading = el("h2", title)
    if not rows:
        return el("section", heading, el("p", say(f"operator.{nothing}", language), class_="faint"))
    heads = el("tr", *(el("th", say(f"operator.{column}", language), scope="col") for column in columns))
    lines = [el("tr", el("th", first, scope="row"), *(el("td", text) for text in rest)) for first, *rest in rows]
    table = el("table", el("thead", heads), el("tbody", lines), class_="settings")
    return el("section", heading, el("div", table, class_="scrolls", tabindex=0, role="group", aria_label=title))
