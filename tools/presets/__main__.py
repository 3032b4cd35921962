"""`python -m tools.presets`: redraw the built-in presets' pictures, and the sheet that shows them all."""

import argparse
import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path

from bot.presets.catalogue import contact_sheet, load_presets
from bot.texts import explain
from nst.errors import UserError
from nst.output_file import check_folder, check_output
from tools.presets import DRAWINGS
from tools.presets.canvas import to_image

SIZE_PX = 512
_QUALITY = 82
_LOG = logging.getLogger(__name__)


PICTURES = Path(__file__).resolve().parents[2] / "bot/presets/pictures"


def drawn_jpeg(name: str, size_px: int = SIZE_PX) -> bytes:
    """Return the named style, freshly drawn, as a JPEG.

    Raises:
        KeyError: No style has that name.
    """
    drawing = DRAWINGS[name]
    buffer = io.BytesIO()
    to_image(drawing.draw(size_px, drawing.seed)).save(buffer, "JPEG", quality=_QUALITY, optimize=True)
    return buffer.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """Redraw the named presets, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m tools.presets", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="presets to redraw; all without any")
    parser.add_argument("--folder", type=Path, default=PICTURES, help="where to write")
    parser.add_argument("--size-px", type=int, default=SIZE_PX, help="side of the pictures (default: %(default)s)")
    parser.add_argument("--sheet", type=Path, help="also write a sheet of all built-in presets to this file")
    options = parser.parse_args(arguments)
    unknown = sorted(set(options.names) - set(DRAWINGS))
    if unknown:
        parser.error(f"no such preset: {', '.join(unknown)} (there are: {', '.join(DRAWINGS)})")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        check_folder(options.folder, parents=True)
        if options.sheet:
            check_output(options.sheet)
    except UserError as error:
        parser.error(explain(error, "en"))
    for name in options.names or DRAWINGS:
        _write(options.folder / f"{name}.jpg", drawn_jpeg(name, options.size_px))
    if options.sheet:
        _write(options.sheet, contact_sheet(load_presets(), columns=6, cell_px=190))


def _write(path: Path, content: bytes) -> None:
    """Write the file whole or not at all."""
    partial = path.with_suffix(".part")
    partial.write_bytes(content)
    os.replace(partial, path)
    _LOG.info("%s: %d kB", path, len(content) // 1000)


if __name__ == "__main__":
    main()
