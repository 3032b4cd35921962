"""Twenty pairs of pictures, an extractor and an evaluator for the benchmarks of the Gatys method."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nst.method import MethodSettings
from nst.pictures.decode import Picture, decode

Rgb = NDArray[np.float32]

PAIRS = (
    ("paris_eiffel", "kandinsky_composition_vii"),
    ("portrait_face", "vangogh_starry_night"),
    ("elephant", "hokusai_great_wave"),
    ("cat_chelsea", "picabia_udnie"),
    ("moraine_lake", "munch_scream"),
    ("coffee", "seurat_grande_jatte_16colours"),
    ("astronaut", "stained_glass"),
    ("beach_city", "signac_marseilles"),
    ("bridge_fog", "turner_shipwreck"),
    ("city_sunset", "vangogh_night_cafe"),
    ("columns", "piranesi_prison"),
    ("dog_and_woman", "cassatt_lilacs"),
    ("flowers", "monet_water_lily_bridge"),
    ("jockey", "degas_rehearsal"),
    ("london_rain_big", "derain_westminster"),
    ("palm_tree", "gauguin_farm_brittany"),
    ("portrait_woman", "klimt_mada_primavesi"),
    ("rocket_night", "hiroshige_yabase"),
    ("ruins_athens", "vangogh_cypresses"),
    ("toddler_teddy", "texture_colour_zigzag"),
)


@dataclass(frozen=True)
class Pair:
    """A content and a style, decoded.

    Attributes:
        name: For tables.
        content: Longer side as asked for.
        style: Longer side as asked for.
    """

    name: str
    content: Picture
    style: Picture


def shared_folder() -> Path:
    """``SHARED_DIR``, by default ``../shared`` beside the checkout.

    Raises:
        SystemExit: It is absent; these benchmarks need its pictures and weights.
    """
    folder = Path(os.environ.get("SHARED_DIR", Path(__file__).resolve().parents[1] / "../shared"))
    if not (folder / "images").is_dir():
        raise SystemExit(f"these benchmarks need the pictures of SHARED_DIR; {folder} has none")
    return folder


def load_pairs(max_side_px: int, count: int = len(PAIRS)) -> Iterator[Pair]:
    """The first ``count`` pairs, no side longer than ``max_side_px``."""
    for content, style in PAIRS[:count]:
        yield Pair(
            f"{content} + {style}",
            decode(_find("content", content).read_bytes(), max_side_px),
            decode(_find("styles", style).read_bytes(), max_side_px),
        )


def settings() -> MethodSettings:
    """The operator's ``NST_VGG_WEIGHTS`` and ``NST_FAST_MODEL``, else the networks of ``SHARED_DIR``."""
    models = shared_folder() / "models"
    return MethodSettings(
        fast_model=os.environ.get("NST_FAST_MODEL", str(models / "magenta_savedmodel")),
        vgg_weights=os.environ.get("NST_VGG_WEIGHTS", str(models / "features" / "vgg19_16x.npz")),
    )


def evaluator_weights() -> Path:
    """SqueezeNet's file: the yardstick that no method is optimised on."""
    return shared_folder() / "models" / "features" / "squeezenet_v10.npz"


def _find(kind: str, name: str) -> Path:
    return next((shared_folder() / "images" / kind).glob(f"{name}.*"))
