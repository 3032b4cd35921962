"""Bytes in, pastiche out: decoding, the right method, and what happens where it cannot run.

The command line and the workers use the same engine. It keeps its methods warm and is used by one
thread at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from nst.auto import Auto
from nst.device import memory_errors
from nst.errors import Cancelled, JobError, OperatorError, UserError
from nst.fast.batches import Batching, Passed, no_pass
from nst.method import (
    IsCancelled,
    Method,
    MethodSettings,
    Notice,
    OneStep,
    Pastiche,
    Progress,
    Report,
    Request,
    Run,
    create_method,
    never_cancelled,
    no_report,
    rising,
)
from nst.options import MAX_STYLES, StyleOptions
from nst.pictures.clip_header import inspect_content, is_film
from nst.pictures.clip_painting import Animating, ClipPainter, PaintedClip, Unpainted, paint_clip
from nst.pictures.clips import first_frame
from nst.pictures.decode import Picture, resize
from nst.pictures.decoder import Decoder
from nst.pictures.masks import SIDE_PX as MASK_SIDE_PX
from nst.pictures.masks import Mask, MaskedPainter, mask_for

log = logging.getLogger(__name__)

FALLBACK = "palette"
EXPLANATION = "explanation"  # what a sheet says its method is
# Strokes need no more of a style than this; methods shrink it further as they need.
STYLE_SIDE_PX = 1024
_REPLACEABLE = frozenset({"weights_missing", "model_unusable", "extra_missing"})


class Painting:
    """A pastiche of files under way: a method's run, under the mask, in the content's size and with its alpha.

    Args:
        content: Content image.
        run: The method's.
        method: That method; None where nothing is to be painted.
        options: What the user chose.
        where: What is painted; None for all.
        notices: What is to be said besides.
    """

    def __init__(
        self,
        content: Picture,
        run: Run,
        method: Method | None,
        options: StyleOptions,
        where: Mask | None,
        notices: tuple[Notice, ...],
    ) -> None:
        self.run, self.method = run, method
        self._content, self._options, self._where, self._notices = content, options, where, notices

    def advance(
        self, budget_s: float | None = None, report: Report = no_report, cancelled: IsCancelled = never_cancelled
    ) -> bool:
        """See ``nst.method.Run.advance``.

        Raises:
            JobError: ``job_out_of_memory``.
            Cancelled, PasticheError: As there.
        """
        with _enough_memory(self._options):
            return self.run.advance(budget_s, report, cancelled)

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        with _enough_memory(self._options):
            pastiche = self.run.pastiche()
            made = _like(self._content, pastiche.picture)
            if self._where:
                made = replace(made, rgb=self._where.blend(self._content, made.rgb))
        notices = self._notices
        if self._options.time_lapse and not pastiche.time_lapse:
            notices = (*notices, Notice("no_time_lapse"))
        return replace(pastiche, picture=made, notices=(*notices, *pastiche.notices))

    def state(self) -> bytes:
        """See ``nst.method.Run.state``."""
        return self.run.state()


class Engine:
    """All methods, each made when it is first asked for.

    Args:
        settings: The operator's choices about methods.
        decoder: Where files are decoded; None for one of its own.
    """

    def __init__(self, settings: MethodSettings, decoder: Decoder | None = None) -> None:
        self._settings = settings
        self._decoder = decoder or Decoder()
        self._methods: dict[str, Method] = {}

    def method(self, name: str) -> Method:
        """A warm method by its name.

        Raises:
            UserError: ``option_out_of_range`` for an unknown name.
        """
        if name not in self._methods:
            self._methods[name] = (
                Auto(self._settings, self.method) if name == Auto.name else create_method(name, self._settings)
            )
        return self._methods[name]

    def prepare(self, *names: str) -> None:
        """Load methods before the first job; what cannot be loaded is logged and tried again then."""
        for name in names:
            try:
                self.method(name).prepare()
            except OperatorError as error:
                log.warning("The method %s cannot be prepared: %s", name, error)

    def stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
        mask: bytes | None = None,
    ) -> Pastiche:
        """Make one pastiche from files' bytes, in one go.

        Args:
            content: As ``begin``.
            styles: As ``begin``.
            options: As ``begin``.
            report: Told about progress; its fractions never fall, also across a fall-back.
            cancelled: Asked at least once a step.
            mask: As ``begin``.

        Returns:
            The pastiche, with the content's size (fitted to ``options.max_side_px``) and alpha.

        Raises:
            Cancelled: ``cancelled()`` was true.
            PasticheError: As ``begin``, and whatever else the method has to say.
        """
        painting = self.begin(content, styles, options, b"", cancelled, mask)
        report(Progress(0.0))
        painting.advance(None, rising(report), cancelled)
        return painting.pastiche()

    def begin(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        state: bytes = b"",
        cancelled: IsCancelled = never_cancelled,
        mask: bytes | None = None,
    ) -> Painting:
        """Begin a pastiche from files' bytes, or go on with one.

        Args:
            content: Content image, as ``images.decode`` takes it.
            styles: One to four style images.
            options: What the user chose.
            state: What ``Painting.state`` gave, in this or another process.
            cancelled: Asked while files are decoded.
            mask: A picture that says where to paint, together with ``options.region``: see ``nst.pictures.masks``.

        Raises:
            UserError: A picture that cannot be decoded, not as many weights as styles, or a ``mask_*`` code.
            JobError: ``job_out_of_memory``.
            StateError: The state is of another request or release: begin anew.
            Cancelled: ``cancelled()`` was true.
            PasticheError: Whatever else the method has to say.
        """
        with _enough_memory(options):
            _check_styles(styles, options)
            picture = self._first_picture(content, options.max_side_px, cancelled)
            decoded = self._decoded(styles, cancelled)
            notices = (Notice("first_frame_only"),) if picture.frames > 1 and options.animate else ()
            notices = (*notices, *_notices([picture, *decoded]))
            if cancelled():
                raise Cancelled
            if options.strength == 0:
                return self._unpainted(replace(picture, frames=1), options, notices)
            where = mask_for([picture], self._mask(mask, cancelled), options.region)
            request = Request(where.show(picture) if where else picture, decoded, options)
            method, fallen = self.method(options.method), tuple[Notice, ...]()
            try:
                run = method.begin(request, state)
            except OperatorError as error:
                if options.method == FALLBACK or error.code not in _REPLACEABLE:
                    raise
                method, fallen = self.method(FALLBACK), (_fallen_back(options.method, error),)
                run = method.begin(request)
            return Painting(picture, run, method, options, where, (*notices, *fallen))

    def _unpainted(self, content: Picture, options: StyleOptions, notices: tuple[Notice, ...]) -> Painting:
        """Strength 0: the photograph, with no model loaded for it."""
        done = OneStep(Pastiche(content, options.method), lambda report, cancelled: done.pastiche())
        done.finish(done.pastiche())
        still = options.replace(time_lapse=False)
        return Painting(content, done, None, still, None, notices)

    def advance_together(
        self,
        paintings: Sequence[Painting],
        cancelled: IsCancelled = never_cancelled,
        passed: Passed = no_pass,
    ) -> list[bool]:
        """Finish those of several pastiches that can share a pass.

        Args:
            paintings: Of any methods, none of them done.
            cancelled: Asked before each pass.
            passed: Told how many pictures each pass held.

        Returns:
            Which are done; the others were left as they are.

        Raises:
            Cancelled: ``cancelled()`` was true.
            PasticheError: Of a method, not of a picture.
        """
        done = [False] * len(paintings)
        for method in self._methods.values():
            ours = [index for index, painting in enumerate(paintings) if painting.method is method]
            if len(ours) > 1 and isinstance(method, Batching):
                shared = method.advance_together([paintings[index].run for index in ours], cancelled, passed)
                for index, finished in zip(ours, shared, strict=True):
                    done[index] = finished
        return done

    def explain(
        self,
        kind: str,
        content: bytes,
        style: bytes,
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """Make a sheet that explains the Gatys method; see ``nst.sheets.explain``. Its ``method`` is ``EXPLANATION``.

        Args:
            kind: One of ``options.EXPLANATIONS``.
            content: Content image, as ``images.decode`` takes it; its first frame counts.
            style: Style image.
            options: What ``explain`` heeds, and ``max_side_px`` for each of its tiles.
            report: Told about progress.
            cancelled: Asked at every step.

        Raises:
            UserError, JobError, Cancelled, PasticheError: As ``stylize``.
        """
        from nst.sheets.explain import explain

        with _enough_memory(options):
            photo = replace(self._first_picture(content, options.max_side_px, cancelled), alpha=None, frames=1)
            art = self._decoder.decode(style, options.max_side_px, cancelled)
            sheet = explain(kind, photo, art, self._settings, options, report, cancelled)
            return Pastiche(sheet, EXPLANATION, notices=_notices([photo, art]))

    def stylize_clip(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        media_type: str,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
        max_bytes: int | None = None,
        mask: bytes | None = None,
    ) -> PaintedClip:
        """Paint every frame of a clip.

        Args:
            content: An animated GIF or WEBP or a film, for which ``clip_header.is_clip`` is true.
            styles: One to four style images.
            options: What the user chose; ``options.moves``.
            media_type: ``image/gif``, ``image/webp`` or ``video/mp4``: what to write.
            report: Told about every frame, as a step.
            cancelled: Asked before every frame.
            max_bytes: What the result may have at most; None for anything.
            mask: As in ``stylize``; the same one for every frame.

        Returns:
            The clip, with the content's timing.

        Raises:
            UserError, JobError, Cancelled, PasticheError: As ``stylize``.
        """
        _check_styles(styles, options)
        inspect_content(content, options, self._decoder.limits)
        decoded = self._decoded(styles, cancelled)
        given = self._mask(mask, cancelled)

        def begin(samples: Sequence[Picture]) -> ClipPainter:
            where = mask_for(samples, given, options.region)
            if where is None or options.strength == 0:
                return self._clip_painter(samples, decoded, options)
            shown = [where.show(sample) for sample in samples]
            return MaskedPainter(self._clip_painter(shown, decoded, options), where)

        with _enough_memory(options):
            side_px = options.max_side_px
            clip = paint_clip(content, media_type, side_px, begin, report, cancelled, max_bytes, self._decoder)
            return replace(clip, notices=(*_notices(decoded), *clip.notices))

    def _clip_painter(
        self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions
    ) -> ClipPainter:
        if options.strength == 0:
            return Unpainted(options.method)
        try:
            return self._animating(options.method).begin_clip(samples, styles, options)
        except OperatorError as error:
            if options.method == FALLBACK or error.code not in _REPLACEABLE:
                raise
            notice = _fallen_back(options.method, error)
        painter = self._animating(FALLBACK).begin_clip(samples, styles, options)
        painter.notices = (notice, *painter.notices)
        return painter

    def _animating(self, name: str) -> Animating:
        method = self.method(name)
        if not isinstance(method, Animating):
            raise TypeError(f"{name} is not in options.ANIMATING")
        return method

    def _first_picture(self, content: bytes, max_side_px: int, cancelled: IsCancelled) -> Picture:
        """A picture, or a clip's first frame."""
        if is_film(content):
            return first_frame(content, max_side_px, self._decoder.limits, cancelled)
        return self._decoder.decode(content, max_side_px, cancelled)

    def _decoded(self, styles: Sequence[bytes], cancelled: IsCancelled) -> list[Picture]:
        return [self._decoder.decode(style, STYLE_SIDE_PX, cancelled) for style in styles]

    def _mask(self, file: bytes | None, cancelled: IsCancelled) -> Picture | None:
        if file is None:
            return None
        return self._decoder.decode(file, MASK_SIDE_PX, cancelled, transparent=True)


@contextmanager
def _enough_memory(options: StyleOptions) -> Iterator[None]:
    """Turn a want of memory into the user's error."""
    try:
        yield
    except memory_errors() as error:
        raise JobError("job_out_of_memory", {"allowed_px": options.max_side_px}) from error


def _fallen_back(asked: str, error: OperatorError) -> Notice:
    log.warning("The method %s cannot run: %s", asked, error)
    return Notice("fell_back_to_palette", {"asked": asked, "reason": str(error.detail.get("reason", error.code))})


def _notices(pictures: Sequence[Picture]) -> tuple[Notice, ...]:
    """What is to be said about how pictures were read, each thing once."""
    return tuple(Notice(code) for code in dict.fromkeys(code for picture in pictures for code in picture.notices))


def _check_styles(styles: Sequence[bytes], options: StyleOptions) -> None:
    if not styles:
        raise UserError("style_missing")
    if len(styles) > MAX_STYLES:
        raise UserError("too_many_styles", {"received": len(styles), "allowed": MAX_STYLES})
    options.shares(len(styles))


def _like(content: Picture, made: Picture) -> Picture:
    """What was made, in the content's size and with its alpha."""
    # Without alpha first: resampling would weigh colours by one that belongs to another size.
    opaque = resize(Picture(made.rgb), content.width_px, content.height_px)
    return Picture(opaque.rgb, content.alpha)
