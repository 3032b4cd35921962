"""``pastiche stylize``: pictures from files, the pastiche into a file, in this process and without Redis.

The command line's front (``bot/cli.py``) parses; this file reads, paints and writes. Light to
import: the engine, and with it NumPy and TensorFlow, is loaded when a picture is made.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from nst.errors import UserError
from nst.method import MethodSettings, Notice, Progress, Report
from nst.options import STUDIES, StyleOptions
from nst.output_file import STANDARD, check_output, write_output

if TYPE_CHECKING:
    from nst.engine import Engine
    from nst.pictures.decode import Picture

CLIP_TYPES = {".gif": "image/gif", ".webp": "image/webp", ".mp4": "video/mp4"}
OUTPUT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp"}


def run_stylize(
    content: Path,
    styles: Sequence[Path],
    out: Path,
    options: StyleOptions,
    settings: MethodSettings,
    *,
    mask: Path | None = None,
    time_lapse: Path | None = None,
    ending: str = "",
    engine: Engine | None = None,
    report: Report | None = None,
) -> tuple[Notice, ...]:
    """Make one pastiche and write it.

    A progress bar is drawn on standard error when that is a terminal.

    Args:
        content: File of the content image; every frame of a clip is painted where the result's ending is ``.gif``,
            ``.webp`` or ``.mp4``, else the first one.
        styles: Files of one to four style images. One of all these files may be ``STANDARD``: standard input.
        out: Where the pastiche goes, see ``nst.output_file``; the ending decides the format.
        options: What the user chose.
        settings: The operator's choices about methods.
        mask: File of a picture that says where to paint, together with ``options.region``: see ``nst.pictures.masks``.
        time_lapse: Where the way there goes, for methods that have steps: ``.gif``, ``.webp`` or ``.mp4``.
        ending: Decides the format of what goes to standard output; ``.png`` if left out.
        engine: What paints; made for this pastiche if left out.
        report: Told about progress, instead of a bar of its own.

    Returns:
        What the user should be told.

    Raises:
        PasticheError: Anything that a person should be told; nothing has been written then.
    """
    kind = (ending or ".png") if out == STANDARD else out.suffix
    clip_type = CLIP_TYPES.get(kind.lower())
    media_type = "" if clip_type else output_type(kind, out)
    given = [content, *styles, *([mask] if mask else [])]
    if given.count(STANDARD) > 1:
        detail = {"option": "-", "received": "twice", "allowed": "one picture from standard input"}
        raise UserError("option_out_of_range", detail)
    check_output(out, given)
    film_type = _checked_film(time_lapse, [*given, out]) if time_lapse else ""
    picture, *painted = [read_picture(path) for path in given]
    where = painted.pop() if mask else None
    from nst.engine import Engine as Painter
    from nst.pictures.clip_header import is_clip
    from nst.pictures.decoder import OWN_FILES, decoder_of_own_files

    moves = bool(clip_type) and is_clip(picture, options, OWN_FILES)
    media_type = media_type if moves else media_type or output_type(kind, out)
    engine = engine or Painter(settings, decoder_of_own_files())
    with _reporting(report) as told:
        if moves:
            clip = engine.stylize_clip(picture, painted, options, clip_type or "", told, mask=where)
            write_output(out, clip.data)
            return clip.notices
        options = options.replace(animate=options.animate and bool(clip_type), time_lapse=bool(time_lapse))
        made = engine.stylize(picture, painted, options, told, mask=where)
    write_output(out, _encoded(made.picture, media_type))
    if time_lapse and made.time_lapse:
        from nst.pictures.time_lapse import encode_time_lapse

        write_output(time_lapse, encode_time_lapse(made.time_lapse, film_type))
    return made.notices


def _checked_film(out: Path, others: Sequence[Path]) -> str:
    media_type = CLIP_TYPES.get(out.suffix.lower())
    if media_type is None:
        detail = {"option": "time-lapse", "received": out.suffix or out.name, "allowed": ", ".join(CLIP_TYPES)}
        raise UserError("option_out_of_range", detail)
    check_output(out, others, "time-lapse")
    return media_type


def run_study(
    kind: str,
    contents: Sequence[Path],
    styles: Sequence[Path],
    out: Path,
    options: StyleOptions,
    settings: MethodSettings,
) -> None:
    """Make a contact sheet of one choice of the Gatys method, or of all methods, and write it.

    Args:
        kind: One of ``options.STUDIES``; ``compare`` is ``nst.sheets.comparison``, ``samples`` is
            ``nst.sheets.samples``, the others are ``nst.sheets.study``.
        contents: Files of the content images; all but ``compare`` take one, and ``samples`` none.
        styles: Files of the style images; all but ``compare`` take one.
        out: Where the sheet goes; the ending decides the format.
        options: What holds for every picture of the sheet.
        settings: The operator's choices.

    Raises:
        PasticheError: Anything that a person should be told; nothing has been written then.
    """
    media_type = _checked(out, [*contents, *styles])
    _check_study(kind, contents, styles)
    photos, paintings = ([read_picture(path) for path in paths] for paths in (contents, styles))
    from nst.device import configure_tensorflow
    from nst.pictures.decoder import decoder_of_own_files

    configure_tensorflow()  # before anything imports TensorFlow: it is quiet then
    from nst.engine import STYLE_SIDE_PX

    side_px = options.max_side_px
    with decoder_of_own_files() as decoder:
        pictures = [decoder.decode(photo, side_px) for photo in photos]
        arts = [decoder.decode(painting, STYLE_SIDE_PX if kind == "compare" else side_px) for painting in paintings]
    with _progress_bar() as report:
        if kind == "compare":
            from nst.sheets.comparison import compare

            sheet = compare(list(product(pictures, arts)), settings, options, report)
        elif kind == "samples":
            from nst.sheets.samples import samples

            sheet = samples(arts[0], settings, options, report)
        else:
            from nst.sheets.study import study

            sheet = study(kind, pictures[0], arts[0], settings, options, report)
    write_output(out, _encoded(sheet, media_type))


def run_harmonise(
    background: Path, pasted: Path, out: Path, options: StyleOptions, settings: MethodSettings, mask: Path | None = None
) -> None:
    """Paste a picture into a painting so that it looks painted, and write it; see ``nst.singan.harmony``.

    Args:
        background: File of the painting.
        pasted: File of what lies over it, stretched to its size; its transparency says where, or ``mask`` does.
        out: Where the result goes; the ending decides the format.
        options: Strength, seed, ``start_scale`` and size.
        settings: ``singan_budget`` is read.
        mask: File of a picture, white where ``pasted`` is to be seen.

    Raises:
        PasticheError: Anything that a person should be told; nothing has been written then.
    """
    given = [background, pasted, *([mask] if mask else [])]
    media_type = _checked(out, given)
    files = [read_picture(path) for path in given]
    from nst.pictures.decoder import decoder_of_own_files
    from nst.pictures.masks import SIDE_PX, Mask

    with decoder_of_own_files() as decoder:
        painting, thing = (decoder.decode(file, options.max_side_px) for file in files[:2])
        if mask:
            thing = Mask(decoder.decode(files[2], SIDE_PX, transparent=True), "subject").show(thing)
    from nst.singan.harmony import harmonise
    from nst.singan.method import SinGan

    with _progress_bar() as report:
        made = harmonise(SinGan(settings), painting, thing, options, report)
    write_output(out, _encoded(made.picture, media_type))


def _check_study(kind: str, contents: Sequence[Path], styles: Sequence[Path]) -> None:
    if kind not in STUDIES:
        detail = {"option": "study", "received": kind[:40], "allowed": ", ".join(STUDIES)}
        raise UserError("option_out_of_range", detail)
    if not styles:
        raise UserError("style_missing")
    allowed = 0 if kind == "samples" else 1
    if kind != "compare" and (len(contents), len(styles)) != (allowed, 1):
        received = f"{len(contents) + len(styles)} pictures"
        detail = {"option": "study", "received": received, "allowed": f"{allowed + 1} pictures"}
        raise UserError("option_out_of_range", detail)


def _checked(out: Path, others: Sequence[Path]) -> str:
    media_type = output_type(out.suffix, out)
    check_output(out, others)
    return media_type


def output_type(ending: str, out: Path) -> str:
    """The media type that an ending asks for.

    Raises:
        UserError: ``option_out_of_range`` for endings that are not written here.
    """
    media_type = OUTPUT_TYPES.get(ending.lower())
    if media_type is None:
        detail = {"option": "out", "received": ending or out.name, "allowed": ", ".join(OUTPUT_TYPES)}
        raise UserError("option_out_of_range", detail)
    return media_type


def read_picture(path: Path) -> bytes:
    """Read a file, or standard input.

    Raises:
        UserError: ``image_unreachable``.
    """
    try:
        return sys.stdin.buffer.read() if path == STANDARD else path.read_bytes()
    except OSError as error:
        raise UserError("image_unreachable", {"name": str(path)}) from error


def _encoded(picture: Picture, media_type: str) -> bytes:
    from nst.pictures.decode import encode

    return encode(picture, media_type)


@contextlib.contextmanager
def _reporting(report: Report | None) -> Iterator[Report]:
    if report is not None:
        yield report
        return
    with _progress_bar() as own:
        yield own


@contextlib.contextmanager
def _progress_bar() -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=1.0)

        def report(progress: Progress) -> None:
            bar.update(task, completed=progress.fraction)

        yield report
