"""What a form asks for, and what every form can do, whichever page it is on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.chat.service import Style
from bot.web.all_methods import contest
from nst.options import StyleOptions

STRIP_STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
STRENGTHS, EVERY_METHOD = "strengths", "methods"  # what a strip may show


@dataclass(frozen=True)
class Wanted:
    """What a form asks for.

    Attributes:
        styles: One to four.
        options: The rest.
        strip: ``STRENGTHS`` for five strengths from none to all, ``EVERY_METHOD`` for all, or "" for one picture.
        mask: Blob hash of a mask, or "".
        spoiler: Whether the recipe that filled the form was of something hidden: its code says so again.
    """

    styles: Sequence[Style]
    options: StyleOptions
    strip: str = ""
    mask: str = ""
    spoiler: bool = False

    def each(self) -> tuple[StyleOptions, ...]:
        """The options of every job."""
        if self.strip == EVERY_METHOD:
            return contest(self.options)
        if self.strip != STRENGTHS:
            return (self.options,)
        return tuple(self.options.replace(strength=strength) for strength in STRIP_STRENGTHS)


class Desk(Protocol):
    """A page's form."""

    @property
    def content(self) -> str:
        """Blob hash of the chosen picture, or ""."""

    def read(self, fields: Mapping[str, Any]) -> Wanted:
        """What the form's fields ask for."""

    def show_content(self, digest: str) -> None:
        """Show the picture to be painted."""

    def show_style(self, digest: str) -> None:
        """Show a style picture of the visitor's own and choose it."""

    def show_mask(self, digest: str) -> None:
        """Show a mask and use it."""

    def complain(self, sentence: str, about: str) -> None:
        """Say what is wrong, where it is wrong."""
