"""A Discord of one's own on loopback: what the tests see of it, and the hands of its users.

It runs in a thread with an event loop of its own; the bot reaches it over TLS and only through an
HTTP CONNECT proxy. Everything that a bot does wrong is refused as Discord would, or noted in
``violations``.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar

from aiohttp import web

from tests.peers.discord.certificates import make_authority
from tests.peers.discord.connect_proxy import ConnectProxy
from tests.peers.discord.faults import Fault, Faults
from tests.peers.discord.gateway import Gateway
from tests.peers.discord.rest import Rest, Upload, upload_json
from tests.peers.discord.schema import Schema
from tests.peers.discord.world import DEFAULT_LIMIT_BYTES, Channel, Interaction, Json, Message, User, World, snowflake

TOKEN = "peer.token.of-the-tests"  # noqa: S105 - opens nothing
TOKEN_LIFE_S = 15 * 60
_COMMAND, _COMPONENT, _AUTOCOMPLETE = 2, 3, 4
_SLASH, _USER_MENU, _MESSAGE_MENU = 1, 2, 3
_SUBCOMMAND = 1
_STRING, _INTEGER, _BOOLEAN, _USER, _CHANNEL, _ROLE, _NUMBER, _ATTACHMENT = 3, 4, 5, 6, 7, 8, 10, 11
_BUTTON, _SELECT = 2, 3
T = TypeVar("T")


class DiscordPeer:
    """The peer.

    Args:
        folder: For the throw-away certificates.
        spec: Discord's ``openapi.json``, or None where it is not at hand.
    """

    def __init__(self, folder: Path, spec: Path | None = None) -> None:
        self._authority = make_authority(folder)
        self.world = World(TOKEN)
        self.world.users[self.world.bot.id] = self.world.bot
        self._schema = Schema(spec) if spec else None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="discord-peer", daemon=True)
        self.channel = self.add_channel("painting")

    # Life

    def start(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def stop(self) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def environment(self) -> dict[str, str]:
        """What a bot needs to come here."""
        return {
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_PROXY": f"http://127.0.0.1:{self.proxy.port}",
            "SSL_CERT_FILE": str(self._authority.ca),
        }

    async def _start(self) -> None:
        self.faults = Faults()
        self.gateway = Gateway(self.world)
        rest = Rest(self.world, self.gateway, self.faults, self._schema)
        self._runner = web.AppRunner(rest.application(), access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._authority.server_context())
        await site.start()
        port = self._runner.addresses[0][1]
        self.proxy = ConnectProxy(port)
        await self.proxy.start()

    async def _stop(self) -> None:
        self.faults.clear()
        await self.proxy.stop()
        await self._runner.cleanup()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _call(self, work: Coroutine[Any, Any, T], deadline_s: float = 60) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(deadline_s)

    # What there is

    @property
    def violations(self) -> list[str]:
        return self.world.violations

    def add_user(self, name: str, **more: Any) -> User:
        user = User(name, **more)
        self.world.users[user.id] = user
        return user

    def add_channel(self, name: str, **more: Any) -> Channel:
        channel = Channel(name, **{"guild_id": self.world.guild_id, **more})
        self.world.channels[channel.id] = channel
        if channel.guild_id == self.world.guild_id and self._thread.is_alive():
            self._call(self.gateway.dispatch("CHANNEL_CREATE", channel.to_json()))
        return channel

    def add_role(self, name: str) -> str:
        number = snowflake()
        self.world.roles[number] = name
        role = next(role for role in self.world.guild_json()["roles"] if role["id"] == number)
        self._call(self.gateway.dispatch("GUILD_ROLE_CREATE", {"guild_id": self.world.guild_id, "role": role}))
        return number

    def private(self, user: User) -> Channel:
        async def find() -> Channel:
            return self.world.private_channel(user)

        return self._call(find())  # in the peer's thread, where the bot's requests open such channels as well

    def put(self, path: str, data: bytes, kind: str = "image/png") -> str:
        """Put a file on the CDN; its address."""
        self.world.files[path] = (data, kind)
        return f"https://cdn.discordapp.com{path}"

    def avatar(self, user: User, data: bytes) -> str:
        """Put an avatar on the CDN; returns its hash for ``User.avatar``."""
        name = f"{int(user.id):032x}"
        self.world.files[f"/avatars/{user.id}/{name}.png"] = (data, "image/png")
        return name

    def ready(self) -> bool:
        """Whether the bot is connected and its commands are known."""
        return hasattr(self, "gateway") and self.gateway.ready.is_set() and bool(self.world.commands)

    def fail(self, method: str, path: str, **how: Any) -> Fault:
        """Order a failure; see ``Fault``."""
        return self.faults.add(Fault(method, path, **how))

    def hold(self, method: str, path: str, after: bool = False) -> Callable[[], None]:
        """Let requests (or, ``after`` they were acted on, their answers) wait; the returned function lets them go."""
        event = self._call(_new_event())
        self.faults.add(Fault(method, path, times=1_000_000, hold=event, after=after))

        def let_through() -> None:
            self._loop.call_soon_threadsafe(event.set)

        return let_through

    def forget_nonces(self) -> None:
        """Discord knows a nonce for some minutes only."""
        for message in list(self.world.messages.values()):
            message.nonce = None

    def remove_bot(self) -> None:
        """The bot is removed from the server."""
        self._call(self.gateway.dispatch("GUILD_DELETE", {"id": self.world.guild_id}))

    def add_bot(self) -> None:
        """The bot is added to the server again."""
        self._call(self.gateway.dispatch("GUILD_CREATE", self.world.guild_json()))

    def delete_channel(self, channel: Channel) -> None:
        """A channel goes."""
        self._call(self.gateway.dispatch("CHANNEL_DELETE", channel.to_json()))

    def reconnect(self) -> None:
        self._call(self.gateway.ask_to_reconnect())

    def cut_network(self) -> None:
        """Every connection breaks at once."""
        self._loop.call_soon_threadsafe(self.proxy.drop_all)

    def messages(self, channel: Channel | None = None) -> list[Message]:
        """The bot's messages that still exist, private notices left out."""
        found = [m for m in list(self.world.messages.values()) if m.author is self.world.bot and not m.deleted]
        return [m for m in found if not m.ephemeral and m.channel is (channel or self.channel)]

    def picture(self, message: Message) -> bytes:
        """The one picture of a message."""
        (attachment,) = message.attachments
        return self.world.files[_path(attachment["url"])][0]

    def answered_first(self, interaction: Interaction) -> bool:
        """Whether an interaction was acknowledged before any file of its was asked for."""
        done = list(self.world.order)
        answered = done.index(interaction.id) if interaction.id in done else len(done)
        return not set(interaction.attached) & set(done[:answered])

    # What users do

    def slash(self, name: str, user: User, channel: Channel | None = None, **options: Any) -> Interaction:
        """Use a slash command, or one of a group's (``challenge list``); bytes become attachments.

        Extra keys: ``age_s``, ``limit_bytes``, ``owners``.
        """
        place = channel or self.channel
        more = {key: options.pop(key) for key in ("age_s", "limit_bytes", "owners") if key in options}
        name, _, part = name.partition(" ")
        command = self._command(name, _SLASH)
        described = next(one for one in command["options"] if one["name"] == part) if part else command
        resolved: Json = {}
        given = [self._option(described, key, value, place, resolved) for key, value in options.items()]
        self._demand_required(described, options)
        data = {
            "id": command["id"],
            "name": name,
            "type": _SLASH,
            "options": _within(part, given),
            "resolved": resolved,
        }
        return self._interact(_COMMAND, user, place, data, **more)

    def type_in(self, name: str, option: str, text: str, user: User, channel: Channel | None = None) -> Interaction:
        """Ask for autocompletion."""
        name, _, part = name.partition(" ")
        command = self._command(name, _SLASH)
        given: list[Json] = [{"name": option, "type": _STRING, "value": text, "focused": True}]
        data = {"id": command["id"], "name": name, "type": _SLASH, "options": _within(part, given)}
        return self._interact(_AUTOCOMPLETE, user, channel or self.channel, data)

    def menu(self, name: str, user: User, target: Message | User) -> Interaction:
        """Use an entry of a context menu."""
        kind = _MESSAGE_MENU if isinstance(target, Message) else _USER_MENU
        command = self._command(name, kind)
        if isinstance(target, Message):
            resolved: Json = {"messages": {target.id: target.to_json()}}
        else:
            member = {key: value for key, value in target.to_member().items() if key not in ("user", "deaf", "mute")}
            resolved = {"users": {target.id: target.to_json()}, "members": {target.id: member}}
        data = {"id": command["id"], "name": name, "type": kind, "target_id": target.id, "resolved": resolved}
        place = target.channel if isinstance(target, Message) else self.channel
        return self._interact(_COMMAND, user, place, data)

    def press(self, message: Message, button: str, user: User, **more: Any) -> Interaction:
        """Press a button by its meaning (``stronger``); it must be there and enabled."""
        return self._press(message, message.buttons()[button], user, **more)

    def press_labelled(self, message: Message, label: str, user: User) -> Interaction:
        """Press a button by what is written on it."""
        (part,) = [part for part in message.parts() if part.get("label") == label]
        return self._press(message, part, user)

    def _press(self, message: Message, part: Json, user: User, **more: Any) -> Interaction:
        assert part["type"] == _BUTTON
        assert not part.get("disabled")
        data = {"custom_id": part["custom_id"], "component_type": _BUTTON}
        return self._interact(_COMPONENT, user, message.channel, data, source=message, **more)

    def pick(self, message: Message, select: str, value: str, user: User) -> Interaction:
        """Pick from a list by its meaning."""
        part = message.buttons()[select]
        assert value in {option["value"] for option in part["options"]}
        data = {"custom_id": part["custom_id"], "component_type": _SELECT, "values": [value]}
        return self._interact(_COMPONENT, user, message.channel, data, source=message)

    def say(
        self,
        user: User,
        content: str,
        *pictures: bytes | Upload,
        channel: Channel | None = None,
        to: Message | None = None,
        names: tuple[User, ...] = (),
        **more: Any,
    ) -> Message:
        """Write a message; ``@bot`` in it mentions the bot. ``more`` is what else Discord makes of it."""
        place = channel or self.channel
        mentioned = "@bot" in content
        message = Message(place, user, content.replace("@bot", f"<@{self.world.bot.id}>"))
        message.attachments = [upload_json(self.world, place, picture) for picture in pictures]
        message.mentions = [*([self.world.bot] if mentioned else []), *names]
        message.more = more
        if to is not None:
            message.reference = {"message_id": to.id, "channel_id": to.channel.id, "type": 0}
        self.world.messages[message.id] = message
        data = self.world.seen(message)
        if to is not None:
            data["referenced_message"] = to.to_json()
        if place.guild_id is not None:
            data |= {"guild_id": place.guild_id, "member": user.to_member()}
        self._call(self.gateway.dispatch("MESSAGE_CREATE", data))
        return message

    def _interact(
        self,
        kind: int,
        user: User,
        channel: Channel,
        data: Json,
        *,
        source: Message | None = None,
        age_s: float = 0,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        owners: Json | None = None,
    ) -> Interaction:
        number = snowflake(age_s)
        now_s = time.monotonic()
        one = Interaction(
            number, f"token-{number}", kind, user, channel, now_s, now_s + TOKEN_LIFE_S, limit_bytes, source
        )
        one.attached = [_path(file["url"]) for file in data.get("resolved", {}).get("attachments", {}).values()]
        self.world.interactions[number] = one
        payload = self._payload(one, data, owners)
        self._call(self.gateway.dispatch("INTERACTION_CREATE", payload))
        return one

    def _payload(self, one: Interaction, data: Json, owners: Json | None) -> Json:
        channel = one.channel
        payload: Json = {
            "id": one.id,
            "application_id": self.world.application_id,
            "type": one.kind,
            "data": data,
            "channel_id": channel.id,
            "channel": channel.to_json() | {"permissions": str(one.user.permissions)},
            "token": one.token,
            "version": 1,
            "app_permissions": str(channel.app_permissions),
            "locale": one.user.locale,
            "entitlements": [],
            "authorizing_integration_owners": owners or {"0": channel.guild_id or "0"},
            "context": 0 if channel.guild_id else 1 if channel.recipient else 2,
            "attachment_size_limit": one.limit_bytes,
        }
        if one.source is not None:
            payload["message"] = one.source.to_json()
        if channel.guild_id:
            payload |= {"guild_id": channel.guild_id, "member": one.user.to_member(), "guild_locale": "en-US"}
            payload["guild"] = {"id": channel.guild_id, "locale": "en-US", "features": []}
        else:
            payload["user"] = one.user.to_json()
        return payload

    def _command(self, name: str, kind: int) -> Json:
        found = [c for c in self.world.commands if c["name"] == name and c["type"] == kind]
        assert found, f"no command {name!r} of kind {kind} was announced"
        return found[0]

    def _option(self, command: Json, name: str, value: Any, channel: Channel, resolved: Json) -> Json:
        option = next(o for o in command["options"] if o["name"] == name)
        kind = option["type"]
        if kind == _ATTACHMENT:
            described = upload_json(self.world, channel, value)
            resolved.setdefault("attachments", {})[described["id"]] = described
            value = described["id"]
        elif kind == _USER:
            resolved.setdefault("users", {})[value.id] = value.to_json()
            value = value.id
        elif kind == _CHANNEL:
            resolved.setdefault("channels", {})[value.id] = value.to_json() | {"permissions": "0"}
            value = value.id
        elif kind == _ROLE:
            role = next(r for r in self.world.guild_json()["roles"] if r["id"] == value)
            resolved.setdefault("roles", {})[value] = role
        else:
            _check_value(option, value)
        return {"name": name, "type": kind, "value": value}

    @staticmethod
    def _demand_required(command: Json, options: Json) -> None:
        missing = [o["name"] for o in command.get("options", []) if o.get("required") and o["name"] not in options]
        assert not missing, f"{command['name']} needs {missing}"


def _path(url: str) -> str:
    """Of a file on the CDN."""
    return url.partition("?")[0].removeprefix("https://cdn.discordapp.com")


def _within(part: str, given: list[Json]) -> list[Json]:
    """The options as a group's command holds them."""
    return [{"name": part, "type": _SUBCOMMAND, "options": given}] if part else given


def _check_value(option: Json, value: Any) -> None:
    """What Discord's own client would not let a user send."""
    kinds: dict[int, tuple[type, ...]] = {_STRING: (str,), _INTEGER: (int,), _BOOLEAN: (bool,), _NUMBER: (int, float)}
    assert isinstance(value, kinds[option["type"]]), option["name"]
    if option.get("choices"):
        assert value in [choice["value"] for choice in option["choices"]], option["name"]
    if "min_length" in option:
        assert option["min_length"] <= len(str(value)) <= option["max_length"], option["name"]
    if "min_value" in option:
        assert option["min_value"] <= value <= option["max_value"], option["name"]


async def _new_event() -> asyncio.Event:
    return asyncio.Event()
