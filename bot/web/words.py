"""A recipe in words, where words can say all of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.recipes import format_style_command, parse_style_command
from nst.errors import UserError
from nst.options import StyleOptions


def recipe_words(names: Sequence[str], options: StyleOptions, presets: Collection[str]) -> str:
    """The words that give the same again in a chat.

    Args:
        names: The styles' presets; empty for pictures of one's own, which have no name that could be typed.
        options: The recipe's.
        presets: Names of all presets there are.

    Returns:
        The words, or "" where they would leave something out (extractor, weights, start and the like): the code has
        it all.
    """
    if not names:
        return ""
    words = format_style_command(names, options)
    try:
        said = parse_style_command(words, presets)
    except UserError:  # a preset that is gone
        return ""
    return words if (said.presets, said.options) == (tuple(names), options) else ""
