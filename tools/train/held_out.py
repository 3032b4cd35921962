"""The pictures that training never sees: 8 photographs and 12 styles, by file stem, fixed once and for all."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

HELD_OUT_PHOTOS = (
    "astronaut",
    "cat_chelsea",
    "coffee",
    "elephant",
    "moraine_lake",
    "paris_eiffel",
    "portrait_face",
    "rocket_night",
)
HELD_OUT_STYLES = (
    "gris_violin_checkerboard",
    "hokusai_great_wave",
    "isfahan_tiles",
    "kandinsky_composition_vii",
    "klimt_mada_primavesi",
    "monet_water_lily_bridge",
    "munch_scream",
    "picabia_udnie",
    "seurat_grande_jatte_16colours",
    "signac_marseilles",
    "texture_red_rings",
    "vangogh_starry_night",
)
# Other names for held-out pictures, or other versions of them, in collections that are likely to be used for training.
_ALSO_LEFT_OUT = ("seurat_oil_sketch_for_a_sunday_on_l", "eiffel_tower")
_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def pictures(folders: Iterable[Path]) -> list[Path]:
    """All pictures directly in `folders`, sorted by stem so that seeds mean the same on every machine."""
    found = [path for folder in folders for path in folder.iterdir() if path.suffix.lower() in _PICTURE_SUFFIXES]
    return sorted(found, key=lambda path: (path.stem, str(path)))


def training_pictures(folders: Iterable[Path]) -> list[Path]:
    """The pictures in `folders` less the held-out ones."""
    left_out = {*HELD_OUT_PHOTOS, *HELD_OUT_STYLES, *_ALSO_LEFT_OUT}
    return [path for path in pictures(folders) if path.stem not in left_out]


def held_out_pictures(folders: Iterable[Path], stems: Iterable[str]) -> dict[str, Path]:
    """Where the pictures named `stems` are, in the order of the list; missing ones are left out."""
    by_stem = {path.stem: path for path in pictures(folders)}
    return {stem: by_stem[stem] for stem in stems if stem in by_stem}
