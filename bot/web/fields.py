"""Fields of the forms: plain inputs with their words, no component library."""

from __future__ import annotations

from bot.texts import say
from bot.web.experiment import LAYERS, layer_field
from bot.web.knobs import Knob
from bot.web.markup import tag
from nst.options import COLOURS, METHODS, StyleOptions


def strength_slider(language: str, hint: bool = False) -> None:
    """Strength, 0 to 100.

    Args:
        language: The visitor's.
        hint: Whether to explain it.
    """
    with tag("section", "part"):
        with tag("div", "between"):
            tag("label", "step", say("web.strength", language), for_="strength")
            tag("output", "number", "100", id="strength-shown", for_="strength")
        tag(
            "input",
            "slider",
            type="range",
            id="strength",
            name="strength",
            min=0,
            max=100,
            step=1,
            defaultValue="100",
            data_shown="strength-shown",
            aria_describedby="strength-hint" if hint else None,
        )
        with tag("div", "between faint", aria_hidden="true"):
            tag("span", "", say("web.strength_low", language))
            tag("span", "", say("web.strength_high", language))
        if hint:
            tag("p", "faint", say("playground.strength_hint", language), id="strength-hint")


def method_choice(language: str) -> None:
    """The methods, each with a line about it."""
    with tag("fieldset", "part"):
        tag("legend", "step", say("web.method", language))
        with tag("div", "methods"):
            for name in METHODS:
                with tag("label", "method"):
                    _radio("method", name)
                    with tag("span", "method-words"):
                        tag("strong", "", say(f"web.method_{name}", language))
                        tag("span", "", say(f"web.method_{name}_hint", language))


def colour_choice(language: str) -> None:
    """Whose colours."""
    with tag("fieldset", "part"):
        tag("legend", "step", say("web.colours", language))
        with tag("div", "segments"):
            for name in COLOURS:
                with tag("label", "segment"):
                    _radio("colours", name)
                    tag("span", "", say(f"web.colours_{name}", language))
        tag("p", "faint", say("web.colours_hint", language))


def knob_field(knob: Knob, language: str) -> None:
    """A knob of the playground with its explanation."""
    label, hint = (say(f"playground.{knob.name}{ending}", language) for ending in ("", "_hint"))
    with tag("div", "knob"):
        with tag("div", "between"):
            tag("label", "", label, for_=f"knob-{knob.name}")
            if not knob.choices:
                _number_field(knob, language)
        if knob.choices:
            _select(knob, language)
        else:
            _log_slider(knob, label)
        tag("p", "faint", hint, id=f"knob-{knob.name}-hint")


def layer_sliders(language: str) -> None:
    """What each style layer counts, fine to coarse."""
    with tag("fieldset", "knob layers"):
        tag("legend", "", say("playground.layers", language))
        for place in range(LAYERS):
            with tag("label", "layer"):
                tag("span", "", say("playground.layer", language, n=place + 1))
                name = layer_field(place)
                tag("input", "slider", type="range", name=name, min=0, max=100, step=1, defaultValue="100")
        tag("p", "faint", say("playground.layers_hint", language))


def _radio(name: str, value: str) -> None:
    first = value == getattr(StyleOptions(), name)
    tag("input", "unseen", type="radio", name=name, value=value, checked=first)


def _number_field(knob: Knob, language: str) -> None:
    tag(
        "input",
        "knob-number",
        type="number",
        id=f"knob-{knob.name}",
        name=knob.name,
        min=0,
        step=1 if knob.whole else "any",
        defaultValue=knob.write(StyleOptions()),
        placeholder=say("playground.automatic", language) if knob.optional else None,
        aria_describedby=f"knob-{knob.name}-hint",
    )


def _log_slider(knob: Knob, label: str) -> None:
    """Follows, and moves, the number; without a name, so that it is no field of the form."""
    tag(
        "input",
        "slider",
        type="range",
        min=0,
        max=1000,
        step=1,
        data_log_of=f"knob-{knob.name}",
        data_low=knob.low,
        data_high=knob.high,
        data_whole=knob.whole,
        aria_label=label,
        aria_describedby=f"knob-{knob.name}-hint",
    )


def _select(knob: Knob, language: str) -> None:
    with tag(
        "select", "knob-choice", name=knob.name, id=f"knob-{knob.name}", aria_describedby=f"knob-{knob.name}-hint"
    ):
        if knob.optional:
            tag("option", "", say("playground.automatic", language), value="")
        for choice in knob.choices:
            tag("option", "", say(f"playground.{knob.name}_{choice}", language), value=choice)
