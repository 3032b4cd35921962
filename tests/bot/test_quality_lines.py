"""A quality card's line."""

from __future__ import annotations

from bot.chat.captions import quality_line, with_quality
from bot.texts import languages

CARD = {
    "evaluator": "bundled-extractor-0123",
    "style_left": 0.1234,
    "content_lost": 0.5,
    "ssim_content": 0.7,
    "ssim_style": 0.05,
    "seconds": 2.345,
    "memory_bytes": 512 * 2**20,
}


def test_a_line_has_all_figures_in_every_language() -> None:
    for language in languages():
        line = quality_line(CARD, language)
        for figure in ("0.12", "0.50", "0.70", "0.05", "2.3", "512", "bundled-extractor-0123"):
            assert figure in line


def test_without_a_card_nothing_is_said() -> None:
    assert quality_line({}, "en") == ""
    assert with_quality("recipe", {}, "en") == "recipe"
    assert with_quality("recipe", CARD, "en").startswith("recipe\n")
