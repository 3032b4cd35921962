"""The studio's page: what is on it and where, and what of it leads where."""

from __future__ import annotations

import re

from nicegui import Client, ui
from nicegui.client import ClientConnectionTimeout
from starlette.requests import Request as HttpRequest

from bot.texts import say
from bot.web.elements import button, masthead, set_up_head, tag
from bot.web.form.studio import Composer
from bot.web.page_actions import Asking
from bot.web.page_context import Visit
from bot.web.page_updates import Listening, Shows
from bot.web.protection.throttle import address_of
from bot.web.results_list import Wall
from bot.web.shared import Studio, language_of, user_of
from bot.web.wording import Reader, Wishes
from nst.errors import BusyError

_LOOK_S = 1.0
_HEAD_ELEMENTS = 20
_COMES_S = 20.0  # a browser's socket, from far away and over a slow line


async def show_page(studio: Studio, request: HttpRequest) -> None:
    """Build the page for one visit; inside NiceGUI's page function."""
    visit = arrive(studio, request)
    set_up_head(visit.language)
    if not await enter(visit, "studio"):
        return
    asking = Asking(visit)
    _furnish(visit, asking)
    ui.on("picture", asking.take_picture)
    ui.on("refused", asking.refuse)
    await stay(visit, visit.wall)


def arrive(studio: Studio, request: HttpRequest) -> Visit:
    """Who comes, from where, and what they read."""
    language = language_of(request.headers.get("accept-language"), studio.language)
    user = user_of(request.session)
    if user is None:  # NiceGUI gives every page a session; without one, strangers would share a wall
        raise LookupError("a page without a session")
    visit = Visit(studio, user, language, ui.context.client, address_of(request.scope))
    forgotten = request.query_params.get("forgotten", "")
    visit.forgotten = int(forgotten) if re.fullmatch("[0-9]{1,6}", forgotten) else None
    return visit


async def enter(visit: Visit, here: str, main: str = "wall") -> bool:
    """Send the page with its head alone, and wait for its browser's socket: who opens none costs next to nothing.

    Args:
        visit: Whose.
        here: A key of ``furniture.PAGES``.
        main: Id of the page's content, for those who skip the rest.

    Returns:
        Whether somebody came; else the page is forgotten.

    Raises:
        BusyError: ``rate_limited``: too many pages of this address are open.
    """
    client, pages = visit.client, visit.studio.pages
    share = pages.take(visit.address, lambda: forget_page(client), _HEAD_ELEMENTS)
    if share is None or client.is_deleted:
        raise BusyError("rate_limited", {"retry_after_s": round(_COMES_S)})
    client.on_delete(lambda: pages.leave(share))
    visit.weigh = lambda: pages.resize(share, len(client.elements))
    tag("a", "skip", say("web.skip" if main == "wall" else "site.skip", visit.language), href=f"#{main}")
    title, tagline = (
        say(f"{'web' if here == 'studio' else here}.{key}", visit.language) for key in ("title", "tagline")
    )
    masthead(here, title, tagline, visit.language)
    visit.banner = tag("p", "banner", role="alert")
    try:
        await client.connected(timeout=_COMES_S)
    except ClientConnectionTimeout:
        forget_page(client)
    return not client.is_deleted


def forget_page(client: Client) -> None:
    """Take a page out of memory; one that is open asks its browser for another when it is used."""
    if not client.is_deleted:
        client.delete()


def foot(visit: Visit, asking: Asking) -> None:
    """What is kept of the visitor, and how to have it forgotten: there is a second button behind the first."""
    with tag("footer", "faint"):
        if visit.forgotten is not None:
            tag("p", "forgotten", say("web.forgotten", visit.language, count=visit.forgotten), role="status")
        tag("p", "", say("web.kept", visit.language))
        with tag("details", "more forget"):
            tag("summary", "", say("button.forget", visit.language))
            tag("p", "", say("web.forget_ask", visit.language))
            button("action", say("web.forget_all", visit.language), asking.forget_me)


async def stay(visit: Visit, shows: Shows) -> None:
    """Show what the session has, and tell the page of its jobs until it is closed; last of a page's function."""
    listening, doorbell = Listening(visit, shows), visit.studio.doorbell
    doorbell.enter(visit.user, listening)
    visit.client.on_delete(lambda: doorbell.leave(visit.user, listening))
    await listening.load()

    async def look() -> None:
        visit.weigh()
        await listening.look()

    visit.weigh()
    ui.timer(_LOOK_S, look)


def wishes_of(asking: Asking) -> Wishes:
    """What the buttons of cards do."""
    return Wishes(
        cancel=asking.cancel,
        stop=asking.stop,
        resume=asking.resume,
        vary=asking.vary,
        other_style=asking.other_style,
        delete=asking.delete,
        hang=asking.hang,
        share=asking.share,
        quality=asking.quality,
        figures=asking.figures,
    )


def _furnish(visit: Visit, asking: Asking) -> None:
    reader = Reader(visit.language, visit.studio.presets)
    with tag("div", "studio"):
        with tag("div", "desk"):
            visit.composer = Composer(visit.studio.presets, visit.language, asking.paint, asking.takes)
        visit.wall = Wall(reader, wishes_of(asking))
    foot(visit, asking)
