"""Where pictures come from on Telegram, and spoilers that stay: the real bot, a real worker, the loopback Bot API."""

from __future__ import annotations

import io
import itertools
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from nst.pictures.clip_header import MP4
from tests.peers.discord.palette_worker import HOLD
from tests.peers.discord.stage import Process
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import DEADLINE_S, ROOT, TelegramStage, text_of
from tests.peers.telegram.world import Json, document, film, photo_sizes, sticker
from tests.peers.web_host import INSIDE, OUTSIDE, Host, answer, open_host
from workers.client.estimates import live_workers
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

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
def host() -> Iterator[Host]:
    """Somebody's web server, which this bot takes for one of the public internet."""
    with open_host() as host:
        yield host


@pytest.fixture(scope="module")
def stage(
    server: EmbeddedRedis, tmp_path_factory: pytest.TempPathFactory, until: Until, host: Host
) -> Iterator[TelegramStage]:
    """The bot and a worker that is up at once."""
    folder = tmp_path_factory.mktemp("stage")
    script = str(ROOT / "tests/peers/discord/palette_worker.py")
    environment = {"REDIS_URL": server.url, "NST_FAST_MODEL": "bundled"}
    worker = Process(script, server.url, environment=environment, log=folder / "worker.log")
    bot = str(ROOT / "tests/peers/telegram/reaching_bot.py"), str(host.port)
    stage = TelegramStage(folder, server.url, until, GROUP, *bot)
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


def test_a_strangers_press_and_a_clip_stay_hidden(stage: TelegramStage, anna: Person, clips: ModuleType) -> None:
    words, (bea, cleo) = "/style mosaic 80 palette", (stage.member(), stage.member())
    before = len(uncovered(stage, bea))
    posted = bea.silently(**bea.a_photo(stage.picture()), has_media_spoiler=True)
    source = after(stage, bea, lambda: bea.send(words, answering=posted["message_id"]))
    after(stage, bea, lambda: cleo.press(source, "r.stronger."))
    after(stage, bea, lambda: cleo.press(source, "r.strip."), "r.pick")
    after(stage, bea, lambda: cleo.send("/style peacock 90 palette", answering=posted["message_id"]))
    assert len(uncovered(stage, bea)) == before
    moving = stage.peer.do(lambda: stage.peer.world.new_file(clips.mp4(clips.panned(3)), "a.mp4", "video/mp4"))
    clip = after(stage, anna, lambda: anna.send(animation=film(moving), caption=words, has_media_spoiler=True))
    assert "animation" in clip
    after(stage, anna, lambda: anna.press(clip, "r.weaker."))
    assert uncovered(stage, anna) == []


_HIDDEN_SECOND: tuple[Json, Json] = ({}, {"has_media_spoiler": True})


def _now(person: Person, message: Json) -> Json:
    return next(m for m in person.bot_messages() if m["message_id"] == message["message_id"])


def painted_size(stage: TelegramStage, message: Json) -> tuple[int, int]:
    file = message["photo"][-1] if "photo" in message else message["document"]
    with Image.open(io.BytesIO(stage.peer.world.files[file["file_id"]].data)) as image:
        return image.size


def sized(stage: TelegramStage, width_px: int, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(stage.picture())) as opened:
        opened.resize((width_px, 100)).save(out, kind)
    return out.getvalue()


class Sent:
    """Every kind of message that has a still picture: its content as Telegram writes it."""

    def __init__(self, stage: TelegramStage, host: Host, width_px: int) -> None:
        self.stage, self.host, self.width_px = stage, host, width_px

    def photo(self) -> Json:
        return {"photo": photo_sizes(self._file())}

    def file(self) -> Json:
        return {"document": document(self._file("PNG", "picture.png", "image/png"))}

    def static_sticker(self) -> Json:
        return {"sticker": sticker(self._file("WEBP", mime_type="image/webp"))}

    def animated_sticker(self) -> Json:
        """A .tgs, which is no picture, and the one that stands still for it."""
        tgs = self._do(lambda: self.stage.peer.world.new_file(b"\x1f\x8b", mime_type="application/x-tgsticker"))
        return {"sticker": sticker(tgs, self._file("WEBP"), is_animated=True)}

    def live_photo(self) -> Json:
        photo = photo_sizes(self._file())
        return {"photo": photo, "live_photo": self._live(photo)}

    def forwarded(self) -> Json:
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
        return {**self.photo(), "forward_origin": origin}

    def quoted_from_another_chat(self) -> Json:
        return self._elsewhere(**self.photo())

    def quoted_live_photo(self) -> Json:
        return self._elsewhere(live_photo=self._live(photo_sizes(self._file())))

    def quoted_sticker(self) -> Json:
        return self._elsewhere(**self.static_sticker())

    def link(self) -> Json:
        self.host.pages["/cat.jpg"] = answer(sized(self.stage, self.width_px))
        return self._written(f"http://{OUTSIDE}:{self.host.port}/cat.jpg")

    def page_of_a_gif_picker(self) -> Json:
        self.host.pages["/view/cat"] = answer(b'<html><meta property="og:image" content="/cat.gif">')
        self.host.pages["/cat.gif"] = answer(sized(self.stage, self.width_px, "GIF"))
        return self._written(f"http://{OUTSIDE}:{self.host.port}/view/cat")

    def _written(self, link: str) -> Json:
        return {"text": link, "entities": [{"type": "url", "offset": 0, "length": len(link)}]}

    def _elsewhere(self, **content: Any) -> Json:
        """A message without a picture of its own that answers one of another chat."""
        origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
        return {"external_reply": {"origin": origin, **content}, "text": "mosaic palette"}

    def _live(self, photo: list[Json]) -> Json:
        moving = self._do(lambda: self.stage.peer.world.new_file(b"\0\0\0\x18ftypmp42", mime_type="video/mp4"))
        return {**film(moving), "photo": photo}

    def _file(self, kind: str = "JPEG", name: str = "", mime_type: str = "image/jpeg") -> Any:
        data = sized(self.stage, self.width_px, kind)
        return self._do(lambda: self.stage.peer.world.new_file(data, name, mime_type))

    def _do(self, act: Callable[[], Any]) -> Any:
        return self.stage.peer.do(act)


KINDS = [name for name in vars(Sent) if not name.startswith("_")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_message_has_its_picture_painted(
    stage: TelegramStage, anna: Person, host: Host, kind: str
) -> None:
    """Sent in private, and in a group by ``/style`` in reply to it."""
    width_px = 110 + 2 * KINDS.index(kind)
    sent = getattr(Sent(stage, host, width_px), kind)()
    if "external_reply" in sent:
        painted = after(stage, anna, lambda: anna.send(**sent))
    else:
        question = after(stage, anna, lambda: anna.send(**sent), "d.style")
        anna.press(question, "d.style")
        stage.until(lambda: has(_now(anna, question), "d.strength"), "the strength's question", DEADLINE_S)
        painted = ordered(stage, anna, _now(anna, question))
        member = stage.member()
        posted = member.silently(**sent)
        again = after(stage, member, lambda: member.send("/style mosaic palette", answering=posted["message_id"]))
        assert painted_size(stage, again) == (width_px, 100)
    assert painted_size(stage, painted) == (width_px, 100)


def test_a_story_and_an_address_inside_are_refused_with_a_sentence(
    stage: TelegramStage, anna: Person, host: Host
) -> None:
    anna.send(story={"chat": {"id": 5, "type": "private", "first_name": "Bea"}, "id": 7})
    stage.says(anna, "doesn't let me see stories")
    host.pages["/secret.jpg"] = answer(stage.picture())
    before = list(host.connections)
    for place in (INSIDE, "2130706433", "localhost"):
        link = f"http://{place}:{host.port}/secret.jpg"
        sent = anna.send(link, entities=[{"type": "url", "offset": 0, "length": len(link)}])
        stage.says(anna, "from that address", after=sent["message_id"])
    assert host.connections == before


def test_a_link_under_a_spoiler_and_words_beside_it(stage: TelegramStage, anna: Person, host: Host) -> None:
    host.pages["/cat.jpg"] = answer(sized(stage, 130))
    link = f"http://{OUTSIDE}:{host.port}/cat.jpg"
    url = {"type": "url", "offset": 0, "length": len(link)}
    said = after(stage, anna, lambda: anna.send(f"{link} mosaic 60 palette", entities=[url]))
    assert painted_size(stage, said) == (130, 100)
    assert "strength 60" in text_of(said)
    hidden = [url, {"type": "spoiler", "offset": 0, "length": len(link)}]
    covered = after(stage, anna, lambda: anna.send(f"{link} peacock palette", entities=hidden))
    assert covered["has_media_spoiler"]


def test_each_picture_of_an_album_is_painted_in_the_style_that_is_named(stage: TelegramStage, anna: Person) -> None:
    caption: Json = {"caption": "/style mosaic palette"}
    album = [
        anna.silently(**anna.a_photo(sized(stage, 120 + n)), media_group_id="88", **(caption if n == 0 else {}))
        for n in range(6)
    ]
    stage.peer.push_together(*album)

    def done() -> list[Json]:
        return [m for m in anna.bot_messages() if has(m, "r.recipe")]

    stage.until(lambda: len(done()) == 6, "six results", DEADLINE_S)
    assert sorted(painted_size(stage, m) for m in done()) == [(120 + n, 100) for n in range(6)]
    assert all("Byzantine mosaic, strength" in text_of(m) for m in done())
    answered = [m["reply_to_message"]["message_id"] for m in done()]
    assert sorted(answered) == [item["message_id"] for item in album], "each in answer to its own picture"


def test_what_cannot_be_painted_of_an_album_is_said_below_it_and_holds_up_no_other(
    stage: TelegramStage, anna: Person
) -> None:
    """A file that is no picture, and one picture more than the day allows."""
    anna.send("/settings per-day 2")
    stage.says(anna, "2")
    caption: Json = {"caption": "/style mosaic palette"}
    kinds = [("a.png", "image/png"), ("b.txt", "text/plain"), ("c.png", "image/png"), ("d.png", "image/png")]
    files = [stage.peer.do(partial(stage.peer.world.new_file, stage.picture(), *kind)) for kind in kinds]
    album = [
        anna.silently(document=document(file), media_group_id="89", **(caption if n == 0 else {}))
        for n, file in enumerate(files)
    ]
    stage.peer.push_together(*album)

    def below(item: Json) -> list[Json]:
        found = anna.bot_messages()
        return [m for m in found if m.get("reply_to_message", {}).get("message_id") == item["message_id"]]

    for number, words in ((1, "That is not a picture"), (3, "a lot at once")):
        stage.until(lambda n=number, w=words: any(w in text_of(m) for m in below(album[n])), f"{words!r}", DEADLINE_S)
    for number in (0, 2):
        stage.until(lambda n=number: any(has(m, "r.recipe") for m in below(album[n])), "a result", DEADLINE_S)
    assert all(len(below(item)) == 1 for item in album)


def test_for_a_sticker_the_result_comes_as_one_too(stage: TelegramStage, anna: Person) -> None:
    cut_out, out = Image.new("RGBA", (300, 200)), io.BytesIO()
    cut_out.paste((200, 90, 40, 255), (60, 40, 240, 160))
    cut_out.save(out, "WEBP")
    anna.sticker(out.getvalue())
    question = stage.until(lambda: next((m for m in anna.bot_messages() if has(m, "d.style")), None), "a question")
    anna.press(question, "d.style")
    stage.until(lambda: has(_now(anna, question), "d.strength"), "the strength's question", DEADLINE_S)
    painted = ordered(stage, anna, _now(anna, question))

    def stickers() -> list[Json]:
        return [m for m in anna.bot_messages() if "sticker" in m]

    stage.until(lambda: len(stickers()) == 1, "a sticker", DEADLINE_S)
    assert stickers()[0]["reply_to_message"]["message_id"] == painted["message_id"]
    with Image.open(io.BytesIO(stage.peer.world.files[stickers()[0]["sticker"]["file_id"]].data)) as made:
        assert (made.format, made.size) == ("WEBP", (512, 341))
        assert made.convert("RGBA").getchannel("A").getpixel((5, 5)) == 0, "what was clear is clear"
    after(stage, anna, lambda: anna.press(painted, "r.weaker."))
    stage.until(lambda: len(stickers()) == 2, "another sticker", DEADLINE_S)
    anna.photo(stage.picture(), "/style mosaic palette")
    stage.until(lambda: len([m for m in anna.bot_messages() if has(m, "r.recipe")]) == 3, "a third", DEADLINE_S)
    assert len(stickers()) == 2
