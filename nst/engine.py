"""Bytes in, pastiche out: decoding, the right method, and what happens where it cannot run.

The command line and the workers use the same engine. It keeps its methods warm and is used by one
thread at a time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import cast

from nst.clip_header import inspect_content, is_film
from nst.clip_painting import Animating, ClipPainter, PaintedClip, Unpainted, paint_clip
from nst.clips import first_frame
from nst.decoder import Decoder
from nst.device import memory_errors
from nst.errors import Cancelled, JobError, OperatorError, UserError
from nst.images import Picture, resize
from nst.masks import SIDE_PX as MASK_SIDE_PX
from nst.masks import MaskedPainter, mask_for
from nst.method import (
    IsCancelled,
    Method,
    MethodSettings,
    Notice,
    Pastiche,
    Progress,
    Report,
    create_method,
    never_cancelled,
    no_report,
)
from nst.methods.auto import Auto
from nst.options import MAX_STYLES, StyleOptions

log = logging.getLogger(__name__)

FALLBACK = "palette"
EXPLANATION = "explanation"  # what a sheet says its method is
# Strokes need no more of a style than this; methods shrink it further as they need.
STYLE_SIDE_PX = 1024
_REPLACEABLE = frozenset({"weights_missing", "model_unusable", "extra_missing"})


Perform = Callable[[Method, Picture, Sequence[Picture], StyleOptions, Report, IsCancelled], Pastiche]


def perform_whole(
    method: Method,
    content: Picture,
    styles: Sequence[Picture],
    options: StyleOptions,
    report: Report,
    cancelled: IsCancelled,
) -> Pastiche:
    """Let a method work in one go; workers pass another ``Perform``, which gives way between slices."""
    return method.stylize(content, styles, options, report, cancelled)


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
        perform: Perform = perform_whole,
        mask: bytes | None = None,
    ) -> Pastiche:
        """Make one pastiche from files' bytes.

        Args:
            content: Content image, as ``images.decode`` takes it.
            styles: One to four style images.
            options: What the user chose.
            report: Told about progress; its fractions never fall, also across a fall-back.
            cancelled: Asked at least once a step.
            perform: How a method is run on decoded pictures.
            mask: A picture that says where to paint, together with ``options.region``: see ``nst.masks``.

        Returns:
            The pastiche, with the content's size (fitted to ``options.max_side_px``) and alpha.

        Raises:
            UserError: A picture that cannot be decoded, not as many weights as styles, or a ``mask_*`` code.
            JobError: ``job_out_of_memory``.
            Cancelled: ``cancelled()`` was true.
            PasticheError: Whatever else the method has to say.
        """
        try:
            return self._stylize(content, styles, options, report, cancelled, perform, mask)
        except memory_errors() as error:
            raise JobError("job_out_of_memory", {"allowed_px": options.max_side_px}) from error

    def explain(
        self,
        kind: str,
        content: bytes,
        style: bytes,
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """Make a sheet that explains the Gatys method; see ``nst.explain``. Its ``method`` is ``EXPLANATION``.

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
        from nst.explain import explain

        try:
            photo = replace(self._first_picture(content, options.max_side_px, cancelled), alpha=None, frames=1)
            art = self._decoder.decode(style, options.max_side_px, cancelled)
            sheet = explain(kind, photo, art, self._settings, options, report, cancelled)
            return Pastiche(sheet, EXPLANATION, notices=_notices([photo, art]))
        except memory_errors() as error:
            raise JobError("job_out_of_memory", {"allowed_px": options.max_side_px}) from error

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

        try:
            side_px = options.max_side_px
            clip = paint_clip(content, media_type, side_px, begin, report, cancelled, max_bytes, self._decoder)
            return replace(clip, notices=(*_notices(decoded), *clip.notices))
        except memory_errors() as error:
            raise JobError("job_out_of_memory", {"allowed_px": options.max_side_px}) from error

    def _clip_painter(
        self, samples: Sequence[Picture], styles: Sequence[Picture], options: StyleOptions
    ) -> ClipPainter:
        if options.strength == 0:
            return Unpainted(options.method)
        try:
            return cast(Animating, self.method(options.method)).begin_clip(samples, styles, options)
        except OperatorError as error:
            if options.method == FALLBACK or error.code not in _REPLACEABLE:
                raise
            notice = _fallen_back(options.method, error)
        painter = cast(Animating, self.method(FALLBACK)).begin_clip(samples, styles, options)
        painter.notices = (notice, *painter.notices)
        return painter

    def _stylize(
        self,
        content: bytes,
        styles: Sequence[bytes],
        options: StyleOptions,
        report: Report,
        cancelled: IsCancelled,
        perform: Perform,
        mask: bytes | None,
    ) -> Pastiche:
        _check_styles(styles, options)
        picture = self._first_picture(content, options.max_side_px, cancelled)
        decoded = self._decoded(styles, cancelled)
        notices = (Notice("first_frame_only"),) if picture.frames > 1 and options.animate else ()
        notices = (*notices, *_notices([picture, *decoded]))
        if cancelled():
            raise Cancelled
        if options.strength == 0:
            report(Progress(1.0))
            return Pastiche(replace(picture, frames=1), options.method, notices=notices)
        where = mask_for([picture], self._mask(mask, cancelled), options.region)
        shown = where.show(picture) if where else picture
        pastiche = self._made(shown, decoded, options, _never_falling(report), cancelled, perform)
        made = _like(picture, pastiche.picture)
        if where:
            made = replace(made, rgb=where.blend(picture, made.rgb))
        if options.time_lapse and not pastiche.time_lapse:
            notices = (*notices, Notice("no_time_lapse"))
        return replace(pastiche, picture=made, notices=(*notices, *pastiche.notices))

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

    def _made(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report,
        cancelled: IsCancelled,
        perform: Perform,
    ) -> Pastiche:
        try:
            return perform(self.method(options.method), content, styles, options, report, cancelled)
        except OperatorError as error:
            if options.method == FALLBACK or error.code not in _REPLACEABLE:
                raise
            notice = _fallen_back(options.method, error)
        pastiche = self.method(FALLBACK).stylize(content, styles, options, report, cancelled)
        return replace(pastiche, notices=(notice, *pastiche.notices))


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


def _never_falling(report: Report) -> Report:
    highest = 0.0

    def raised(progress: Progress) -> None:
        nonlocal highest
        highest = max(highest, progress.fraction)
        report(replace(progress, fraction=highest))

    return raised
