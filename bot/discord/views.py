"""The buttons of messages. What one means is in its ``custom_id``: ``p:<button>:<argument>``, for ever.

Views are finished before they are sent, so that discord.py keeps none of them in memory: presses
reach ``buttons.press`` by their ``custom_id`` alone, in this process or in one started later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import discord

from bot.chat.access import offered_under
from bot.chat.variations import CLIPS, Button
from bot.presets.catalogue import Preset
from bot.texts import say
from nst.options import StyleOptions
from workers.contract import Job, Result

PREFIX = "p"
MAX_CHOICES = 25
_OF_RESULTS = ("other_style", "original", "recipe")
NOTED = "*"  # no preset is called that
HIDDEN = "!"  # after a picture's hash: it came under a spoiler
SEVERAL = "@"  # before the name of a question about several pictures, in place of a hash
_DELETE = discord.ButtonStyle.danger
_PLAIN = discord.ButtonStyle.secondary
_ROW_OF = {Button.TIME_LAPSE: 2, Button.REFINE: 2}  # five are as many as fit into one


def custom_id(button: str, argument: str) -> str:
    """What a button means, in at most 100 characters."""
    return f"{PREFIX}:{button}:{argument}"


def meaning(text: str) -> tuple[str, str] | None:
    """The inverse of ``custom_id``; None for what is not ours."""
    prefix, _, rest = text.partition(":")
    button, _, argument = rest.partition(":")
    return (button, argument) if prefix == PREFIX and button else None


def job_of(text: str) -> str:
    """The job under whose result a button with this ``custom_id`` is; "" for other buttons."""
    name, argument = meaning(text) or ("", "")
    return argument if name in _OF_RESULTS else ""


def result_view(result: Result, language: str, enter: bool = False) -> discord.ui.View:
    """The buttons under a result; ``enter`` where a challenge is open."""
    useful = offered_under(result)
    first = [_button(str(button), result.job_id, language, _ROW_OF.get(button, 0)) for button in useful]
    names = (*_OF_RESULTS, "enter") if enter and result.media_type not in CLIPS else _OF_RESULTS
    second = [_button(name, result.job_id, language, row=1) for name in names]
    return finished([*first, *second, _button("delete", result.job_id, language, row=1, style=_DELETE)])


def original_view(job_id: str, language: str) -> discord.ui.View:
    """The button under an original file."""
    return finished([_button("gif", job_id, language)])


def queued_view(job_id: str, language: str) -> discord.ui.View:
    """The button under "queued"."""
    return finished([_button("cancel", job_id, language)])


def strip_view(results: Iterable[Result], language: str) -> discord.ui.View:
    """One button for each strength of a strip."""
    return finished(
        discord.ui.Button(label=percent(Job.from_json(r.job).options), custom_id=custom_id("pick", r.job_id))
        for r in results
        if r.outcome == "done"
    )


def style_view(
    button: str, argument: str, presets: Mapping[str, Preset], language: str, noted: bool = False
) -> discord.ui.View:
    """Selects with all presets, 25 in each; first the user's own style where one is ``noted``."""
    own = [discord.SelectOption(label=say("discord.noted_style", language)[:100], value=NOTED)] if noted else []
    choices = own + [
        discord.SelectOption(label=preset.title(language)[:100], value=name) for name, preset in presets.items()
    ]
    pages = [
        choices[start : start + MAX_CHOICES] for start in range(0, min(len(choices), 5 * MAX_CHOICES), MAX_CHOICES)
    ]
    return finished(
        discord.ui.Select[discord.ui.View](
            custom_id=custom_id(button if not page else f"{button}{page}", argument),
            placeholder=say("discord.choose_style", language)[:150],
            options=options,
        )
        for page, options in enumerate(pages)
    )


def pages_view(page: int, pages: int, language: str) -> discord.ui.View:
    """Backwards and forwards through the gallery."""
    back = discord.ui.Button[discord.ui.View](
        label=say("button.back", language), custom_id=custom_id("page", str(page - 1)), disabled=page <= 0
    )
    on = discord.ui.Button[discord.ui.View](
        label=say("button.on", language), custom_id=custom_id("page", str(page + 1)), disabled=page >= pages - 1
    )
    return finished([back, on])


def forget_view(user_id: int, language: str) -> discord.ui.View:
    """The one button of ``/privacy``."""
    return finished([_button("forget", str(user_id), language, style=_DELETE)])


def forget_surely_view(user_id: int, language: str) -> discord.ui.View:
    """The answers to the question whether they are sure."""
    sure = _button("forget_sure", str(user_id), language, style=_DELETE)
    return finished([sure, _button("forget_stay", str(user_id), language)])


def percent(options: StyleOptions) -> str:
    """Strength as chat has it."""
    return f"{options.strength * 100:g}"


def _button(
    name: str, argument: str, language: str, row: int | None = None, style: discord.ButtonStyle = _PLAIN
) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(
        label=say(f"button.{name}", language)[:80], custom_id=custom_id(name, argument), row=row, style=style
    )


def finished(items: Iterable[discord.ui.Item[discord.ui.View]]) -> discord.ui.View:
    """A view of these buttons that discord.py does not keep."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def is_variation(name: str) -> bool:
    """Whether a button stands for jobs that ``bot.chat.variations`` knows."""
    return name in set(Button)
