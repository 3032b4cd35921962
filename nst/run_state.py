"""A run's state as bytes: an ``.npz`` without pickle, tied to the job that it belongs to."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VERSION = 2  # since L-BFGS keeps what it has learnt about places


class StateError(ValueError):
    """A saved state that does not belong to this job, or that this release cannot read."""


def pack(digest: str, place: Mapping[str, int], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays and place of a run as bytes.

    Args:
        digest: Identity of the job.
        place: Where the run stands.
        arrays: By name; any shape and dtype but object.
    """
    meta = json.dumps({"version": _VERSION, "digest": digest, "place": dict(place)}).encode()
    out = io.BytesIO()
    named: dict[str, Any] = {"meta": np.frombuffer(meta, np.uint8), **arrays}
    np.savez(out, **named)
    return out.getvalue()


def unpack(data: bytes, digest: str) -> tuple[dict[str, int], dict[str, NDArray[Any]]]:
    """The inverse of ``pack``.

    Args:
        data: What ``pack`` gave.
        digest: Identity of the job that wants to go on.

    Returns:
        Place and arrays.

    Raises:
        StateError: Damaged, of another job, or of another release.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            arrays = {name: archive[name] for name in archive.files if name != "meta"}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise StateError(f"not a state: {error}") from error
    if meta.get("version") != _VERSION or meta.get("digest") != digest:
        raise StateError("a state of another job, or of another release")
    return {name: int(value) for name, value in meta["place"].items()}, arrays
