"""The one catalogue of sentences, a TOML file per language: a third language is one file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nst.errors import BusyError, PasticheError

FALLBACK_LANGUAGE = "en"
_FOLDER = Path(__file__).parent


@cache
def languages() -> tuple[str, ...]:
    """Codes of all languages that have a file, the fall-back first."""
    found = sorted(path.stem for path in _FOLDER.glob("*.toml"))
    return (FALLBACK_LANGUAGE, *(name for name in found if name != FALLBACK_LANGUAGE))


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """All sentences of a language by key; tables are joined to ``table.key``."""
    tables = tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))
    return {f"{table}.{key}": text for table, entries in tables.items() for key, text in entries.items()}


def nearest_language(locale: str | None, default: str = FALLBACK_LANGUAGE) -> str:
    """The language to speak to somebody whose platform says ``locale`` (``fr``, ``fr-CA``, None)."""
    code = (locale or default).replace("_", "-").split("-")[0].lower()
    return code if code in languages() else default


def say(key: str, language: str = FALLBACK_LANGUAGE, /, **values: object) -> str:
    """One sentence.

    Args:
        key: ``table.key`` of the catalogue.
        language: A code of ``languages()``; others speak the fall-back.
        values: What fills the sentence's placeholders.

    Raises:
        KeyError: The catalogue has no such key: a programming error.
    """
    spoken = catalogue(language if language in languages() else FALLBACK_LANGUAGE)
    text = spoken.get(key) or catalogue(FALLBACK_LANGUAGE)[key]
    return text.format_map(_Lenient(values))


def explain(error: PasticheError, language: str = FALLBACK_LANGUAGE) -> str:
    """The sentence for an error, in the reader's language."""
    values = _readable(error.detail)
    if isinstance(error, BusyError):
        values["when"] = _when(error, language)
    right = f"right.{values.get('missing', '')}"
    if right in catalogue(FALLBACK_LANGUAGE):
        values["missing"] = say(right, language)  # as the platform's own settings call it
    return say(f"error.{error.code}", language, **values)


def as_told(error: PasticheError) -> PasticheError:
    """The error that a user is told of: to them a store that cannot save is one without room."""
    return BusyError("store_full") if error.code == "queue_cannot_save" else error


def notice(code: str, detail: Mapping[str, object], language: str = FALLBACK_LANGUAGE) -> str:
    """The sentence for a result's notice; "" for one that this release does not know."""
    key = f"notice.{code}"
    if key not in catalogue(FALLBACK_LANGUAGE):
        return ""
    return say(key, language, **detail)


def duration(seconds: float, language: str = FALLBACK_LANGUAGE) -> str:
    """``12 s``, ``3 min``, ``2 h``: as exact as a person needs."""
    for limit, unit_s, key in ((90, 1, "seconds"), (5400, 60, "minutes"), (float("inf"), 3600, "hours")):
        if seconds < limit:
            return say(f"unit.{key}", language, n=max(1, round(seconds / unit_s)))
    raise ValueError(f"not a duration: {seconds}")


def _when(error: BusyError, language: str) -> str:
    known = error.detail.get("retry_after_s")
    if known is None:
        return say("unit.later", language)
    return say("unit.in", language, duration=duration(float(known), language))


def _readable(detail: Mapping[str, object]) -> dict[str, object]:
    """Bytes as MiB and large counts with separators, so that no sentence has to compute."""
    values = dict(detail)
    for name, value in detail.items():
        if name.endswith("_bytes") and isinstance(value, int | float):
            values[name.removesuffix("_bytes") + "_mib"] = f"{value / 2**20:.1f}"
        if name.endswith("_s") and isinstance(value, int | float):
            values[name] = f"{value:.0f}"
    return values


class _Lenient(dict[str, object]):
    """A missing detail shows as "?" instead of costing the user the whole sentence."""

    def __missing__(self, key: str) -> str:
        return "?"
