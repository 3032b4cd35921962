"""Requests held against Discord's own OpenAPI description, where that is at hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

Json = dict[str, Any]


class Schema:
    """Discord's description of its API.

    Args:
        path: ``openapi.json``.
    """

    def __init__(self, path: Path) -> None:
        from jsonschema import Draft202012Validator

        self._validator = Draft202012Validator
        self._document: Json = json.loads(path.read_text(encoding="utf-8"))
        self._routes = [(_pattern(template), template, item) for template, item in self._document["paths"].items()]
        self._known: dict[tuple[str, str], Any] = {}

    def problems(self, method: str, path: str, payload: Any) -> list[str]:
        """What is wrong with a request's body, by the description."""
        found = self._operation(method, path)
        if found is None:
            return [f"{method} {path} is not described"]
        template, operation = found
        content = operation.get("requestBody", {}).get("content", {})
        if not content or payload is None:
            return []
        validator = self._validator_of(method, template, content)
        errors = sorted(validator.iter_errors(_as_described(payload)), key=lambda error: len(error.path))
        return [f"{method} {template}: {error.json_path}: {error.message[:200]}" for error in errors[:3]]

    def _operation(self, method: str, path: str) -> tuple[str, Json] | None:
        matches = [(t, item) for pattern, t, item in self._routes if pattern.fullmatch(path) and method.lower() in item]
        matches.sort(key=lambda found: found[0].count("{"))
        return (matches[0][0], matches[0][1][method.lower()]) if matches else None

    def _validator_of(self, method: str, template: str, content: Json) -> Any:
        key = (method, template)
        if key not in self._known:
            schema = content.get("application/json", next(iter(content.values())))["schema"]
            whole = {**schema, "components": self._document["components"]}
            self._known[key] = self._validator(whole)
        return self._known[key]


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"{\w+}", "[^/]+", template))


def _as_described(value: Any) -> Any:
    """discord.py writes ids as numbers, which Discord takes and its description does not name."""
    if isinstance(value, dict):
        return {key: _as_described(_text_id(key, part)) for key, part in value.items()}
    if isinstance(value, list):
        return [_as_described(part) for part in value]
    return value


def _text_id(key: str, value: Any) -> Any:
    is_id = key == "id" or key.endswith("_id")
    return str(value) if is_id and isinstance(value, int) and not isinstance(value, bool) else value
