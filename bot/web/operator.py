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
from bot.web.throttle import PASSWORDS, Throttle, address_of
from bot.web.visitors import language_of
from nst.errors import BusyError, OperatorError
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
