"""The playground's options as a table: what a knob is called, where it ends, and what it does to ``StyleOptions``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst.errors import UserError
from nst.options import EXTRACTORS, GATYS_PRESETS, STARTS, StyleOptions


@dataclass(frozen=True)
class Knob:
    """A number with a logarithmic slider, or a choice.

    Attributes:
        name: Of the form's field and of its sentences in the ``playground`` table.
        option: The ``StyleOptions`` attribute.
        low: Smallest number on the slider.
        high: Largest number on the slider; the field takes all that the option takes.
        whole: Whether only whole numbers count.
        choices: For a choice; none for a number.
        optional: Whether "automatic" (an empty field) is allowed.
    """

    name: str
    option: str
    low: float = 0
    high: float = 0
    whole: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False

    def read(self, fields: Mapping[str, Any]) -> Any:
        """The option's value in a form.

        Raises:
            UserError: ``option_out_of_range`` for what is no number.
        """
        default = getattr(StyleOptions(), self.option)
        text = str(fields.get(self.name, "") or "").strip()[:40]
        if not text:
            return default
        if self.choices:
            return text
        try:
            number = float(text)
        except ValueError:
            raise UserError(
                "option_out_of_range", {"option": self.option, "received": text, "allowed": "a number"}
            ) from None
        return int(number) if self.whole and number.is_integer() else number

    def write(self, options: StyleOptions) -> str:
        """The inverse of ``read``: the field's text."""
        value = getattr(options, self.option)
        if value is None:
            return ""
        return f"{value:.12g}" if isinstance(value, float) else str(value)


PICTURE_KNOBS = (
    Knob("size", "max_side_px", 64, 4096, whole=True),
    Knob("scale", "style_scale", 0.25, 4),
    Knob("seed", "seed", 1, 10_000, whole=True),
)
GATYS_KNOBS = (
    Knob("steps", "steps", 1, 10_000, whole=True, optional=True),
    Knob("extractor", "extractor", choices=EXTRACTORS, optional=True),
    Knob("preset", "gatys_preset", choices=GATYS_PRESETS),
    Knob("start", "start", choices=STARTS),
    Knob("content_weight", "content_weight", 0.001, 1000, optional=True),
    Knob("style_weight", "style_weight", 0.001, 1000, optional=True),
    Knob("tv_weight", "total_variation_weight", 0.0001, 10, optional=True),
)
SINGAN_KNOBS = (Knob("start_scale", "start_scale", 1, 16, whole=True, optional=True),)
KNOBS = (*PICTURE_KNOBS, *GATYS_KNOBS, *SINGAN_KNOBS)
