import hashlib
import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from nst.colour import luma, transport
from nst.errors import Cancelled, OperatorError
from nst.fast.artists import plan
from nst.fast.load import load_module
from nst.fast.method import Fast
from nst.fast.network import Floats, SplitModule
from nst.fast.style_vectors import MemoryVectors, share_vectors
from nst.method import MethodSettings, Progress, Request, stylize
from nst.models.sources import MAGENTA_HUB, MAGENTA_KAGGLE, forget_failures
from nst.options import StyleOptions
from nst.pictures.decode import Picture

pytestmark = pytest.mark.tensorflow


def picture(height: int, width: int, seed: int, tint: tuple[float, float, float] = (1, 1, 1)) -> Picture:
    """Smooth random colours: like a photograph out of focus."""
    random = np.random.default_rng(seed)
    coarse = random.random((8, 8, 3), np.float32) * np.array(tint, np.float32)
    rows, columns = (np.linspace(0, 7, side).astype(int) for side in (height, width))
    return Picture(coarse[rows[:, None], columns])


CONTENT = picture(128, 192, 1)
STYLE = picture(256, 256, 2, (1, 0.6, 0.3))
OTHER = picture(256, 256, 3, (0.3, 0.6, 1))


class Counting(MemoryVectors):
    """Counts what the style network had to make."""

    made = 0

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[str] = set()

    def put(self, key: str, vector: Floats) -> None:
        self.made += 1
        self.keys.add(key)
        super().put(key, vector)


@pytest.fixture(scope="module")
def model(small_modules: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = small_modules.save_splittable(tmp_path_factory.mktemp("fast") / "small")
    return folder


@pytest.fixture(scope="module")
def fast(model: Path) -> Fast:
    method = Fast(MethodSettings(fast_model=str(model)), bfloat16=False)
    method.prepare()
    return method


def painted(method: Fast, *styles: Picture, content: Picture = CONTENT, **options: object) -> Floats:
    return stylize(method, content, styles or (STYLE,), StyleOptions(**options)).picture.rgb  # type: ignore[arg-type]


def test_strength_0_is_the_content(fast: Fast) -> None:
    assert np.array_equal(painted(fast, strength=0.0), CONTENT.rgb)


def test_strength_1_is_the_modules_own_output(fast: Fast, model: Path) -> None:
    module = load_module(model)
    assert isinstance(module, SplitModule)
    own = module.transform(CONTENT.rgb[None], module.style_vector(STYLE.rgb[None]))[0]
    assert np.abs(painted(fast) - own).max() < 1e-6


def test_strengths_are_steps_without_jumps(fast: Fast) -> None:
    results = [painted(fast, strength=percent / 100) for percent in range(0, 101, 5)]
    steps = [float(np.abs(b - a).mean()) for a, b in itertools.pairwise(results)]
    assert min(steps) > 0
    assert max(steps) < 4 * np.mean(steps)


def test_the_plan_begins_with_the_photograph_and_ends_with_the_vector() -> None:
    assert (plan(0.0).network, plan(0.0).colour) == (0, 0)
    assert (plan(1.0).network, plan(1.0).vector) == (1, 1)
    rising = [plan(percent / 100) for percent in range(101)]
    for before, after in itertools.pairwise(rising):
        assert after.vector >= before.vector
        assert after.network >= before.network
        assert after.colour >= before.colour


def test_a_known_style_costs_no_style_network(model: Path) -> None:
    vectors = Counting()
    method = Fast(MethodSettings(fast_model=str(model)), vectors)
    painted(method, STYLE, OTHER, strength=0.6)
    assert vectors.made == 3  # two styles and the content's own
    painted(method, OTHER, STYLE, strength=0.9, style_weights=(0.2, 0.8), colours="keep")
    painted(method, STYLE)
    assert vectors.made == 3
    painted(method, STYLE, style_scale=2.0)
    assert vectors.made == 4
    assert all(key.startswith(f"{method.model}:") for key in vectors.keys), "another network has its own"


def test_mixes_are_convex_in_the_vector(fast: Fast) -> None:
    first, second = painted(fast, STYLE), painted(fast, OTHER)
    assert np.array_equal(painted(fast, STYLE, OTHER, style_weights=(3.0, 0.0)), first)
    assert np.abs(painted(fast, STYLE, OTHER, style_weights=(2.0, 2.0)) - painted(fast, STYLE, OTHER)).max() < 1e-6
    distances = [
        np.abs(painted(fast, STYLE, OTHER, style_weights=(1 - x, x)) - second).mean() for x in (0, 0.25, 0.5, 0.75, 1)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] < 1e-6
    four = [STYLE, OTHER, CONTENT, Picture(OTHER.rgb[::-1].copy())]
    assert np.array_equal(painted(fast, *four, style_weights=(0, 0, 0, 5.0)), painted(fast, four[3]))
    assert np.abs(painted(fast, *four) - painted(fast, *four[::-1])).max() < 1e-6


def test_colours_keep_takes_luma_from_the_pastiche_only(fast: Fast) -> None:
    kept = painted(fast, colours="keep")
    assert np.abs(luma(kept) - luma(painted(fast))).max() < 2e-3
    chroma = kept - luma(kept)[..., None]
    wanted = CONTENT.rgb - luma(CONTENT.rgb)[..., None]
    along = (chroma * wanted).sum() / (np.linalg.norm(chroma) * np.linalg.norm(wanted))
    assert along > 0.9


def test_colours_match_moves_the_style_to_the_content_first(model: Path) -> None:
    vectors = Counting()
    method = Fast(MethodSettings(fast_model=str(model)), vectors)
    plain, matched = painted(method), painted(method, colours="match")
    assert vectors.made == 2
    assert np.abs(plain - matched).mean() > 1e-3
    moved = Picture(transport(STYLE.rgb, CONTENT.rgb))
    assert np.array_equal(painted(method, moved), matched)
    assert np.array_equal(painted(method, colours="match"), matched)
    assert vectors.made == 2, "a match that is known costs no style network either"


@pytest.mark.parametrize(("height", "width"), [(63, 65), (16, 200), (129, 64)])
def test_every_size_comes_back_as_it_went_in(fast: Fast, height: int, width: int) -> None:
    content = picture(height, width, 4)
    content = Picture(content.rgb, np.full((height, width), 0.5, np.float32))
    result = stylize(fast, content, [STYLE], StyleOptions()).picture
    assert result.rgb.shape == content.rgb.shape
    assert result.rgb.dtype == np.float32
    assert result.alpha is content.alpha
    assert 0 <= result.rgb.min() <= result.rgb.max() <= 1


def test_pictures_that_share_a_pass_are_what_they_are_alone(fast: Fast) -> None:
    choices: list[dict[str, object]] = [{}, {"strength": 0.5}, {"colours": "keep"}, {"colours": "match"}, {}, {}]
    sizes = [(100, 120), (128, 128), (70, 66), (128, 90), (40, 300), (100, 128)]
    requests = [
        Request(picture(*size, 10 + number), (OTHER, STYLE)[: 1 + number % 2], StyleOptions(**chosen))  # type: ignore[arg-type]
        for number, (size, chosen) in enumerate(zip(sizes, choices, strict=True))
    ]
    passes: list[int] = []
    runs = [fast.begin(one) for one in requests]
    done = fast.advance_together(runs, passed=passes.append)
    assert passes == [4], "of five in one bucket, one is left"
    assert done == [True] * 4 + [False] * 2
    for one, run, finished in zip(requests, runs, done, strict=True):
        if finished:
            made = run.pastiche()
            alone = stylize(fast, one.content, one.styles, one.options)
            assert np.abs(made.picture.rgb - alone.picture.rgb).max() <= 1 / 255
            assert (made.method, made.model, made.notices) == (alone.method, alone.model, alone.notices)
    with pytest.raises(Cancelled):
        fast.advance_together(runs, lambda: True)


def test_progress_rises_from_0_to_1(fast: Fast) -> None:
    told: list[Progress] = []
    stylize(fast, CONTENT, [STYLE], StyleOptions(), told.append)
    fractions = [progress.fraction for progress in told]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)


def test_cancelling_stops_it(fast: Fast) -> None:
    with pytest.raises(Cancelled):
        stylize(fast, CONTENT, [STYLE], StyleOptions(), cancelled=lambda: True)


def test_the_model_is_named_for_caches(fast: Fast) -> None:
    pastiche = stylize(fast, CONTENT, [STYLE], StyleOptions())
    assert (pastiche.method, pastiche.model, pastiche.notices) == ("fast", fast.model, ())
    assert len(fast.model) == 16


def test_a_module_that_cannot_be_split_blends_pixels_and_says_so(small_modules: ModuleType, tmp_path: Path) -> None:
    method = Fast(MethodSettings(fast_model=str(small_modules.save_entangled(tmp_path / "entangled"))))
    full = stylize(method, CONTENT, [STYLE], StyleOptions())
    assert [notice.code for notice in full.notices] == ["strength_is_blend"]
    half = painted(method, strength=0.5)
    assert np.abs(half - (CONTENT.rgb + full.picture.rgb) / 2).max() < 1e-6
    mix = painted(method, STYLE, OTHER)
    assert np.abs(mix - (full.picture.rgb + painted(method, OTHER)) / 2).max() < 1e-6


def test_a_missing_folder_says_which(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as error:
        Fast(MethodSettings(fast_model=str(tmp_path / "nowhere"))).prepare()
    assert error.value.code == "weights_missing"
    assert error.value.detail["reason"] == "no such folder"


def test_without_a_network_the_bundled_one_paints_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]
) -> None:
    from nst.bundled.weights import FOLDER, NETWORK

    forget_failures()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_tcp_port_factory()}")
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path))
    method = Fast(MethodSettings(fast_model="auto", model_cache=str(tmp_path)))
    if not (FOLDER / NETWORK).is_file():
        pytest.skip("needs the bundled network's weights")
    notices = stylize(method, CONTENT, [STYLE], StyleOptions()).notices
    forget_failures()
    assert [notice.code for notice in notices] == ["bundled_network"]
    failures = str(notices[0].detail["reason"]).split("; ")
    assert len(failures) == 2
    assert all("unreachable" in failure or "no answer within" in failure for failure in failures)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, unused_tcp_port_factory: Callable[[], int]) -> None:
    """No source can be reached, and all caches are the test's own."""
    forget_failures()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{unused_tcp_port_factory()}")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))


def without_variables(model: Path) -> None:
    shutil.rmtree(model / "variables")


def without_an_end(model: Path) -> None:
    graph = model / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])


def with_other_variables(model: Path) -> None:
    (data,) = (model / "variables").glob("*.data*")
    data.write_bytes(bytes(data.stat().st_size // 2))


DAMAGES = (without_variables, without_an_end, with_other_variables)


@pytest.mark.parametrize("damage", DAMAGES)
def test_one_damaged_cache_is_passed_over_for_the_next(
    damage: Callable[[Path], None], model: Path, offline: None, tmp_path: Path
) -> None:
    hub = tmp_path / "hub" / hashlib.sha1(MAGENTA_HUB.encode(), usedforsecurity=False).hexdigest()
    shutil.copytree(model, hub)
    damage(hub)
    version = tmp_path / "kaggle" / "models" / MAGENTA_KAGGLE
    shutil.copytree(model, version)
    version.with_name("2.complete").touch()
    method = Fast(MethodSettings(fast_model="auto", model_cache=str(tmp_path / "cache")), bfloat16=False)
    pastiche = stylize(method, CONTENT, [STYLE], StyleOptions())
    assert pastiche.model == load_module(model).identity
    assert not pastiche.notices


def test_where_every_cache_is_damaged_and_nothing_can_be_fetched_the_bundled_network_paints(
    model: Path, offline: None, tmp_path: Path
) -> None:
    name = hashlib.sha1(MAGENTA_HUB.encode(), usedforsecurity=False).hexdigest()
    version = tmp_path / "kaggle" / "models" / MAGENTA_KAGGLE
    for damage, place in zip(DAMAGES, (tmp_path / "cache" / name, tmp_path / "hub" / name, version), strict=True):
        shutil.copytree(model, place)
        damage(place)
    version.with_name("2.complete").touch()
    method = Fast(MethodSettings(fast_model="auto", model_cache=str(tmp_path / "cache")))
    pastiche = stylize(method, CONTENT, [STYLE], StyleOptions())
    assert [notice.code for notice in pastiche.notices] == ["bundled_network"]
    assert (tmp_path / "hub" / name).is_dir()
    assert not (tmp_path / "cache" / name).exists()
    assert (tmp_path / "cache" / f"{name}.damaged").is_dir()


def test_the_stand_in_paints_a_known_style_without_its_style_network(stand_in: Path) -> None:
    vectors = Counting()
    method = Fast(MethodSettings(fast_model=str(stand_in)), vectors)
    first = painted(method, content=picture(64, 64, 5))
    assert vectors.made == 1
    assert np.array_equal(painted(method, content=picture(64, 64, 5)), first)
    assert vectors.made == 1


def test_a_process_shares_its_vectors_with_every_method_it_makes(model: Path) -> None:
    vectors = Counting()
    share_vectors(vectors)
    try:
        for _ in range(2):
            painted(Fast(MethodSettings(fast_model=str(model)), bfloat16=False))
    finally:
        share_vectors(None)
    assert vectors.made == 1
