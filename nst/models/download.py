"""Download an archive with a model in it, once for all workers.

Connections and silences have time-outs, a broken download is resumed where it ended, the checksum is
held against what came, and the model moves into its place in one step: whoever sees the folder sees all of it.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock, Timeout

log = logging.getLogger(__name__)

Advance = Callable[[int, int], None]

_LARGEST_BYTES = 2 << 30


class SourceFailed(Exception):  # noqa: N818 - a finding, kept and told together with the others
    """A source did not give the model; the text says how it failed."""


@dataclass(frozen=True)
class Patience:
    """How long to wait.

    Attributes:
        connect_s: For a connection.
        silence_s: Between two pieces of an answer.
        attempts: How often a download that stops half-way is resumed or begun again.
        lock_s: For another process that downloads the same model.
    """

    connect_s: float = 4.5
    silence_s: float = 15.0
    attempts: int = 3
    lock_s: float = 900.0


class _Broken(Exception):  # noqa: N818
    """Ended half-way: worth another attempt."""


def fetch_archive(
    url: str,
    folder: Path,
    sha256: str = "",
    patience: Patience | None = None,
    advance: Advance = lambda received_bytes, total_bytes: None,
) -> Path:
    """Download an archive (tar, tar.gz, zip) and put the SavedModel in it at ``folder``.

    Args:
        url: Redirects are followed.
        folder: Where the model goes; if it is there already, nothing is downloaded.
        sha256: Hex digest that the archive must have; "" takes what comes.
        patience: Time-outs and attempts.
        advance: Told the bytes received and the bytes in all (0 if unknown).

    Returns:
        ``folder``.

    Raises:
        SourceFailed: Says how: unreachable, refused, silent, cut off, wrong checksum, no model in it.
    """
    patience = patience or Patience()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{folder}.lock", timeout=patience.lock_s):
            if not (folder / "saved_model.pb").is_file():
                archive = folder.with_name(folder.name + ".part")
                _download(url, archive, patience, advance)
                _check(archive, sha256)
                _unpack(archive, folder)
    except Timeout as error:
        raise SourceFailed(f"another process has been downloading it for {patience.lock_s:g} s") from error
    except OSError as error:
        raise SourceFailed(f"the model folder cannot be written: {error}") from error
    return folder


def put_aside(folder: Path) -> None:
    """Take a folder out of the way; the one that was put aside before it goes."""
    aside = folder.with_name(f"{folder.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    os.replace(folder, aside)


def _download(url: str, archive: Path, patience: Patience, advance: Advance) -> None:
    timeout = httpx.Timeout(patience.silence_s, connect=patience.connect_s)
    with httpx.Client(timeout=timeout, follow_redirects=True) as client:
        for attempt in range(patience.attempts):
            try:
                return _receive(client, url, archive, advance)
            except _Broken as error:
                log.warning("Download attempt %d of %d: %s", attempt + 1, patience.attempts, error)
                reason = str(error)
            except httpx.ConnectError as error:
                raise SourceFailed(f"unreachable ({error})") from error
            except httpx.ConnectTimeout as error:
                raise SourceFailed(f"no connection within {patience.connect_s:g} s") from error
            except httpx.TimeoutException:
                reason = f"silent for {patience.silence_s:g} s"
                log.warning("Download attempt %d of %d: %s", attempt + 1, patience.attempts, reason)
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise SourceFailed(f"{type(error).__name__}: {error}") from error
        raise SourceFailed(f"{reason}, {patience.attempts} times")


def _receive(client: httpx.Client, url: str, archive: Path, advance: Advance) -> None:
    """Receive into ``archive``, from where an earlier attempt ended if it is still the same file."""
    tag = archive.with_name(archive.name + ".etag")
    have = archive.stat().st_size if archive.exists() and tag.exists() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": tag.read_text()} if have else {}
    with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            archive.unlink()
            raise _Broken("the server does not know the rest of this file")
        if answer.status_code not in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT):
            raise SourceFailed(f"refused: HTTP {answer.status_code} {answer.reason_phrase}".rstrip())
        resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
        _remember_tag(tag, answer.headers.get("ETag", ""))
        _append(answer, archive, have if resumed else 0, advance)


def _remember_tag(path: Path, tag: str) -> None:
    """A strong entity tag proves that the rest belongs to what is here (RFC 9110, 13.1.5)."""
    if tag and not tag.startswith("W/"):
        path.write_text(tag)
    else:
        path.unlink(missing_ok=True)


def _append(answer: httpx.Response, archive: Path, have: int, advance: Advance) -> None:
    total = have + int(answer.headers.get("Content-Length", 0) or 0)
    received = have
    with archive.open("ab" if have else "wb") as file:
        try:
            # Unbuffered, so that all that came is kept when it breaks off; raw, so that a .tar.gz served as
            # Content-Encoding gzip keeps the size and checksum that were announced.
            for piece in answer.iter_raw():
                received += file.write(piece)
                advance(received, total if total > have else 0)
                if received > _LARGEST_BYTES:
                    raise SourceFailed(f"larger than {_LARGEST_BYTES >> 20} MB")
        except (httpx.RemoteProtocolError, httpx.ReadError) as error:
            raise _Broken(f"cut off after {received} of {total or 'unknown'} bytes") from error


def _check(archive: Path, sha256: str) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    log.info("Downloaded %d bytes, sha256 %s", archive.stat().st_size, found)
    if sha256 and found != sha256.lower():
        archive.unlink()
        raise SourceFailed(f"checksum: expected sha256 {sha256.lower()}, received {found}")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside the place and move the SavedModel there in one step."""
    workshop = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpack-"))
    try:
        try:
            _extract(archive, workshop)
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, ValueError) as error:
            raise SourceFailed(f"not an archive ({_beginning(archive)})") from error
        found = sorted(workshop.rglob("saved_model.pb"), key=lambda path: len(path.parts))
        if not found:
            raise SourceFailed("no saved_model.pb in the archive")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(found[0].parent, folder)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        archive.unlink(missing_ok=True)
        archive.with_name(archive.name + ".etag").unlink(missing_ok=True)


def _extract(archive: Path, target: Path) -> None:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(target)  # noqa: S202 - zipfile keeps members inside the target
    else:
        with tarfile.open(archive) as tar:
            tar.extractall(target, filter="data")


def _beginning(archive: Path) -> str:
    with archive.open("rb") as file:
        start = file.read(64).lstrip().lower()
    return "a web page" if start.startswith((b"<!doctype", b"<html")) else f"{archive.stat().st_size} bytes"
