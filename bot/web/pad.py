"""The mixer's pad on the page: styles around a square, a point to drag, and two sliders for keys."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui.element import Element

from bot.texts import say
from bot.web.markup import put, put_text, tag
from bot.web.mixing import mixing_weights
from nst.options import MAX_STYLES


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
