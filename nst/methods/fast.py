"""The fast method: one pass of an arbitrary-stylization network, at any strength and mix.

Source: Ghiasi et al. 2017, "Exploring the structure of a real-time, arbitrary neural artistic
stylization network" (arXiv:1705.06830). Strength and mixes work on its style vectors.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from nst.batches import Passed, Request, no_pass
from nst.clip_painting import ClipPainter
from nst.colour import keep_colours, transport
from nst.device import configure_tensorflow
from nst.errors import OperatorError
from nst.hub_module import WholeModule, load_module
from nst.images import Picture
from nst.method import IsCancelled, MethodSettings, Notice, Pastiche, Progress, Report, never_cancelled, no_report
from nst.methods.fast_artists import Artist, VectorArtist, WholeArtist
from nst.methods.fast_clips import begin_clip
from nst.options import StyleOptions
from nst.precision import ReducedPrecision
from nst.split_module import Floats, SplitModule
from nst.style_vectors import MemoryVectors, VectorStore, shared_or
from nst.weights import Located, LoggedProgress, cache_folder, locate, reject
from nst.xla import compile_with_xla

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Loaded:
    artist: Artist
    notices: tuple[Notice, ...]


class Fast:
    """Arbitrary stylization; a ``nst.method.Method``.

    Args:
        settings: ``fast_model``, ``fast_xla`` and ``model_cache`` count here.
        vectors: Where style vectors are kept; in the process unless workers share them.
        bfloat16: Compute in bfloat16 where the processor can and the picture does not suffer, see
            ``nst.precision``; without it strength 1 is the module's output to the last bit.
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

    def stylize(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """Make one pastiche; see ``nst.method.Method.stylize``.

        Strength 0 returns the content's pixels, strength 1 the network's own output. ``seed`` changes nothing:
        nothing here is random.
        """
        report(Progress(0.0))
        loaded = self._load()
        rgb = content.rgb
        if options.strength > 0:
            styles = _in_colours(styles, content, options)
            rgb = loaded.artist.paint(content, styles, options, lambda done: report(Progress(0.98 * done)), cancelled)
            rgb = _recoloured(rgb, content, options)
        report(Progress(1.0))
        return Pastiche(replace(content, rgb=rgb), self.name, loaded.artist.identity, loaded.notices)

    def stylize_batch(
        self, requests: Sequence[Request], cancelled: IsCancelled = never_cancelled, passed: Passed = no_pass
    ) -> list[Pastiche | None]:
        """Make those of several pastiches that can share a pass; see ``nst.batches.Batching``.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """
        loaded = self._load()
        if not isinstance(loaded.artist, VectorArtist):
            return [None] * len(requests)
        asked = [replace(one, styles=_in_colours(one.styles, one.content, one.options)) for one in requests]
        painted = loaded.artist.paint_batch(asked, cancelled, passed)
        return [rgb if rgb is None else self._made(one, rgb, loaded) for one, rgb in zip(asked, painted, strict=True)]

    def _made(self, one: Request, rgb: Floats, loaded: _Loaded) -> Pastiche:
        picture = replace(one.content, rgb=_recoloured(rgb, one.content, one.options))
        return Pastiche(picture, self.name, loaded.artist.identity, loaded.notices)

    def begin_clip(self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions) -> ClipPainter:
        """One vector and one set of statistics for all frames; see ``nst.clip_painting.Animating``.

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


def _in_colours(styles: Sequence[Picture], content: Picture, options: StyleOptions) -> Sequence[Picture]:
    """The styles; for ``match`` in the content's colours."""
    if options.colours != "match":
        return styles
    return [replace(style, rgb=transport(style.rgb, content.rgb)) for style in styles]


def _recoloured(rgb: Floats, content: Picture, options: StyleOptions) -> Floats:
    """What was painted; for ``keep`` in the content's colours."""
    return keep_colours(content.rgb, rgb) if options.colours == "keep" else rgb


def _bundled_network(located: Located, *, traced: bool) -> SplitModule:
    configure_tensorflow()
    try:
        from nst.bundled.network import load_bundled
        from nst.methods.fast_bundled import split

        return split(load_bundled(), traced=traced)
    except OperatorError as error:
        tried = f"{located.reason}; " if located.reason else ""
        reason = f"{tried}bundled network: {error.detail.get('reason', error)}"
        raise OperatorError("weights_missing", {"model": located.source, "reason": reason}) from error
