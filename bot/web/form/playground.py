"""The playground's form: every option there is, up to four styles and the mixer's pad."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nicegui import ui
from nicegui.element import Element

from bot.chat.service import Style
from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.elements import button, picture_url, put, put_text, tag, thumbnail_url
from bot.web.form.fields import (
    Drop,
    MaskField,
    Takes,
    colour_choice,
    file_input,
    knob_field,
    layer_sliders,
    method_choice,
    offer_contents,
    offer_styles,
    strength_slider,
)
from bot.web.form.parsing import (
    GATYS_KNOBS,
    PICTURE_KNOBS,
    SINGAN_KNOBS,
    TIME_LAPSE,
    form_of,
    mixing_weights,
    read_experiment,
)
from bot.web.form.studio import SUBMIT, own_style_tile
from bot.web.form.types import EVERY_METHOD, STRENGTHS, Wanted
from nst.errors import UserError
from nst.options import MAX_STYLES, StyleOptions


# The mixer's pad on the page: styles around a square, a point to drag, and two sliders for keys.
class Pad:
    """The pad; hidden while there is nothing to mix.

    Args:
        language: The visitor's.
    """

    def __init__(self, language: str) -> None:
        self._place = (0.5, 0.5)
        self.root = tag("div", "mixer", data_styles=0)
        with self.root:
            tag("h3", "", say("playground.mixer", language))
            tag("p", "faint", say("playground.mixer_hint", language), id="mixer-hint")
            with tag("div", "pad"):
                self._corners = [self._build_corner(place) for place in range(MAX_STYLES)]
                tag("span", "point", aria_hidden="true")
                for axis in ("x", "y"):
                    tag(
                        "input",
                        "unseen axis",
                        type="range",
                        name=f"mix-{axis}",
                        min=0,
                        max=100,
                        step=1,
                        defaultValue="50",
                        aria_label=say(f"playground.mixer_{axis}", language),
                        aria_describedby="mixer-hint",
                    )

    def show_styles(self, pictures: Sequence[str | None]) -> None:
        """Put the styles' thumbnails around the pad.

        Args:
            pictures: Their addresses, none to four; None for one that is not to be seen.
        """
        put(self.root, data_styles=len(pictures))
        for place, (picture, _) in enumerate(self._corners):
            put(picture, src=pictures[place] if place < len(pictures) else None)
        if len(pictures) > 1:
            self.show_weights(len(pictures), *self._place)

    def show_weights(self, styles: int, x: float, y: float) -> None:
        """Say how much of each style the point stands for; x and y are 0..1."""
        self._place = (x, y)
        weights = mixing_weights(max(1, styles), x, y)
        for (_, share), weight in zip(self._corners, weights, strict=False):
            put_text(share, f"{weight * 100:.0f} %")

    def _build_corner(self, place: int) -> tuple[Element, Element]:
        with tag("span", f"corner-style at-{place}"):
            return (tag("img", "", alt=""), tag("output", "", ""))


@dataclass(frozen=True)
class Handlers:
    """What the form does.

    Attributes:
        paint: Called with the form's fields.
        takes: What choosing a picture that is offered does.
        open_code: Called with the text of the recipe's field.
    """

    paint: Callable[[Mapping[str, Any]], Awaitable[None]]
    takes: Takes
    open_code: Callable[[str], Awaitable[None]]


class Bench:
    """The form.

    Args:
        presets: The styles on offer.
        language: The visitor's.
        handlers: What it does.

    Attributes:
        styles: What is chosen, in order: presets' names and blob hashes.
    """

    def __init__(self, presets: Mapping[str, Preset], language: str, handlers: Handlers) -> None:
        self.styles: list[str] = []
        self._presets = presets
        self._language = language
        self._own: list[str] = []
        self._unseen: set[str] = set()
        self._tiles: dict[str, Any] = {}
        self._opened: StyleOptions | None = None
        self._spoiler = False
        form = tag("form", "composer bench", autocomplete="off")
        with form.on("submit", lambda e: handlers.paint(e.args), js_handler=SUBMIT):
            self._drop = Drop(language, lambda: offer_contents(presets, handlers.takes, language))
            self._build_styles(handlers.takes)
            self._mask = MaskField(language, self._touch)
            strength_slider(language, hint=True)
            method_choice(language)
            colour_choice(language)
            self._build_knobs()
            self._build_recipe(handlers.open_code)
            tag("input", type="hidden", name="recipe", defaultValue="")
            with tag("div", "paint-bar"):
                self._problem = tag("p", "problem", role="alert")
                tag("button", "paint", say("web.paint", language), type="submit")
                tag("button", "action", self._say("strip"), type="submit", name="strip", value=STRENGTHS)
                tag("button", "action", self._say("contest"), type="submit", name="strip", value=EVERY_METHOD)
        self.choose(next(iter(presets), ""))

    @property
    def content(self) -> str:
        """Blob hash of the chosen picture, or ""."""
        return self._drop.picture

    def read(self, fields: Mapping[str, Any]) -> Wanted:
        """What the form asks for; a recipe that was opened and not touched since is taken to the letter.

        Raises:
            UserError: ``style_missing`` or ``option_out_of_range``.
        """
        if not self.styles:
            raise UserError("style_missing")
        opened = self._opened if fields.get("recipe") else None
        styles = [Style(name) if name in self._presets else Style(picture=name) for name in self.styles]
        options = self._mask.over(opened or read_experiment(fields, len(styles)), fields)
        return Wanted(
            styles, options, strip=str(fields.get("strip", "")), mask=self._mask.picture, spoiler=self._spoiler
        )

    def show_content(self, digest: str) -> None:
        """Show the picture to be painted; another one's mask goes."""
        if self.content not in ("", digest):
            self._mask.clear()
        self._drop.show(digest)
        self.complain("", "paint")

    def show_style(self, digest: str, seen: bool = True) -> None:
        """Take a style picture of the visitor's own, or of a recipe that they may paint with and not see; choose it."""
        self.complain("", "style")
        if digest not in self._own:
            self._own.append(digest)
            if not seen:
                self._unseen.add(digest)
            with self._own_place:
                title = self._say("own_style_n" if seen else "recipe_style", n=len(self._own))
                self._tile(digest, title, say("web.own_style_alt", self._language), self._source(digest))
        if digest not in self.styles:
            self.choose(digest)

    def show_mask(self, digest: str) -> None:
        """Show a mask and use it."""
        self._mask.show(digest)

    def choose(self, style: str) -> None:
        """Choose a style, or take it away again."""
        if style in self.styles:
            self.styles.remove(style)
        elif len(self.styles) >= MAX_STYLES:
            self.complain(self._say("too_many"), "style")
            return
        elif style in self._tiles:
            self.styles.append(style)
        self.complain("", "style")
        self._touch()
        self._show_chosen()

    def fill(
        self,
        styles: Sequence[str],
        options: StyleOptions,
        mask: str = "",
        unseen: Collection[str] = (),
        spoiler: bool = False,
    ) -> None:
        """Set everything as a recipe says.

        Args:
            styles: Presets' names and blob hashes of pictures that this session may use; empty keeps the chosen.
            options: The recipe's.
            mask: Blob hash of its mask, or "".
            unseen: Hashes among the styles that this session may paint with and not look at.
            spoiler: Whether it is of something hidden; so is then all that comes until another recipe is opened.
        """
        self._spoiler = spoiler
        self._mask.clear()
        if mask:
            self._mask.show(mask)
        if styles:
            self.styles = []
            for style in styles:
                if style in self._presets:
                    self.styles.append(style)
                else:
                    self.show_style(style, style not in unseen)
        self._show_chosen()
        self._opened = options
        ui.run_javascript(f"playground.fill({_js(form_of(options))})")

    def mix(self, x: float, y: float) -> None:
        """Show what the pad's point stands for."""
        self._pad.show_weights(len(self.styles), x, y)

    def complain(self, sentence: str, about: str) -> None:
        """Say what is wrong, where it is wrong; see ``Composer.complain``. ``recipe`` is a place too."""
        if about == "content":
            self._drop.complain(sentence)
        elif about == "mask":
            self._mask.complain(sentence)
        else:
            places = {"style": self._style_problem, "recipe": self._recipe_problem}
            put_text(places.get(about, self._problem), sentence)

    def announce(self, sentence: str) -> None:
        """Say how a recipe was opened."""
        put_text(self._recipe_news, sentence)

    def _say(self, key: str, **values: object) -> str:
        return say(f"playground.{key}", self._language, **values)

    def _touch(self) -> None:
        """Other styles: no longer the recipe's."""
        self._opened = None

    def _show_chosen(self) -> None:
        for name, tile in self._tiles.items():
            put(tile, aria_pressed="true" if name in self.styles else "false")
        pictures = [self._source(style) for style in self.styles]
        self._pad.show_styles(pictures)

    def _source(self, style: str) -> str | None:
        if style in self._unseen:
            return None
        return thumbnail_url(style) if style in self._presets else picture_url(style)

    def _build_styles(self, takes: Takes) -> None:
        with tag("section", "part", aria_labelledby="part-style"):
            tag("h2", "step", self._say("styles"), id="part-style")
            with tag("div", "gallery", role="group", aria_labelledby="part-style"):
                own_style_tile(self._language)
                self._own_place = tag("div", "own")
                for preset in self._presets.values():
                    alt = preset.alt.get(self._language) or preset.alt.get("en", "")
                    self._tile(preset.name, preset.title(self._language), alt, thumbnail_url(preset.name))
            offer_styles(takes, self._language)
            self._style_problem = tag("p", "problem", role="alert")
            self._pad = Pad(self._language)

    def _tile(self, value: str, title: str, alt: str, source: str | None) -> None:
        tile = button("tile pick", "", lambda: self.choose(value), aria_pressed="false", title=title, data_style=value)
        self._tiles[value] = tile
        with tile:
            tag("img", "tile-picture", src=source, alt=alt, width=96, height=96)
            tag("span", "tile-title", title)

    def _build_knobs(self) -> None:
        with tag("section", "part knobs"):
            for knob in (*PICTURE_KNOBS, *SINGAN_KNOBS):
                knob_field(knob, self._language)
        with tag("details", "part more gatys-knobs"):
            tag("summary", "step", self._say("gatys"))
            tag("p", "faint only", self._say("gatys_only"))
            for knob in GATYS_KNOBS:
                knob_field(knob, self._language)
            layer_sliders(self._language)
            with tag("div", "knob"):
                with tag("label", "tick"):
                    tag("input", type="checkbox", name=TIME_LAPSE, value="on", aria_describedby="lapse-hint")
                    tag("span", "", self._say("time_lapse"))
                tag("p", "faint", self._say("time_lapse_hint"), id="lapse-hint")

    def _build_recipe(self, open_code: Callable[[str], Awaitable[None]]) -> None:
        with tag("details", "part more recipe-part"):
            tag("summary", "step", self._say("recipe"))
            tag("p", "faint", self._say("recipe_hint"))
            with tag("div", "between"):
                with tag("label", "action file", data_drop="recipe"):
                    file_input("recipe", self._say("recipe_file"))
                    tag("span", "", self._say("recipe_file"), aria_hidden="true")
                with tag("span", "code"):
                    tag("input", "knob-number", id="recipe-code", maxlength=40, aria_label=self._say("recipe_code"))
                    opened = tag("button", "action", self._say("recipe_open"), type="button")
                    opened.on(
                        "click",
                        lambda e: open_code(str(e.args)),
                        js_handler="() => emit(document.getElementById('recipe-code').value)",
                    )
            self._recipe_problem = tag("p", "problem", role="alert")
            self._recipe_news = tag("p", "notice", role="status")


def _js(fields: Mapping[str, str]) -> str:
    return json.dumps(fields).replace("<", "\\u003c")
