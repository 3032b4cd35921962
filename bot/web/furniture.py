"""What all pages have: the head, the masthead with the way to the other pages, and their words."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, cast

from nicegui import ui

from bot.texts import say
from bot.web.markup import asset, tag

PAGES = {"studio": "/", "playground": "/playground", "how": "/how", "challenges": "/challenges"}
_NICEGUI_LANGUAGES = {"fr": "fr"}


def set_up_head(language: str, *scripts: str, styles: Sequence[str] = ()) -> None:
    """The page's language, style sheet and scripts; inside NiceGUI's page function.

    Args:
        language: The visitor's.
        scripts: Files of ``static`` besides ``studio.js`` and ``motion.js``.
        styles: Files of ``static`` besides ``studio.css``.
    """
    client = ui.context.client
    client.page = copy.copy(client.page)  # NiceGUI's own words in the visitor's language, on this visit alone
    client.page.language = cast("Any", _NICEGUI_LANGUAGES.get(language, "en-US"))
    loaded = "".join(f'<script defer src="{asset(name)}"></script>' for name in ("studio.js", "motion.js", *scripts))
    looks = "".join(f'<link rel="stylesheet" href="{asset(name)}">' for name in ("studio.css", *styles))
    ui.add_head_html(f'{looks}{loaded}<meta name="robots" content="noindex">')


def masthead(here: str, title: str, tagline: str, language: str) -> None:
    """The page's name, and links to the others.

    Args:
        here: A key of ``PAGES``.
        title: The page's heading.
        tagline: One line below it.
        language: The visitor's.
    """
    with tag("header", "masthead"):
        tag("h1", "", title)
        tag("p", "", tagline)
        with tag("nav", "pages", aria_label=say("site.pages", language)):
            for name, address in PAGES.items():
                tag(
                    "a",
                    "page-link",
                    say(f"site.{name}", language),
                    href=address,
                    aria_current="page" if name == here else None,
                )
        tag("button", "action motion", "", type="button", **motion_words(language))


def motion_words(language: str) -> dict[str, str]:
    """What the button says that stops and starts everything that moves; ``motion.js`` shows it where something does."""
    return {f"data_{name}": say(f"site.motion_{name}", language) for name in ("pause", "play")}
