"""Strangers: people of three platforms order, press, forge, replay, link and forget at random, on the real bots.

The invariant (docs/security.md): a picture, or one within 8/255 of it, reaches only its owner and the chats where its
owner let it be seen. Everything that the platforms' peers and the web chat show is compared with every secret.
"""

from __future__ import annotations

import io
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from PIL import Image

from tests.e2e.conftest import Pastiche, serving_address
from tests.peers.discord.stage import Stage, Until, running
from tests.peers.discord.world import Interaction, Message, User
from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import SPEC, text_of
from tests.peers.telegram.world import BOT, Json
from workers.store.blobs import blob_hash

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]
DEADLINE_S = 60
LIKE = 8.0  # of 255, in the mean: so near to a photograph is the photograph
SAME = 2.0  # of 255: the same pastiche, compressed anew
_SIDE = 16
Signature = bytes


def photograph(seed: int) -> bytes:
    """A picture like no other: 8 x 8 blocks of random colours."""
    blocks = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192))
    out = io.BytesIO()
    blocks.resize((128, 128), Image.Resampling.NEAREST).save(out, "PNG")
    return out.getvalue()


def signatures(data: bytes) -> list[Signature]:
    """What a picture looks like; a strip is its five cells."""
    try:
        with Image.open(io.BytesIO(data)) as opened:
            seen = opened.convert("RGB")
    except OSError:
        return []
    cells = [seen]
    if seen.width > 2.5 * seen.height:
        cells = []
        for number in range(5):
            left = seen.width * number // 5
            cells.append(seen.crop((left + 13, 13, left + seen.width // 5 - 13, seen.height - 57)))
    return [cell.resize((_SIDE, _SIDE), Image.Resampling.BOX).tobytes() for cell in cells]


def distance(one: Signature, other: Signature) -> float:
    """Mean absolute difference, of 255."""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)


@dataclass
class Secret:
    """A picture that is somebody's.

    Attributes:
        owner: Whose.
        signature: What it looks like.
        places: Where it may be seen.
        near: How like it another picture may be at most.
    """

    owner: str
    signature: Signature
    places: set[str]
    near: float


@dataclass
class Ledger:
    """All secrets, and what was seen of them where."""

    secrets: list[Secret] = field(default_factory=list)

    def keep(self, owner: str, data: bytes, places: set[str], near: float = LIKE) -> None:
        """Note a picture of somebody's."""
        self.secrets += [Secret(owner, one, places, near) for one in signatures(data)]

    def see(self, actor: str, place: str, data: bytes, homes: dict[str, set[str]]) -> None:
        """A picture came up somewhere after an act of somebody's."""
        for seen in signatures(data):
            known = [one for one in self.secrets if distance(one.signature, seen) < one.near]
            for secret in known:
                if secret.owner == actor:
                    secret.places.add(place)  # their own picture, shown by themselves
                assert place in secret.places, f"{actor} had {secret.owner}'s picture shown at {place}"
            if not known:
                self.secrets.append(Secret(actor, seen, {place, *homes[actor]}, SAME))


class City:
    """Everything that runs, for all examples of the model."""

    def __init__(self, folder: Path, stage: Stage, telegram: TelegramPeer, until: Until) -> None:
        self.stage, self.telegram, self.until = stage, telegram, until
        environment = {
            "REDIS_URL": stage.server.url,
            "TELEGRAM_TOKEN": TOKEN,
            "TELEGRAM_API_URL": telegram.url,
            "WEB_HOST": "127.0.0.1",
            "WEB_PORT": "0",
            "DATA_DIR": str(folder / "data"),
        }
        self.bot = Pastiche("telegram", folder / "telegram", environment)
        self.web = Pastiche("web", folder / "web", environment)
        self.numbers = iter(range(6_000_001, 7_000_000))
        self.url = serving_address(self.web, until)
        until(lambda: self.bot.lives() and "Telegram: ready" in self.bot.log, "the Telegram bot", DEADLINE_S)

    def close(self) -> None:
        assert self.bot.stop() == 0
        self.web.stop()

    def settle(self) -> None:
        """Nothing is under way any more."""
        connection = self.stage.connection

        def quiet() -> bool:
            pending = list(connection.scan_iter(match="pastiche:pending:*", count=1000))
            told = list(connection.scan_iter(match="pastiche:outbox:*", count=1000))
            return not any(map(connection.zcard, pending)) and not any(map(connection.xlen, told))

        self.until(quiet, "an end of all jobs", DEADLINE_S)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[City]:
    folder = tmp_path_factory.mktemp("city")
    spec = SPEC if SPEC.is_file() else None
    with running(folder, until, tmp_path_factory.getbasetemp() / "bytecode") as stage, TelegramPeer(spec) as telegram:
        city = City(folder, stage, telegram, until)
        try:
            yield city
        finally:
            city.close()


PEOPLE = ("ann", "bob", "cem")  # ann and bob share a group and a server's channel; cem is a stranger to both
WHO = st.sampled_from(PEOPLE)
ANY = st.integers(0, 10_000)
WORDS = st.sampled_from(["mosaic palette 60", "peacock palette 80", "mosaic palette 100"])


class Strangers(RuleBasedStateMachine):
    """One world of six accounts."""

    city: City

    @initialize(salt=st.integers(0, 2**64))
    def move_in(self, salt: int) -> None:
        """Another beginning for each world: what may be drawn later depends on what real processes did."""
        city = self.city
        group = city.telegram.group(-1_000_000 - next(city.numbers))
        self.group = group
        ids = {name: next(city.numbers) for name in PEOPLE}
        self.alone = {name: city.telegram.person(number) for name, number in ids.items()}
        self.together = {name: city.telegram.person(ids[name], group) for name in PEOPLE[:2]}
        city.telegram.do(lambda: city.telegram.world.absent.add((group, ids["cem"])))
        self.users = {name: city.stage.peer.add_user(f"{name}{ids[name]}") for name in PEOPLE}
        self.channel = city.stage.peer.add_channel(f"room{ids['ann']}")
        self.browsers = {name: httpx.Client(base_url=city.url) for name in PEOPLE}
        for browser in self.browsers.values():
            browser.get("/")
        self.homes = {name: self._homes(name) for name in PEOPLE}
        self.ledger, self.looked = Ledger(), set[str]()
        self.codes, self.digests, self.files = set[str](), set[str](), dict[str, tuple[str, bytes]]()
        for name, person in self.alone.items():
            self._told(person, partial(person.send, "/help"))
            self.order_on_telegram(name, "mosaic palette 80", False, 1)
            self.order_on_discord(name, "peacock palette 80", name == "bob", 2)
        self.order_on_telegram("ann", "peacock palette 60", True, 3)
        for name, person in self.alone.items():
            message = next(m for m in person.bot_messages() if any(one.startswith("r.") for one in _callbacks(m)))
            self._press(person, message, next(one for one in _callbacks(message) if one.startswith("r.recipe")))
            self._look(name)

    def _homes(self, name: str) -> set[str]:
        user = self.users[name]
        private = self.city.stage.peer.private(user)
        chat = self.alone[name].chat_id
        return {f"telegram:{chat}", f"discord:{private.id}", f"discord:whispered to {user.id}", f"web:{name}"}

    # What people do

    @rule(name=WHO, words=WORDS, group=st.booleans(), seed=ANY)
    def order_on_telegram(self, name: str, words: str, group: bool, seed: int) -> None:
        person = self.together[name] if group and name in self.together else self.alone[name]
        data = self._photograph(name, seed, {f"telegram:{person.chat_id}"})
        self._told(person, lambda: person.photo(data, caption=f"/style@{BOT['username']} {words}"))
        self._look(name)

    @rule(name=WHO, words=WORDS, private=st.booleans(), seed=ANY)
    def order_on_discord(self, name: str, words: str, private: bool, seed: int) -> None:
        style, method, strength = words.split()
        user = self.users[name]
        place = self.city.stage.peer.private(user) if private or name == "cem" else self.channel
        data = self._photograph(name, seed, set())
        options: Json = {"content": data, "style": style, "method": method, "strength": int(strength)}
        self._answered(self.city.stage.peer.slash("style", user, place, **options))
        self._look(name)

    @rule(name=WHO, seed=ANY)
    def upload_on_the_web(self, name: str, seed: int) -> None:
        data = self._photograph(name, seed, set())
        answer = self.browsers[name].post("/pictures", content=data, headers={"x-pastiche": "1"})
        assert answer.status_code in (200, 429), answer.text
        self.digests.add(blob_hash(data))

    @rule(name=WHO, place=st.booleans(), choice=ANY)
    def press_what_is_there_on_telegram(self, name: str, place: bool, choice: int) -> None:
        person = self.together[name] if place and name in self.together else self.alone[name]
        buttons = [(message, data) for message in person.bot_messages() for data in _callbacks(message)]
        if buttons:
            message, data = buttons[choice % len(buttons)]
            self._press(person, message, data)
            self._look(name)

    @rule(name=WHO, choice=ANY)
    def forge_on_telegram(self, name: str, choice: int) -> None:
        """Any client can send any callback data, with any message of the bot's that it sees."""
        known = sorted(self._known_callbacks())
        person = self.alone[name]
        if known:
            self._press(person, person.bot_messages()[-1], known[choice % len(known)])
            self._look(name)

    @rule(name=WHO, choice=ANY)
    def press_what_is_there_on_discord(self, name: str, choice: int) -> None:
        user = self.users[name]
        seen = [m for m in self._discord_messages() if self._sees(user, m)]
        buttons = [(message, part) for message in seen for part in message.parts() if part.get("type") == 2]
        if buttons:
            message, part = buttons[choice % len(buttons)]
            self._discord_press(user, message, part.get("custom_id", ""))
            self._look(name)

    @rule(name=WHO, choice=ANY)
    def forge_on_discord(self, name: str, choice: int) -> None:
        user = self.users[name]
        mine = [m for m in self._discord_messages() if m.channel is self.city.stage.peer.private(user)]
        known = sorted(
            {part["custom_id"] for m in self._discord_messages() for part in m.parts() if "custom_id" in part}
        )
        if known and mine:
            self._discord_press(user, mine[-1], known[choice % len(known)])
            self._look(name)

    @rule(name=WHO, choice=ANY, link=st.booleans())
    def type_a_code_on_telegram(self, name: str, choice: int, link: bool) -> None:
        codes = sorted(self.codes)
        if codes:
            code, person = codes[choice % len(codes)], self.alone[name]
            self._told(person, lambda: person.send(f"/start recipe_{code}" if link else f"/recipe {code}"))
            self._look(name)

    @rule(name=WHO, choice=ANY, private=st.booleans())
    def type_a_code_on_discord(self, name: str, choice: int, private: bool) -> None:
        codes, user, peer = sorted(self.codes), self.users[name], self.city.stage.peer
        if codes:
            place = peer.private(user) if private or name == "cem" else self.channel
            self._answered(peer.slash("recipe", user, place, code=codes[choice % len(codes)]))
            self._look(name)

    @rule(name=WHO, choice=ANY)
    def ask_the_web_for_it(self, name: str, choice: int) -> None:
        jobs = {data.rpartition(".")[2] for data in self._known_callbacks() if data.startswith("r.")}
        paths = sorted([*(f"/pictures/{one}" for one in self.digests), *(f"/pastiches/{one}" for one in jobs)])
        if paths:
            answer = self.browsers[name].get(paths[choice % len(paths)])
            if answer.status_code == 200:
                self.ledger.see(name, f"web:{name}", answer.content, self.homes)

    @rule(name=WHO)
    def ask_to_be_forgotten(self, name: str) -> None:
        person = self.alone[name]
        self._told(person, lambda: person.send("/privacy"))
        for _ in range(2):  # it asks once more
            message = person.bot_messages()[-1]
            data = next((one for one in _callbacks(message) if one.startswith("p.forget")), "")
            if data:
                self._press(person, message, data)
        self._look(name)

    # How it is watched

    def _photograph(self, name: str, seed: int, shown: set[str]) -> bytes:
        data = photograph(seed + next(self.city.numbers))
        self.ledger.keep(name, data, shown | self.homes[name])
        self.digests.add(blob_hash(data))
        return data

    def _told(self, person: Person, act: Callable[[], Any]) -> None:
        """Do something that the bot answers by a message or by changing one."""
        before = self._writes(person.chat_id)
        act()
        self.city.until(lambda: self._writes(person.chat_id) > before, f"an answer ({self._log()})", DEADLINE_S)
        self.city.settle()

    def _press(self, person: Person, message: Json, data: str) -> None:
        before = self._writes(person.chat_id)
        query = str(10**17 + next(self.city.numbers))
        press = {"id": query, "from": person.user, "chat_instance": "1", "data": data, "message": message}
        self.city.telegram.push(callback_query=press)
        self.city.until(lambda: person.toast(query) is not None, f"an answer to {data} ({self._log()})", DEADLINE_S)
        if not person.toast(query) and not data.startswith(("r.cancel", "c.")):
            self.city.until(lambda: self._writes(person.chat_id) > before, f"{data} ({self._log()})", DEADLINE_S)
        self.city.settle()

    def _discord_press(self, user: User, message: Message, custom_id: str) -> None:
        part = {"type": 2, "custom_id": custom_id}
        self._answered(self.city.stage.peer._press(message, part, user))

    def _answered(self, interaction: Interaction) -> None:
        self.city.until(lambda: interaction.answered is not None, "an acknowledgement", DEADLINE_S)
        answer = interaction.message
        if answer is not None:
            self.city.until(lambda: not answer.loading or answer.deleted, "an answer", DEADLINE_S)
        self.city.settle()

    def _look(self, actor: str) -> None:
        """Compare all that is new to be seen with every secret."""
        for place, name, data in [*self._telegram_pictures(), *self._discord_pictures()]:
            if name not in self.looked:
                self.looked.add(name)
                self.digests.add(blob_hash(data))
                self.ledger.see(actor, place, data, self.homes)
        for person in [*self.alone.values(), *self.together.values()]:
            for message in person.bot_messages():
                self.codes |= set(re.findall(r"recipe_([a-z0-9]+)", text_of(message)))

    def _telegram_pictures(self) -> Iterator[tuple[str, str, bytes]]:
        for person in [*self.alone.values(), *self.together.values()]:
            for message in person.bot_messages():
                for file in [*message.get("photo", [])[-1:], *filter(None, [message.get("document")])]:
                    data = self.city.telegram.world.files[file["file_id"]].data
                    yield f"telegram:{person.chat_id}", f"{person.chat_id} {file['file_id']}", data

    def _discord_pictures(self) -> Iterator[tuple[str, str, bytes]]:
        files = self.city.stage.peer.world.files
        for message in self._discord_messages():
            whispered = f"whispered to {message.asked_by.id}" if message.ephemeral and message.asked_by else ""
            for attachments in (message.attachments, *(revision.attachments for revision in message.history)):
                for attachment in attachments:
                    path = attachment["url"].partition("?")[0].removeprefix("https://cdn.discordapp.com")
                    yield f"discord:{whispered or message.channel.id}", path, files[path][0]

    def _discord_messages(self) -> list[Message]:
        peer = self.city.stage.peer
        mine = {self.channel.id, *(peer.private(user).id for user in self.users.values())}
        found = [m for m in list(peer.world.messages.values()) if m.author is peer.world.bot]
        return [m for m in found if m.channel.id in mine and not m.deleted]

    def _sees(self, user: User, message: Message) -> bool:
        if message.ephemeral:
            return message.asked_by is user
        return message.channel is self.city.stage.peer.private(user) or (
            message.channel is self.channel and user is not self.users["cem"]
        )

    def _known_callbacks(self) -> set[str]:
        everybody = [*self.alone.values(), *self.together.values()]
        seen = {data for person in everybody for message in person.bot_messages() for data in _callbacks(message)}
        jobs = {data.rpartition(".")[2] for data in seen if data.startswith("r.")}
        verbs = ("original", "recipe", "pick", "other_style", "weaker", "strip", "refine", "time_lapse", "colours")
        return seen | {f"r.{verb}.{job}" for verb in verbs for job in jobs}

    def _writes(self, chat_id: int) -> int:
        requests = list(self.city.telegram.requests)
        writes = ("send", "edit", "delete")
        return sum(
            name.startswith(writes) and name != "sendChatAction" and given.get("chat_id") == chat_id
            for name, given in requests
        )

    def _log(self) -> str:
        return self.city.bot.log[-1500:]


def _callbacks(message: Json) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def test_pictures_reach_only_their_owners_and_the_chats_where_they_were_shown(city: City) -> None:
    class Here(Strangers):
        pass

    Here.city = city
    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=int(os.environ.get("STRANGERS_EXAMPLES", "4")),
            stateful_step_count=20,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
