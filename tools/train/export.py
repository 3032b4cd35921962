"""From checkpoints to the weight files that are shipped: float16 .npz and a table of checksums."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

_CHECKSUMS = '''"""SHA-256 of the weight files that this version ships; written by `python -m tools.train`."""

SHA256: dict[str, str] = {
%s}
'''


def export(file: Path, weights: Mapping[str, Any]) -> int:
    """Write weights as float16, without pickle, in one move.

    Args:
        file: The .npz to write.
        weights: float32 by name.

    Returns:
        The file's size in bytes. The same weights always make the same bytes.
    """
    with np.errstate(over="ignore"):
        kept = {name: np.asarray(weights[name], np.float16) for name in sorted(weights)}
    if not all(np.isfinite(array).all() for array in kept.values()):
        raise ValueError("the weights do not fit float16")
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **kept)
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_bytes(buffer.getvalue())
    os.replace(partial, file)
    return len(buffer.getvalue())


def write_checksums(folder: Path) -> Path:
    """Write checksums.py for the weight files in `folder`."""
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.npz"))}
    lines = "".join(f'    "{name}": "{digest}",\n' for name, digest in digests.items())
    table = folder / "checksums.py"
    table.write_text(_CHECKSUMS % lines, encoding="utf-8")
    return table
