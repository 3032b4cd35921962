"""Where pictures come from on Telegram, and spoilers that stay: the real bot, a real worker, the loopback Bot API."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from PIL import Image

from nst.clip_header import MP4
from tests.peers.discord.palette_worker import HOLD
from tests.peers.discord.stage import Process
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import DEADLINE_S, ROOT, TelegramStage, text_of
from tests.peers.telegram.world import Json
from workers import keys
from workers.blobs import Blobs
from workers.connection import connect
from workers.contract import Job, Result
from workers.embedded_redis import EmbeddedRedis
from workers.outbox import post_terminal
from workers.service_times import live_workers

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]
Until = Callable[..., Any]
GROUP = -100_300_400_601
_NUMBERS = itertools.count(7_600_001)
_MEDIA = ("photo", "animation", "video", "sticker")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="module")
def stage(server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[TelegramStage]:
    """The bot and a worker that is up at once."""
    folder = tmp_path_factory.mktemp("stage")
    script = str(ROOT / "tests/peers/discord/palette_worker.py")
    environment = {"REDIS_URL": server.url, "NST_FAST_MODEL": "bundled"}
    worker = Process(script, server.url, environment=environment, log=folder / "worker.log")
    stage = TelegramStage(folder, server.url, until, GROUP)
    try:
        worker.start()
        stage.bot.start()
        stage.ready()
        with connect(server.url) as connection:
            until(lambda: live_workers(connection), "a worker", 120)
        yield stage
    finally:
        stage.close()
        if worker.process is not None:
            worker.process.kill()
            worker.process.wait()


@pytest.fixture(autouse=True)
def no_refusals(stage: TelegramStage) -> Iterator[None]:
    """Nothing that Telegram would refuse may happen during a test."""
    before = len(stage.peer.problems)
    yield
    stage.peer.faults.all.clear()
    assert stage.peer.problems[before:] == []
    assert "Traceback" not in stage.log()


@pytest.fixture
def anna(stage: TelegramStage) -> Person:
    """Somebody new in a private chat."""
    return stage.peer.person(next(_NUMBERS))


def buttons(message: Json) -> list[str]:
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button.get("callback_data", "") for row in rows for button in row]


def has(message: Json, verb: str) -> bool:
    return any(data.startswith(verb) for data in buttons(message))


def after(stage: TelegramStage, person: Person, act: Callable[[], Any], verb: str = "r.recipe") -> Json:
    """The message with such a button that something leads to."""
    known = {m["message_id"] for m in person.bot_messages() if has(m, verb)}
    act()
    found: Json = stage.until(
        lambda: next((m for m in person.bot_messages() if has(m, verb) and m["message_id"] not in known), None),
        f"{verb}; there is {[text_of(m) for m in person.bot_messages()]}",
        DEADLINE_S,
    )
    return found


def uncovered(stage: TelegramStage, person: Person) -> list[str]:
    """Whatever the bot ever showed in a chat for everybody to see at once, apart from the presets' own sheet."""

    def shows(method: str, given: Json) -> bool:
        media = given["media"] if method == "editMessageMedia" else given
        question = "d." in str(given.get("reply_markup"))
        return not question and not media.get("has_spoiler") and media.get("type") != "document"

    methods = ("sendPhoto", "sendAnimation", "sendVideo", "sendSticker", "editMessageMedia")
    calls = [(method, given) for method in methods for given in stage.peer.calls(method)]
    found = [method for method, given in calls if given["chat_id"] == person.chat_id and shows(method, given)]
    files = [m["document"] for m in person.bot_messages() if "document" in m and "animation" not in m]
    return found + [file["file_name"] for file in files if not file["file_name"].endswith(".zip")]


def ordered(stage: TelegramStage, person: Person, question: Json) -> Json:
    """The result of a question whose strength and method are answered."""
    person.press(question, person.named(question, "60"))

    def asked() -> Json | None:
        return next((m for m in person.bot_messages() if m["message_id"] == question["message_id"]), None)

    stage.until(lambda: has(asked() or {}, "d.method"), "the method's question", DEADLINE_S)
    return after(stage, person, lambda: person.press(question, person.named(asked() or {}, "Palette")))


def test_a_spoiler_and_a_word_hide_the_result(stage: TelegramStage, anna: Person) -> None:
    plain = after(stage, anna, lambda: anna.photo(stage.picture(), caption="/style mosaic palette"))
    assert "has_media_spoiler" not in plain
    words = "/style mosaic palette"
    said = after(stage, anna, lambda: anna.photo(stage.picture(), f"{words} spoiler"))
    photo = after(stage, anna, lambda: anna.photo(stage.picture(), words, has_media_spoiler=True))
    assert said["has_media_spoiler"]
    assert photo["has_media_spoiler"]
    sent = after(stage, anna, lambda: anna.file(stage.picture(), caption="/style mosaic palette spoiler"))
    assert sent["has_media_spoiler"], "a document cannot be hidden, so it comes as a photo"
    assert has(sent, "r.original")


def test_ten_ways_from_a_hidden_result_none_uncovers(stage: TelegramStage, anna: Person, server: EmbeddedRedis) -> None:
    """From the result of a hidden picture by everything that can be pressed, said or sent."""
    caption = "/style mosaic 60 palette"
    source = after(stage, anna, lambda: anna.photo(stage.picture(), caption=caption, has_media_spoiler=True))
    for verb in ("weaker", "stronger", "colours"):
        after(stage, anna, partial(anna.press, source, f"r.{verb}."))
    strip = after(stage, anna, lambda: anna.press(source, "r.strip."), "r.pick")
    picked = after(stage, anna, lambda: anna.press(strip, "r.pick."))
    after(stage, anna, lambda: anna.press(picked, "r.weaker."))

    question = after(stage, anna, lambda: anna.press(source, "r.other_style."), "d.style")
    anna.press(question, "d.style")
    stage.until(lambda: has(_now(anna, question), "d.strength"), "the strength's question", DEADLINE_S)
    ordered(stage, anna, _now(anna, question))

    known = len(anna.bot_messages())
    anna.press(source, "r.original.")
    original = stage.until(lambda: len(anna.bot_messages()) > known and anna.bot_messages()[-1], "the file", DEADLINE_S)
    with zipfile.ZipFile(io.BytesIO(stage.peer.world.files[original["document"]["file_id"]].data)) as archive:
        (name,) = archive.namelist()
        with Image.open(io.BytesIO(archive.read(name))) as image:
            assert image.size == (160, 120)

    anna.press(source, "r.recipe.")
    said = stage.says(anna, "palette spoiler")
    code = re.search(r"start=recipe_(\w+)", text_of(said))
    assert code is not None
    after(stage, anna, lambda: anna.send(f"/recipe {code[1]}"))
    after(stage, anna, lambda: anna.photo(stage.picture(), caption=f"/recipe {code[1]}"))
    after(stage, anna, lambda: anna.send("/style peacock palette", answering=source["message_id"]))
    assert uncovered(stage, anna) == []

    anna.peer.push(inline_query={"id": "77", "from": anna.user, "query": "", "offset": ""})
    answers = stage.peer.api.inline_answers
    answer = stage.until(lambda: next((a for a in answers if a["inline_query_id"] == "77"), None), "an answer")
    assert answer["results"] == [], "nothing hides a photo there"


def test_previews_films_and_albums_stay_hidden(stage: TelegramStage, anna: Person, server: EmbeddedRedis) -> None:
    with connect(server.url) as connection:
        connection.set(HOLD, "here")
        try:
            sent = anna.photo(stage.picture(), caption="/style mosaic gatys time-lapse", has_media_spoiler=True)
            waiting = after(stage, anna, lambda: None, "r.cancel")
            assert waiting["reply_to_message"]["message_id"] == sent["message_id"]
            stage.until(lambda: "photo" in _now(anna, waiting), "a preview", DEADLINE_S)
            job_id = next(data for data in buttons(waiting) if data.startswith("r.cancel")).rpartition(".")[2]
            record: Any = connection.hget(keys.record(job_id), "job")
            job = Job.from_json(record)
            film = Blobs(connection).put(b"\0\0\0\x18ftypmp42" + bytes(200))
            done = Result(
                job_id=job.job_id, frontend="telegram", outcome="done", job=job.to_json(), user=job.user,
                reply_to=job.reply_to, picture=job.content, media_type="image/jpeg", method="gatys",
                time_lapse=film, time_lapse_type=MP4,
            )  # fmt: skip
            post_terminal(connection, done)
            stage.until(lambda: any("animation" in m for m in anna.bot_messages()), "the film", DEADLINE_S)
        finally:
            connection.delete(HOLD)
    album = [anna.silently(**anna.a_photo(stage.picture()), media_group_id="77", **more) for more in _HIDDEN_SECOND]
    after(stage, anna, lambda: stage.peer.push_together(*album), "d.strength")
    ordered(stage, anna, next(m for m in anna.bot_messages() if has(m, "d.strength")))
    assert uncovered(stage, anna) == []


_HIDDEN_SECOND: tuple[Json, Json] = ({}, {"has_media_spoiler": True})


def _now(person: Person, message: Json) -> Json:
    return next(m for m in person.bot_messages() if m["message_id"] == message["message_id"])
