"""Plain HTML elements on NiceGUI's socket: our own look instead of a component library's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from nicegui.element import Element

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
