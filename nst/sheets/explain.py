"""Sheets that show, with somebody's own pictures, what the Gatys method looks at and what each part of it does.

Each is one contact sheet; the words under its tiles are names of layers, ratios and the like, the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from nst import losses
from nst.colour import match_histograms
from nst.extractors.load import Extractor, load_extractor
from nst.gatys.paper import PaperObjective, PaperRun
from nst.gatys.pictures import prepare_material
from nst.gatys.plan import plan_one_scale
from nst.method import IsCancelled, MethodSettings, Progress, Report, never_cancelled, no_report
from nst.options import EXPLANATIONS, StyleOptions
from nst.pictures.decode import Picture, resize
from nst.sheets.study import Tile, contact_sheet, part_of, study

_CHANNELS = 4
_PLAIN_SIGMA = 0.12  # of the longer side: what is left of a style is where its colours are, and no stroke
_ONLY_CONTENT = 1e6  # alpha / beta: the style's share of the loss is below float32's resolution
_SMOOTH = 1e-4  # total variation's share in a reconstruction, as in Mahendran and Vedaldi: enough against grain
_STEPS = 40

Floats = NDArray[np.float32]


def explain(
    kind: str,
    content: Picture,
    style: Picture,
    settings: MethodSettings,
    options: StyleOptions,
    report: Report = no_report,
    cancelled: IsCancelled = never_cancelled,
) -> Picture:
    """Make one sheet.

    Args:
        kind: One of ``options.EXPLANATIONS``.
        content: Content image.
        style: Style image.
        settings: The operator's choices.
        options: ``steps``, ``seed`` and ``extractor`` are heeded.
        report: Told about progress over the whole sheet.
        cancelled: Asked at every step.

    Raises:
        OperatorError: No extractor can be had.
        Cancelled: ``cancelled()`` was true.
        ValueError: An unknown kind.
    """
    options = options.replace(steps=options.steps or _STEPS)
    if kind in ("layers", "ratio"):
        return study(kind, content, style, settings, options, report, cancelled)
    sheets: dict[str, Callable[[], Picture]] = {
        "features": lambda: _features(content, load_extractor(options.extractor, settings)),
        "grams": lambda: _grams(content, style, load_extractor(options.extractor, settings)),
        "reconstruction": lambda: _reconstructions(content, settings, options, report, cancelled),
        "histogram": lambda: _histograms(content, style, settings, options, report, cancelled),
    }
    if kind not in sheets:
        raise ValueError(f"no explanation {kind!r}; there are {', '.join(EXPLANATIONS)}")
    sheet = sheets[kind]()
    report(Progress(1.0))
    return sheet


def heat(values: NDArray[np.floating]) -> Floats:
    """Numbers as colours from dark violet through red to pale yellow.

    Args:
        values: [h, w], any range.

    Returns:
        float32 [h, w, 3], 0..1; all dark where all values are the same.
    """
    low, high = float(values.min()), float(values.max())
    share = (values - low) / (high - low) if high > low else np.zeros_like(values)
    stops = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    colours = np.array(
        [[0.05, 0.03, 0.15], [0.35, 0.08, 0.43], [0.75, 0.22, 0.33], [0.98, 0.55, 0.15], [0.99, 0.98, 0.75]]
    )
    return np.stack([np.interp(share, stops, colours[:, band]) for band in range(3)], axis=-1).astype(np.float32)


def _features(content: Picture, extractor: Extractor) -> Picture:
    """The photo, and per style layer the channels that vary most over it."""
    found = extractor.features(tf.constant(content.rgb[None]))
    tiles = []
    for layer in extractor.style_layers:
        maps = found[layer][0].numpy()
        order = np.argsort(maps.std(axis=(0, 1)))[::-1][:_CHANNELS]
        tiles.append(Tile(content, "content"))
        tiles += [Tile(_like(heat(maps[..., channel]), content), f"{layer} #{channel}") for channel in order]
    return contact_sheet(tiles, columns=_CHANNELS + 1)


def _grams(content: Picture, style: Picture, extractor: Extractor) -> Picture:
    """The content and the style, and per style layer the Gram matrix of each."""
    photo = extractor.features(tf.constant(content.rgb[None]))
    art = extractor.features(tf.constant(resize(style, content.width_px, content.height_px).rgb[None]))
    tiles = []
    for name, picture, found in (("content", content, photo), ("style", style, art)):
        square = _square(picture, min(content.rgb.shape[:2]))
        tiles.append(Tile(square, name))
        for layer in extractor.style_layers:
            matrix = np.log1p(losses.gram(found[layer]).numpy() / np.prod(found[layer].shape[1:3]))
            tiles.append(Tile(_like(heat(matrix), square, smooth=False), layer))
    return contact_sheet(tiles, columns=len(extractor.style_layers) + 1)


def _reconstructions(
    content: Picture, settings: MethodSettings, options: StyleOptions, report: Report, cancelled: IsCancelled
) -> Picture:
    """From noise, pictures that one layer cannot tell from the content.

    Mahendran and Vedaldi 2015, "Understanding deep image representations by inverting them", section 2; departure:
    L-BFGS in 0..1 instead of gradient descent with momentum.
    """
    extractor = load_extractor(options.extractor, settings, pooling="average", padding="zero")
    layers = tuple(dict.fromkeys((*extractor.style_layers, extractor.content_layer)))
    chosen = options.replace(
        content_weight=_ONLY_CONTENT, style_weight=1.0, total_variation_weight=_SMOOTH * _ONLY_CONTENT, start="noise"
    )
    tiles = [Tile(content, "content")]
    for index, layer in enumerate(layers):
        only = replace(extractor, content_layer=layer)
        picture = _painted(only, content, content, chosen, part_of(report, index, len(layers)), cancelled)
        tiles.append(Tile(picture, layer))
    return contact_sheet(tiles)


def _histograms(
    content: Picture,
    style: Picture,
    settings: MethodSettings,
    options: StyleOptions,
    report: Report,
    cancelled: IsCancelled,
) -> Picture:
    """Histogram matching next to Gatys, for the style and for the same style without its texture."""
    extractor = load_extractor(options.extractor, settings, pooling="average", padding="zero")
    textured = resize(style, content.width_px, content.height_px)
    sigma = _PLAIN_SIGMA * max(textured.rgb.shape[:2])
    plain = Picture(np.asarray(gaussian_filter(textured.rgb, (sigma, sigma, 0), mode="nearest"), np.float32))
    tiles = []
    for index, (name, art) in enumerate((("textured", textured), ("untextured", plain))):
        gatys = _painted(extractor, content, art, options, part_of(report, index, 2), cancelled)
        matched = Picture(match_histograms(content.rgb, art.rgb))
        tiles += [Tile(content, "content"), Tile(art, name), Tile(matched, "histogram"), Tile(gatys, "Gatys")]
    return contact_sheet(tiles, columns=4)


def _painted(
    extractor: Extractor,
    content: Picture,
    style: Picture,
    options: StyleOptions,
    report: Report,
    cancelled: IsCancelled,
) -> Picture:
    material = prepare_material(content, [style], options, transported=False)
    steps = options.steps or _STEPS
    scale = plan_one_scale(content.width_px, content.height_px, steps, extractor.min_side_px)
    run = PaperRun(PaperObjective(extractor), material, scale, options)
    run.advance(None, report, cancelled)
    return run.picture()


def _square(picture: Picture, side_px: int) -> Picture:
    """The middle of a picture."""
    height, width = picture.rgb.shape[:2]
    side, top, left = min(height, width), (height - min(height, width)) // 2, (width - min(height, width)) // 2
    return resize(Picture(picture.rgb[top : top + side, left : left + side]), side_px, side_px)


def _like(rgb: Floats, picture: Picture, smooth: bool = True) -> Picture:
    """A small map in a picture's size; pixels stay squares unless it is to be smooth."""
    if not smooth:
        times: Sequence[int] = [
            -(-side // small) for side, small in zip(picture.rgb.shape[:2], rgb.shape[:2], strict=True)
        ]
        rgb = rgb.repeat(times[0], axis=0).repeat(times[1], axis=1)
    return resize(Picture(rgb), picture.width_px, picture.height_px)
