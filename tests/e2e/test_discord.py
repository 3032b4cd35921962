"""The real bot process against the Discord peer, with the real Redis and a real worker."""

from __future__ import annotations

import io
import re
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from bench.steady_redis import SteadyRedis
from bot.chat.privacy import noted_jobs
from bot.chat.strips import strip_job_ids
from bot.texts import explain
from nst.errors import JobError, Scalar, UserError
from nst.pictures.clip_header import GIF, inspect_content
from tests.contests import take_part
from tests.peers.discord.rest import ACK_LIMIT_S
from tests.peers.discord.stage import (
    DEADLINE_S,
    ROOT,
    Stage,
    Until,
    job_id_of,
    noise,
    picture,
    replies,
    running,
    undescribed,
)
from tests.peers.discord.world import (
    MANAGE_GUILD,
    MANAGE_MESSAGES,
    MEMBER_PERMISSIONS,
    READ_HISTORY,
    SEND_MESSAGES,
    VIEW_CHANNEL,
    Interaction,
    Message,
    User,
    snowflake,
)
from tests.traces import traces_left
from workers.client.client import QueueClient
from workers.client.line import Limits
from workers.client.outbox import post_terminal
from workers.contract import Result
from workers.store import keys
from workers.store.blobs import Blobs, blob_hash

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discord")
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


def test_style_paints_a_picture_in_the_channel(stage: Stage, ann: User) -> None:
    interaction = stage.style(ann, strength=70)
    message = stage.result(interaction)
    assert interaction.answered == 5
    assert stage.peer.answered_first(interaction)
    assert "strength 70" in message.content
    assert message.attachments[0]["description"] == "Photo in the style of Byzantine mosaic, strength 70"
    with Image.open(io.BytesIO(stage.peer.picture(message))) as painted:
        assert painted.size == (96, 72)
    assert not message.ephemeral
    everything_went_through_the_proxy = {"discord.com", "gateway.discord.gg", "cdn.discordapp.com"}
    assert everything_went_through_the_proxy <= set(stage.peer.proxy.tunnels)


def test_a_style_of_ones_own_and_every_option(stage: Stage, ann: User) -> None:
    interaction = stage.style(
        ann, style=None, style_image=picture(4), strength=35, colours="keep", size=64, steps=5, seed=3
    )
    message = stage.result(interaction)
    assert "your picture" in message.content
    assert "35" in message.content
    with Image.open(io.BytesIO(stage.peer.picture(message))) as painted:
        assert max(painted.size) == 64


def test_neither_style_nor_picture_is_told_in_the_users_language(stage: Stage) -> None:
    marie = stage.peer.add_user("marie", locale="fr")
    stage.says(stage.style(marie, style=None), "Choisissez un style")


def test_a_picture_that_is_none_is_told_and_the_next_one_painted(stage: Stage, ann: User) -> None:
    stage.says(stage.style(ann, content=b"<svg xmlns='http://www.w3.org/2000/svg'/>"), "drawing or document")
    stage.says(stage.style(ann, content=b""), "empty")
    stage.result(stage.style(ann))


def test_a_file_that_is_too_large_is_refused_in_private_without_downloading_it(stage: Stage, ann: User) -> None:
    before = len(stage.peer.proxy.tunnels)
    interaction = stage.style(ann, content=b"\x89PNG" + bytes(21 * 2**20))
    message = stage.says(interaction, "21.0 MiB")
    assert message.ephemeral
    assert "cdn.discordapp.com" not in stage.peer.proxy.tunnels[before:]


def test_autocomplete_offers_presets_by_name_and_title(stage: Stage, ann: User) -> None:
    def choices(text: str) -> list[str]:
        interaction = stage.peer.type_in("style", "style", text, ann)
        found: list[dict[str, str]] = stage.until(lambda: interaction.choices is not None and interaction.choices)
        return [choice["value"] for choice in found]

    assert "mosaic" in choices("byzan")
    assert len(choices("")) > 10


def test_unknown_styles_are_named_with_those_there_are(stage: Stage, ann: User) -> None:
    message = stage.says(stage.style(ann, style="nothing-like-it"), "no style")
    assert "mosaic" in message.content
    assert message.ephemeral


def test_missing_permissions_are_found_before_anything_is_queued(stage: Stage, ann: User) -> None:
    closed = stage.peer.add_channel("closed", app_permissions=VIEW_CHANNEL | SEND_MESSAGES)
    message = stage.says(stage.style(ann, channel=closed), "Attach Files")
    assert message.ephemeral
    assert not stage.connection.exists(keys.pending(f"discord:{ann.id}"))
    assert not stage.connection.exists(f"pastiche:userjobs:discord:{ann.id}")


def test_waiting_jobs_show_their_place_and_can_be_cancelled(stage: Stage, ann: User) -> None:
    bob = stage.peer.add_user("bob")
    with stage.paused_worker():
        first = stage.style(ann)
        stage.says(first, "Painting … 25 %")
        second, third = stage.style(ann), stage.style(ann)
        message = stage.says(second, "position [12]")
        stage.says(third, "position [12]")
        listed = stage.says(stage.peer.slash("queue", ann), "1. Painting")
        assert listed.ephemeral
        assert len(listed.content.splitlines()) == 3
        stage.says(stage.peer.press(message, "cancel", bob), "somebody else")
        stage.says(stage.peer.press(message, "cancel", ann), "being stopped")
        stage.says(second, "Cancelled")
        assert not message.buttons()
        stage.says(stage.peer.slash("cancel", ann), "Stopped: 2")
        stage.says(first, "Cancelled")
        stage.says(third, "Cancelled")
    stage.says(stage.peer.slash("queue", ann), "Nothing of yours")
    stage.says(stage.peer.slash("cancel", ann), "Nothing of yours")


def test_buttons_vary_the_result(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann, strength=40))
    assert "strength 60" in stage.result(stage.peer.press(message, "stronger", ann)).content
    assert "strength 20" in stage.result(stage.peer.press(message, "weaker", ann)).content
    kept = stage.result(stage.peer.press(message, "colours", ann))
    assert stage.peer.picture(kept) != stage.peer.picture(message)
    assert "strength 40" in message.content


def test_another_style_is_picked_from_a_list(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann))
    asked = stage.peer.press(message, "other_style", ann)
    choice = stage.says(asked, "Which style")
    assert choice.ephemeral
    assert "Peacock" in stage.result(stage.peer.pick(choice, "restyle", "peacock", ann)).content


def test_a_strip_is_one_sheet_from_which_one_is_picked(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann))
    strip = stage.result(stage.peer.press(message, "strip", ann))
    labels = [part["label"] for row in strip.components for part in row["components"]]
    assert labels == ["20", "40", "60", "80", "100"]
    assert strip.attachments[0]["description"]
    assert sum(bool(revision.attachments) for revision in strip.history) == 1
    assert "strength 100" in stage.result(stage.peer.press(strip, "pick", ann)).content  # the last of equal names


def test_the_original_file_and_the_recipe_are_for_the_one_who_asks(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann, strength=55))
    original = stage.says(stage.peer.press(message, "original", ann), "96 × 72")
    assert original.ephemeral
    assert stage.peer.picture(original) == stage.peer.picture(message)
    recipe = stage.says(stage.peer.press(message, "recipe", ann), "/recipe")
    code = re.search(r"code:(\w+)", recipe.content)
    assert code is not None
    again = stage.result(stage.peer.slash("recipe", ann, code=code[1]))
    assert stage.peer.picture(again) == stage.peer.picture(message)
    other = stage.result(stage.peer.slash("recipe", ann, code=code[1], content=picture(9)))
    assert stage.peer.picture(other) != stage.peer.picture(message)
    stage.result(stage.peer.slash("recipe", ann, code="peacock 30 palette", content=picture()))
    stage.says(stage.peer.slash("recipe", ann, code="nosuchcode"), "don't know a recipe")


def test_only_the_requester_or_a_moderator_deletes(stage: Stage, ann: User) -> None:
    bob = stage.peer.add_user("bob")
    mod = stage.peer.add_user("mod", permissions=MEMBER_PERMISSIONS | MANAGE_MESSAGES)
    message = stage.result(stage.style(ann))
    refused = stage.peer.press(message, "delete", bob)
    stage.until(lambda: refused.followups, "a refusal")
    assert refused.followups[0].ephemeral
    assert not message.deleted
    for user in (ann, mod):
        stage.refused(stage.peer.press(message, "delete", user), "Press again within 30 s")
    assert not message.deleted, "each of them is asked"
    stage.peer.press(message, "delete", ann)
    stage.until(lambda: message.deleted, "the deletion")
    second = stage.result(stage.style(ann))
    for _ in range(2):
        asked = stage.peer.press(second, "delete", mod)
    assert asked
    stage.until(lambda: second.deleted, "the moderator's deletion")


def test_mix(stage: Stage, ann: User) -> None:
    interaction = stage.peer.slash(
        "mix", ann, content=picture(), style1="mosaic", style2="peacock", weight1=3.0, method="palette"
    )
    assert "Byzantine mosaic + Peacock" in stage.result(interaction).content


def test_the_gallery_has_pages(stage: Stage, ann: User) -> None:
    gallery = stage.says(stage.peer.slash("styles", ann), "page 1 of")
    first = gallery.attachments
    stage.until(lambda: gallery.buttons(), "buttons")
    stage.peer.press(gallery, "page", ann)  # of equal names the last: forwards
    stage.until(lambda: "page 2 of" in gallery.content, "page 2")
    stage.until(lambda: gallery.attachments != first, "other pictures")


def test_help(stage: Stage, ann: User) -> None:
    helped = stage.says(stage.peer.slash("help", ann), "/style")
    assert helped.attachments[0]["description"]


def test_forget_me_leaves_nothing_of_theirs_and_all_of_others(stage: Stage, ann: User) -> None:
    """A rich session: a result, its recipe, a style to come, waiting jobs, challenges; somebody shares a picture."""
    shared, own = picture(9001), [picture(seed) for seed in range(9002, 9005)]
    bob, connection = stage.peer.add_user("bob"), stage.connection
    result = stage.result(stage.style(ann, content=own[0]))
    stage.says(stage.peer.press(result, "recipe", ann), "/recipe")
    posted = stage.peer.say(bob, "look", own[1])
    stage.says(stage.peer.menu("Use as style", ann, posted), "Noted")
    user = f"discord:{ann.id}"
    with stage.paused_worker():
        others = stage.style(bob, content=shared)
        stage.waiting(others)
        for content in (shared, own[2]):
            stage.waiting(stage.style(ann, content=content))
        part = take_part(connection, user, "telegram")
        jobs = noted_jobs(connection, user)
        assert len(jobs) == 4
        found: Any = QueueClient(connection).result(jobs[0])
        mine: list[str | bytes] = [ann.id, found.picture, *map(blob_hash, own), *own, *jobs, *part]
        assert len(traces_left(connection, mine)) > 20
        told = stage.says(stage.peer.slash("privacy", ann), "Forget me")
        stage.peer.press(told, "forget", ann)
        stage.until(lambda: "still kept: 4" in told.content, "a question")
        stage.peer.press(told, "forget_stay", ann)
        stage.until(lambda: "Nothing was deleted" in told.content, "another thought")
        assert len(traces_left(connection, mine)) > 20
        told = stage.says(stage.peer.slash("privacy", ann), "Forget me")
        stage.forgets(told, ann, 4)
        stage.until(lambda: connection.xlen("pastiche:outbox:discord") == 0, "everything is acknowledged")
        promises = "pastiche:discord:promise:*"
        stage.until(lambda: not list(connection.scan_iter(promises)), "the answer stands")
        assert traces_left(connection, mine, but=map(keys.done, jobs)) == []
    stage.result(others)
    stage.says(stage.peer.press(result, "weaker", ann), "no longer kept")


def test_menus_take_pictures_from_messages_and_avatars(stage: Stage, ann: User) -> None:
    stage.palette_by_default()
    posted = stage.peer.say(ann, "look", picture(2))
    choice = stage.says(stage.peer.menu("Stylize this picture", ann, posted), "Which style")
    assert choice.ephemeral
    stage.until(lambda: choice.buttons(), "a list")
    chosen = stage.peer.pick(choice, "choose", "peacock", ann)
    assert "Peacock" in stage.result(chosen).content
    ann.avatar = stage.peer.avatar(ann, picture(6, 128, 128))
    avatar = stage.says(stage.peer.menu("Stylize avatar", ann, ann), "Which style")
    stage.until(lambda: avatar.buttons(), "a list")
    stage.result(stage.peer.pick(avatar, "choose", "peacock", ann))
    stage.says(stage.peer.menu("Use as style", ann, posted), "Noted")
    again = stage.says(stage.peer.menu("Stylize this picture", ann, posted), "Which style")
    options = stage.until(lambda: again.buttons(), "a list")["choose"]["options"]
    assert options[0]["label"] == "The style you picked before"
    assert "your picture" in stage.result(stage.style(ann, style=None)).content
    stage.says(stage.peer.menu("Stylize this picture", ann, stage.peer.say(ann, "no picture")), "no picture yet")


def test_a_mention_with_a_picture_works_as_well(stage: Stage, ann: User) -> None:
    def answer(asked: Message) -> Message:
        found: Message = stage.until(lambda: replies(stage, asked), "an answer")[0]
        return found

    message = answer(stage.peer.say(ann, "@bot mosaic 30 palette", picture()))
    stage.painted(message)
    assert "strength 30" in message.content
    posted = stage.peer.say(ann, "look", picture(2))
    stage.painted(answer(stage.peer.say(ann, "@bot peacock palette", to=posted)))
    stage.until(lambda: "/style" in answer(stage.peer.say(ann, "@bot hello")).content, "help")


def test_the_settings_of_a_server(stage: Stage, ann: User) -> None:
    manager = stage.peer.add_user("manager", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
    other = stage.peer.add_channel("elsewhere")

    def change(**options: Any) -> Message:
        return stage.says(stage.peer.slash("settings", manager, **options), "Channels")

    assert stage.says(stage.peer.slash("settings", ann), "Only those who manage").ephemeral
    change(strength=45, method="palette", spoiler=True, language="fr")
    message = stage.result(stage.style(ann, method=None))
    assert "force 45" in message.content
    assert "palette" in message.content
    assert message.attachments[0]["filename"].startswith("SPOILER_")
    stage.says(stage.peer.slash("settings", manager, channel=other, only_here=True, strength=15), "strength 15")
    assert "force 15" in stage.result(stage.style(ann, channel=other)).content
    assert "force 45" in stage.result(stage.style(ann)).content
    change(reset=True, only_here=True)
    stage.says(stage.peer.slash("settings", manager, channel=other, reset=True, only_here=True), "Channels")
    change(reset=True, toggle_channel=other)
    stage.says(stage.style(ann), "other channels")
    change(reset=True, per_day=1)
    carl = stage.peer.add_user("carl")
    stage.result(stage.style(carl))
    stage.says(stage.style(carl), "Try again in")
    change(reset=True, cooldown=600)
    stage.result(stage.style(carl))
    stage.says(stage.style(carl), "Try again in")
    change(reset=True, others_may_vary=False)
    mine = stage.result(stage.style(ann))
    for button in ("weaker", "strip", "other_style", "original", "recipe"):
        stage.refused(stage.peer.press(mine, button, carl), "somebody else")
    stage.result(stage.peer.press(mine, "weaker", ann))


def test_a_stranger_brings_no_photograph_out_that_was_not_shown(stage: Stage, ann: User) -> None:
    """The attachment of a slash command is seen by nobody else."""
    bob = stage.peer.add_user("bob")
    message = stage.result(stage.style(ann, strength=20))
    for button in ("weaker", "colours", "other_style"):
        stage.refused(stage.peer.press(message, button, bob), "more of the photograph")
    stronger = stage.result(stage.peer.press(message, "stronger", bob))
    assert "strength 40" in stronger.content
    assert not {"weaker", "strip", "colours"} & stronger.buttons().keys(), "these would be refused to its owner, too"
    stage.painted(stage.result(stage.peer.press(message, "weaker", ann)))


def test_a_photograph_that_was_shown_is_everybodys_to_paint(stage: Stage, ann: User) -> None:
    bob = stage.peer.add_user("bob")
    asked = stage.peer.say(ann, "@bot mosaic 20 palette", picture(31))
    message = stage.painted(stage.until(lambda: replies(stage, asked), "an answer")[0])
    assert "strength 0" in stage.result(stage.peer.press(message, "weaker", bob)).content


def test_a_recipe_paints_its_own_photograph_for_its_owner_only(stage: Stage, ann: User) -> None:
    bob = stage.peer.add_user("bob")
    message = stage.result(stage.style(ann, strength=55))
    recipe = stage.says(stage.peer.press(message, "recipe", ann), "/recipe")
    code = re.search(r"code:(\w+)", recipe.content)
    assert code is not None
    again = stage.says(stage.peer.press(message, "recipe", bob), "/recipe")
    assert code[1] in again.content, "asked twice, the same"
    stage.refused(stage.peer.slash("recipe", bob, code=code[1]), "Add a picture")
    own = stage.result(stage.peer.slash("recipe", bob, code=code[1], content=picture(32)))
    assert "strength 55" in own.content
    assert stage.peer.picture(own) != stage.peer.picture(message)


def test_a_late_result_is_a_reply_in_the_channel(stage: Stage, ann: User) -> None:
    """The interaction's token is dead by then; the message that said "queued" says where to look."""
    interaction = stage.style(ann, age_s=14 * 60 + 50)
    reply = stage.painted(stage.until(lambda: replies(stage, stage.message(interaction)), "a reply")[0])
    assert reply.nonce
    stage.says(interaction, "see the reply")
    assert len(replies(stage, stage.message(interaction))) == 1


def test_a_token_that_dies_early_costs_no_result(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        interaction = stage.style(ann)
        stage.waiting(interaction)
        interaction.dies_s = time.monotonic()
    stage.result(interaction)


def test_a_closed_channel_leads_to_a_private_message(stage: Stage, ann: User) -> None:
    channel = stage.peer.add_channel("closing")
    with stage.paused_worker():
        interaction = stage.style(ann, channel=channel, age_s=14 * 60 + 50)
        stage.until(lambda: stage.connection.exists(keys.pending(f"discord:{ann.id}")), "the job")
        channel.app_permissions = VIEW_CHANNEL
    private = stage.until(lambda: stage.peer.messages(stage.peer.private(ann)), "a private message")
    stage.painted(private[0])
    message = stage.says(interaction, "sent it to you in private")
    assert f"/{channel.id}/{message.id}" in private[0].content, "it says what it belongs to"
    assert not message.attachments
    assert not message.buttons(), "nothing is left to be cancelled"


def test_failures_on_discords_side_cost_no_result(stage: Stage, ann: User) -> None:
    for fault in ({"status": 500}, {"status": 502}, {"status": 0}, {"status": 429}, {"status": 0, "after": True}):
        with stage.paused_worker():
            interaction = stage.style(ann)
            stage.waiting(interaction)
            met = stage.peer.fail("PATCH", interaction.token, **fault)
        message = stage.result(interaction)
        assert met.met == 1
        assert len(message.attachments) == 1


def test_progress_stops_at_the_first_429(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        first = stage.style(ann)
        stage.waiting(first)
        fault = stage.peer.fail("PATCH", "/webhooks/", status=429)
        second = stage.style(ann)
        stage.until(lambda: fault.met, "the 429")
        third = stage.style(ann)
        stage.says(third, "position 2")
        stage.says(stage.peer.slash("cancel", ann, job=job_id_of(first)), "Stopped: 1")
        stage.says(third, "position 1")  # an interval later: the second one's line would have changed as well
        assert [revision.content for revision in stage.message(second).history] == [""]
    stage.result(second)
    stage.result(third)


def test_two_users_and_twenty_results_at_once_each_once(stage: Stage, ann: User) -> None:
    bob = stage.peer.add_user("bob")
    with stage.paused_worker():
        asked = [stage.style(user, strength=10 * n) for n in range(1, 11) for user in (ann, bob)]
        for interaction in asked:
            stage.message(interaction)
    for place, interaction in enumerate(asked):
        message = stage.result(interaction)
        assert f"strength {10 * (place // 2 + 1)}" in message.content
        assert message.asked_by is interaction.user
        assert sum(bool(revision.attachments) for revision in message.history) == 1


def test_a_resume_in_the_middle_of_a_job(stage: Stage, ann: User) -> None:
    before = stage.peer.gateway.resumed
    with stage.paused_worker():
        first = stage.style(ann)
        stage.waiting(first)
        stage.peer.reconnect()
        second = stage.style(ann)  # sent while the line is down
        stage.until(lambda: stage.peer.gateway.resumed > before, "RESUME")
    stage.result(first)
    stage.result(second)


def test_a_bot_killed_between_posting_and_acknowledging_posts_once(stage: Stage, ann: User) -> None:
    outbox = keys.outbox("discord")
    stage.until(lambda: stage.connection.xlen(outbox) == 0, "an empty outbox")
    with stage.paused_worker():
        soon, late = stage.style(ann), stage.style(ann, age_s=14 * 60 + 50)
        stage.waiting(soon)
        stage.message(late)
        release = [stage.peer.hold("PATCH", soon.token, after=True), stage.peer.hold("POST", "/channels/", after=True)]
    stage.painted(stage.message(soon))
    reply = stage.until(lambda: replies(stage, stage.message(late)), "the late result")[0]
    assert stage.connection.xlen(outbox) == 2
    stage.end_bot(signal.SIGKILL)
    for let_through in release:
        let_through()
    stage.peer.faults.clear()
    stage.peer.forget_nonces()
    stage.bot.start()
    stage.until(lambda: stage.connection.xlen(outbox) == 0, "acknowledgements", DEADLINE_S)
    assert sum(bool(revision.attachments) for revision in stage.message(soon).history) == 1
    assert replies(stage, stage.message(late)) == [reply]
    stage.until(stage.peer.ready, "READY")
    assert "strength 80" in stage.result(stage.peer.press(stage.message(soon), "weaker", ann)).content


def test_progress_goes_on_after_a_restart(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        first, second = stage.style(ann), stage.style(ann)
        for interaction in (first, second):
            stage.waiting(interaction)
        assert stage.end_bot() == 0
        stage.bot.start()
        stage.until(stage.peer.ready, "READY")
        before, after = sorted((first, second), key=lambda one: "position" in stage.message(one).content)
        stage.says(stage.peer.press(stage.message(before), "cancel", ann), "being stopped")
        stage.says(before, "Cancelled")
        stage.says(after, "Painting")
    stage.result(after)


def test_a_slow_redis_does_not_delay_the_acknowledgement(stage: Stage, ann: User) -> None:
    """Who waited for Redis would be late each time; a busy machine is late now and then."""
    interactions: list[Interaction] = []
    stage.redis_process().suspend()
    try:
        while not interactions or (interactions[-1].answered_after_s or 0) > ACK_LIMIT_S:
            assert len(interactions) < 5
            interactions.append(stage.style(ann))
            stage.message(interactions[-1])
    finally:
        stage.redis_process().resume()
    for interaction in interactions:
        stage.result(interaction)


def test_files_are_made_to_fit(stage: Stage, ann: User) -> None:
    interaction = stage.style(ann, content=noise(600), limit_bytes=100_000)
    message = stage.result(interaction)
    assert message.attachments[0]["size"] <= 100_000
    with Image.open(io.BytesIO(stage.peer.picture(message))) as painted:
        assert max(painted.size) > 64
    original = stage.says(stage.peer.press(message, "original", ann, limit_bytes=100_000), "0.1 MiB may be sent here")
    assert original.attachments[0]["size"] <= 100_000


def test_a_user_install_works_where_the_bot_is_not_a_member(stage: Stage, ann: User) -> None:
    private = stage.peer.private(stage.peer.add_user("bob"))
    interaction = stage.style(ann, channel=private, owners={"1": ann.id})
    stage.result(interaction)
    for command in stage.peer.world.commands:
        if command["name"] not in ("settings", "challenge", "Enter challenge"):
            assert set(command["integration_types"]) == {0, 1}
            assert set(command["contexts"]) == {0, 1, 2}


def test_commands_are_announced_in_french_as_well(stage: Stage) -> None:
    style = next(command for command in stage.peer.world.commands if command["name"] == "style")
    assert style["description_localizations"]["fr"].startswith("Peindre")
    assert [option["name"] for option in style["options"]][:5] == [
        "content",
        "style",
        "style_image",
        "strength",
        "method",
    ]


def test_a_deleted_message_costs_no_result(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        interaction = stage.style(ann)
        message = stage.waiting(interaction)
        message.deleted = True
    stage.painted(stage.until(lambda: replies(stage, message), "a reply")[0])
    assert len(replies(stage, message)) == 1


def test_a_long_job_develops_in_the_channel_after_its_token_died(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        interaction = stage.style(ann, age_s=14 * 60 + 50)
        message = stage.says(interaction, "Painting")
        stage.until(lambda: message.attachments, "a preview")
        assert message.attachments[0]["filename"] == "preview.jpg"
    stage.painted(stage.until(lambda: replies(stage, message), "the result")[0])
    stage.says(interaction, "see the reply")
    assert not message.attachments


def test_refining_is_a_job_of_the_slow_method(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann))
    with stage.paused_worker():
        refined = stage.peer.press(message, "refine", ann)
        stage.waiting(refined)
        assert stage.job(refined).options.method == "gatys"
        stage.peer.slash("cancel", ann)
        stage.says(refined, "Cancelled")


def test_a_reply_to_the_bot_with_a_picture_is_a_request(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann))
    asked = stage.peer.say(ann, "@bot peacock 25 palette", picture(77), to=message)
    answer = stage.painted(stage.until(lambda: replies(stage, asked), "an answer")[0])
    assert "Peacock, strength 25" in answer.content


def test_a_private_message_with_a_picture_is_a_request(stage: Stage, ann: User) -> None:
    private = stage.peer.private(ann)
    asked = stage.peer.say(ann, "peacock 25 palette", picture(78), channel=private)
    stage.painted(stage.until(lambda: replies(stage, asked), "an answer")[0])


def test_a_bot_killed_before_it_queued_takes_up_what_was_asked_when_it_is_back(stage: Stage, ann: User) -> None:
    posted = stage.peer.say(ann, "look", picture(79))
    let_through = stage.peer.hold("GET", "/attachments/")
    asked, kept = stage.style(ann), stage.peer.menu("Stylize this picture", ann, posted)
    mention = stage.peer.say(ann, "@bot peacock palette", picture(80))
    for interaction in (asked, kept):
        stage.message(interaction)
    promises = "pastiche:discord:promise:*"
    stage.until(lambda: len(list(stage.connection.scan_iter(match=promises))) == 3, "three promises")
    stage.end_bot(signal.SIGKILL)
    let_through()
    stage.peer.faults.clear()
    stage.bot.start()
    stage.result(asked)
    assert "choose" in stage.says(kept, "style").buttons()
    stage.painted(replies(stage, mention)[0])
    assert len(replies(stage, mention)) == 1
    stage.until(lambda: not list(stage.connection.scan_iter(match=promises)), "no promise left")
    stage.until(stage.peer.ready, "READY")
    stage.result(stage.style(ann))


def test_a_strip_that_was_half_queued_is_queued_whole(stage: Stage, ann: User) -> None:
    message = stage.result(stage.style(ann))
    with stage.paused_worker():
        waiting = stage.style(ann)
        stage.waiting(waiting)
        let_through = stage.peer.hold("PATCH", "/webhooks/", after=True)
        strip = stage.peer.press(message, "strip", ann)
        stage.says(strip, "five strengths")  # posted, and not one of the five is queued
        stage.end_bot(signal.SIGKILL)
        job = stage.job(waiting)
        half = replace(
            job, job_id=strip_job_ids(job_id_of(strip))[0], reply_to={**job.reply_to, "strip": job_id_of(strip)}
        )
        QueueClient(stage.connection).submit(half)
        let_through()
        stage.peer.faults.clear()
        stage.bot.start()
        stage.until(lambda: stage.connection.zcard(keys.pending(f"discord:{ann.id}")) == 6, "all five")
    stage.until(stage.peer.ready, "READY")
    stage.result(waiting)
    stage.painted(stage.message(strip))


def test_a_gatys_result_offers_another_seed(stage: Stage, ann: User) -> None:
    """The result of the slow method is another worker's, who posts it while ours stands still at another job."""
    with stage.paused_worker():
        stage.says(stage.style(ann), "Painting")
        interaction = stage.style(ann, method="gatys")
        stage.waiting(interaction)
        job = stage.job(interaction)
        done = Result(
            job_id=job.job_id, frontend="discord", outcome="done", job=job.to_json(), user=job.user,
            reply_to=job.reply_to, picture=job.content, media_type="image/png", method="gatys",
        )  # fmt: skip
        post_terminal(stage.connection, done)
        message = stage.result(interaction)
        again = stage.peer.press(message, "again", ann)
        stage.waiting(again)
        assert stage.job(again).options == job.options.replace(seed=job.options.seed + 1)
        stage.peer.slash("cancel", ann)
        stage.says(again, "Cancelled")


def test_a_time_lapse_comes_with_its_picture_in_one_message_or_is_said_to_be_too_large(stage: Stage, ann: User) -> None:
    """The films are another worker's, as above."""
    frames = [Image.open(io.BytesIO(picture(n))) for n in range(3)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    film = Blobs(stage.connection).put(out.getvalue())
    with stage.paused_worker():
        stage.says(stage.style(ann), "Painting")

        def filmed(interaction: Interaction) -> Message:
            stage.waiting(interaction)
            job = stage.job(interaction)
            assert (job.options.method, job.clip_types[0]) == ("gatys", GIF)
            lapse: Any = {"time_lapse": film, "time_lapse_type": GIF} if job.options.time_lapse else {}
            done = Result(
                job_id=job.job_id, frontend="discord", outcome="done", job=job.to_json(), user=job.user,
                reply_to=job.reply_to, picture=job.content, media_type="image/png", method="gatys", **lapse,
            )  # fmt: skip
            post_terminal(stage.connection, done)
            return stage.result(interaction)

        plain = filmed(stage.style(ann, method="gatys"))
        assert len(plain.attachments) == 1
        asked = filmed(stage.style(ann, method=None, time_lapse=True))
        pressed = filmed(stage.peer.press(plain, "time_lapse", ann))
        for message in (asked, pressed):
            assert [one["filename"].rpartition(".")[2] for one in message.attachments] == ["png", "gif"]
            assert message.attachments[1]["description"].startswith("The picture as it developed")
            assert "time_lapse" not in message.buttons()
        small = filmed(stage.style(ann, method=None, time_lapse=True, limit_bytes=len(out.getvalue()) - 1))
        assert len(small.attachments) == 1
        assert "too large" in small.content
        stage.peer.slash("cancel", ann)


def test_a_mask_is_taken_from_an_option_a_mention_and_a_recipe(stage: Stage, ann: User) -> None:
    half, out = Image.new("L", (96, 72)), io.BytesIO()
    half.paste(255, (48, 0, 96, 72))
    half.save(out, "PNG")
    mask, photo = out.getvalue(), picture(31)

    def painted(message: Message, before: bytes = photo) -> tuple[bool, bool]:
        with Image.open(io.BytesIO(before)) as old, Image.open(io.BytesIO(stage.peer.picture(message))) as new:
            changes = ImageChops.difference(old.convert("RGB"), new.convert("RGB")).convert("L")
        left, right = (changes.crop((x, 4, x + 36, 68)).getextrema() for x in (4, 56))
        return left[1] > 40, right[1] > 40  # type: ignore[operator]

    background = stage.result(stage.style(ann, content=photo, mask=mask, region="background"))
    assert painted(background) == (True, False)
    assert painted(stage.result(stage.style(ann, content=photo, mask=mask))) == (False, True)
    assert painted(stage.result(stage.peer.press(background, "weaker", ann))) == (True, False)
    said = stage.says(stage.peer.press(background, "recipe", ann), "background")
    code = re.search(r"code:(\w+)", said.content)
    assert code is not None
    assert painted(stage.result(stage.peer.slash("recipe", ann, code=code[1]))) == (True, False)
    other = stage.result(stage.peer.slash("recipe", ann, code=code[1], content=picture(32)))
    assert painted(other, picture(32)) == (True, True), "the mask means nothing to another picture"
    stage.says(stage.style(ann, region="subject"), "what the subject is")
    said = stage.peer.say(ann, "@bot mosaic palette subject", photo, mask)
    stage.until(lambda: replies(stage, said), "an answer")
    assert painted(stage.painted(replies(stage, said)[0])) == (False, True)


def test_what_discord_finds_too_large_is_sent_smaller(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        interaction = stage.style(ann, content=noise(300))
        stage.waiting(interaction)
        refused = stage.peer.fail("PATCH", interaction.token, status=413, code=40005)
    assert stage.result(interaction).attachments[0]["size"] > 0
    assert refused.met == 1


def test_a_picture_that_only_the_worker_finds_broken_is_told(stage: Stage, ann: User) -> None:
    stage.says(stage.style(ann, content=noise(200)[:60_000]), "damaged|cut")


def _bad_pictures() -> list[bytes]:
    """One file for each thing that can be wrong with a picture before it is decoded."""
    head = b"IHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + head + zlib.crc32(head).to_bytes(4, "big")
    return [
        b"",
        b"just a text",
        b"PK\x03\x04" + bytes(64),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7" + bytes(64),
        b"\0\0\x01\0\x01\0" + bytes(64),  # an icon
        picture(1) + b"<script>alert(1)</script>",
        picture(2)[:40],
        picture(3, width_px=1, height_px=1),
        picture(4, width_px=2000, height_px=20),
        bomb + picture(5)[33:],
    ]


def test_whatever_is_wrong_with_a_picture_is_told(stage: Stage, ann: User) -> None:
    codes = set()
    for data in _bad_pictures():
        with pytest.raises(UserError) as caught:
            inspect_content(data)
        codes.add(caught.value.code)
        stage.says(stage.style(ann, content=data), re.escape(explain(caught.value, "en")))
    assert len(codes) >= 8, codes
    stage.result(stage.style(ann))


def test_every_way_in_which_a_job_fails_is_told(stage: Stage) -> None:
    """The failures are another worker's, who posts them while ours stands still."""
    marie = stage.peer.add_user("marie", locale="fr")
    detail: dict[str, Scalar] = {"timeout_s": 60, "allowed_px": 512}
    with stage.paused_worker():
        for code in sorted(JobError.codes):
            interaction = stage.style(marie)
            stage.says(interaction, "atelier|position|peins")
            job = stage.job(interaction)
            error = JobError(code, detail).as_dict()
            failed = Result(
                job_id=job.job_id,
                frontend="discord",
                outcome="failed",
                reply_to=job.reply_to,
                user=job.user,
                job=job.to_json(),
                error=error,
            )
            post_terminal(stage.connection, failed)
            message = stage.message(interaction)
            expected = explain(JobError(code, {**detail, "job_id": job.job_id[:8]}), "fr")
            stage.until(lambda m=message, e=expected: m.content == e, f"{expected!r}; it says {message.content!r}")
            assert not message.buttons()


def test_results_that_nobody_can_read_are_given_up_and_the_next_one_is_shown(stage: Stage, ann: User) -> None:
    for number, reply_to in enumerate(({}, {"channel_id": "here"}, {"channel_id": "1", "message_id": "9" * 309})):
        post_terminal(
            stage.connection,
            Result(job_id=f"lost{number}", frontend="discord", outcome="done", reply_to=reply_to, job="no job"),
        )
    stage.result(stage.style(ann))
    stage.until(lambda: not stage.connection.xlen(keys.outbox("discord")), "an empty outbox")


def test_who_asks_for_too_much_at_once_is_told_when_to_come_back(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        waiting = [stage.style(ann) for _ in range(Limits().pending_per_user)]
        for interaction in waiting:
            stage.waiting(interaction)
        stage.says(stage.style(ann), r"Try again in \d+ s")
        stage.says(stage.peer.slash("cancel", ann), f"Stopped: {len(waiting)}")
        for interaction in waiting:
            stage.says(interaction, "Cancelled")


def test_one_of_several_jobs_is_picked_for_cancelling(stage: Stage, ann: User) -> None:
    with stage.paused_worker():
        first = stage.style(ann)
        stage.waiting(first)
        second = stage.style(ann)
        stage.waiting(second)
        typed = stage.peer.type_in("cancel", "job", "", ann)
        choices: Any = stage.until(lambda: typed.choices, "choices")
        assert [choice["value"] for choice in choices] == [job_id_of(first), job_id_of(second)]
        stage.says(stage.peer.slash("cancel", ann, job=choices[1]["value"]), "Stopped: 1")
        stage.says(second, "Cancelled")
    stage.result(first)


def test_a_user_install_works_on_a_foreign_server_and_in_groups(stage: Stage, ann: User) -> None:
    foreign = stage.peer.add_channel("foreign", guild_id=snowflake(), app_permissions=0)
    group = stage.peer.add_channel("group", guild_id=None)
    for channel in (foreign, group):
        interaction = stage.style(ann, channel=channel, owners={"1": ann.id})
        stage.result(interaction)
    late = stage.style(ann, channel=foreign, owners={"1": ann.id}, age_s=14 * 60 + 50)
    private = stage.until(lambda: stage.peer.messages(stage.peer.private(ann)), "a private message")
    stage.painted(private[0])
    assert not stage.message(late).attachments
    with stage.paused_worker():
        long = stage.style(ann, channel=foreign, owners={"1": ann.id}, age_s=14 * 60 + 10)
        stage.says(long, "comes to you in private")


def test_a_mention_is_told_what_the_bot_lacks(stage: Stage, ann: User) -> None:
    closed = stage.peer.add_channel("textual", app_permissions=VIEW_CHANNEL | SEND_MESSAGES | READ_HISTORY)
    asked = stage.peer.say(ann, "@bot peacock palette", picture(82), channel=closed)
    stage.until(
        lambda: "Attach Files" in replies(stage, asked)[0].content if replies(stage, asked) else "", "an answer"
    )
    assert not stage.connection.exists(f"pastiche:userjobs:discord:{ann.id}")


def test_while_redis_is_away_users_are_told_and_afterwards_it_goes_on(tmp_path: Path, until: Until) -> None:
    server = SteadyRedis(tmp_path)
    server.start()
    stage = Stage(tmp_path, server, until)
    try:
        stage.bot.start()
        stage.until(stage.peer.ready, "READY", DEADLINE_S)
        ann = stage.peer.add_user("ann")
        server.kill()
        stage.says(stage.style(ann), "the studio is closed for a moment")
        assert stage.says(stage.peer.slash("help", ann), "/style").attachments  # needs no Redis
        server.start()
        stage.says(stage.style(ann), "Queued")
    finally:
        stage.close()
        server.kill()


def test_a_wrong_token_is_named(stage: Stage) -> None:
    environment = stage.bot.environment | {"DISCORD_TOKEN": "not.the.token"}
    command = [sys.executable, "-m", "bot", "discord"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1
    assert "DISCORD_TOKEN" in ended.stderr
    assert "not.the.token" not in ended.stderr


def test_no_secret_and_no_name_is_logged(stage: Stage) -> None:
    said = stage.bot.log.read_text(encoding="utf-8")
    assert "Discord: ready" in said
    tokens = [interaction.token for interaction in list(stage.peer.world.interactions.values())]
    for secret in ("peer.token", *tokens, "Painters", "picture.png"):
        assert secret not in said


def test_every_request_was_as_discord_describes_it(stage: Stage) -> None:
    """Each test looks for violations at its end; this one says whether anything was looked at."""
    if undescribed():
        pytest.skip(undescribed())
    assert stage.peer.world.checked > 100


def test_removed_from_a_server_nothing_more_is_painted_for_it_or_sent_there(stage: Stage, ann: User) -> None:
    pending = keys.chat_pending(f"discord:{stage.peer.world.guild_id}")
    with stage.paused_worker():
        asked = [stage.style(ann) for _ in range(3)]
        for interaction in asked:
            stage.waiting(interaction)
        stage.peer.remove_bot()
        stage.until(lambda: stage.connection.zcard(pending) == 0, "their end")
        stage.until(lambda: all(stage.connection.exists(keys.done(job_id_of(one))) for one in asked), "results")
        before = [list(stage.message(one).history) for one in asked]
    stage.until(lambda: stage.connection.xlen(keys.outbox("discord")) == 0, "acknowledged results")
    assert [list(stage.message(one).history) for one in asked] == before
    assert not stage.peer.messages(stage.peer.private(ann))
    stage.peer.add_bot()
    closed = f"pastiche:closed:discord:{stage.peer.world.guild_id}"
    stage.until(lambda: not stage.connection.exists(closed), "an open server")
    stage.result(stage.style(ann))


def test_a_channel_that_is_deleted_ends_its_own_jobs_only(stage: Stage, ann: User) -> None:
    gone = stage.peer.add_channel("gone")
    with stage.paused_worker():
        kept = stage.style(ann)
        stage.waiting(kept)
        lost = stage.style(ann, channel=gone)
        stage.waiting(lost)
        stage.peer.delete_channel(gone)
        stage.until(lambda: stage.connection.exists(keys.done(job_id_of(lost))), "its end")
    stage.result(kept)
    assert not stage.message(lost).attachments
