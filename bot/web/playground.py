"""The playground's page: every knob on the left; on the right what it did, with curves, to lay side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nicegui import ui
from starlette.requests import Request as HttpRequest

from bot.web.asking import Asking
from bot.web.bench import Bench, Handlers
from bot.web.duel import Duel
from bot.web.furniture import set_up_head
from bot.web.markup import tag
from bot.web.page import arrive, enter, foot, stay, wishes_of
from bot.web.reader import Reader
from bot.web.recipes import Recipes
from bot.web.studio import Studio
from bot.web.visit import Visit
from bot.web.wall import Wall


async def show_playground(studio: Studio, request: HttpRequest) -> None:
    """Build the page for one visit; inside NiceGUI's page function."""
    visit = arrive(studio, request)
    set_up_head(visit.language, "playground.js")
    if not await enter(visit, "playground"):
        return
    asking = Asking(visit)
    _furnish(visit, asking)
    await stay(visit, visit.wall)


def _furnish(visit: Visit, asking: Asking) -> None:
    reader = Reader(visit.language, visit.studio.presets)
    recipes = Recipes(visit)
    with tag("div", "studio"):
        with tag("div", "desk"):
            handlers = Handlers(asking.paint, asking.takes, recipes.open_code)
            bench = recipes.bench = visit.composer = Bench(visit.studio.presets, visit.language, handlers)
        with tag("div", "results"):
            duel = Duel(reader)
            visit.wall = Wall(reader, replace(wishes_of(asking), compare=duel.take), visit.studio.curves)
    foot(visit, asking)
    _listen(asking, recipes, bench)


def _listen(asking: Asking, recipes: Recipes, bench: Bench) -> None:
    """What the page's scripts tell."""

    async def take(event: Any) -> None:
        if isinstance(event.args, Mapping) and event.args.get("role") == "recipe":
            await recipes.open_file(str(event.args.get("picture", "")))
        else:
            await asking.take_picture(event)

    def mix(event: Any) -> None:
        x, y = (event.args.get(axis) if isinstance(event.args, Mapping) else None for axis in "xy")
        if isinstance(x, int | float) and isinstance(y, int | float) and 0 <= x <= 1 and 0 <= y <= 1:
            bench.mix(x, y)

    ui.on("picture", take)
    ui.on("refused", asking.refuse)
    ui.on("mix", mix)
