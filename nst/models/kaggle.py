"""Models from Kaggle, by its own client in a process of its own.

``kagglehub`` resumes, verifies and unpacks, but its first requests have no time-out and it draws on standard
error. In a child process it can be stopped when nothing arrives any more.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from nst.models.download import Advance, Patience, SourceFailed, put_aside

_CHILD = "import sys, kagglehub; print(kagglehub.model_download(sys.argv[1]))"
_PAGE = re.compile(
    r"https?://(?:www\.)?kaggle\.com/(?:api/v1/)?models/([\w-]+)/([\w.-]+)/(?:frameworks/)?([\w-]+)/(?:variations/)?([\w.-]+)"
    r"(?:/(?:versions/)?(\d+))?(?:/download)?/?(?:[?#].*)?"
)
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*: ")
_CACHE_VARIABLE = "KAGGLEHUB_CACHE"
_LOOK_EVERY_S = 0.5
# The child also has to start and to be told which files there are, before any byte arrives.
_SILENCES = 2


def handle_of(page: str) -> str:
    """The handle of the model that a page of Kaggle's shows.

    Args:
        page: Its address, as https://www.kaggle.com/models/OWNER/MODEL/FRAMEWORK/VARIATION/VERSION, or with
            ``frameworks``, ``variations`` and ``versions`` between.

    Returns:
        ``owner/model/framework/variation[/version]``; "" for any other address.
    """
    found = _PAGE.fullmatch(page)
    return "/".join(filter(None, found.groups())) if found else ""


def address() -> str:
    """Where the client will ask."""
    from kagglesdk.kaggle_env import get_endpoint, get_env  # type: ignore[import-untyped]

    return str(get_endpoint(get_env()))


def cached_models(handle: str, cache: Path) -> Iterator[Path]:
    """Where a model lies that was downloaded before, by Pastiche or by anybody else's ``kagglehub``.

    Args:
        handle: ``owner/model/framework/variation/version``; without a version nothing is found, because only
            Kaggle knows which is the newest.
        cache: Pastiche's model cache.
    """
    parts = handle.split("/")
    elsewhere = os.environ.get(_CACHE_VARIABLE, "") or str(Path.home() / ".cache" / "kagglehub")
    for root in (cache / "kaggle", Path(elsewhere)):
        folder = root / "models" / Path(*parts)
        # kagglehub writes this marker beside a version's folder once all of it is there.
        if len(parts) == 5 and _marker(folder).exists():
            found = _saved_model(folder)
            if found:
                yield found


def version_folder(folder: Path) -> Path | None:
    """What kagglehub unpacked and marked as complete, by the folder of a SavedModel in it; None for other folders."""
    found = (parent for parent in (folder, *folder.parents) if parent.name and _marker(parent).exists())
    return next(found, None)


def put_version_aside(version: Path) -> None:
    """Let kagglehub fetch a version again.

    Args:
        version: From ``version_folder``.
    """
    _marker(version).unlink()
    put_aside(version)


def fetch_model(handle: str, cache: Path, patience: Patience, advance: Advance = lambda received, total: None) -> Path:
    """Download a model; one process at a time, the others wait and find it in the cache.

    Args:
        handle: ``owner/model/framework/variation[/version]``.
        cache: Pastiche's model cache.
        patience: Time-outs.
        advance: Told the bytes received; kagglehub tells nobody how many there are in all.

    Returns:
        The folder of the SavedModel.

    Raises:
        SourceFailed: Says how.
    """
    root = cache / "kaggle"
    try:
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock", timeout=patience.lock_s):
            own = (folder for folder in cached_models(handle, cache) if root in folder.parents)
            return next(own, None) or _run(handle, root, patience, advance)
    except Timeout as error:
        raise SourceFailed(f"another process has been downloading it for {patience.lock_s:g} s") from error
    except OSError as error:
        raise SourceFailed(f"the model folder cannot be written: {error}") from error


def _run(handle: str, root: Path, patience: Patience, advance: Advance) -> Path:
    environment = os.environ | {_CACHE_VARIABLE: str(root)}
    child = subprocess.Popen(  # noqa: S603 - our own interpreter and words
        [sys.executable, "-c", _CHILD, handle],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        output, errors = _watched(child, root, patience, advance)
    finally:
        child.kill()
        child.wait()
    if child.returncode != 0:
        raise SourceFailed(_last_words(errors))
    found = _saved_model(Path(output.strip().splitlines()[-1]))
    if found is None:
        raise SourceFailed("no saved_model.pb in the download")
    return found


def _watched(child: subprocess.Popen[str], root: Path, patience: Patience, advance: Advance) -> tuple[str, str]:
    """Wait for the child as long as its folder grows."""
    size, grew_at = _size_bytes(root), time.monotonic()
    before = size
    while True:
        try:
            return child.communicate(timeout=_LOOK_EVERY_S)
        except subprocess.TimeoutExpired:
            now_bytes = _size_bytes(root)
            if now_bytes != size:
                size, grew_at = now_bytes, time.monotonic()
                advance(max(0, size - before), 0)
            if time.monotonic() - grew_at > _SILENCES * patience.silence_s:
                raise SourceFailed(f"silent for {_SILENCES * patience.silence_s:g} s") from None


def _marker(version: Path) -> Path:
    return version.with_name(f"{version.name}.complete")


def _size_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in root.rglob("*") if path.is_file())


def _saved_model(folder: Path) -> Path | None:
    found = sorted(folder.rglob("saved_model.pb"), key=lambda path: len(path.parts))
    return found[0].parent if found else None


def _last_words(errors: str) -> str:
    """The exception at the end of a traceback, which may go on over several lines."""
    lines = errors.strip().splitlines()
    starts = [number for number, line in enumerate(lines) if _EXCEPTION.match(line)]
    said = " ".join(line.strip() for line in lines[starts[-1] :]) if starts else " ".join(lines[-1:])
    return said[:300] or "kagglehub failed without a word"
