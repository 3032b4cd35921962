"""Where the extractors' weights come from: Keras' cache, Keras' download, or a local file. Never a hang.

Licences: the weights belong to their authors; see https://keras.io/api/applications/.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.errors import OperatorError
from nst.models.download import Advance
from nst.models.sources import LoggedProgress

log = logging.getLogger(__name__)

REACHABLE_WITHIN_S = 4.0
_READ_TIMEOUT_S = 20.0
_BASE = "https://storage.googleapis.com/tensorflow/keras-applications/"
_CHUNK_BYTES = 1 << 20
VggWeights = dict[str, NDArray[np.float32]]
VGG_BLOCKS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}


@dataclass(frozen=True)
class Download:
    """A file of Keras' ImageNet weights without the classifier.

    Attributes:
        path: Below Keras' download folder.
        md5: Its checksum as Keras publishes it.
    """

    path: str
    md5: str

    def address(self, mirror: str = "") -> str:
        """Its address: at Keras' host, or at a mirror of it."""
        return (mirror or _BASE).rstrip("/") + "/" + self.path


def cached(download: Download, cache: str = "") -> Path | None:
    """The weights' file with the right checksum where it is here already; see ``fetch``."""
    for folder in _folders(cache):
        file = folder / Path(download.path).name
        if file.is_file() and _digest(file, "md5") == download.md5:
            return file
    return None


def fetch(
    model: str,
    download: Download,
    cache: str = "",
    mirror: str = "",
    advance: Advance | None = None,
) -> Path:
    """The weights' file, from the cache or else downloaded.

    Args:
        model: The extractor's name, for errors.
        download: What to get.
        cache: Folder for downloads; "" for Keras' own (``KERAS_HOME`` or ``~/.keras``).
        mirror: ``NST_KERAS_WEIGHTS_URL``, in place of Keras' host; "" for that.
        advance: Told the bytes received and the bytes in all (0 if unknown); None for the log and who listens to this
            process' downloads.

    Returns:
        A local file with the right checksum.

    Raises:
        OperatorError: ``weights_missing`` within 5 s where the host cannot be reached.
    """
    if file := cached(download, cache):
        return file
    url = download.address(mirror)
    _check_reachable(model, url)
    return _download(model, url, download.md5, _folders(cache)[0], advance or LoggedProgress())


def _folders(cache: str) -> list[Path]:
    keras_home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
    return ([Path(cache).expanduser() / "keras"] if cache else []) + [keras_home / "models"]


def _check_reachable(model: str, url: str) -> None:
    outcome: list[str] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - a fixed https address or the operator's own
        try:
            with urllib.request.urlopen(request, timeout=REACHABLE_WITHIN_S):  # noqa: S310
                outcome.append("")
        except (OSError, ValueError) as error:
            outcome.append(str(getattr(error, "reason", error)))

    # A thread, for a name server that does not answer is not covered by urlopen's time-out.
    thread = threading.Thread(target=ask, daemon=True, name="weights-reachable")
    thread.start()
    thread.join(REACHABLE_WITHIN_S)
    if reason := outcome[0] if outcome else "the host did not answer in time":
        raise OperatorError("weights_missing", {"model": model, "reason": reason})


def _download(model: str, url: str, md5: str, folder: Path, advance: Advance) -> Path:
    file = folder / url.rsplit("/", 1)[-1]
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    log.info("downloading the weights of %s", model)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(url, timeout=_READ_TIMEOUT_S) as response, part.open("wb") as out:  # noqa: S310
            total_bytes = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(_CHUNK_BYTES):
                out.write(chunk)
                advance(out.tell(), total_bytes)
        if _digest(part, "md5") != md5:
            raise OperatorError("weights_missing", {"model": model, "reason": "the download's checksum is wrong"})
        part.replace(file)
    except OSError as error:
        raise OperatorError("weights_missing", {"model": model, "reason": str(error)}) from error
    finally:
        part.unlink(missing_ok=True)
    return file


def _digest(file: Path, algorithm: str) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, algorithm).hexdigest()


def identity(file: Path) -> str:
    """The first 12 hexadecimal digits of the file's SHA-256: names weights in caches and recipes."""
    return _digest(file, "sha256")[:12]


def read_vgg(file: Path) -> tuple[str, VggWeights]:
    """Read a VGG-16 or VGG-19 of any widths and any depth.

    Args:
        file: ``.npz`` with ``block1_conv1/kernel`` [3,3,in,out] and ``block1_conv1/bias`` [out] and so on, optionally
            ``preprocess/kernel`` [1,1,3,3] and ``preprocess/bias``; or Keras' ``.h5`` or ``.weights.h5``, with or
            without the classifier.

    Returns:
        ``vgg16`` or ``vgg19`` (by the third block's length; ``vgg19`` where it does not get so far), and the arrays
        by the names above.

    Raises:
        OperatorError: ``weights_missing`` if there is no such file, ``model_unusable`` if it is something else.
    """
    if not file.is_file():
        raise OperatorError("weights_missing", {"model": "vgg", "reason": f"no such file: {file}"})
    try:
        weights = _read_npz(file) if file.suffix == ".npz" else _read_h5(file)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise OperatorError("model_unusable", {"model": "vgg", "reason": f"{file.name}: {error}"[:200]}) from error
    kind = "vgg16" if "block3_conv4/kernel" not in weights and "block4_conv1/kernel" in weights else "vgg19"
    _check_chain(file, kind, weights)
    return kind, weights


def _read_npz(file: Path) -> VggWeights:
    with np.load(file, allow_pickle=False) as archive:
        names = [n for n in archive.files if re.fullmatch(r"(block\d_conv\d|preprocess)/(kernel|bias)", n)]
        return {name: archive[name].astype(np.float32) for name in names}


def _read_h5(file: Path) -> VggWeights:
    import h5py  # type: ignore[import-untyped]

    found: dict[str, dict[int, NDArray[np.float32]]] = {}

    def visit(name: str, node: Any) -> None:
        match = re.search(r"block\d_conv\d|conv2d(?:_\d+)?(?=/vars/)", name)
        if match and isinstance(node, h5py.Dataset) and "optimizer" not in name:
            found.setdefault(match.group(), {})[node.ndim] = np.asarray(node, np.float32)

    with h5py.File(file, "r") as archive:
        archive.visititems(visit)
    return _by_block(found)


def _by_block(found: dict[str, dict[int, NDArray[np.float32]]]) -> VggWeights:
    """``.weights.h5`` counts its layers (conv2d, conv2d_1, …); the count tells which VGG it is."""
    ordered = sorted(found, key=lambda name: [int(n) for n in re.findall(r"\d+", name.replace("conv2d", ""))])
    if ordered and ordered[0].startswith("conv2d"):
        blocks = VGG_BLOCKS["vgg16" if len(ordered) == sum(VGG_BLOCKS["vgg16"]) else "vgg19"]
        names = [f"block{b}_conv{i}" for b, length in enumerate(blocks, 1) for i in range(1, length + 1)]
        found = {name: found[key] for name, key in zip(names, ordered, strict=False)}
    kernels = {f"{name}/kernel": arrays[4] for name, arrays in found.items()}
    return kernels | {f"{name}/bias": arrays[1] for name, arrays in found.items()}


def _check_chain(file: Path, kind: str, weights: VggWeights) -> None:
    """Every convolution must take what the one before gives, from 3 channels on, without a gap."""
    channels = 3
    names: set[str] = set()
    for name in vgg_layers(kind, weights):
        kernel, bias = weights[f"{name}/kernel"], weights.get(f"{name}/bias")
        if kernel.shape[:3] != (3, 3, channels) or bias is None or bias.shape != kernel.shape[3:]:
            raise OperatorError("model_unusable", {"model": kind, "reason": f"{file.name}: {name} {kernel.shape}"})
        channels, names = kernel.shape[3], names | {f"{name}/kernel"}
    given = {name for name in weights if name.startswith("block") and name.endswith("/kernel")}
    if not names or names != given or not all(np.isfinite(array).all() for array in weights.values()):
        raise OperatorError("model_unusable", {"model": kind, "reason": f"{file.name}: not a whole VGG"})


def vgg_layers(kind: str, weights: VggWeights) -> list[str]:
    """The convolutions that the weights hold, from the first one to the first that is missing."""
    names = [f"block{b}_conv{i}" for b, length in enumerate(VGG_BLOCKS[kind], 1) for i in range(1, length + 1)]
    present = [f"{name}/kernel" in weights for name in names]
    return names[: present.index(False)] if False in present else names
