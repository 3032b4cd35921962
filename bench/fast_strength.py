"""Is more strength more style? R must fall and LP rise from step to step, over 20 pairs and 11 strengths.

    SHARED_DIR=../shared python -m bench.fast_strength [MODEL_FOLDER]

Prints the mean curve and every step that goes the wrong way; see nst/quality.py for R and LP.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nst.device import configure_tensorflow
from nst.fast.method import Fast
from nst.method import MethodSettings, stylize
from nst.options import StyleOptions
from nst.pictures.decode import Picture, decode, resize
from nst.quality import Evaluator

Floats = NDArray[np.floating[Any]]

SIDE_PX = 256
STRENGTHS = np.linspace(0, 1, 11)
PAIRS = (
    ("moraine_lake", "vangogh_starry_night"), ("portrait_face", "munch_scream"), ("cat_chelsea", "hokusai_great_wave"),
    ("paris_eiffel", "picabia_udnie"), ("elephant", "kandinsky_composition_vii"),
    ("astronaut", "monet_water_lily_bridge"),
    ("bakery", "gris_violin_checkerboard"), ("city_sunset", "isfahan_tiles"), ("coffee", "klimt_mada_primavesi"),
    ("flowers", "signac_marseilles"), ("jockey", "persian_miniature"), ("london_rain_big", "stained_glass"),
    ("palm_tree", "derain_westminster"), ("portrait_woman", "redon_pandora"),
    ("ruins_athens", "van_doesburg_composition_xiii"), ("toddler_teddy", "vangogh_cypresses"),
    ("aquarium", "turner_shipwreck"), ("bridge_fog", "hiroshige_yabase"), ("dog_and_woman", "picabia_edtaonisl"),
    ("airplane", "texture_red_rings"),
)  # fmt: skip


class RememberingEvaluator(Evaluator):
    """Measures the content and the style of a pair once, not at each strength."""

    _known: dict[int, tuple[Floats, list[NDArray[np.float64]]]] = {}  # noqa: RUF012 - one evaluator per process

    def grams(self, picture: Floats) -> list[NDArray[np.float64]]:
        """As ``Evaluator.grams``, remembered."""
        if id(picture) not in self._known:
            self._known[id(picture)] = (picture, super().grams(picture))
        return self._known[id(picture)][1]


def main() -> None:
    """Measure and print."""
    configure_tensorflow()  # before the evaluator makes its first tensor
    shared = Path(os.environ.get("SHARED_DIR", "../shared"))
    model = sys.argv[1] if len(sys.argv) > 1 else str(shared / "models" / "magenta_savedmodel")
    fast = Fast(MethodSettings(fast_model=model))
    evaluator = RememberingEvaluator(shared / "models" / "features" / "squeezenet_v10.npz")
    curves = np.array([_curve(fast, evaluator, shared / "images", *pair) for pair in PAIRS])
    ratio, distance = curves[..., 0], curves[..., 1]
    for name, values, wrong in (("R", ratio, np.diff(ratio) >= 0), ("LP", distance, np.diff(distance) <= 0)):
        share = 100 * (1 - wrong.mean())
        print(f"{name:2} {' '.join(f'{value:.3f}' for value in values.mean(0))}   {share:.1f} % of {wrong.size} steps")
        for pair, step in np.argwhere(wrong):
            print(f"   {' x '.join(PAIRS[pair])}: {STRENGTHS[step]:.1f} {values[pair, step]:.4f}"
                 f" -> {values[pair, step + 1]:.4f}")  # fmt: skip


def _curve(fast: Fast, evaluator: Evaluator, images: Path, content: str, style: str) -> list[tuple[float, float]]:
    picture, art = _load(images / "content" / f"{content}.jpg"), _load(images / "styles" / f"{style}.jpg")
    curve = []
    for strength in STRENGTHS:
        painted = stylize(fast, picture, [art], StyleOptions(strength=float(strength))).picture.rgb
        curve.append(
            (
                evaluator.style_distance_ratio(picture.rgb, painted, art.rgb),
                evaluator.content_distance(picture.rgb, painted),
            )
        )
    return curve


def _load(path: Path) -> Picture:
    return resize(decode(path.read_bytes()), SIDE_PX, SIDE_PX)


if __name__ == "__main__":
    main()
