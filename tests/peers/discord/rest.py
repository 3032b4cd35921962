"""REST v10 and the CDN, with the rules that a bot meets in the wild."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import BodyPartReader, web

from tests.peers.discord.faults import Fault, Faults
from tests.peers.discord.gateway import Gateway
from tests.peers.discord.rules import IMAGE_TYPES, RefusalError, check_choices, check_commands, check_message, own_rules
from tests.peers.discord.schema import Schema
from tests.peers.discord.world import (
    ATTACH_FILES,
    EPHEMERAL,
    LOADING,
    READ_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    Channel,
    Interaction,
    Json,
    Message,
    World,
    snowflake,
)

ACK_LIMIT_S = 3.0  # Discord's
_PATIENCE_S = 30.0  # ours: other processes may keep a bot from the processor for longer than Discord would wait
_MESSAGE, _DEFERRED_MESSAGE, _DEFERRED_UPDATE, _UPDATE, _CHOICES = 4, 5, 6, 7, 8
_TOO_MANY = 429
_PREFIX = "/api/v10"

Files = dict[str, bytes]
Answer = tuple[int, Any]


class Rest:
    """The HTTP side of the peer.

    Args:
        world: What there is.
        gateway: To tell about new private channels.
        faults: What goes wrong.
        schema: Discord's own description, or None where it is not at hand.
    """

    def __init__(self, world: World, gateway: Gateway, faults: Faults, schema: Schema | None) -> None:
        self._world = world
        self._gateway = gateway
        self._faults = faults
        self._schema = schema

    def application(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._serve)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        if host == "gateway.discord.gg":
            return await self._gateway.serve(request)
        if host in ("cdn.discordapp.com", "media.discordapp.net", "images-ext-1.discordapp.net"):
            return await self._file(request)
        return await self._api(request)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        self._world.order.append(request.path)
        fault = self._faults.meet("GET", request.path)
        if fault and fault.hold:
            await _let_through(fault)
            fault = None
        if fault and fault.status == 0:
            return _cut(request)
        if fault:
            return web.Response(status=fault.status)
        found = self._world.files.get(request.path)
        if found is None:
            return web.Response(status=404)
        return web.Response(body=found[0], content_type=found[1])

    async def _api(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix(_PREFIX)
        payload, files = await _body(request)
        fault = self._faults.meet(request.method, path)
        if fault and fault.hold and not fault.after:
            await _let_through(fault)
            fault = None
        if fault and not fault.after:
            self._world.requests.append((request.method, path, fault.status))
            return _failure(request, fault)
        try:
            self._check(request, path, payload, files)
            status, answer = self._route(request.method, path, payload, files, request)
        except RefusalError as refusal:
            status, answer = refusal.status, {"code": refusal.code, "message": refusal.message}
        self._world.requests.append((request.method, path, status))
        if fault and fault.hold:
            await _let_through(fault)
            fault = None
        if fault:
            return _failure(request, fault)
        if answer is None:
            return web.Response(status=status)
        return web.Response(status=status, body=json.dumps(answer).encode(), content_type="application/json")

    def _check(self, request: web.Request, path: str, payload: Any, files: Files) -> None:
        open_to_all = path.startswith(("/interactions/", "/webhooks/"))
        if not open_to_all and request.headers.get("Authorization") != f"Bot {self._world.token}":
            raise RefusalError(401, 0, "401: Unauthorized")
        if self._schema is not None:
            self._world.checked += 1
            self._world.violations += self._schema.problems(request.method, path, payload)
        message = payload.get("data", payload) if isinstance(payload, dict) else {}
        if isinstance(message, dict) and ("content" in message or files):
            self._world.violations += [f"{request.method} {path}: {rule}" for rule in own_rules(message, files)]

    def _route(self, method: str, path: str, payload: Any, files: Files, request: web.Request) -> Answer:
        match [method, *path.strip("/").split("/")]:
            case ["GET", "users", "@me"]:
                return 200, self._world.bot.to_json() | {"mfa_enabled": False, "verified": True, "email": None}
            case ["GET", "oauth2", "applications", "@me"]:
                return 200, self._application()
            case ["PUT", "applications", _, "commands"]:
                return 200, self._announce(payload)
            case ["POST", "interactions", number, token, "callback"]:
                return self._callback(number, token, payload, files)
            case [verb, "webhooks", _, token, *rest]:
                return self._webhook(verb, self._alive(token), rest, payload, files)
            case [verb, "channels", channel, "messages", *rest]:
                return self._channel_messages(verb, self._channel(channel), rest, payload, files, request)
            case ["GET", "users", number]:
                return 200, self._world.users[number].to_json()
            case ["POST", "users", "@me", "channels"]:
                return 200, self._private_channel(str(payload["recipient_id"])).to_json()
        raise RefusalError(404, 0, "404: Not Found")

    def _application(self) -> Json:
        return {
            "id": self._world.application_id,
            "name": "Pastiche",
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "summary": "",
            "owner": self._world.bot.to_json(),
            "team": None,
        }

    def _announce(self, commands: list[Json]) -> list[Json]:
        check_commands(commands)
        for command in commands:
            command.setdefault("type", 1)
        own = {"application_id": self._world.application_id, "version": snowflake(), "description": ""}
        self._world.commands = [own | command | {"id": snowflake()} for command in commands]
        return self._world.commands

    # Interactions

    def _callback(self, number: str, token: str, payload: Json, files: Files) -> Answer:
        interaction = self._world.interactions.get(number)
        waited_s = time.monotonic() - interaction.sent_s if interaction else 0
        if interaction is None or interaction.token != token or (not interaction.answered and waited_s > _PATIENCE_S):
            raise RefusalError(404, 10062, "Unknown interaction")
        if interaction.answered:
            raise RefusalError(400, 40060, "Interaction has already been acknowledged.")
        kind, data = payload["type"], payload.get("data") or {}
        if kind == _CHOICES:
            check_choices(data["choices"])
            interaction.choices = data["choices"]
        elif kind in (_MESSAGE, _DEFERRED_MESSAGE):
            check_message(data, files, interaction.limit_bytes)
            loading = LOADING if kind == _DEFERRED_MESSAGE else 0
            interaction.message = self._new(interaction, data, files, loading)
        elif kind == _UPDATE:
            check_message(data, files, interaction.limit_bytes)
            self._change(self._source(interaction), data, files)
        interaction.answered, interaction.answered_after_s = kind, waited_s
        self._world.order.append(number)
        return 200, _callback_answer(interaction, kind)

    def _alive(self, token: str) -> Interaction:
        found = next((one for one in list(self._world.interactions.values()) if one.token == token), None)
        if found is None:
            raise RefusalError(404, 10015, "Unknown Webhook")
        if found.expired():
            raise RefusalError(401, 50027, "Invalid Webhook Token")
        return found

    def _webhook(self, verb: str, interaction: Interaction, rest: list[str], payload: Json, files: Files) -> Answer:
        if verb == "POST" and not rest:
            return 200, self._follow_up(interaction, payload, files).to_json()
        if len(rest) != 2 or rest[0] != "messages":
            raise RefusalError(404, 0, "404: Not Found")
        message = self._own_message(interaction, rest[1])
        if verb == "PATCH":
            check_message(payload, files, interaction.limit_bytes)
            self._change(message, payload, files)
        elif verb == "DELETE":
            message.deleted = True
            return 204, None
        return 200, message.to_json()

    def _follow_up(self, interaction: Interaction, payload: Json, files: Files) -> Message:
        check_message(payload, files, interaction.limit_bytes)
        if interaction.message and interaction.message.loading and not interaction.message.deleted:
            self._change(interaction.message, payload, files)
            return interaction.message
        message = self._new(interaction, payload, files, 0)
        interaction.followups.append(message)
        return message

    def _own_message(self, interaction: Interaction, name: str) -> Message:
        original = interaction.message or interaction.source
        found = original if name == "@original" else self._world.messages.get(name)
        if found is None or found.deleted:
            raise RefusalError(404, 10008, "Unknown Message")
        return found

    def _source(self, interaction: Interaction) -> Message:
        if interaction.source is None:
            raise RefusalError(400, 50035, "there is no message to update")
        return interaction.source

    # Messages

    def _new(self, interaction: Interaction, data: Json, files: Files, flags: int) -> Message:
        message = Message(interaction.channel, self._world.bot, asked_by=interaction.user)
        message.flags = (int(data.get("flags") or 0) & EPHEMERAL) | flags
        return self._keep(message, data, files)

    def _keep(self, message: Message, data: Json, files: Files) -> Message:
        self._world.messages[message.id] = message
        self._write(message, data, files)
        return message

    def _change(self, message: Message, data: Json, files: Files) -> None:
        message.flags &= ~LOADING
        self._write(message, data, files)

    def _write(self, message: Message, data: Json, files: Files) -> None:
        if "content" in data:
            message.content = data["content"] or ""
        if "components" in data:
            message.components = data["components"] or []
        if "attachments" in data or files:
            kept = {attachment["id"]: attachment for attachment in message.attachments}
            wanted = data.get("attachments") or []
            message.attachments = [
                kept.get(str(one["id"])) or self._attach(message.channel, one, files[f"files[{one['id']}]"])
                for one in wanted
            ]
        message.remember()

    def _attach(self, channel: Channel, one: Json, data: bytes) -> Json:
        described = attachment_json(self._world, channel, one["filename"], data)
        return described | ({"description": one["description"]} if one.get("description") else {})

    def _channel(self, number: str) -> Channel:
        if number not in self._world.channels:
            raise RefusalError(404, 10003, "Unknown Channel")
        return self._world.channels[number]

    def _channel_messages(
        self, verb: str, channel: Channel, rest: list[str], payload: Json, files: Files, request: web.Request
    ) -> Answer:
        _demand(channel, VIEW_CHANNEL, 50001)
        if not rest and verb == "POST":
            return 200, self._post(channel, payload, files).to_json()
        if not rest:
            _demand(channel, READ_HISTORY, 50013)
            return 200, self._after(channel, request.query)
        message = self._world.messages.get(rest[0])
        if message is None or message.deleted or message.channel is not channel or message.ephemeral:
            raise RefusalError(404, 10008, "Unknown Message")
        if verb == "PATCH":
            if message.author is not self._world.bot:
                raise RefusalError(403, 50005, "Cannot edit a message authored by another user")
            check_message(payload, files, self._world.limit_bytes)
            self._change(message, payload, files)
        elif verb == "DELETE":
            message.deleted = True
            return 204, None
        return 200, message.to_json()

    def _post(self, channel: Channel, payload: Json, files: Files) -> Message:
        _demand(channel, SEND_MESSAGES, 50013)
        if files:
            _demand(channel, ATTACH_FILES, 50013)
        if channel.recipient and not channel.recipient.takes_messages:
            raise RefusalError(403, 50007, "Cannot send messages to this user")
        check_message(payload, files, self._world.limit_bytes)
        nonce = str(payload["nonce"]) if payload.get("nonce") is not None else None
        if nonce is not None and len(nonce) > 25:
            raise RefusalError(400, 50035, "nonce must be 25 or fewer in length")
        messages = list(self._world.messages.values())
        same = [m for m in messages if nonce and m.nonce == nonce and m.channel is channel]
        if same and payload.get("enforce_nonce"):
            return same[0]
        given = payload.get("message_reference")
        reference = {name: str(value) for name, value in given.items()} if given else None
        message = Message(channel, self._world.bot, nonce=nonce, reference=reference)
        return self._keep(message, payload, files)

    def _after(self, channel: Channel, query: Any) -> list[Json]:
        messages = list(self._world.messages.values())
        found = [m for m in messages if m.channel is channel and not m.deleted and not m.ephemeral]
        later = sorted((m for m in found if int(m.id) > int(query.get("after", 0))), key=lambda m: int(m.id))
        limit = int(query.get("limit", 50))
        chosen = later[:limit] if "after" in query else later[-limit:]
        return [self._world.seen(message) for message in reversed(chosen)]

    def _private_channel(self, user_id: str) -> Channel:
        return self._world.private_channel(self._world.users[user_id])


@dataclass(frozen=True)
class Upload:
    """A file that somebody sends."""

    data: bytes
    filename: str = "picture.png"
    flags: int = 0


def upload_json(world: World, channel: Channel, given: bytes | Upload) -> Json:
    """Put what somebody sends on the CDN, and describe it as messages do."""
    upload = given if isinstance(given, Upload) else Upload(given)
    described = attachment_json(world, channel, upload.filename, upload.data)
    return described | ({"flags": upload.flags} if upload.flags else {})


def attachment_json(world: World, channel: Channel, filename: str, data: bytes) -> Json:
    """Put a file on the CDN and describe it as messages do."""
    number = snowflake()
    path = f"/attachments/{channel.id}/{number}/{filename}"
    kind = IMAGE_TYPES.get(filename.rpartition(".")[2], "application/octet-stream")
    world.files[path] = (data, kind)
    return {
        "id": number,
        "filename": filename,
        "size": len(data),
        "url": f"https://cdn.discordapp.com{path}?ex=1&is=1&hm=1",
        "proxy_url": f"https://media.discordapp.net{path}?ex=1&is=1&hm=1",
        "content_type": kind,
    }


async def _let_through(fault: Fault) -> None:
    if fault.hold:
        await asyncio.wait_for(fault.hold.wait(), 120)


def _demand(channel: Channel, permission: int, code: int) -> None:
    if channel.guild_id is not None and not channel.app_permissions & permission:
        raise RefusalError(403, code, "Missing Access" if code == 50001 else "Missing Permissions")


def _callback_answer(interaction: Interaction, kind: int) -> Json:
    answer: Json = {"interaction": {"id": interaction.id, "type": interaction.kind}}
    if interaction.message is not None and kind in (_MESSAGE, _DEFERRED_MESSAGE):
        answer["interaction"] |= {
            "response_message_id": interaction.message.id,
            "response_message_loading": interaction.message.loading,
            "response_message_ephemeral": interaction.message.ephemeral,
        }
        answer["resource"] = {"type": kind, "message": interaction.message.to_json()}
    return answer


async def _body(request: web.Request) -> tuple[Any, Files]:
    if request.content_type.startswith("multipart/"):
        payload: Any = {}
        files: Files = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            data = bytes(await part.read())
            if part.name == "payload_json":
                payload = json.loads(data)
            else:
                files[str(part.name)] = data
        return payload, files
    text = await request.text()
    return (json.loads(text) if text else None), {}


def _failure(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.status == 0:
        return _cut(request)
    body: Json = {"code": fault.code, "message": "as ordered"}
    headers = {}
    if fault.status == _TOO_MANY:
        body |= {"retry_after": fault.retry_after_s, "global": False}
        headers = {"Via": "1.1 google", "Retry-After": str(fault.retry_after_s)}
    text = json.dumps(body).encode()
    return web.Response(status=fault.status, body=text, content_type="application/json", headers=headers)


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)
