"""The catalogue: every code has a sentence in every language, with the same placeholders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.texts import catalogue, duration, explain, languages, nearest_language, notice, say
from nst.errors import CLASSES, UserError

ROOT = Path(__file__).resolve().parents[2]
CODES = sorted(code for cls in CLASSES for code in cls.codes)
# A file's name and place say what it is: an import machinery of its own would hide codes from the search.
SOURCES = [path for floor in ("nst", "workers", "bot") for path in sorted((ROOT / floor).rglob("*.py"))]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("code", CODES)
def test_every_error_code_has_a_sentence(code: str, language: str) -> None:
    sentence = catalogue(language)[f"error.{code}"]
    assert len(sentence) > 15
    assert sentence.rstrip()[-1] in ".!?}"


def test_no_sentence_is_left_of_a_code_that_is_gone() -> None:
    spoken = {key.removeprefix("error.") for key in catalogue("en") if key.startswith("error.")}
    assert spoken == set(CODES)


def test_every_notice_in_the_code_has_a_sentence_and_every_sentence_a_notice() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in SOURCES)
    used = set(re.findall(r'Notice\(\s*"([a-z_]+)"', text))
    spoken = {key.removeprefix("notice.") for key in catalogue("en") if key.startswith("notice.")}
    assert used <= spoken


@pytest.mark.parametrize("language", languages())
def test_languages_hold_the_same_sentences_and_placeholders(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert other.keys() == english.keys()
    for key, sentence in english.items():
        assert set(re.findall(r"{(\w+)}", sentence)) == set(re.findall(r"{(\w+)}", other[key])), key


def test_a_sentence_survives_a_missing_detail() -> None:
    assert "?" in explain(UserError("image_too_many_pixels", {"width_px": 50_000}))


def test_bytes_are_told_in_mebibytes() -> None:
    error = UserError("image_too_many_bytes", {"received_bytes": 31_457_280, "allowed_bytes": 20_971_520})
    assert explain(error).startswith("That file has 30.0 MiB; at most 20.0 MiB")


@pytest.mark.parametrize(
    ("locale", "language"), [("fr-CA", "fr"), ("fr", "fr"), ("en_GB", "en"), ("xx", "en"), (None, "en")]
)
def test_the_nearest_language_is_spoken(locale: str | None, language: str) -> None:
    assert nearest_language(locale) == language


def test_durations_are_as_exact_as_a_person_needs() -> None:
    assert [duration(s) for s in (0.2, 12.4, 200, 9000)] == ["1 s", "12 s", "3 min", "2 h"]


def test_a_notice_of_a_newer_worker_is_silent() -> None:
    assert notice("from_the_future", {}) == ""
    with pytest.raises(KeyError):
        say("error.from_the_future")
