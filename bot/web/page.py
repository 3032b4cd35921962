"""The page: what is on it and where, and what of it leads where."""

from __future__ import annotations

import copy
from typing import Any, cast

from nicegui import ui
from starlette.requests import Request as HttpRequest

from bot.web.asking import Asking
from bot.web.composer import Composer
from bot.web.listening import Listening
from bot.web.markup import asset, tag
from bot.web.reader import Reader, Wishes
from bot.web.samples import sample_photograph
from bot.web.studio import Studio
from bot.web.visit import Visit
from bot.web.visitors import language_of, user_of
from bot.web.wall import Wall

_LOOK_S = 1.0
_NICEGUI_LANGUAGES = {"fr": "fr"}


async def show_page(studio: Studio, request: HttpRequest) -> None:
    """Build the page for one visit; inside NiceGUI's page function."""
    language = language_of(request.headers.get("accept-language"), studio.language)
    _set_up_head(language)
    user = user_of(request.session)
    if user is None:  # NiceGUI gives every page a session; without one, strangers would share a wall
        raise LookupError("a page without a session")
    visit = Visit(studio, user, language, ui.context.client)
    asking, listening = Asking(visit), Listening(visit)
    _furnish(visit, asking)
    ui.on("picture", asking.take_picture)
    ui.on("refused", asking.refuse)
    studio.doorbell.enter(visit.user, listening)
    visit.client.on_delete(lambda: studio.doorbell.leave(visit.user, listening))
    await listening.load()
    ui.timer(_LOOK_S, listening.look)  # last: a timer makes NiceGUI send the page, finished or not


def _set_up_head(language: str) -> None:
    client = ui.context.client
    client.page = copy.copy(client.page)  # NiceGUI's own words in the visitor's language, on this visit alone
    client.page.language = cast("Any", _NICEGUI_LANGUAGES.get(language, "en-US"))
    ui.add_head_html(
        f'<link rel="stylesheet" href="{asset("studio.css")}"><script defer src="{asset("studio.js")}"></script>'
        '<meta name="robots" content="noindex">'
    )


def _furnish(visit: Visit, asking: Asking) -> None:
    reader = Reader(visit.language, visit.studio.presets)
    tag("a", "skip", reader.say("skip"), href="#wall")
    with tag("header", "masthead"):
        tag("h1", "", reader.say("title"))
        tag("p", "", reader.say("tagline"))
    visit.banner = tag("p", "banner", role="alert")
    with tag("main", "studio"):
        sample = asking.take_sample if sample_photograph() else None
        with tag("div", "desk"):
            visit.composer = Composer(visit.studio.presets, visit.language, asking.paint, sample)
        wishes = Wishes(asking.cancel, asking.vary, asking.other_style, asking.delete, asking.hang)
        visit.wall = Wall(reader, wishes)
    tag("footer", "faint", reader.say("kept"))
