"""Where pictures come from on Discord, and spoilers that stay: the real bot, a real worker, the loopback Discord."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Iterator

import pytest
from PIL import Image

from nst.clip_header import GIF
from tests.peers.discord.rest import Upload
from tests.peers.discord.stage import Stage, Until, picture, replies, running
from tests.peers.discord.world import Interaction, Message, User
from workers import keys
from workers.blobs import Blobs
from workers.contract import Result
from workers.outbox import post_terminal

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]
IS_SPOILER = 1 << 3


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discord-pictures")
    with running(folder, until, tmp_path_factory.getbasetemp() / "bytecode") as stage:
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
        stage.until(lambda: stage.connection.exists(keys.record(f"d{alone.id}")), "the job")
        closing.app_permissions = 0
    covered(stage.result(shown))
    refined = stage.peer.press(stage.message(shown), "refine", ann)
    covered(stage.painted(stage.until(lambda: replies(stage, stage.message(late)), "a reply")[0]))
    covered(stage.painted(stage.until(lambda: stage.peer.messages(stage.peer.private(ann)), "a private one")[0]))
    stage.waiting(refined)
    assert stage.job(refined).reply_to["spoiler"] == "1"
    stage.peer.slash("cancel", ann)
