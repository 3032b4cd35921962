"""Words under a picture give that very picture, or are not shown."""

from __future__ import annotations

import pytest

from bot.presets.catalogue import load_presets
from bot.web.result_card import recipe_words
from nst.options import StyleOptions

PRESETS = load_presets()


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (("mosaic",), StyleOptions(strength=0.7, colours="keep"), "mosaic 70 fast keep-colours"),
        (("mosaic", "peacock"), StyleOptions(style_weights=(0.25, 0.75)), "mosaic:0.25 peacock:0.75 100 fast"),
        (("mosaic",), StyleOptions(method="gatys", steps=200), "mosaic 100 gatys steps=200"),
        (("mosaic",), StyleOptions(method="gatys", layer_weights=(1.0, 0.5)), ""),
        (("mosaic",), StyleOptions(method="gatys", extractor="vgg16"), ""),
        (("no-longer-here",), StyleOptions(), ""),
        ((), StyleOptions(), ""),
    ],
)
def test_words_say_everything_or_nothing(names: tuple[str, ...], options: StyleOptions, words: str) -> None:
    assert recipe_words(names, options, PRESETS) == words
