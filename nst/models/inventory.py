"""What the methods need from outside, what of it is here, and whether it is whole: for ``pastiche models``.

fast              the networks that ``NST_FAST_MODEL`` may take, in the order in which it tries them
gatys             the extractors' weights, or the operator's own file
bundled           what comes with Pastiche
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nst.bundled.checksums import SHA256
from nst.errors import OperatorError, PasticheError, UserError
from nst.extractors.table import ENTRIES
from nst.extractors.weights import cached, fetch
from nst.method import MethodSettings
from nst.models import sources as weights
from nst.models.download import Advance
from nst.secrecy import bare


@dataclass(frozen=True)
class Model:
    """One thing that a method may need.

    Attributes:
        name: For the command line: ``fast``, ``fast:2``, ``vgg19``, ``bundled:network``.
        source: Where it comes from.
        place: Where it lies on this machine, or None.
        fetch: Gets it, telling bytes received and bytes in all, and holds it against what it should be; what lies
            there already is taken if it is whole, and else fetched again. Raises ``OperatorError``. None where there
            is nothing to get.
        check: Raises ``OperatorError`` if what lies there is damaged.
    """

    name: str
    source: str
    place: Path | None
    fetch: Callable[[Advance], None] | None
    check: Callable[[], object]


def models(settings: MethodSettings) -> list[Model]:
    """Everything that the methods may need with these settings."""
    return [*_fast(settings), *_gatys(settings), *_bundled()]


def chosen(settings: MethodSettings, names: list[str]) -> list[Model]:
    """Models by name.

    Args:
        settings: The operator's.
        names: None of them means those that the settings make the methods ask for first.

    Raises:
        UserError: ``option_out_of_range`` for an unknown name.
    """
    known = {model.name: model for model in models(settings)}
    for name in names:
        if name not in known:
            raise UserError(
                "option_out_of_range", {"option": "model", "received": name[:40], "allowed": ", ".join(known)}
            )
    return [known[name] for name in names or [name for name in ("fast", "vgg19") if name in known]]


def absent(method: str, settings: MethodSettings) -> dict[str, str]:
    """Where a method's model will be fetched from at its first use, as none that it takes is on this machine.

    Args:
        method: ``fast`` or ``gatys``.
        settings: The operator's.

    Returns:
        The sources, without user and password, each with the reason why its host cannot be reached now, or "";
        {} where nothing has to be fetched.
    """
    wanted = [model for model in models(settings) if model.name.partition(":")[0] == method]
    if method == "gatys" and not settings.vgg_weights:
        wanted = chosen(settings, ["vgg19"])
    if any(model.place for model in wanted):
        return {}
    sources = [model.source for model in wanted if model.fetch]
    reasons = weights.unreachable(sources)
    return {bare(source): reasons.get(source, "") for source in sources}


def _fast(settings: MethodSettings) -> Iterator[Model]:
    cache, spec = weights.cache_folder(settings.model_cache), settings.fast_model
    sources = weights.AUTO if spec == "auto" else () if spec == "bundled" else (spec,)
    for number, source in enumerate(sources, 1):
        remote = weights.is_remote(source)
        place = weights.cached_folder(source, cache) if remote else Path(source).expanduser()

        def get(advance: Advance, source: str = source) -> None:
            _fetch_whole(source, cache, advance)

        def check(place: Path | None = place) -> None:
            from nst.fast.load import load_module

            if place is not None:
                load_module(place)

        name = "fast" if number == 1 else f"fast:{number}"
        yield Model(name, source, place if place and place.exists() else None, get if remote else None, check)


def _fetch_whole(source: str, cache: Path, advance: Advance) -> None:
    from nst.fast.load import load_module

    while True:
        located = weights.locate(source, cache, advance=advance)
        assert located.folder is not None  # noqa: S101 - only ``auto`` and ``bundled`` come without one
        try:
            load_module(located.folder)
        except OperatorError as error:
            if not weights.reject(located, cache, str(error.detail.get("reason", error))) or located.fetched:
                raise
        else:
            return


def _gatys(settings: MethodSettings) -> Iterator[Model]:
    if settings.vgg_weights:
        file = Path(settings.vgg_weights).expanduser()

        def read() -> object:
            from nst.extractors.weights import read_vgg

            return read_vgg(file)

        yield Model("vgg", settings.vgg_weights, file if file.is_file() else None, None, read)
    for name, entry in ENTRIES.items():
        download = entry.download

        def get(advance: Advance, name: str = name) -> None:
            fetch(name, ENTRIES[name].download, settings.model_cache, settings.keras_weights_url, advance)

        # A file with another checksum counts as absent: what is found is whole.
        place = cached(download, settings.model_cache)
        yield Model(name, download.address(settings.keras_weights_url), place, get, lambda: None)


def _bundled() -> Iterator[Model]:
    folder = Path(__file__).parents[1] / "bundled"
    for file, expected in sorted(SHA256.items()):
        place = folder / file

        def check(place: Path = place, expected: str = expected) -> None:
            found = hashlib.sha256(place.read_bytes()).hexdigest()
            if found != expected:
                reason = f"its checksum is {found[:12]}, expected {expected[:12]}"
                raise OperatorError("weights_missing", {"model": f"bundled/{place.name}", "reason": reason})

        name = f"bundled:{place.stem}"
        yield Model(name, "comes with Pastiche", place if place.is_file() else None, None, check)


def fault(model: Model) -> PasticheError | None:
    """What is wrong with a model that is here; None if nothing is."""
    try:
        model.check()
    except PasticheError as error:
        return error
    return None
