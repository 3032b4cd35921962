"""The process that ``nst.pictures.decoder`` starts: takes files, gives pixels, and is killed where it takes too long.

It has no environment, no network and no file but what it is handed; what it may take is set before the first file.
It ends with the process that started it, however that one ends, and by itself after its time for a file.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from typing import IO, Any

from PIL import Image, ImageFile

from nst.errors import UserError
from nst.pictures.confinement import confine
from nst.pictures.decode import Seen, reduced, seen, seen_frame
from nst.pictures.decoder import new_file, receive, send
from nst.pictures.header import HOSTILE_INPUT, Limits, open_image

_SPARE_S = 0.5  # the other side kills first, and knows why


def main() -> None:
    """Serve until the other side goes; arguments as ``nst.pictures.decoder`` gives them."""
    handle, seconds, memory_bytes, idle_s = (float(word) for word in sys.argv[1:])
    confine(int(memory_bytes))
    Image.MAX_IMAGE_PIXELS = None  # our own limits are the ones
    with socket.socket(fileno=int(handle)) as channel:
        threading.Thread(target=_end_with_the_other_side, args=[channel], daemon=True).start()
        with new_file() as nothing:
            send(channel, {}, nothing)  # ready
        while select.select([channel], [], [], idle_s or None)[0]:
            request = receive(channel)
            if request is None:
                break
            with request[1] as file:
                # The signal's default action ends the process, in whatever library it is.
                signal.setitimer(signal.ITIMER_REAL, seconds + _SPARE_S)
                _answer(channel, request[0], file)
                signal.setitimer(signal.ITIMER_REAL, 0)


def _end_with_the_other_side(channel: socket.socket) -> None:
    watch = select.poll()
    watch.register(channel, 0)  # nothing but its end is waited for
    watch.poll()
    os._exit(0)


def _answer(channel: socket.socket, request: dict[str, Any], file: IO[bytes]) -> None:
    with new_file() as given:
        try:
            words = _WORK[request["do"]](request, file, given)
        except UserError as error:
            words = {"error": error.as_dict()}
        except MemoryError:
            words = {"error": UserError("image_too_costly").as_dict()}
        given.flush()
        given.seek(0)
        send(channel, words, given)


def _picture(request: dict[str, Any], file: IO[bytes], given: IO[bytes]) -> dict[str, Any]:
    return seen(_read(file), request["max_side_px"], Limits(**request["limits"])).write(given)


def _jpeg(request: dict[str, Any], file: IO[bytes], given: IO[bytes]) -> dict[str, Any]:
    limits, paper = Limits(**request["limits"]), tuple(request["paper"])
    given.write(reduced(_read(file), request["max_side_px"], limits, paper, request["quality"]))
    return {}


class _Animation:
    """The animation whose frames are being asked for; another one's first question replaces it."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._image: ImageFile.ImageFile | None = None

    def frame(self, request: dict[str, Any], file: IO[bytes], given: IO[bytes]) -> dict[str, Any]:
        """One frame."""
        return self._seen(file, request["number"], request["size"], Limits(**request["limits"])).write(given)

    def _seen(self, file: IO[bytes], number: int, size: tuple[int, int], limits: Limits) -> Seen:
        image = self._opened(file, limits)
        try:
            image.seek(number)
            return seen_frame(image, *size)
        except HOSTILE_INPUT as error:
            raise UserError("clip_damaged") from error

    def _opened(self, file: IO[bytes], limits: Limits) -> ImageFile.ImageFile:
        if self._image is None or self._file is None or not os.path.sameopenfile(file.fileno(), self._file.fileno()):
            self._image, _ = open_image(_read(file), limits)
            self._file = os.fdopen(os.dup(file.fileno()), "rb")
        return self._image


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


_WORK = {"picture": _picture, "jpeg": _jpeg, "frame": _Animation().frame}
