"""The playground's page: every knob on the left; on the right what it did, with curves, to lay side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nicegui import ui
from starlette.requests import Request as HttpRequest

from bot.web.compare import Duel
from bot.web.elements import set_up_head, tag
from bot.web.form.playground import Bench, Handlers
from bot.web.page_actions import Asking
from bot.web.page_context import Visit
from bot.web.recipe_panel import Recipes
from bot.web.results_list import Wall
from bot.web.shared import Studio
from bot.web.studio_page import arrive, enter, foot, stay, wishes_of
from bot.web.wording import Reader


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
