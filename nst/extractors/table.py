"""The table of feature extractors: adding one is one entry in ``ENTRIES``."""

from __future__ import annotations

from dataclasses import dataclass

from nst.extractors.weights import Download

VGG_STYLE = ("block1_conv1", "block2_conv1", "block3_conv1", "block4_conv1", "block5_conv1")


@dataclass(frozen=True)
class Entry:
    """One extractor of keras.applications.

    Attributes:
        builder: Its function in ``keras.applications``.
        module: Its module there, whose ``preprocess_input`` it wants.
        style_layers: Fine to coarse. ``relu3`` means the third Activation layer, for layers that Keras does not name.
        content_layer: A deeper layer that still knows where things are.
        download: Keras' weights without the classifier.
        min_side_px: Smallest side that it can look at.
    """

    builder: str
    module: str
    style_layers: tuple[str, ...]
    content_layer: str
    download: Download
    min_side_px: int = 32


def _file(folder: str, name: str, md5: str) -> Download:
    return Download(f"{folder}/{name}_weights_tf_dim_ordering_tf_kernels_notop.h5", md5)


ENTRIES: dict[str, Entry] = {
    "vgg19": Entry(  # the paper's own
        "VGG19", "vgg19", VGG_STYLE, "block4_conv2", _file("vgg19", "vgg19", "253f8cb515780f3b799900260a226db6")
    ),
    "vgg16": Entry(
        "VGG16", "vgg16", VGG_STYLE, "block4_conv2", _file("vgg16", "vgg16", "6d6bbae143d832006294945121d1f1fc")
    ),
    "inception_v3": Entry(
        "InceptionV3",
        "inception_v3",
        ("relu1", "relu3", "relu5", "mixed1", "mixed3"),
        "mixed2",
        _file("inception_v3", "inception_v3", "bcbd6486424b2319ff4ef7d526e38f63"),
        min_side_px=80,
    ),
    "xception": Entry(
        "Xception",
        "xception",
        (
            "block1_conv1_act",
            "block1_conv2_act",
            "block2_sepconv2_act",
            "block3_sepconv2_act",
            "block4_sepconv2_act",
        ),
        "block4_sepconv1_act",
        _file("xception", "xception", "b0042744bf5b25fce3cb969f33bebb97"),
        min_side_px=72,
    ),
    "densenet121": Entry(
        "DenseNet121",
        "densenet",
        ("conv1_relu", "pool2_relu", "pool3_relu", "conv4_block12_concat"),
        "conv3_block6_concat",
        _file("densenet", "densenet121", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    "resnet50": Entry(
        "ResNet50",
        "resnet",
        ("conv1_relu", "conv2_block1_out", "conv2_block3_out", "conv3_block4_out", "conv4_block3_out"),
        "conv3_block2_out",
        _file("resnet", "resnet50", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    "resnet50_v2": Entry(
        "ResNet50V2",
        "resnet_v2",
        (
            "conv2_block1_preact_relu",
            "conv2_block2_preact_relu",
            "conv2_block3_2_relu",
            "conv3_block4_preact_relu",
            "conv4_block3_preact_relu",
        ),
        "conv3_block2_preact_relu",
        _file("resnet", "resnet50v2", "fac2f116257151a9d068a22e544a4917"),
    ),
}
