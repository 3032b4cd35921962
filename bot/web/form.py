"""The composer's form, as the browser sends it: everything in it is somebody's text until it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst.errors import UserError
from nst.options import StyleOptions, strength_from_percent

OWN_STYLE = "own picture"  # no preset's name has a space
SIZES_PX = (512, 768, 1024, 1536, 2048)


@dataclass(frozen=True)
class Order:
    """What the form asks for.

    Attributes:
        preset: A preset's name; "" for the session's own style picture.
        options: The rest.
    """

    preset: str
    options: StyleOptions


def read_form(fields: Mapping[str, Any]) -> Order:
    """Check a form.

    Args:
        fields: Text by field name: ``preset``, ``strength`` (0-100), ``method``, ``colours``, ``size`` (px), ``seed``,
            ``still`` (``on`` for a clip's first frame only).

    Raises:
        UserError: ``style_missing``, or ``option_out_of_range`` with the option's name.
    """
    preset = fields.get("preset")
    if not isinstance(preset, str) or not preset:
        raise UserError("style_missing")
    plain = StyleOptions()
    options = StyleOptions(
        method=str(fields.get("method", plain.method))[:40],
        strength=strength_from_percent(read_number(fields, "strength", 100)),
        colours=str(fields.get("colours", plain.colours))[:40],
        max_side_px=_whole(fields, "size", plain.max_side_px),
        seed=_whole(fields, "seed", plain.seed),
        animate=fields.get("still") != "on",
    )
    return Order("" if preset == OWN_STYLE else preset, options)


def read_number(fields: Mapping[str, Any], name: str, default: float) -> float:
    """A field's number.

    Raises:
        UserError: ``option_out_of_range``.
    """
    text = str(fields.get(name, default)).strip()
    try:
        return float(text)
    except ValueError:
        raise UserError("option_out_of_range", {"option": name, "received": text[:40], "allowed": "a number"}) from None


def _whole(fields: Mapping[str, Any], name: str, default: int) -> int:
    value = read_number(fields, name, default)
    if not value.is_integer():
        raise UserError("option_out_of_range", {"option": name, "received": f"{value:g}", "allowed": "a whole number"})
    return int(value)
