"""Results of a long measurement, kept pair by pair, so that one that was cut off loses nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class PairResults:
    """A file of JSON lines, one per pair.

    Args:
        file: Where they are kept; None keeps nothing.
        what: What was measured how; lines of another measurement are left alone and not read.
    """

    def __init__(self, file: Path | None, what: dict[str, Any]) -> None:
        self._file, self._what = file, what
        lines = file.read_text().splitlines() if file and file.exists() else []
        kept = [json.loads(line) for line in lines]
        self._found: dict[str, Any] = {line["pair"]: line["result"] for line in kept if line["what"] == what}

    def of(self, pair: str) -> Any:
        """What is kept of a pair, or None."""
        return self._found.get(pair)

    def keep(self, pair: str, result: Any) -> None:
        """Add a pair's result."""
        self._found[pair] = result
        if self._file:
            with self._file.open("a") as lines:
                lines.write(json.dumps({"what": self._what, "pair": pair, "result": result}) + "\n")
