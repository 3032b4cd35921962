"""The house rules that no single room can prove."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENTRIES = [
    "bot.cli",
    "bot.demo",
    "bot.doctor",
    "bot.chat.service",
    "bot.web.app",
    "bot.discord.app",
    "bot.telegram.app",
]
HEAVY = {"tensorflow", "numpy", "skimage", "scipy", "tf_keras", "keras", "tensorflow_hub", "pandas", "matplotlib"}
LIMIT_MIB = 150

PROBE = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
import psutil
print(json.dumps({"modules": sorted({name.partition(".")[0] for name in sys.modules}),
                  "rss_mib": psutil.Process().memory_info().rss / 2**20}))
"""


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_frontend_is_light(entry: str, record_property: Callable[[str, object], None]) -> None:
    probe = subprocess.run(
        [sys.executable, "-c", PROBE, entry], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
    )
    found = json.loads(probe.stdout)
    record_property("rss_mib", found["rss_mib"])
    print(f"{entry}: {found['rss_mib']:.0f} MiB")  # noqa: T201 - shown with -rP
    assert not HEAVY & set(found["modules"])
    assert found["rss_mib"] < LIMIT_MIB


ALL_LOADED = """
import sys
from bot.cli import main
try:
    main(["--help"])
except SystemExit:
    print(sorted(sys.modules))
"""


def test_the_command_line_answers_without_loading_a_frontend() -> None:
    probe = subprocess.run([sys.executable, "-c", ALL_LOADED], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = probe.stdout.splitlines()[-1]
    for heavy in ("'numpy'", "'discord'", "'telegram'", "'nicegui'", "'rq'", "'tensorflow'"):
        assert heavy not in loaded
