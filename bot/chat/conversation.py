"""The way from pictures to an order, as a pure state machine: draft and event in, draft and action out.

    one picture ─────────────▶ STYLE ──style──▶ STRENGTH ──strength──▶ METHOD ──method──▶ ORDERED
    pictures with styles ──────────────────────▶   │  ◀────back──────────┘                  ▲
    to be mixed ─▶ MIX ──enough──▶ STRENGTH        │                                        │
                                 STYLE ◀───back────┘       STYLE ──the last choice again────┘
    a second picture while the first waits in STYLE ─▶ SECOND ──it is the style──▶ STRENGTH
                                                          ├─────it is the mask────▶ STYLE
                                                          └─────it is another one─▶ STYLE

What words have settled already ("/style 70") is not asked again. An event that does not belong to
the step (an old button) changes nothing and shows the step once more. Pictures are opaque
references here; no platform is known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from nst.options import MAX_STYLES
from workers.contract import fill, read_object


class Step(StrEnum):
    """Where a draft stands: what is asked next."""

    STYLE = "style"
    MIX = "mix"
    SECOND = "second"
    STRENGTH = "strength"
    METHOD = "method"
    ORDERED = "ordered"


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What somebody chose last: it is the first on offer next time.

    Attributes:
        presets: Names of presets; empty where their own picture was the style.
        strength: 0..1.
        method: One of ``nst.options.METHODS``.
    """

    presets: tuple[str, ...] = ()
    strength: float = 1.0
    method: str = "fast"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An order in the making.

    Attributes:
        step: What is asked next.
        content: Reference of the content image.
        presets: Names of presets chosen so far.
        pictures: References of the user's own style images.
        candidate: In SECOND: the picture of which it is asked what it is.
        mask: Reference of the mask, or "".
        chosen: Options settled so far, by the names of ``StyleOptions``.
    """

    step: Step
    content: str
    presets: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    candidate: str = ""
    mask: str = ""
    chosen: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """For a store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The inverse of ``to_json``.

        Raises:
            ContractError: It is none.
        """
        return fill(cls, read_object(text))

    def with_mask(self, mask: str, region: str) -> Draft:
        """With a mask for its content image, and what of it is to be painted."""
        return replace(self, mask=mask, chosen={**self.chosen, "region": region})

    def with_options(self, **options: Any) -> Draft:
        """With some options settled."""
        return replace(self, chosen={**self.chosen, **options})


@dataclass(frozen=True)
class StyleChosen:
    """A preset was picked."""

    preset: str


@dataclass(frozen=True)
class EnoughStyles:
    """No more presets into the mix."""


@dataclass(frozen=True)
class StrengthChosen:
    """A strength was picked, 0..1."""

    strength: float


@dataclass(frozen=True)
class MethodChosen:
    """A method was picked."""

    method: str


@dataclass(frozen=True)
class LastAgain:
    """The last choice, all of it."""

    last: Choice


@dataclass(frozen=True)
class SecondIsStyle:
    """The second picture is the first one's style."""


@dataclass(frozen=True)
class SecondIsContent:
    """The second picture is to be painted itself."""


@dataclass(frozen=True)
class SecondIsMask:
    """The second picture is the first one's mask; ``region`` is ``subject`` or ``background``."""

    region: str


@dataclass(frozen=True)
class Back:
    """One step back."""


Event = (
    StyleChosen
    | EnoughStyles
    | StrengthChosen
    | MethodChosen
    | LastAgain
    | SecondIsStyle
    | SecondIsContent
    | SecondIsMask
    | Back
)


class Action(StrEnum):
    """What the frontend does now."""

    ASK = "ask"  # show the draft's step
    ORDER = "order"


def begin(
    content: str, pictures: Sequence[str] = (), presets: Sequence[str] = (), mask: str = "", **chosen: Any
) -> Draft:
    """A draft for a picture with whatever is known of its style.

    Args:
        content: Reference of the content image.
        pictures: References of the user's own style images.
        presets: Names of presets.
        mask: Reference of the mask, or "".
        chosen: Options settled already.
    """
    draft = Draft(
        step=Step.STYLE,
        content=content,
        pictures=tuple(pictures),
        presets=tuple(presets),
        mask=mask,
        chosen=dict(chosen),
    )
    return _onward(draft) if pictures or presets else draft


def begin_mix(content: str, mask: str = "", **chosen: Any) -> Draft:
    """A draft whose presets are picked one after the other."""
    return Draft(step=Step.MIX, content=content, mask=mask, chosen=dict(chosen))


def second_picture(first: Draft, candidate: str) -> Draft:
    """A draft that asks what a second picture is; the first one's own draft stays."""
    return Draft(step=Step.SECOND, content=first.content, candidate=candidate, mask=first.mask, chosen=first.chosen)


def advance(draft: Draft, event: Event) -> tuple[Draft, Action]:
    """What an event makes of a draft.

    Args:
        draft: As it stands.
        event: What the user did.

    Returns:
        The new draft and what to do with it.
    """
    following = _next(draft, event)
    if following is None:
        return draft, Action.ASK
    return following, Action.ORDER if following.step is Step.ORDERED else Action.ASK


def _next(draft: Draft, event: Event) -> Draft | None:
    match draft.step, event:
        case Step.STYLE, StyleChosen(preset):
            return _onward(replace(draft, presets=(preset,)))
        case Step.STYLE, LastAgain(last):
            chosen = {"strength": last.strength, "method": last.method, **draft.chosen}
            return replace(draft, step=Step.ORDERED, presets=last.presets, chosen=chosen) if last.presets else None
        case Step.MIX, StyleChosen(preset):
            return _toggled(draft, preset)
        case Step.MIX, EnoughStyles():
            return _onward(draft) if draft.presets else None
        case Step.SECOND, (SecondIsStyle() | SecondIsContent() | SecondIsMask()):
            return _told_apart(replace(draft, step=Step.STYLE, candidate=""), draft.candidate, event)
        case Step.STRENGTH, StrengthChosen(strength):
            return _onward(draft.with_options(strength=strength))
        case Step.METHOD, MethodChosen(method):
            return _onward(draft.with_options(method=method))
        case ((Step.STRENGTH | Step.METHOD), Back()):
            return _back(draft)
    return None


def _told_apart(first: Draft, second: str, event: Event) -> Draft:
    """What two pictures are to each other."""
    match event:
        case SecondIsStyle():
            return _onward(replace(first, pictures=(second,)))
        case SecondIsMask(region):
            return first.with_mask(second, region)
    chosen = {name: value for name, value in first.chosen.items() if name != "region"}
    return replace(first, content=second, mask="", chosen=chosen)


def _onward(draft: Draft) -> Draft:
    """To the first step whose answer is not known."""
    if "strength" not in draft.chosen:
        return replace(draft, step=Step.STRENGTH)
    return replace(draft, step=Step.ORDERED if "method" in draft.chosen else Step.METHOD)


def _back(draft: Draft) -> Draft | None:
    chosen = {name: value for name, value in draft.chosen.items() if name not in ("strength", "method")}
    if draft.step is Step.METHOD:
        return replace(draft, step=Step.STRENGTH, chosen=chosen)
    if draft.pictures:
        return None  # the style is a picture: there is nothing to pick from
    return replace(draft, step=Step.STYLE, presets=(), chosen=chosen)


def _toggled(draft: Draft, preset: str) -> Draft | None:
    if preset in draft.presets:
        return replace(draft, presets=tuple(name for name in draft.presets if name != preset))
    return replace(draft, presets=(*draft.presets, preset)) if len(draft.presets) < MAX_STYLES else None
