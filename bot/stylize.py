"""``pastiche stylize`` and its like: what the words of the command line stand for, and what is said of each picture."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.chat.recipe_words import find_preset, is_file
from bot.texts import explain, notice
from nst.errors import UserError

if TYPE_CHECKING:
    from bot.settings import Settings
    from nst.options import StyleOptions


def contents_and_styles(pictures: Sequence[str], named: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """What is painted, and in which styles.

    Args:
        pictures: The words of the command line.
        named: ``--styles``; without them the first picture is painted, and the others are its styles.

    Raises:
        UserError: ``style_missing``.
    """
    contents, styles = (list(pictures), split(named)) if named else ([pictures[0]], list(pictures[1:]))
    if not styles:
        raise UserError("style_missing")
    return contents, styles


def split(named: Sequence[str]) -> list[str]:
    """The names in words that hold several, with commas between."""
    return [name.strip() for several in named for name in several.split(",") if name.strip()]


def style_paths(styles: Sequence[str], settings: Settings) -> list[Path]:
    """The pictures of styles: files, or presets by name.

    Raises:
        UserError: ``style_unknown``.
    """
    from bot.presets.catalogue import load_presets

    presets = load_presets(settings.presets_dir)
    return [Path(style) if is_file(style) else presets[find_preset(style, presets)].picture for style in styles]


def ending_of(kind: str) -> str:
    """``.jpg`` for ``jpg``; "" for "".

    Raises:
        UserError: ``option_out_of_range``.
    """
    from nst.commands import CLIP_TYPES, OUTPUT_TYPES

    ending = f".{kind.lower().removeprefix('.')}"
    if kind and ending not in {*CLIP_TYPES, *OUTPUT_TYPES}:
        allowed = ", ".join(name[1:] for name in {**OUTPUT_TYPES, **CLIP_TYPES})
        raise UserError("option_out_of_range", {"option": "format", "received": kind[:40], "allowed": allowed})
    return ending if kind else ""


def paint(
    contents: Sequence[str],
    styles: Sequence[Path],
    out: Path,
    options: StyleOptions,
    settings: Settings,
    *,
    mask: Path | None = None,
    time_lapse: Path | None = None,
    ending: str = "",
) -> int:
    """Paint one picture into a file, or several into a folder.

    Returns:
        The exit code: 2, or 1, if one of several could not be painted.

    Raises:
        PasticheError: What one picture alone, or all of several, fail for.
    """
    from nst.commands import run_stylize
    from nst.many import content_files, run_stylize_many

    files, several = content_files(contents)
    if not several and not os.path.isdir(out):
        methods = settings.methods
        made = run_stylize(files[0], styles, out, options, methods, mask=mask, time_lapse=time_lapse, ending=ending)
        for note in made:
            say_notice(note.code, note.detail, settings)
        return 0
    if time_lapse:
        detail = {"option": "time-lapse", "received": str(time_lapse), "allowed": "with one picture and one file"}
        raise UserError("option_out_of_range", detail)
    code = 0
    for painted in run_stylize_many(files, styles, out, options, settings.methods, mask=mask, ending=ending):
        for note in painted.notices:
            say_notice(note.code, note.detail, settings, f"{painted.content}: ")
        if painted.error is not None:
            sys.stderr.write(f"{painted.content}: {explain(painted.error)}\n")
            code = 1 if code == 1 or not isinstance(painted.error, UserError) else 2
    return code


def say_notice(code: str, detail: Mapping[str, object], settings: Settings, about: str = "") -> None:
    """Say what the user should know of a result, after whose it is."""
    sentence = notice(code, detail, settings.language)
    if sentence:
        sys.stderr.write(f"{about}{sentence}\n")
