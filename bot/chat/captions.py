"""Sentences about jobs and results, made from what the queue says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.chat.service import Standing
from bot.presets.catalogue import Preset
from bot.texts import duration, explain, notice, say
from nst.options import StyleOptions
from workers.client.downloads import Getting
from workers.contract import Job, Result


# A result's quality card in one line, for where its recipe is shown (docs/adr/0007).
def quality_line(card: Mapping[str, Any], language: str) -> str:
    """What a card says.

    Args:
        card: From ``StyleService.quality``.
        language: Whom to speak to.

    Returns:
        One line, or "" where there is no card (yet).
    """
    if not card:
        return ""
    figures = {name: f"{card[name]:.2f}" for name in ("style_left", "content_lost", "ssim_content", "ssim_style")}
    memory = f"{card['memory_bytes'] / 2**20:.0f}"
    seconds = f"{card['seconds']:.1f}"
    return say("quality.line", language, **figures, seconds=seconds, memory=memory, evaluator=card["evaluator"])


def short_quality_line(card: Mapping[str, Any], language: str) -> str:
    """What of a card compares methods: R, LP, SSIM and seconds; says so where there is no card yet.

    Args:
        card: From ``StyleService.quality``.
        language: Whom to speak to.
    """
    if not card:
        return say("quality.to_come", language)
    figures = {name: f"{card[name]:.2f}" for name in ("style_left", "content_lost", "ssim_content")}
    return say("quality.short", language, **figures, seconds=f"{card['seconds']:.1f}")


def with_quality(text: str, card: Mapping[str, Any], language: str) -> str:
    """A recipe's text, and its result's card below where there is one."""
    return "\n".join(part for part in (text, quality_line(card, language)) if part)


def style_name(label: str, presets: Mapping[str, Preset], language: str) -> str:
    """What a style is called: presets' titles joined by " + ", or "your picture"."""
    names = [name for name in label.split(" ") if name]
    titles = [presets[name].title(language) if name in presets else name for name in names]
    return " + ".join(titles) or say("caption.own_style", language)


def caption(result: Result, presets: Mapping[str, Preset], language: str) -> str:
    """The line under a result, followed by its notices."""
    job = Job.from_json(result.job)
    first = say(
        "caption.done",
        language,
        style=style_name(job.style_label, presets, language),
        strength=percent(job.options),
    )
    return "\n".join([f"{first} · {result.method}", *notices(result, language)])


def alt_text(job: Job, presets: Mapping[str, Preset], language: str) -> str:
    """What a screen reader says of a result."""
    return say(
        "caption.alt",
        language,
        subject=say("caption.clip" if job.frames > 1 else "caption.photo", language),
        style=style_name(job.style_label, presets, language),
        strength=percent(job.options),
    )


def notices(result: Result, language: str) -> list[str]:
    """What the user should know of a result, a sentence each."""
    sentences = (notice(n["code"], n.get("detail") or {}, language) for n in result.notices)
    return [sentence for sentence in sentences if sentence]


def failure(result: Result, language: str) -> str:
    """Why there is no picture."""
    error = result.raised()
    if error is None:
        return say("progress.cancelled", language)
    error.detail.setdefault("job_id", result.job_id[:8])
    return explain(error, language)


def standing(now: Standing, language: str) -> str:
    """How a job stands, for a progress line.

    A download is told where nothing else keeps the job waiting, and a place in the line only where somebody works it
    off.

    Args:
        now: How it stands.
        language: Whom to speak to.
    """
    event, position, getting = now.event, now.position, now.getting
    running = event is not None and event.state == "running"
    if getting and (running or not now.attended or position in (None, 1)):
        return _getting(getting, language)
    if event is not None and running:
        if event.steps:
            return say("progress.running_steps", language, step=event.step, steps=event.steps)
        return say("progress.running", language, percent=round(event.fraction * 100))
    if position is None:
        return say("progress.waiting", language)
    if not now.attended:
        return say("progress.unattended", language)
    if now.eta_s is None:
        return say("progress.queued", language, position=position)
    return say("progress.queued_eta", language, position=position, eta=duration(now.eta_s, language))


def _getting(getting: Getting, language: str) -> str:
    received_mb, total_mb = (f"{size / 1e6:.0f}" for size in (getting.received_bytes, getting.total_bytes))
    if not getting.total_bytes:
        return say("progress.getting_some", language, size=received_mb)
    done = 100 * getting.received_bytes // getting.total_bytes
    return say("progress.getting", language, percent=done, size=total_mb)


def percent(options: StyleOptions) -> str:
    """Strength as chat has it."""
    return f"{options.strength * 100:g}"
