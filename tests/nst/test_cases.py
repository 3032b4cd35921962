"""Inputs that people reported, each standing for its kind: what becomes of them is written beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nst.errors import UserError
from nst.pictures.decode import Picture, decode
from nst.pictures.header import inspect


@pytest.fixture(scope="module")
def pictures(shared_dir: Path) -> Path:
    folder = shared_dir / "cases" / "pictures"
    if not folder.is_dir():
        pytest.skip("no cases among the shared files")
    return folder


def test_every_reported_picture_gives_what_is_written_beside_it(pictures: Path) -> None:
    expected = json.loads((pictures / "expected.json").read_text(encoding="utf-8"))
    wrong = {
        name: found for name, right in expected.items() if name[0] != "_" if (found := faults(pictures / name, right))
    }
    assert len(expected) > 1
    assert wrong == {}


def faults(path: Path, right: dict[str, Any]) -> list[str]:
    """What is not as it should be."""
    if path.suffix == ".heic":
        pytest.importorskip("pillow_heif", reason="the heic extra is not installed")
    data = path.read_bytes()
    try:
        header, picture = inspect(data), decode(data)
    except UserError as error:
        return [error.code] if right["outcome"] == "ok" or error.code == right.get("not_code") else []
    if right["outcome"] not in {"ok", "ok or a sentence of its own"}:
        return ["painted"]
    found = [] if header.frames == picture.frames else ["frames"]
    size = [picture.width_px, picture.height_px]
    if right.get("size_px", size) != size:
        return [*found, f"size {size}"]
    return found + points(picture, right)


def points(picture: Picture, right: dict[str, Any]) -> list[str]:
    """What is wrong with colour or opacity at the quarters' middles."""
    places = [(picture.height_px * down // 4, picture.width_px * across // 4) for down in (1, 3) for across in (1, 3)]
    alpha = np.ones(picture.rgb.shape[:2]) if picture.alpha is None else picture.alpha
    found = []
    for number, place in enumerate(places):
        levels = [*(picture.rgb[place] * 255), alpha[place] * 255]
        colours, opacities = right.get("rgb") or [[None] * 3] * 4, right.get("alpha") or [None] * 4
        wanted = [*colours[number], opacities[number]]
        off = [abs(is_ - should) for is_, should in zip(levels, wanted, strict=True) if should is not None]
        if max(off, default=0) > right.get("tolerance", 0):
            found.append(f"{place}: {levels}")
    return found
