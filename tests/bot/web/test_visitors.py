"""Who visits, and what language they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.web.shared import cookie_secret, language_of, user_of


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr-CA,fr;q=0.9,en;q=0.8", "fr"),
        ("de,en;q=0.5,fr;q=0.7", "fr"),
        ("de-DE,de;q=0.9", "en"),
        ("en-GB, fr", "en"),
        ("fr;q=0", "en"),
        ("fr;q=much, en", "en"),
        ("", "en"),
        (None, "en"),
        (",;q=,,", "en"),
    ],
)
def test_a_browsers_favourite_language_is_spoken(header: str | None, language: str) -> None:
    assert language_of(header, "en") == language


def test_the_operators_language_is_the_fall_back() -> None:
    assert language_of("de", "fr") == "fr"


def test_a_session_has_one_key_and_its_id_stays_secret() -> None:
    ann, bob = user_of({"id": "1234-ann"}), user_of({"id": "1234-bob"})
    assert ann == user_of({"id": "1234-ann"})
    assert ann is not None
    assert ann != bob
    assert "ann" not in ann


@pytest.mark.parametrize("session", [{}, {"id": ""}, {"id": 7}])
def test_no_session_no_key(session: dict[str, object]) -> None:
    assert user_of(session) is None


def test_the_cookies_key_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    first = cookie_secret(tmp_path / "data")
    assert first == cookie_secret(tmp_path / "data")
    assert first != cookie_secret(tmp_path / "other")
    (file,) = (tmp_path / "data").iterdir()
    assert file.stat().st_mode & 0o077 == 0


def test_without_a_folder_sessions_live_as_long_as_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    first = cookie_secret(tmp_path / "file")
    assert len(first) >= 32
    assert first != cookie_secret(tmp_path / "file")


def test_a_key_that_was_cut_short_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "web-secret").write_text("abc", encoding="ascii")
    assert len(cookie_secret(tmp_path)) >= 32
