"""Fields of the forms: plain inputs with their words, no component library."""

from __future__ import annotations

import importlib.util
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nicegui.element import Element

from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.elements import button, picture_url, put, put_text, tag, thumbnail_url
from bot.web.form.parsing import LAYERS, Knob, layer_field
from nst.options import COLOURS, METHODS, StyleOptions
from nst.pictures.header import DEFAULT_LIMITS

# Photographs for somebody who has none at hand: scikit-image's, where that is installed.
# By their authors in the public domain or CC0; scikit-image's data/README.txt names them.
_NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@cache
def _folder() -> Path | None:
    """Where they are. The package is found, not imported: it would bring NumPy along."""
    spec = importlib.util.find_spec("skimage")
    return Path(spec.origin).parent / "data" if spec and spec.origin else None


@cache
def sample_names() -> tuple[str, ...]:
    """Names of the samples that are here; empty where there are none."""
    return tuple(name for name in _NAMES if sample_photograph(name))


@cache
def sample_photograph(name: str) -> Path | None:
    """A sample's file, or None."""
    folder = _folder()
    if folder is None or name not in _NAMES:
        return None
    return next((path for ending in ("png", "jpg") if (path := folder / f"{name}.{ending}").is_file()), None)


# Where a photo comes in: dropped, pasted, chosen, or whatever else a page offers below.
_ACCEPT = "image/*,.heic,.heif,.avif,video/mp4,video/quicktime,video/webm"


class Drop:
    """The picture to be painted.

    Args:
        language: The visitor's.
        offer: Builds what else there is to choose from, below the place for one's own picture.

    Attributes:
        picture: Blob hash of the chosen picture, or "".
    """

    def __init__(self, language: str, offer: Callable[[], None]) -> None:
        self.picture = ""
        self._language = language
        with tag("section", "part", aria_labelledby="part-picture"):
            tag("h2", "step", self._say("your_picture"), id="part-picture")
            self._build_zone()
            self._problem = tag("p", "problem", role="alert")
            offer()

    def show(self, digest: str) -> None:
        """Show the picture to be painted."""
        self.picture = digest
        put(self._shown, src=picture_url(digest))
        self._zone.classes("filled")
        self.complain("")

    def complain(self, sentence: str) -> None:
        """Say what is wrong with a picture; "" takes it back."""
        put_text(self._problem, sentence)

    def _say(self, key: str) -> str:
        return say(f"web.{key}", self._language)

    def _build_zone(self) -> None:
        with tag("label", "drop", data_drop="content") as self._zone:
            file_input("content", self._say("your_picture"))
            self._shown = tag("img", "chosen", alt=self._say("content_alt"), data_moves="maybe")
            with tag("span", "invitation"):
                tag("span", "invitation-mark", aria_hidden="true")
                tag("strong", "", self._say("drop_here"))
                tag("span", "", self._say("drop_or"))
            tag("span", "replace", self._say("other_picture"), aria_hidden="true")
            tag("span", "busy", self._say("moment"), role="status")


def file_input(role: str, name: str, **attributes: object) -> Element:
    """An input for a picture's file; the script sends what is chosen.

    Args:
        role: What it is for: ``content``, ``style`` or ``recipe``.
        name: What a screen reader calls it.
        attributes: Further attributes.
    """
    return tag(
        "input",
        "unseen",
        type="file",
        accept=_ACCEPT,
        data_role=role,
        data_max=DEFAULT_LIMITS.max_bytes,
        aria_label=name,
        **attributes,
    )


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


# Pictures for somebody who has none at hand: the camera, sample photographs, the presets' own pictures.
@dataclass(frozen=True)
class Takes:
    """What choosing one does.

    Attributes:
        sample: Called with a sample's name and what it is for, ``content`` or ``style``.
        preset: Called with the name of a preset whose own picture is to be painted.
    """

    sample: Callable[[str, str], Awaitable[None]]
    preset: Callable[[str], Awaitable[None]]


def offer_contents(presets: Mapping[str, Preset], takes: Takes, language: str) -> None:
    """A photo of one's own surroundings, a sample, or a preset's picture, to be painted."""
    _camera("content", language)
    _samples("content", takes, language)
    with tag("details", "more offers"):
        tag("summary", "", say("playground.presets_as_photo", language))
        with tag("div", "samples", role="group", aria_label=say("playground.presets_as_photo", language)):
            for preset in presets.values():
                label = say("playground.preset_as_photo", language, style=preset.title(language))
                _thumbnail(label, thumbnail_url(preset.name), lambda name=preset.name: takes.preset(name))  # type: ignore[misc]


def offer_styles(takes: Takes, language: str) -> None:
    """A photo of one's own surroundings or a sample, to be the style."""
    _camera("style", language)
    _samples("style", takes, language)


def _camera(role: str, language: str) -> None:
    name = say("playground.camera" if role == "content" else "playground.camera_style", language)
    with tag("label", "quiet camera"):  # phones open the camera; CSS hides it where there is a mouse
        file_input(role, name, capture="environment")
        tag("span", "", name, aria_hidden="true")


def _samples(role: str, takes: Takes, language: str) -> None:
    if not sample_names():
        return
    title = say("playground.samples" if role == "content" else "playground.samples_style", language)
    with tag("div", "samples", role="group", aria_label=title):
        tag("span", "faint", title, aria_hidden="true")
        for name in sample_names():
            subject = say(f"playground.subject_{name}", language)
            key = "playground.sample" if role == "content" else "playground.sample_as_style"
            label = say(key, language, subject=subject)
            _thumbnail(label, f"/samples/{name}", lambda name=name: takes.sample(name, role))  # type: ignore[misc]


def _thumbnail(label: str, source: str, chosen: Callable[[], Awaitable[None]]) -> None:
    with button("sample", "", chosen, aria_label=label, title=label):
        tag("img", "", src=source, alt="", width=56, height=56, loading="lazy")


# Where a form takes a mask: folded away, since few want one.
REGIONS = ("subject", "background")


class MaskField:
    """A mask, and what of the photo it leaves to be painted.

    Args:
        language: The visitor's.
        changed: Told when the mask comes or goes.

    Attributes:
        picture: Blob hash of the mask, or "".
    """

    def __init__(self, language: str, changed: Callable[[], None] = lambda: None) -> None:
        self.picture = ""
        self._language = language
        self._changed = changed
        with tag("details", "part more mask-part") as self._part:
            tag("summary", "step", self._say("mask"))
            tag("p", "faint", self._say("mask_hint"))
            with tag("div", "between"):
                with tag("label", "action file", data_drop="mask"):
                    file_input("mask", self._say("mask_file"))
                    tag("span", "", self._say("mask_file"), aria_hidden="true")
                self._shown = tag("span", "mask-shown")
            self._build_regions()
            self._problem = tag("p", "problem", role="alert")

    def show(self, digest: str) -> None:
        """Take a mask."""
        self.picture = digest
        self._shown.clear()
        with self._shown:
            tag("img", "mask-picture", src=picture_url(digest), alt=self._say("mask_alt"))
            button("quiet", self._say("mask_remove"), self.clear)
        self._part._props["open"] = True
        self._part.update()
        self.complain("")
        self._changed()

    def clear(self) -> None:
        """Take it away again."""
        if self.picture:
            self.picture = ""
            self._shown.clear()
            self._changed()

    def complain(self, sentence: str) -> None:
        """Say what is wrong with a mask; "" takes it back."""
        put_text(self._problem, sentence)

    def over(self, options: StyleOptions, fields: Mapping[str, Any]) -> StyleOptions:
        """The options with what is to be painted, where there is a mask.

        Args:
            options: The rest of the form.
            fields: ``region`` is one of ``REGIONS``.

        Raises:
            UserError: ``option_out_of_range``.
        """
        return options.replace(region=str(fields.get("region", "subject"))[:40]) if self.picture else options

    def _say(self, key: str) -> str:
        return say(f"web.{key}", self._language)

    def _build_regions(self) -> None:
        with tag("fieldset", "regions"):
            tag("legend", "unseen", self._say("region"))
            with tag("div", "segments"):
                for name in REGIONS:
                    with tag("label", "segment"):
                        tag("input", "unseen", type="radio", name="region", value=name, checked=name == "subject")
                        tag("span", "", self._say(f"region_{name}"))
