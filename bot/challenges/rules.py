"""Who may take part and who may run a challenge: decided here, on what the platform says of a person."""

from __future__ import annotations

from bot.challenges.model import DAY_S, HOUR_S, Challenge, Person
from nst.errors import UserError


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
