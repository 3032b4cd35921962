"""Where pictures lie when not in Redis: a shared folder, or an S3-compatible store (``BLOB_STORE``).

Redis keeps the time to live and the word that a blob is elsewhere; the store keeps bytes and nothing else. What
Redis knows no more is swept out of the store later, so a store needs no rules of its own.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from nst.errors import OperatorError
from nst.secrecy import bare
from workers.store.s3_store import S3Access, S3Store

_DIGEST = re.compile(r"[0-9a-f]{64}")


class ByteStore(Protocol):
    """Bytes under names that are their hashes."""

    def write(self, digest: str, data: bytes) -> None:
        """Store bytes; again is harmless."""

    def read(self, digest: str) -> bytes | None:
        """Bytes, or None where there are none."""

    def delete(self, *digests: str) -> None:
        """Delete; what is not there is no error."""

    def aged(self) -> Iterator[tuple[str, float]]:
        """All names, each with the seconds since its last writing, by the store's own clock."""


@dataclass
class _Process:
    """One byte store for a process, as one Redis."""

    store: ByteStore | None = None


_process = _Process()


def use_byte_store(store: ByteStore | None) -> None:
    """Say where this process keeps bytes from now on; the command that starts it does, once.

    Args:
        store: None for Redis itself. What already lies in either is found by every process that has the store.
    """
    _process.store = store


def byte_store() -> ByteStore | None:
    """Where this process keeps bytes; None for Redis itself."""
    return _process.store


def open_byte_store(where: str, access: S3Access | None = None) -> ByteStore | None:
    """The store that ``BLOB_STORE`` names.

    Args:
        where: ``redis``, an absolute folder or ``s3://bucket/prefix``.
        access: For the last.

    Returns:
        None for Redis itself.

    Raises:
        OperatorError: ``bad_setting``; ``extra_missing`` where boto3 is not installed.
    """
    if where in ("", "redis"):
        return None
    if where.startswith("s3://"):
        return S3Store(where, access or S3Access())
    if where.startswith("/"):
        return FolderStore(Path(where))
    allowed = "redis, an absolute folder or s3://bucket/prefix"
    raise OperatorError("bad_setting", {"setting": "BLOB_STORE", "received": bare(where)[:60], "allowed": allowed})


class FolderStore:
    """A folder that all processes share.

    Args:
        folder: Made if missing.

    Raises:
        OperatorError: ``bad_setting``: it cannot be written to.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            allowed = f"a folder that can be written to ({error.strerror})"
            detail = {"setting": "BLOB_STORE", "received": str(folder), "allowed": allowed}
            raise OperatorError("bad_setting", detail) from None

    def write(self, digest: str, data: bytes) -> None:
        """Whole or not at all.

        Raises:
            OperatorError: ``queue_cannot_save`` with the reason: the disk is full, say.
        """
        target = self._file(digest)
        partial: str = ""
        try:
            target.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
                partial = file.name
                file.write(data)
            Path(partial).replace(target)
        except OSError as error:
            if partial:
                Path(partial).unlink(missing_ok=True)
            raise OperatorError("queue_cannot_save", {"reason": f"{self._folder}: {error.strerror}"}) from None

    def read(self, digest: str) -> bytes | None:
        """As ``ByteStore``."""
        try:
            return self._file(digest).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise OperatorError("queue_unavailable", {"reason": f"{self._folder}: {error.strerror}"}) from None

    def delete(self, *digests: str) -> None:
        """As ``ByteStore``."""
        for digest in digests:
            self._file(digest).unlink(missing_ok=True)

    def aged(self) -> Iterator[tuple[str, float]]:
        """As ``ByteStore``; what a killed process left half-written is named too."""
        with tempfile.TemporaryFile(dir=self._folder) as probe:  # a shared folder's files have its server's times
            now_s = os.fstat(probe.fileno()).st_mtime
        for folder in filter(Path.is_dir, self._folder.iterdir()):
            for entry in os.scandir(folder):
                with contextlib.suppress(FileNotFoundError):  # somebody else swept it
                    yield entry.name, now_s - entry.stat().st_mtime

    def _file(self, name: str) -> Path:
        # 256 folders: a million files in one are slow to list. A half-written file lies beside its neighbours.
        if _DIGEST.fullmatch(name):
            return self._folder / name[:2] / name
        return next(self._folder.glob(f"*/{name}"), self._folder / name)
