"""The wizard's form: what an administrator fills in, in their own words and their own time zone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Self
from zoneinfo import ZoneInfo, available_timezones

from bot.challenges.model import Plan, Rules, Scoring
from nst.errors import UserError
from workers.contract import fill, read_object

VOTING_HOURS = (24, 48, 72, 168)
ENTRIES = (1, 2, 3, 5)
VOTES = (1, 3, 5, 10)
ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Paris",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Tokyo",
)
IN_DAYS = (1, 3, 7, 14)
_AFTER = re.compile(r"^\+?(\d{1,3}) ?(min|m|h|d|j)$")
_CLOCK = re.compile(r"^(\d{4})-(\d{1,2})-(\d{1,2})[ t]+(\d{1,2})[:h](\d{2})$")
_UNITS = {"min": "minutes", "m": "minutes", "h": "hours", "d": "days", "j": "days"}
_EVENING_H = 20


@dataclass(frozen=True, kw_only=True)
class Form:
    """A challenge in the making.

    Attributes:
        chat_id: The group where it will be at home.
        thread_id: Its forum topic for announcements, or 0.
        language: Of the announcements.
        challenge_id: The draft, once there is one.
        theme: What it is about, or "".
        closes: When entries close: local time as ``YYYY-MM-DD HH:MM``, or "".
        zone: The IANA name of the zone of that time.
        voting_hours: Length of the voting.
        entries: Per person.
        votes: Per person.
        review: Whether moderators look through the entries first.
        preset: The given style's name, or "".
        picture: Or the blob hash of the given style's picture, or "".
        spoiler: Whether that picture came hidden.
        scoring: ``sum`` or ``rank``.
        seen_before: Whether voters must have been seen in the group before.
    """

    chat_id: int
    thread_id: int = 0
    language: str = "en"
    challenge_id: str = ""
    theme: str = ""
    closes: str = ""
    zone: str = "UTC"
    voting_hours: int = 48
    entries: int = 1
    votes: int = 3
    review: bool = False
    preset: str = ""
    picture: str = ""
    spoiler: bool = False
    scoring: str = Scoring.SUM.value
    seen_before: bool = True

    @property
    def whole(self) -> bool:
        """Whether all is said that must be said."""
        return bool(self.theme and self.closes)

    @property
    def closes_at_s(self) -> float:
        """When entries close, in Unix seconds; 0 while that is open."""
        if not self.closes:
            return 0.0
        return datetime.fromisoformat(self.closes).replace(tzinfo=ZoneInfo(self.zone)).timestamp()

    def to_json(self) -> str:
        """For a store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``; fields that a neighbouring release added are ignored.

        Raises:
            ContractError: It is none.
        """
        return fill(cls, read_object(text))

    def plan(self, style_picture: bytes = b"") -> Plan:
        """What the core makes a challenge of."""
        return Plan(
            theme=self.theme,
            closes_at_s=self.closes_at_s,
            voting_hours=self.voting_hours,
            entries_per_person=self.entries,
            votes_per_person=self.votes,
            review=self.review,
            style_preset=self.preset,
            style_picture=style_picture,
            style_spoiler=self.spoiler,
            scoring=Scoring(self.scoring),
            rules=Rules(seen_before=self.seen_before),
        )


def turned(form: Form, name: str) -> Form:
    """A form whose field went on to its next value: what the buttons with few values do; others change nothing."""
    return _TURNS[name](form) if name in _TURNS else form


def read_closing(words: str, zone: str, now_s: float) -> str:
    """When entries close, as people write it.

    Args:
        words: ``2026-03-07 20:00``, or ``3d``, ``36h``, ``90min`` from now.
        zone: Theirs.
        now_s: The time.

    Returns:
        Local time as ``YYYY-MM-DD HH:MM``.

    Raises:
        UserError: ``option_out_of_range``.
    """
    text = words.strip().lower()
    after, clock = _AFTER.match(text), _CLOCK.match(text)
    try:
        if after:
            span = timedelta(**{_UNITS[after[2]]: int(after[1])})
            return _local(datetime.fromtimestamp(now_s, UTC) + span, zone)
        if clock:
            year, month, day, hour, minute = map(int, clock.groups())
            return datetime(year, month, day, hour, minute).strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        pass
    raise UserError(
        "option_out_of_range", {"option": "closing", "received": words[:40], "allowed": "2026-03-07 20:00, 3d, 36h"}
    )


def evening_in(days: int, zone: str, now_s: float) -> str:
    """Eight in the evening some days ahead, as ``read_closing`` gives it."""
    day = datetime.fromtimestamp(now_s, ZoneInfo(zone)) + timedelta(days=days)
    return day.strftime(f"%Y-%m-%d {_EVENING_H}:00")


def read_zone(words: str) -> str:
    """A time zone's IANA name by its name or its city.

    Raises:
        UserError: ``option_out_of_range``.
    """
    wanted = words.strip().lower().replace(" ", "_")
    found = _zones().get(wanted)
    if found is None:
        allowed = ", ".join(ZONES[:5]) + " …"
        raise UserError("option_out_of_range", {"option": "zone", "received": words[:40], "allowed": allowed})
    return found


@cache
def _zones() -> dict[str, str]:
    """Zones by whole name and by city, in lower case."""
    names = sorted(available_timezones())
    cities = {name.rpartition("/")[2].lower(): name for name in names if "/" in name}
    return cities | {name.lower(): name for name in names}


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


def _next(values: tuple[int, ...], now: int) -> int:
    return values[(values.index(now) + 1) % len(values)] if now in values else values[0]


def _other_scoring(scoring: str) -> str:
    return (Scoring.RANK if scoring == Scoring.SUM else Scoring.SUM).value


_TURNS: dict[str, Callable[[Form], Form]] = {
    "voting": lambda form: replace(form, voting_hours=_next(VOTING_HOURS, form.voting_hours)),
    "entries": lambda form: replace(form, entries=_next(ENTRIES, form.entries)),
    "votes": lambda form: replace(form, votes=_next(VOTES, form.votes)),
    "review": lambda form: replace(form, review=not form.review),
    "scoring": lambda form: replace(form, scoring=_other_scoring(form.scoring)),
    "seen": lambda form: replace(form, seen_before=not form.seen_before),
}
