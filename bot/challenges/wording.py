"""The core's sentences: announcements, rules, how a challenge stands. Plain text, no platform's markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.challenges.announcements import Announcement
from bot.challenges.entry import Entry, Placed, Results, Status
from bot.challenges.model import Challenge
from bot.chat.captions import percent, style_name
from bot.presets.catalogue import Preset
from bot.texts import say

When = Callable[[float], str]
Escape = Callable[[str], str]


def announcement_text(
    announcement: Announcement, when: When, escape: Escape = str, results: Results | None = None
) -> str:
    """What an announcement says, in its chat's language.

    Args:
        announcement: What to say.
        when: A time as the platform shows it, for the end of "entries close …": ``in 3 hours``, ``on 1 May …``.
        escape: Takes the platform's markup out of what people wrote.
        results: Needed for ``results``.
    """
    language, facts = announcement.chat.language, dict(announcement.facts)
    facts["theme"] = escape(str(facts["theme"]))
    facts["closes"], facts["until"] = when(facts["closes_at_s"]), when(facts["until_s"])
    if "numbers" in facts:
        facts["numbers"] = joined([f"#{number}" for number in facts["numbers"]], language)
    if announcement.kind == "results":
        return _results_text(results, facts, escape, language)
    return say(f"challenge.{announcement.kind}", language, **facts)


def state_text(challenge: Challenge, when: When, language: str, escape: Escape = str) -> str:
    """How a challenge stands, in a line."""
    closes, until = when(challenge.closes_at_s), when(challenge.until_s)
    return say(
        f"challenge.state_{challenge.state}", language, theme=escape(challenge.theme), closes=closes, until=until
    )


def sure_text(act: str, challenge: Challenge, language: str, quoted: Callable[[str], str] = lambda text: text) -> str:
    """The question before something that cannot be undone.

    Args:
        act: ``end`` (its present phase) or ``cancel``.
        challenge: Which.
        language: Whom to ask.
        quoted: Makes a theme safe to be shown.
    """
    phase = say(f"challenge.phase_{challenge.state}", language)
    return say(f"challenge.sure_{act}", language, theme=quoted(challenge.theme), phase=phase)


def rules_text(challenge: Challenge, presets: Mapping[str, Preset], language: str) -> str:
    """What a challenge asks for, in a line."""
    style = say("challenge.style_given" if challenge.style else "challenge.style_free", language)
    if challenge.style_label:
        style = style_name(challenge.style_label, presets, language)
    return say(
        "challenge.rules",
        language,
        entries=challenge.entries_per_person,
        votes=challenge.votes_per_person,
        hours=challenge.voting_hours,
        style=style,
        scoring=say(f"challenge.scoring_{challenge.scoring}", language),
    )


def entry_line(placed: Placed, presets: Mapping[str, Preset], language: str, escape: Escape = str) -> str:
    """An entry in a gallery after the results: place, maker, style, votes."""
    entry = placed.entry
    values = {
        "place": placed.place,
        "maker": escape(maker(placed, language)),
        "style": style_credit(entry, presets, language),
        "strength": percent(entry.style_options),
        "votes": votes(placed.votes, language),
    }
    return say("challenge.entry_line" if placed.place else "challenge.entry_line_unplaced", language, **values)


def style_credit(entry: Entry, presets: Mapping[str, Preset], language: str) -> str:
    """What an entry's style is called by others than its maker."""
    return (
        style_name(entry.style_label, presets, language) if entry.style_label else say("challenge.own_style", language)
    )


def maker(placed: Placed, language: str) -> str:
    """Who made an entry."""
    known = placed.entry.status is Status.ENTERED and placed.entry.name
    return placed.entry.name if known else say("challenge.nobody", language)


def votes(count: int, language: str) -> str:
    """``1 vote``, ``12 votes``."""
    return say("challenge.one_vote" if count == 1 else "challenge.votes", language, n=count)


def joined(names: Sequence[str], language: str) -> str:
    """``Ann, Bob and Cem``."""
    if len(names) < 2:
        return "".join(names)
    return say("challenge.and", language, others=", ".join(names[:-1]), last=names[-1])


def clock_time(at_s: float, time_zone: str, language: str) -> str:
    """``on 1 May 2026 at 18:00 (Europe/Paris)``: a local time with its zone's name.

    Args:
        at_s: Unix time.
        time_zone: IANA name; UTC where it is unknown.
        language: Whom to speak to.
    """
    zone = _zone(time_zone)
    local = datetime.fromtimestamp(at_s, zone)
    month = say("challenge.months", language).split()[local.month - 1]
    hour = f"{local:%H:%M}"
    return say("challenge.clock", language, day=local.day, month=month, year=local.year, hour=hour, zone=zone.key)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def _results_text(results: Results | None, facts: Mapping[str, Any], escape: Escape, language: str) -> str:
    won = [one for one in results.placed if one.entry.entry_id in results.winners] if results else []
    names = joined([escape(maker(one, language)) for one in won], language)
    kind = ("none", "won")[len(won)] if len(won) < 2 else "shared"
    counted = votes(won[0].votes, language) if won else ""
    values = {**facts, "winners": names, "votes": counted, "voters": results.voters if results else 0}
    return say(f"challenge.results_{kind}", language, **values)
