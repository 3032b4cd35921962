"""Settings: documented, named when wrong, silent about secrets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.settings import Settings, read_settings
from nst.errors import OperatorError

ROOT = Path(__file__).resolve().parents[2]
TESTS_ONLY = {"SHARED_DIR"}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def test_env_example_documents_each_setting_and_nothing_else() -> None:
    documented = set(re.findall(r"^([A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.M))
    assert documented == {name.upper() for name in Settings.model_fields} | TESTS_ONLY


def test_env_example_as_it_stands_gives_the_defaults(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert read_settings() == Settings(_env_file=None)  # type: ignore[call-arg]


def test_each_line_of_env_example_says_what_it_is_for() -> None:
    blocks = (ROOT / ".env.example").read_text().split("\n\n")[1:]
    assert all(block.lstrip().startswith("#") for block in blocks)


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("WEB_PORT=1234\nNST_FAST_MODEL=bundled\n")
    monkeypatch.setenv("WEB_PORT", "4321")
    settings = read_settings()
    assert (settings.web_port, settings.nst_fast_model) == (4321, "bundled")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_PORT", "http"),
        ("WEB_PORT", "70000"),
        ("TELEGRAM_API_URL", "ftp://x"),
        ("LOG_LEVEL", "LOUD"),
        ("WEB_TRUSTED_PROXIES", "nginx"),
        ("WEB_TRUSTED_PROXIES", "10.0.0.1/24"),
    ],
)
def test_a_wrong_setting_is_named_with_what_came(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(OperatorError) as caught:
        read_settings()
    assert caught.value.code == "bad_setting"
    assert caught.value.detail["setting"] == name
    assert caught.value.detail["received"] == value
    assert caught.value.detail["allowed"]


def test_secrets_are_in_no_error_and_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "htp://:hunter2@host")
    with pytest.raises(OperatorError) as caught:
        read_settings()
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@host")
    monkeypatch.setenv("DISCORD_TOKEN", "discord-secret")
    monkeypatch.setenv("TELEGRAM_TOKEN", "12:telegram-secret")
    shown = repr(read_settings())
    assert not {word for word in ("hunter2", "discord-secret", "telegram-secret") if word in shown}


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_settings().trusted_proxies == ()
    monkeypatch.setenv("WEB_TRUSTED_PROXIES", "127.0.0.1, 172.18.0.0/16,::1")
    assert [str(network) for network in read_settings().trusted_proxies] == ["127.0.0.1/32", "172.18.0.0/16", "::1/128"]
