"""Where strangers' bytes are decoded: in a process of its own that can be killed (docs/adr/0018).

Light: the process is started when the first file comes and kept warm; this side only hands files over and takes pixels.
Files and pixels travel as memory that is shared as an open file (``memfd``, a deleted temporary file where there is
none), the words beside them as one line of JSON each way over a socket pair. Nothing is pickled.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import asdict, dataclass, replace
from typing import IO, TYPE_CHECKING, Any

from nst.errors import Cancelled, UserError, error_from_dict
from nst.method import IsCancelled, never_cancelled
from nst.pictures.header import DEFAULT_LIMITS, Limits
from nst.pictures.patience import PATIENCE_S, Patience
from nst.pictures.signature import declared_size, identify

if TYPE_CHECKING:
    from nst.pictures.decode import Picture

log = logging.getLogger(__name__)

ELSEWHERE = hasattr(socket, "send_fds")  # else (Windows) everything is decoded in place, within no bounds
_ASK_S = 0.1
_LONGEST_LINE = 1 << 16
_KEPT = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
_START_S = 60.0
# How a process ends that has used up its time, its file or, at the hands of the system, its memory.
_SPENT = (signal.SIGALRM, signal.SIGXFSZ, signal.SIGKILL) if ELSEWHERE else ()


@dataclass(frozen=True)
class Bounds:
    """What decoding one file may take.

    Attributes:
        seconds: By the clock.
        memory_bytes: Private memory of the process.
        idle_s: It ends after so long without a file; 0 keeps it as long as this process.
    """

    seconds: float = PATIENCE_S
    memory_bytes: int = 960 * 1024 * 1024
    idle_s: float = 0.0


_OWN_MEMORY_BYTES = 4 << 30
_FRONTEND_MEMORY_BYTES = 256 << 20  # a HEIC of 53 megapixels, a PNG of 48
_OWN_BYTES = 80 << 20  # what the process takes itself
OWN_FILES = Limits(max_bytes=sys.maxsize, max_memory_bytes=_OWN_MEMORY_BYTES - (256 << 20))


def _nothing() -> None:
    """Nobody interrupts."""


class Decoder:
    """Decodes files in a process of its own; one at a time, whichever thread asks.

    Attributes:
        limits: As given.
        interrupt: Called ten times a second while a file is being decoded; what it raises ends that.

    Args:
        bounds: What one file may take.
        limits: What its header may say.
    """

    def __init__(self, bounds: Bounds | None = None, limits: Limits = DEFAULT_LIMITS) -> None:
        self.interrupt: Callable[[], None] = _nothing
        self.limits = limits
        self._bounds = bounds or Bounds()
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def __enter__(self) -> Decoder:
        """Nothing yet: the process is started when it is needed."""
        return self

    def __exit__(self, *error: object) -> None:
        """As ``close``."""
        self.close()

    def warm(self) -> None:
        """Start the process, without waiting for it."""
        if ELSEWHERE:
            with self._lock:
                self._child = self._child or _Child(self._bounds)

    def close(self) -> None:
        """End the process; the next file starts another one."""
        with self._lock:
            self._end()

    def decode(
        self,
        data: bytes,
        max_side_px: int | None = None,
        cancelled: IsCancelled = never_cancelled,
        *,
        transparent: bool = False,
    ) -> Picture:
        """As ``nst.pictures.decode.decode``, over there.

        Args:
            data: The whole file.
            max_side_px: Longer side of the result at most.
            cancelled: Asked ten times a second.
            transparent: Whether a picture of which nothing can be seen is one: see ``Limits``.

        Raises:
            UserError: One of the ``image_*`` codes; ``image_too_costly`` for what takes more than the bounds allow.
            Cancelled: ``cancelled()`` was true; the process was killed.
        """
        from nst.pictures.decode import decode, picture_from

        limits = replace(self.limits, transparent=transparent)
        if not ELSEWHERE:
            return decode(data, max_side_px, limits)
        request = {"do": "picture", "max_side_px": max_side_px, "limits": asdict(limits)}
        with _shared(data) as file, self._asked(request, file, cancelled) as (reply, pixels):
            return picture_from(pixels, reply)

    def frames(
        self, data: bytes, count: int, width_px: int, height_px: int, cancelled: IsCancelled = never_cancelled
    ) -> Generator[Picture, None, None]:
        """An animation's frames, decoded over there one after the other, as they are asked for.

        Args:
            data: The whole file, a GIF or WEBP that ``nst.pictures.header.inspect`` has let through.
            count: How many there are.
            width_px: Of the frames.
            height_px: Of the frames.
            cancelled: Asked ten times a second while a frame is being decoded.

        Raises:
            UserError, Cancelled: As ``decode``; ``clip_too_costly`` for frames that come too slowly.
        """
        from nst.pictures.decode import picture_from

        patience, stored_px = Patience(self._bounds.seconds), math.prod(declared_size(data, identify(data)) or (0,))
        with _shared(data) as file:
            for number in range(count):
                request = {"do": "frame", "number": number, "size": [width_px, height_px]}
                request["limits"] = asdict(self.limits)
                asked_s = time.monotonic()
                with self._asked(request, file, cancelled, patience.left_s) as (reply, pixels):
                    frame = picture_from(pixels, reply)
                patience.waited(time.monotonic() - asked_s)
                patience.came(stored_px)
                yield frame

    def reduced(self, data: bytes, max_side_px: int, paper: tuple[int, int, int], quality: int = 88) -> bytes:
        """Make a small upright JPEG of a picture, for who has no NumPy here.

        Args:
            data: The whole file.
            max_side_px: Longer side of the result at most.
            paper: What lies under a picture that is transparent, sRGB 0..255.
            quality: Of the JPEG, 1-100.

        Raises:
            UserError: As ``decode``.
        """
        if not ELSEWHERE:
            from nst.pictures.decode import reduced

            return reduced(data, max_side_px, self.limits, paper, quality)
        request = {"do": "jpeg", "max_side_px": max_side_px, "limits": asdict(self.limits)}
        request |= {"paper": paper, "quality": quality}
        with _shared(data) as file, self._asked(request, file, never_cancelled) as (_, jpeg):
            return jpeg.read()

    @contextlib.contextmanager
    def _asked(
        self, request: dict[str, Any], file: IO[bytes], cancelled: IsCancelled, seconds: float | None = None
    ) -> Iterator[tuple[dict[str, Any], IO[bytes]]]:
        """One question and its answer: words, and the file with what does not fit into words."""
        with self._lock:
            reply, taken = self._answer(request, file, cancelled, seconds or self._bounds.seconds)
        with taken:
            if "error" in reply:
                raise error_from_dict(reply["error"])
            yield reply, taken

    def _answer(
        self, request: dict[str, Any], file: IO[bytes], cancelled: IsCancelled, seconds: float
    ) -> tuple[dict[str, Any], IO[bytes]]:
        for _ in range(2):
            child = self._ready(cancelled)
            sent = send(child.channel, request, file)
            answer = self._await(child, seconds, cancelled) if sent else None
            if answer:
                if _too_costly(answer[0]):
                    self._end()  # what ran out of memory once goes on with what is left of it
                return answer
            if sent and child.code():
                raise self._crashed(child)
            self._end()  # it went before it heard, as idle ones do
        raise ChildProcessError("two decoders ended before they were asked")

    def _ready(self, cancelled: IsCancelled) -> _Child:
        """The process, once it has loaded what it needs; that is nobody's file's fault and has its own time."""
        if self._child is None or self._child.gone:
            self._end()
            self._child = _Child(self._bounds)
        child = self._child
        if not child.ready:
            if self._await(child, _START_S, cancelled) is None:
                raise ChildProcessError(f"the decoder ended with {child.code()} before it was ready")
            child.ready = True
        return child

    def _await(self, child: _Child, seconds: float, cancelled: IsCancelled) -> tuple[dict[str, Any], IO[bytes]] | None:
        ends_s = time.monotonic() + seconds
        try:
            while not select.select([child.channel], [], [], min(_ASK_S, max(0.0, ends_s - time.monotonic())))[0]:
                if time.monotonic() >= ends_s:
                    log.warning("The decoder is killed after %.1f s", seconds)
                    raise UserError("image_too_costly")
                self.interrupt()
                if cancelled():
                    raise Cancelled
            return receive(child.channel)
        except BaseException:  # whoever interrupts: what is half decoded is not waited for
            self._end()
            raise

    def _crashed(self, child: _Child) -> UserError:
        self._end()
        # What it had to say of itself is in the log; to the user a crash says no more than that the file did it.
        log.warning("The decoder ended with %s", child.code())
        return UserError("image_too_costly" if -child.code() in _SPENT else "image_truncated")

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


class _Child:
    """The process, while it lives.

    Attributes:
        channel: To it.
        ready: Whether it has said that it can begin.
        end: Ends it; so does losing the last reference to this.
    """

    def __init__(self, bounds: Bounds) -> None:
        self.channel, other = socket.socketpair()
        self.ready = False
        code = f"import sys; sys.path[:] = {sys.path!r}; from nst.pictures.decoder_process import main; main()"
        words = [str(other.fileno()), f"{bounds.seconds:g}", str(bounds.memory_bytes), f"{bounds.idle_s:g}"]
        # Of the environment, which has tokens and passwords, what an interpreter needs; of open files, the channel.
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        with other:
            self._process = subprocess.Popen(  # noqa: S603 - no shell; our own code
                [sys.executable, "-c", code, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                pass_fds=[other.fileno()],
                start_new_session=True,  # Ctrl+C is not for it
            )
        self.end = weakref.finalize(self, _end, self._process, self.channel)

    @property
    def gone(self) -> bool:
        """Whether it has ended by itself, or by somebody's hand."""
        return self._process.poll() is not None

    def code(self) -> int:
        """Its exit code, below 0 for a signal; waits for the end of a process that has closed its channel."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(1)
        return 0


def _end(process: subprocess.Popen[bytes], channel: socket.socket) -> None:
    channel.close()
    process.kill()
    process.wait()


def _too_costly(words: dict[str, Any]) -> bool:
    return bool(words.get("error", {}).get("code") == "image_too_costly")


def decoder_of_a_frontend() -> Decoder:
    """A decoder of strangers' pictures for who runs in half a gibibyte and needs it seldom.

    What a picture has to be is asked of its header before: shapes are no limit here, of results reduced neither.
    """
    limits = Limits(max_memory_bytes=_FRONTEND_MEMORY_BYTES, max_ratio=sys.maxsize, min_side_px=1)
    return Decoder(Bounds(memory_bytes=_FRONTEND_MEMORY_BYTES + _OWN_BYTES, idle_s=60.0), limits)


def decoder_of_own_files() -> Decoder:
    """A decoder for whoever runs a program on pictures of their own: any size of file, and more time and memory."""
    return Decoder(Bounds(seconds=120.0, memory_bytes=_OWN_MEMORY_BYTES), OWN_FILES)


@contextlib.contextmanager
def _shared(data: bytes) -> Iterator[IO[bytes]]:
    with new_file() as file:
        file.write(data)
        file.flush()
        yield file


def new_file() -> IO[bytes]:
    """An open file that has no name and is gone when nobody holds it any more; in memory where the system can."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("picture"), "w+b")
    return tempfile.TemporaryFile()


def send(channel: socket.socket, words: dict[str, Any], file: IO[bytes]) -> bool:
    """Say something, and hand over a file.

    Returns:
        False where nobody is there to hear it.
    """
    line = json.dumps(words).encode() + b"\n"
    try:
        socket.send_fds(channel, [line], [file.fileno()])
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def receive(channel: socket.socket) -> tuple[dict[str, Any], IO[bytes]] | None:
    """What ``send`` has sent; None where the other side has gone."""
    line, handles = b"", []
    while not line.endswith(b"\n"):
        try:
            part, more, _, _ = socket.recv_fds(channel, _LONGEST_LINE, 1)
        except ConnectionResetError:
            part, more = b"", []
        line += part
        handles += more
        if not part or len(line) > _LONGEST_LINE:
            for handle in handles:
                os.close(handle)
            return None
    return json.loads(line), os.fdopen(handles[0], "rb")
