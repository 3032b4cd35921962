"""The composer's form, as the browser sends it: everything in it is somebody's text until it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nst.errors import UserError
from nst.options import EXTRACTORS, GATYS_PRESETS, STARTS, StyleOptions, strength_from_percent


# The pad of the style mixer: up to four styles around a square, and a point that says how much of each.
#
# two      A ─────── B          three    A ── B          four    A ── B
#          only x counts                 └ C ┘                   C ── D
def mixing_weights(styles: int, x: float, y: float) -> tuple[float, ...]:
    """The styles' weights at a point of the pad.

    Args:
        styles: One to four.
        x: 0 is left, 1 is right.
        y: 0 is top, 1 is bottom.

    Returns:
        One weight per style, 0..1, summing to 1: bilinear in x and y; with three styles, the third one has the
        whole lower edge.
    """
    left, right, top = 1 - x, x, 1 - y
    if styles == 1:
        weights: tuple[float, ...] = (1.0,)
    elif styles == 2:
        weights = (left, right)
    elif styles == 3:
        weights = (left * top, right * top, y)
    else:
        weights = (left * top, right * top, left * y, right * y)
    return tuple(round(weight, 4) for weight in weights)


def mixing_place(weights: tuple[float, ...]) -> tuple[float, float]:
    """A point of the pad for weights that came from elsewhere, such as a recipe.

    Args:
        weights: One to four, normalised or not, not all 0.

    Returns:
        ``(x, y)``; exact for weights that the pad can give, near for others.
    """
    shares = [weight / sum(weights) for weight in weights]
    shares += [0.0] * (4 - len(shares))
    if len(weights) == 3:
        upper = shares[0] + shares[1]
        return (shares[1] / upper if upper else 0.5, shares[2])
    return (shares[1] + shares[3], shares[2] + shares[3] if len(weights) > 2 else 0.5)


# The playground's options as a table: what a knob is called, where it ends, and what it does to ``StyleOptions``.
@dataclass(frozen=True)
class Knob:
    """A number with a logarithmic slider, or a choice.

    Attributes:
        name: Of the form's field and of its sentences in the ``playground`` table.
        option: The ``StyleOptions`` attribute.
        low: Smallest number on the slider.
        high: Largest number on the slider; the field takes all that the option takes.
        whole: Whether only whole numbers count.
        choices: For a choice; none for a number.
        optional: Whether "automatic" (an empty field) is allowed.
    """

    name: str
    option: str
    low: float = 0
    high: float = 0
    whole: bool = False
    choices: tuple[str, ...] = ()
    optional: bool = False

    def read(self, fields: Mapping[str, Any]) -> Any:
        """The option's value in a form.

        Raises:
            UserError: ``option_out_of_range`` for what is no number.
        """
        default = getattr(StyleOptions(), self.option)
        text = str(fields.get(self.name, "") or "").strip()[:40]
        if not text:
            return default
        if self.choices:
            return text
        try:
            number = float(text)
        except ValueError:
            raise UserError(
                "option_out_of_range", {"option": self.option, "received": text, "allowed": "a number"}
            ) from None
        return int(number) if self.whole and number.is_integer() else number

    def write(self, options: StyleOptions) -> str:
        """The inverse of ``read``: the field's text."""
        value = getattr(options, self.option)
        if value is None:
            return ""
        return f"{value:.12g}" if isinstance(value, float) else str(value)


PICTURE_KNOBS = (
    Knob("size", "max_side_px", 64, 4096, whole=True),
    Knob("scale", "style_scale", 0.25, 4),
    Knob("seed", "seed", 1, 10_000, whole=True),
)
GATYS_KNOBS = (
    Knob("steps", "steps", 1, 10_000, whole=True, optional=True),
    Knob("extractor", "extractor", choices=EXTRACTORS, optional=True),
    Knob("preset", "gatys_preset", choices=GATYS_PRESETS),
    Knob("start", "start", choices=STARTS),
    Knob("content_weight", "content_weight", 0.001, 1000, optional=True),
    Knob("style_weight", "style_weight", 0.001, 1000, optional=True),
    Knob("tv_weight", "total_variation_weight", 0.0001, 10, optional=True),
)
SINGAN_KNOBS = (Knob("start_scale", "start_scale", 1, 16, whole=True, optional=True),)
KNOBS = (*PICTURE_KNOBS, *GATYS_KNOBS, *SINGAN_KNOBS)


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


# The playground's form, as the browser sends it, and as a recipe fills it.
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
