"""The gateway: HELLO, IDENTIFY, READY, GUILD_CREATE, heartbeats, RESUME; zlib-stream where it is asked for."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from aiohttp import WSMsgType, web

from tests.peers.discord.world import Json, World, snowflake

_DISPATCH, _HEARTBEAT, _IDENTIFY, _RESUME, _RECONNECT, _INVALID, _HELLO, _ACK = 0, 1, 2, 6, 7, 9, 10, 11
_AUTHENTICATION_FAILED = 4004
_PRIVILEGED = (1 << 1) | (1 << 8) | (1 << 15)


class Gateway:
    """All connections of the one bot.

    Args:
        world: What there is.
        heartbeat_ms: How often the bot must show that it lives.
    """

    def __init__(self, world: World, heartbeat_ms: int = 40_000) -> None:
        self._world = world
        self._heartbeat_ms = heartbeat_ms
        self._sent: list[Json] = []
        self._sessions: set[str] = set()
        self._live: _Connection | None = None
        self.identified = 0
        self.resumed = 0
        self.heartbeats = 0
        self.ready = asyncio.Event()

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        line = _Connection(socket, request.query.get("compress") == "zlib-stream")
        await line.send({"op": _HELLO, "d": {"heartbeat_interval": self._heartbeat_ms}, "s": None, "t": None})
        async for message in socket:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                await self._hear(line, json.loads(message.data))
        if self._live is line:
            self._live = None
            self.ready.clear()
        return socket

    async def dispatch(self, event: str, data: Json) -> None:
        """Send an event, or keep it for the RESUME where the line is down."""
        payload = {"op": _DISPATCH, "t": event, "s": len(self._sent) + 1, "d": data}
        self._sent.append(payload)
        if self._live is not None:
            await self._live.send(payload)

    async def ask_to_reconnect(self) -> None:
        """Op 7: the bot closes the line and resumes on another one."""
        line, self._live = self._live, None
        self.ready.clear()
        if line is not None:
            await line.send({"op": _RECONNECT, "d": None, "s": None, "t": None})

    async def _hear(self, line: _Connection, payload: Json) -> None:
        match payload["op"]:
            case 1:
                self.heartbeats += 1
                await line.send({"op": _ACK, "d": None, "s": None, "t": None})
            case 2:
                await self._identify(line, payload["d"])
            case 6:
                await self._resume(line, payload["d"])

    async def _identify(self, line: _Connection, data: Json) -> None:
        if data["token"] != self._world.token:
            await line.socket.close(code=_AUTHENTICATION_FAILED)
            return
        if int(data["intents"]) & _PRIVILEGED:
            self._world.violations.append("privileged intents were asked for")
        self.identified += 1
        session = f"session{self.identified}"
        self._sessions.add(session)
        self._sent, self._live = [], line
        application = {"id": self._world.application_id, "flags": 0}
        ready = {
            "v": 10,
            "user": self._world.bot.to_json() | {"verified": True, "mfa_enabled": False, "email": None},
            "guilds": [{"id": self._world.guild_id, "unavailable": True}],
            "session_id": session,
            "resume_gateway_url": "wss://gateway.discord.gg",
            "application": application,
            "private_channels": [],
        }
        await self.dispatch("READY", ready)
        await self.dispatch("GUILD_CREATE", self._world.guild_json())
        self.ready.set()

    async def _resume(self, line: _Connection, data: Json) -> None:
        if data["session_id"] not in self._sessions or data["token"] != self._world.token:
            await line.send({"op": _INVALID, "d": False, "s": None, "t": None})
            return
        self.resumed += 1
        for payload in self._sent[data["seq"] :]:
            await line.send(payload)
        self._live = line
        await self.dispatch("RESUMED", {"_trace": [snowflake()]})
        self.ready.set()


class _Connection:
    def __init__(self, socket: web.WebSocketResponse, compressed: bool) -> None:
        self.socket = socket
        self._zlib: Any = zlib.compressobj() if compressed else None

    async def send(self, payload: Json) -> None:
        text = json.dumps(payload)
        if self.socket.closed:
            return
        if self._zlib is None:
            await self.socket.send_str(text)
        else:
            await self.socket.send_bytes(self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH))
