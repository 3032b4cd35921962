"""Pictures for somebody who has none at hand: the camera, sample photographs, the presets' own pictures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bot.presets.catalogue import Preset
from bot.texts import say
from bot.web.drop import file_input
from bot.web.markup import button, tag, thumbnail_url
from bot.web.samples import sample_names


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
