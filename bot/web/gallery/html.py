"""HTML as values: what people wrote is escaped wherever it stands."""

from __future__ import annotations

import html
from collections.abc import Iterable

_VOID = frozenset({"img", "input", "link", "meta", "br"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def el(name: str, /, *children: str | Html | Iterable[Html], **attributes: object) -> Html:
    """One element.

    Args:
        name: Its tag.
        children: Text (escaped), elements, or several of them.
        attributes: Underscores become hyphens, a trailing one is dropped; None and False leave one out.
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    start = "".join(
        f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
        for key, value in given.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{start}>")
    return Html(f"<{name}{start}>{''.join(map(_inner, children))}</{name}>")


def _inner(child: str | Html | Iterable[Html]) -> str:
    if isinstance(child, Html):
        return child
    if isinstance(child, str):
        return html.escape(child, quote=False)
    return "".join(child)
