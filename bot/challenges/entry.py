"""What takes part: an entry with its recipe, and what is shown of it to whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field

from bot.challenges.model import Count, UnixTime
from nst.errors import UserError
from nst.options import StyleOptions
from workers.contract import fill, read_object


class Status(StrEnum):
    """What becomes of an entry."""

    PENDING = "pending"  # its pastiche is still being made
    ENTERED = "entered"
    WITHDRAWN = "withdrawn"  # by its maker, by a replacement, or forgotten
    FAILED = "failed"  # its pastiche was never made
    DISQUALIFIED = "disqualified"


COUNTED = frozenset({Status.PENDING, Status.ENTERED, Status.DISQUALIFIED})  # of what a person may enter


def _recipe(options: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        StyleOptions.from_dict(options)
    except UserError:
        raise ValueError("options out of range") from None
    return options


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry; the row stays whatever becomes of it.

    Attributes:
        entry_id: Eight of ``a-z2-7``; follows from challenge and job, so entering twice is entering once.
        challenge_id: Whose.
        user: Its maker's key; "" once forgotten.
        name: Its maker's name for the results; "" once forgotten.
        chat: Key of the chat it was entered from.
        job_id: The job that made it.
        status: What became of it.
        number: Its number on the ballot from 1, or 0 before there is one.
        entered_at_s: When.
        picture: Where its picture is kept (``Pictures``); "" before and after it has one.
        shown: Where it is kept as pages and posters show it, where it is too large for them as it is; else "".
        media_type: Of the picture.
        width_px: Of the picture.
        height_px: Of the picture.
        before: Where its content image is kept, or "".
        styles: Blob hashes of its style images.
        style_label: Names of presets, or "" for pictures of one's own.
        options: ``StyleOptions.as_dict``.
        method: The method that made it.
        model: Identity of its weights.
        dhash: Perceptual hash, 16 hexadecimal digits.
        twin_of: Ids of entries that look the same.
        reason: Why it was disqualified.
        spoiler: Whether its picture is hidden wherever it is shown, as it was when it was made.
    """

    entry_id: str
    challenge_id: str
    user: str
    job_id: str
    entered_at_s: UnixTime
    name: str = ""
    chat: str = ""
    status: Status = Status.PENDING
    number: Count = 0
    picture: str = ""
    shown: str = ""
    media_type: str = ""
    width_px: Count = 0
    height_px: Count = 0
    before: str = ""
    styles: tuple[str, ...] = ()
    style_label: str = ""
    options: Annotated[Mapping[str, Any], AfterValidator(_recipe)] = field(default_factory=dict)
    method: str = ""
    model: str = ""
    dhash: Annotated[str, Field(pattern="^([0-9a-f]{16})?$")] = ""
    twin_of: tuple[str, ...] = ()
    reason: str = ""
    spoiler: bool = False

    @property
    def kept(self) -> tuple[str, ...]:
        """Everything of it that is kept."""
        return tuple(filter(None, (self.picture, self.shown, self.before)))

    @property
    def small(self) -> str:
        """What pages and posters show of it."""
        return self.shown or self.picture

    @property
    def style_options(self) -> StyleOptions:
        """Its recipe's options."""
        return StyleOptions.from_dict(self.options)

    def changed(self, **changes: Any) -> Entry:
        """The same entry, otherwise."""
        return replace(self, **changes)

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


@dataclass(frozen=True, kw_only=True)
class BallotEntry:
    """An entry as one voter sees it: no maker, no counts.

    Attributes:
        entry_id: For the button.
        number: What it is called.
        chosen: Whether this voter voted for it.
        own: Whether it is this voter's own: no button.
        picture: For ``Entries.picture``.
        media_type: Of the picture.
        style_label: Names of presets, or "".
        spoiler: Whether its picture is hidden until somebody wants to see it.
    """

    entry_id: str
    number: int
    chosen: bool
    own: bool
    picture: str
    media_type: str
    style_label: str
    spoiler: bool = False


@dataclass(frozen=True, kw_only=True)
class Ballot:
    """What one voter sees.

    Attributes:
        challenge_id: Whose.
        entries: In this voter's own order, the same each time.
        left: Votes that they may still give.
        until_s: When the voting ends.
        run_off: Whether it decides a tie.
    """

    challenge_id: str
    entries: tuple[BallotEntry, ...]
    left: int
    until_s: float
    run_off: bool


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a voter's click came to.

    Attributes:
        chosen: Ids of all entries they have voted for now.
        left: Votes that they may still give.
        changed: False if it was so before the click.
    """

    chosen: tuple[str, ...]
    left: int
    changed: bool


@dataclass(frozen=True, kw_only=True)
class Placed:
    """An entry in the results.

    Attributes:
        entry: The entry.
        place: From 1; equal places are shared; 0 for disqualified and withdrawn ones.
        votes: Valid votes of the voting.
        run_off_votes: Valid votes of the run-off; 0 where it was in none.
        mean_rank: Over platforms, where ranks decide; else 0.
    """

    entry: Entry
    place: int
    votes: int
    run_off_votes: int = 0
    mean_rank: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Results:
    """How a challenge ended.

    Attributes:
        challenge_id: Whose.
        placed: All entries that were on the ballot, best first; withdrawn and disqualified ones last.
        winners: Ids of the entries that won: none, one, or several that share it.
        voters: How many people voted.
        votes: Valid votes of the voting.
        run_off: Whether there was one.
    """

    challenge_id: str
    placed: tuple[Placed, ...]
    winners: tuple[str, ...]
    voters: int
    votes: int
    run_off: bool = False

    @property
    def spoiler(self) -> bool:
        """Whether what shows the entries together has to be hidden."""
        return any(one.entry.spoiler for one in self.placed if one.entry.status is Status.ENTERED)
