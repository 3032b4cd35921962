"""The wizard's pages: the form as it stands, and what is asked in words with the usual answers as buttons."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from telegram import InlineKeyboardButton

from bot.presets.catalogue import Preset
from bot.telegram.challenges.buttons import button
from bot.telegram.challenges.context import keyboard
from bot.telegram.challenges.form import IN_DAYS, ZONES, Form
from bot.telegram.posting import Post
from bot.texts import say

Presets = Mapping[str, Preset]
_STYLES_IN_A_ROW = 3
_NAME_BYTES = 32  # what fits into a button beside the rest


def form_page(form: Form, language: str) -> Post:
    """The form as it stands."""
    return Post(_text(form, language), keyboard=keyboard(_rows(form, language)))


def question_page(form: Form, field: str, presets: Presets, language: str) -> Post:
    """What is asked in words, with the usual answers as buttons.

    Args:
        form: As it stands.
        field: One of ``QUESTIONS``.
        presets: All there are.
        language: Whom to speak to.
    """
    back = [_button(form, say("button.back", language), "back")]
    rows = [*QUESTIONS[field](form, presets, language), back]
    return Post(say(f"telegram_challenge.ask_{field}", language, zone=form.zone), keyboard=keyboard(rows))


def _text(form: Form, language: str) -> str:
    yes, no = say("telegram.yes", language), say("telegram.no", language)
    open_answer = say("telegram_challenge.not_said", language)
    own = say("telegram_challenge.own_style", language) if form.picture else say("telegram_challenge.free", language)
    return say(
        "telegram_challenge.form",
        language,
        theme=form.theme or open_answer,
        closes=f"{form.closes} ({form.zone})" if form.closes else open_answer,
        voting_hours=form.voting_hours,
        entries=form.entries,
        votes=form.votes,
        review=yes if form.review else no,
        style=form.preset or own,
        scoring=say(f"telegram_challenge.scoring_{form.scoring}", language),
        seen=yes if form.seen_before else no,
    )


def _rows(form: Form, language: str) -> list[list[InlineKeyboardButton]]:
    def labelled(*names: str) -> list[InlineKeyboardButton]:
        return [_button(form, say(f"telegram_challenge.form_{name}", language), name) for name in names]

    last = labelled("invite", "open") if form.whole else []
    return [
        labelled("theme", "style"),
        labelled("closes", "zone"),
        labelled("voting", "entries", "votes"),
        labelled("review", "scoring", "seen"),
        last,
    ]


def _button(form: Form, label: str, what: str, *values: object) -> InlineKeyboardButton:
    return button(label, "w", "", form.chat_id, what, *values)


def _no_rows(form: Form, presets: Presets, language: str) -> list[list[InlineKeyboardButton]]:
    return []


def _day_rows(form: Form, presets: Presets, language: str) -> list[list[InlineKeyboardButton]]:
    say_days = [say("telegram_challenge.in_days", language, n=days) for days in IN_DAYS]
    return [[_button(form, label, "day", days) for label, days in zip(say_days, IN_DAYS, strict=True)]]


def _zone_rows(form: Form, presets: Presets, language: str) -> list[list[InlineKeyboardButton]]:
    buttons = [_button(form, name, "zone_is", number) for number, name in enumerate(ZONES)]
    return [buttons[start : start + 2] for start in range(0, len(buttons), 2)]


def _style_rows(form: Form, presets: Presets, language: str) -> list[list[InlineKeyboardButton]]:
    short = [(name, preset) for name, preset in presets.items() if len(name.encode()) <= _NAME_BYTES]
    buttons = [_button(form, preset.title(language), "preset", name) for name, preset in short]
    rows = [buttons[start : start + _STYLES_IN_A_ROW] for start in range(0, len(buttons), _STYLES_IN_A_ROW)]
    return [[_button(form, say("telegram_challenge.free", language), "free")], *rows[:30]]


Rows = Callable[[Form, Presets, str], list[list[InlineKeyboardButton]]]
QUESTIONS: dict[str, Rows] = {"theme": _no_rows, "closes": _day_rows, "zone": _zone_rows, "style": _style_rows}
