"""Discord's rules on what a bot sends, and this project's own; what breaks one is refused or noted."""

from __future__ import annotations

from typing import Any

from tests.peers.discord.world import Json

MAX_CONTENT, MAX_ATTACHMENTS, MAX_ALT, MAX_REQUEST_BYTES = 2000, 10, 1024, 25 * 1024 * 1024
MAX_COMMAND, MAX_OPTIONS = 8000, 25
MAX_ROWS, MAX_BUTTONS, MAX_CUSTOM_ID, MAX_LABEL, MAX_CHOICES, MAX_CHOICE_NAME = 5, 5, 100, 80, 25, 100
_BUTTON, _TEXT_SELECT = 2, 3
IMAGE_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "gif": "image/gif", "mp4": "video/mp4"}


class RefusalError(Exception):
    """Discord's own answer to a request that breaks a rule."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def check_message(payload: Json, files: dict[str, bytes], limit_bytes: int) -> None:
    """Raise a ``RefusalError`` for what Discord would not take."""
    _length(payload.get("content") or "", MAX_CONTENT, "content")
    if sum(map(len, files.values())) > MAX_REQUEST_BYTES or any(len(data) > limit_bytes for data in files.values()):
        raise RefusalError(413, 40005, "Request entity too large")
    attachments = payload.get("attachments") or []
    if len(attachments) > MAX_ATTACHMENTS:
        raise RefusalError(400, 50035, "too many attachments")
    for attachment in attachments:
        _length(attachment.get("description") or "", MAX_ALT, "description")
    _check_components(payload.get("components") or [])


def own_rules(payload: Json, files: dict[str, bytes]) -> list[str]:
    """What this project demands of itself: nobody is mentioned, and every new picture has its alt text."""
    found = []
    if payload.get("content") and "parse" not in (payload.get("allowed_mentions") or {}):
        found.append("allowed_mentions is not explicit")
    if (payload.get("allowed_mentions") or {}).get("parse"):
        found.append("somebody would be mentioned")
    described = [a for a in payload.get("attachments") or [] if a.get("description")]
    if len(described) < len(files):
        found.append("a picture without alt text")
    return found


def check_choices(choices: list[Json]) -> None:
    """At most 25, each with a name of at most 100 characters."""
    if len(choices) > MAX_CHOICES or any(not 1 <= len(str(choice["name"])) <= MAX_CHOICE_NAME for choice in choices):
        raise RefusalError(400, 50035, "Invalid autocomplete choices")


def check_commands(commands: list[Json]) -> None:
    """Names, descriptions, numbers of options, and at most 8000 characters for each command with all that it holds."""
    for command in commands:
        if _size(command) > MAX_COMMAND:
            raise RefusalError(400, 50035, f"{command['name']} is too large")
        _check_command(command)


def _check_command(command: Json) -> None:
    if command.get("type", 1) in (1, 3) and "options" in command:
        if len(command["options"]) > MAX_OPTIONS:
            raise RefusalError(400, 50035, "a command has at most 25 options")
        for option in command["options"]:
            texts = [option["description"], *(option.get("description_localizations") or {}).values()]
            if not 1 <= len(option["name"]) <= 32 or any(not 1 <= len(text) <= 100 for text in texts):
                raise RefusalError(400, 50035, f"name or description of {option['name']}")
            if option["type"] <= 2:
                _check_command({"type": 1, **option} if option["type"] == 1 else option)


def _size(thing: Json) -> int:
    """As Discord counts: of every text the longest of its translations."""
    texts = [
        max(map(len, [thing.get(name) or "", *(thing.get(f"{name}_localizations") or {}).values()]))
        for name in ("name", "description")
    ]
    values = [len(str(choice["name"])) + len(str(choice["value"])) for choice in thing.get("choices") or []]
    return sum(texts) + sum(values) + sum(map(_size, thing.get("options") or []))


def _check_components(rows: list[Json]) -> None:
    if len(rows) > MAX_ROWS:
        raise RefusalError(400, 50035, "too many rows")
    seen: set[str] = set()
    for row in rows:
        parts = row["components"]
        buttons = sum(part["type"] == _BUTTON for part in parts)
        if not parts or buttons > MAX_BUTTONS or len(parts) - buttons > 1 or (buttons and len(parts) > buttons):
            raise RefusalError(400, 50035, "a row holds up to five buttons or one select")
        for part in parts:
            _check_part(part, seen)


def _check_part(part: dict[str, Any], seen: set[str]) -> None:
    name = part.get("custom_id", "")
    if not 1 <= len(name) <= MAX_CUSTOM_ID or name in seen:
        raise RefusalError(400, 50035, "custom_id must be 1-100 characters and unique")
    seen.add(name)
    _length(part.get("label") or "", MAX_LABEL, "label")
    if part["type"] == _TEXT_SELECT:
        options = part["options"]
        if not 1 <= len(options) <= MAX_CHOICES or len({option["value"] for option in options}) < len(options):
            raise RefusalError(400, 50035, "a select has 1-25 different options")
        for option in options:
            _length(option["label"], MAX_CHOICE_NAME, "label")


def _length(text: str, most: int, what: str) -> None:
    if len(text) > most:
        raise RefusalError(400, 50035, f"{what} must be {most} or fewer in length")
