"""A recipe in words: ``great-wave 70 gatys keep-colours``. One parser and one printer for every chat.

command  = style [style …] [word …]
style    = preset name [":" weight]          great-wave   great-wave:2 mosaic:1
word     = 0…100                             strength
         | fast | gatys | palette | patches | singan | auto  method
         | keep-colours | match-colours      colours (also -colors)
         | still                             the first frame of a clip only
         | subject | background              what a mask shows, or all but that
         | spoiler                           the result is hidden until somebody wants to see it
         | time-lapse                        a film of how Gatys got there, which it chooses
         | 1024px                            longest side
         | seed=7 | steps=200 | scale=0.5    the rest by name
         | start-scale=3                     where SinGAN puts the content in
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nst.errors import UserError
from nst.options import MAX_STYLES, METHODS, REGIONS, StyleOptions, strength_from_percent

_SPOILER = "spoiler"
_LINKS = ("http://", "https://")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?%?$")
_NAMED = re.compile(r"^(seed|steps|scale|start-scale)=(.+)$")
_COLOURS = {"keep-colours": "keep", "keep-colors": "keep", "match-colours": "match", "match-colors": "match"}
_OPTION_OF = {"seed": "seed", "steps": "steps", "scale": "style_scale", "start-scale": "start_scale"}


@dataclass(frozen=True)
class StyleCommand:
    """What somebody asked for in words.

    Attributes:
        presets: Names of presets; empty where a picture is the style.
        options: Everything else, with the weights of the presets.
        spoiler: Whether the result is to be hidden.
    """

    presets: tuple[str, ...]
    options: StyleOptions
    spoiler: bool = False

    @property
    def masked(self) -> bool:
        """Whether the words speak of a mask."""
        return self.options.region != "everything"


def parse_style_command(text: str, presets: Collection[str], defaults: StyleOptions | None = None) -> StyleCommand:
    """Read a recipe in words.

    Args:
        text: The words after the command's name.
        presets: Names of all presets there are.
        defaults: Options that words may change.

    Raises:
        UserError: ``style_unknown``, ``too_many_styles`` or ``option_out_of_range``.
    """
    names: list[str] = []
    weights: list[float] = []
    changes: dict[str, Any] = {}
    said = text.lower().split()
    for word in said:
        if word == _SPOILER or word.startswith(_LINKS):
            continue  # links are pictures, which the chat finds by itself
        option = _option(word)
        if option:
            changes |= option
        else:
            name, weight = _style(word, presets)
            names.append(name)
            weights.append(weight)
    if changes.get("time_lapse"):
        changes.setdefault("method", "gatys")
    if len(names) > MAX_STYLES:
        raise UserError("too_many_styles", {"received": len(names), "allowed": MAX_STYLES})
    if len(set(weights)) > 1:
        changes["style_weights"] = tuple(weights)
    return StyleCommand(tuple(names), (defaults or StyleOptions()).replace(**changes), _SPOILER in said)


def format_style_command(presets: Collection[str], options: StyleOptions, spoiler: bool = False) -> str:
    """The words that ``parse_style_command`` reads back to the same presets, options and hiding."""
    words = list(presets)
    if options.style_weights and len(options.style_weights) == len(words):
        words = [f"{name}:{weight:g}" for name, weight in zip(words, options.style_weights, strict=True)]
    words.append(f"{options.strength * 100:g}")
    words.append(options.method)
    if options.colours != "style":
        words.append(f"{options.colours}-colours")
    plain = StyleOptions()
    if not options.animate:
        words.append("still")
    if options.region != "everything":
        words.append(options.region)
    if options.time_lapse:
        words.append("time-lapse")
    if spoiler:
        words.append(_SPOILER)
    if options.max_side_px != plain.max_side_px:
        words.append(f"{options.max_side_px}px")
    words += [
        f"{word}={getattr(options, name):g}"
        for word, name in _OPTION_OF.items()
        if getattr(options, name) != getattr(plain, name)
    ]
    return " ".join(words)


def _option(word: str) -> dict[str, Any]:
    if word in METHODS:
        return {"method": word}
    if word == "still":
        return {"animate": False}
    if word in ("time-lapse", "timelapse"):
        return {"time_lapse": True}
    if word in REGIONS:
        return {"region": word}
    if word in _COLOURS:
        return {"colours": _COLOURS[word]}
    if _NUMBER.match(word):
        return {"strength": strength_from_percent(float(word.removesuffix("%")))}
    if re.fullmatch(r"\d+px", word):
        return {"max_side_px": _number("max_side_px", word[:-2])}
    named = _NAMED.match(word)
    return {_OPTION_OF[named[1]]: _number(named[1], named[2])} if named else {}


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise UserError("option_out_of_range", {"option": name, "received": text[:40], "allowed": "a number"}) from None
    return int(value) if name != "scale" and value.is_integer() else value


def _style(word: str, presets: Collection[str]) -> tuple[str, float]:
    name, _, weight = word.partition(":")
    return find_preset(name, presets), _number("weight", weight) if weight else 1.0


def is_file(style: str) -> bool:
    """Whether a word names a style's picture, not a preset: a file does, a folder of a preset's name does not."""
    return os.path.isfile(style) or Path(style).suffix != "" or "/" in style or style == "-"


def find_preset(name: str, presets: Collection[str]) -> str:
    """A preset by its name, or by a beginning that only one name has.

    Raises:
        UserError: ``style_unknown`` with the names there are.
    """
    wanted = name.strip().lower().replace(" ", "-").replace("_", "-")
    if wanted in presets:
        return wanted
    near = [preset for preset in presets if wanted and preset.startswith(wanted)]
    if len(near) == 1:
        return near[0]
    raise UserError("style_unknown", {"received": name[:40], "allowed": ", ".join(presets)})
