"""What a user may choose: one frozen, validated value that means the same in every method.

Standard library only: frontends import this and never pay for NumPy or TensorFlow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nst.errors import UserError

METHODS = ("fast", "gatys", "palette", "patches", "singan", "auto")
ANIMATING = ("fast", "palette")  # methods that paint every frame of a clip
COLOURS = ("style", "keep", "match")
EXTRACTORS = ("vgg19", "vgg16", "inception_v3", "xception", "densenet121", "resnet50", "resnet50_v2", "bundled")
GATYS_PRESETS = ("default", "gatys2016")
STARTS = ("content", "noise", "fast")
REGIONS = ("everything", "subject", "background")
EXPLANATIONS = (
    "features",
    "grams",
    "layers",
    "reconstruction",
    "ratio",
    "histogram",
)  # sheets of ``nst.sheets.explain``
STUDIES = ("ratio", "layers", "extractors", "samples", "compare")  # sheets of ``pastiche study``
MAX_STYLES = 4

_CHOICES: dict[str, tuple[str, ...]] = {
    "method": METHODS,
    "colours": COLOURS,
    "extractor": EXTRACTORS,
    "gatys_preset": GATYS_PRESETS,
    "start": STARTS,
    "region": REGIONS,
}
_RANGES: dict[str, tuple[float, float]] = {
    "strength": (0.0, 1.0),
    "max_side_px": (64, 8192),
    "style_scale": (0.25, 4.0),
    "seed": (0, 2**31 - 1),
    "steps": (1, 10_000),
    "start_scale": (1, 16),
    "content_weight": (0.0, 1e9),
    "style_weight": (0.0, 1e9),
    "total_variation_weight": (0.0, 1e9),
}
_WHOLE = frozenset({"max_side_px", "seed", "steps", "start_scale"})
_WEIGHTS = frozenset({"style_weights", "layer_weights"})
_MOST_LAYERS = 8
_SWITCHES = ("time_lapse", "smaller_allowed")
_OPTIONAL = frozenset({"steps", "start_scale", "extractor", "content_weight", "style_weight", "total_variation_weight"})


@dataclass(frozen=True, kw_only=True)
class StyleOptions:
    """Everything besides the pictures that decides how a pastiche looks.

    Attributes:
        method: Which method makes it.
        strength: How far towards the style, 0..1 (0-100 in chat). 0 returns the content's pixels.
        style_weights: One weight per style image, any scale (normalised by the method);
            empty means equal.
        max_side_px: Longer side of the result at most; smaller pictures are not enlarged.
        colours: ``style`` takes the style's colours, ``keep`` the content's (luminance only),
            ``match`` moves the style's colours to the content's first (Gatys et al. 2016,
            "Preserving color in neural artistic style transfer").
        style_scale: Size of the style's strokes, 1 as the style picture is.
        seed: Seed of everything random.
        steps: Optimisation steps of ``gatys`` or ``patches``, or ``singan``'s iterations of training at its coarsest
            scale; None lets the method choose.
        start_scale: Where ``singan`` puts the content in, 1 (coarse: most of the style) to its finest scale; None lets
            strength choose.
        extractor: Feature extractor of ``gatys``; None takes the best that is at hand.
        gatys_preset: ``default``, or ``gatys2016`` for the paper's own set-up.
        content_weight: Alpha of the paper; None for the preset's own.
        style_weight: Beta of the paper; None for the preset's own.
        total_variation_weight: None for the preset's own.
        layer_weights: One weight per style layer of the extractor, fine to coarse, any scale; empty means equal (w_l of
            the paper).
        start: What ``gatys`` starts from.
        time_lapse: Whether ``gatys`` also hands over pictures of the way there.
        smaller_allowed: Whether ``gatys`` may work on a picture that is too large for the memory at a smaller size
            and enlarge the result; else it is refused with the size that would fit.
        animate: Whether every frame of a clip is painted; False paints its first frame, as methods do that are
            not in ``ANIMATING``.
        region: What is painted: all, or what a mask shows as the ``subject``, or all but that (docs/masks.md).

    Raises:
        UserError: ``option_out_of_range`` names the option, what came and what is allowed.
    """

    method: str = "fast"
    strength: float = 1.0
    style_weights: tuple[float, ...] = ()
    max_side_px: int = 768
    colours: str = "style"
    style_scale: float = 1.0
    seed: int = 0
    steps: int | None = None
    start_scale: int | None = None
    extractor: str | None = None
    gatys_preset: str = "default"
    content_weight: float | None = None
    style_weight: float | None = None
    total_variation_weight: float | None = None
    layer_weights: tuple[float, ...] = ()
    start: str = "content"
    time_lapse: bool = False
    smaller_allowed: bool = False
    animate: bool = True
    region: str = "everything"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        for name, (low, high) in _RANGES.items():
            _check_range(name, getattr(self, name), low, high)
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise _out_of_range(name, getattr(self, name), "true or false")
        _check_weights("style_weights", self.style_weights, MAX_STYLES)
        _check_weights("layer_weights", self.layer_weights, _MOST_LAYERS)
        if not isinstance(self.animate, bool):
            raise _out_of_range("animate", self.animate, "true, false")

    @property
    def moves(self) -> bool:
        """Whether these options paint every frame of a clip."""
        return self.animate and self.method in ANIMATING

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready, only what differs from the defaults, so that old readers meet few new names."""
        given = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        for name in _WEIGHTS & given.keys():
            given[name] = list(given[name])
        return given

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StyleOptions:
        """The inverse of ``as_dict``.

        Args:
            data: Option names and values.

        Raises:
            UserError: ``option_unknown`` or ``option_out_of_range``.
        """
        known = {f.name for f in fields(cls)}
        if not isinstance(data, Mapping):
            raise _out_of_range("options", type(data).__name__, "names with their values")
        for name in data:
            if name not in known:
                raise UserError("option_unknown", {"option": str(name)[:40], "allowed": ", ".join(sorted(known))})
        values = dict(data)
        for name in _WEIGHTS & values.keys():
            values[name] = _as_weights(name, values[name])
        return cls(**values)

    def shares(self, styles: int) -> tuple[float, ...]:
        """The styles' weights, normalised.

        Args:
            styles: How many style images there are.

        Returns:
            One share per style, summing to 1; equal ones where no weights were given.

        Raises:
            UserError: ``option_out_of_range`` where the weights are not as many as the styles.
        """
        weights = self.style_weights or (1.0,) * styles
        if len(weights) != styles:
            raise _out_of_range("style_weights", len(weights), f"{styles} weights, one per style")
        return tuple(weight / sum(weights) for weight in weights)

    def emphasis(self, layers: int) -> tuple[float, ...]:
        """How much more or less than an equal share each style layer counts.

        Args:
            layers: How many style layers the extractor has.

        Returns:
            One factor per layer, 1 on average; all 1 where no weights were given.

        Raises:
            UserError: ``option_out_of_range`` where the weights are not as many as the layers.
        """
        weights = self.layer_weights or (1.0,) * layers
        if len(weights) != layers:
            raise _out_of_range("layer_weights", len(weights), f"{layers} weights, one per style layer")
        return tuple(weight * layers / sum(weights) for weight in weights)

    def replace(self, **changes: Any) -> StyleOptions:
        """A copy with some options changed, validated again."""
        return dataclasses.replace(self, **changes)


def strength_from_percent(percent: float) -> float:
    """Strength as chat has it (0-100) to strength as code has it (0..1).

    Raises:
        UserError: ``option_out_of_range``, in chat's own scale.
    """
    if isinstance(percent, bool) or not isinstance(percent, int | float) or not 0 <= percent <= 100:
        raise _out_of_range("strength", percent, "0 to 100")
    return percent / 100


def _as_weights(name: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list | tuple):
        raise _out_of_range(name, value, "a list of numbers")
    return tuple(value)


def _out_of_range(option: str, received: object, allowed: str) -> UserError:
    shown = f"{received:g}" if isinstance(received, float) else str(received)[:40]
    return UserError("option_out_of_range", {"option": option, "received": shown, "allowed": allowed})


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value is None and name in _OPTIONAL:
        return
    if value not in choices:
        raise _out_of_range(name, value, ", ".join(choices))


def _check_range(name: str, value: object, low: float, high: float) -> None:
    if value is None and name in _OPTIONAL:
        return
    kinds: tuple[type, ...] = (int,) if name in _WHOLE else (int, float)
    # No conversion: whole numbers of any length can be compared, and a NaN is in no range.
    sound = isinstance(value, kinds) and not isinstance(value, bool) and low <= value <= high  # type: ignore[operator]
    if not sound:
        raise _out_of_range(name, value, f"{low:g} to {high:g}")


def _check_weights(name: str, weights: tuple[float, ...], most: int) -> None:
    if len(weights) > most and name == "style_weights":
        raise UserError("too_many_styles", {"received": len(weights), "allowed": most})
    if len(weights) > most:
        raise _out_of_range(name, len(weights), f"up to {most} weights")
    for weight in weights:
        _check_range(name, weight, 0.0, 1e6)
    if weights and sum(weights) <= 0:
        raise _out_of_range(name, weights, "at least one above 0")
