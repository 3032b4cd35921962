"""What a challenge is: values only, no store. Times are Unix seconds (UTC), durations are named by unit.

draft ── open ── draining ── review ── voting ── run_off ── results ── archived
          ╰─ extended once ─╯   ╰─ off ──╯  ╰─ no tie ──╯
Every state before results may also go to cancelled; draining goes to results where fewer than two
entries came even after the extension.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import Field

from workers.contract import fill, read_object

DAY_S, HOUR_S = 86_400, 3_600
DRAIN_S = 30 * 60  # how long pastiches that were being made at the deadline are waited for
EXTENSION_S = DAY_S
RUN_OFF_S = 12 * HOUR_S
REVIEW_S = DAY_S  # then the voting begins with whatever was not disqualified
SHOWN_S = 7 * DAY_S  # from results to archived
KEPT_S = 180 * DAY_S  # pictures and records, from the last change
INDEX_KEPT_S = 2 * KEPT_S  # who takes part in what, for "forget me": longer than anything of theirs
FEWEST_ENTRIES = 2
THEME_LENGTH = 120

UnixTime = Annotated[float, Field(ge=0, le=1e11)]  # seconds; every calendar has a date for it
VotingHours = Annotated[int, Field(ge=1, le=336)]
EachPerson = Annotated[int, Field(ge=1, le=10)]  # what one person may enter, or vote for
Count = Annotated[int, Field(ge=0)]


class State(StrEnum):
    """Where a challenge stands."""

    DRAFT = "draft"
    OPEN = "open"
    DRAINING = "draining"
    REVIEW = "review"
    VOTING = "voting"
    RUN_OFF = "run_off"
    RESULTS = "results"
    ARCHIVED = "archived"
    CANCELLED = "cancelled"


ARCS: Mapping[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.OPEN, State.CANCELLED}),
    State.OPEN: frozenset({State.DRAINING, State.CANCELLED}),
    State.DRAINING: frozenset({State.OPEN, State.REVIEW, State.VOTING, State.RESULTS, State.CANCELLED}),
    State.REVIEW: frozenset({State.VOTING, State.RESULTS, State.CANCELLED}),
    State.VOTING: frozenset({State.RUN_OFF, State.RESULTS, State.CANCELLED}),
    State.RUN_OFF: frozenset({State.RESULTS, State.CANCELLED}),
    State.RESULTS: frozenset({State.ARCHIVED}),
    State.ARCHIVED: frozenset(),
    State.CANCELLED: frozenset(),
}
RUNNING = frozenset({State.OPEN, State.DRAINING, State.REVIEW, State.VOTING, State.RUN_OFF})
VOTABLE = frozenset({State.VOTING, State.RUN_OFF})
FINISHED = frozenset({State.RESULTS, State.ARCHIVED})


class Scoring(StrEnum):
    """How votes become places."""

    SUM = "sum"  # every vote counts the same
    RANK = "rank"  # mean of an entry's ranks on each platform, so that the larger one does not swamp the smaller


@dataclass(frozen=True, kw_only=True)
class Chat:
    """A chat that takes part.

    Attributes:
        platform: ``discord`` or ``telegram``: whose adapter posts there.
        chat_id: Discord: the server's id. Telegram: the chat's.
        channel_id: Where announcements go: Discord: the channel's id. Telegram: the forum topic, or "".
        language: Of the announcements.
        time_zone: IANA name, for platforms that cannot show a time in everybody's own.
        joined_at_s: When it joined.
    """

    platform: str
    chat_id: str
    channel_id: str = ""
    language: str = "en"
    time_zone: str = "UTC"
    joined_at_s: UnixTime = 0.0

    @property
    def key(self) -> str:
        """The chat's key as ``ChatSettingsStore`` knows it: ``discord:1``, ``telegram:-100``."""
        return f"{self.platform}:{self.chat_id}"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who acts, and what the platform says of them; the core decides what follows from it.

    Attributes:
        user: Opaque key, the same as in ``Job.user``: ``discord:1``.
        chat: Key of the chat they act in (``Chat.key``); in private, of the chat whose challenge it is.
        name: What they are called in results; nowhere else.
        kind: ``person``, ``bot``, ``sender_chat`` (speaks for a channel) or ``anonymous`` (hidden administrator).
        manages: Whether they may run challenges in ``chat``.
        account_created_at_s: Discord; None where the platform does not say.
        member_since_s: Discord; None where the platform does not say.
        is_member: Telegram: whether they are in the chat now; None where that goes without saying.
    """

    user: str
    chat: str
    name: str = ""
    kind: str = "person"
    manages: bool = False
    account_created_at_s: float | None = None
    member_since_s: float | None = None
    is_member: bool | None = None

    @property
    def platform(self) -> str:
        """``discord`` or ``telegram``."""
        return self.user.partition(":")[0]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Who may take part; checked on what the platform says, where it says it.

    Attributes:
        account_age_s: Youngest account that may enter or vote.
        membership_s: Shortest membership that may enter or vote.
        seen_before: Whether voters must have been seen in their chat before the challenge came there. Asked only
            where the platform does not tell since when they are members.
    """

    account_age_s: int = 7 * DAY_S
    membership_s: int = HOUR_S
    seen_before: bool = True


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What the one who creates a challenge decides.

    Attributes:
        theme: 1 to 120 characters.
        closes_at_s: Entries until then: 10 minutes to 60 days ahead.
        voting_hours: 1 to 336.
        entries_per_person: 1 to 10.
        votes_per_person: 1 to 10.
        review: Whether moderators look through the entries before the voting.
        style_preset: The preset that everybody has to use, or "".
        style_picture: Or the picture that everybody has to use as the style, or b"".
        style_spoiler: Whether that picture came hidden.
        same_picture: Whether a draft that is revised keeps the style picture that it has.
        scoring: How votes become places.
        rules: Who may take part.
    """

    theme: str
    closes_at_s: float
    voting_hours: int = 48
    entries_per_person: int = 1
    votes_per_person: int = 3
    review: bool = False
    style_preset: str = ""
    style_picture: bytes = b""
    style_spoiler: bool = False
    same_picture: bool = False
    scoring: Scoring = Scoring.SUM
    rules: Rules = field(default_factory=Rules)


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """One challenge at one version; every change makes a new one.

    Attributes:
        challenge_id: Eight of ``a-z2-7``: fits into buttons and deep links.
        theme: What it is about.
        created_by: User key of its maker, who hears of flags; "" once forgotten.
        created_at_s: When.
        closes_at_s: Entries until then.
        voting_hours: Length of the voting.
        entries_per_person: At most.
        votes_per_person: At most, one for an entry.
        review: Whether there is one.
        style: Blob hash of the given style picture, or "" where all are free.
        style_label: Its preset's name, or "" for a picture (``Entries.style_picture`` has it).
        style_shown: Blob hash of that picture as it is handed out, reduced.
        style_kept: Where that picture is kept.
        style_spoiler: Whether that picture is hidden until somebody wants to see it, as it came.
        style_by: User key of the one who gave that picture; it goes with them.
        scoring: How votes become places.
        rules: Who may take part.
        chats: Where it runs; the first one is home.
        state: Where it stands.
        version: Counts the changes.
        opened_at_s: When entries could begin.
        until_s: When the present phase ends; 0 where nothing ends it.
        extended: Whether the day for stragglers was used up.
        changed_at_s: When its state or its times changed last.
    """

    challenge_id: str
    theme: Annotated[str, Field(min_length=1, max_length=THEME_LENGTH)]
    created_by: str
    created_at_s: UnixTime
    closes_at_s: UnixTime
    voting_hours: VotingHours = 48
    entries_per_person: EachPerson = 1
    votes_per_person: EachPerson = 3
    review: bool = False
    style: str = ""
    style_label: str = ""
    style_shown: str = ""
    style_kept: str = ""
    style_spoiler: bool = False
    style_by: str = ""
    scoring: Scoring = Scoring.SUM
    rules: Rules = field(default_factory=Rules)
    chats: Annotated[tuple[Chat, ...], Field(min_length=1)] = ()
    state: State = State.DRAFT
    version: Count = 0
    opened_at_s: UnixTime = 0.0
    until_s: UnixTime = 0.0
    extended: bool = False
    changed_at_s: UnixTime = 0.0

    @property
    def round(self) -> int:
        """1 in and before the voting, 2 in the run-off; votes are kept by round."""
        return 2 if self.state is State.RUN_OFF else 1

    @property
    def allowance(self) -> int:
        """Votes of one person now: one in a run-off."""
        return 1 if self.state is State.RUN_OFF else self.votes_per_person

    def chat(self, key: str) -> Chat | None:
        """The chat with this key, if it takes part."""
        return next((chat for chat in self.chats if chat.key == key), None)

    def to(self, state: State, now_s: float, until_s: float = 0.0, **changes: Any) -> Challenge:
        """The same challenge in its next state.

        Raises:
            ValueError: There is no way from here to there: a programming error.
        """
        if state not in ARCS[self.state]:
            raise ValueError(f"no way from {self.state} to {state}")
        return self.changed(state=state, changed_at_s=now_s, until_s=until_s, **changes)

    def changed(self, **changes: Any) -> Challenge:
        """The next version."""
        return replace(self, version=self.version + 1, **changes)

    def to_json(self) -> str:
        """For the store."""
        return json.dumps(asdict(self), separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``; fields that a neighbouring release added are ignored.

        Raises:
            ContractError: Nobody can read it.
        """
        return fill(cls, read_object(text))
