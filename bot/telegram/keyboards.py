"""Inline keyboards and what their buttons mean; 64 bytes carry it all, so they outlive any restart.

d.<verb>.<owner>.<argument>   a button of a draft, for its owner only
r.<verb>.<job id>             a button of a job or its result
p.<verb>.<owner>              a button about a person's data or a chat's settings
c.…                           a challenge's button: challenges/buttons.py
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.access import FAINTEST, REPAINTING
from bot.chat.conversation import Choice, Draft, Step
from bot.chat.variations import CLIPS, Button
from bot.presets.catalogue import Preset
from bot.telegram.pictures import is_lent
from bot.texts import say
from nst.options import METHODS
from workers.contract import Job, Result

STRENGTHS = (0, 20, 40, 60, 80, 100)
_STYLES_IN_A_ROW = 3
_NAME_BYTES = 40
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

Rows = list[list[InlineKeyboardButton]]


class Meaning(NamedTuple):
    """What a pressed button says."""

    kind: str
    verb: str
    argument: str
    rest: str = ""


def meaning(data: str) -> Meaning | None:
    """Read callback data; None for another release's."""
    kind, _, tail = data.partition(".")
    verb, _, tail = tail.partition(".")
    if kind == "d":
        owner, _, argument = tail.partition(".")
        return Meaning(kind, verb, owner, argument)
    return Meaning(kind, verb, tail) if kind in ("r", "p", "c") else None


def owner_code(user_id: int) -> str:
    """A user's id in few characters."""
    sign, rest, digits = "-" if user_id < 0 else "", abs(user_id), ""
    while rest or not digits:
        rest, digit = divmod(rest, 36)
        digits = _DIGITS[digit] + digits
    return sign + digits


def owner_of(code: str) -> int:
    """The inverse of ``owner_code``; 0 for what is none."""
    try:
        return int(code, 36)
    except ValueError:
        return 0


def draft_keyboard(
    draft: Draft, owner: int, presets: Mapping[str, Preset], last: Choice | None, language: str
) -> InlineKeyboardMarkup:
    """The buttons that answer what a draft asks.

    Args:
        draft: As it stands.
        owner: Telegram's id of the user whose draft it is.
        presets: All there are.
        last: What they chose last: it comes first.
        language: Theirs.
    """
    rows: Rows
    lent = is_lent(draft.content)
    if lent and last and (last.strength < FAINTEST or last.method not in REPAINTING):
        last = None  # it would be refused
    match draft.step:
        case Step.STYLE:
            rows = [
                *_last_row(draft, owner, presets, last, language),
                *_style_rows(draft, owner, presets, last, language),
            ]
        case Step.MIX:
            rows = _style_rows(draft, owner, presets, None, language)
            if draft.presets:
                rows.append([_draft_button(say("telegram.enough", language), "enough", owner)])
        case Step.SECOND:
            rows = [
                [_draft_button(say("telegram.as_style", language), "as_style", owner)],
                [_draft_button(say("telegram.as_content", language), "as_content", owner)],
                [_draft_button(say("telegram.as_mask_subject", language), "mask", owner, "subject")],
                [_draft_button(say("telegram.as_mask_background", language), "mask", owner, "background")],
            ]
        case Step.STRENGTH:
            rows = [_strength_row(owner, last, FAINTEST if lent else 0.0)]
        case _:
            methods = [name for name in METHODS if name in REPAINTING or not lent]
            rows = [
                [_draft_button(say(f"telegram.method_{name}", language), "method", owner, name)]
                for name in _first(last.method if last and last.method in methods else "", methods)
            ]
    if draft.step in (Step.STRENGTH, Step.METHOD) and not (draft.step is Step.STRENGTH and draft.pictures):
        rows.append([_draft_button(say("button.back", language), "back", owner)])
    return InlineKeyboardMarkup(rows)


def preset_of(key: str, presets: Collection[str]) -> str:
    """The preset that a button names; "" if there is none any more."""
    return next((name for name in presets if _name_key(name) == key), "")


def queued_keyboard(job_id: str, language: str) -> InlineKeyboardMarkup:
    """Under a job's progress."""
    return InlineKeyboardMarkup([[_job_button("cancel", job_id, language)]])


def result_keyboard(
    result: Result, language: str, useful: Collection[Button], full_quality: bool = False, challenge: bool = False
) -> InlineKeyboardMarkup:
    """Under a result: what makes another one of it, and what can be had of it.

    Args:
        result: The result.
        language: Of the labels.
        useful: What could be made of it.
        full_quality: Whether it is a file already.
        challenge: Whether there is a challenge that it could be entered into.
    """
    job_id = result.job_id
    rows = [
        [_job_button(name, job_id, language) for name in (Button.WEAKER, Button.STRONGER) if name in useful],
        [
            _job_button(name, job_id, language)
            for name in (Button.STRIP, "other_style")
            if name in (*useful, "other_style")
        ],
        [
            _job_button(name, job_id, language)
            for name in (Button.COLOURS, Button.REFINE, Button.AGAIN, Button.TIME_LAPSE)
            if name in useful
        ],
        [
            _job_button(name, job_id, language)
            for name in ("original", "recipe", "delete")
            if not (full_quality and name == "original")
        ],
        [_job_button("enter", job_id, language)] if challenge and result.media_type not in CLIPS else [],
    ]
    return InlineKeyboardMarkup([row for row in rows if row])


def strip_keyboard(results: Sequence[Result], language: str) -> InlineKeyboardMarkup:
    """Under a strip: one strength to pick."""
    row = [
        InlineKeyboardButton(
            f"{Job.from_json(result.job).options.strength * 100:g}", callback_data=f"r.pick.{result.job_id}"
        )
        for result in results
    ]
    return InlineKeyboardMarkup([row, [_job_button("delete", results[0].job_id, language)]])


def _last_row(draft: Draft, owner: int, presets: Mapping[str, Preset], last: Choice | None, language: str) -> Rows:
    if last is None or not last.presets or not set(last.presets) <= set(presets):
        return []
    strength = draft.chosen.get("strength", last.strength)
    words = " + ".join(presets[name].title(language) for name in last.presets)
    label = f"★ {words} · {strength * 100:g} · {draft.chosen.get('method', last.method)}"
    return [[_draft_button(label, "last", owner)]]


def _style_rows(draft: Draft, owner: int, presets: Mapping[str, Preset], last: Choice | None, language: str) -> Rows:
    names = _first(last.presets[0] if last and last.presets else "", list(presets))
    buttons = [
        _draft_button(
            ("✓ " if name in draft.presets else "") + presets[name].title(language), "style", owner, _name_key(name)
        )
        for name in names
    ]
    return [buttons[start : start + _STYLES_IN_A_ROW] for start in range(0, len(buttons), _STYLES_IN_A_ROW)][:33]


def _strength_row(owner: int, last: Choice | None, faintest: float) -> list[InlineKeyboardButton]:
    choices = [str(percent) for percent in STRENGTHS if percent >= 100 * faintest]
    chosen = f"{last.strength * 100:g}" if last else "100"
    return [_draft_button(percent, "strength", owner, percent) for percent in _first(chosen, choices)]


def _first(name: str, names: Sequence[str]) -> list[str]:
    """What was chosen last comes first; a strength between the usual ones is added."""
    if not name or (name not in names and not name.replace(".", "").isdigit()):
        return list(names)
    return [name, *(other for other in names if other != name)]


def _draft_button(label: str, verb: str, owner: int, argument: str = "") -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"d.{verb}.{owner_code(owner)}.{argument}")


def _job_button(verb: str, job_id: str, language: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(say(f"button.{verb}", language), callback_data=f"r.{verb}.{job_id}")


def _name_key(name: str) -> str:
    """An operator's preset may have a name that is too long in bytes."""
    return name if len(name.encode()) <= _NAME_BYTES else hashlib.sha256(name.encode()).hexdigest()[:16]
