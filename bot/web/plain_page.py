"""What every plain page has around it: the head with what chats show of a link, the masthead, the footer."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass

from starlette.responses import HTMLResponse

from bot.texts import explain, say
from bot.web.elements import PAGES, asset, motion_words
from nst.errors import BusyError

# HTML as values: what people wrote is escaped wherever it stands.
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


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A page's words.

    Attributes:
        title: Its heading.
        tagline: One line below it; also what chats show.
        language: The visitor's.
        here: A key of ``PAGES``, or "".
        address: Its own full address; "" for a page that is nobody's to share.
        picture: Full address of the picture that chats show, or "".
        picture_alt: What is on it.
        refresh_s: Seconds after which its figures are fetched again; 0 for never.
    """

    title: str
    tagline: str
    language: str
    here: str = ""
    address: str = ""
    picture: str = ""
    picture_alt: str = ""
    refresh_s: int = 0


def answer(sheet: Sheet, *content: Html, status: int = 200) -> HTMLResponse:
    """The page as a response."""
    body = el(
        "body",
        el("a", say("site.skip", sheet.language), class_="skip", href="#content"),
        el("div", _masthead(sheet), el("main", *content, id="content"), class_="nicegui-content"),
    )
    document = "<!doctype html>" + el("html", _head(sheet), body, lang=sheet.language)
    caching = "public, max-age=30" if sheet.address else "no-store"
    return HTMLResponse(document, status, headers={"Cache-Control": caching, "Vary": "Accept-Language"})


def busy(error: BusyError, language: str) -> HTMLResponse:
    """The page for whoever asked for too much."""
    refusal = answer(
        Sheet(title=say("web.title", language), tagline=explain(error, language), language=language), status=429
    )
    refusal.headers["Retry-After"] = str(math.ceil(error.retry_after_s))
    return refusal


def _head(sheet: Sheet) -> Html:
    parts = [
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("title", f"{sheet.title} · Pastiche"),
        el("link", rel="icon", href="/static/favicon.svg"),
        el("link", rel="stylesheet", href=asset("studio.css")),
        el("link", rel="stylesheet", href=asset("gallery.css")),
        el("script", defer=True, src=asset("studio.js")),
        el("script", defer=True, src=asset("motion.js")),
    ]
    if sheet.refresh_s:
        parts.append(el("script", defer=True, src=asset("operator.js"), data_every=sheet.refresh_s))
    if not sheet.address:
        return el("head", *parts, el("meta", name="robots", content="noindex"))
    return el("head", *parts, *_unfurled(sheet))


def _unfurled(sheet: Sheet) -> list[Html]:
    """What Discord, Telegram and others show of a link (https://ogp.me)."""
    said = {
        "og:type": "website",
        "og:site_name": "Pastiche",
        "og:title": sheet.title,
        "og:description": sheet.tagline,
        "og:url": sheet.address,
        "og:image": sheet.picture,
        "og:image:alt": sheet.picture_alt,
    }
    tags = [el("meta", property=name, content=text) for name, text in said.items() if text]
    large = el("meta", name="twitter:card", content="summary_large_image")
    plain = el("meta", name="description", content=sheet.tagline)
    return [*tags, large, plain, el("link", rel="canonical", href=sheet.address)]


def _masthead(sheet: Sheet) -> Html:
    links = [
        el(
            "a",
            say(f"site.{name}", sheet.language),
            class_="page-link",
            href=address,
            aria_current="page" if name == sheet.here else None,
        )
        for name, address in PAGES.items()
    ]
    return el(
        "header",
        el("h1", sheet.title),
        el("p", sheet.tagline),
        el("nav", *links, class_="pages", aria_label=say("site.pages", sheet.language)),
        el("button", class_="action motion", type="button", **motion_words(sheet.language)),
        class_="masthead",
    )
