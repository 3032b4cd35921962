"""Where a pastiche is put together: picture, style, strength, method, and a button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from bot.chat.service import Style
from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.elements import button, picture_url, put_text, tag, thumbnail_url
from bot.web.form.fields import (
    Drop,
    MaskField,
    Takes,
    colour_choice,
    file_input,
    method_choice,
    sample_names,
    strength_slider,
)
from bot.web.form.parsing import OWN_STYLE, SIZES_PX, read_form
from bot.web.form.types import Wanted
from nst.errors import UserError

# Sends the form's fields and nothing else; the page stays.
SUBMIT = "(e) => { e.preventDefault(); emit(Object.fromEntries(new FormData(e.target, e.submitter))) }"


class Composer:
    """The form.

    Args:
        presets: The styles on offer.
        language: The visitor's.
        paint: Called with the form's fields.
        takes: What choosing a sample does.

    Attributes:
        style: Blob hash of the visitor's own style picture, or "".
    """

    def __init__(
        self,
        presets: Mapping[str, Preset],
        language: str,
        paint: Callable[[Mapping[str, Any]], Awaitable[None]],
        takes: Takes,
    ) -> None:
        self.style = ""
        self._presets = presets
        self._language = language
        with tag("form", "composer", autocomplete="off").on("submit", lambda e: paint(e.args), js_handler=SUBMIT):
            self._drop = Drop(language, lambda: self._offer_sample(takes))
            self._build_style()
            self._mask = MaskField(language)
            strength_slider(language)
            method_choice(language)
            colour_choice(language)
            self._build_more()
            with tag("div", "paint-bar"):
                self._problem = tag("p", "problem", role="alert")
                tag("button", "paint", self._say("paint"), type="submit")

    @property
    def content(self) -> str:
        """Blob hash of the chosen picture, or ""."""
        return self._drop.picture

    def read(self, fields: Mapping[str, Any]) -> Wanted:
        """What the form asks for.

        Raises:
            UserError: As ``read_form``, and ``style_missing``.
        """
        order = read_form(fields)
        if not order.preset and not self.style:
            raise UserError("style_missing")
        style = Style(order.preset) if order.preset else Style(picture=self.style)
        return Wanted([style], self._mask.over(order.options, fields), mask=self._mask.picture)

    def show_content(self, digest: str) -> None:
        """Show the picture to be painted; another one's mask goes."""
        if self.content not in ("", digest):
            self._mask.clear()
        self._drop.show(digest)
        self.complain("", "paint")

    def show_style(self, digest: str) -> None:
        """Show the visitor's own style picture and choose it."""
        self.style = digest
        self.complain("", "style")
        self._own.clear()  # a new radio button, since a checked attribute counts only once
        with self._own:
            self._tile(OWN_STYLE, self._say("own_style_short"), self._say("own_style_alt"), picture_url(digest), True)

    def show_mask(self, digest: str) -> None:
        """Show a mask and use it."""
        self._mask.show(digest)

    def complain(self, sentence: str, about: str) -> None:
        """Say what is wrong, where it is wrong.

        Args:
            sentence: What to say; "" takes it back.
            about: ``content``, ``style``, ``mask`` or ``paint``.
        """
        if about == "content":
            self._drop.complain(sentence)
        elif about == "mask":
            self._mask.complain(sentence)
        else:
            put_text(self._style_problem if about == "style" else self._problem, sentence)

    def _say(self, key: str, **values: object) -> str:
        return say(f"web.{key}", self._language, **values)

    def _offer_sample(self, takes: Takes) -> None:
        if sample_names():
            button("quiet", self._say("sample"), lambda: takes.sample(sample_names()[0], "content"))

    def _build_style(self) -> None:
        with tag("section", "part", aria_labelledby="part-style"):
            tag("h2", "step", self._say("style"), id="part-style")
            with tag("div", "gallery", role="radiogroup", aria_labelledby="part-style"):
                own_style_tile(self._language)
                self._own = tag("div", "own")
                for place, preset in enumerate(self._presets.values()):
                    alt = preset.alt.get(self._language) or preset.alt.get("en", "")
                    title = preset.title(self._language)
                    self._tile(preset.name, title, alt, thumbnail_url(preset.name), place == 0)
            self._style_problem = tag("p", "problem", role="alert")

    def _tile(self, value: str, title: str, alt: str, source: str, chosen: bool) -> None:
        with tag("label", "tile", title=title):
            tag("input", "unseen", type="radio", name="preset", value=value, checked=chosen, aria_label=title)
            tag("img", "tile-picture", src=source, alt=alt, width=96, height=96)
            tag("span", "tile-title", title, aria_hidden="true")

    def _build_more(self) -> None:
        with tag("details", "part more"):
            tag("summary", "step", self._say("more"))
            with tag("div", "fields"):
                with tag("label", "field"):
                    tag("span", "", self._say("size"))
                    with tag("select", name="size"):
                        for px in (768, *(px for px in SIZES_PX if px != 768)):
                            tag("option", "", self._say("size_px", px=px), value=px)
                with tag("label", "field"):
                    tag("span", "", self._say("seed"))
                    tag("input", type="number", name="seed", min=0, max=2**31 - 1, step=1, defaultValue="0")
            tag("p", "faint", self._say("seed_hint"))
            with tag("label", "field still"):
                tag("input", type="checkbox", name="still", value="on")
                tag("span", "", self._say("still"))


def own_style_tile(language: str) -> Element:
    """The tile that takes a style picture of the visitor's own."""
    name = say("web.own_style", language)
    with tag("label", "tile add", data_drop="style", title=name) as tile:
        file_input("style", name)
        tag("span", "tile-picture tile-add", aria_hidden="true")
        tag("span", "tile-title", say("web.own_style_short", language))
    return tile


def reset_file_inputs() -> None:
    """Let the same file be chosen again."""
    ui.run_javascript("studio.forgetFiles()")
