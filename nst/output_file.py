"""Where the command line's results go: a file that is replaced in one go, or standard output.

Whether it can be written is looked at before anything is painted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from nst.errors import UserError

STANDARD = Path("-")  # standard input, or standard output


def check_output(out: Path, others: Sequence[Path] = (), option: str = "out") -> None:
    """Find out whether a result can be written.

    Args:
        out: A file, a link to one, or ``STANDARD``.
        others: Files that it must not be: what is read, and what else is written.
        option: What ``out`` is called on the command line.

    Raises:
        UserError: ``output_unwritable``; ``option_out_of_range`` where it is one of ``others``.
    """
    if out == STANDARD:
        if sys.stdout.isatty():
            raise UserError("output_unwritable", {"path": "-", "reason": "a terminal shows no pictures"})
        return
    with _told(out):
        target = out.resolve()
        if any(other != STANDARD and other.resolve() == target for other in others):
            allowed = "a file that is neither read nor written otherwise"
            raise UserError("option_out_of_range", {"option": option, "received": str(out), "allowed": allowed})
        if not target.parent.is_dir():
            raise UserError("output_unwritable", {"path": str(out), "reason": "no such folder"})
        if target.is_dir():
            raise _error(errno.EISDIR)
        if target.exists() and not os.access(target, os.W_OK):
            raise _error(errno.EACCES)
        if len(os.fsencode(target.name)) > os.pathconf(target.parent, "PC_NAME_MAX"):
            raise _error(errno.ENAMETOOLONG)
        if not _is_special(target):
            with _beside(target):
                pass


def check_folder(folder: Path, parents: bool = False) -> None:
    """Make a folder for results if it is not there, and find out whether files can be written in it.

    Args:
        folder: Which.
        parents: Make those that it lies in as well.

    Raises:
        UserError: ``output_unwritable``.
    """
    with _told(folder):
        folder.mkdir(parents=parents, exist_ok=True)
    check_output(folder / "pastiche.jpg")


def write_output(out: Path, data: bytes) -> None:
    """Write a result so that nobody ever sees half a file; what was there keeps its permissions, a link its target.

    Args:
        out: As ``check_output`` has it.
        data: The whole file.

    Raises:
        UserError: ``output_unwritable``; what was there is there still.
    """
    with _told(out):
        if out == STANDARD:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        target = out.resolve()
        if _is_special(target):
            target.write_bytes(data)
            return
        with _beside(target) as file:
            file.write_bytes(data)
            if target.exists():
                before = target.stat()
                with contextlib.suppress(PermissionError):  # only root gives files away
                    os.chown(file, before.st_uid, before.st_gid)
                file.chmod(stat.S_IMODE(before.st_mode))
            file.replace(target)


def _is_special(target: Path) -> bool:
    return target.exists() and not target.is_file()


@contextlib.contextmanager
def _told(out: Path) -> Iterator[None]:
    try:
        yield
    except RuntimeError:  # links that lead to each other
        raise UserError("output_unwritable", {"path": str(out), "reason": os.strerror(errno.ELOOP)}) from None
    except OSError as error:
        raise UserError("output_unwritable", {"path": str(out), "reason": error.strerror or ""}) from error


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """An empty file in the same folder, with a short name of its own; gone at the end unless it was moved."""
    file = target.with_name(f".pastiche-{secrets.token_hex(4)}")
    file.touch(exist_ok=False)
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
