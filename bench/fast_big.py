"""A photograph of 24 megapixels: peak memory, and whether the tiles' seams can be seen.

SHARED_DIR=../shared python -m bench.fast_big [MODEL_FOLDER]
"""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path
from typing import cast

import numpy as np

from nst.device import configure_tensorflow
from nst.fast.artists import VectorArtist
from nst.fast.method import Fast
from nst.fast.tiling import TILE_PX, receptive_radius_px
from nst.method import MethodSettings, Progress, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture, decode, resize

WIDTH_PX, HEIGHT_PX = 6000, 4000


def main() -> None:
    """Measure and print."""
    configure_tensorflow()
    shared = Path(os.environ.get("SHARED_DIR", "../shared"))
    model = sys.argv[1] if len(sys.argv) > 1 else str(shared / "models" / "magenta_savedmodel")
    images = shared / "images"
    style = decode((images / "styles" / "vangogh_starry_night.jpg").read_bytes(), 512)
    content = resize(decode((images / "content" / "moraine_lake.jpg").read_bytes()), WIDTH_PX, HEIGHT_PX)
    fast = Fast(MethodSettings(fast_model=model))
    memory: list[int] = []
    started = time.perf_counter()
    result = stylize(fast, content, [style], StyleOptions(max_side_px=8192), lambda progress: _note(memory, progress))
    seconds = time.perf_counter() - started
    print(f"{WIDTH_PX} x {HEIGHT_PX} px in {seconds:.1f} s, peak RSS {_status_mib('VmHWM')} MiB")
    print(f"RSS after a quarter of the tiles {memory[len(memory) // 4]} MiB, at the end {memory[-1]} MiB")
    for axis, ratio in enumerate(_seam_ratios(fast, result.picture, style)):
        print(f"RMS gradient across seams along axis {axis}: {ratio:.3f} of elsewhere")


def _note(memory: list[int], progress: Progress) -> None:
    memory.append(_status_mib("VmRSS"))


def _status_mib(name: str) -> int:
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) // 1024 if found else 0


def _seam_ratios(fast: Fast, picture: Picture, style: Picture) -> list[float]:
    """Across the seams, relative to lines half a tile away in the same phase of the network's 4-px grid."""
    artist = cast(VectorArtist, fast._load().artist)
    core = TILE_PX - 2 * receptive_radius_px(artist.network, artist.vectors.of(style))
    ratios = []
    for axis in (0, 1):
        seams = np.arange(core, picture.rgb.shape[axis], core)
        elsewhere = np.concatenate([seams - core // 2 + 4 * k for k in range(-8, 9)])
        ratios.append(_steps(picture, axis, seams) / _steps(picture, axis, elsewhere))
    return ratios


def _steps(picture: Picture, axis: int, lines: np.ndarray[tuple[int], np.dtype[np.intp]]) -> float:
    steps = np.take(picture.rgb, lines, axis) - np.take(picture.rgb, lines - 1, axis)
    return float(np.sqrt(np.square(steps).mean()))


if __name__ == "__main__":
    main()
