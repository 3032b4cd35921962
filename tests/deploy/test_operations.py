"""docs/operations.md against the code: what is kept, and what there is to run."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
PUBLISHED_ONLY = {"progress"}  # a channel: nothing of it is kept


def test_the_privacy_table_names_every_kind_of_key() -> None:
    table = TEXT.split("## Privacy")[1]
    sources = [path for floor in ("bot", "workers") for path in (ROOT / floor).rglob("*.py")]
    code = "".join(path.read_text(encoding="utf-8") for path in sources)
    kinds = set(re.findall(r'"pastiche:(\w+)', code)) - PUBLISHED_ONLY
    assert {"blob", "recipe", "counters"} <= kinds
    assert kinds - set(re.findall(r"`pastiche:(\w+)", table)) == set()


def test_files_that_it_names_are_there() -> None:
    named = set(re.findall(r"deploy/[\w./-]+\w", TEXT)) - {"deploy/kubernetes/mine"}
    assert len(named) > 8
    assert {name for name in named if not (ROOT / name).exists()} == set()
