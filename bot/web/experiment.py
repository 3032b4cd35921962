"""The playground's form, as the browser sends it, and as a recipe fills it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.web.form import read_number
from bot.web.knobs import GATYS_KNOBS, KNOBS, PICTURE_KNOBS, SINGAN_KNOBS
from bot.web.mixing import mixing_place, mixing_weights
from nst.options import StyleOptions, strength_from_percent

TIME_LAPSE = "time_lapse"  # a box to tick
LAYERS = 5  # of the style, in all extractors but one (densenet121 has four, and its sentence says so)


def read_experiment(fields: Mapping[str, Any], styles: int) -> StyleOptions:
    """Check a form.

    Args:
        fields: Text by field name: ``strength`` (0-100), ``method``, ``colours``, ``mix-x`` and ``mix-y`` (0-100)
            and the knobs.
        styles: How many styles are chosen.

    Raises:
        UserError: ``option_out_of_range`` with the option's name.
    """
    plain = StyleOptions()
    method = str(fields.get("method", plain.method))[:40]
    knobs = PICTURE_KNOBS + {"gatys": GATYS_KNOBS, "singan": SINGAN_KNOBS}.get(method, ())
    place = [read_number(fields, name, 50) / 100 for name in ("mix-x", "mix-y")]
    return StyleOptions(
        method=method,
        strength=strength_from_percent(read_number(fields, "strength", 100)),
        colours=str(fields.get("colours", plain.colours))[:40],
        style_weights=mixing_weights(styles, *place) if styles > 1 else (),
        layer_weights=_layer_weights(fields) if method == "gatys" else (),
        time_lapse=method == "gatys" and fields.get(TIME_LAPSE) == "on",
        **{knob.option: knob.read(fields) for knob in knobs},
    )


def form_of(options: StyleOptions) -> dict[str, str]:
    """The fields that ``read_experiment`` reads back to these options, as near as the mixer's pad can come."""
    x, y = mixing_place(options.style_weights) if options.style_weights else (0.5, 0.5)
    return {
        "method": options.method,
        "strength": f"{options.strength * 100:g}",
        "colours": options.colours,
        "mix-x": f"{x * 100:g}",
        "mix-y": f"{y * 100:g}",
        **{layer_field(place): f"{weight * 100:g}" for place, weight in enumerate(_shown_weights(options))},
        TIME_LAPSE: "on" if options.time_lapse else "",
        "region": "background" if options.region == "background" else "subject",
        **{knob.name: knob.write(options) for knob in KNOBS},
    }


def layer_field(place: int) -> str:
    """The name of a style layer's slider, 0 is the finest."""
    return f"layer-{place}"


def _layer_weights(fields: Mapping[str, Any]) -> tuple[float, ...]:
    """The sliders' weights; none where all stand alike, which says the same and suits every extractor."""
    weights = tuple(read_number(fields, layer_field(place), 100) / 100 for place in range(LAYERS))
    return weights if len(set(weights)) > 1 else ()


def _shown_weights(options: StyleOptions) -> tuple[float, ...]:
    """Where the sliders stand: the largest weight is at their end."""
    weights = options.layer_weights[:LAYERS] or (1.0,)
    shown = tuple(weight / max(weights) for weight in weights)
    return shown + (shown[-1],) * (LAYERS - len(shown))
