"""A photograph for somebody who has none at hand: scikit-image's, where that is installed."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

_NAME = "astronaut.png"  # NASA's portrait of Eileen Collins, public domain


@cache
def sample_photograph() -> Path | None:
    """Its file, or None. The package is found, not imported: it would bring NumPy along."""
    spec = importlib.util.find_spec("skimage")
    path = Path(spec.origin).parent / "data" / _NAME if spec and spec.origin else None
    return path if path and path.is_file() else None
