"""What the buttons under a result mean. The same on every platform, and pure: job in, options out."""

from __future__ import annotations

from enum import StrEnum

from nst.options import StyleOptions
from nst.pictures.clip_header import MEDIA_TYPES

STRENGTH_STEP = 0.2
CLIPS = frozenset(MEDIA_TYPES.values())
STRIP_STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)
_SEEDLESS = frozenset({"fast", "palette", "auto"})  # no seed changes what these paint, or hardly


class Button(StrEnum):
    """A button under a result; its value goes into a platform's callback data."""

    WEAKER = "weaker"
    STRONGER = "stronger"
    STRIP = "strip"
    COLOURS = "colours"
    REFINE = "refine"
    AGAIN = "again"
    TIME_LAPSE = "time_lapse"


def vary(options: StyleOptions, button: Button) -> tuple[StyleOptions, ...]:
    """The options of the jobs that a button starts.

    Args:
        options: The options of the result under which the button is.
        button: Which one was pressed.

    Returns:
        One set of options, or five for the strip.
    """
    if button is Button.STRIP:
        return tuple(options.replace(strength=strength, time_lapse=False) for strength in STRIP_STRENGTHS)
    return (_vary_once(options, button),)


def _vary_once(options: StyleOptions, button: Button) -> StyleOptions:
    if button is Button.WEAKER:
        return options.replace(strength=round(max(0.0, options.strength - STRENGTH_STEP), 4))
    if button is Button.STRONGER:
        return options.replace(strength=round(min(1.0, options.strength + STRENGTH_STEP), 4))
    if button is Button.COLOURS:
        return options.replace(colours="keep" if options.colours == "style" else "style")
    if button is Button.REFINE:
        return options.replace(method="gatys")
    if button is Button.TIME_LAPSE:
        return options.replace(time_lapse=True)
    return options.replace(seed=(options.seed + 1) % 2**31)


def offered(options: StyleOptions, media_type: str = "") -> tuple[Button, ...]:
    """The buttons that make sense under a result: none that would give the same picture again.

    Args:
        options: The result's.
        media_type: Its type; what would make stills of a clip is left out.
    """
    useless = {Button.STRIP, Button.REFINE} if media_type in CLIPS else set()
    if options.strength <= 0:
        useless.add(Button.WEAKER)
    if options.strength >= 1:
        useless.add(Button.STRONGER)
    if options.method == "gatys":
        useless.add(Button.REFINE)
        useless |= {Button.TIME_LAPSE} if options.time_lapse or not options.strength else set()
    else:
        useless.add(Button.TIME_LAPSE)
    if options.method in _SEEDLESS:
        useless.add(Button.AGAIN)
    return tuple(button for button in Button if button not in useless)
