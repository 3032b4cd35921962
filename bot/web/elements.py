"""Plain HTML elements on NiceGUI's socket: our own look instead of a component library's."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from nicegui import ui
from nicegui.element import Element

from bot.texts import say

STATIC = Path(__file__).with_name("static")


def tag(name: str, classes: str = "", text: str = "", /, **attributes: object) -> Element:
    """One HTML element.

    Args:
        name: Its tag.
        classes: Its CSS classes.
        text: Its text; escaped by the browser's DOM, never HTML.
        attributes: Further attributes; underscores become hyphens, a trailing one is dropped (``for_``), and None
            or False leaves the attribute out.
    """
    element = Element(name)
    if classes:
        element.classes(classes)
    if text:
        element._text = text
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    element._props.update({key: value for key, value in given.items() if value is not None and value is not False})
    return element


def put_text(element: Element, text: str) -> None:
    """Change an element's text, if it is another one."""
    if element._text != text:
        element._text = text
        element.update()


def shown_text(element: Element) -> str:
    """An element's text."""
    return element._text or ""


def put(element: Element, /, **attributes: object) -> None:
    """Change an element's attributes; None takes one away."""
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if value is None:
            element._props.pop(name, None)
        elif element._props.get(name) != value:
            element._props[name] = value


def button(classes: str, text: str, pressed: Callable[[], Any], /, **attributes: object) -> Element:
    """A button that is no form's submit button."""
    element = tag("button", classes, text, type="button", **attributes)
    return element.on("click", lambda _: pressed(), js_handler="() => emit()")


@cache
def asset(name: str) -> str:
    """The address of a file of ours, which changes with its content."""
    version = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={version}"


def picture_url(digest: str) -> str:
    """The address of a stored picture, for the session that owns it."""
    return f"/pictures/{digest}"


def thumbnail_url(preset: str) -> str:
    """The address of a preset's thumbnail."""
    return f"/presets/{preset}"


# What all pages have: the head, the masthead with the way to the other pages, and their words.
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
