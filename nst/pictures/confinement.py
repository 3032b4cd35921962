"""Puts bounds on a process before it meets somebody's file; also a program that does so and becomes another one.

    python confinement.py MEMORY_BYTES CPU_S PROGRAM ARGUMENTS…

Standard library only. Where the system knows no such bounds (Windows) nothing happens.
"""

from __future__ import annotations

import contextlib
import os
import sys

_PR_SET_PDEATHSIG = 1  # sys/prctl.h


def confine(memory_bytes: int, cpu_s: float = 0.0) -> None:
    """Bound this process; what it starts inherits it.

    Args:
        memory_bytes: Private memory, by the data limit: Linux counts every private writable page in it. Files that it
            writes, memory that is shared as a file among them, are bounded by the same number.
        cpu_s: Processor time in all; 0 for any.
    """
    try:
        import resource
    except ImportError:
        return
    bounds = [(resource.RLIMIT_DATA, memory_bytes), (resource.RLIMIT_FSIZE, memory_bytes)]
    bounds.append((resource.RLIMIT_CORE, 0))  # nobody's picture lands on a disk because a decoder crashed
    if cpu_s:
        bounds.append((resource.RLIMIT_CPU, int(cpu_s)))
    for kind, bound in bounds:
        with contextlib.suppress(OSError, ValueError):  # a lower hard limit holds already
            resource.setrlimit(kind, (bound, bound))


def confined(command: list[str], memory_bytes: int, cpu_s: float) -> list[str]:
    """The command that starts another one within bounds, and ends it with the thread that started it.

    Args:
        command: Program and arguments.
        memory_bytes: As in ``confine``.
        cpu_s: As in ``confine``.
    """
    if sys.platform == "win32":
        return command
    return [sys.executable, "-I", "-S", __file__, str(memory_bytes), f"{cpu_s:g}", *command]


def _die_with_the_parent() -> None:
    if sys.platform.startswith("linux"):
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    _die_with_the_parent()
    confine(int(sys.argv[1]), float(sys.argv[2]))
    os.execv(sys.argv[3], sys.argv[3:])  # noqa: S606 - no shell; our own command
