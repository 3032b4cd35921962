"""A result's quality card: how close to the style, how close to the photograph, at what cost (docs/adr/0007).

The figures come from small copies of the pictures that the user gave and got, whatever method made them, so that two
results of the same pictures can be compared; figures of two evaluators cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from nst.bundled.extractor import load_bundled_extractor
from nst.decoder import Decoder
from nst.errors import OperatorError
from nst.images import Picture, fit, resize
from nst.quality import Evaluator, ssim

SIDE_PX = 192
BUNDLED = "bundled"


@dataclass(frozen=True)
class QualityCard:
    """The figures of one result.

    Attributes:
        evaluator: Identity of the network that looked: figures compare only where this is the same.
        style_left: R: style distance that is left, of the photograph's own; 0 is the style, 1 the photograph. Of
            several styles the mean by their weights.
        content_lost: LP: distance from the photograph; 0 for the photograph itself.
        ssim_content: Structural similarity to the photograph, 1 for the same picture.
        ssim_style: Structural similarity to the style stretched to the same size, mean by weights.
        seconds: What the worker spent.
        memory_bytes: Peak of the worker's process meanwhile; 0 where it is not known.
    """

    evaluator: str
    style_left: float
    content_lost: float
    ssim_content: float
    ssim_style: float
    seconds: float
    memory_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return asdict(self)


class Appraiser:
    """Makes cards; the network is loaded once.

    Args:
        weights: File of SqueezeNet v1.0's weights (``nst.quality.squeezenet``), or ``bundled`` for the extractor that
            is shipped: the Gatys method looks through the same network where no VGG is at hand, and then its results
            look a little better here than they are.
        decoder: Where files are decoded.

    Raises:
        OperatorError: ``weights_missing`` or ``model_unusable``.
    """

    def __init__(self, weights: str = BUNDLED, decoder: Decoder | None = None) -> None:
        self._decoder = decoder or Decoder()
        if weights == BUNDLED:
            network = load_bundled_extractor()
            self.identity = network.identity
            self._evaluator = Evaluator(lambda image: list(network.features(image).values()))
        else:
            self.identity, self._evaluator = _from_file(Path(weights))

    def card(
        self,
        content: bytes,
        styles: Sequence[bytes],
        shares: Sequence[float],
        made: bytes,
        seconds: float = 0.0,
        memory_bytes: int = 0,
    ) -> QualityCard:
        """Appraise a result.

        Args:
            content: The content image's file.
            styles: The style images' files.
            shares: Their weights, summing to 1.
            made: The result's file.
            seconds: For the card.
            memory_bytes: For the card.

        Raises:
            UserError: A file is no picture.
        """
        pictures = [self._decoder.decode(data, SIDE_PX) for data in (content, made, *styles)]
        return self.appraise(pictures[0], pictures[2:], shares, pictures[1], seconds, memory_bytes)

    def appraise(
        self,
        content: Picture,
        styles: Sequence[Picture],
        shares: Sequence[float],
        made: Picture,
        seconds: float = 0.0,
        memory_bytes: int = 0,
    ) -> QualityCard:
        """Appraise a result that is at hand decoded; as ``card``, with pictures of any size."""
        photo = _small(fit(content, SIDE_PX))
        result = resize(Picture(fit(made, SIDE_PX).rgb), photo.width_px, photo.height_px)
        arts = [_small(fit(style, SIDE_PX)) for style in styles]
        ratios, lost = self._evaluator.measure(photo.rgb, result.rgb, [art.rgb for art in arts])
        likeness = [ssim(resize(Picture(art.rgb), photo.width_px, photo.height_px).rgb, result.rgb) for art in arts]
        return QualityCard(
            self.identity,
            _rounded(np.dot(shares, ratios)),
            _rounded(lost),
            _rounded(ssim(photo.rgb, result.rgb)),
            _rounded(np.dot(shares, likeness)),
            round(seconds, 3),
            memory_bytes,
        )


def _from_file(file: Path) -> tuple[str, Evaluator]:
    if not file.is_file():
        raise OperatorError("weights_missing", {"model": "evaluator", "reason": f"no such file: {file}"})
    try:
        evaluator = Evaluator(file)
        evaluator.features(np.zeros((64, 64, 3), np.float32))
    except (OSError, ValueError, KeyError, EOFError, tf.errors.InvalidArgumentError) as error:
        raise OperatorError(
            "model_unusable", {"model": "evaluator", "reason": f"{file.name}: {error}"[:200]}
        ) from error
    return f"squeezenet-{sha256(file.read_bytes()).hexdigest()[:12]}", evaluator


def _small(picture: Picture) -> Picture:
    """Enlarged where a side is too short for the network."""
    short = min(picture.width_px, picture.height_px)
    factor = max(1.0, 32 / short)
    return resize(picture, round(picture.width_px * factor), round(picture.height_px * factor))


def _rounded(figure: float) -> float:
    return round(float(figure), 4)
