"""What the explanations are about: a photo and a style; a ``wanted.Desk``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.presets.catalogue import Preset
from bot.service import Style
from bot.texts import say
from bot.web.composer import own_style_tile
from bot.web.drop import Drop
from bot.web.markup import button, picture_url, put, put_text, tag, thumbnail_url
from bot.web.offers import Takes, offer_contents, offer_styles
from bot.web.wanted import Wanted
from nst.errors import UserError
from nst.options import StyleOptions

# Small and short: a sheet has up to seven pictures, and is made in one go (docs/adr/0010).
_OPTIONS = StyleOptions(method="gatys", max_side_px=192, steps=40)


class Subject:
    """The photo and the style.

    Args:
        presets: The styles on offer.
        language: The visitor's.
        takes: What choosing a picture that is offered does.
    """

    def __init__(self, presets: Mapping[str, Preset], language: str, takes: Takes) -> None:
        self._presets = presets
        self._language = language
        self._tiles: dict[str, Any] = {}
        self._chosen = ""
        self._drop = Drop(language, lambda: offer_contents(presets, takes, language))
        with tag("section", "part", aria_labelledby="part-style"):
            tag("h2", "step", say("web.style", language), id="part-style")
            with tag("div", "gallery", role="group", aria_labelledby="part-style"):
                own_style_tile(language)
                self._own = tag("div", "own")
                for preset in presets.values():
                    alt = preset.alt.get(language) or preset.alt.get("en", "")
                    self._tile(preset.name, preset.title(language), alt, thumbnail_url(preset.name))
            offer_styles(takes, language)
            self._style_problem = tag("p", "problem", role="alert")
        self._problem = tag("p", "problem", role="alert")
        self.choose(next(iter(presets), ""))

    @property
    def content(self) -> str:
        """Blob hash of the chosen picture, or ""."""
        return self._drop.picture

    def read(self, fields: Mapping[str, Any]) -> Wanted:
        """The style and the options of a sheet; there are no fields.

        Raises:
            UserError: ``image_missing`` or ``style_missing``.
        """
        if not self.content:
            raise UserError("image_missing")
        if not self._chosen:
            raise UserError("style_missing")
        preset = self._chosen in self._presets
        return Wanted([Style(self._chosen) if preset else Style(picture=self._chosen)], _OPTIONS)

    def choose(self, style: str) -> None:
        """Choose a style: a preset's name or a picture's hash."""
        self._chosen = style
        for name, tile in self._tiles.items():
            put(tile, aria_pressed="true" if name == style else "false")

    def show_content(self, digest: str) -> None:
        """Show the picture to be explained."""
        self._drop.show(digest)
        self.complain("", "paint")

    def show_style(self, digest: str) -> None:
        """Take a style picture of the visitor's own, and choose it."""
        self.complain("", "style")
        if digest not in self._tiles:
            with self._own:
                title, alt = (say(f"web.{key}", self._language) for key in ("own_style_short", "own_style_alt"))
                self._tile(digest, title, alt, picture_url(digest))
        self.choose(digest)

    def show_mask(self, digest: str) -> None:
        """Explanations are of whole pictures: there is no place for one here."""

    def complain(self, sentence: str, about: str) -> None:
        """Say what is wrong, where it is wrong; see ``Composer.complain``."""
        if about == "content":
            self._drop.complain(sentence)
        else:
            put_text(self._style_problem if about == "style" else self._problem, sentence)

    def _tile(self, value: str, title: str, alt: str, source: str) -> None:
        tile = button("tile pick", "", lambda: self.choose(value), aria_pressed="false", title=title, data_style=value)
        self._tiles[value] = tile
        with tile:
            tag("img", "tile-picture", src=source, alt=alt, width=96, height=96)
            tag("span", "tile-title", title)
