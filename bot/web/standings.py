"""How a job stands, as a fraction."""

from __future__ import annotations

from bot.service import Standing
from workers.contract import Event


def fraction_of(event: Event | None) -> float:
    """How much is done, 0..1."""
    return event.fraction if event and event.state == "running" else 0.0


def running(event: Event) -> Standing:
    """The standing that a progress event stands for."""
    return Standing(event, None, event.eta_s if event.eta_s >= 0 else None)
