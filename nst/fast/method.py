"""The fast method: one pass of an arbitrary-stylization network, at any strength and mix.

Source: Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network" (arXiv:1705.06830). Strength and mixes work on its style vectors.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nst.colour import keep_colours, transport
from nst.device import configure_tensorflow
from nst.errors import OperatorError
from nst.fast.artists import Artist, VectorArtist, WholeArtist
from nst.fast.batches import Passed, no_pass
from nst.fast.clips import begin_clip
from nst.fast.load import WholeModule, load_module
from nst.fast.network import Floats, SplitModule
from nst.fast.precision import ReducedPrecision
from nst.fast.style_vectors import MemoryVectors, VectorStore, shared_or
from nst.fast.xla import compile_with_xla
from nst.method import (
    IsCancelled,
    MethodSettings,
    Notice,
    OneStep,
    Pastiche,
    Progress,
    Report,
    Request,
    Run,
    never_cancelled,
)
from nst.models.sources import Located, LoggedProgress, cache_folder, locate, reject
from nst.options import StyleOptions
from nst.pictures.clip_painting import ClipPainter
from nst.pictures.decode import Picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Loaded:
    artist: Artist
    notices: tuple[Notice, ...]


class FastRun(OneStep):
    """A pastiche of one pass, which it may share.

    Args:
        request: Of strength above 0.
        loaded: The network.
    """

    def __init__(self, request: Request, loaded: _Loaded) -> None:
        super().__init__(Pastiche(request.content, Fast.name, loaded.artist.identity, loaded.notices), self._paint)
        self.request, self._loaded = request, loaded

    def in_colours(self) -> Request:
        """The request; for ``match`` with its styles in the content's colours."""
        one = self.request
        if one.options.colours != "match":
            return one
        return replace(one, styles=[replace(style, rgb=transport(style.rgb, one.content.rgb)) for style in one.styles])

    def made_of(self, rgb: Floats) -> Pastiche:
        """The result: what was painted; for ``keep`` in the content's colours."""
        content = self.request.content
        if self.request.options.colours == "keep":
            rgb = keep_colours(content.rgb, rgb)
        return Pastiche(replace(content, rgb=rgb), Fast.name, self._loaded.artist.identity, self._loaded.notices)

    def _paint(self, report: Report, cancelled: IsCancelled) -> Pastiche:
        one = self.in_colours()

        def advance(done: float) -> None:
            report(Progress(0.98 * done))

        made = self.made_of(self._loaded.artist.paint(one.content, one.styles, one.options, advance, cancelled))
        report(Progress(1.0))
        return made


class Fast:
    """Arbitrary stylization; a ``nst.method.Method``.

    Args:
        settings: ``fast_model``, ``fast_xla`` and ``model_cache`` count here.
        vectors: Where style vectors are kept; in the process unless workers share them.
        bfloat16: Compute in bfloat16 where the processor can and the picture does not suffer, see
            ``nst.fast.precision``; without it strength 1 is the module's output to the last bit.
    """

    name = "fast"

    def __init__(self, settings: MethodSettings, vectors: VectorStore | None = None, *, bfloat16: bool = True) -> None:
        self._settings = settings
        self._bfloat16 = bfloat16
        self._vectors = vectors if vectors is not None else shared_or(MemoryVectors())
        self._loaded: _Loaded | None = None

    @property
    def model(self) -> str:
        """Identity of the network in use, for caches of results; loads it if need be.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        return self._load().artist.identity

    def prepare(self) -> None:
        """Load the network and run it once on a small picture.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        grey = Picture(np.full((256, 256, 3), 0.5, np.float32))
        self._load().artist.paint(grey, [grey], StyleOptions(), lambda fraction: None, never_cancelled)

    def begin(self, request: Request, state: bytes = b"") -> FastRun:
        """Begin a pastiche of one pass; see ``nst.method.Method.begin``.

        Strength 1 is the network's own output. ``seed`` changes nothing: nothing here is random.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        return FastRun(request, self._load())

    def advance_together(
        self, runs: Sequence[Run], cancelled: IsCancelled = never_cancelled, passed: Passed = no_pass
    ) -> list[bool]:
        """Finish those of several runs that can share a pass; see ``nst.fast.batches.Batching``."""
        artist, ours = self._load().artist, [run for run in runs if isinstance(run, FastRun)]
        if not isinstance(artist, VectorArtist) or len(ours) < len(runs):
            return [False] * len(runs)
        painted = artist.paint_batch([run.in_colours() for run in ours], cancelled, passed)
        for run, rgb in zip(ours, painted, strict=True):
            if rgb is not None:
                run.finish(run.made_of(rgb))
        return [rgb is not None for rgb in painted]

    def begin_clip(self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions) -> ClipPainter:
        """One vector and one set of statistics for all frames; see ``nst.pictures.clip_painting.Animating``.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        loaded = self._load()
        return begin_clip(loaded.artist, samples, styles, options, loaded.notices)

    def _load(self) -> _Loaded:
        if self._loaded is None:
            self._loaded = self._first_that_opens()
        return self._loaded

    def _first_that_opens(self) -> _Loaded:
        """What is damaged is passed over, or fetched again; ``auto`` ends at the bundled network."""
        settings = self._settings
        cache = cache_folder(settings.model_cache)
        while True:
            located = locate(settings.fast_model, cache, advance=LoggedProgress(), download=settings.download)
            try:
                return self._open(located)
            except OperatorError as error:
                again = settings.download and reject(located, cache, str(error.detail.get("reason", error)))
                if not again or (located.fetched and settings.fast_model != "auto"):
                    raise

    def _open(self, located: Located) -> _Loaded:
        if located.folder is None:
            notice = Notice("bundled_network", {"reason": located.reason})
            network = _bundled_network(located, traced=self._settings.fast_xla)
            return _Loaded(self._artist(network), (notice,) if located.reason else ())
        module = load_module(located.folder, traced=self._settings.fast_xla)
        if isinstance(module, WholeModule):
            return _Loaded(WholeArtist(module), (Notice("strength_is_blend"),))
        return _Loaded(self._artist(module), ())

    def _artist(self, network: SplitModule) -> Artist:
        if self._settings.fast_xla:
            compile_with_xla(network)
        return VectorArtist(ReducedPrecision(network) if self._bfloat16 else network, self._vectors)


def _bundled_network(located: Located, *, traced: bool) -> SplitModule:
    configure_tensorflow()
    try:
        from nst.bundled.network import load_bundled
        from nst.fast.bundled import split

        return split(load_bundled(), traced=traced)
    except OperatorError as error:
        tried = f"{located.reason}; " if located.reason else ""
        reason = f"{tried}bundled network: {error.detail.get('reason', error)}"
        raise OperatorError("weights_missing", {"model": located.source, "reason": reason}) from error
