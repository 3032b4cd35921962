"""The bundled networks against their teachers, on pictures that training never saw."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nst.bundled.weights import EXTRACTOR, FOLDER, NETWORK
from nst.quality import Evaluator
from tools.train import report
from tools.train.recipe import Sources

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]

SHARED = Path(os.environ.get("SHARED_DIR", "../shared")).absolute()
SOURCES = Sources(
    photos=(SHARED / "images" / "content",),
    styles=(SHARED / "images" / "styles",),
    teacher=SHARED / "models" / "magenta_savedmodel",
    features=SHARED / "models" / "features",
    out=SHARED,
)
needs_shared = pytest.mark.skipif(
    not (SOURCES.features / report.EVALUATOR).exists(), reason=f"no evaluator and held-out pictures in {SHARED}"
)


@needs_shared
@pytest.mark.timeout(600)
def test_style_distance_at_equal_content(record_property: Callable[[str, object], None]) -> None:
    """R near the teacher's at equal LP, and far better than colours alone.

    MODEL_CARD.md has the figure over all pairs, 1.05. Two pairs scatter around it.
    """
    pairs = report.held_out_pairs(SOURCES)
    assert len(pairs) == 96
    evaluator = Evaluator(SOURCES.features / report.EVALUATOR)
    ours, theirs = report.painters(SOURCES, report.trial_network(FOLDER / NETWORK))
    figures = report.compared(ours, theirs, pairs[26::52], evaluator)
    record_property("figures", figures)
    assert figures["ratio_at_equal_content"] < 1.2
    assert figures["bundled"]["1.0"]["style_distance_ratio"] < figures["palette"]["style_distance_ratio"]


@needs_shared
@pytest.mark.timeout(600)
def test_gatys_through_the_extractor(record_property: Callable[[str, object], None]) -> None:
    """R at most 1.3 times that through vgg19_16x. Two small pairs; MODEL_CARD.md has more and larger ones."""
    pairs = report.held_out_pairs(SOURCES, side_px=128)[5::60]
    evaluator = Evaluator(SOURCES.features / report.EVALUATOR)
    figures = report.extractor_figures(SOURCES, FOLDER / EXTRACTOR, pairs, evaluator)
    record_property("figures", figures)
    assert figures["ratio"] < 1.3
