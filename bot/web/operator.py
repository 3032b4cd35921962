"""``/operator``: the queue, the workers, estimates and outcomes, for whoever has the password. Off without one.

Plain HTML behind HTTP Basic authentication, refreshed every five seconds; it shows figures, never a picture or a name.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Iterator, Sequence
from typing import cast

import redis
from prometheus_client.metrics_core import Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.texts import duration, explain, say
from bot.web.gallery.frame import Sheet, answer
from bot.web.gallery.html import Html, el
from bot.web.throttle import PASSWORDS, Throttle, address_key
from bot.web.visitors import language_of
from nst.errors import BusyError, OperatorError
from workers import keys
from workers.connection import speaking_redis
from workers.metrics import QueueCollector
from workers.service_times import live_workers

_REFRESH_S = 5
_QUEUE_FIGURES = ("waiting", "running")


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
            if not self._opens(request):
                return await self._refuse(request, language)
            content = await asyncio.to_thread(lambda: list(self._content(language)))
        except OperatorError:
            return answer(_sheet(say("web.away", language), language), status=503)
        return answer(_sheet(say("operator.tagline", language), language, _REFRESH_S), *content)

    def _opens(self, request: Request) -> bool:
        kind, _, coded = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            _, _, given = base64.b64decode(coded, validate=True).partition(b":")
        except (binascii.Error, ValueError):
            return False
        return secrets.compare_digest(given, self._password)

    async def _refuse(self, request: Request, language: str) -> Response:
        """Ask for the password; a wrong one counts, so that nobody tries many."""
        sentence, status = say("operator.denied", language), 401
        if request.headers.get("authorization"):
            address = address_key(request.client and request.client.host)
            try:
                await asyncio.to_thread(self._throttle.take, PASSWORDS, "", address)
            except BusyError as error:
                sentence, status = explain(error, language), 429
        refusal = answer(_sheet(sentence, language), status=status)
        if status == 401:
            refusal.headers["WWW-Authenticate"] = 'Basic realm="Pastiche", charset="UTF-8"'
        return refusal

    def _content(self, language: str) -> Iterator[Html]:
        metrics = {metric.name: metric for metric in QueueCollector(self._connection).collect()}
        with speaking_redis():
            yield _queues(metrics, language)
            yield self._workers(language)
            yield self._estimates(language)
        yield _outcomes(metrics["pastiche_results"], language)

    def _workers(self, language: str) -> Html:
        rows = []
        for worker in live_workers(self._connection):
            runs = cast("bytes | None", self._connection.get(keys.lease(worker["name"]))) or b"-"
            memory = f"{int(worker.get('rss_bytes', '0')) / 2**20:.0f}"
            doing = say("operator.idle", language) if runs == b"-" else runs.decode().split(":")[0][:8]
            rows.append((worker["name"], worker.get("queues", ""), worker.get("device", ""), memory, doing))
        return _table("workers", ("worker", "queues", "device", "memory", "runs"), rows, "no_workers", language)

    def _estimates(self, language: str) -> Html:
        means = cast("dict[bytes, bytes]", self._connection.hgetall(keys.SERVICE_TIMES))
        rows = sorted((kind.decode(), f"{float(seconds):.2f}") for kind, seconds in means.items())
        return _table("eta", ("kind", "seconds"), rows, "no_times", language)


def _sheet(tagline: str, language: str, refresh_s: int = 0) -> Sheet:
    return Sheet(title=say("operator.title", language), tagline=tagline, language=language, refresh_s=refresh_s)


def _queues(metrics: dict[str, Metric], language: str) -> Html:
    figures = []
    for name in _QUEUE_FIGURES:
        for sample in metrics[f"pastiche_queue_{name}"].samples:
            label = say(f"operator.{name}", language, queue=sample.labels["queue"])
            figures.append(_figure(f"{sample.value:g}", label))
    oldest_s = max((sample.value for sample in metrics["pastiche_queue_oldest_seconds"].samples), default=0.0)
    age = duration(oldest_s, language) if oldest_s else "–"
    key = "operator.oldest" if oldest_s else "operator.nothing_waits"
    figures.append(_figure(age, say(key, language, age=age)))
    return el("div", figures, class_="figures")


def _figure(number: str, label: str) -> Html:
    return el("div", el("strong", number), el("span", label), class_="figure")


def _outcomes(results: Metric, language: str) -> Html:
    rows = sorted(
        (sample.labels["method"], sample.labels["outcome"], f"{sample.value:g}")
        for sample in results.samples
        if sample.name.endswith("_total")
    )
    return _table("outcomes", ("method", "outcome", "count"), rows, "no_outcomes", language)


def _table(name: str, columns: Sequence[str], rows: Sequence[Sequence[str]], nothing: str, language: str) -> Html:
    title = say(f"operator.{name}", language)
    heading = el("h2", title)
    if not rows:
        return el("section", heading, el("p", say(f"operator.{nothing}", language), class_="faint"))
    heads = el("tr", *(el("th", say(f"operator.{column}", language), scope="col") for column in columns))
    lines = [el("tr", el("th", first, scope="row"), *(el("td", text) for text in rest)) for first, *rest in rows]
    table = el("table", el("thead", heads), el("tbody", lines), class_="settings")
    return el("section", heading, el("div", table, class_="scrolls", tabindex=0, role="group", aria_label=title))
