"""Challenges on Telegram: the real bot process against the peer, from the wizard to the poster."""

from __future__ import annotations

import io
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.challenges.model import Person as ChallengePerson
from bot.challenges.service import Challenges
from bot.presets.catalogue import load_presets
from bot.telegram.challenges.memory import Notebook
from bot.telegram.keyboards import owner_code
from tests.peers.discord.stage import Process
from tests.peers.telegram.people import Person
from tests.peers.telegram.stage import DEADLINE_S, ROOT, TelegramStage, text_of
from tests.peers.telegram.world import BOT, Json
from workers.client.estimates import live_workers
from workers.store.connection import connect
from workers.store.embedded_redis import EmbeddedRedis

pytestmark = [pytest.mark.e2e, pytest.mark.long, pytest.mark.timeout(240)]
Until = Callable[..., Any]
GROUP = -100_300_400_501


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


def at_home(stage: TelegramStage, person: Person) -> Person:
    return stage.peer.person_again(person)


def filled_in(stage: TelegramStage, admin: Person, theme: str) -> tuple[Person, Json]:
    """The wizard with theme, zone and closing time; the administrator in private, and the form."""
    asked = admin.send("/challenge")
    offer = stage.says(admin, "For administrators", after=asked["message_id"])
    asked = admin.follow(offer, "Set up a challenge")
    home = at_home(stage, admin)
    form = stage.says(home, "Theme: not said yet", after=asked["message_id"])
    for field, answer in (("theme", theme), ("zone", "paris"), ("closes", "3d")):
        home.press(form, home.named(form, {"theme": "Theme", "zone": "Time zone", "closes": "Closing"}[field]))
        stage.until(lambda form=form: "A new challenge" not in seen(home, form), "a question", DEADLINE_S)
        sent = home.send(answer)
        form = stage.says(home, "A new challenge", after=sent["message_id"])
    assert f"Theme: {theme}" in text_of(form)
    assert "(Europe/Paris)" in text_of(form)
    return home, form


def seen(person: Person, message: Json) -> str:
    return next(text_of(m) for m in person.bot_messages() if m["message_id"] == message["message_id"])


def opened(stage: TelegramStage, admin: Person, theme: str) -> Json:
    home, form = filled_in(stage, admin, theme)
    home.press(form, home.named(form, "Open it"))
    return stage.says(admin, f"A new challenge: {theme}")


def end_phase(stage: TelegramStage, admin: Person, theme: str) -> None:
    """By the buttons of the administrator's own page."""
    home, page = managed(stage, admin, theme)
    home.press(page, home.named(page, "End this phase"))
    asked = stage.says(home, "there is no way back", after=page["message_id"] - 1)
    home.press(asked, home.named(asked, "Yes"))


def entered_at_home(stage: TelegramStage, person: Person, told: Json, theme: str) -> Json:
    """Through the announcement's link into the private chat, where the result is painted and entered."""
    person.follow(told, "Enter")
    home = at_home(stage, person)
    stage.says(home, f"“{theme}”: entries close")
    painted = stage.paint(home)
    assert stage.press(home, painted, "r.enter") == f"Entered into “{theme}”."
    return painted


def own_number(ballot: Json) -> str:
    """The data of the button that marks one's own entry."""
    rows = ballot["reply_markup"]["inline_keyboard"]
    return next(str(b["callback_data"]) for row in rows for b in row if "✎" in b["text"])


def label_of(message: Json, data: str) -> str:
    """What a button says."""
    rows = message["reply_markup"]["inline_keyboard"]
    return next(str(b["text"]) for row in rows for b in row if b.get("callback_data") == data)


def numbers(ballot: Json) -> list[str]:
    """The entries' numbers in the order of the buttons."""
    rows = ballot["reply_markup"]["inline_keyboard"]
    return [str(b["text"]).strip("♥ ✎") for row in rows for b in row if ".bv." in f".{b['callback_data']}"]


def test_from_the_wizard_to_the_poster(stage: TelegramStage) -> None:
    admin, ann, bob, cem = (stage.member(manages=number == 0) for number in range(4))
    told = opened(stage, admin, "Cats at night")
    assert "(Europe/Paris)" in text_of(told)

    by_ann = stage.paint(ann)
    assert "somebody else" in stage.press(bob, by_ann, "r.enter")
    ann.send("/enter", answering=by_ann["message_id"])
    stage.says(ann, "Entered into “Cats at night”.")
    for person in (bob, cem):
        entered_at_home(stage, person, told, "Cats at night")

    home = at_home(stage, bob)
    better = stage.paint(home)
    assert stage.press(home, better, "r.enter") == ""
    offered = stage.says(home, "You have no entry left")
    assert stage.press(home, offered, "c.er") == "Entered into “Cats at night”."

    stage.bot.end(signal.SIGKILL)
    stage.bot.start()
    stage.ready()
    end_phase(stage, admin, "Cats at night")
    voting = stage.says(admin, "the voting has begun")
    assert "3 entries" in text_of(voting)
    orders, best = set(), ""
    for voter in (ann, bob, cem, admin):
        voter.follow(voting, "Vote")
        home = at_home(stage, voter)
        ballot = stage.says(home, "an order of your own")
        orders.add(tuple(numbers(ballot)))
        if voter is not admin:
            assert stage.press(home, ballot, own_number(ballot)) == "That is your own entry: vote for the others."
        best = best or label_of(ballot, own_number(ballot)).strip(" ✎")  # Ann's, for whom the others vote
        chosen = best if voter is not ann else next(number for number in numbers(ballot) if number != best)
        toast = stage.press(home, ballot, home.named(ballot, chosen))
        assert toast == f"You voted for {chosen}. Votes left: 2."
    assert len(orders) > 1, "everybody's own order"
    ballot = stage.says(at_home(stage, admin), "Votes left: 2")
    assert "taken back" in stage.press(at_home(stage, admin), ballot, "c.bu")

    lost = stage.peer.fault("editMessageMedia", status=0, after=True, times=1000, chat_id=stage.group_id)
    end_phase(stage, admin, "Cats at night")
    stage.until(lambda: lost.met >= 1, "the poster stands there, and the bot does not know it", DEADLINE_S)
    stage.bot.end(signal.SIGKILL)
    stage.peer.faults.all.clear()
    stage.bot.start()
    stage.ready()
    stage.until(lambda: "results announced" in stage.log(), "it is noted", DEADLINE_S)
    (poster,) = stage.all_with("won, with 2 votes. 3 people voted")
    assert "photo" in poster
    assert "Place 1: " in poster["caption"], "what it shows, in words"
    assert len(stage.all_with("Art challenge:")) == 0, "no short line is left"


def with_two_entries(stage: TelegramStage, theme: str, tap: str = "") -> tuple[Person, Person, Person, Json]:
    """An open challenge with an entry of each of two: its administrator, the two, and what was told."""
    admin, ann, bob = (stage.member(manages=number == 0) for number in range(3))
    home, form = filled_in(stage, admin, theme)
    if tap:
        home.press(form, home.named(form, tap))
        form = stage.says(home, f"{tap_says(tap)}: yes")
    home.press(form, home.named(form, "Open it"))
    told = stage.says(admin, f"A new challenge: {theme}")
    for person in (ann, bob):
        entered_at_home(stage, person, told, theme)
    return admin, ann, bob, told


def tap_says(tap: str) -> str:
    """The form's line of a button."""
    return {"Review": "Moderators look through the entries first"}[tap]


def managed(stage: TelegramStage, admin: Person, theme: str) -> tuple[Person, Json]:
    """The administrator's own page of a challenge."""
    asked = admin.send("/challenge")
    here = stage.says(admin, theme, after=asked["message_id"])
    asked = admin.follow(here, "Manage")
    home = at_home(stage, admin)
    return home, stage.says(home, "Entries: ", after=asked["message_id"])


def test_moderators_look_through_disqualify_and_export(stage: TelegramStage) -> None:
    stage.go_to(-100_300_400_502)
    admin, ann, _, _ = with_two_entries(stage, "Still lives", tap="Review")
    cem = stage.member()
    entered_at_home(stage, cem, stage.says(admin, "A new challenge"), "Still lives")
    end_phase(stage, admin, "Still lives")
    home = at_home(stage, admin)
    notice = stage.says(home, "wait for your look")
    home.press(notice, home.named(notice, "Manage"))
    page = stage.says(home, "Flags: 0")
    home.press(page, home.named(page, "Look through"))
    entry = stage.says(home, "Entry 1 of 3, by Person")
    assert "photo" in entry
    home.press(entry, home.named(entry, "Disqualify"))
    stage.says(home, "Why?")
    home.send("Made elsewhere")
    stage.says(home, "Disqualified; its votes are void.")
    home.press(page, home.named(page, "End this phase"))
    asked = stage.says(home, "of “Still lives” now?", after=page["message_id"] - 1)
    home.press(asked, home.named(asked, "Yes"))
    voting = stage.says(admin, "the voting has begun")
    assert "2 entries" in text_of(voting)

    end_phase(stage, admin, "Still lives")
    poster = stage.says(admin, "it is over, without a winner")
    assert "photo" in poster
    ann.press(poster, ann.named(poster, "Gallery"))
    gallery = stage.says(ann, "“Still lives”: all entries")
    assert "photo" in gallery
    ann.press(gallery, ann.named(gallery, "Leaderboard"))
    stage.says(ann, "The leaderboard of this chat")
    asked = ann.send("/challenge leaderboard")
    stage.says(ann, "1. Person", after=asked["message_id"])
    home, page = managed(stage, admin, "Still lives")
    home.press(page, home.named(page, "Export"))
    document = stage.says(home, "All entries with their recipes.")["document"]
    with zipfile.ZipFile(io.BytesIO(stage.peer.world.files[document["file_id"]].data)) as archive:
        assert "manifest.json" in archive.namelist()
        assert len(archive.namelist()) >= 3


def test_a_hidden_entry_stays_hidden_wherever_it_is_shown(stage: TelegramStage) -> None:
    stage.go_to(-100_300_400_504)
    admin, ann, bob = (stage.member(manages=number == 0) for number in range(3))
    told = opened(stage, admin, "Surprises")
    ann.follow(told, "Enter")
    home = at_home(stage, ann)
    stage.says(home, "“Surprises”: entries close")
    painted = stage.paint(home, "mosaic palette spoiler")
    assert stage.press(home, painted, "r.enter") == "Entered into “Surprises”."
    entered_at_home(stage, bob, told, "Surprises")
    ann.follow(told, "Enter")
    mine = stage.says(home, "“Surprises”", after=painted["message_id"])
    _, page = managed(stage, admin, "Surprises")
    manager = at_home(stage, admin)
    manager.press(page, manager.named(page, "Look through"))
    looked = stage.says(manager, "Entry 1 of 2, by Person")
    end_phase(stage, admin, "Surprises")
    stage.says(admin, "the voting has begun")
    admin.follow(stage.says(admin, "the voting has begun"), "Vote")
    ballot = stage.says(manager, "an order of your own")
    end_phase(stage, admin, "Surprises")
    poster = stage.says(admin, "it is over, without a winner")
    ann.press(poster, ann.named(poster, "Gallery"))
    gallery = stage.says(ann, "“Surprises”: all entries")
    for message in (painted, mine, looked, ballot, poster, gallery):
        assert "photo" in message, text_of(message)
        assert message.get("has_media_spoiler"), text_of(message)


def test_who_may_not_take_part_is_told_so(stage: TelegramStage, server: EmbeddedRedis) -> None:
    stage.go_to(-100_300_400_503)
    admin, ann, _, told = with_two_entries(stage, "Rain")
    ann.send("/challenge")
    assert "reply_markup" in stage.says(ann, "Rain: open."), "what runs is for everybody"
    ann.follow(told, "Enter")
    stranger = stage.peer.person(9_900_001)
    payload = next(b["url"] for row in told["reply_markup"]["inline_keyboard"] for b in row).partition("?start=")[2]
    stranger.send("/start challenge_new_" + payload.rpartition("_")[2])
    stage.says(stranger, "Only those who manage this chat")

    by_ann = stage.paint(ann)
    channel = {"id": -100_777, "type": "channel", "title": "A channel"}
    group = stage.peer.do(lambda: dict(stage.peer.world.chat(stage.group_id)))
    for sender in (channel, group):
        ann.send("/enter", answering=by_ann["message_id"], sender_chat=sender)
    stage.until(lambda: len(stage.all_with("Only people can do that")) == 2, "two refusals", DEADLINE_S)

    asked = ann.send("/challenge", sender_chat=group)
    assert "For administrators" in text_of(stage.says(ann, "Rain: open.", after=asked["message_id"]))

    late = stage.peer.person(9_900_002, stage.group_id)
    gone = stage.member()
    home = at_home(stage, ann)
    mine = stage.says(home, "Yours: 1.")
    end_phase(stage, admin, "Rain")
    voting = stage.says(admin, "the voting has begun")
    late.follow(voting, "Vote")
    stage.says(at_home(stage, late), "whom I saw")
    hidden = stage.peer.fault("getChatMember", status=400, description="Bad Request: member list is inaccessible")
    ann.follow(voting, "Vote")
    stage.says(home, "hides its members")
    assert hidden.met == 1
    stage.peer.do(lambda: stage.peer.world.absent.add((stage.group_id, gone.user["id"])))
    gone.follow(voting, "Vote")
    stage.says(at_home(stage, gone), "Only members of a chat")
    assert "not at the point" in stage.press(home, mine, "c.wd")


def test_a_second_group_joins_and_both_hear_of_it(stage: TelegramStage, server: EmbeddedRedis) -> None:
    """Also: one given style, taking back, a reminder in local time, a group that moves, and the end of it."""
    stage.go_to(-400_504)
    admin = stage.member(manages=True)
    home, form = filled_in(stage, admin, "Bridges")
    home.press(form, home.named(form, "Style"))
    asked = stage.says(home, "one style")
    home.photo(stage.picture(), has_media_spoiler=True)
    form = stage.says(home, "Style: your picture")
    with connect(server.url) as connection:
        noted = Notebook(connection).form(f"telegram:{admin.user['id']}")
    assert noted is not None
    assert noted.plan(b"picture").style_spoiler
    home.press(form, home.named(form, "Style"))
    asked = stage.says(home, "one style", after=form["message_id"] - 1)
    home.press(asked, home.named(asked, "Byzantine mosaic"))
    form = stage.says(home, "Style: mosaic")
    home.press(form, home.named(form, "Invite"))
    code = text_of(stage.says(home, "/challenge join")).partition("join ")[2][:8]
    home.press(form, home.named(form, "Open it"))
    told = stage.says(admin, "A new challenge: Bridges")

    stage.go_to(-100_300_400_505)
    other, dora = stage.member(manages=True), stage.member()
    dora.send(f"/challenge join {code}")
    stage.says(dora, "Only those who manage this chat")
    other.send(f"/challenge join {code} tokyo")
    stage.says(other, "takes part in “Bridges”")
    assert "(Asia/Tokyo)" in text_of(stage.says(other, "A new challenge: Bridges"))
    asked = other.send(f"/challenge join {code}")
    stage.says(other, "code", after=asked["message_id"])

    dora_at_home = at_home(stage, dora)
    dora.follow(stage.says(other, "A new challenge: Bridges"), "Enter")
    stage.says(dora_at_home, "entries close")
    painted = stage.paint(dora_at_home, "kilim palette")
    assert "style" in stage.press(dora_at_home, painted, "r.enter")
    painted = stage.paint(dora_at_home)
    assert "Entered into" in stage.press(dora_at_home, painted, "r.enter")
    dora.follow(stage.says(other, "A new challenge: Bridges"), "Enter")
    mine = stage.says(dora_at_home, "Yours: 1.")
    assert stage.press(dora_at_home, mine, "c.wd") == "Taken back."

    stage.peer.do(lambda: stage.peer.world.chat(-100_300_400_506))
    stage.peer.do(lambda: stage.peer.world.moved.__setitem__(-400_504, -100_300_400_506))
    admin.send(migrate_to_chat_id=-100_300_400_506)
    challenge_id = str(told["reply_markup"]).partition("challenge_")[2][:8]
    with connect(server.url) as connection:
        stage.until(
            lambda: connection.exists("pastiche:challenges:chat:telegram:-100300400506"), "the move", DEADLINE_S
        )
        connection.zadd("pastiche:challenges:due", {f"{challenge_id}|soon_24": time.time()})
    moved = stage.peer.person(admin.user["id"], -100_300_400_506)
    assert "(Europe/Paris)" in text_of(stage.says(moved, "24 h left to enter"))
    assert "(Asia/Tokyo)" in text_of(stage.says(other, "24 h left to enter"))
    stage.peer.do(lambda: stage.peer.world.admins.add((-100_300_400_506, admin.user["id"])))
    admin.follow(stage.says(managing(stage, moved), "Bridges: open"), "Manage")
    page = stage.says(home, "Chats: 2")
    home.press(page, home.named(page, "Cancel"))
    sure = stage.says(home, "for good")
    home.press(sure, home.named(sure, "Yes"))
    for person in (moved, other):
        stage.says(person, "the challenge was cancelled")


def managing(stage: TelegramStage, person: Person) -> Person:
    """Ask in the group what runs there."""
    person.send("/challenge")
    return person


def test_floods_old_servers_and_closed_groups_hold_nothing_up(stage: TelegramStage, server: EmbeddedRedis) -> None:
    """An announcement waits for a flood limit, and takes a new message where a text cannot become a picture."""
    stage.go_to(-100_300_400_507)
    flood = stage.peer.fault("editMessageText", status=429, retry_after_s=1, chat_id=stage.group_id)
    broken = stage.peer.fault("sendMessage", status=502, chat_id=stage.group_id)
    admin = stage.member(manages=True)
    admin.send("/challenge")  # its answer is what the broken server takes
    stage.until(lambda: broken.met == 1, "a failure", DEADLINE_S)
    opened(stage, admin, "Doors")
    stage.until(lambda: flood.met == 1, "a flood limit", DEADLINE_S)
    assert len(stage.all_with("A new challenge: Doors")) == 1
    home, page = managed(stage, admin, "Doors")
    closed = stage.peer.fault("sendMessage", status=403, chat_id=stage.group_id, times=1000)
    home.press(page, home.named(page, "Cancel"))
    sure = stage.says(home, "for good")
    home.press(sure, home.named(sure, "Yes"))
    stage.until(lambda: closed.met, "a group that is closed to the bot", DEADLINE_S)
    with connect(server.url) as connection:
        stage.until(lambda: not connection.zcard("pastiche:announcements:telegram"), "it is given up", DEADLINE_S)

    closed.times = 0
    stage.go_to(-100_300_400_508)
    words = "Bad Request: there is no media in the message to edit"
    admin, _, _, _ = with_two_entries(stage, "Doors of the old")
    stage.peer.fault("editMessageMedia", status=400, description=words, chat_id=stage.group_id, times=1000)
    for told in ("the voting has begun", "without a winner"):
        end_phase(stage, admin, "Doors of the old")
        stage.says(admin, told)
    assert "photo" in stage.says(admin, "without a winner")
    stage.until(lambda: not stage.all_with("Art challenge: Doors of"), "the short line is gone", DEADLINE_S)


def test_a_tie_is_run_off_and_then_shared(stage: TelegramStage) -> None:
    stage.go_to(-100_300_400_509)
    admin, ann, bob, _ = with_two_entries(stage, "Twins")
    end_phase(stage, admin, "Twins")
    for told, asked in (("the voting has begun", "an order of your own"), ("a tie between", "a tie!")):
        call = stage.says(admin, told)
        for voter in (ann, bob):
            voter.follow(call, "Vote")
            home = at_home(stage, voter)
            ballot = stage.says(home, asked)
            (other,) = [number for number in numbers(ballot) if number not in label_of(ballot, own_number(ballot))]
            assert stage.press(home, ballot, home.named(ballot, other)).startswith(f"You voted for {other}.")
        end_phase(stage, admin, "Twins")
    poster = stage.says(admin, "so they share it")
    assert "photo" in poster
    assert {f"Person{person.user['id']}" in text_of(poster) for person in (ann, bob)} == {True}


def test_a_groups_challenges_are_nobody_elses(stage: TelegramStage) -> None:
    stage.go_to(-100_300_400_506)
    told = opened(stage, stage.member(manages=True), "Secret cats")
    eve = stage.peer.person(9_900_001, stage.group_id)
    once = stage.peer.world.absent
    stage.peer.do(lambda: once.add((stage.group_id, eve.user["id"])))
    home = at_home(stage, eve)
    eve.follow(told, "Enter")
    stage.says(home, "Only members")
    assert not [m for m in home.bot_messages() if "Secret" in text_of(m)]
    # A page that she got while she was a member still has its buttons.
    button = {"text": "Leaderboard", "callback_data": f"c.lb.x.{owner_code(stage.group_id)}"}
    keyboard = {"inline_keyboard": [[button]]}
    page = stage.peer.do(
        lambda: stage.peer.world.new_message(home.chat_id, BOT, text="A gallery", reply_markup=keyboard)
    )
    seen_by_her = len(home.bot_messages())
    assert stage.press(home, page, "c.lb") == ""
    stage.until(lambda: len(home.bot_messages()) > seen_by_her, "a refusal", DEADLINE_S)
    assert "Only members" in text_of(home.bot_messages()[-1])
    stage.peer.do(lambda: once.discard((stage.group_id, eve.user["id"])))
    stage.press(home, page, "c.lb")
    stage.says(home, "Nobody has won here", after=page["message_id"])


def test_a_group_that_removed_the_bot_is_told_of_nothing(stage: TelegramStage, server: EmbeddedRedis) -> None:
    stage.go_to(-100_300_400_507)
    admin = stage.member(manages=True)
    opened(stage, admin, "Cats unheard")
    stage.peer.membership(stage.group_id, admin, "kicked")
    with connect(server.url) as connection:
        closed = f"pastiche:closed:telegram:{stage.group_id}"
        stage.until(lambda: connection.exists(closed), "the bot hears of it", DEADLINE_S)
        before = stage.peer.sent_to(stage.group_id)
        challenges = Challenges(connection, load_presets())
        (challenge,) = challenges.life.in_chat(f"telegram:{stage.group_id}")
        who = ChallengePerson(user=f"telegram:{admin.user['id']}", chat=f"telegram:{stage.group_id}", manages=True)
        challenges.life.cancel(challenge.challenge_id, who)
        key = f"pastiche:announcement:{challenge.challenge_id}:cancelled:telegram:{stage.group_id}"
        stage.until(lambda: connection.hget(key, "dropped") == b"closed", "it is dropped", DEADLINE_S)
    assert stage.peer.sent_to(stage.group_id) == before
