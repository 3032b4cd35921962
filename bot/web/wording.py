"""Whom cards speak to, and what their buttons do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.chat.captions import caption, failure, style_name
from bot.chat.service import Standing
from bot.chat.variations import Button
from bot.presets.catalogue import Preset
from bot.texts import say
from workers.contract import Event, Job, Result


# How a job stands, as a fraction.
def fraction_of(event: Event | None) -> float:
    """How much is done, 0..1."""
    return event.fraction if event and event.state == "running" else 0.0


def running(event: Event) -> Standing:
    """The standing that a progress event stands for."""
    return Standing(event, None, event.eta_s if event.eta_s >= 0 else None)


@dataclass(frozen=True)
class Wishes:
    """What the buttons of a card do; each is called with the card's job, ``vary`` and ``compare`` with its result.

    Attributes:
        cancel: Stop it.
        stop: Stop it with what it has so far.
        resume: Go on with it.
        vary: Start what a button stands for.
        other_style: Take its picture for another style.
        delete: Take it off the wall.
        hang: Give a strip's part a card of its own.
        share: Keep its recipe and tell its code.
        compare: Lay its result beside another; None where there is no place for that.
        quality: Tell its quality card in a line; "" where there is none.
        figures: Tell what of its quality card compares methods; None where methods are not compared.
    """

    cancel: Callable[[Job], Any]
    stop: Callable[[Job], Any]
    resume: Callable[[Job], Any]
    vary: Callable[[Result, Button], Any]
    other_style: Callable[[Job], Any]
    delete: Callable[[Job], Any]
    hang: Callable[[Job], Any]
    share: Callable[[Job], Awaitable[str]]
    compare: Callable[[Result], Any] | None = None
    quality: Callable[[Job], Awaitable[str]] | None = None
    figures: Callable[[Job], Awaitable[str]] | None = None


@dataclass(frozen=True)
class Reader:
    """Whom the words are for.

    Attributes:
        language: Theirs.
        presets: For the styles' titles.
    """

    language: str
    presets: Mapping[str, Preset]

    def say(self, key: str, **values: object) -> str:
        """A sentence of the catalogue's ``web`` table."""
        return say(f"web.{key}", self.language, **values)

    def outcome(self, result: Result) -> str:
        """What a screen reader says when a job has ended."""
        if result.outcome == "done":
            return caption(result, self.presets, self.language)
        return failure(result, self.language)

    def title(self, job: Job) -> str:
        """The style's title, such as ``Mosaic``."""
        name = style_name(job.style_label, self.presets, self.language)
        return name[:1].upper() + name[1:]
