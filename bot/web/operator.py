"""``/operator``: the queue, the workers, estimates, failures and outcomes, for whoever has the password.

Off without one. Plain HTML behind HTTP Basic authentication, refreshed every five seconds; it shows figures and the
ids of jobs, never a picture or a name.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import secrets
from collections.abc import Iterator

import redis
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.texts import explain, say
from bot.web.gallery.frame import Sheet, answer
from bot.web.gallery.html import Html
from bot.web.ledger import unfinished
from bot.web.operator_tables import estimates, failures, jobs, outcomes, queues, staff
from bot.web.throttle import PASSWORDS, Throttle, address_key
from bot.web.visitors import language_of
from nst.errors import BusyError, OperatorError
from workers.connection import speaking_redis
from workers.metrics import QueueCollector
from workers.outbox import last_failures

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
        connection = self._connection
        metrics = {metric.name: metric for metric in QueueCollector(connection).collect()}
        with speaking_redis():
            yield queues(metrics, language)
            yield jobs(unfinished(connection), language)
            yield failures(last_failures(connection), language)
            yield staff(connection, language)
            yield estimates(connection, language)
        yield outcomes(metrics["pastiche_results"], language)


def _sheet(tagline: str, language: str, refresh_s: int = 0) -> Sheet:
    return Sheet(title=say("operator.title", language), tagline=tagline, language=language, refresh_s=refresh_s)
