"""Photographs for somebody who has none at hand: scikit-image's, where that is installed."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

# By their authors in the public domain or CC0; scikit-image's data/README.txt names them.
_NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@cache
def _folder() -> Path | None:
    """Where they are. The package is found, not imported: it would bring NumPy along."""
    spec = importlib.util.find_spec("skimage")
    return Path(spec.origin).parent / "data" if spec and spec.origin else None


@cache
def sample_names() -> tuple[str, ...]:
    """Names of the samples that are here; empty where there are none."""
    return tuple(name for name in _NAMES if sample_photograph(name))


@cache
def sample_photograph(name: str) -> Path | None:
    """A sample's file, or None."""
    folder = _folder()
    if folder is None or name not in _NAMES:
        return None
    return next((path for ending in ("png", "jpg") if (path := folder / f"{name}.{ending}").is_file()), None)
