"""A challenge on Discord from beginning to end: the real bot against the peer, with the real Redis and worker."""

from __future__ import annotations

import io
import os
import re
import shutil
import signal
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from bot.challenges.entry import Entry
from bot.challenges.model import Person
from bot.challenges.service import Challenges
from bot.presets.catalogue import load_presets
from tests.peers.discord.rest import Upload
from tests.peers.discord.stage import DEADLINE_S, Stage, Until, picture, running
from tests.peers.discord.world import (
    ATTACH_FILES,
    MANAGE_EVENTS,
    MANAGE_GUILD,
    MEMBER_PERMISSIONS,
    Interaction,
    Message,
    User,
    snowflake,
)

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.long,
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="the throw-away certificates need the openssl binary"),
]


@pytest.fixture(scope="module")
def whole_stage(tmp_path_factory: pytest.TempPathFactory, until: Until) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("discord-challenges")
    with running(folder, until, tmp_path_factory.getbasetemp() / "bytecode") as stage:
        yield stage


class Community:
    """A channel with three members and a host, and what they do."""

    def __init__(self, stage: Stage, name: str, **place: Any) -> None:
        self.stage, self.peer = stage, stage.peer
        self.channel = stage.peer.add_channel(name, **place)
        self.host = stage.peer.add_user("host", permissions=MEMBER_PERMISSIONS | MANAGE_EVENTS)
        self.members = [stage.peer.add_user(f"{name}-{who}") for who in ("ann", "bob", "cem")]

    def use(self, command: str, user: User, **options: Any) -> Interaction:
        return self.peer.slash(f"challenge {command}", user, channel=self.channel, **options)

    def created(self, **options: Any) -> Message:
        """A draft's message, with its buttons, as its maker sees it."""
        made = self.stage.says(self.use("create", self.host, theme="Cats & *dogs*", **options), "not open yet")
        self.stage.until(made.buttons, "buttons")
        return made

    def opened(self, **options: Any) -> Message:
        """The same, after it was opened."""
        made = self.created(**options)
        self.peer.press(made, "challenge_open", self.host)
        self.stage.until(lambda: "challenge_end" in made.buttons(), f"an open challenge; it says {made.content!r}")
        return made

    def painted(self, user: User, **options: Any) -> Message:
        return self.stage.result(self.stage.style(user, channel=self.channel, **options))

    def entered(self, user: User, **options: Any) -> Message:
        """The picture that somebody painted and entered by its button."""
        message = self.painted(user, **options)
        self.stage.says(self.peer.press(message, "enter", user), "Entered in")
        return message

    def announced(self, pattern: str) -> list[Message]:
        return [message for message in self.peer.messages(self.channel) if re.search(pattern, message.content)]

    def told(self, pattern: str) -> Message:
        """The one announcement that says this."""
        what = f"an announcement of {pattern!r}"
        messages: list[Message] = self.stage.until(lambda: self.announced(pattern), what, DEADLINE_S)
        (message,) = messages
        return message

    def end_phase(self, made: Message) -> None:
        """By the button of its status; the clock takes the step within a second."""
        self.stage.until(made.buttons, "buttons")
        self.peer.press(made, "challenge_end", self.host)
        self.stage.until(lambda: "challenge_end_sure" in made.buttons(), "the question whether they are sure")
        seen = len(made.history)
        self.peer.press(made, "challenge_end_sure", self.host)
        self.stage.until(lambda: len(made.history) > seen, "the phase's end")

    def review(self) -> str:
        """What moderators see of all entries."""
        return self.stage.says(self.use("review", self.host), "all entries").content

    def ballot(self, announced: Message, user: User) -> Message:
        shown = self.stage.says(self.peer.press(announced, "ballot", user), "votes left")
        self.stage.until(lambda: {"vote", "unvote"} & set(shown.buttons()), "votes")
        return shown

    def vote(self, ballot: Message, number: int, user: User) -> None:
        self.peer.press_labelled(ballot, f"Vote for {number}", user)
        self.stage.until(lambda: f"your vote for {number}." in ballot.content, "the vote's answer")

    def voting(self, *, entries: int = 3, **options: Any) -> tuple[Message, Message]:
        """A challenge with one entry of each member, in its voting: its status and the announcement."""
        made = self.opened(**options)
        for user in self.members[:entries]:
            self.entered(user)
        self.end_phase(made)
        return made, self.told("the voting has begun")

    def number_of(self, maker: User) -> int:
        """The number of somebody's entry, as the core knows it."""
        (name,) = self.stage.connection.scan_iter(match="pastiche:challenge:*:entries")
        rows: Any = self.stage.connection.hvals(name)
        entries = [Entry.from_json(row) for row in rows]
        return next(entry.number for entry in entries if entry.user == f"discord:{maker.id}")

    def restarted(self) -> None:
        self.stage.end_bot(signal.SIGKILL)
        self.peer.faults.clear()
        self.peer.forget_nonces()
        self.stage.bot.start()
        self.stage.until(self.peer.ready, "READY")


@pytest.fixture
def stage(whole_stage: Stage) -> Iterator[Stage]:
    yield whole_stage
    whole_stage.peer.faults.clear()
    for name in whole_stage.connection.scan_iter(match="pastiche:challenge*"):
        whole_stage.connection.delete(name)
    for name in whole_stage.connection.scan_iter(match="pastiche:announcement*"):
        whole_stage.connection.delete(name)
    found = list(whole_stage.peer.violations)
    whole_stage.peer.violations.clear()
    assert not found


@pytest.fixture
def club(stage: Stage, request: pytest.FixtureRequest) -> Community:
    return Community(stage, str(request.node.name)[5:25])


def test_one_phase_ends_however_often_its_end_is_pressed(stage: Stage) -> None:
    """The button names the phase that it ends, and asks once; what is pressed again means a phase that is over."""
    club = Community(stage, "hasty")
    made = club.opened()
    for user in club.members:
        club.entered(user)
    stage.peer.press(made, "challenge_end", club.host)
    stage.until(lambda: "challenge_end_sure" in made.buttons(), "a question")
    assert "End the time for entries of “Cats" in made.content
    stage.peer.press(made, "challenge_stay", club.host)
    stage.until(lambda: "challenge_end" in made.buttons(), "the way back")
    stage.peer.press(made, "challenge_end", club.host)
    stage.until(lambda: "challenge_end_sure" in made.buttons(), "a question")
    sure = made.buttons()["challenge_end_sure"]
    stage.peer._press(made, sure, club.host)
    club.told("the voting has begun")
    late = stage.peer._press(made, sure, club.host)
    stage.until(lambda: late.followups, "a refusal", DEADLINE_S)
    assert "not at the point" in late.followups[0].content
    ballot = club.ballot(club.told("the voting has begun"), club.members[0])
    assert ballot.buttons(), "the vote goes on"


def test_from_the_opening_to_the_poster(stage: Stage, club: Community) -> None:
    ann, bob, cem = club.members
    made = club.opened()
    assert made.ephemeral
    announced = club.told(r"A new challenge: Cats & \\\*dogs")
    assert re.search(r"<t:\d+:R>", announced.content)
    for user in club.members:
        club.entered(user)
    club.end_phase(made)
    call, best = club.told("the voting has begun"), None
    for user in (ann, cem):
        ballot = club.ballot(call, user)
        assert ballot.ephemeral
        assert [part["disabled"] for part in ballot.parts() if part["label"].endswith("is yours")] == [True]
        best = club.number_of(bob)
        club.vote(ballot, best, user)
        assert "votes left: 2" in ballot.content
    hidden = stage.says(club.use("status", bob), "voting. It ends <t:")
    assert "2" not in re.sub(r"<t:\d+:R>|48", "", hidden.content.splitlines()[0])
    club.end_phase(made)
    poster = club.told("Bob won, with 2 votes. 2 people voted")
    assert "Place 1: " in poster.attachments[0]["description"]
    with Image.open(io.BytesIO(stage.peer.picture(poster))) as drawn:
        assert drawn.width == 1600
    stage.until(lambda: poster.buttons(), "a gallery's button")
    gallery = stage.says(stage.peer.press(poster, "winners", ann), "1. .*Bob.* 2 votes")
    assert gallery.ephemeral
    assert gallery.attachments
    assert len(club.told("won, with").history) == 1
    stage.says(club.use("leaderboard", ann), r"1\. \*\*.*Bob.*wins: 1")
    export = stage.says(club.use("export", club.host), "All pictures")
    with zipfile.ZipFile(io.BytesIO(stage.peer.picture(export))) as packed:
        assert "manifest.json" in packed.namelist()
    stage.says(club.use("export", ann), "Only those who manage")
    stage.says(club.use("list", ann), "over. The results are there")
    stage.says(club.use("gallery", ann), "page 1 of 1")


def test_a_hidden_entry_stays_hidden_in_the_ballot_the_review_the_poster_and_the_gallery(
    stage: Stage, club: Community
) -> None:
    ann, bob, _ = club.members
    made = club.opened()
    club.entered(ann, spoiler=True)
    club.entered(bob)
    shown = [stage.says(club.use("review", club.host), "all entries")]
    club.end_phase(made)
    shown.append(club.ballot(club.told("the voting has begun"), bob))
    club.end_phase(made)
    poster = club.told("without a winner")
    stage.until(poster.buttons, "a gallery's button")
    shown += [poster, stage.says(stage.peer.press(poster, "winners", bob), "page 1 of 1")]
    for message in shown:
        stage.until(lambda message=message: message.attachments, "its picture")
        assert [one["filename"].startswith("SPOILER_") for one in message.attachments] == [True], message.content


def test_votes_are_limited_revocable_and_never_for_oneself(stage: Stage, club: Community) -> None:
    ann, bob, cem = club.members
    _, call = club.voting(votes=1)
    ballot = club.ballot(call, ann)
    club.vote(ballot, club.number_of(bob), ann)
    refused = stage.peer.press_labelled(ballot, f"Vote for {club.number_of(cem)}", ann)
    stage.until(lambda: refused.followups, "a refusal")
    assert "all your votes" in refused.followups[0].content
    assert refused.followups[0].ephemeral
    stage.peer.press_labelled(ballot, f"♥ {club.number_of(bob)}: take back", ann)
    stage.until(lambda: "Taken back" in ballot.content, "the vote's return")
    club.vote(ballot, club.number_of(cem), ann)
    assert [call.attachments, len(call.history)] == [[], 1]  # nobody else sees any of it


def test_a_tie_leads_to_a_run_off_and_then_to_a_shared_win(stage: Stage, club: Community) -> None:
    ann, bob, cem = club.members
    made, call = club.voting(entries=2)
    for voter, maker in ((ann, bob), (bob, ann)):
        club.vote(club.ballot(call, voter), club.number_of(maker), voter)
    club.end_phase(made)
    second = club.told(r"a tie between #[12] and #[12]\. A run-off decides")
    for voter, maker in ((ann, bob), (bob, ann)):
        ballot = club.ballot(second, voter)
        assert "the run-off: votes left: 1" in ballot.content
        club.vote(ballot, club.number_of(maker), voter)
    stage.says(stage.peer.press(second, "ballot", cem), "votes left: 1")
    club.end_phase(stage.says(club.use("status", club.host), "run-off. It ends"))
    poster = club.told("share it: .*Ann and .*Bob|share it: .*Bob and .*Ann")
    assert poster.attachments


def test_reminders_come_before_entries_and_voting_close(stage: Stage, club: Community) -> None:
    def bring_forward() -> None:
        """The clock finds the reminders due."""
        due: Any = stage.connection.zrange("pastiche:challenges:due", 0, -1)
        moments = {name: time.time() for name in due if b"|soon_" in name}
        assert moments, due
        stage.connection.zadd("pastiche:challenges:due", moments)

    made = club.opened(entries=1)
    bring_forward()
    assert re.search(r"Entries close <t:\d+:R>", club.told("24 h left to enter").content)
    club.told(r"\b1 h left to enter")
    for user in club.members[:2]:
        club.entered(user)
    club.end_phase(made)
    club.told("the voting has begun")
    bring_forward()
    assert "ballot" in club.told(r"\b1 h left to vote").buttons()


def test_everybody_has_pages_in_an_order_of_their_own(stage: Stage, club: Community) -> None:
    made = club.opened(entries=3)
    for user in club.members[:2]:
        for _ in range(3):
            club.entered(user)
    club.end_phase(made)
    call = club.told("the voting has begun")
    voters = [*club.members, *(stage.peer.add_user(f"voter{n}") for n in range(3))]
    orders = set()
    for user in voters:
        ballot = club.ballot(call, user)
        first = tuple(re.findall(r"\d", "".join(part["label"] for part in ballot.parts()[:4])))
        picture = ballot.attachments
        assert ballot.attachments[0]["description"] == f"Entries {', '.join(first)} of the challenge, side by side"
        stage.peer.press_labelled(ballot, "On ›", user)
        stage.until(lambda b=ballot: "Page 2 of 2" in b.content, "page 2")
        assert ballot.attachments != picture
        second = tuple(re.findall(r"\d", "".join(part["label"] for part in ballot.parts()[:2])))
        assert sorted(first + second) == list("123456")
        orders.add(first + second)
    assert len(orders) > 1


def test_entering_replacing_and_withdrawing(stage: Stage, club: Community) -> None:
    ann = club.members[0]
    early = club.painted(ann)
    assert "enter" not in early.buttons()
    club.opened()
    stage.says(stage.peer.menu("Enter challenge", ann, early), "made before the challenge began")
    first, second = club.entered(ann), club.painted(ann)
    asked = stage.says(stage.peer.menu("Enter challenge", ann, second), "as many as you may: 1")
    stage.until(asked.buttons, "a list")
    (option,) = asked.buttons()["enter_for"]["options"]
    stage.peer.pick(asked, "enter_for", option["value"], ann)
    stage.until(lambda: "Entered in" in asked.content, "the replacement")
    stage.says(stage.peer.press(first, "enter", club.members[1]), "somebody else")
    typed = stage.peer.type_in("challenge withdraw", "entry", "", ann, channel=club.channel)
    choices: Any = stage.until(lambda: typed.choices, "one's own entry")
    assert len(choices) == 1
    stage.says(club.use("withdraw", ann, entry=choices[0]["value"]), "Taken back")
    offered = stage.peer.type_in("challenge submit", "picture", "", ann, channel=club.channel)
    pictures: Any = stage.until(lambda: offered.choices, "one's own pictures")
    assert [choice["value"] for choice in pictures] == [f"d{job}" for job in job_ids(second, first, early)]
    stage.says(club.use("submit", ann, picture=pictures[0]["value"]), "Entered in")
    stage.says(club.use("status", ann), "Your entries: 1")
    foreign = stage.peer.say(ann, "not a result")
    stage.says(stage.peer.menu("Enter challenge", ann, foreign), "no picture of yours")


def job_ids(*messages: Message) -> list[str]:
    return [message.buttons()["recipe"]["custom_id"].split(":")[2].removeprefix("d") for message in messages]


def test_a_picture_that_is_still_being_painted_can_be_entered(stage: Stage, club: Community) -> None:
    ann = club.members[0]
    club.opened()
    with stage.paused_worker():
        waiting = stage.style(ann, channel=club.channel)
        stage.waiting(waiting)
        stage.says(club.use("submit", ann), "takes part as soon as it is painted")
    stage.result(waiting)
    stage.until(lambda: "takes part" in club.review(), "the entry")


def test_of_two_challenges_one_is_picked(stage: Stage, club: Community) -> None:
    club.opened()
    stage.until(lambda: len(club.announced("A new challenge")) == 1, "the first")
    club.opened()
    message = club.painted(club.members[0])
    asked = stage.says(stage.peer.press(message, "enter", club.members[0]), "Which challenge")
    stage.until(asked.buttons, "a list")
    options = asked.buttons()["enter_in"]["options"]
    assert len(options) == 2
    stage.peer.pick(asked, "enter_in", options[0]["value"], club.members[0])
    stage.until(lambda: "Entered in" in asked.content, "the entry")


def test_who_may_run_a_challenge_and_who_may_take_part(stage: Stage, club: Community) -> None:
    ann = club.members[0]
    assert stage.says(club.use("create", ann, theme="Mine"), "Only those who manage").ephemeral
    manager = stage.peer.add_user("manager", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
    role = stage.peer.add_role("curators")
    stage.says(stage.peer.slash("settings", manager, challenge_role=role), f"May run challenges:.*{role}")
    curator = stage.peer.add_user("curator", roles=[role])
    stage.says(club.use("create", curator, theme="Theirs"), "not open yet")
    club.opened()
    stage.says(club.use("review", ann), "Only those who manage")
    young, new = stage.peer.add_user("young", id=snowflake()), stage.peer.add_user("new", joined_at=now())
    for user, reason in ((young, "has to be 7 days old"), (new, "1 h are needed")):
        message = club.painted(user)
        stage.says(stage.peer.press(message, "enter", user), reason)
    robot = stage.peer.add_user("robot", bot=True)
    stage.says(stage.peer.press(club.painted(robot), "enter", robot), "Only people can do that")
    stage.says(club.use("status", ann), "Your entries: 0")
    elsewhere = stage.peer.add_channel("private-club", app_permissions=MEMBER_PERMISSIONS & ~ATTACH_FILES)
    stage.says(stage.peer.slash("challenge create", club.host, channel=elsewhere, theme="No"), "Attach Files")
    stage.connection.delete(f"pastiche:settings:discord:{stage.peer.world.guild_id}")


def now() -> str:
    return datetime.now(UTC).isoformat()


def test_a_given_style_is_for_everybody(stage: Stage, club: Community) -> None:
    ann = club.members[0]
    club.opened(style="peacock", entries=2)
    stage.says(stage.peer.press(club.painted(ann), "enter", ann), "one given style for everybody")
    club.entered(ann, style="peacock")
    stage.says(club.use("status", ann), "Peacock")


def test_a_given_style_that_came_hidden_is_known_to_be(stage: Stage, club: Community) -> None:
    """The web side's pages, which alone show it, cover it then."""
    core = Challenges(stage.connection, load_presets())
    for name, spoiler in (("SPOILER_style.png", True), ("style.png", False)):
        made = club.created(style_image=Upload(picture(4720), name))
        opening = made.buttons()["challenge_open"]["custom_id"].rpartition(":")[2]
        assert core.life.read(opening).style_spoiler is spoiler


def test_moderators_look_through_and_disqualify_with_a_reason(stage: Stage, club: Community) -> None:
    ann, bob, cem = club.members
    made = club.opened(review=True)
    same = picture(4711)
    club.entered(ann, content=same)
    club.entered(bob, content=same)
    club.entered(cem)
    private = stage.peer.private(club.host)
    stage.until(lambda: [m for m in stage.peer.messages(private) if "looked at by moderators" in m.content], "a flag")
    club.end_phase(made)
    stage.until(lambda: [m for m in stage.peer.messages(private) if "wait for your look" in m.content], "a call")
    assert "looks like another one" in club.review()
    typed = stage.peer.type_in("challenge disqualify", "entry", "", club.host, channel=club.channel)
    choices: Any = stage.until(lambda: typed.choices, "entries")
    (copy,) = [choice["value"] for choice in choices if "Bob" in choice["name"]]
    told = stage.says(club.use("disqualify", club.host, entry=copy, reason="A copy"), "disqualified: A copy")
    assert told.ephemeral
    club.end_phase(stage.says(club.use("status", club.host), "moderators look through"))
    ballot = club.ballot(club.told("the voting has begun. 2 entries"), cem)
    assert len([part for part in ballot.parts() if part["label"].startswith("Vote for")]) == 1


def test_a_burst_of_votes_is_told_to_the_moderator(stage: Stage, club: Community) -> None:
    _, call = club.voting()
    name = call.buttons()["ballot"]["custom_id"].split(":")[2]
    core = Challenges(stage.connection, load_presets())
    chat, number = f"discord:{stage.peer.world.guild_id}", club.number_of(club.members[0])
    for voter in range(20):
        person = Person(user=f"discord:{voter}", chat=chat, member_since_s=1.0)
        entry = next(one for one in core.votes.ballot(name, person).entries if one.number == number)
        core.votes.vote(name, entry.entry_id, person)
    private = stage.peer.private(club.host)
    told = stage.until(lambda: [m for m in stage.peer.messages(private) if "looked at" in m.content], "a flag")
    assert len(told) == 1
    assert "many votes within a minute" in club.review()


def test_two_servers_share_a_challenge_and_each_gets_one_poster(stage: Stage, club: Community) -> None:
    made = club.created()
    invited = stage.says(stage.peer.press(made, "challenge_invite", club.host), "The code `")
    code = invited.content.split("`")[1]
    other = Community(stage, "others", guild_id=snowflake())
    stage.says(other.use("join", other.members[0], code=code), "Only those who manage")
    stage.says(other.use("join", other.host, code=code), "not open yet")
    stage.says(other.use("join", other.host, code=code), "unknown, was used already")
    stage.peer.press(made, "challenge_open", club.host)
    for place in (club, other):
        place.told("A new challenge")
        place.entered(place.members[0])
    club.end_phase(made)
    voter = other.members[1]
    ballot = other.ballot(other.told("the voting has begun"), voter)
    other.vote(ballot, club.number_of(club.members[0]), voter)
    club.end_phase(made)
    posters = [place.told("won, with 1 vote") for place in (club, other)]
    assert all(poster.attachments[0]["description"] for poster in posters)


def test_a_bot_killed_while_it_announces_posts_each_announcement_once(stage: Stage, club: Community) -> None:
    """Killed after Discord took the post and before it was noted, at each state; its nonces are forgotten by then."""
    ann, bob, _ = club.members
    made = club.created()
    hold = f"/channels/{club.channel.id}/messages"

    def killed(pattern: str, begin: Callable[[], object]) -> Message:
        let_through = stage.peer.hold("POST", hold, after=True)
        begin()
        posted = club.told(pattern)
        club.restarted()
        let_through()
        stage.until(lambda: not stage.connection.zcard("pastiche:announcements:discord"), "the note")
        assert club.told(pattern) is posted
        return posted

    killed("A new challenge", lambda: stage.peer.press(made, "challenge_open", club.host))
    stage.until(lambda: "open. Entries" in made.content, "an open challenge")
    for user in (ann, bob):
        club.entered(user)
    call = killed("the voting has begun", lambda: club.end_phase(made))
    club.vote(club.ballot(call, ann), club.number_of(bob), ann)  # the buttons of before live on
    poster = killed("won, with 1 vote", lambda: club.end_phase(made))
    assert len(poster.history) == 1
    assert poster.attachments


def test_a_channel_that_is_closed_to_the_bot_holds_nothing_up(stage: Stage, club: Community) -> None:
    made = club.created()
    club.channel.app_permissions = 0
    stage.peer.press(made, "challenge_open", club.host)
    announcement = "pastiche:announcement:*opened*"
    stage.until(
        lambda: [n for n in stage.connection.scan_iter(match=announcement) if stage.connection.hexists(n, "dropped")]
    )
    club.channel.app_permissions = MEMBER_PERMISSIONS
    asked = stage.says(club.use("cancel", club.host), "for good")
    stage.until(asked.buttons, "the way on")
    stage.peer.press(asked, "challenge_cancel_sure", club.host)
    club.told("the challenge was cancelled")
    stage.says(club.use("status", club.host), "No challenge here")


def test_discords_failures_cost_no_announcement_and_double_none(stage: Stage, club: Community) -> None:
    met = stage.peer.fail("POST", f"/channels/{club.channel.id}/messages", status=500, after=True)
    club.opened()
    stage.until(lambda: met.met, "the failure")
    stage.until(lambda: not stage.connection.zcard("pastiche:announcements:discord"), "the note")
    club.told("A new challenge")


def test_it_speaks_the_language_of_the_one_who_asks_and_of_the_server(stage: Stage, club: Community) -> None:
    manager = stage.peer.add_user("manager", permissions=MEMBER_PERMISSIONS | MANAGE_GUILD)
    stage.says(stage.peer.slash("settings", manager, language="fr"), "Language")
    club.opened()
    club.told("Un nouveau défi")
    marie = stage.peer.add_user("marie", locale="fr")
    stage.says(club.use("status", marie), "Vos inscriptions : 0")
    stage.connection.delete(f"pastiche:settings:discord:{stage.peer.world.guild_id}")


def test_forgetting_somebody_withdraws_their_entries(stage: Stage, club: Community) -> None:
    ann = club.members[0]
    club.opened()
    club.entered(ann)
    told = stage.says(stage.peer.slash("privacy", ann), "Forget me")
    stage.forgets(told, ann, 1)
    assert "withdrawn" in club.review()
    assert "Ann" not in club.review()


@pytest.mark.parametrize("status", [500, 429, *([502, 0] if os.environ.get("ALL_FAULTS") else [])])
def test_announcements_that_fail_once_before_they_are_posted_are_posted_once(
    stage: Stage, club: Community, status: int
) -> None:
    """Each of three: opening, voting, results; ALL_FAULTS adds 502 and a cut line, which take longer."""
    place, (ann, bob, _) = f"/channels/{club.channel.id}/messages", club.members
    made, met = club.created(), []

    def fails() -> None:
        met.append(stage.peer.fail("POST", place, status=status))

    fails()
    stage.peer.press(made, "challenge_open", club.host)
    club.told("A new challenge")
    for user in (ann, bob):
        club.entered(user)
    fails()
    club.end_phase(made)
    ballot = club.ballot(club.told("the voting has begun"), ann)
    club.vote(ballot, club.number_of(bob), ann)
    fails()
    club.end_phase(made)
    assert club.told("won, with 1 vote").attachments
    assert [fault.met for fault in met] == [1, 1, 1]
    words = ("A new challenge", "the voting has begun", "won, with 1 vote")
    assert [len(club.announced(said)) for said in words] == [1, 1, 1]
