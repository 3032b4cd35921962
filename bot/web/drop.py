"""Where a photo comes in: dropped, pasted, chosen, or whatever else a page offers below."""

from __future__ import annotations

from collections.abc import Callable

from nicegui.element import Element

from bot.texts import say
from bot.web.markup import picture_url, put, put_text, tag
from nst.image_header import DEFAULT_LIMITS

_ACCEPT = "image/*,.heic,.heif,.avif,video/mp4,video/quicktime,video/webm"


class Drop:
    """The picture to be painted.

    Args:
        language: The visitor's.
        offer: Builds what else there is to choose from, below the place for one's own picture.

    Attributes:
        picture: Blob hash of the chosen picture, or "".
    """

    def __init__(self, language: str, offer: Callable[[], None]) -> None:
        self.picture = ""
        self._language = language
        with tag("section", "part", aria_labelledby="part-picture"):
            tag("h2", "step", self._say("your_picture"), id="part-picture")
            self._build_zone()
            self._problem = tag("p", "problem", role="alert")
            offer()

    def show(self, digest: str) -> None:
        """Show the picture to be painted."""
        self.picture = digest
        put(self._shown, src=picture_url(digest))
        self._zone.classes("filled")
        self.complain("")

    def complain(self, sentence: str) -> None:
        """Say what is wrong with a picture; "" takes it back."""
        put_text(self._problem, sentence)

    def _say(self, key: str) -> str:
        return say(f"web.{key}", self._language)

    def _build_zone(self) -> None:
        with tag("label", "drop", data_drop="content") as self._zone:
            file_input("content", self._say("your_picture"))
            self._shown = tag("img", "chosen", alt=self._say("content_alt"), data_moves="maybe")
            with tag("span", "invitation"):
                tag("span", "invitation-mark", aria_hidden="true")
                tag("strong", "", self._say("drop_here"))
                tag("span", "", self._say("drop_or"))
            tag("span", "replace", self._say("other_picture"), aria_hidden="true")
            tag("span", "busy", self._say("moment"), role="status")


def file_input(role: str, name: str, **attributes: object) -> Element:
    """An input for a picture's file; the script sends what is chosen.

    Args:
        role: What it is for: ``content``, ``style`` or ``recipe``.
        name: What a screen reader calls it.
        attributes: Further attributes.
    """
    return tag(
        "input",
        "unseen",
        type="file",
        accept=_ACCEPT,
        data_role=role,
        data_max=DEFAULT_LIMITS.max_bytes,
        aria_label=name,
        **attributes,
    )
