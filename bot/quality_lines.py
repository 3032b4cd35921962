"""A result's quality card in one line, for where its recipe is shown (docs/adr/0007)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.texts import say


def quality_line(card: Mapping[str, Any], language: str) -> str:
    """What a card says.

    Args:
        card: From ``StyleService.quality``.
        language: Whom to speak to.

    Returns:
        One line, or "" where there is no card (yet).
    """
    if not card:
        return ""
    figures = {name: f"{card[name]:.2f}" for name in ("style_left", "content_lost", "ssim_content", "ssim_style")}
    memory = f"{card['memory_bytes'] / 2**20:.0f}"
    seconds = f"{card['seconds']:.1f}"
    return say("quality.line", language, **figures, seconds=seconds, memory=memory, evaluator=card["evaluator"])


def short_quality_line(card: Mapping[str, Any], language: str) -> str:
    """What of a card compares methods: R, LP, SSIM and seconds; says so where there is no card yet.

    Args:
        card: From ``StyleService.quality``.
        language: Whom to speak to.
    """
    if not card:
        return say("quality.to_come", language)
    figures = {name: f"{card[name]:.2f}" for name in ("style_left", "content_lost", "ssim_content")}
    return say("quality.short", language, **figures, seconds=f"{card['seconds']:.1f}")


def with_quality(text: str, card: Mapping[str, Any], language: str) -> str:
    """A recipe's text, and its result's card below where there is one."""
    return "\n".join(part for part in (text, quality_line(card, language)) if part)
