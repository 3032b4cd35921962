"""The studio's page: what is on it and where, and what of it leads where."""

from __future__ import annotations

from nicegui import ui
from starlette.requests import Request as HttpRequest

from bot.texts import say
from bot.web.asking import Asking
from bot.web.composer import Composer
from bot.web.furniture import masthead, set_up_head
from bot.web.listening import Listening, Shows
from bot.web.markup import tag
from bot.web.reader import Reader, Wishes
from bot.web.studio import Studio
from bot.web.throttle import address_key
from bot.web.visit import Visit
from bot.web.visitors import language_of, user_of
from bot.web.wall import Wall

_LOOK_S = 1.0


async def show_page(studio: Studio, request: HttpRequest) -> None:
    """Build the page for one visit; inside NiceGUI's page function."""
    visit = arrive(studio, request)
    set_up_head(visit.language)
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
    return Visit(studio, user, language, ui.context.client, address_key(request.client and request.client.host))


async def stay(visit: Visit, shows: Shows) -> None:
    """Show what the session has, and tell the page of its jobs until it is closed; last of a page's function."""
    listening, doorbell = Listening(visit, shows), visit.studio.doorbell
    doorbell.enter(visit.user, listening)
    visit.client.on_delete(lambda: doorbell.leave(visit.user, listening))
    await listening.load()
    ui.timer(_LOOK_S, listening.look)  # last: a timer makes NiceGUI send the page, finished or not


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
    tag("a", "skip", reader.say("skip"), href="#wall")
    masthead("studio", reader.say("title"), reader.say("tagline"), visit.language)
    visit.banner = tag("p", "banner", role="alert")
    with tag("div", "studio"):
        with tag("div", "desk"):
            visit.composer = Composer(visit.studio.presets, visit.language, asking.paint, asking.takes)
        visit.wall = Wall(reader, wishes_of(asking))
    tag("footer", "faint", say("web.kept", visit.language))
