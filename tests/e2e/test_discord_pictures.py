"""Where pictures come from on Discord, and spoilers that stay: the real bot, a real worker, the loopback Discord."""

from __future__ import annotations

import io
import re
import shutil
import signal
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from nst.pictures.clip_header import GIF
from tests.peers.discord.rest import Upload, upload_json
from tests.peers.discord.stage import ROOT, Stage, Until, job_id_of, noise, picture, replies, running
from tests.peers.discord.world import (
    ATTACH_FILES,
    DEFAULT_LIMIT_BYTES,
    MANAGE_GUILD,
    MEMBER_PERMISSIONS,
    READ_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    Interaction,
    Json,
    Message,
    User,
)
from tests.peers.web_host import INSIDE, OUTSIDE, Host, answer, open_host
from workers.client.outbox import post_terminal
from workers.contract import Job, Result
from workers.store import keys
from workers.store.blobs import Blobs

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]
IS_SPOILER = 1 << 3


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Somebody's web server, which this bot takes for one of the public internet."""
    with open_host() as host:
        yield host


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory, until: Until, host: Host) -> Iterator[Stage]:
    folder, script = tmp_path_factory.mktemp("discord-pictures"), str(ROOT / "tests/peers/discord/reaching_bot.py")
    with running(folder, until, tmp_path_factory.getbasetemp() / "bytecode", script, str(host.port)) as stage:
        yield stage


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    yield whole_stage
    whole_stage.peer.faults.clear()
    for name in whole_stage.connection.scan_iter(match="pastiche:settings:*"):
        whole_stage.connection.delete(name)
    found = list(whole_stage.peer.violations)
    whole_stage.peer.violations.clear()
    assert not found
    assert not whole_stage.peer.proxy.refused


@pytest.fixture
def ann(stage: Stage) -> User:
    return stage.peer.add_user("ann")


def covered(message: Message) -> Message:
    """Nothing that a message ever showed was to be seen at once."""
    shown = [attachment["filename"] for revision in message.history for attachment in revision.attachments]
    assert shown, f"it says {message.content!r}"
    assert all(name.startswith("SPOILER_") for name in shown), shown
    return message


def bare(message: Message) -> Message:
    """It shows its picture to everybody."""
    assert not any(attachment["filename"].startswith("SPOILER_") for attachment in message.attachments)
    return message


def hidden(seed: int) -> Upload:
    return Upload(picture(seed), "SPOILER_picture.png")


def finished(stage: Stage, interaction: Interaction, film: str = "") -> Message:
    """Another worker's result for a job that waits, with a time-lapse where one is given."""
    stage.waiting(interaction)
    job = stage.job(interaction)
    done = Result(
        job_id=job.job_id, frontend="discord", outcome="done", job=job.to_json(), user=job.user,
        reply_to=job.reply_to, picture=job.content, media_type="image/png", method="gatys",
        time_lapse=film, time_lapse_type=GIF if film else "",
    )  # fmt: skip
    post_terminal(stage.connection, done)
    return stage.result(interaction)


def test_a_name_a_flag_a_word_and_an_option_hide_the_result(stage: Stage, ann: User) -> None:
    bare(stage.result(stage.style(ann)))
    covered(stage.result(stage.style(ann, content=hidden(21))))
    covered(stage.result(stage.style(ann, content=Upload(picture(22), flags=IS_SPOILER))))
    covered(stage.result(stage.style(ann, style=None, style_image=hidden(23))))
    covered(stage.result(stage.style(ann, spoiler=True)))
    covered(stage.result(stage.peer.slash("recipe", ann, code="peacock 30 palette spoiler", content=picture(24))))
    said = stage.peer.say(ann, "@bot mosaic palette spoiler", picture(25))
    covered(stage.painted(stage.until(lambda: replies(stage, said), "an answer")[0]))


def test_ten_ways_from_a_hidden_result_none_uncovers(stage: Stage, ann: User) -> None:
    """From the result of a hidden picture by everything that can be pressed, said or sent."""
    source = covered(stage.result(stage.style(ann, content=hidden(31), strength=60)))
    for button in ("weaker", "stronger", "colours"):
        covered(stage.result(stage.peer.press(source, button, ann)))
    strip = covered(stage.result(stage.peer.press(source, "strip", ann)))
    picked = covered(stage.result(stage.peer.press(strip, "pick", ann)))
    covered(stage.result(stage.peer.press(picked, "weaker", ann)))
    choice = stage.says(stage.peer.press(source, "other_style", ann), "Which style")
    covered(stage.result(stage.peer.pick(choice, "restyle", "peacock", ann)))
    covered(stage.says(stage.peer.press(source, "original", ann), "96 × 72"))

    recipe = stage.says(stage.peer.press(source, "recipe", ann), r"mosaic 60 palette spoiler")
    code = re.search(r"code:(\w+)", recipe.content)
    assert code is not None
    covered(stage.result(stage.peer.slash("recipe", ann, code=code[1])))
    covered(stage.result(stage.peer.slash("recipe", ann, code=code[1], content=picture(32))))

    stage.palette_by_default()
    for message in (source, stage.peer.say(ann, "look", hidden(33))):
        choice = stage.says(stage.peer.menu("Stylize this picture", ann, message), "Which style")
        stage.until(lambda choice=choice: choice.buttons(), "a list")
        covered(stage.result(stage.peer.pick(choice, "choose", "peacock", ann)))
    for message in (source, stage.peer.say(ann, "look", Upload(picture(34), flags=IS_SPOILER))):
        said = stage.peer.say(ann, "@bot peacock palette", to=message)
        covered(stage.painted(stage.until(lambda said=said: replies(stage, said), "an answer")[0]))


def test_previews_films_late_results_and_private_ones_stay_hidden(stage: Stage, ann: User) -> None:
    frames, out = [Image.open(io.BytesIO(picture(n))) for n in range(3)], io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    film = Blobs(stage.connection).put(out.getvalue())
    closing = stage.peer.add_channel("closing")
    with stage.paused_worker():
        shown = stage.style(ann, content=hidden(41))
        preview = stage.says(shown, "Painting")
        stage.until(lambda: preview.attachments, "a preview")
        slow = finished(stage, stage.style(ann, content=hidden(42), method="gatys"))
        covered(slow)
        filmed = finished(stage, stage.peer.press(slow, "time_lapse", ann), film)
        assert len(covered(filmed).attachments) == 2
        covered(finished(stage, stage.peer.press(slow, "again", ann)))
        late = stage.style(ann, content=hidden(43), age_s=14 * 60 + 50)
        stage.message(late)
        alone = stage.style(ann, content=hidden(44), channel=closing, age_s=14 * 60 + 50)
        stage.until(lambda: stage.connection.exists(keys.record(job_id_of(alone))), "the job")
        closing.app_permissions = 0
    covered(stage.result(shown))
    refined = stage.peer.press(stage.message(shown), "refine", ann)
    covered(stage.painted(stage.until(lambda: replies(stage, stage.message(late)), "a reply")[0]))
    covered(stage.painted(stage.until(lambda: stage.peer.messages(stage.peer.private(ann)), "a private one")[0]))
    stage.waiting(refined)
    assert stage.job(refined).reply_to["spoiler"] == "1"
    stage.peer.slash("cancel", ann)


def test_a_strangers_press_a_refitted_file_and_a_clip_stay_hidden(stage: Stage, ann: User, clips: ModuleType) -> None:
    bob = stage.peer.add_user("bob")
    said = stage.peer.say(ann, "@bot mosaic 80 palette", Upload(noise(300), "SPOILER_noise.png"))
    source = covered(stage.painted(answered(stage, said)))
    for button in ("stronger", "strip"):
        covered(stage.result(stage.peer.press(source, button, bob)))
    small = covered(stage.says(stage.peer.press(source, "original", ann, limit_bytes=50_000), "encoded anew"))
    assert small.attachments[0]["size"] <= 50_000
    moving = Upload(clips.gif(clips.panned(3)), "SPOILER_moving.gif")
    clip = covered(stage.result(stage.style(ann, content=moving)))
    assert clip.attachments[0]["filename"].endswith(".gif")
    covered(stage.result(stage.peer.press(clip, "weaker", ann)))


def test_what_is_painted_in_a_hidden_style_that_was_noted_is_hidden(stage: Stage, ann: User) -> None:
    stage.palette_by_default()
    for given, shows in ((hidden(46), covered), (picture(47), bare)):
        posted = stage.peer.say(ann, "look", given)
        stage.says(stage.peer.menu("Use as style", ann, posted), "Noted")
        shows(stage.result(stage.style(ann, style=None)))
        said = stage.peer.say(ann, "@bot 70", picture(48))
        shows(stage.painted(answered(stage, said)))
        choice = stage.says(
            stage.peer.menu("Stylize this picture", ann, stage.peer.say(ann, "x", picture(49))), "Which"
        )
        stage.until(lambda choice=choice: choice.buttons(), "a list")
        shows(stage.result(stage.peer.pick(choice, "choose", "*", ann)))
        both = stage.style(ann, style=None, content=picture(50), content2=picture(51))
        shows(stage.painted(stage.message(both)))


def answered(stage: Stage, said: Message) -> Message:
    found: Message = stage.until(lambda: replies(stage, said), "an answer")[0]
    return found


def size_of(stage: Stage, message: Message) -> tuple[int, int]:
    with Image.open(io.BytesIO(stage.peer.picture(message))) as painted:
        return painted.size


def as_gif(data: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as opened:
        opened.save(out, "GIF")
    return out.getvalue()


def layout(kind: int, url: str, spoiler: bool = False) -> Json:
    """A component that shows a file: 12 a gallery, 9 a picture beside words, 17 a file in a box."""
    media = {"id": "1", "url": url, "proxy_url": url, "width": 1, "height": 1, "content_type": "image/png"}
    shown: Json = {"media": media, "description": None, "spoiler": spoiler}
    if kind == 12:
        return {"type": 12, "id": 1, "items": [shown]}
    if kind == 9:
        words = {"type": 10, "id": 2, "content": "Look"}
        return {"type": 9, "id": 1, "components": [words], "accessory": {"type": 11, "id": 3, **shown}}
    file = {"type": 13, "id": 2, "file": media, "name": "a.png", "size": 1, "spoiler": False}
    return {"type": 17, "id": 1, "accent_color": None, "components": [file], "spoiler": spoiler}


def forwarded(**content: object) -> Json:
    """What a message says that forwards another: no author, and all that was in it."""
    blank = {"content": "", "attachments": [], "embeds": [], "components": [], "sticker_items": []}
    times = {"timestamp": "2026-01-01T00:00:00+00:00", "edited_timestamp": None}
    whole = {"type": 0, "flags": 0, "mentions": [], "mention_roles": [], **times, **blank, **content}
    return {"message_snapshots": [{"message": whole}], "message_reference": {"type": 1, "channel_id": "1"}}


class Sent:
    """Every kind of message that has a picture: the words to be added, and what Discord makes of it."""

    def __init__(self, stage: Stage, host: Host, data: bytes) -> None:
        self.stage, self.host, self.data = stage, host, data

    def attachment(self) -> tuple[str, Json]:
        described = upload_json(self.stage.peer.world, self.stage.peer.channel, self.data)
        return "", {"attachments": [described]}

    def forward(self) -> tuple[str, Json]:
        return "", forwarded(**self.attachment()[1])

    def forwarded_embed(self) -> tuple[str, Json]:
        return "", forwarded(**self.embed()[1])

    def embed(self) -> tuple[str, Json]:
        """What another bot shows; Discord's proxy has it."""
        address = self._cdn("/external/abc/x.png").replace("cdn.discordapp.com", "images-ext-1.discordapp.net")
        image = {"url": "https://not.there.test/x.png", "proxy_url": address, "width": 1, "height": 1}
        return "", {"embeds": [{"type": "rich", "image": image}]}

    def embedded_link(self) -> tuple[str, Json]:
        """A link of which Discord shows the picture: it is not asked for itself."""
        thumbnail = {"url": "https://not.there.test/y", "proxy_url": self._cdn("/external/abc/y.png")}
        return " https://not.there.test/y", {
            "embeds": [{"type": "image", "url": "https://not.there.test/y", "thumbnail": thumbnail}]
        }

    def link(self) -> tuple[str, Json]:
        self.host.pages["/cat.png?size=1"] = answer(self.data)
        return f" (http://{OUTSIDE}:{self.host.port}/cat.png?size=1).", {}

    def gif_picker(self) -> tuple[str, Json]:
        """A GIF picker's link that Discord has not looked at yet: a page that names its GIF."""
        self.host.pages["/view/cat-77"] = answer(b'<html><meta property="og:image" content="/m/cat.gif">')
        self.host.pages["/m/cat.gif"] = answer(as_gif(self.data))
        return f" http://{OUTSIDE}:{self.host.port}/view/cat-77", {}

    def gallery(self) -> tuple[str, Json]:
        return "", {"components": [layout(12, self._cdn("/attachments/1/2/g.png"))]}

    def beside_words(self) -> tuple[str, Json]:
        return "", {"components": [layout(9, self._cdn("/attachments/1/3/t.png"))]}

    def in_a_box(self) -> tuple[str, Json]:
        return "", {"components": [layout(17, self._cdn("/attachments/1/4/f.png"))]}

    def sticker(self) -> tuple[str, Json]:
        self._cdn("/stickers/771.png")
        return "", {"sticker_items": [{"id": "771", "name": "wave", "format_type": 2}]}

    def gif_sticker(self) -> tuple[str, Json]:
        self.stage.peer.put("/stickers/772.gif", as_gif(self.data), "image/gif")
        return "", {"sticker_items": [{"id": "772", "name": "wave", "format_type": 4}]}

    def emoji(self) -> tuple[str, Json]:
        self._cdn("/emojis/881.png")
        return " <:wave:881>", {}

    def moving_emoji(self) -> tuple[str, Json]:
        self.stage.peer.put("/emojis/882.gif", as_gif(self.data), "image/gif")
        return " <a:wave:882>", {}

    def _cdn(self, path: str) -> str:
        return self.stage.peer.put(path, self.data)


KINDS = [name for name in vars(Sent) if not name.startswith("_")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_message_has_its_picture_painted(stage: Stage, ann: User, host: Host, kind: str) -> None:
    """By a mention in it, in reply to it, and by Apps → Stylize this picture."""
    stage.palette_by_default()
    width_px = 64 + KINDS.index(kind)
    words, more = getattr(Sent(stage, host, picture(50 + KINDS.index(kind), width_px, 48)), kind)()
    message = answered(stage, stage.peer.say(ann, f"@bot peacock palette{words}", **more))
    assert size_of(stage, stage.painted(message)) == (width_px, 48)
    posted = stage.peer.say(ann, f"look{words}", **more)
    message = answered(stage, stage.peer.say(ann, "@bot mosaic palette", to=posted))
    assert size_of(stage, stage.painted(message)) == (width_px, 48)
    choice = stage.says(stage.peer.menu("Stylize this picture", ann, posted), "Which style")
    stage.until(lambda: choice.buttons(), "a list")
    assert size_of(stage, stage.result(stage.peer.pick(choice, "choose", "azulejo", ann))) == (width_px, 48)


def test_a_gif_pickers_gif_is_painted_as_the_film_that_discord_has_of_it(
    stage: Stage, ann: User, clips: ModuleType
) -> None:
    film, still = stage.peer.put("/external/t.mp4", clips.mp4(clips.panned(4)), "video/mp4"), picture(71, 80, 60)
    for link in ("https://giphy.com/gifs/cat-1", "https://klipy.com/gifs/cat-1", "https://tenor.com/view/cat-1"):
        embed = {
            "type": "gifv",
            "url": link,
            "provider": {"name": "A GIF picker", "url": link},
            "video": {"url": "https://not.there.test/t.mp4", "proxy_url": film},
            "thumbnail": {"url": "https://not.there.test/t.png", "proxy_url": stage.peer.put("/external/t.png", still)},
        }
        posted = stage.peer.say(ann, f"@bot mosaic palette {link}", embeds=[embed])
        painted = stage.painted(answered(stage, posted))
        assert painted.attachments[0]["filename"].endswith(".mp4")
    stage.says(stage.peer.menu("Use as style", ann, posted), "Noted")  # what stands still for it
    assert "your picture" in stage.result(stage.style(ann, style=None)).content


def test_hidden_links_galleries_and_boxes_stay_hidden(stage: Stage, ann: User, host: Host) -> None:
    host.pages["/hidden.png"] = answer(picture(81))
    link = f"http://{OUTSIDE}:{host.port}/hidden.png"
    embed = {"type": "image", "url": link, "thumbnail": {"url": link, "proxy_url": link}}
    for embeds in ([], [embed]):
        covered(stage.painted(answered(stage, stage.peer.say(ann, f"@bot mosaic palette ||{link}||", embeds=embeds))))
        bare(stage.painted(answered(stage, stage.peer.say(ann, f"@bot peacock palette {link}", embeds=embeds))))
    for kind in (9, 12, 17):
        shown = layout(kind, stage.peer.put(f"/attachments/9/{kind}/a.png", picture(82 + kind)), spoiler=True)
        covered(stage.painted(answered(stage, stage.peer.say(ann, "@bot mosaic palette", components=[shown]))))


def test_a_lottie_sticker_and_an_address_inside_are_refused_with_a_sentence(
    stage: Stage, ann: User, host: Host
) -> None:
    lottie = [{"id": "773", "name": "wave", "format_type": 3}]
    said = stage.peer.say(ann, "@bot mosaic palette", sticker_items=lottie)
    assert "can't read Lottie" in answered(stage, said).content
    stage.says(stage.peer.menu("Stylize this picture", ann, said), "can't read Lottie")
    host.pages["/secret.png"] = answer(picture())
    before = list(host.connections)
    for address in (f"http://{INSIDE}:{host.port}/secret.png", f"http://2130706433:{host.port}/secret.png"):
        said = stage.peer.say(ann, f"@bot mosaic palette {address}")
        stage.until(lambda said=said: "nothing to be had" in answered(stage, said).content, "a refusal")
        stage.says(stage.style(ann, content=None, link=address), "nothing to be had|can't take pictures")
    assert host.connections == before


def test_style_takes_a_link_an_emoji_an_avatar_or_the_last_picture_of_the_channel(
    stage: Stage, ann: User, host: Host
) -> None:
    host.pages["/linked.png"] = answer(picture(91, 70, 40))
    link = f"http://{OUTSIDE}:{host.port}/linked.png"
    assert size_of(stage, stage.result(stage.style(ann, content=None, link=link))) == (70, 40)
    stage.peer.put("/emojis/991.png", picture(92, 71, 40))
    assert size_of(stage, stage.result(stage.style(ann, content=None, link="<:wave:991>"))) == (71, 40)
    stage.says(stage.style(ann, content=None, link="cats"), "can't take pictures")
    bob = stage.peer.add_user("bob")
    bob.avatar = stage.peer.avatar(bob, picture(93, 72, 72))
    assert size_of(stage, stage.result(stage.style(ann, content=None, avatar=bob))) == (72, 72)
    said = stage.peer.say(ann, f"@bot peacock palette <@{bob.id}>", names=(bob,))
    assert size_of(stage, stage.painted(answered(stage, said))) == (72, 72)


def test_the_last_picture_of_the_channel_is_taken_where_the_bot_may_read_it(stage: Stage, ann: User) -> None:
    place = stage.peer.add_channel("looking-back")
    stage.says(stage.style(ann, content=None, channel=place), "no picture yet")
    mine = stage.result(stage.style(ann, content=picture(95, 73, 40), channel=place))
    stage.peer.say(ann, "for nobody", picture(96, 74, 40), channel=place)
    again = stage.result(stage.style(ann, content=None, channel=place, strength=50))
    assert size_of(stage, again) == (73, 40), "of others only what mentions the bot"
    stage.peer.world.reads_all = True
    stage.peer.say(ann, "for everybody", picture(97, 75, 40), channel=place)
    said = stage.peer.say(ann, "@bot peacock palette", channel=place)
    assert size_of(stage, stage.painted(answered(stage, said))) == (75, 40)
    stage.peer.world.reads_all = False
    stage.until(lambda: "/style" in answered(stage, stage.peer.say(ann, "@bot hi", channel=place)).content, "help")
    place.app_permissions = VIEW_CHANNEL | SEND_MESSAGES | ATTACH_FILES
    stage.says(stage.style(ann, content=None, channel=place), "no picture yet")
    place.app_permissions |= READ_HISTORY
    blind = stage.peer.add_user("blind", permissions=MEMBER_PERMISSIONS & ~READ_HISTORY)
    stage.says(stage.style(blind, content=None, channel=place), "no picture yet")
    assert mine.attachments


def test_who_answers_what_the_bot_cannot_see_is_told_so(stage: Stage, ann: User) -> None:
    posted = stage.peer.say(ann, "")
    said = stage.peer.say(ann, "@bot mosaic", to=posted)
    stage.until(lambda: "I can't see that message" in answered(stage, said).content, "why")


def test_an_original_file_may_be_had_as_a_gif_for_ones_favourites(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann))
    original = stage.says(stage.peer.press(message, "original", ann), "96 × 72")
    assert original.ephemeral
    stage.until(original.buttons, "a button")
    shown = stage.says(stage.peer.press(original, "gif", ann), "favourites")
    assert not shown.ephemeral, "what is for one's eyes only has an address that ends"
    (attachment,) = shown.attachments
    assert attachment["filename"].endswith(".gif")
    assert attachment["description"] == message.attachments[0]["description"]
    with Image.open(io.BytesIO(stage.peer.picture(shown))) as gif:
        assert (gif.format, gif.size, getattr(gif, "n_frames", 1)) == ("GIF", (96, 72), 1)
    hidden_one = stage.result(stage.style(ann, content=hidden(101)))
    original = covered(stage.says(stage.peer.press(hidden_one, "original", ann), "96 × 72"))
    stage.until(original.buttons, "a button")
    covered(stage.says(stage.peer.press(original, "gif", ann), "favourites"))


def test_how_large_a_file_may_be_says_discord_itself(stage: Stage, ann: User) -> None:
    """An interaction's own word, larger or smaller; elsewhere a refusal, after which it comes smaller."""
    large, generous = noise(700), 25_000_000
    whole = stage.result(stage.style(ann, content=large, limit_bytes=generous))
    size = whole.attachments[0]["size"]
    assert size > 200_000
    assert stage.result(stage.style(ann, content=large, limit_bytes=200_000)).attachments[0]["size"] <= 200_000
    stage.peer.world.limit_bytes = 200_000
    try:
        late = stage.style(ann, content=large, limit_bytes=400_000, age_s=14 * 60 + 50)
        reply = stage.until(lambda: replies(stage, stage.message(late)), "a reply")[0]
        assert 0 < stage.painted(reply).attachments[0]["size"] <= 200_000
    finally:
        stage.peer.world.limit_bytes = DEFAULT_LIMIT_BYTES
    said = answered(stage, stage.peer.say(ann, "@bot mosaic palette", large))
    assert stage.painted(said).attachments[0]["size"] == size


def sizes_of(stage: Stage, message: Message) -> list[tuple[int, int]]:
    found = []
    for attachment in message.attachments:
        path = attachment["url"].partition("?")[0].removeprefix("https://cdn.discordapp.com")
        with Image.open(io.BytesIO(stage.peer.world.files[path][0])) as opened:
            found.append(opened.size)
    return found


def album(*widths: int) -> list[bytes]:
    return [picture(width, width, 48) for width in widths]


def all_painted(stage: Stage, message: Message) -> Message:
    stage.until(lambda: "pick" in message.buttons(), f"several results; it says {message.content!r}")
    return message


def test_several_pictures_are_painted_in_the_style_with_one_line_of_progress(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        said = stage.peer.say(ann, "@bot mosaic 70 palette", *album(111, 112, 113, 114, 115, 116))
        message = answered(stage, said)
        stage.until(lambda: message.content.startswith("0 of 6 painted."), f"a line; it says {message.content!r}")
    all_painted(stage, message)
    assert sizes_of(stage, message) == [(width, 48) for width in range(111, 117)]
    assert "6 pictures in the style of Byzantine mosaic, strength 70" in message.content
    assert [part["label"] for part in message.parts()] == ["1", "2", "3", "4", "5", "6"]
    assert all(attachment["description"] for attachment in message.attachments)
    assert sum(bool(revision.attachments) for revision in message.history) == 1, "shown once, all together"
    assert len(replies(stage, said)) == 1
    picked = stage.result(stage.peer.press_labelled(message, "4", ann))
    assert size_of(stage, picked) == (114, 48)
    assert size_of(stage, stage.result(stage.peer.press(picked, "weaker", ann))) == (114, 48)


def test_several_pictures_of_a_message_by_its_menu_and_one_of_them_no_picture(stage: Stage, ann: User) -> None:
    stage.palette_by_default()
    posted = stage.peer.say(ann, "look", *album(121, 122), Upload(b"no picture"), hidden(123))
    choice = stage.says(stage.peer.menu("Stylize this picture", ann, posted), "these 3 pictures have")
    assert "3: That is not a picture" in choice.content
    stage.until(lambda: choice.buttons(), "a list")
    chosen = stage.peer.pick(choice, "choose", "peacock", ann)
    message = all_painted(stage, stage.message(chosen))
    assert sizes_of(stage, message) == [(121, 48), (122, 48), (96, 72)]
    assert [part["label"] for part in message.parts()] == ["1", "2", "4"], "numbered as they were sent"
    covered(message)


def test_style_takes_several_pictures_or_all_of_the_last_message(stage: Stage, ann: User) -> None:
    """One line, one message; what is no picture is named by its number to the one who sent it."""
    with stage.paused_worker():
        given = {"content": picture(151, 151, 48), "content2": b"no picture", "content4": hidden(153)}
        asked = stage.style(ann, **given, content5=picture(154, 154, 48), strength=70)
        stage.says(asked, r"^0 of 3 painted\.")
        stage.refused(asked, "^2: That is not a picture")
    message = all_painted(stage, stage.message(asked))
    assert sizes_of(stage, covered(message)) == [(151, 48), (96, 72), (154, 48)]
    assert [part["label"] for part in message.parts()] == ["1", "3", "4"]
    assert sum(bool(revision.attachments) for revision in message.history) == 1, "shown once, all together"
    place = stage.peer.add_channel("looking-back-at-several")
    stage.peer.say(ann, "@bot look", *album(155, 156), channel=place)
    again = all_painted(stage, stage.message(stage.style(ann, content=None, style="peacock", channel=place)))
    assert sizes_of(stage, again) == [(155, 48), (156, 48)]
    masked = stage.style(ann, content2=picture(157), mask=picture(158))
    all_painted(stage, stage.message(masked))
    jobs: list[Any] = [stage.connection.hget(keys.record(f"{job_id_of(masked)}-p{n}"), "job") for n in (0, 1)]
    assert all(Job.from_json(job).mask for job in jobs), "one mask for all"


def test_a_results_time_lapse_is_no_second_picture(stage: Stage, ann: User) -> None:
    stage.palette_by_default()
    film = Blobs(stage.connection).put(as_gif(picture(161)))
    with stage.paused_worker():
        filmed = finished(stage, stage.style(ann, method="gatys", time_lapse=True), film)
    assert len(filmed.attachments) == 2
    said = stage.peer.say(ann, "@bot peacock palette", to=filmed)
    assert len(stage.painted(answered(stage, said)).attachments) == 1
    choice = stage.says(stage.peer.menu("Stylize this picture", ann, filmed), "Which style")
    assert choice.ephemeral
    assert len(stage.result(stage.style(ann, content=None)).attachments) == 1


def test_several_pictures_are_stopped_together_and_outlast_a_restart(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        message = answered(stage, stage.peer.say(ann, "@bot mosaic palette", *album(131, 132, 133)))
        stage.until(lambda: "cancel" in message.buttons(), "a button")
        stage.says(stage.peer.press(message, "cancel", ann), "being stopped")
        stage.until(lambda: message.content.count("Cancelled.") == 3, f"their end; it says {message.content!r}")
        kept = answered(stage, stage.peer.say(ann, "@bot peacock palette", *album(134, 135)))
        stage.until(lambda: "0 of 2" in kept.content, "a line")
        stage.end_bot(signal.SIGKILL)
        stage.bot.start()
        stage.until(stage.peer.ready, "READY")
    assert sizes_of(stage, all_painted(stage, kept)) == [(134, 48), (135, 48)]


def test_each_of_several_pictures_counts_for_the_day(stage: Stage) -> None:
    manager = stage.peer.add_user("manager", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
    stage.says(stage.peer.slash("settings", manager, per_day=3, method="palette"), "Channels")
    cem = stage.peer.add_user("cem")
    said = stage.peer.say(cem, "@bot mosaic", *album(141, 142, 143, 144))
    stage.until(lambda: "Try again in" in answered(stage, said).content, "a refusal")
    all_painted(stage, answered(stage, stage.peer.say(cem, "@bot mosaic", *album(141, 142), b"no picture")))
    three = {"content": picture(145), "content2": picture(146), "content3": picture(147)}
    stage.says(stage.style(cem, **three), "Try again in")
    all_painted(stage, stage.message(stage.style(cem, content=picture(144), content2=b"no picture", style="peacock")))
    stage.says(stage.style(cem), "Try again in")
