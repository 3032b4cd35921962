"""Requests held against the Bot API's own description, where that is at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Json = dict[str, Any]
_PLAIN = {"String": str, "Integer": int, "Boolean": bool, "True": bool, "Float": float}


class Schema:
    """The Bot API's description.

    Args:
        path: ``api.json``.
    """

    def __init__(self, path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        self._methods: Json = document["methods"]
        self._types: Json = document["types"]

    def problems(self, method: str, given: Json, uploads: set[str]) -> list[str]:
        """What is wrong with a request, by the description.

        Args:
            method: Its name.
            given: Its parameters, JSON ones parsed already.
            uploads: Names of the parts that are files.
        """
        described = self._methods.get(method)
        if described is None:
            return [f"{method}: no such method"]
        fields = {field["name"]: field for field in described.get("fields", [])}
        attached = {name for name in uploads if name not in fields}
        found = [f"{method}: unknown parameter {name}" for name in given if name not in fields]
        found += [
            f"{method}: {n} is missing" for n, f in fields.items() if f["required"] and n not in {*given, *uploads}
        ]
        for name, value in given.items():
            if name in fields and not any(self._fits(value, kind) for kind in fields[name]["types"]):
                found.append(f"{method}: {name} is not {fields[name]['types']}: {value!r:.200}")
        return found + [
            f"{method}: {name} is attached and not named" for name in attached if f"attach://{name}" not in repr(given)
        ]

    def _fits(self, value: Any, kind: str) -> bool:
        if kind.startswith("Array of "):
            return isinstance(value, list) and all(self._fits(item, kind.removeprefix("Array of ")) for item in value)
        if kind in _PLAIN:
            return isinstance(value, _PLAIN[kind]) and (kind in ("Boolean", "True") or not isinstance(value, bool))
        if kind == "InputFile":
            return False  # an upload is no parameter
        described = self._types.get(kind)
        if described is None or not isinstance(value, dict):
            return False
        if described.get("subtypes"):
            return any(self._fits(value, subtype) for subtype in described["subtypes"])
        fields = {field["name"]: field for field in described.get("fields", [])}
        return (
            all(name in fields for name in value)
            and all(field["name"] in value for field in fields.values() if field["required"])
            and all(any(self._fits(item, k) for k in fields[name]["types"]) for name, item in value.items())
        )
