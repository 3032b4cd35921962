"""Yardsticks for a pastiche: how close to the style, how close to the content.

The evaluator of benchmarks is SqueezeNet v1.0 (Iandola et al. 2016), a network that nothing in Pastiche is ever
optimised on; any other network gives figures of its own, which compare with nothing but themselves. Always read the
numbers as pairs (style at equal content), never one alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nst.bundled.extractor import load_bundled_extractor
from nst.errors import OperatorError
from nst.pictures.decode import Picture, fit, resize
from nst.pictures.decoder import Decoder

Pixels = NDArray[np.floating[Any]]

Network = Callable[[tf.Tensor], Sequence[tf.Tensor]]

_MEAN_BGR = (104.0, 117.0, 123.0)
_FIRES = range(2, 10)
_POOL_AFTER = (4, 8)
_EPSILON = 1e-12


class Evaluator:
    """Measures pastiches with a network's features.

    Args:
        network: File of SqueezeNet v1.0's weights (see ``squeezenet``), or a function from a picture [1,h,w,3] in 0..1
            to activations of several layers.
    """

    def __init__(self, network: Path | str | Network) -> None:
        function = network if callable(network) else squeezenet(network)
        self._compute = tf.function(function, input_signature=[tf.TensorSpec([1, None, None, 3])])

    def measure(self, content: Pixels, pastiche: Pixels, styles: Sequence[Pixels]) -> tuple[list[float], float]:
        """R against every style, and LP, looking at each picture once.

        Args:
            content: [h,w,3] in 0..1.
            pastiche: [h,w,3] in 0..1, of the same size.
            styles: [h',w',3] in 0..1 each, of any size.

        Raises:
            ValueError: the sizes differ.
        """
        _check_sizes(content, pastiche)
        before, after = self.features(content), self.features(pastiche)
        targets = [_grams(self.features(style)) for style in styles]
        ratios = [_ratio(_grams(before), _grams(after), target) for target in targets]
        return ratios, _perceptual(before, after)

    def style_distance_ratio(self, content: Pixels, pastiche: Pixels, style: Pixels) -> float:
        """R: the style distance left over, relative to the untouched content; lower is closer to the style.

        R is the geometric mean over layers of ||G_x - G_s||^2 / ||G_c - G_s||^2 with G the Gram matrix
        (Gatys et al. 2016, eq. 3) divided by the number of positions.

        Args:
            content: [h,w,3] in 0..1.
            pastiche: [h,w,3] in 0..1.
            style: [h',w',3] in 0..1, of any size.

        Returns:
            0 for the style's own statistics, 1 for the untouched content.
        """
        before, after, target = (self.grams(picture) for picture in (content, pastiche, style))
        return _ratio(before, after, target)

    def grams(self, picture: Pixels) -> list[NDArray[np.float64]]:
        """Gram matrices of a picture [h,w,3] in 0..1, divided by the number of positions, fine to coarse."""
        return _grams(self.features(picture))

    def content_distance(self, content: Pixels, pastiche: Pixels) -> float:
        """LP: mean over layers of the squared difference of channel-normalised features.

        The linear form of Zhang et al. 2018 (LPIPS) without learnt weights.

        Args:
            content: [h,w,3] in 0..1.
            pastiche: [h,w,3] in 0..1, of the same size.

        Returns:
            0 for the content itself, about 2 at most.

        Raises:
            ValueError: the sizes differ.
        """
        _check_sizes(content, pastiche)
        return _perceptual(self.features(content), self.features(pastiche))

    def features(self, picture: Pixels) -> list[tf.Tensor]:
        """The network's activations, float32 [1,h',w',c], fine to coarse.

        Args:
            picture: [h,w,3] in 0..1, sides of at least 32 px.
        """
        if picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"expected a picture [h,w,3], received {picture.shape}")
        return list(self._compute(tf.constant(picture[None], tf.float32)))


def squeezenet(npz_path: Path | str) -> Network:
    """SqueezeNet v1.0's features, conv1 and fire2 .. fire9.

    Args:
        npz_path: weights, kernels HWIO, named conv1/kernel, conv1/bias, fire2/conv1x1_1/kernel, ...
    """
    with np.load(npz_path, allow_pickle=False) as stored:
        weights = {name: tf.constant(stored[name]) for name in stored.files if not name.startswith("conv_f")}

    def convolution(x: tf.Tensor, name: str, stride: int = 1, padding: str = "SAME") -> tf.Tensor:
        return tf.nn.relu(tf.nn.conv2d(x, weights[f"{name}/kernel"], stride, padding) + weights[f"{name}/bias"])

    def features(image: tf.Tensor) -> list[tf.Tensor]:
        x = convolution(image[..., ::-1] * 255.0 - tf.constant(_MEAN_BGR), "conv1", 2, "VALID")
        collected = [x]
        x = _pool(x)
        for number in _FIRES:
            squeezed = convolution(x, f"fire{number}/conv1x1_1")
            narrow = convolution(squeezed, f"fire{number}/conv1x1_2")
            wide = convolution(squeezed, f"fire{number}/conv3x3_2")
            x = tf.concat([narrow, wide], -1)
            collected.append(x)
            x = _pool(x) if number in _POOL_AFTER else x
        return collected

    return features


def ssim(content: Pixels, pastiche: Pixels) -> float:
    """Structural similarity (Wang et al. 2004) of the lumas (Rec. 601); 1 for the same picture.

    Args:
        content: [h,w,3] in 0..1, sides of at least 7 px.
        pastiche: [h,w,3] in 0..1, of the same size.
    """
    from skimage.metrics import structural_similarity  # slow to import, and not needed for the other two

    luma = np.array([0.299, 0.587, 0.114])
    a, b = (np.asarray(picture, np.float64) @ luma for picture in (content, pastiche))
    score: float = structural_similarity(a, b, data_range=1.0)  # type: ignore[no-untyped-call]
    return float(score)


def _pool(x: tf.Tensor) -> tf.Tensor:
    """3x3 max pooling of stride 2 that rounds up, as in Caffe: padded on the right and at the bottom only."""
    height, width = tf.shape(x)[1], tf.shape(x)[2]
    x = tf.pad(x, [[0, 0], [0, (height - 3) % 2], [0, (width - 3) % 2], [0, 0]], constant_values=x.dtype.min)
    return tf.nn.max_pool2d(x, 3, 2, "VALID")


def _normalised(features: tf.Tensor) -> tf.Tensor:
    return features / tf.sqrt(tf.reduce_sum(tf.square(features), -1, keepdims=True) + 1e-10)


def _check_sizes(content: Pixels, pastiche: Pixels) -> None:
    if content.shape != pastiche.shape:
        raise ValueError(f"content is {content.shape}, pastiche is {pastiche.shape}: the sizes must be the same")


def _grams(layers: Sequence[tf.Tensor]) -> list[NDArray[np.float64]]:
    flat = [layer.numpy().reshape(-1, layer.shape[-1]).astype(np.float64) for layer in layers]
    return [f.T @ f / len(f) for f in flat]


def _ratio(
    before: list[NDArray[np.float64]], after: list[NDArray[np.float64]], target: list[NDArray[np.float64]]
) -> float:
    logs = [
        np.log((_distance(a, s) + _EPSILON) / (_distance(b, s) + _EPSILON))
        for a, b, s in zip(after, before, target, strict=True)
    ]
    return float(np.exp(np.mean(logs)))


def _perceptual(before: Sequence[tf.Tensor], after: Sequence[tf.Tensor]) -> float:
    distances = [
        float(tf.reduce_mean(tf.reduce_sum(tf.square(_normalised(a) - _normalised(b)), -1)))
        for a, b in zip(before, after, strict=True)
    ]
    return float(np.mean(distances))


def _distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    return float(np.sum((first - second) ** 2))


# A result's quality card: how close to the style, how close to the photograph, at what cost (docs/adr/0007).
#
# The figures come from small copies of the pictures that the user gave and got, whatever method made them, so that two
# results of the same pictures can be compared; figures of two evaluators cannot.
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
