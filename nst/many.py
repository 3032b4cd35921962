"""``pastiche stylize`` with many pictures to paint: folders and patterns, one bar for all, no stop at a failure."""

from __future__ import annotations

import contextlib
import glob
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nst.commands import CLIP_TYPES, OUTPUT_TYPES, read_picture, run_stylize
from nst.errors import PasticheError, UserError
from nst.method import MethodSettings, Notice, Progress, Report
from nst.options import StyleOptions
from nst.output_file import STANDARD, check_folder
from nst.pictures.clip_header import is_clip

_READ = {*CLIP_TYPES, *OUTPUT_TYPES, ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif"}


@dataclass(frozen=True)
class Painted:
    """What became of one of many pictures.

    Attributes:
        content: Its file.
        notices: What the user should be told.
        error: Why there is no pastiche of it, or None.
    """

    content: Path
    notices: tuple[Notice, ...] = ()
    error: PasticheError | None = None


def content_files(named: Sequence[str]) -> tuple[list[Path], bool]:
    """The files that the command line's words stand for.

    Args:
        named: Files, folders (their pictures and clips, by name) and patterns such as ``photos/*.jpg``.

    Returns:
        The files, and whether several were asked for: by several words, a folder or a pattern.

    Raises:
        UserError: ``image_unreachable`` where a folder or a pattern stands for nothing.
    """
    found: list[Path] = []
    several = len(named) > 1
    for name in named:
        path, files = Path(name), [Path(name)]
        if os.path.isdir(name):
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in _READ and file.name[0] != ".")
        elif glob.has_magic(name) and not os.path.exists(name):
            files = sorted(file for file in map(Path, glob.glob(name, recursive=True)) if file.is_file())
        several = several or files != [path]
        if not files:
            raise UserError("image_unreachable", {"name": name})
        found += files
    return list(dict.fromkeys(found)), several


def run_stylize_many(
    contents: Sequence[Path],
    styles: Sequence[Path],
    folder: Path,
    options: StyleOptions,
    settings: MethodSettings,
    *,
    mask: Path | None = None,
    ending: str = "",
) -> Iterator[Painted]:
    """Make a pastiche of each of several pictures, one after the other.

    Args:
        contents: Files of content images, from ``content_files``.
        styles: As for ``run_stylize``.
        folder: Where the pastiches go, each under its content's name; made if it is not there.
        options: As for ``run_stylize``.
        settings: As for ``run_stylize``.
        mask: As for ``run_stylize``; the same for all.
        ending: Of all results; if left out each content's own where it can be written, else ``.jpg``.

    Yields:
        Each content as soon as it is done, whether or not it could be.

    Raises:
        UserError: ``output_unwritable`` or ``option_out_of_range``: the folder; before anything is painted.
    """
    if folder == STANDARD:
        detail = {"option": "out", "received": "-", "allowed": "a folder, where several pictures are painted"}
        raise UserError("option_out_of_range", detail)
    outs = _names(contents, folder, [ending or _ending(path, options) for path in contents])
    check_folder(folder)
    from nst.engine import Engine
    from nst.pictures.decoder import decoder_of_own_files

    engine = Engine(settings, decoder_of_own_files())
    with _progress_bar(len(contents)) as begin:
        for number, (content, out) in enumerate(zip(contents, outs, strict=True)):
            report = begin(number, content.name)
            try:
                made = run_stylize(content, styles, out, options, settings, mask=mask, engine=engine, report=report)
                yield Painted(content, made)
            except PasticheError as error:
                yield Painted(content, error=error)


def _ending(path: Path, options: StyleOptions) -> str:
    """The content's own where its result can have it: a clip that is painted as a still picture has another."""
    ending = path.suffix.lower()
    if ending in OUTPUT_TYPES:
        return path.suffix
    with contextlib.suppress(PasticheError):  # what is wrong with it is told in its turn
        if ending in CLIP_TYPES and is_clip(read_picture(path), options):
            return path.suffix
    return ".jpg"


def _names(contents: Sequence[Path], folder: Path, endings: Sequence[str]) -> list[Path]:
    """A name for each result; the content's own ending goes into it where two would have the same."""
    names = [f"{path.stem}{ending}" for path, ending in zip(contents, endings, strict=True)]
    times = Counter(name.lower() for name in names)  # not every disk tells large letters from small ones
    named = zip(contents, endings, names, strict=True)
    return [folder / (name if times[name.lower()] == 1 else f"{path.name}{ending}") for path, ending, name in named]


@contextlib.contextmanager
def _progress_bar(count: int) -> Iterator[Callable[[int, str], Report]]:
    """One bar for all, on standard error if that is a terminal; what is yielded begins one by its number and name."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    name_column = TextColumn("{task.description}", markup=False)
    columns = (MofNCompleteColumn(), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(), name_column)
    with Bar(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("", total=count)

        def begin(number: int, name: str) -> Report:
            bar.update(task, completed=number, description=name)

            def report(progress: Progress) -> None:
                bar.update(task, completed=number + progress.fraction)

            return report

        yield begin
