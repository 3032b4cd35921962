"""Where a form takes a mask: folded away, since few want one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bot.texts import say
from bot.web.drop import file_input
from bot.web.markup import button, picture_url, put_text, tag
from nst.options import StyleOptions

REGIONS = ("subject", "background")


class MaskField:
    """A mask, and what of the photo it leaves to be painted.

    Args:
        language: The visitor's.
        changed: Told when the mask comes or goes.

    Attributes:
        picture: Blob hash of the mask, or "".
    """

    def __init__(self, language: str, changed: Callable[[], None] = lambda: None) -> None:
        self.picture = ""
        self._language = language
        self._changed = changed
        with tag("details", "part more mask-part") as self._part:
            tag("summary", "step", self._say("mask"))
            tag("p", "faint", self._say("mask_hint"))
            with tag("div", "between"):
                with tag("label", "action file", data_drop="mask"):
                    file_input("mask", self._say("mask_file"))
                    tag("span", "", self._say("mask_file"), aria_hidden="true")
                self._shown = tag("span", "mask-shown")
            self._build_regions()
            self._problem = tag("p", "problem", role="alert")

    def show(self, digest: str) -> None:
        """Take a mask."""
        self.picture = digest
        self._shown.clear()
        with self._shown:
            tag("img", "mask-picture", src=picture_url(digest), alt=self._say("mask_alt"))
            button("quiet", self._say("mask_remove"), self.clear)
        self._part._props["open"] = True
        self._part.update()
        self.complain("")
        self._changed()

    def clear(self) -> None:
        """Take it away again."""
        if self.picture:
            self.picture = ""
            self._shown.clear()
            self._changed()

    def complain(self, sentence: str) -> None:
        """Say what is wrong with a mask; "" takes it back."""
        put_text(self._problem, sentence)

    def over(self, options: StyleOptions, fields: Mapping[str, Any]) -> StyleOptions:
        """The options with what is to be painted, where there is a mask.

        Args:
            options: The rest of the form.
            fields: ``region`` is one of ``REGIONS``.

        Raises:
            UserError: ``option_out_of_range``.
        """
        return options.replace(region=str(fields.get("region", "subject"))[:40]) if self.picture else options

    def _say(self, key: str) -> str:
        return say(f"web.{key}", self._language)

    def _build_regions(self) -> None:
        with tag("fieldset", "regions"):
            tag("legend", "unseen", self._say("region"))
            with tag("div", "segments"):
                for name in REGIONS:
                    with tag("label", "segment"):
                        tag("input", "unseen", type="radio", name="region", value=name, checked=name == "subject")
                        tag("span", "", self._say(f"region_{name}"))
