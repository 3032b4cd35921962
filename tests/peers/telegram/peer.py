"""A Telegram of our own on loopback: real HTTP, one bot, any number of people.

It runs in a thread of its own; a test's calls cross over to it and wait for their answer.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import aiohttp
from aiohttp import web

from tests.peers.telegram.api import Api, RefusalError, Uploads
from tests.peers.telegram.faults import Fault, Faults
from tests.peers.telegram.people import Person
from tests.peers.telegram.schema import Schema
from tests.peers.telegram.world import BOT, Json, World, person

TOKEN = "4242424242:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"  # noqa: S105 - the shape of a token, nobody's
T = TypeVar("T")
_WRITES = ("send", "edit", "delete")
_FREE = ("sendChatAction",)
_GROUP_PER_MINUTE = 20
_MINUTE_S = 55  # requests come later than they were sent, and not all equally late


class TelegramPeer:
    """The server and what tests do with it.

    Args:
        description: ``api.json``, or None where it is absent.
    """

    def __init__(self, description: Path | None = None) -> None:
        self.world, self.faults = World(), Faults()
        self.api = Api(self.world)
        self.schema = Schema(description) if description else None
        self.requests: list[tuple[str, Json]] = []
        self.problems: list[str] = []
        self.url = ""
        self._recent: dict[int, deque[float]] = {}
        self._polls = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="telegram-peer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *what: object) -> None:
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def fault(self, method: str, **how: Any) -> Fault:
        """Let something go wrong."""
        fault = Fault(method, **how)
        self.faults.all.append(fault)
        return fault

    def group(self, chat_id: int, **more: Any) -> int:
        """A group that the bot is in."""
        self.do(lambda: self.world.chat(chat_id).update(more))
        return chat_id

    def person(self, user_id: int, chat_id: int = 0, language: str = "en") -> Person:
        """Somebody in a private chat with the bot, or in a group."""
        self.do(lambda: self.world.chat(chat_id or user_id))
        return Person(self, person(user_id, language), chat_id or user_id)

    def person_again(self, somebody: Person) -> Person:
        """Somebody of a group, in their private chat with the bot."""
        user_id = somebody.user["id"]
        self.do(lambda: self.world.chat(user_id))
        return Person(self, somebody.user, user_id)

    def do(self, action: Callable[[], T]) -> T:
        """Do something in the peer's thread."""

        async def act() -> T:
            return action()

        return cast(T, self._run(act()))

    def push(self, **update: Any) -> None:
        """An update for the bot, by whichever way it listens."""

        def act() -> None:
            whole = self.world.push(**update)
            if self.api.webhook:
                self.world.updates.remove(whole)
                self._loop.create_task(self._call_webhook(whole))
            self._news.set()

        self.do(act)

    def push_together(self, *messages: Json) -> None:
        """Messages that one answer to getUpdates brings."""

        def act() -> None:
            for message in messages:
                self.world.push(message=message)
            self._news.set()

        self.do(act)

    def later(self, delay_s: float, **update: Any) -> None:
        """An update for the bot after a while."""
        self.do(lambda: self._loop.call_later(delay_s, self._later, update))

    def _later(self, update: Json) -> None:
        self.world.push(**update)
        self._news.set()

    def membership(self, chat_id: int, by: Person, status: str) -> None:
        """The bot is removed from a chat (``kicked``) or added (``member``), and hears of it."""
        gone = status in ("kicked", "left")
        self.do(lambda: (self.world.blocked.add if gone else self.world.blocked.discard)(chat_id))
        before, after = ("member", status) if gone else ("kicked", status)
        until = {"until_date": 0}
        old, new = ({"user": BOT, "status": one} | (until if one == "kicked" else {}) for one in (before, after))
        change = {"from": by.user, "date": 1, "old_chat_member": old, "new_chat_member": new}
        self.push(my_chat_member={"chat": self.do(lambda: self.world.chat(chat_id)), **change})

    def sent_to(self, chat_id: int) -> list[str]:
        """What was asked of the server about a chat so far: the methods."""
        return self.do(lambda: [name for name, given in self.requests if given.get("chat_id") == chat_id])

    def calls(self, method: str) -> list[Json]:
        """All requests of a method so far."""
        return self.do(lambda: [given for name, given in self.requests if name == method])

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(60)

    async def _start(self) -> None:
        self._news = asyncio.Event()
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_get("/file/bot{token}/{path:.+}", self._file)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def _stop(self) -> None:
        self._polls += 1
        self._news.set()
        await self._runner.cleanup()

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["path"].removeprefix("photos/").removesuffix(".jpg")
        file = self.world.files.get(name)
        if request.match_info["token"] != TOKEN or file is None:
            return web.Response(status=404)
        fault = self.faults.take("file", 0, file_id=name)
        if fault is not None and await self._stops(request, fault):
            return self._broken(request, fault)
        return web.Response(body=file.data)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != TOKEN:
            return _refusal(RefusalError("Unauthorized", 401))
        method = request.match_info["method"]
        try:
            given, uploads = await _read(request)
        except ConnectionResetError:
            return web.Response(status=400)  # the bot was killed while it wrote
        if method == "getUpdates":
            return await self._get_updates(given)
        self.requests.append((method, given))
        if self.schema:
            self.problems += self.schema.problems(method, given, set(uploads))
        chat_id = given.get("chat_id")
        message_id = given.get("message_id")
        chat, message = (name if isinstance(name, int) else 0 for name in (chat_id, message_id))
        fault = self.faults.take(method, chat, message, str(given.get("file_id", "")))
        if fault is not None and await self._stops(request, fault):
            return self._broken(request, fault)
        try:
            self._check_flood(method, chat_id)
            result = self.api.call(method, given, uploads)
        except (KeyError, TypeError, AttributeError) as error:
            self.problems.append(f"{method}: {type(error).__name__} {error}: {given!r:.300}")
            return _refusal(RefusalError(f"Bad Request: {error}"))
        except RefusalError as error:
            if error.status == 400 and not _expected(error):
                self.problems.append(f"{method}: {error.description}")
            return _refusal(error)
        broken = fault is not None and fault.status != 200
        return self._broken(request, fault) if broken and fault else web.json_response({"ok": True, "result": result})

    async def _stops(self, request: web.Request, fault: Fault) -> bool:
        """Whether a fault comes before the act."""
        await asyncio.sleep(fault.slow_s)
        gone = request.transport is None or request.transport.is_closing()
        return gone or (fault.status != 200 and not fault.after)

    def _broken(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if fault.status == 0:
            if request.transport:
                request.transport.abort()
            return web.Response(status=500)
        parameters = {"retry_after": fault.retry_after_s} if fault.status == 429 else {}
        text = fault.description or {429: "Too Many Requests", 403: "Forbidden", 502: "Bad Gateway"}.get(
            fault.status, ""
        )
        return _refusal(RefusalError(text or "Internal Server Error", fault.status, **parameters))

    def _check_flood(self, method: str, chat_id: Any) -> None:
        """Twenty messages a minute in a group, edits among them."""
        if not isinstance(chat_id, int) or chat_id > 0 or method in _FREE or not method.startswith(_WRITES):
            return
        recent, now_s = self._recent.setdefault(chat_id, deque()), time.monotonic()
        while recent and now_s - recent[0] > _MINUTE_S:
            recent.popleft()
        if len(recent) >= _GROUP_PER_MINUTE:
            self.problems.append(f"{method}: flood in {chat_id}")
            raise RefusalError("Too Many Requests: retry after 3", 429, retry_after=3)
        recent.append(now_s)

    async def _get_updates(self, given: Json) -> web.StreamResponse:
        """The newer poll wins, as with Telegram: the older one gets 409."""
        fault = self.faults.take("getUpdates", 0)
        self.requests.append(("getUpdates", given))
        if fault is not None:
            parameters = {"retry_after": fault.retry_after_s} if fault.status == 429 else {}
            return _refusal(RefusalError(fault.description or "Internal Server Error", fault.status, **parameters))
        self._polls += 1
        mine, deadline = self._polls, time.monotonic() + given.get("timeout", 0)
        self._news.set()
        while True:
            found = self.world.pending(given.get("offset", 0), given.get("limit", 100))
            if mine != self._polls:
                text = (
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
                )
                return _refusal(RefusalError(text, 409))
            if found or time.monotonic() >= deadline:
                return web.json_response({"ok": True, "result": found})
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                continue

    async def _call_webhook(self, update: Json) -> None:
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.api.webhook.get("secret_token", "")}
        url = self.api.webhook["url"]
        async with aiohttp.ClientSession() as session, session.post(url, json=update, headers=headers) as answer:
            if answer.status != 200:
                self.problems.append(f"webhook: {answer.status}")


async def _read(request: web.Request) -> tuple[Json, Uploads]:
    given: Json = {}
    uploads: Uploads = {}
    if request.content_type == "application/json":
        return await request.json(), uploads
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            uploads[name] = (value.filename, value.file.read())
        else:
            given[name] = _parsed(name, str(value))
    for name, text in request.query.items():
        given[name] = _parsed(name, text)
    return given, uploads


def _parsed(name: str, text: str) -> Any:
    """Everything but plain text is JSON."""
    if name in ("text", "caption", "callback_query_id", "inline_query_id", "file_id", "secret_token", "url"):
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _expected(error: RefusalError) -> bool:
    """Whether a refusal is nothing that a bot could have known: not after a kill whether it had answered a press."""
    known = ("not modified", "query is too old")
    return bool(error.parameters) or any(words in error.description for words in known)


def _refusal(error: RefusalError) -> web.Response:
    body: Json = {"ok": False, "error_code": error.status, "description": error.description}
    if error.parameters:
        body["parameters"] = error.parameters
    return web.json_response(body, status=error.status)
