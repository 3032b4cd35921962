"""Where a photo comes in: dropped, pasted, chosen, taken with a camera, or one of the samples."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nicegui.element import Element

from bot.texts import say
from bot.web.markup import button, picture_url, put, put_text, tag
from bot.web.samples import sample_names
from nst.image_header import DEFAULT_LIMITS

_ACCEPT = "image/*,.heic,.heif,.avif,video/mp4,video/quicktime"


class Drop:
    """The picture to be painted.

    Args:
        language: The visitor's.
        take_sample: Called with a sample's name.
        playful: With a camera, and all samples to choose from.

    Attributes:
        picture: Blob hash of the chosen picture, or "".
    """

    def __init__(self, language: str, take_sample: Callable[[str], Awaitable[None]], playful: bool = False) -> None:
        self.picture = ""
        self._language = language
        with tag("section", "part", aria_labelledby="part-picture"):
            tag("h2", "step", self._say("your_picture"), id="part-picture")
            self._build_zone()
            self._problem = tag("p", "problem", role="alert")
            if playful:
                self._build_camera()
                self._build_samples(take_sample)
            elif sample_names():
                button("quiet", self._say("sample"), lambda: take_sample(sample_names()[0]))

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
            self._shown = tag("img", "chosen", alt=self._say("content_alt"))
            with tag("span", "invitation"):
                tag("span", "invitation-mark", aria_hidden="true")
                tag("strong", "", self._say("drop_here"))
                tag("span", "", self._say("drop_or"))
            tag("span", "replace", self._say("other_picture"), aria_hidden="true")
            tag("span", "busy", self._say("moment"), role="status")

    def _build_camera(self) -> None:
        name = say("playground.camera", self._language)
        with tag("label", "quiet camera"):  # phones open the camera; CSS hides it where there is a mouse
            file_input("content", name, capture="environment")
            tag("span", "", name, aria_hidden="true")

    def _build_samples(self, take_sample: Callable[[str], Awaitable[None]]) -> None:
        if not sample_names():
            return
        with tag("div", "samples", role="group", aria_label=say("playground.samples", self._language)):
            tag("span", "faint", say("playground.samples", self._language), aria_hidden="true")
            for name in sample_names():
                self._build_sample(name, take_sample)

    def _build_sample(self, name: str, take_sample: Callable[[str], Awaitable[None]]) -> None:
        label = say(f"playground.sample_{name}", self._language)
        with button("sample", "", lambda: take_sample(name), aria_label=label, title=label):
            tag("img", "", src=f"/samples/{name}", alt="", width=56, height=56)


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
