"""The real bot process against the Telegram peer, with the real Redis and a real worker."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from PIL import Image, ImageChops

from bot.chat.privacy import noted_jobs
from bot.telegram.keyboards import owner_code
from nst.options import StyleOptions
from tests.contests import take_part
from tests.peers.discord.palette_worker import HOLD
from tests.peers.telegram.peer import TOKEN, TelegramPeer
from tests.peers.telegram.people import Person
from tests.peers.telegram.world import BOT_NAME, Json
from tests.ports import reserved_port
from tests.traces import everything, traces_left
from workers.client.client import QueueClient
from workers.client.estimates import live_workers
from workers.client.outbox import post_terminal
from workers.client.progress import write_event
from workers.contract import Event, Job, Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared"))
SPEC = (SHARED if SHARED.is_absolute() else ROOT / SHARED) / "specs" / "api.json"
pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]
Until = Callable[..., Any]
WORKER = str(ROOT / "tests/peers/discord/palette_worker.py")
DEADLINE_S = 60
_NUMBERS = iter(range(7_000_001, 8_000_000))
A_FILE = {"file_id": "BQACAgIAAxkBfirst", "file_unique_id": "first"}
FILM = b"\0\0\0\x18ftypmp42" + bytes(200)
FORWARDED = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}


def picture(seed: int = 1, width: int = 160, height: int = 120, kind: str = "JPEG") -> bytes:
    ramp = Image.linear_gradient("L").resize((width, height))
    bands = [ramp.rotate(37 * seed * (i + 1), fillcolor=(seed * 53 + 80 * i) % 256) for i in range(3)]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, kind)
    return out.getvalue()


class Process:
    """One of the processes under test."""

    def __init__(self, *arguments: str, environment: dict[str, str], log: Path) -> None:
        self.arguments, self.environment, self.log = [sys.executable, *arguments], environment, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                self.arguments,
                cwd=self.log.parent,
                env={**os.environ, "PYTHONPATH": str(ROOT), **self.environment},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def peak_mib(self) -> float:
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def peer() -> Iterator[TelegramPeer]:
    with TelegramPeer(SPEC if SPEC.is_file() else None) as peer:
        yield peer


@pytest.fixture(scope="module")
def environment(redis_server: EmbeddedRedis, peer: TelegramPeer) -> dict[str, str]:
    return {
        "REDIS_URL": redis_server.url,
        "TELEGRAM_TOKEN": TOKEN,
        "TELEGRAM_API_URL": peer.url,
        "TELEGRAM_WEBHOOK_URL": "",
        "LOG_LEVEL": "DEBUG",
        "NST_FAST_MODEL": "bundled",
    }


@pytest.fixture(scope="module")
def worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Process]:
    """Up at once, and able to stand still: see ``palette_worker``."""
    log = tmp_path_factory.mktemp("worker") / "worker.log"
    process = Process(WORKER, environment["REDIS_URL"], environment=environment, log=log)
    process.start()
    yield process
    process.end()


@pytest.fixture(scope="module")
def running(
    environment: dict[str, str], worker: Process, tmp_path_factory: pytest.TempPathFactory, until: Until
) -> Iterator[Process]:
    """The bot, listening, and a worker that paints."""
    bot = Process("-m", "bot", "telegram", environment=environment, log=tmp_path_factory.mktemp("bot") / "bot.log")
    bot.start()
    with connect(environment["REDIS_URL"]) as connection:
        until(lambda: live_workers(connection), f"a worker ({worker.text()})", 120)
    until(lambda: "Telegram: ready" in bot.text(), "the bot", DEADLINE_S)
    yield bot
    assert bot.end() == 0


@pytest.fixture
def bot(running: Process, peer: TelegramPeer) -> Iterator[Process]:
    """The running bot; nothing that Telegram would refuse may happen during a test."""
    before = len(peer.problems)
    yield running
    peer.faults.all.clear()
    assert peer.problems[before:] == []
    assert "Traceback" not in running.text()


@pytest.fixture
def anna(bot: Process, peer: TelegramPeer) -> Person:
    """Somebody new in a private chat."""
    return peer.person(next(_NUMBERS))


class Chat:
    """What is to be seen in a chat, waited for."""

    def __init__(self, person: Person, until: Until) -> None:
        self.person, self._until = person, until

    def message(self, what: Callable[[Json], bool], name: str = "a message") -> Json:
        found: Json = self._until(
            lambda: next((m for m in reversed(self.person.bot_messages()) if what(m)), None),
            f"{name}; there is {[(m.get('text') or m.get('caption')) for m in self.person.bot_messages()]}",
            DEADLINE_S,
        )
        return found

    def asks(self, verb: str) -> Json:
        return self.message(lambda m: has_button(m, f"d.{verb}."), f"a question with {verb}")

    def gone(self, what: Callable[[Json], bool]) -> None:
        self._until(lambda: not any(what(m) for m in self.person.bot_messages()), "it is gone", DEADLINE_S)

    def same(self, message: Json, verb: str) -> Json:
        return self.message(lambda m: m["message_id"] == message["message_id"] and has_button(m, verb), verb)

    def result(self, count: int = 1) -> Json:
        self._until(lambda: len(results(self.person)) >= count, f"{count} results", DEADLINE_S)
        return results(self.person)[count - 1]

    def says(self, words: str) -> Json:
        return self.message(lambda m: words in (m.get("text") or m.get("caption") or ""), repr(words))


@pytest.fixture
def chat(anna: Person, until: Until) -> Chat:
    return Chat(anna, until)


@pytest.fixture
def in_chat(until: Until) -> Callable[[Person], Chat]:
    return lambda person: Chat(person, until)


@contextmanager
def standing_still(url: str, until: Until) -> Iterator[Callable[[], None]]:
    """The worker stays at a stranger's job until it is told to go on: others wait behind it."""
    with connect(url) as connection:
        data, seed = picture(), next(_NUMBERS)
        connection.set(HOLD, seed)
        options = StyleOptions(method="palette", seed=seed)  # like no other's: it is painted, not recalled
        digest = blob_hash(data)
        job = Job(job_id=f"held{seed}", frontend="tests", content=digest, styles=(digest,), options=options, user="any")
        client = QueueClient(connection)
        client.submit(job, [data])
        until(lambda: (event := client.event(job.job_id)) and event.state == "running", "a worker that stands still")
        try:
            yield lambda: connection.delete(HOLD)
        finally:
            connection.delete(HOLD)


@pytest.fixture
def paused(running: Process, redis_server: EmbeddedRedis, until: Until) -> Iterator[Callable[[], None]]:
    """A worker that takes up nothing new until it is told to go on: jobs wait."""
    with standing_still(redis_server.url, until) as go_on:
        yield go_on


def has_button(message: Json, verb: str) -> bool:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return any(button.get("callback_data", "").startswith(verb) for row in rows for button in row)


def results(person: Person) -> list[Json]:
    return [message for message in person.bot_messages() if has_button(message, "r.recipe")]


def uncalled(person: Person) -> list[Json]:
    """All but the short reply that calls those whose job took 20 s: on a busy machine any job may."""
    return [
        message
        for message in person.bot_messages()
        if not (message.get("text") or "").startswith("Your picture is ready")
    ]


def bytes_of(peer: TelegramPeer, message: Json) -> bytes:
    file = message["photo"][-1] if "photo" in message else message["document"]
    return peer.world.files[file["file_id"]].data


def test_a_photo_becomes_a_pastiche_by_buttons(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    content = picture()
    sent = anna.photo(content)
    question = chat.asks("style")
    assert question["reply_to_message"]["message_id"] == sent["message_id"]
    assert question["photo"][-1]["width"] > 900, "the presets' contact sheet"
    presses = [
        anna.press(question, "d.style"),
        anna.press(chat.asks("strength"), anna.named(chat.asks("strength"), "60")),
        anna.press(chat.asks("method"), anna.named(chat.asks("method"), "Palette")),
    ]
    result = chat.result()
    assert len(uncalled(anna)) == 1, "one message from the question to the result"
    assert result["message_id"] == question["message_id"]
    assert "Woodblock waves, strength 60 · palette" in result["caption"]
    pastiche = bytes_of(peer, result)
    with Image.open(io.BytesIO(pastiche)) as image, Image.open(io.BytesIO(content)) as original:
        assert image.size == original.size
        assert ImageChops.difference(image.convert("RGB"), original.convert("RGB")).getbbox() is not None
    for verb in ("weaker", "stronger", "strip", "other_style", "colours", "refine", "original", "recipe", "delete"):
        assert has_button(result, f"r.{verb}."), verb
    assert {query["callback_query_id"] for query in peer.calls("answerCallbackQuery")} >= set(presses)
    assert any(action["chat_id"] == anna.chat_id for action in peer.calls("sendChatAction"))


def test_the_last_choice_is_offered_first_and_one_tap_orders_it(anna: Person, chat: Chat) -> None:
    anna.photo(picture(), caption="/style azulejo 40 palette")
    chat.result()
    anna.photo(picture(2))
    question = chat.asks("last")
    rows = question["reply_markup"]["inline_keyboard"]
    assert rows[0][0]["text"] == "★ Azulejo · 40 · palette"
    assert rows[1][0]["callback_data"].endswith(".azulejo")
    anna.press(question, "d.last")
    assert "strength 40 · palette" in chat.result(2)["caption"]


def test_a_second_photo_is_taken_as_the_style(anna: Person, chat: Chat) -> None:
    anna.photo(picture(1))
    chat.asks("style")
    anna.photo(picture(5))
    anna.press(chat.asks("as_style"), "d.as_style")
    anna.press(chat.asks("strength"), anna.named(chat.asks("strength"), "80"))
    anna.press(chat.asks("method"), anna.named(chat.asks("method"), "Palette"))
    assert "style of your picture, strength 80" in chat.result()["caption"]


def test_a_second_picture_may_be_the_mask(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    cut_out, out = Image.new("RGBA", (160, 120)), io.BytesIO()
    cut_out.paste((0, 0, 0, 255), (80, 0, 160, 120))
    cut_out.save(out, "PNG")

    def painted(result: Json) -> tuple[bool, bool]:
        with Image.open(io.BytesIO(picture(1))) as old, Image.open(io.BytesIO(bytes_of(peer, result))) as new:
            changes = ImageChops.difference(old.convert("RGB"), new.convert("RGB")).convert("L")
        left, right = (changes.crop((x, 8, x + 64, 112)).getextrema() for x in (8, 88))
        return left[1] > 60, right[1] > 60  # type: ignore[operator]

    photo = anna.photo(picture(1))
    chat.asks("style")
    anna.file(out.getvalue())
    asked = chat.asks("mask")
    anna.press(asked, anna.named(asked, "It is the mask: paint only the background"))
    chat.same(asked, "d.style")
    anna.send("mosaic 100 palette")
    assert painted(chat.result()) == (True, False)
    flat = Image.open(io.BytesIO(out.getvalue())).getchannel("A").convert("RGB")
    flat.save(out := io.BytesIO(), "JPEG")
    anna.photo(out.getvalue(), caption="/style mosaic 100 palette subject", answering=photo["message_id"])
    assert painted(chat.result(2)) == (False, True)
    anna.press(chat.result(2), "r.weaker")
    assert painted(chat.result(3)) == (False, True), "buttons keep the mask"


def test_an_album_is_content_and_style_in_any_order_and_spacing(
    peer: TelegramPeer, anna: Person, chat: Chat, until: Until
) -> None:
    """The second item comes first, the first one 1.5 seconds later, and its caption says what to do."""
    first = anna.silently(**anna.a_photo(picture(1)), media_group_id="album1", caption="/style 50 palette")
    second = anna.silently(**anna.a_photo(picture(6)), media_group_id="album1")
    peer.push(message=second)
    peer.later(1.5, message=first)
    assert "style of your picture, strength 50" in chat.result()["caption"]
    assert len(uncalled(anna)) == 1


def test_an_album_in_the_making_delays_no_single_photo(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    """The photo came later, and is asked about before the album is known to be whole."""
    first = anna.silently(**anna.a_photo(picture(1)), media_group_id="album3", caption="/style mosaic 50 palette")
    single = anna.silently(**anna.a_photo(picture(6)))
    peer.push_together(first, single)
    question = chat.asks("style")
    assert question["reply_to_message"]["message_id"] == single["message_id"]
    assert question["message_id"] < chat.result()["message_id"]


def test_three_pictures_of_an_album_are_content_and_a_mix(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    for seed in (1, 2, 3):
        anna.send(**anna.a_photo(picture(seed)), media_group_id="album2")
    anna.press(chat.asks("strength"), "d.strength")
    anna.press(chat.asks("method"), anna.named(chat.asks("method"), "Palette"))
    assert chat.result()["photo"]


def test_style_in_a_caption_in_a_reply_and_by_words(anna: Person, chat: Chat) -> None:
    anna.photo(picture(), caption="/style mosaic 70 palette keep-colours")
    assert "strength 70 · palette" in chat.result(1)["caption"]
    photo = anna.silently(**anna.a_photo(picture(3)), forward_origin=FORWARDED)
    anna.send(f"/style@{BOT_NAME} kilim 30 palette", answering=photo["message_id"])
    assert "strength 30 · palette" in chat.result(2)["caption"]
    anna.photo(picture(4), forward_origin=FORWARDED)
    chat.asks("style")
    anna.send("linocut 20 palette")
    assert "strength 20 · palette" in chat.result(3)["caption"]
    anna.send("/style@another_bot kilim 30", answering=photo["message_id"])
    anna.send("/queue")
    chat.says("Nothing of yours")
    assert len(results(anna)) == 3


def test_a_file_comes_back_as_a_file_in_full_quality(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    anna.file(picture(2, 1100, 820, "PNG"))
    anna.press(chat.asks("style"), "d.style")
    anna.press(chat.asks("strength"), "d.strength")
    anna.press(chat.asks("method"), anna.named(chat.asks("method"), "Palette"))
    result = chat.result()
    assert "photo" not in result
    with Image.open(io.BytesIO(bytes_of(peer, result))) as image:
        assert image.size == (1100, 820)
    assert not has_button(result, "r.original")


def test_a_static_sticker_is_a_picture(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    image.paste(Image.open(io.BytesIO(picture(3, 80, 80))), (24, 24))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=True)
    sent = anna.sticker(buffer.getvalue())
    anna.send("/style mosaic palette", answering=sent["message_id"])
    with Image.open(io.BytesIO(bytes_of(peer, chat.result()))) as shown:
        assert shown.convert("L").crop((0, 0, 4, 4)).histogram()[:245] == [0] * 245, (
            "what is transparent is white in a photo"
        )


def test_what_cannot_be_painted_is_said_at_once_in_the_users_language(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat]
) -> None:
    person = peer.person(next(_NUMBERS), language="fr-CA")
    chat = in_chat(person)
    person.send(document={**A_FILE, "mime_type": "image/png", "file_size": 21 * 2**20})
    chat.says("Ce fichier fait 21.0 Mio ; le maximum est 20.0 Mio")
    person.file(b"this is a text, whatever its name says")
    chat.says("Ce n'est pas une image")
    person.send(sticker={**A_FILE, "type": "regular", "is_animated": True, "is_video": False, "width": 9, "height": 9})
    chat.says("Je ne lis pas les images TGS")
    person.photo(picture(), caption="/style nothing-like-it 70")
    chat.says("Le style nothing-like-it n'existe pas. Il y a : woodblock-waves")
    person.photo(picture(), caption="/style mosaic 101")
    chat.says("strength ne peut pas valoir 101")
    person.photo(picture(1, 2200, 100), caption="/style mosaic palette")
    chat.says("le grand côté peut mesurer au plus")
    person.send("/style mosaic")
    chat.says("Il n'y a pas encore d'image")
    person.send("/help")
    chat.says("Je peins vos images")
    assert peer.calls("getFile")[-1]["file_id"] != A_FILE["file_id"], "too large: not even asked for"


def test_the_buttons_under_a_result(peer: TelegramPeer, anna: Person, chat: Chat, until: Until) -> None:
    anna.photo(picture(), caption="/style mosaic 80 palette")
    result = chat.result()
    anna.press(result, "r.weaker")
    assert "strength 60 · palette" in chat.result(2)["caption"]
    anna.press(result, "r.colours")
    assert "strength 80 · palette" in chat.result(3)["caption"]
    anna.press(result, "r.strip")
    strip = chat.message(lambda m: has_button(m, "r.pick"), "a strip")
    assert [b["text"] for b in strip["reply_markup"]["inline_keyboard"][0]] == ["20", "40", "60", "80", "100"]
    anna.press(strip, anna.named(strip, "40"))
    assert "strength 40 · palette" in chat.result(4)["caption"]
    anna.press(result, "r.original")
    original = chat.message(lambda m: "document" in m, "the original")
    assert original["caption"].startswith("The file as it was painted: 160 × 120")
    anna.press(result, "r.other_style")
    chat.asks("style")
    asked = anna.press(result, "r.delete")
    toast = until(lambda: anna.toast(asked), "a question", DEADLINE_S)
    assert "Press again within 30 s" in toast
    anna.press(result, "r.delete")
    until(lambda: all(m["message_id"] != result["message_id"] for m in anna.bot_messages()), "it is gone", DEADLINE_S)


def test_a_gatys_result_offers_another_variation_and_a_time_lapse(
    peer: TelegramPeer, anna: Person, chat: Chat, paused: Callable[[], None], redis_server: EmbeddedRedis, until: Until
) -> None:
    """What a worker would post after minutes is posted here; "again" is the same with another seed."""
    anna.photo(picture(), caption="/style mosaic 80 gatys")
    queued = chat.message(lambda m: has_button(m, "r.cancel"), "the job")
    result_of_long_ago(redis_server, anna, queued, until)
    anna.press(chat.result(), "r.again")
    again = chat.message(lambda m: has_button(m, "r.cancel") and m["message_id"] != queued["message_id"], "the job")
    with connect(redis_server.url) as connection:
        job_id = anna.button(again, "r.cancel").removeprefix("r.cancel.")
        job = Job.from_json(until(lambda: connection.hget(keys.record(job_id), "job"), "a queued job"))
    assert job.options.method == "gatys"
    assert job.options.seed != 0
    anna.press(chat.result(), "r.time_lapse")
    filmed = chat.message(
        lambda m: has_button(m, "r.cancel") and m["message_id"] not in (queued["message_id"], again["message_id"])
    )
    its_place = {"chat_id": anna.chat_id, "message_id": filmed["message_id"] + 1}
    lost = peer.fault("editMessageMedia", status=0, after=True, times=1, **its_place)  # shown, and the answer is lost
    result_of_long_ago(redis_server, anna, filmed, until, FILM)
    film = chat.message(lambda m: "animation" in m, "the time-lapse")
    assert film["caption"].startswith("How it came about")
    assert film["reply_to_message"]["message_id"] == filmed["message_id"]
    assert peer.world.files[film["animation"]["file_id"]].data == FILM
    anna.send("/cancel")
    chat.says("Stopped: ")
    paused()
    outbox_is_empty(redis_server, until)
    assert len([m for m in anna.bot_messages() if "animation" in m]) == lost.met == 1
    assert not has_button(chat.result(2), "r.time_lapse"), "it has been shown"


def test_refining_is_a_job_of_the_gatys_method(
    anna: Person, chat: Chat, redis_server: EmbeddedRedis, until: Until
) -> None:
    anna.photo(picture(), caption="/style mosaic 80 palette")
    result = chat.result()
    with standing_still(redis_server.url, until), connect(redis_server.url) as connection:
        anna.press(result, "r.refine")
        queued = chat.message(lambda m: has_button(m, "r.cancel"), "the job")
        job_id = anna.button(queued, "r.cancel").removeprefix("r.cancel.")
        job = Job.from_json(until(lambda: connection.hget(keys.record(job_id), "job"), "a queued job"))
        assert (job.options.method, job.options.strength) == ("gatys", 0.8)
        anna.send("/cancel")
        chat.says("Cancelled.")


def test_a_recipe_is_repeated_by_code_and_by_link(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    anna.photo(picture(), caption="/style mosaic 80 palette")
    anna.press(chat.result(), "r.recipe")
    text = chat.says("Recipe ")["text"]
    code = text.split()[1]
    assert f"https://t.me/{BOT_NAME}?start=recipe_{code}" in text
    anna.photo(picture(7), caption=f"/recipe {code}")
    assert "strength 80 · palette" in chat.result(2)["caption"]
    anna.send(f"/start recipe_{code}")
    chat.says("A recipe: Byzantine mosaic (mosaic 80 palette)")
    anna.photo(picture(8))
    assert "strength 80 · palette" in chat.result(3)["caption"]
    anna.send("/recipe nosuchcode")
    chat.says("I don't know a recipe nosuchcode")


def test_nobody_gets_a_result_by_its_number(anna: Person, chat: Chat, peer: TelegramPeer, until: Until) -> None:
    """Anybody's client can send any data for any message of the bot's."""
    anna.photo(picture(), caption="/style mosaic 80 palette")
    job_id = anna.button(chat.result(), "r.recipe").removeprefix("r.recipe.")
    assert re.fullmatch(r"t[\w-]{22}", job_id), "128 bits"
    eve = peer.person(next(_NUMBERS))
    eve.photo(picture(5), caption="/style mosaic 80 palette")
    own = Chat(eve, until).result()
    for verb in ("original", "recipe", "pick", "other_style", "weaker", "strip", "again", "delete", "cancel"):
        query = eve.forge(own, f"r.{verb}.{job_id}")
        assert "not there" in until(lambda query=query: eve.toast(query), "an answer")
    assert len(uncalled(eve)) == 1


def test_what_is_not_on_a_message_cannot_be_pressed_there(
    peer: TelegramPeer, anna: Person, until: Until, in_chat: Callable[[Person], Chat]
) -> None:
    """Else one's own result, or one's own data, would be the lever to delete or overwrite somebody else's message."""
    group = -100_500_000 - next(_NUMBERS)
    peer.group(group)
    ann, eve = (peer.person(next(_NUMBERS), group) for _ in range(2))
    ann.photo(picture(2), caption=f"/style@{BOT_NAME} mosaic 80 palette")
    hers = in_chat(ann).result()
    eve.photo(picture(3), caption=f"/style@{BOT_NAME} mosaic 80 palette")
    own = eve.button(in_chat(eve).result(2), "r.delete")
    for data in (own, f"p.forget.{owner_code(eve.user['id'])}", f"d.back.{owner_code(eve.user['id'])}."):
        query = eve.forge(hers, data)
        until(lambda query=query: eve.toast(query), "an answer")
    assert hers["message_id"] in peer.world.messages[group]
    assert has_button(peer.world.messages[group][hers["message_id"]], "r.recipe")


def test_in_a_group_a_photograph_that_was_not_shown_there_stays_unseen(
    peer: TelegramPeer, anna: Person, chat: Chat, until: Until, in_chat: Callable[[Person], Chat]
) -> None:
    anna.photo(picture(11), caption="/style mosaic 40 palette")
    anna.press(chat.result(), "r.recipe")
    code = chat.says("Recipe ")["text"].split()[1]
    group = -100_500_000 - next(_NUMBERS)
    peer.group(group)
    there, eve = peer.person(anna.user["id"], group), peer.person(next(_NUMBERS), group)
    there.send(f"/recipe@{BOT_NAME} {code}")
    room = in_chat(there)
    hers = room.result()
    for verb in ("r.weaker", "r.strip", "r.colours"):
        query = eve.press(hers, verb)
        refusal = until(lambda query=query: eve.toast(query), "a refusal that nobody else sees")
        assert "more of the photograph" in refusal
        assert "80" in refusal
    eve.press(hers, "r.other_style")
    eve.press(room.asks("style"), "d.style")
    strengths = room.asks("strength")
    assert {b["text"] for b in strengths["reply_markup"]["inline_keyboard"][0]} == {"80", "100"}
    there.press(hers, "r.weaker")
    assert "strength 20" in room.result(2)["caption"], "it is hers"


def test_a_recipe_paints_its_own_photograph_for_its_owner_and_where_it_was_shown(
    peer: TelegramPeer, anna: Person, chat: Chat, until: Until, in_chat: Callable[[Person], Chat]
) -> None:
    anna.photo(picture(12), caption="/style mosaic 80 palette")
    anna.press(chat.result(), "r.recipe")
    code = chat.says("Recipe ")["text"].split()[1]
    anna.send(f"/recipe {code}")
    assert "strength 80" in chat.result(2)["caption"]
    eve = peer.person(next(_NUMBERS))
    eve.send(f"/recipe {code}")
    hers = in_chat(eve)
    hers.says("A recipe: Byzantine mosaic (mosaic 80 palette)")
    assert not results(eve)
    eve.photo(picture(13))
    assert bytes_of(peer, hers.result()) != bytes_of(peer, chat.result())


def test_mix_ticks_styles_off(anna: Person, chat: Chat) -> None:
    photo = anna.silently(**anna.a_photo(picture()))
    anna.send("/mix 50 palette", answering=photo["message_id"])
    question = chat.asks("style")
    anna.press(question, anna.named(question, "Byzantine mosaic"))
    question = chat.message(lambda m: "✓" in str(m.get("reply_markup")), "a tick")
    anna.press(question, anna.named(question, "Azulejo"))
    question = chat.message(lambda m: str(m.get("reply_markup")).count("✓") == 2, "two ticks")
    anna.press(question, "d.enough")
    assert " + " in chat.result()["caption"]


def test_waiting_jobs_are_seen_and_stopped(
    anna: Person, chat: Chat, paused: Callable[[], None], peer: TelegramPeer, redis_server: EmbeddedRedis, until: Until
) -> None:
    """The answer to the last edit is lost: the next one changes nothing, and that is no error."""
    anna.photo(picture(), caption="/style mosaic palette")
    anna.photo(picture(2), caption="/style mosaic palette")
    chat.says("Queued, position 1")
    anna.send("/queue")
    assert chat.says("1. ")["text"].count("\n") == 1, "a line for each"
    lost = peer.fault("editMessageText", status=0, after=True, chat_id=anna.chat_id)
    queued = chat.message(lambda m: has_button(m, "r.cancel"), "the queued job")
    anna.press(queued, "r.cancel")
    chat.says("Cancelled.")
    until(lambda: lost.met == 1, "a lost answer", DEADLINE_S)
    anna.send("/cancel")
    chat.says("Stopped: ")
    paused()
    until(lambda: [m.get("text") for m in anna.bot_messages()].count("Cancelled.") == 2, "both", DEADLINE_S)
    outbox_is_empty(redis_server, until)


def test_who_waits_is_told_about_how_long(anna: Person, chat: Chat, redis_server: EmbeddedRedis, until: Until) -> None:
    anna.photo(picture(51), caption="/style mosaic palette")
    chat.result()
    with standing_still(redis_server.url, until):
        anna.photo(picture(52), caption="/style mosaic palette")
        assert ", about " in chat.says("Queued, position ")["text"]
    chat.result(2)


def test_styles_and_start_show_the_way(peer: TelegramPeer, anna: Person, chat: Chat, until: Until) -> None:
    anna.send("/start")
    chat.says("Send me a photo")
    anna.send("/styles")
    assert "photo" in chat.says("The styles: woodblock-waves")
    anna.send("/styles")
    until(lambda: len([m for m in anna.bot_messages() if "photo" in m]) == 2, "the sheet again", DEADLINE_S)
    assert isinstance(peer.calls("sendPhoto")[-1]["photo"], str), "by Telegram's own id: sent once only"


def test_an_albums_caption_may_name_the_style(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    """The first picture is the style then, the second is painted."""
    anna.send(**anna.a_photo(picture(1, 200, 100)), media_group_id="album4", caption="style")
    anna.send(**anna.a_photo(picture(6, 120, 160)), media_group_id="album4")
    anna.press(chat.asks("strength"), anna.named(chat.asks("strength"), "100"))
    anna.press(chat.asks("method"), anna.named(chat.asks("method"), "Palette"))
    with Image.open(io.BytesIO(bytes_of(peer, chat.result()))) as image:
        assert image.size == (120, 160)


def test_progress_is_seen_in_place_with_the_picture_as_it_develops(
    peer: TelegramPeer, anna: Person, chat: Chat, paused: Callable[[], None], redis_server: EmbeddedRedis, until: Until
) -> None:
    """What a worker would write of a long job is written here; a flood limit on the way replaces nothing."""
    anna.photo(picture(), caption="/style mosaic 90 palette")
    queued = chat.says("Queued, position")
    flood = peer.fault("editMessageMedia", status=429, retry_after_s=2, chat_id=anna.chat_id)
    with connect(redis_server.url) as connection:
        for step, preview in ((3, picture(21, 64, 48)), (7, picture(22, 64, 48))):
            digest = Blobs(connection).put(preview)
            job_id = anna.button(queued, "r.cancel").removeprefix("r.cancel.")
            event = Event(job_id=job_id, frontend="telegram", state="running", step=step, steps=10, preview=digest)
            write_event(connection, event)
            if step == 3:
                until(lambda: flood.met == 1, "an edit that is refused", DEADLINE_S)
        shown = chat.says("Painting … step 7 of 10")
    assert "photo" in shown
    paused()
    assert "strength 90" in chat.result()["caption"]
    assert len(uncalled(anna)) == 1
    assert chat.result()["message_id"] == queued["message_id"]


def result_of_long_ago(server: EmbeddedRedis, person: Person, queued: Json, until: Until, film: bytes = b"") -> None:
    """What a worker would post of a job that took a minute is posted here."""
    with connect(server.url) as connection:
        job_id = person.button(queued, "r.cancel").removeprefix("r.cancel.")
        job = Job.from_json(until(lambda: connection.hget(keys.record(job_id), "job"), "a queued job"))
        done = Result(
            job_id=job_id,
            frontend=job.frontend,
            outcome="done",
            reply_to=job.reply_to,
            user=job.user,
            picture=Blobs(connection).put(picture(31)),
            media_type="image/jpeg",
            method="palette",
            job=replace(job, submitted_at_s=job.submitted_at_s - 60).to_json(),
            time_lapse=Blobs(connection).put(film) if film and job.options.time_lapse else "",
            time_lapse_type=job.clip_types[0],
        )
        assert post_terminal(connection, done)


def test_results_that_nobody_can_read_are_given_up_and_the_next_one_is_shown(
    anna: Person, chat: Chat, redis_server: EmbeddedRedis, until: Until
) -> None:
    with connect(redis_server.url) as connection:
        for number, reply_to in enumerate(({}, {"chat_id": "here"}, {"chat_id": "9" * 309, "message_id": "1"})):
            result = Result(job_id=f"l{number}", frontend="telegram", outcome="done", reply_to=reply_to, job="no job")
            assert post_terminal(connection, result)
        anna.photo(picture(), caption="/style mosaic palette")
        until(lambda: any(message.get("photo") for message in anna.bot_messages()), "the result")
        until(lambda: not connection.xlen(keys.outbox("telegram")), "an empty outbox")


def test_who_waited_for_long_is_called(
    peer: TelegramPeer,
    anna: Person,
    chat: Chat,
    paused: Callable[[], None],
    redis_server: EmbeddedRedis,
    in_chat: Callable[[Person], Chat],
    until: Until,
) -> None:
    """An edit makes no sound; a reply does. In a group it answers the message of the one who asked."""
    anna.photo(picture(), caption="/style mosaic 40 palette")
    result_of_long_ago(redis_server, anna, chat.message(lambda m: has_button(m, "r.cancel"), "the job"), until)
    call = chat.says("Your picture is ready")
    assert call["reply_to_message"]["message_id"] == chat.result()["message_id"]
    bert = peer.person(next(_NUMBERS), peer.group(-100_200_300_405))
    photo = bert.silently(**bert.a_photo(picture(2)))
    asked = bert.send("/style mosaic 40 palette", answering=photo["message_id"])
    there = in_chat(bert)
    result_of_long_ago(redis_server, bert, there.message(lambda m: has_button(m, "r.cancel"), "the job"), until)
    call = there.says("Your picture is ready")
    assert call["reply_to_message"]["message_id"] == asked["message_id"]
    assert peer.calls("sendMessage")[-1]["entities"][0]["user"]["id"] == bert.user["id"], "they are called by name"
    paused()
    assert len(results(anna)) == len(results(bert)) == 1


def test_who_waited_for_several_is_called_once_with_their_number(
    peer: TelegramPeer,
    anna: Person,
    chat: Chat,
    paused: Callable[[], None],
    redis_server: EmbeddedRedis,
    until: Until,
) -> None:
    for seed in range(1, 4):
        anna.photo(picture(seed), caption="/style mosaic 40 palette")
    until(lambda: sum(has_button(m, "r.cancel") for m in anna.bot_messages()) == 3, "three jobs", DEADLINE_S)
    for message in anna.bot_messages():
        result_of_long_ago(redis_server, anna, message, until)
    chat.says("3 pictures are ready")
    paused()
    assert len(anna.bot_messages()) == 4, "three pictures and one call"


def test_a_restart_goes_on_telling_how_jobs_stand(
    anna: Person,
    chat: Chat,
    paused: Callable[[], None],
    running: Process,
    redis_server: EmbeddedRedis,
    until: Until,
) -> None:
    anna.photo(picture(), caption="/style mosaic 40 palette")
    chat.says("Queued, position")
    queued = chat.message(lambda m: has_button(m, "r.cancel"), "the job")
    running.end(signal.SIGKILL)
    running.start()
    with connect(redis_server.url) as connection:
        job_id = anna.button(queued, "r.cancel").removeprefix("r.cancel.")
        write_event(connection, Event(job_id=job_id, frontend="telegram", state="running", step=4, steps=10))
    chat.says("Painting … step 4 of 10")
    paused()
    assert chat.result()["message_id"] == queued["message_id"]


def test_two_people_in_a_group_never_meet(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat], until: Until
) -> None:
    group = peer.group(-100_200_300_401)
    anna, bert = (peer.person(next(_NUMBERS), group) for _ in "ab")
    anna.photo(picture(9))
    of_anna = anna.silently(**anna.a_photo(picture(1)))
    of_bert = bert.silently(**bert.a_photo(picture(2)))
    anna.send("/style", answering=of_anna["message_id"])
    bert.send(f"/style@{BOT_NAME}", answering=of_bert["message_id"])
    until(lambda: len(anna.bot_messages()) == 2, "two questions, and none for the photo without words", DEADLINE_S)
    by_owner = {m["reply_to_message"]["from"]["id"]: m for m in anna.bot_messages()}
    to_anna, to_bert = by_owner[anna.user["id"]], by_owner[bert.user["id"]]
    press = bert.press(to_anna, "d.style")
    until(
        lambda: any(a["callback_query_id"] == press for a in peer.calls("answerCallbackQuery")), "a toast", DEADLINE_S
    )
    toast = next(a for a in peer.calls("answerCallbackQuery") if a["callback_query_id"] == press)
    assert toast["text"] == "That picture belongs to somebody else."
    for person, question, strength in ((anna, to_anna, "20"), (bert, to_bert, "100")):
        person.press(question, "d.style")
        chat = in_chat(person)
        asked = chat.same(question, "d.strength")
        person.press(asked, person.named(asked, strength))
        asked = chat.same(question, "d.method")
        person.press(asked, person.named(asked, "Palette"))
    until(lambda: len(results(anna)) == 2, "both results", DEADLINE_S)
    strengths = {m["message_id"]: m["caption"] for m in results(anna)}
    assert "strength 20" in strengths[to_anna["message_id"]]
    assert "strength 100" in strengths[to_bert["message_id"]]


def test_a_group_without_photos_is_told_before_anything_is_painted(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat], redis_server: EmbeddedRedis
) -> None:
    group = peer.group(-100_200_300_404, permissions={"can_send_messages": True, "can_send_photos": False})
    anna = peer.person(next(_NUMBERS), group)
    photo = anna.silently(**anna.a_photo(picture()))
    anna.send("/style mosaic palette", answering=photo["message_id"])
    in_chat(anna).says("I lack the right “Send Photos”")
    with connect(redis_server.url) as connection:
        assert not connection.exists(f"pastiche:pending:telegram:{anna.user['id']}")


def test_a_right_that_was_taken_away_meanwhile_is_named(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat]
) -> None:
    """Known to be there a moment ago; Telegram refuses the picture, or the picker's sheet of styles."""
    anna = peer.person(next(_NUMBERS), peer.group(-100_200_300_407))
    words = "Bad Request: not enough rights to send photos to the chat"
    peer.fault("editMessageMedia", status=400, description=words, chat_id=anna.chat_id, times=100)
    peer.fault("sendPhoto", status=400, description=words, chat_id=anna.chat_id, times=100)
    photo = anna.silently(**anna.a_photo(picture()))
    anna.send("/style mosaic palette", answering=photo["message_id"])
    told = in_chat(anna).says("I lack the right “Send Photos”")
    assert not has_button(told, "r.cancel")
    anna.send("/style", answering=photo["message_id"])
    in_chat(anna).message(lambda m: m["message_id"] > told["message_id"] and "Send Photos" in m.get("text", ""))


def test_fifteen_orders_of_a_group_need_no_more_than_a_minutes_messages(
    peer: TelegramPeer, bot: Process, until: Until
) -> None:
    """Telegram lets a bot have twenty messages a minute in a group: nobody waits in the dark."""
    group = peer.group(-100_200_300_408)
    people = [peer.person(next(_NUMBERS), group) for _ in range(5)]
    for seed in range(15):
        person = people[seed % 5]
        photo = person.silently(**person.a_photo(picture(seed + 1)))
        person.send("/style mosaic 60 palette", answering=photo["message_id"])
    until(lambda: len(results(people[0])) == 15, "fifteen pictures", DEADLINE_S)
    until(lambda: not any("Many orders" in str(m.get("text")) for m in people[0].bot_messages()), "the line's end")
    asked = {m["reply_to_message"]["from"]["id"] for m in results(people[0])}
    assert asked == {person.user["id"] for person in people}
    assert len(uncalled(people[0])) == 15
    writes = [
        name
        for name, given in peer.do(lambda: list(peer.requests))
        if given.get("chat_id") == group and name.startswith(("send", "edit", "delete")) and name != "sendChatAction"
    ]
    assert len(writes) <= 20, writes
    assert "sendMessage" in writes[:4], "the shared line comes at once"


def test_in_a_forum_everything_stays_in_its_topic_and_behind_a_spoiler(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat]
) -> None:
    group = peer.group(-100_200_300_406, is_forum=True)
    anna = peer.person(next(_NUMBERS), group)
    peer.do(lambda: peer.world.admins.add((group, anna.user["id"])))
    topic: Json = {"message_thread_id": 77, "is_topic_message": True}
    anna.send("/settings spoiler on", **topic)
    in_chat(anna).says("Hidden until tapped: yes")
    photo = anna.silently(**anna.a_photo(picture()), **topic)
    anna.send("/style mosaic palette", answering=photo["message_id"], **topic)
    in_chat(anna).result()
    assert {message["message_thread_id"] for message in anna.bot_messages()} == {77}
    assert peer.calls("editMessageMedia")[-1]["media"]["has_spoiler"] is True


def test_settings_of_a_group_are_its_administrators(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat]
) -> None:
    group = peer.group(-100_200_300_402)
    anna, bert = (peer.person(next(_NUMBERS), group) for _ in "ab")
    peer.do(lambda: peer.world.admins.add((group, anna.user["id"])))
    bert.send("/settings strength 30")
    in_chat(bert).says("Only those who manage this chat")
    anna.send("/settings strength 30 method palette language fr")
    in_chat(anna).says("method palette, strength 30")
    photo = bert.silently(**bert.a_photo(picture()))
    bert.send("/style mosaic", answering=photo["message_id"])
    assert "force 30 · palette" in in_chat(bert).result()["caption"]


def test_a_group_that_moves_takes_its_jobs_and_settings_along(
    peer: TelegramPeer, bot: Process, in_chat: Callable[[Person], Chat], paused: Callable[[], None], until: Until
) -> None:
    old, new = peer.group(-100_403), peer.group(-100_200_300_403)
    anna = peer.person(next(_NUMBERS), old)
    peer.do(lambda: peer.world.admins.add((old, anna.user["id"])))
    anna.send("/settings method palette")
    in_chat(anna).says("method palette")
    photo = anna.silently(**anna.a_photo(picture()))
    anna.send("/style mosaic 60", answering=photo["message_id"])
    in_chat(anna).message(lambda m: has_button(m, "r.cancel"), "the job")
    peer.do(lambda: peer.world.moved.__setitem__(old, new))
    anna.send(migrate_to_chat_id=new)
    paused()
    there = peer.person(anna.user["id"], new)
    assert "strength 60 · palette" in in_chat(there).result()["caption"]
    there.send("/settings")
    in_chat(there).says("method palette")
    assert not results(anna)


def test_floods_errors_and_lost_answers_cost_no_result(
    peer: TelegramPeer, anna: Person, chat: Chat, until: Until, redis_server: EmbeddedRedis
) -> None:
    flood = peer.fault("editMessageMedia", status=429, retry_after_s=1, chat_id=anna.chat_id)
    broken = peer.fault("editMessageMedia", status=502, chat_id=anna.chat_id)
    lost = peer.fault("editMessageMedia", status=0, after=True, chat_id=anna.chat_id)
    conflict = peer.fault("getUpdates", status=409, description="Conflict: terminated by other getUpdates request")
    anna.photo(picture(), caption="/style mosaic 50 palette")
    chat.result()
    outbox_is_empty(redis_server, until)
    assert [fault.met for fault in (flood, broken, lost)] == [1, 1, 1]
    assert len(uncalled(anna)) == 1
    until(lambda: conflict.met == 1, "a conflict", DEADLINE_S)
    anna.send("/queue")
    chat.says("Nothing of yours")


def test_a_photo_that_telegram_finds_too_large_comes_smaller(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    too_large = peer.fault("editMessageMedia", status=413, description="Request Entity Too Large", chat_id=anna.chat_id)
    anna.photo(picture(3, 640, 480), caption="/style mosaic 50 palette")
    assert "strength 50" in chat.result()["caption"]
    assert too_large.met == 1
    assert len(uncalled(anna)) == 1


def test_an_old_server_gets_a_new_message_in_the_old_ones_place(peer: TelegramPeer, anna: Person, chat: Chat) -> None:
    words = "Bad Request: there is no media in the message to edit"
    peer.fault("editMessageMedia", status=400, description=words, chat_id=anna.chat_id, times=100)
    anna.photo(picture(), caption="/style mosaic 50 palette")
    chat.result()
    chat.gone(lambda m: has_button(m, "r.cancel"))
    assert len(uncalled(anna)) == 1


def test_a_deleted_message_costs_no_result(
    peer: TelegramPeer, anna: Person, chat: Chat, paused: Callable[[], None]
) -> None:
    anna.photo(picture(), caption="/style mosaic 50 palette")
    queued = chat.message(lambda m: has_button(m, "r.cancel"), "the job")
    peer.do(lambda: peer.world.messages[anna.chat_id].pop(queued["message_id"]))
    paused()
    assert "strength 50" in chat.result()["caption"]
    peer.problems[:] = [problem for problem in peer.problems if "message to edit not found" not in problem]


def test_who_blocked_the_bot_costs_nothing_more(
    peer: TelegramPeer, anna: Person, chat: Chat, paused: Callable[[], None], redis_server: EmbeddedRedis, until: Until
) -> None:
    for seed in (1, 2, 3):
        anna.photo(picture(seed), caption="/style mosaic palette")
    until(lambda: len([m for m in anna.bot_messages() if has_button(m, "r.cancel")]) == 3, "three jobs", DEADLINE_S)
    peer.membership(anna.chat_id, anna, "kicked")
    paused()
    with connect(redis_server.url) as connection:
        user = f"pastiche:pending:telegram:{anna.user['id']}"
        until(lambda: connection.zcard(user) == 0, "no job is left", DEADLINE_S)
    outbox_is_empty(redis_server, until)


def test_removed_from_a_group_nothing_more_is_painted_for_it_or_sent_there(
    peer: TelegramPeer, anna: Person, paused: Callable[[], None], redis_server: EmbeddedRedis, until: Until
) -> None:
    group = peer.group(-100_500_000 - next(_NUMBERS))
    people = [peer.person(next(_NUMBERS), group) for _ in range(2)]
    anna.photo(picture(41), caption="/style mosaic palette")
    for person in people:
        person.photo(picture(next(_NUMBERS)), caption=f"/style@{BOT_NAME} mosaic palette")
    with connect(redis_server.url) as connection:
        pending = keys.chat_pending(f"telegram:{group}")
        until(lambda: connection.zcard(pending) == 2, "two jobs", DEADLINE_S)
        peer.membership(group, people[0], "kicked")
        until(lambda: connection.zcard(pending) == 0, "their end", DEADLINE_S)
        outbox_is_empty(redis_server, until)
        before = peer.sent_to(group)
        assert connection.zcard(keys.pending(f"telegram:{anna.user['id']}")) == 1, "others' go on"
        paused()
        Chat(anna, until).result()
        assert peer.sent_to(group) == before
        peer.membership(group, people[0], "member")
        people[1].photo(picture(42), caption=f"/style@{BOT_NAME} mosaic palette")
        Chat(people[1], until).result()


def test_a_chat_that_forbids_everything_ends_its_jobs(
    peer: TelegramPeer, paused: Callable[[], None], anna: Person, redis_server: EmbeddedRedis, until: Until
) -> None:
    """We were removed while we were away: the first refusal says so."""
    group = peer.group(-100_500_000 - next(_NUMBERS))
    person = peer.person(next(_NUMBERS), group)
    for seed in (43, 44, 45):
        person.photo(picture(seed), caption=f"/style@{BOT_NAME} mosaic palette")
    with connect(redis_server.url) as connection:
        until(lambda: connection.zcard(keys.chat_pending(f"telegram:{group}")) == 3, "three jobs", DEADLINE_S)
        peer.do(lambda: peer.world.blocked.add(group))
        person.send(f"/queue@{BOT_NAME}")
        until(lambda: connection.zcard(keys.chat_pending(f"telegram:{group}")) == 0, "their end", DEADLINE_S)
    outbox_is_empty(redis_server, until)
    before = peer.sent_to(group)
    paused()
    anna.photo(picture(46), caption="/style mosaic palette")
    Chat(anna, until).result()
    assert peer.sent_to(group) == before


def test_killed_between_showing_and_acknowledging_there_is_one_result(
    peer: TelegramPeer,
    running: Process,
    bot: Process,
    anna: Person,
    chat: Chat,
    redis_server: EmbeddedRedis,
    until: Until,
) -> None:
    lost = peer.fault("editMessageMedia", status=0, after=True, times=1000, chat_id=anna.chat_id)
    anna.photo(picture(), caption="/style mosaic 50 palette")
    until(lambda: lost.met >= 1, "the result is shown, the bot does not know it", DEADLINE_S)
    running.end(signal.SIGKILL)
    with connect(redis_server.url) as connection:
        assert connection.xlen("pastiche:outbox:telegram") == 1, "it was not acknowledged"
    peer.faults.all.clear()
    running.start()
    outbox_is_empty(redis_server, until)
    assert len(results(anna)) == len(uncalled(anna)) == 1
    anna.press(chat.result(), "r.weaker")
    assert "strength 30 · palette" in chat.result(2)["caption"], "the buttons outlive the restart"


def test_an_inline_query_lists_own_results(
    peer: TelegramPeer, anna: Person, chat: Chat, redis_server: EmbeddedRedis, until: Until
) -> None:
    anna.photo(picture(), caption="/style mosaic 50 palette")
    result = chat.result()
    outbox_is_empty(redis_server, until)  # noted, too
    asked = [("1", "style"), ("2", "mosaic"), ("3", "nothing like it")]
    for query_id, words in asked:
        peer.push(inline_query={"id": query_id, "from": anna.user, "query": words, "offset": ""})
    until(lambda: len(peer.api.inline_answers) == 3, "three answers", DEADLINE_S)
    answers = {answer["inline_query_id"]: answer["results"] for answer in peer.api.inline_answers}
    assert [len(answers[query_id]) for query_id, _ in asked] == [1, 1, 0]
    assert answers["1"][0]["photo_file_id"] == result["photo"][-1]["file_id"]


def test_forget_me_leaves_nothing_of_theirs_and_all_of_others(
    peer: TelegramPeer,
    anna: Person,
    chat: Chat,
    in_chat: Callable[[Person], Chat],
    redis_server: EmbeddedRedis,
    until: Until,
) -> None:
    """A rich session: results, recipes, waiting jobs, files never ordered, drafts, settings; a picture is shared."""
    shared, secret = picture(9001), "a caption that nobody else writes"
    own = [picture(seed) for seed in range(9002, 9006)]
    anna.photo(own[0], caption="/style mosaic 50 palette")
    result = chat.result()
    anna.press(result, "r.recipe")
    chat.says("/recipe")
    outbox_is_empty(redis_server, until)  # noted, too
    bob = peer.person(next(_NUMBERS))
    with connect(redis_server.url) as connection, standing_still(redis_server.url, until) as go_on:
        bob.photo(shared, caption="/style mosaic 40 palette")
        in_chat(bob).message(lambda m: has_button(m, "r.cancel"), "a waiting job")
        anna.photo(shared, caption="/style mosaic 40 palette")
        anna.photo(own[1], caption="/style mosaic 50 palette")
        anna.file(own[2], caption=secret)  # kept, and a draft
        chat.asks("style")
        anna.photo(own[3])
        anna.send("/settings language fr")
        user = f"telegram:{anna.user['id']}"
        part = take_part(connection, user, "discord")
        until(lambda: len(QueueClient(connection).jobs_of(user)) == 2, "two jobs", DEADLINE_S)
        jobs = noted_jobs(connection, user)
        found = cast("Result", QueueClient(connection).result(jobs[0]))
        mine: list[str | bytes] = [
            str(anna.user["id"]),
            secret,
            found.picture,
            *map(blob_hash, own),
            *own,
            bytes_of(peer, result),
            *jobs,
            *part,
        ]
        assert len(traces_left(connection, mine)) > 40
        assert any(b"telegram:shown" in name for name in everything(connection))
        anna.send("/privacy")
        anna.press(chat.message(lambda m: has_button(m, "p.forget."), "/privacy"), "p.forget.")
        asked = chat.message(lambda m: has_button(m, "p.forget_sure."), "a question")
        assert "encore gardées : 4" in asked["text"]
        anna.press(asked, "p.forget_stay.")
        chat.says("Rien n'a été effacé")
        assert traces_left(connection, mine), "they thought better of it"
        anna.send("/privacy")
        anna.press(chat.message(lambda m: has_button(m, "p.forget."), "/privacy"), "p.forget.")
        anna.press(chat.message(lambda m: has_button(m, "p.forget_sure."), "a question"), "p.forget_sure.")
        chat.says("Oublié")
        outbox_is_empty(redis_server, until)
        assert traces_left(connection, mine, but=map(keys.done, jobs)) == []
        assert connection.exists(keys.blob(blob_hash(shared)))
        go_on()
        assert "strength 40" in in_chat(bob).result()["caption"], "who shares a picture keeps it"
    anna.press(result, "r.weaker")
    chat.says("no longer kept")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process' memory is Linux's to tell")
def test_large_pictures_keep_the_process_small(
    peer: TelegramPeer, anna: Person, chat: Chat, running: Process, paused: Callable[[], None], until: Until
) -> None:
    side = 1850
    big = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(3 * side * side)).save(big, "PNG", compress_level=0)
    assert big.tell() > 10 * 10**6
    people = [anna, *(peer.person(next(_NUMBERS)) for _ in range(3))]
    for number in range(12):
        people[number % 4].file(big.getvalue(), caption="/style mosaic palette")
    texts = ("Queued", "Waiting")
    until(
        lambda: all(sum(m.get("text", "").startswith(texts) for m in p.bot_messages()) == 3 for p in people),
        "twelve jobs",
        DEADLINE_S,
    )
    for person in people:
        person.send("/cancel")
        Chat(person, until).says("Stopped: ")
    assert running.peak_mib() < 120


def test_the_token_and_what_people_say_are_in_no_log(peer: TelegramPeer, running: Process) -> None:
    """The bot ran at DEBUG all the while, through errors and lost connections."""
    text = running.text()
    assert "Telegram: ready" in text
    for secret in (TOKEN, TOKEN.replace(":", "%3A"), TOKEN.partition(":")[2], "mosaic", "Person7000001"):
        assert secret not in text


def test_every_request_was_as_telegram_describes_it(peer: TelegramPeer, running: Process) -> None:
    """Each test looks for problems at its end; this one says whether anything was looked at."""
    if peer.schema is None:
        pytest.skip("SHARED_DIR is absent: the description of the Bot API is not on this machine")
    assert len(peer.requests) > 10
    assert peer.schema.problems("sendMessage", {"chat_id": 1}, set()), "what lacks its text is noticed"


def test_the_menus_are_announced_in_every_language(peer: TelegramPeer, running: Process, until: Until) -> None:
    until(lambda: len(peer.calls("setMyCommands")) >= 6, "six menus", DEADLINE_S)
    menus = {(m["scope"]["type"], m.get("language_code", "")): m["commands"] for m in peer.calls("setMyCommands")}
    assert {language for _, language in menus} == {"", "fr"}
    in_groups, for_managers = (
        {command["command"] for command in menus[scope, "fr"]}
        for scope in ("all_group_chats", "all_chat_administrators")
    )
    assert "style" in in_groups
    assert "settings" in for_managers - in_groups


def test_updates_come_by_webhook_with_its_secret(environment: dict[str, str], tmp_path: Path, until: Until) -> None:
    # A Redis of its own: what other tests left unfinished belongs to chats that this peer does not know.
    spec = SPEC if SPEC.is_file() else None
    with reserved_port() as port, TelegramPeer(spec) as peer, EmbeddedRedis(tmp_path / "redis") as server:
        url = f"http://127.0.0.1:{port}/hook"
        changes = {
            "REDIS_URL": server.url,
            "TELEGRAM_API_URL": peer.url,
            "TELEGRAM_WEBHOOK_URL": url,
            "TELEGRAM_WEBHOOK_PORT": str(port),
        }
        bot = Process("-m", "bot", "telegram", environment={**environment, **changes}, log=tmp_path / "bot.log")
        bot.start()
        try:
            until(lambda: "Telegram: ready" in bot.text(), "the webhook", DEADLINE_S)
            anna = peer.person(next(_NUMBERS))
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(urllib.request.Request(url, b"{}", {"Content-Type": "application/json"}))
            anna.send("/help")
            Chat(anna, until).says("I paint your pictures")
            assert not peer.calls("getUpdates")
            assert peer.problems == []
        finally:
            bot.end()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"TELEGRAM_TOKEN": ""}, "The setting TELEGRAM_TOKEN is missing"),
        (
            {"TELEGRAM_TOKEN": "123:wrong"},
            "The setting TELEGRAM_TOKEN can't be (hidden): the token that @BotFather gave",
        ),
    ],
)
def test_a_wrong_token_is_one_sentence(
    environment: dict[str, str], tmp_path: Path, until: Until, changes: dict[str, str], sentence: str
) -> None:
    bot = Process("-m", "bot", "telegram", environment={**environment, **changes}, log=tmp_path / "bot.log")
    bot.start()
    assert bot.process is not None
    assert bot.process.wait(DEADLINE_S) == 1
    assert sentence in bot.text()
    assert "123:wrong" not in bot.text()
    assert "Traceback" not in bot.text()


def test_a_token_that_is_revoked_ends_the_process(environment: dict[str, str], tmp_path: Path, until: Until) -> None:
    with TelegramPeer() as peer:
        peer.fault("getUpdates", status=401, description="Unauthorized")
        bot = Process(
            "-m", "bot", "telegram", environment={**environment, "TELEGRAM_API_URL": peer.url}, log=tmp_path / "bot.log"
        )
        bot.start()
        assert bot.process is not None
        assert bot.process.wait(DEADLINE_S) == 1
        assert "TELEGRAM_TOKEN can't be (hidden)" in bot.text()
        assert TOKEN not in bot.text()


def outbox_is_empty(server: EmbeddedRedis, until: Until) -> None:
    with connect(server.url) as connection:
        until(lambda: connection.xlen("pastiche:outbox:telegram") == 0, "everything is acknowledged", DEADLINE_S)
