"""Buttons under a result."""

from __future__ import annotations

from bot.chat.variations import Button, offered, vary
from nst.options import StyleOptions


def test_strength_steps_stay_in_range() -> None:
    assert [o.strength for o in vary(StyleOptions(strength=0.9), Button.STRONGER)] == [1.0]
    assert [o.strength for o in vary(StyleOptions(strength=0.1), Button.WEAKER)] == [0.0]


def test_the_strip_is_five_strengths_of_the_same_picture() -> None:
    base = StyleOptions(strength=0.3, seed=5, colours="keep")
    strip = vary(base, Button.STRIP)
    assert [o.strength for o in strip] == [0.2, 0.4, 0.6, 0.8, 1.0]
    assert {o.replace(strength=0.3) for o in strip} == {base}


def test_colours_go_on_and_off() -> None:
    (kept,) = vary(StyleOptions(), Button.COLOURS)
    (back,) = vary(kept, Button.COLOURS)
    assert (kept.colours, back.colours) == ("keep", "style")


def test_again_changes_the_seed_and_refine_the_method() -> None:
    assert vary(StyleOptions(seed=4), Button.AGAIN)[0].seed == 5
    assert vary(StyleOptions(), Button.REFINE)[0].method == "gatys"


def test_no_button_is_offered_that_would_give_the_same_picture() -> None:
    for options in (StyleOptions(strength=s, method=m) for s in (0.0, 0.5, 1.0) for m in ("fast", "gatys", "patches")):
        for button in offered(options):
            assert any(varied != options for varied in vary(options, button))
    assert Button.STRONGER not in offered(StyleOptions(strength=1.0))
    assert Button.REFINE not in offered(StyleOptions(method="gatys"))
    assert [Button.AGAIN in offered(StyleOptions(method=m)) for m in ("palette", "patches")] == [False, True]


def test_a_time_lapse_is_offered_once_where_there_are_steps() -> None:
    gatys = StyleOptions(method="gatys")
    assert Button.TIME_LAPSE in offered(gatys)
    (filmed,) = vary(gatys, Button.TIME_LAPSE)
    assert filmed == gatys.replace(time_lapse=True)
    assert Button.TIME_LAPSE not in (*offered(filmed), *offered(StyleOptions()), *offered(gatys.replace(strength=0.0)))
    assert not any(options.time_lapse for options in vary(filmed, Button.STRIP))


def test_a_clip_offers_nothing_that_would_make_stills_of_it() -> None:
    for media_type in ("image/gif", "image/webp", "video/mp4"):
        assert not {Button.STRIP, Button.REFINE} & set(offered(StyleOptions(strength=0.5), media_type))
    assert {Button.STRIP, Button.REFINE} <= set(offered(StyleOptions(strength=0.5), "image/jpeg"))
