"""Where a pastiche is put together: picture, style, strength, method, and a button."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.form import COLOURS, METHODS, OWN_STYLE, SIZES_PX
from bot.web.markup import button, picture_url, put, put_text, tag, thumbnail_url
from nst.image_header import DEFAULT_LIMITS
from nst.options import StyleOptions

_ACCEPT = "image/*,.heic,.heif,.avif"
# Sends the form's fields and nothing else; the page stays.
_SUBMIT = "(e) => { e.preventDefault(); emit(Object.fromEntries(new FormData(e.target))) }"


class Composer:
    """The form.

    Args:
        presets: The styles on offer.
        language: The visitor's.
        paint: Called with the form's fields.
        take_sample: Called when the sample photograph is wanted; None hides its button.

    Attributes:
        content: Blob hash of the chosen picture, or "".
        style: Blob hash of the visitor's own style picture, or "".
    """

    def __init__(
        self,
        presets: Mapping[str, Preset],
        language: str,
        paint: Callable[[Mapping[str, Any]], Awaitable[None]],
        take_sample: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self.content = ""
        self.style = ""
        self._presets = presets
        self._language = language
        with tag("form", "composer", autocomplete="off").on("submit", lambda e: paint(e.args), js_handler=_SUBMIT):
            self._build_content(take_sample)
            self._build_style()
            self._build_strength()
            self._build_method()
            self._build_colours()
            self._build_more()
            with tag("div", "paint-bar"):
                self._problem = tag("p", "problem", role="alert")
                tag("button", "paint", self._say("paint"), type="submit")

    def show_content(self, digest: str) -> None:
        """Show the picture to be painted."""
        self.content = digest
        put(self._content_picture, src=picture_url(digest))
        self._drop.classes("filled")
        self.complain("", "content")
        self.complain("", "paint")

    def show_style(self, digest: str) -> None:
        """Show the visitor's own style picture and choose it."""
        self.style = digest
        self.complain("", "style")
        self._own.clear()  # a new radio button, since a checked attribute counts only once
        with self._own:
            self._tile(OWN_STYLE, self._say("own_style_short"), self._say("own_style_alt"), picture_url(digest), True)

    def complain(self, sentence: str, about: str) -> None:
        """Say what is wrong, where it is wrong.

        Args:
            sentence: What to say; "" takes it back.
            about: ``content``, ``style`` or ``paint``.
        """
        where = {"content": self._content_problem, "style": self._style_problem}.get(about, self._problem)
        put_text(where, sentence)

    def _say(self, key: str, **values: object) -> str:
        return say(f"web.{key}", self._language, **values)

    def _heading(self, text: str, id_: str = "") -> None:
        tag("h2", "step", text, id=id_ or None)

    def _build_content(self, take_sample: Callable[[], Awaitable[None]] | None) -> None:
        with tag("section", "part", aria_labelledby="part-picture"):
            self._heading(self._say("your_picture"), "part-picture")
            with tag("label", "drop", data_drop="content") as self._drop:
                self._file("content", self._say("your_picture"))
                self._content_picture = tag("img", "chosen", alt=self._say("content_alt"))
                with tag("span", "invitation"):
                    tag("span", "invitation-mark", aria_hidden="true")
                    tag("strong", "", self._say("drop_here"))
                    tag("span", "", self._say("drop_or"))
                tag("span", "replace", self._say("other_picture"), aria_hidden="true")
                tag("span", "busy", self._say("moment"), role="status")
            self._content_problem = tag("p", "problem", role="alert")
            if take_sample:
                button("quiet", self._say("sample"), take_sample)

    def _file(self, role: str, name: str) -> None:
        tag(
            "input",
            "unseen",
            type="file",
            accept=_ACCEPT,
            data_role=role,
            data_max=DEFAULT_LIMITS.max_bytes,
            aria_label=name,
        )

    def _build_style(self) -> None:
        with tag("section", "part", aria_labelledby="part-style"):
            self._heading(self._say("style"), "part-style")
            with tag("div", "gallery", role="radiogroup", aria_labelledby="part-style"):
                with tag("label", "tile add", data_drop="style", title=self._say("own_style")):
                    self._file("style", self._say("own_style"))
                    tag("span", "tile-picture tile-add", aria_hidden="true")
                    tag("span", "tile-title", self._say("own_style_short"))
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

    def _build_strength(self) -> None:
        with tag("section", "part"):
            with tag("div", "between"):
                tag("label", "step", self._say("strength"), for_="strength")
                tag("output", "number", "100", id="strength-shown", for_="strength")
            tag(
                "input",
                "slider",
                type="range",
                id="strength",
                name="strength",
                min=0,
                max=100,
                step=1,
                defaultValue="100",
                data_shown="strength-shown",
            )
            with tag("div", "between faint", aria_hidden="true"):
                tag("span", "", self._say("strength_low"))
                tag("span", "", self._say("strength_high"))

    def _build_method(self) -> None:
        with tag("fieldset", "part"):
            tag("legend", "step", self._say("method"))
            with tag("div", "methods"):
                for name in METHODS:
                    with tag("label", "method"):
                        self._radio("method", name)
                        with tag("span", "method-words"):
                            tag("strong", "", self._say(f"method_{name}"))
                            tag("span", "", self._say(f"method_{name}_hint"))

    def _build_colours(self) -> None:
        with tag("fieldset", "part"):
            tag("legend", "step", self._say("colours"))
            with tag("div", "segments"):
                for name in COLOURS:
                    with tag("label", "segment"):
                        self._radio("colours", name)
                        tag("span", "", self._say(f"colours_{name}"))
            tag("p", "faint", self._say("colours_hint"))

    def _radio(self, name: str, value: str) -> Element:
        first = value == getattr(StyleOptions(), name)
        return tag("input", "unseen", type="radio", name=name, value=value, checked=first)

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


def reset_file_inputs() -> None:
    """Let the same file be chosen again."""
    ui.run_javascript("studio.forgetFiles()")
