"""Where the fast method's model comes from.

``NST_FAST_MODEL`` is one of

    auto        cache, then TF-Hub, then Kaggle, then the network that comes with Pastiche
    bundled     the network that comes with Pastiche
    a folder    with a saved_model.pb
    a URL       of TF-Hub (https://tfhub.dev/…), or of an archive with its checksum: https://…/model.tar.gz#sha256=…
    a handle    of Kaggle: google/arbitrary-image-stylization-v1/tensorFlow1/256/2, or the address of its page there

TF-Hub has answered 403 for days on end, so every source fails on its own and the message says which failed
how. ``auto`` notices within 5 s that nothing can be reached: the sources are knocked at together, each with
4.5 s. A source that failed is not asked again by this process for five minutes, so a method that is made
anew meanwhile decides at once; what was downloaded is found in the cache without asking anybody. What was found and
cannot be loaded is rejected: then the next one in line is found, or it is fetched again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from filelock import FileLock
from platformdirs import user_cache_path

from nst.errors import OperatorError
from nst.models.download import Advance, Patience, SourceFailed, fetch_archive, put_aside
from nst.models.kaggle import address as kaggle_address
from nst.models.kaggle import cached_models, fetch_model, handle_of, put_version_aside, version_folder
from nst.secrecy import Secrets, bare, secrets_in

log = logging.getLogger(__name__)

MAGENTA_HUB = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"
MAGENTA_KAGGLE = "google/arbitrary-image-stylization-v1/tensorFlow1/256/2"
AUTO = (MAGENTA_HUB, MAGENTA_KAGGLE)
ASK_AGAIN_S = 300.0

_KAGGLE_HANDLE = re.compile(r"[\w-]+/[\w.-]+/[\w-]+/[\w.-]+(/\d+)?")
_CHECKSUM = re.compile(r"sha256=([0-9a-fA-F]{64})")
_KAGGLE_HOSTS = ("kaggle.com", "www.kaggle.com")
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".zip")

_failures: dict[str, tuple[float, str]] = {}
_damaged: dict[Path, float] = {}  # in caches that are not ours to mend
_NOT_HERE = "not on this machine, and nothing is downloaded now"


@dataclass(frozen=True)
class Located:
    """Where a model was found.

    Attributes:
        folder: A SavedModel, or None for the network that comes with Pastiche.
        source: What gave it: the folder, URL or handle, or ``bundled``; a URL as it was given, password and all.
        reason: Why ``auto`` came down to the bundled network: each source with its failure; "" otherwise.
        fetched: Whether it was downloaded just now.
        stamp: Tells this model's folder from one that takes its place later.
    """

    folder: Path | None
    source: str
    reason: str = ""
    fetched: bool = field(default=False, compare=False)
    stamp: int = field(default=0, compare=False)


def cache_folder(setting: str) -> Path:
    """Where downloaded models lie: ``MODEL_CACHE_DIR``, or the user's cache folder for ""."""
    return Path(setting or user_cache_path("pastiche") / "models")


def no_advance(received_bytes: int, total_bytes: int) -> None:
    """A download that nobody watches."""


@dataclass
class _Process:
    """One listener for a process."""

    listener: Advance = no_advance


_process = _Process()


def listen_to_downloads(listener: Advance) -> None:
    """Say who hears of the downloads that this process' methods make by themselves.

    Args:
        listener: ``no_advance`` for nobody.
    """
    _process.listener = listener


class LoggedProgress:
    """An ``Advance`` for processes without a terminal: a line in the log for each tenth of a download.

    Whoever listens to this process' downloads hears every piece, see ``listen_to_downloads``.
    """

    def __init__(self) -> None:
        self._tenths = 0

    def __call__(self, received_bytes: int, total_bytes: int) -> None:
        """Say it if another tenth is here; of a download of unknown size the log says nothing."""
        _process.listener(received_bytes, total_bytes)
        tenths = 10 * received_bytes // total_bytes if total_bytes else 0
        if tenths > self._tenths:
            self._tenths = tenths
            log.info("Fetched %.1f of %.1f MB", received_bytes / 1e6, total_bytes / 1e6)


def locate(
    spec: str,
    cache: Path,
    *,
    patience: Patience | None = None,
    advance: Advance = no_advance,
    auto: Sequence[str] = AUTO,
    download: bool = True,
) -> Located:
    """Find the fast method's model, downloading it if need be.

    Args:
        spec: ``NST_FAST_MODEL``, see above.
        cache: Folder for what is downloaded; shared by workers.
        patience: Time-outs and attempts.
        advance: Told the bytes received and the bytes in all (0 if unknown).
        auto: What ``auto`` tries, in order.
        download: False: what is not on this machine counts as missing.

    Returns:
        The model's place. ``auto`` always finds one: the bundled network is the last.

    Raises:
        OperatorError: ``weights_missing``, whose reason says how the source failed; ``bad_setting``.
    """
    patience = patience or Patience()
    if spec == "bundled":
        return Located(None, "bundled")
    if spec == "auto":
        return _auto(auto, cache, patience, advance, download)
    try:
        if is_remote(spec):
            return _cached(spec, cache) or _fetched(spec, cache, patience, advance, download)
        return Located(_folder(Path(spec).expanduser()), spec)
    except SourceFailed as error:
        raise OperatorError("weights_missing", {"model": bare(spec), "reason": _struck(str(error), spec)}) from error


def reject(located: Located, cache: Path, reason: str) -> bool:
    """Note that a located model cannot be loaded.

    In Pastiche's own cache it is put aside, so that it is fetched again; in others it is passed over for a while. A
    source whose download cannot be loaded has failed.

    Args:
        located: From ``locate``.
        cache: As given to it.
        reason: What is wrong with it.

    Returns:
        Whether ``locate`` may find another one.
    """
    folder = located.folder
    if folder is None or not is_remote(located.source):
        return False
    log.warning("The model in %s cannot be used and is put aside: %s", folder, reason)
    if located.fetched:
        _failures[located.source] = (time.monotonic(), reason)
    try:
        _put_aside(located, folder, cache)
    except OSError as error:
        log.warning("It stays where it is: %s", error)
        _damaged[folder] = time.monotonic()
    return True


def _put_aside(located: Located, folder: Path, cache: Path) -> None:
    if cache not in folder.parents:
        _damaged[folder] = time.monotonic()
        return
    version = version_folder(folder)
    with FileLock(cache / "kaggle" / ".lock" if version else f"{folder}.lock"):
        if _stamp(folder) != located.stamp:
            return  # another process has replaced it
        if version:
            put_version_aside(version)
        else:
            put_aside(folder)


def _stamp(folder: Path) -> int:
    model = folder / "saved_model.pb"
    return model.stat().st_ino if model.exists() else 0


def forget_failures() -> None:
    """Ask every source again, as after a change of settings."""
    _failures.clear()
    _damaged.clear()


def _auto(sources: Sequence[str], cache: Path, patience: Patience, advance: Advance, download: bool) -> Located:
    for source in sources:
        if found := _cached(source, cache):
            return found
    if download:
        unanswered = unreachable([source for source in sources if not _recent_failure(source)], patience)
        _failures.update({source: (time.monotonic(), reason) for source, reason in unanswered.items()})
    reasons = {}
    for source in sources:
        reasons[source] = _recent_failure(source)
        if not reasons[source]:
            try:
                return _fetched(source, cache, patience, advance, download)
            except SourceFailed as error:
                reasons[source] = str(error)
                if download:
                    _failures[source] = (time.monotonic(), str(error))
    reason = "; ".join(f"{bare(source)}: {_struck(why, source)}" for source, why in reasons.items())
    log.warning("No model could be fetched, the bundled network takes its place: %s", reason)
    return Located(None, "bundled", reason)


def _cached(source: str, cache: Path) -> Located | None:
    folder = cached_folder(source, cache)
    return Located(folder, source, stamp=_stamp(folder)) if folder else None


def _fetched(source: str, cache: Path, patience: Patience, advance: Advance, download: bool) -> Located:
    if not download:
        raise SourceFailed(_NOT_HERE)
    folder = _fetch(source, cache, patience, advance)
    return Located(folder, source, fetched=True, stamp=_stamp(folder))


def _struck(reason: str, source: str) -> str:
    return Secrets(secrets_in(source)).strike(reason)


def _recent_failure(source: str) -> str:
    failed_at, reason = _failures.get(source, (0.0, ""))
    return reason if reason and time.monotonic() - failed_at < ASK_AGAIN_S else ""


def is_remote(spec: str) -> bool:
    """Whether a source is asked over the network: a URL or a Kaggle handle."""
    return spec.startswith(("http://", "https://")) or bool(_KAGGLE_HANDLE.fullmatch(spec) and not Path(spec).exists())


def _folder(folder: Path) -> Path:
    if not (folder / "saved_model.pb").is_file():
        raise SourceFailed("no saved_model.pb in this folder" if folder.is_dir() else "no such folder")
    return folder


def cached_folder(source: str, cache: Path) -> Path | None:
    """A model that was fetched before: by Pastiche, by tensorflow-hub or by kagglehub."""
    since_s = time.monotonic() - ASK_AGAIN_S
    found = (folder for folder in _caches(source, cache) if _damaged.get(folder, since_s) <= since_s)
    return next(found, None)


def _caches(source: str, cache: Path) -> Iterator[Path]:
    source = handle_of(source) or source
    if not source.startswith("http"):
        yield from cached_models(source, cache)
        return
    # tensorflow-hub names folders by the SHA-1 of the handle; so do we, and either finds the other's.
    name = hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    for folder in (cache / name, *_hub_caches(name)):
        if (folder / "saved_model.pb").is_file():
            yield folder


def _hub_caches(name: str) -> list[Path]:
    shared = os.environ.get("TFHUB_CACHE_DIR", "")
    return [Path(shared) / name] if shared else []


def _fetch(source: str, cache: Path, patience: Patience, advance: Advance) -> Path:
    log.info("Fetching a model from %s", bare(source))
    source = handle_of(source) or source
    if not source.startswith("http"):
        return fetch_model(source, cache, patience, advance)
    target = cache / hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()
    address, _, fragment = source.partition("#")
    checksum = _CHECKSUM.fullmatch(fragment)
    if checksum:
        return fetch_archive(address, target, checksum[1], patience, advance)
    if urlsplit(address).hostname in _KAGGLE_HOSTS:
        allowed = (
            "a page of Kaggle's names all of it: https://www.kaggle.com/models/OWNER/MODEL/FRAMEWORK/VARIATION/VERSION"
        )
        raise OperatorError("bad_setting", {"setting": "NST_FAST_MODEL", "received": bare(source), "allowed": allowed})
    if fragment or urlsplit(address).path.endswith(_ARCHIVES):
        allowed = "an archive's URL ends in #sha256= and 64 hex digits"
        raise OperatorError("bad_setting", {"setting": "NST_FAST_MODEL", "received": bare(source), "allowed": allowed})
    # What tensorflow-hub's own client asks for; its downloads know neither time-outs nor resumption.
    separator = "&" if urlsplit(address).query else "?"
    return fetch_archive(f"{address}{separator}tf-hub-format=compressed", target, "", patience, advance)


def unreachable(sources: Sequence[str], patience: Patience | None = None) -> dict[str, str]:
    """The sources whose host does not answer at all, with the reason; all are asked together.

    In threads because a name that does not resolve can hang for longer than any time-out of a socket.

    Args:
        sources: URLs and Kaggle handles.
        patience: Its ``connect_s`` counts.
    """
    patience = patience or Patience()
    reasons = dict.fromkeys(sources, f"no answer within {patience.connect_s:g} s")
    threads = [threading.Thread(target=_try_host, args=(s, reasons, patience), daemon=True) for s in sources]
    deadline = time.monotonic() + patience.connect_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return {source: reason for source, reason in reasons.copy().items() if reason}


def _try_host(source: str, reasons: dict[str, str], patience: Patience) -> None:
    address = source if source.startswith("http") and not handle_of(source) else kaggle_address()
    try:
        with httpx.stream("GET", address, timeout=patience.connect_s):
            reasons[source] = ""
    except (httpx.HTTPError, OSError) as error:
        reasons[source] = f"unreachable ({str(error) or type(error).__name__})"
