"""The Gatys method: what strength, colours, seeds and slices do.

Mechanics with a tiny random VGG, looks with a real one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytestmark = pytest.mark.tensorflow
tf = pytest.importorskip("tensorflow")

from nst import colour  # noqa: E402
from nst.errors import Cancelled, JobError, OperatorError  # noqa: E402
from nst.gatys import cost  # noqa: E402
from nst.gatys.adam import AdamState  # noqa: E402
from nst.gatys.cost import MemoryModel, check_memory  # noqa: E402
from nst.gatys.method import Gatys  # noqa: E402
from nst.gatys.objective import content_budget, controlled_weight, step_budget  # noqa: E402
from nst.gatys.pictures import prepare_material  # noqa: E402
from nst.gatys.plan import plan_scales  # noqa: E402
from nst.gatys.run import Run  # noqa: E402
from nst.method import MethodSettings, Progress, Request, create_method, stylize  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture, decode, resize  # noqa: E402
from nst.pictures.time_lapse import FRAMES, shown_steps  # noqa: E402
from nst.run_state import StateError  # noqa: E402

SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / "../shared"))
REAL_WEIGHTS = SHARED / "models/features/vgg19_16x.npz"
WIDTHS = (4, 6, 8, 8, 8)


@pytest.fixture(scope="module")
def gatys(tmp_path_factory: pytest.TempPathFactory) -> Gatys:
    """With a random VGG-19 of a few filters: fast, and enough for mechanics."""
    rng, arrays, channels = np.random.default_rng(2), {}, 3
    for b, (length, width) in enumerate(zip((2, 2, 4, 4, 1), WIDTHS, strict=True), 1):
        for i in range(1, length + 1):
            deviation = np.sqrt(2 / (9 * channels))
            arrays[f"block{b}_conv{i}/kernel"] = rng.normal(0, deviation, (3, 3, channels, width)).astype(np.float32)
            arrays[f"block{b}_conv{i}/bias"] = np.zeros(width, np.float32)
            channels = width
    file = tmp_path_factory.mktemp("weights") / "tiny.npz"
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return Gatys(MethodSettings(vgg_weights=str(file)))


def picture(seed: int, height: int = 48, width: int = 64) -> Picture:
    """Smooth coloured blobs."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = [np.sin(rng.uniform(4, 20) * x + rng.uniform(4, 20) * y + rng.uniform(0, 6)) for _ in range(3)]
    return Picture((0.5 + 0.4 * np.stack(waves, axis=-1)).astype(np.float32), None)


CONTENT, STYLE, OTHER = picture(0), picture(1, 56, 52), picture(2)


def options(**changes: object) -> StyleOptions:
    return StyleOptions(method="gatys", steps=6).replace(**changes)


def test_the_registry_knows_it(gatys: Gatys) -> None:
    assert isinstance(create_method("gatys", MethodSettings()), Gatys)
    assert gatys.name == "gatys"


def test_strength_0_returns_the_very_pixels(gatys: Gatys) -> None:
    result = stylize(gatys, CONTENT, [STYLE], options(strength=0.0))
    np.testing.assert_array_equal(result.picture.rgb, CONTENT.rgb)


@pytest.mark.parametrize(("height", "width"), [(48, 64), (37, 51), (20, 130), (64, 8), (300, 420)])
def test_the_result_has_the_contents_size_whatever_it_is(gatys: Gatys, height: int, width: int) -> None:
    result = stylize(gatys, picture(3, height, width), [STYLE], options(steps=3))
    assert result.picture.rgb.shape == (height, width, 3)
    assert result.picture.rgb.dtype == np.float32
    assert 0 <= result.picture.rgb.min() <= result.picture.rgb.max() <= 1
    assert result.method == "gatys"
    assert result.model.startswith("vgg19:file:")


def test_the_style_loss_falls(gatys: Gatys) -> None:
    seen: list[Progress] = []
    stylize(gatys, CONTENT, [STYLE], options(steps=40, content_weight=1e-3), report=seen.append)
    assert seen[-1].losses["style"] < 0.5 * seen[1].losses["style"]
    assert set(seen[-1].losses) == {"content", "style", "total_variation", "total", "content_weight", "change"}


def test_progress_rises_to_1_and_its_previews_are_of_their_step(gatys: Gatys) -> None:
    seen: list[Progress] = []
    result = stylize(gatys, picture(3, 330, 440), [STYLE], options(steps=5), report=seen.append)
    fractions = [progress.fraction for progress in seen]
    assert fractions[0] == 0
    assert fractions[-1] == 1
    assert fractions == sorted(fractions)
    assert [progress.step for progress in seen] == [0, 1, 2, 3, 4, 5]
    first, last = seen[1].preview, seen[-1].preview
    assert first is not None
    assert last is not None
    assert first().width_px < last().width_px == 440
    np.testing.assert_array_equal(last().rgb, result.picture.rgb)


def test_cancelling_stops_before_the_next_step(gatys: Gatys) -> None:
    steps: list[int] = []

    def report(progress: Progress) -> None:
        steps.append(progress.step)

    with pytest.raises(Cancelled):
        stylize(gatys, CONTENT, [STYLE], options(steps=50), report, lambda: bool(steps) and steps[-1] >= 3)
    assert steps[-1] == 3


def test_the_same_seed_gives_the_same_picture_and_another_another(gatys: Gatys) -> None:
    noise = options(start="noise", steps=3)
    first, again, other = (stylize(gatys, CONTENT, [STYLE], noise.replace(seed=seed)).picture.rgb for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).mean() > 0.01


def test_no_job_retraces(gatys: Gatys) -> None:
    stylize(gatys, CONTENT, [STYLE], options(steps=1))
    objective = gatys._objective(options())
    before = objective._step.experimental_get_tracing_count()
    for height, width in ((50, 70), (64, 64), (90, 33)):
        stylize(gatys, picture(4, height, width), [STYLE, OTHER], options(steps=1))
    assert objective._step.experimental_get_tracing_count() == before == 1


def test_kept_colours_are_the_contents(gatys: Gatys) -> None:
    result = stylize(gatys, CONTENT, [STYLE], options(colours="keep", steps=20)).picture.rgb
    inside = ((result > 0.01) & (result < 0.99)).all(axis=-1)
    chroma = [rgb - colour.luma(rgb)[..., None] for rgb in (result, CONTENT.rgb)]
    assert np.abs(colour.luma(result) - colour.luma(CONTENT.rgb)).mean() > 0.01
    np.testing.assert_allclose(chroma[0][inside], chroma[1][inside], atol=0.02)


def test_matched_colours_stay_near_the_contents(gatys: Gatys) -> None:
    blue = Picture(STYLE.rgb * np.array([0.1, 0.2, 1.0], np.float32), None)
    results = {c: stylize(gatys, CONTENT, [blue], options(colours=c)).picture.rgb for c in ("match", "style")}
    away = {c: np.abs(rgb.mean(axis=(0, 1)) - CONTENT.rgb.mean(axis=(0, 1))).max() for c, rgb in results.items()}
    assert away["match"] < 0.5 * away["style"], away


def test_style_weights_choose_between_styles(gatys: Gatys) -> None:
    def paint(styles: list[Picture], weights: tuple[float, ...]) -> NDArray[np.float32]:
        return stylize(gatys, CONTENT, styles, options(style_weights=weights)).picture.rgb

    alone = paint([STYLE], ())
    np.testing.assert_allclose(paint([STYLE, OTHER], (2.0, 0.0)), alone, atol=1e-3)
    assert np.abs(paint([STYLE, OTHER], (1.0, 1.0)) - alone).mean() > 0.005


def test_style_scale_changes_the_strokes(gatys: Gatys) -> None:
    small, large = (stylize(gatys, CONTENT, [STYLE], options(style_scale=s)).picture.rgb for s in (0.5, 2.0))
    assert np.abs(small - large).mean() > 0.001


def test_transparent_parts_of_a_style_do_not_count(gatys: Gatys) -> None:
    half = np.ones(STYLE.rgb.shape[:2], np.float32)
    half[:, 26:] = 0
    spoilt = STYLE.rgb.copy()
    spoilt[:, 26:] = (1, 0, 1)

    def grams(style: Picture) -> NDArray[np.float32]:
        run = gatys.begin(Request(CONTENT, [style], options(colours="match")))
        assert isinstance(run, Run)
        return np.asarray(run._look().seconds[0].numpy())

    clean, hidden = (grams(Picture(rgb, half)) for rgb in (STYLE.rgb, spoilt))
    seen = grams(Picture(spoilt, None))
    assert np.abs(clean - hidden).max() < 0.5 * np.abs(clean - seen).max()


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("eagerness", [0.03, 0.5, 8.0])
def test_the_controller_brings_pictures_of_any_eagerness_to_the_budget(strength: float, eagerness: float) -> None:
    """Pictures whose change follows the weight with a lag, as optimisation does; eager ones go far at once."""
    budget = content_budget(strength)
    log_weight, change = tf.constant(0.0), tf.constant(0.0)
    for _ in range(60):
        weight, log_weight = controlled_weight(log_weight, change, tf.constant(budget), tf.constant(1.0))
        change += 0.2 * (eagerness / tf.sqrt(weight) * budget - change)
    assert float(change) == pytest.approx(budget, rel=0.05)


def test_the_controller_leaves_given_weights_alone() -> None:
    weight, after = controlled_weight(tf.constant(0.7), tf.constant(9.0), tf.constant(0.1), tf.constant(0.0))
    assert float(weight) == pytest.approx(np.exp(0.7))
    assert float(after) == pytest.approx(0.7)


def test_budgets_rise_with_strength_and_open_over_the_first_steps() -> None:
    budgets = [content_budget(strength / 10) for strength in range(11)]
    assert budgets[0] == 0
    assert budgets == sorted(set(budgets))
    opened = [float(step_budget(tf.constant(0.2), tf.constant(float(step)))) for step in range(12)]
    assert opened == sorted(opened)
    assert opened[0] < 0.1
    assert opened[-1] == pytest.approx(0.2)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_colours_leave_room_for_strokes(gatys: Gatys, strength: float) -> None:
    """A content that is nearly grey, and a style whose colours take it very far."""
    grey = Picture(np.float32(0.5) + 0.02 * (CONTENT.rgb - 0.5), None)
    run = gatys.begin(Request(grey, [STYLE], options(strength=strength)))
    assert isinstance(run, Run)
    material, objective = run._material, gatys._objective(options())
    moved = objective.change_from(material.original[None])(material.content[None])
    assert 0.5 * content_budget(strength) < moved < 0.85 * content_budget(strength)
    whole = prepare_material(grey, [STYLE], options(strength=strength)).content
    assert objective.change_from(grey.rgb[None])(whole[None]) > 1.2 * moved


def test_given_weights_switch_the_controller_off(gatys: Gatys) -> None:
    seen: list[Progress] = []
    stylize(gatys, CONTENT, [STYLE], options(content_weight=3.0, style_weight=2.0), report=seen.append)
    assert {round(progress.losses["content_weight"], 5) for progress in seen[1:]} == {1.5}


def test_more_total_variation_weight_gives_a_calmer_picture(gatys: Gatys) -> None:
    variation = []
    for weight in (0.0, 300.0):
        rgb = stylize(gatys, CONTENT, [STYLE], options(steps=25, total_variation_weight=weight)).picture.rgb
        variation.append(np.square(np.diff(rgb, axis=0)).mean() + np.square(np.diff(rgb, axis=1)).mean())
    assert variation[1] < 0.8 * variation[0]


@pytest.mark.parametrize(("preset", "cut"), [("default", 3), ("default", 7), ("gatys2016", 5), ("gatys2016", 0)])
def test_a_resumed_run_ends_bit_identical(gatys: Gatys, preset: str, cut: int) -> None:
    """Across scales too: 306 x 408 is worked on at two sizes."""
    content, chosen = picture(5, 306, 408), options(steps=12, gatys_preset=preset)
    whole = gatys.begin(Request(content, [STYLE], chosen))
    whole.advance()
    first = gatys.begin(Request(content, [STYLE], chosen))
    while first.steps_done < cut:
        first.advance(budget_s=0.0)
    saved = first.state()
    second = gatys.begin(Request(content, [STYLE], chosen), saved)
    assert second.steps_done == cut
    assert second.state() == saved
    assert second.advance()
    np.testing.assert_array_equal(second.picture().rgb, whole.picture().rgb)


def test_a_state_of_another_job_is_refused(gatys: Gatys) -> None:
    run = gatys.begin(Request(CONTENT, [STYLE], options()))
    run.advance(budget_s=0.0)
    saved = run.state()
    for content, style, chosen in (
        (OTHER, STYLE, options()),
        (CONTENT, OTHER, options()),
        (CONTENT, STYLE, options(strength=0.5)),
    ):
        with pytest.raises(StateError):
            gatys.begin(Request(content, [style], chosen), saved)
    for damaged in (b"not a state", saved[:200]):
        with pytest.raises(StateError):
            gatys.begin(Request(CONTENT, [STYLE], options()), damaged)


def paper(**changes: object) -> StyleOptions:
    return options(gatys_preset="gatys2016", steps=25).replace(**changes)


def test_the_papers_preset_lowers_the_published_loss(gatys: Gatys) -> None:
    seen: list[Progress] = []
    result = stylize(gatys, CONTENT, [STYLE], paper(start="noise"), report=seen.append)
    totals = [progress.losses["total"] for progress in seen[1:]]
    assert totals[-1] < 0.2 * totals[0]
    assert seen[-1].fraction == 1
    assert result.picture.rgb.shape == CONTENT.rgb.shape
    assert ":average:zero" in result.model


def test_the_papers_ratio_trades_content_for_style(gatys: Gatys) -> None:
    lost: list[dict[str, float]] = []
    for ratio in (1e-5, 1e5):
        seen: list[Progress] = []
        chosen = paper(content_weight=ratio, style_weight=1.0, start="noise")
        stylize(gatys, CONTENT, [STYLE], chosen, report=seen.append)
        lost.append(seen[-1].losses)
    assert lost[0]["style"] < 0.2 * lost[1]["style"]
    assert lost[1]["content"] < 0.5 * lost[0]["content"]


def test_the_papers_preset_can_be_cancelled_sliced_and_resumed(gatys: Gatys) -> None:
    with pytest.raises(Cancelled):
        stylize(gatys, CONTENT, [STYLE], paper(), cancelled=lambda: True)
    run = gatys.begin(Request(CONTENT, [STYLE], paper()))
    assert not run.advance(budget_s=0.0)
    assert run.steps_done == 1
    again = gatys.begin(Request(CONTENT, [STYLE], paper()), run.state())
    np.testing.assert_array_equal(again.picture().rgb, run.picture().rgb)
    assert again.advance()
    with pytest.raises(StateError):
        gatys.begin(Request(CONTENT, [STYLE], options()), run.state())


@pytest.mark.parametrize("preset", ["default", "gatys2016"])
def test_a_mask_leaves_the_rest_untouched(gatys: Gatys, preset: str) -> None:
    mask = np.zeros(CONTENT.rgb.shape[:2], np.float32)
    mask[:, 32:] = 1
    run = gatys.begin(Request(CONTENT, [STYLE], options(gatys_preset=preset)), mask=mask)
    run.advance()
    made = run.picture().rgb
    np.testing.assert_array_equal(made[:, :32], CONTENT.rgb[:, :32])
    assert np.abs(made[:, 32:] - CONTENT.rgb[:, 32:]).mean() > 0.005


def test_what_does_not_fit_is_refused_with_what_would() -> None:
    plan, memory = plan_scales(4000, 3000, None, 32), MemoryModel(1e7, 4000.0)
    with pytest.raises(JobError) as caught:
        check_memory(plan, memory, available_bytes=4e9)
    allowed = int(caught.value.detail["allowed_px"])
    check_memory(plan_scales(allowed, allowed * 3 // 4, None, 32), memory, 4e9)
    with pytest.raises(JobError):
        check_memory(plan_scales(allowed + 40, (allowed + 40) * 3 // 4, None, 32), memory, 4e9)


def test_predictions_grow_with_the_work(gatys: Gatys) -> None:
    small, large = (gatys.predict(picture(1, side, side), options(steps=20)) for side in (64, 320))
    assert 0 < small.seconds < large.seconds
    memory = cost.memory_model(gatys.extractor(options()))
    assert small.memory_bytes > memory.fixed_bytes
    assert large.memory_bytes - memory.fixed_bytes == pytest.approx((small.memory_bytes - memory.fixed_bytes) * 25)
    assert gatys.predict(picture(1), options(steps=40)).seconds > gatys.predict(picture(1), options(steps=20)).seconds


def test_the_time_that_is_left_comes_from_the_cost_model(gatys: Gatys) -> None:
    content, chosen = picture(3, 330, 440), options(steps=8)
    foreseen = gatys.predict(content, chosen).seconds
    run = gatys.begin(Request(content, [STYLE], chosen))
    assert isinstance(run, Run)
    assert 0 < run.eta_s < foreseen
    seen: list[Progress] = []
    run.advance(report=seen.append)
    assert all(progress.eta_s > 0 for progress in seen[:-1])
    assert seen[-1].eta_s == 0


def starved(monkeypatch: pytest.MonkeyPatch, gatys: Gatys, above_px: int) -> None:
    """The device's own error is raised at the real step's place, for pictures wider than that."""
    objective, real = gatys._objective(options()), gatys._objective(options()).step

    def step(state: AdamState, *rest: Any) -> Any:
        if state.image.shape[2] > above_px:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return real(state, *rest)

    monkeypatch.setattr(objective, "step", step)


@pytest.mark.parametrize(("width", "worked_px"), [(380, 269), (520, 368)])
def test_memory_that_runs_out_after_all_is_one_size_less_and_said(
    gatys: Gatys, monkeypatch: pytest.MonkeyPatch, width: int, worked_px: int
) -> None:
    """Above 300 px, where a coarser size was done already it is the result; 520 px is two sizes down from 300."""
    starved(monkeypatch, gatys, max(300, worked_px))
    seen: list[Progress] = []
    result = stylize(gatys, picture(6, width * 2 // 3, width), [STYLE], options(steps=6), report=seen.append)
    assert result.picture.rgb.shape == (width * 2 // 3, width, 3)
    assert [(notice.code, dict(notice.detail)) for notice in result.notices] == [
        ("smaller_for_memory", {"side_px": worked_px})
    ]
    fractions = [progress.fraction for progress in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1


def test_a_run_that_was_made_smaller_goes_on_elsewhere(gatys: Gatys, monkeypatch: pytest.MonkeyPatch) -> None:
    content, chosen = picture(6, 270, 380), options(steps=8)
    with monkeypatch.context() as short:
        starved(short, gatys, 300)
        whole, first = (gatys.begin(Request(content, [STYLE], chosen)) for _ in range(2))
        whole.advance()
        first.advance(budget_s=0.0)
    second = gatys.begin(Request(content, [STYLE], chosen), first.state())
    second.advance()
    assert second.notices == whole.notices != ()
    np.testing.assert_array_equal(second.picture().rgb, whole.picture().rgb)


def test_what_fits_nowhere_is_the_jobs_error(gatys: Gatys, monkeypatch: pytest.MonkeyPatch) -> None:
    starved(monkeypatch, gatys, 0)
    with pytest.raises(JobError) as caught:
        stylize(gatys, CONTENT, [STYLE], options())
    assert caught.value.code == "job_out_of_memory"


@pytest.mark.parametrize("preset", ["default", "gatys2016"])
def test_a_smaller_size_is_taken_where_the_user_allows_it(
    gatys: Gatys, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    content, chosen = picture(6, 300, 400), options(gatys_preset=preset, steps=4)
    half = cost.memory_model(gatys.extractor(chosen)).peak_bytes(300 * 400 / 2)
    monkeypatch.setattr(cost, "free_bytes", lambda: half / 0.8)
    with pytest.raises(JobError) as caught:
        stylize(gatys, content, [STYLE], chosen)
    assert caught.value.detail == {"allowed_px": 282}
    result = stylize(gatys, content, [STYLE], chosen.replace(smaller_allowed=True))
    assert result.picture.rgb.shape == (300, 400, 3)
    assert result.notices[0].code == "smaller_for_memory"
    assert result.notices[0].detail == {"side_px": 282}


@pytest.mark.parametrize("preset", ["default", "gatys2016"])
def test_a_time_lapse_begins_with_the_start_and_ends_with_the_pastiche(gatys: Gatys, preset: str) -> None:
    content, chosen = picture(5, 306, 408), options(steps=12, gatys_preset=preset, time_lapse=True)
    whole = stylize(gatys, content, [STYLE], chosen)
    sizes = {(frame.width_px, frame.height_px) for frame in whole.time_lapse}
    assert sizes == {(384, 288)}
    assert len(whole.time_lapse) == 13
    last = resize(whole.picture, 384, 288).rgb
    first_away, last_away = (np.abs(whole.time_lapse[i].rgb - last).mean() for i in (0, -1))
    assert last_away < 0.02
    assert last_away < 0.7 * first_away
    assert stylize(gatys, CONTENT, [STYLE], options(steps=2)).time_lapse == ()


@pytest.mark.parametrize("preset", ["default", "gatys2016"])
def test_a_time_lapse_goes_on_after_a_checkpoint(gatys: Gatys, preset: str) -> None:
    chosen = options(steps=9, gatys_preset=preset, time_lapse=True)
    whole = gatys.begin(Request(CONTENT, [STYLE], chosen))
    whole.advance()
    first = gatys.begin(Request(CONTENT, [STYLE], chosen))
    for _ in range(4):
        first.advance(budget_s=0.0)
    second = gatys.begin(Request(CONTENT, [STYLE], chosen), first.state())
    second.advance()
    pairs = zip(whole.time_lapse(), second.time_lapse(), strict=True)
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in pairs)


def test_a_time_lapse_shows_early_steps_closely_and_late_ones_seldom() -> None:
    shown = sorted(shown_steps(1000))
    assert shown[:5] == [0, 1, 2, 3, 4]
    assert shown[-1] == 1000
    assert 20 < len(shown) <= FRAMES
    assert np.all(np.diff(np.diff(shown[-8:])) > 0)
    assert shown_steps(3) == {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("width", "height", "steps"), [(512, 384, None), (300, 300, None), (1024, 60, 7), (640, 480, 1), (20, 400, 3)]
)
def test_plans_end_at_full_size_and_keep_the_steps(width: int, height: int, steps: int | None) -> None:
    plan = plan_scales(width, height, steps, 32)
    assert plan[-1].width_px >= width
    assert plan[-1].height_px >= height
    assert [scale.pixels for scale in plan] == sorted(scale.pixels for scale in plan)
    assert all(scale.steps >= 1 and min(scale.height_px, scale.width_px) >= 32 for scale in plan)
    assert steps is None or sum(scale.steps for scale in plan) == steps


def test_a_missing_weight_file_is_the_operators_error() -> None:
    with pytest.raises(OperatorError) as caught:
        Gatys(MethodSettings(vgg_weights="/nowhere/vgg.npz")).prepare()
    assert caught.value.code == "weights_missing"


@pytest.fixture(scope="module")
def real() -> Gatys:
    if not REAL_WEIGHTS.is_file():
        pytest.skip("SHARED_DIR has no models/features/vgg19_16x.npz")
    return Gatys(MethodSettings(vgg_weights=str(REAL_WEIGHTS)))


def test_strength_is_a_ladder_between_content_and_style(real: Gatys) -> None:
    from nst.quality import Evaluator

    evaluator = Evaluator(SHARED / "models/features/squeezenet_v10.npz")
    content = decode((SHARED / "images/content/paris_eiffel.jpg").read_bytes(), 128)
    style = decode((SHARED / "images/styles/kandinsky_composition_vii.jpg").read_bytes(), 128)
    rungs = []
    for strength in (0.25, 0.5, 1.0):
        made = stylize(real, content, [style], StyleOptions(method="gatys", strength=strength)).picture.rgb
        left = evaluator.style_distance_ratio(content.rgb, made, style.rgb)
        rungs.append((left, evaluator.content_distance(content.rgb, made)))
    assert 1 > rungs[0][0] > rungs[1][0] > rungs[2][0]
    assert 0 < rungs[0][1] < rungs[1][1] < rungs[2][1]
    moved = np.clip(colour.transport(content.rgb, style.rgb), 0, 1)
    assert rungs[2][0] < evaluator.style_distance_ratio(content.rgb, moved, style.rgb)
