"""The buttons of challenges; what one means is in its ``custom_id``, as everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import discord

from bot.challenges.entry import BallotEntry
from bot.challenges.model import FINISHED, VOTABLE, Challenge, State
from bot.discord.views import MAX_CHOICES, custom_id, finished
from bot.texts import say

_STYLE = discord.ButtonStyle
_VOTING = frozenset({"voting", "voting_soon", "run_off"})


def announcement_view(challenge_id: str, kind: str, event: str, language: str) -> discord.ui.View:
    """The one button under an announcement; its ``custom_id`` names the announcement, so that it can be found again."""
    name = "ballot" if kind in _VOTING else "winners" if kind == "results" else "challenge"
    return finished([_button(name, f"{challenge_id}:{event}", language, _STYLE.primary)])


def status_view(challenge: Challenge, manages: bool, language: str) -> discord.ui.View | None:
    """What can be done about a challenge, by everybody and by those who manage it."""
    name, state = challenge.challenge_id, challenge.state
    buttons = []
    if state in VOTABLE:
        buttons.append(_button("ballot", name, language, _STYLE.primary))
    if state in FINISHED:
        buttons.append(_button("winners", name, language, _STYLE.primary))
    if manages:
        buttons += [_button(verb, name, language, style) for verb, style in _managed(state)]
    return finished(buttons) if buttons else None


def sure_view(challenge: Challenge, verb: str, language: str) -> discord.ui.View:
    """The way on for the state that the challenge is in, and the way back."""
    name = challenge.challenge_id
    sure = _button(f"{verb}_sure", f"{name}:{challenge.state}", language, _STYLE.danger)
    return finished([sure, _button("challenge_stay", name, language, _STYLE.secondary)])


def ballot_view(
    challenge_id: str, shown: Sequence[BallotEntry], page: int, pages: int, language: str
) -> discord.ui.View:
    """A vote for each entry of a page, and the way to the other pages."""
    return finished(
        [
            *(_vote(challenge_id, one, page, language) for one in shown),
            *_turn("leaf", challenge_id, page, pages, language),
        ]
    )


def pages_view(name: str, challenge_id: str, page: int, pages: int, language: str) -> discord.ui.View | None:
    """Backwards and forwards through a gallery; None where one page is all."""
    buttons = _turn(name, challenge_id, page, pages, language)
    return finished(buttons) if buttons else None


def choice_view(name: str, argument: str, choices: Iterable[tuple[str, str]], prompt: str) -> discord.ui.View:
    """A list to pick one thing from.

    Args:
        name: What picking means.
        argument: Of its ``custom_id``.
        choices: Label and value, up to 25.
        prompt: What is asked.
    """
    options = [discord.SelectOption(label=label[:100], value=value) for label, value in choices][:MAX_CHOICES]
    select = discord.ui.Select[discord.ui.View](
        custom_id=custom_id(name, argument), placeholder=prompt[:150], options=options
    )
    return finished([select])


def _managed(state: State) -> Sequence[tuple[str, discord.ButtonStyle]]:
    invite, cancel = ("challenge_invite", _STYLE.secondary), ("challenge_cancel", _STYLE.danger)
    if state is State.DRAFT:
        return ("challenge_open", _STYLE.success), invite, cancel
    if state is State.OPEN:
        return ("challenge_end", _STYLE.secondary), invite, cancel
    if state in FINISHED or state is State.CANCELLED:
        return ()
    return ("challenge_end", _STYLE.secondary), cancel


def _vote(challenge_id: str, entry: BallotEntry, page: int, language: str) -> discord.ui.Button[discord.ui.View]:
    name = "unvote" if entry.chosen else "vote"
    key = "own_entry" if entry.own else name
    return discord.ui.Button(
        label=say(f"button.{key}", language, number=entry.number)[:80],
        custom_id=custom_id(name, f"{challenge_id}:{entry.entry_id}:{page}"),
        style=_STYLE.success if entry.chosen else _STYLE.secondary,
        disabled=entry.own,
        row=0,
    )


def _turn(
    name: str, challenge_id: str, page: int, pages: int, language: str
) -> list[discord.ui.Button[discord.ui.View]]:
    if pages < 2:
        return []
    return [
        discord.ui.Button(
            label=say(f"button.{label}", language),
            custom_id=custom_id(name, f"{challenge_id}:{other}"),
            disabled=not 1 <= other <= pages,
            row=1,
        )
        for label, other in (("back", page - 1), ("on", page + 1))
    ]


def _button(name: str, argument: str, language: str, style: discord.ButtonStyle) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(
        label=say(f"button.{name}", language)[:80], custom_id=custom_id(name, argument), style=style
    )
