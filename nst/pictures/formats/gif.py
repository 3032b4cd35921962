"""GIF as browsers show it: a canvas that is transparent where no frame has been, and where one was taken away.

The blocks are those of the GIF89a specification; where it leaves things open, Chromium is followed.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from PIL import GifImagePlugin, Image, ImageFile

from nst.pictures.formats.cut_off import CUT_OFF, replace, stand_in

_EXTENSION, _IMAGE = 0x21, 0x2C
_GRAPHIC_CONTROL, _APPLICATION = 0xF9, 0xFF
_TO_BACKGROUND, _TO_PREVIOUS = 2, (3, 4)
_MOST_BLOCKS = 400_000  # of up to 255 bytes each; more than that in 20 MiB is made to waste time
_INTERLACED = 0x40


@dataclass(frozen=True)
class GifFrame:
    """One frame, not decoded.

    Attributes:
        box: Left, top, right and bottom on the canvas.
        interlaced: The descriptor's flag.
        table: Its colours, red, green, blue; empty where there are none.
        data: Where its pixels are: code size and blocks.
        whole: Whether the file does not end within it.
        delay_ms: For how long it is shown, as the file says.
        disposal: What becomes of it then.
        transparent: An index, or None.
        plays: How often everything is played as far as is known here; 0 is for ever.
    """

    box: tuple[int, int, int, int]
    interlaced: bool
    table: bytes
    data: slice
    whole: bool
    delay_ms: int
    disposal: int
    transparent: int | None
    plays: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        left, top, right, bottom = self.box
        return right - left, bottom - top


def gif_frames(data: bytes) -> Iterator[GifFrame]:
    """Follow a GIF's blocks, decoding nothing; ends where browsers give up: at rubbish, or where the file does."""
    shared = _table(data, 10, 13)
    at, plays, control = 13 + len(shared), 1, bytes(4)
    while at + 1 < len(data):
        kind = data[at]
        if kind == _EXTENSION:
            label, body = data[at + 1], data[at + 3 : at + 19]
            if label == _GRAPHIC_CONTROL:
                control = body[:4].ljust(4, b"\0")
            elif label == _APPLICATION and body[:8] == b"NETSCAPE":
                repeats = int.from_bytes(body[13:15], "little")
                plays = repeats + 1 if repeats else 0
            at = _after_blocks(data, at + 2)
        elif kind == _IMAGE and at + 11 <= len(data):
            left, top, width, height, flags = struct.unpack_from("<4HB", data, at + 1)
            own = _table(data, at + 9, at + 10)
            start = at + 10 + len(own)
            at = _after_blocks(data, start + 1)
            yield GifFrame(
                (left, top, left + width, top + height),
                bool(flags & _INTERLACED),
                own or shared,
                slice(start, at),
                at <= len(data),
                10 * int.from_bytes(control[1:3], "little"),
                control[0] >> 2 & 7,
                control[3] if control[0] & 1 else None,
                plays,
            )
            control = bytes(4)
        else:
            return


def _table(data: bytes, flags_at: int, at: int) -> bytes:
    flags = data[flags_at] if flags_at < len(data) else 0
    return data[at : at + (3 << (flags & 7) + 1)] if flags & 0x80 else b""


def _after_blocks(data: bytes, at: int) -> int:
    """Where the next part begins; behind the data where they end before these blocks do."""
    for _ in range(_MOST_BLOCKS):
        if at >= len(data):
            break
        size = data[at]
        at += 1 + size
        if size == 0:
            return at
    return len(data) + 1


class GifFile(ImageFile.ImageFile):
    """A GIF; ``seek`` decodes nothing, ``load`` all frames up to the chosen one. Its mode is RGBA."""

    format = "GIF"
    format_description = "Compuserve GIF"

    def _open(self) -> None:
        self._data = self.fp.read()  # type: ignore[union-attr]
        self._coming = gif_frames(self._data)
        self._known: list[GifFrame] = []
        if not self._knows(0):
            raise SyntaxError("no frame")
        screen = struct.unpack_from("<2H", self._data, 6)
        # Only the first frame makes room for itself.
        self._size = (max(screen[0], self._known[0].box[2]), max(screen[1], self._known[0].box[3]))
        self._mode = "RGBA"
        self._number = 0
        self._clear()

    def _clear(self) -> None:
        self._canvas: Image.Image | None = None
        self._before: Image.Image | None = None
        self._painted = -1

    @property
    def is_animated(self) -> bool:
        """Whether there is a second frame."""
        return self._knows(1)

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        self._known.extend(self._coming)
        return len(self._known)

    @property
    def has_transparency_data(self) -> bool:
        """Whether something of the frame may be transparent."""
        first = self._known[0]
        return self._number > 0 or first.transparent is not None or first.box != (0, 0, *self.size)

    @property
    def takes_away(self) -> bool:
        """Whether some frame leaves nothing behind."""
        return self.n_frames > 0 and any(frame.disposal == _TO_BACKGROUND for frame in self._known)

    def _knows(self, frame: int) -> bool:
        while len(self._known) <= frame:
            coming = next(self._coming, None)
            if coming is None:
                return False
            self._known.append(coming)
        return True

    def seek(self, frame: int) -> None:
        """Choose a frame.

        Raises:
            EOFError: There are not as many.
        """
        if frame < 0 or not self._knows(frame):
            raise EOFError("no such frame")
        self._number = frame

    def tell(self) -> int:
        """The chosen frame."""
        return self._number

    def load(self) -> Any:
        """Decode.

        Raises:
            OSError: The data are damaged, or too much of them is lacking.
        """
        if self._number < self._painted:
            self._clear()
        if self._canvas is None:
            self._canvas = Image.new("RGBA", self.size)
        while self._painted < self._number:
            self._dispose(self._canvas)
            self._painted += 1
            self._paint(self._canvas, self._known[self._painted])
        self.im = self._canvas.im
        return Image.Image.load(self)

    def _dispose(self, canvas: Image.Image) -> None:
        if self._painted < 0:
            return
        last = self._known[self._painted]
        if last.disposal == _TO_BACKGROUND:
            canvas.paste((0, 0, 0, 0), last.box)
        elif self._before is not None:
            canvas.paste(self._before)
        self._before = None

    def _paint(self, canvas: Image.Image, frame: GifFrame) -> None:
        if frame.disposal in _TO_PREVIOUS:
            self._before = canvas.copy()
        if 0 in frame.size:
            return
        image = self._decoded(frame)
        shown = None
        if frame.transparent is not None:
            indices = Image.frombytes("L", image.size, image.tobytes())
            shown = indices.point([255 * (index != frame.transparent) for index in range(256)])
        canvas.paste(image.convert("RGB"), frame.box[:2], shown)

    def _decoded(self, frame: GifFrame) -> ImageFile.ImageFile:
        image = self._alone(frame)
        try:
            image.load()
        except OSError:
            if self._number:
                raise
            self._decode_part(image, frame)
        return image

    def _decode_part(self, image: ImageFile.ImageFile, frame: GifFrame) -> None:
        import numpy as np

        # What differs with the canvas is what the file did not come to.
        parts = []
        for level in (0, 255):
            part = self._alone(frame)
            part.im = Image.new(part.mode, part.size, level).im
            with suppress(OSError):
                part.load()
            part.tile = []
            parts.append(part)
        image.tile = []
        replace(image, parts[0])
        stand_in(image, np.asarray(parts[0]) != np.asarray(parts[1]))
        self.info[CUT_OFF] = True

    def _alone(self, frame: GifFrame) -> ImageFile.ImageFile:
        """A frame as a GIF of its own, of indices and colours only."""
        flags = 0x80 | ((len(frame.table) // 3).bit_length() - 2) if frame.table else 0
        head = struct.pack("<6s2H3B", b"GIF89a", *frame.size, flags, 0, 0) + frame.table
        place = struct.pack("<B4HB", _IMAGE, 0, 0, *frame.size, _INTERLACED * frame.interlaced)
        return GifImagePlugin.GifImageFile(io.BytesIO(head + place + self._data[frame.data] + b"\0;"))
