"""Who may take part and who may run a challenge: decided here, on what the platform says of a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.challenges.model import DAY_S, HOUR_S, THEME_LENGTH, Challenge, Person, Plan
from bot.presets.catalogue import Preset
from nst.errors import UserError
from nst.pictures.header import inspect

# Whether a plan can be a challenge.
SOONEST_S, LATEST_S = 600, 60 * DAY_S
MOST_DRAFTS = 10  # of one person
RANGES = {"voting_hours": (1, 336), "entries_per_person": (1, 10), "votes_per_person": (1, 10)}  # as ``Challenge`` has


def checked(plan: Plan, presets: Mapping[str, Preset], now_s: float) -> dict[str, Any]:
    """A plan's values, but for its style, as a challenge has them.

    Raises:
        UserError: ``option_out_of_range``, ``style_unknown`` or ``image_*``.
    """
    # Half a surrogate pair, as some clients send it, could be written nowhere.
    theme = " ".join(plan.theme.encode("utf-8", "ignore").decode().split())
    if not 1 <= len(theme) <= THEME_LENGTH:
        _refuse("theme", str(len(theme)), f"1–{THEME_LENGTH}")
    ahead_s = plan.closes_at_s - now_s
    if not SOONEST_S <= ahead_s <= LATEST_S:
        _refuse("closing", f"{ahead_s / 3600:.1f} h", f"{SOONEST_S // 60} min – {LATEST_S // DAY_S} d")
    for name, (least, most) in RANGES.items():
        if not least <= getattr(plan, name) <= most:
            _refuse(name, str(getattr(plan, name)), f"{least}–{most}")
    if plan.style_preset and plan.style_preset not in presets:
        raise UserError("style_unknown", {"received": plan.style_preset[:40], "allowed": ", ".join(presets)})
    if plan.style_picture:
        inspect(plan.style_picture)
    given = {
        "style": "",
        "style_label": "",
        "style_shown": "",
        "style_kept": "",
        "style_by": "",
        "style_spoiler": False,
    }
    names = (*RANGES, "closes_at_s", "review", "scoring", "rules")
    return {"theme": theme} | ({} if plan.same_picture else given) | {name: getattr(plan, name) for name in names}


def _refuse(option: str, received: str, allowed: str) -> None:
    raise UserError("option_out_of_range", {"option": option, "received": received[:40], "allowed": allowed})


def check_person(challenge: Challenge, person: Person, now_s: float) -> None:
    """Whether somebody may enter or vote at all.

    Args:
        challenge: Which.
        person: Who, and from which chat.
        now_s: The time.

    Raises:
        UserError: ``not_a_person``, ``challenge_not_here``, ``not_a_member``, ``account_too_young`` or
            ``member_too_new``.
    """
    check_human(person)
    if challenge.chat(person.chat) is None:
        raise UserError("challenge_not_here")
    if person.is_member is False:
        raise UserError("not_a_member")
    rules = challenge.rules
    if _younger(person.account_created_at_s, rules.account_age_s, now_s):
        raise UserError("account_too_young", {"days": _ceil(rules.account_age_s, DAY_S)})
    if _younger(person.member_since_s, rules.membership_s, now_s):
        raise UserError("member_too_new", {"hours": _ceil(rules.membership_s, HOUR_S)})


def check_seen(challenge: Challenge, person: Person, first_seen_s: float | None) -> None:
    """Whether a voter was there before the challenge came to their chat.

    Args:
        challenge: Which.
        person: Who; asked only where the platform does not tell since when they are members.
        first_seen_s: When they were first seen in that chat; None: never.

    Raises:
        UserError: ``not_seen_before``.
    """
    chat = challenge.chat(person.chat)
    if not challenge.rules.seen_before or person.member_since_s is not None or chat is None:
        return
    if first_seen_s is None or first_seen_s > max(challenge.opened_at_s, chat.joined_at_s):
        raise UserError("not_seen_before")


def check_manager(person: Person, challenge: Challenge | None = None, home_only: bool = True) -> None:
    """Whether somebody may run a challenge.

    Args:
        person: Who.
        challenge: Which; None for a new one.
        home_only: Whether it takes a manager of the chat where it was made; else any chat's that takes part.

    Raises:
        UserError: ``not_a_person`` or ``not_a_manager``.
    """
    check_human(person)
    chats = [] if challenge is None else [chat.key for chat in challenge.chats]
    where = chats[:1] if home_only else chats
    if not person.manages or (challenge is not None and person.chat not in where):
        raise UserError("not_a_manager")


def check_human(person: Person) -> None:
    """Bots, channels and hidden administrators have no say.

    Raises:
        UserError: ``not_a_person``.
    """
    if person.kind != "person":
        raise UserError("not_a_person")


def _younger(since_s: float | None, least_s: int, now_s: float) -> bool:
    return since_s is not None and now_s - since_s < least_s


def _ceil(seconds: int, unit_s: int) -> int:
    return -(-seconds // unit_s)
