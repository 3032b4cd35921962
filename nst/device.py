"""The one place that decides how TensorFlow uses this machine."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import logging
import mmap
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import numpy as np

log = logging.getLogger(__name__)

# TensorFlow 2.21 writes these while it is imported, before TF_CPP_MIN_LOG_LEVEL takes effect.
_CHATTER = re.compile(rb"^(WARNING: All log messages before absl|[IWE]\d{4} \d\d:\d\d:\d\d)")

_QUIET = "3"

# What oneDNN keeps for shapes that it has met, beside what TensorFlow's threads keep, see ``forgetful_session``. By
# default it is 1024; a picture takes about 20.
_PRIMITIVES_KEPT = "128"

# Enough for the largest picture that is painted in one pass.
_RESERVED_BYTES = 512 << 20
# Of TensorFlow's pool: what 450 x 450 px take with a large network. To touch memory anew takes time.
_KEPT_BYTES = 64 << 20
# Not all of it: were there no room, the pool would grow by as much.
_LENT_BYTES = _RESERVED_BYTES * 3 // 4
_MADV_DONTNEED = 4  # linux/mman.h

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h


@functools.cache
def configure_tensorflow() -> Any:
    """Set TensorFlow up for a worker, once per process; later calls change nothing.

    Called before TensorFlow does anything: quiet C++ logs (set ``TF_CPP_MIN_LOG_LEVEL`` to hear
    them), memory that grows on a GPU instead of being taken whole, and as many threads as this process has
    cores. Never a single thread between operations: nested functions of a SavedModel can then wait for each
    other for ever.

    Returns:
        The ``tensorflow`` module.
    """
    # A parent process may have set the level here, too: at our own level everybody stays quiet.
    quiet = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", _QUIET) == _QUIET
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _PRIMITIVES_KEPT)
    _tune_malloc()
    with _without_chatter() if quiet else contextlib.nullcontext():
        import tensorflow as tf

        logging.getLogger("tensorflow").setLevel(logging.ERROR)
        try:
            _set_threads_and_memory(tf)
        except RuntimeError as error:
            log.warning("TensorFlow was already running when it was configured: %s", error)
    return tf


def cores() -> int:
    """Cores that this process may use (an affinity mask or a container's cpuset counts)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_gpu() -> bool:
    """Whether TensorFlow sees a GPU; loads it."""
    return bool(configure_tensorflow().config.list_physical_devices("GPU"))


def return_freed_memory() -> None:
    """Give what was freed back to the system, as after loading a model, which takes several times its size."""
    gc.collect()
    return_pool()
    with contextlib.suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def return_pool() -> None:
    """Give memory of TensorFlow's pool for large tensors back to the system, which TensorFlow itself never does.

    What the allocator lends here belongs to nobody else, and nothing has been written there yet.
    """
    tf = configure_tensorflow()
    with contextlib.suppress(tf.errors.OpError, OSError, AttributeError), tf.device("CPU:0"):
        lent = np.asarray(memoryview(tf.raw_ops.Empty(shape=[_LENT_BYTES], dtype=tf.uint8, init=False)))
        begin = -(-(lent.ctypes.data + _KEPT_BYTES) // mmap.PAGESIZE) * mmap.PAGESIZE
        size = (lent.ctypes.data + lent.nbytes - begin) // mmap.PAGESIZE * mmap.PAGESIZE
        ctypes.CDLL("libc.so.6").madvise(ctypes.c_void_p(begin), ctypes.c_size_t(size), _MADV_DONTNEED)


def memory_errors() -> tuple[type[Exception], ...]:
    """What an ``except`` clause catches where memory runs out.

    Returns:
        Python's own error and, once TensorFlow is loaded, its ``ResourceExhaustedError``: nothing raises that before,
        so asking never loads it.
    """
    tf = sys.modules.get("tensorflow")
    return (MemoryError, tf.errors.ResourceExhaustedError) if tf is not None else (MemoryError,)


def tensorflow_error() -> type[Exception]:
    """What TensorFlow's operations raise; loads it."""
    error: type[Exception] = configure_tensorflow().errors.OpError
    return error


def _set_threads_and_memory(tf: Any) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(cores())
    tf.config.threading.set_inter_op_parallelism_threads(max(2, cores()))
    for gpu in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(gpu, True)
    tf.zeros(1)  # the devices are made here, with the last of the chatter
    _reserve_addresses(tf)


def _reserve_addresses(tf: Any) -> None:
    """Let TensorFlow's pool for large tensors begin with one wide region, of addresses only: nobody touches it here.

    The pool (with oneDNN) grows by regions, each twice the one before, none of which is ever given back; no tensor lies
    across two. In one region pictures of many sizes leave fewer holes.
    """
    with contextlib.suppress(tf.errors.OpError), tf.device("CPU:0"):
        tf.raw_ops.Empty(shape=[_RESERVED_BYTES], dtype=tf.uint8, init=False)


def _tune_malloc() -> None:
    """Let glibc give large buffers back: pictures of many sizes otherwise leave holes that add up."""
    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL("libc.so.6")
        for parameter in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
            libc.mallopt(parameter, 1 << 20)
        libc.mallopt(_M_ARENA_MAX, 2)


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Hold back C++ start-up lines of standard error; everything else written meanwhile still appears."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        original = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(original, 2)
            os.close(original)
            held.seek(0)
            for line in held:
                if not _CHATTER.match(line):
                    os.write(2, line)
