"""The documents say what is true: links lead somewhere, commands, targets and settings exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.cli import app
from bot.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    inside = [link for link in links if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in inside if not (document.parent / link).exists()] == []


def test_every_setting_is_in_the_readme() -> None:
    shortened = {f"TELEGRAM_WEBHOOK_{rest}" for rest in ("HOST", "PORT", "SECRET")}
    settings = {name.upper() for name in Settings.model_fields} - shortened
    assert {name for name in settings if f"`{name}`" not in README} == set()


def test_commands_and_targets_of_the_readme_exist() -> None:
    commands = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {group.name for group in app.registered_groups if group.name}
    named = set(re.findall(r"(?:^    |`)pastiche ([a-z]+)", README, re.M))
    assert named <= commands
    assert commands <= named | {"web", "worker", "discord", "telegram", "demo"}
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert set(re.findall(r"make ([a-z]+)", README)) - {"nothing"} <= targets


def test_the_readme_opens_with_pictures_and_the_two_commands() -> None:
    opening = README.splitlines()[:14]
    assert any(line.startswith("![") for line in opening)
    assert any("make demo" in line for line in opening)
    assert any("make test" in line for line in opening)
