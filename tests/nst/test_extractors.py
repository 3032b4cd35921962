"""Extractors: right layers, right preprocessing, right weights, and clear words where there are none."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

from nst.errors import OperatorError, UserError  # noqa: E402
from nst.extractors import weights as extractor_weights  # noqa: E402
from nst.extractors.load import keras_features, load_extractor  # noqa: E402
from nst.extractors.table import ENTRIES  # noqa: E402
from nst.extractors.vgg import vgg_features  # noqa: E402
from nst.method import MethodSettings  # noqa: E402
from nst.options import EXTRACTORS  # noqa: E402

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[2] / "../shared"))
WIDTHS = (4, 6, 8, 10, 10)


def write_npz(file: Path, blocks: tuple[int, ...] = (2, 2, 4, 4, 1), seed: int = 0) -> Path:
    rng, arrays, channels = np.random.default_rng(seed), {}, 3
    for b, (length, width) in enumerate(zip(blocks, WIDTHS, strict=True), 1):
        for i in range(1, length + 1):
            arrays[f"block{b}_conv{i}/kernel"] = rng.normal(0, 0.2, (3, 3, channels, width)).astype(np.float32)
            arrays[f"block{b}_conv{i}/bias"] = rng.normal(0, 0.1, width).astype(np.float32)
            channels = width
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file


@pytest.fixture(scope="module")
def image() -> object:
    return tf.constant(np.random.default_rng(3).uniform(size=(1, 96, 112, 3)).astype(np.float32))


def test_the_table_has_every_extractor_that_users_may_name() -> None:
    assert {*ENTRIES, "bundled"} == set(EXTRACTORS)


PREPROCESSED = {  # of the colour (1, 0.5, 0), as each network was trained
    "resnet50": (0 - 103.939, 127.5 - 116.779, 255 - 123.68),
    "inception_v3": (1.0, 0.0, -1.0),
    "xception": (1.0, 0.0, -1.0),
    "resnet50_v2": (1.0, 0.0, -1.0),
    "densenet121": ((1 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (0 - 0.406) / 0.225),
}


def test_every_network_of_the_table_is_tested() -> None:
    assert {*PREPROCESSED, "vgg16", "vgg19"} == set(ENTRIES)


@pytest.mark.parametrize("name", PREPROCESSED)
def test_keras_networks_give_their_layers_and_get_their_own_preprocessing(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    entry = ENTRIES[name]
    module = getattr(keras.applications, entry.module)
    real, seen = module.preprocess_input, []

    def spy(x: object) -> object:
        """Keras' own preprocessing; remembers what it was given and gave."""
        out = real(x)
        seen.append((np.asarray(x), np.asarray(out)))
        return out

    monkeypatch.setattr(module, "preprocess_input", spy)
    features = keras_features(entry, None)
    side = entry.min_side_px
    found = features(tf.tile(tf.constant([[[[1.0, 0.5, 0.0]]]]), [1, side, side + 8, 1]))
    np.testing.assert_allclose(seen[0][0][0, 0, 0], (255, 127.5, 0))
    np.testing.assert_allclose(seen[0][1][0, 0, 0], PREPROCESSED[name], atol=1e-4)
    assert set(found) == {*entry.style_layers, entry.content_layer}
    heights = [found[layer].shape[1] for layer in entry.style_layers]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] > heights[-1] >= 1


def keras_vgg(name: str) -> object:
    import keras

    keras.utils.set_random_seed(5)
    return getattr(keras.applications, ENTRIES[name].builder)(
        include_top=False, weights=None, input_shape=(None, None, 3)
    )


@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_vgg_equals_keras_with_weights_from_its_own_files(
    name: str, suffix: str, tmp_path: Path, image: object
) -> None:
    import keras

    model = keras_vgg(name)
    if suffix == ".h5":
        import h5py  # type: ignore[import-untyped]
        from keras.src.legacy.saving import legacy_h5_format

        with h5py.File(tmp_path / "w.h5", "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, model)
    else:
        model.save_weights(tmp_path / "w.weights.h5")  # type: ignore[attr-defined]
    kind, weights = extractor_weights.read_vgg(tmp_path / f"w{suffix}")
    assert kind == name
    layers = (*ENTRIES[name].style_layers, ENTRIES[name].content_layer)
    found = vgg_features(name, weights, layers, "max", "zero")(image)
    preprocessed = getattr(keras.applications, name).preprocess_input(image * 255.0)  # type: ignore[operator]
    outputs = {layer: model.get_layer(layer).output for layer in layers}  # type: ignore[attr-defined]
    expected = keras.Model(model.input, outputs)(preprocessed)  # type: ignore[attr-defined]
    for layer in layers:
        scale = float(tf.reduce_max(expected[layer]))
        np.testing.assert_allclose(found[layer].numpy(), expected[layer].numpy(), atol=1e-4 * scale)


def test_average_pooling_differs_below_the_first_pool_only(tmp_path: Path, image: object) -> None:
    settings = MethodSettings(vgg_weights=str(write_npz(tmp_path / "small.npz")))
    largest, mean = (load_extractor(None, settings, pooling=p).features(image) for p in ("max", "average"))
    np.testing.assert_array_equal(largest["block1_conv1"], mean["block1_conv1"])
    assert not np.allclose(largest["block2_conv1"], mean["block2_conv1"])


def test_every_pixel_counts_even_in_odd_rows(tmp_path: Path) -> None:
    extractor = load_extractor(None, MethodSettings(vgg_weights=str(write_npz(tmp_path / "small.npz"))))
    picture = tf.constant(np.random.default_rng(4).uniform(size=(1, 47, 61, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        deepest = tf.reduce_sum(tf.square(extractor.features(picture)["block5_conv1"]))
    gradient = np.abs(tape.gradient(deepest, picture).numpy()[0]).sum(axis=-1)
    assert (gradient[-1].mean(), gradient[:, -1].mean()) > (0, 0)
    assert (gradient[-2:] > 0).any(axis=0).mean() > 0.5


def test_a_file_without_the_deep_blocks_gives_what_it_has(tmp_path: Path, image: object) -> None:
    with np.load(write_npz(tmp_path / "whole.npz")) as whole:
        shallow = {k: whole[k] for k in whole.files if k.startswith(("block1", "block2", "block3_conv1"))}
    np.savez(tmp_path / "shallow.npz", **shallow)
    extractor = load_extractor(None, MethodSettings(vgg_weights=str(tmp_path / "shallow.npz")))
    assert extractor.style_layers == ("block1_conv1", "block2_conv1", "block3_conv1")
    assert extractor.content_layer == "block3_conv1"
    assert set(extractor.features(image)) == set(extractor.style_layers)


def test_the_identity_follows_the_weights(tmp_path: Path) -> None:
    models = {
        load_extractor(None, MethodSettings(vgg_weights=str(write_npz(tmp_path / f"{s}.npz", seed=s)))).model
        for s in (0, 0, 1)
    }
    assert len(models) == 2


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "weights_missing"),
        (b"", "model_unusable"),
        (b"PK\x03\x04 no zip", "model_unusable"),
        (b"\x89HDF", "model_unusable"),
    ],
)
@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_bad_files_are_told_apart(content: bytes | None, code: str, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"w{suffix}"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(OperatorError) as caught:
        load_extractor(None, MethodSettings(vgg_weights=str(file)))
    assert caught.value.code == code


@pytest.mark.parametrize("spoil", ["gap", "channels", "nan", "empty"])
def test_a_file_that_is_no_whole_vgg_is_refused(spoil: str, tmp_path: Path) -> None:
    with np.load(write_npz(tmp_path / "whole.npz")) as whole:
        arrays = {k: whole[k] for k in whole.files}
    if spoil == "gap":
        arrays.pop("block2_conv1/kernel")
    elif spoil == "channels":
        arrays["block2_conv1/kernel"] = arrays["block2_conv1/kernel"][:, :, :2]
    elif spoil == "nan":
        arrays["block1_conv1/bias"][0] = np.nan
    else:
        arrays = {"conv1/kernel": np.zeros((3, 3, 3, 4), np.float32)}
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(OperatorError) as caught:
        load_extractor(None, MethodSettings(vgg_weights=str(tmp_path / "bad.npz")))
    assert caught.value.code == "model_unusable"


def test_random_weights_only_when_asked_for_and_loudly(caplog: pytest.LogCaptureFixture, image: object) -> None:
    extractor = load_extractor("vgg19", MethodSettings(), random_seed=7)
    assert [notice.code for notice in extractor.notices] == ["random_extractor"]
    assert "RANDOM" in caplog.text
    assert extractor.model.startswith("vgg19:random:7")
    again = load_extractor("vgg19", MethodSettings(), random_seed=7).features(image)
    np.testing.assert_array_equal(extractor.features(image)["block5_conv1"], again["block5_conv1"])


def test_an_unknown_extractor_names_the_choice() -> None:
    with pytest.raises(UserError) as caught:
        load_extractor("alexnet", MethodSettings())
    assert caught.value.detail["option"] == "extractor"


@pytest.fixture
def silent_host() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def no_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, url: str) -> MethodSettings:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return MethodSettings(keras_weights_url=url)


def test_a_silent_host_is_given_up(silent_host: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = no_cache(monkeypatch, tmp_path, silent_host)
    assert extractor_weights.REACHABLE_WITHIN_S <= 5
    done = threading.Event()
    caught: list[BaseException] = []

    def load() -> None:
        try:
            load_extractor("resnet50", settings)
        except OperatorError as error:
            caught.append(error)
        done.set()

    threading.Thread(target=load, daemon=True).start()
    deadline = time.monotonic() + 60  # generous: a busy machine; the limit itself is asserted above
    assert done.wait(deadline - time.monotonic())
    assert isinstance(caught[0], OperatorError)
    assert caught[0].code == "weights_missing"


def test_a_refused_connection_and_a_wrong_checksum(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings = no_cache(monkeypatch, tmp_path, f"http://127.0.0.1:{port}/")
    with pytest.raises(OperatorError) as caught:
        load_extractor("vgg19", settings)
    assert caught.value.code == "weights_missing"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A real HTTP server over a folder."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    folder = tmp_path / "mirror"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_download_is_checked_kept_and_not_fetched_again(
    mirror: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import hashlib

    folder, url = mirror
    no_cache(monkeypatch, tmp_path, url)
    (folder / "vgg19").mkdir()
    served = folder / "vgg19" / "w.h5"
    served.write_bytes(b"weights" * 1000)
    right = extractor_weights.Download("vgg19/w.h5", hashlib.md5(served.read_bytes()).hexdigest())  # noqa: S324
    with pytest.raises(OperatorError) as caught:
        extractor_weights.fetch(
            "vgg19", extractor_weights.Download("vgg19/w.h5", "0" * 32), str(tmp_path / "cache"), url
        )
    assert "checksum" in str(caught.value.detail["reason"])
    assert [f for f in tmp_path.rglob("*") if f.is_file()] == [served]
    file = extractor_weights.fetch("vgg19", right, str(tmp_path / "cache"), url)
    served.unlink()
    assert extractor_weights.fetch("vgg19", right, str(tmp_path / "cache"), url) == file
    assert file.read_bytes() == b"weights" * 1000


@pytest.mark.skipif(not (SHARED / "models/features").is_dir(), reason="SHARED_DIR has no models/features")
def test_real_distilled_weights_react_to_texture(image: object) -> None:
    file = SHARED / "models/features/vgg19_16x.npz"
    extractor = load_extractor(None, MethodSettings(vgg_weights=str(file)))
    assert extractor.name == "vgg19"
    found = extractor.features(image)
    assert [found[layer].shape[-1] for layer in extractor.style_layers] == [16, 32, 64, 128, 128]
    assert all(float(tf.reduce_mean(layer)) > 0.05 for layer in found.values())


def test_the_bundled_extractor_stands_in_where_nothing_can_be_downloaded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, image: object
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    settings = no_cache(monkeypatch, tmp_path, f"http://127.0.0.1:{port}/")
    extractor = load_extractor(None, settings)
    assert extractor.name == "bundled"
    assert [notice.code for notice in extractor.notices] == ["bundled_extractor"]
    assert extractor.model == load_extractor("bundled", MethodSettings()).model
    found = extractor.features(image)
    assert {*extractor.style_layers, extractor.content_layer} <= set(found)
    assert all(bool(tf.reduce_all(tf.math.is_finite(found[layer]))) for layer in extractor.style_layers)
