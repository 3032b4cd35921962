"""From bytes to pastiche, with real methods, and with one that fails where only failing can be shown."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from nst.commands import OUTPUT_TYPES, run_stylize
from nst.engine import Engine
from nst.errors import Cancelled, JobError, OperatorError, UserError
from nst.method import MethodSettings, OneStep, Pastiche, Request, Run
from nst.options import StyleOptions
from nst.pictures.decode import Picture, decode

PALETTE = StyleOptions(method="palette")
SETTINGS = MethodSettings()


def saved(image: Image.Image, image_format: str = "PNG", **choices: object) -> bytes:
    file = io.BytesIO()
    image.save(file, image_format, **choices)
    return file.getvalue()


def sample(name: str) -> Image.Image:
    """A photograph of scikit-image's; its functions have no types."""
    return Image.fromarray(getattr(data, name)())


CAT = saved(sample("chelsea").resize((181, 120)))
COFFEE = saved(sample("coffee").resize((150, 100)), "JPEG")


class Failing:
    """A method that raises what it is given; registered under a real method's name."""

    name = "fast"
    error: BaseException = OperatorError("weights_missing", {"model": "m", "reason": "no file"})

    def __init__(self, settings: MethodSettings) -> None:
        pass

    def prepare(self) -> None:
        raise self.error

    def begin(self, request: Request, state: bytes = b"") -> Run:
        raise self.error


class HalfSize(Failing):
    """A method whose network knows multiples of 64 only."""

    def begin(self, request: Request, state: bytes = b"") -> Run:
        half = Pastiche(Picture(np.full((64, 128, 3), 0.25, np.float32)), self.name)
        return OneStep(half, lambda report, cancelled: half)


def registered(monkeypatch: pytest.MonkeyPatch, method: type[Failing]) -> Engine:
    monkeypatch.setattr("nst.palette.Failing", method, raising=False)
    monkeypatch.setattr("nst.method._MODULES", {"fast": ("nst.palette", "Failing"), **_rest()})
    return Engine(SETTINGS)


def _rest() -> dict[str, tuple[str, str]]:
    from nst.method import _MODULES

    return {name: place for name, place in _MODULES.items() if name != "fast"}


def failing_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Engine:
    return registered(monkeypatch, type("FailingWith", (Failing,), {"error": error}))


def test_pastiche_has_the_fitted_size() -> None:
    made = Engine(SETTINGS).stylize(CAT, [COFFEE], PALETTE.replace(max_side_px=90))
    assert (made.picture.width_px, made.picture.height_px) == (90, 60)
    assert (made.method, made.notices) == ("palette", ())


@pytest.mark.parametrize("method", ["palette", "fast", "gatys"])
def test_strength_0_is_the_content_exactly_and_needs_no_model(method: str) -> None:
    script = (
        "import sys\nfrom nst.engine import Engine\nfrom nst.pictures.decode import decode\nimport numpy as np\n"
        "from nst.method import MethodSettings\nfrom nst.options import StyleOptions\n"
        "data = sys.stdin.buffer.read()\n"
        f"made = Engine(MethodSettings()).stylize(data, [data], StyleOptions(method={method!r}, strength=0))\n"
        "print(np.array_equal(made.picture.rgb, decode(data).rgb), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], input=CAT, capture_output=True, check=True)
    assert done.stdout.split() == [b"True", b"False"]


def test_alpha_comes_back() -> None:
    image = sample("chelsea").resize((60, 40))
    alpha = np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1))
    image.putalpha(Image.fromarray(alpha))
    made = Engine(SETTINGS).stylize(saved(image), [COFFEE], PALETTE)
    assert made.picture.alpha is not None
    assert np.array_equal(np.rint(made.picture.alpha * 255), alpha)


def test_animated_content_gets_a_notice() -> None:
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "lime")]
    gif = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    for strength in (0.0, 1.0):
        made = Engine(SETTINGS).stylize(gif, [COFFEE], PALETTE.replace(strength=strength))
        assert [notice.code for notice in made.notices] == ["first_frame_only"]
        assert made.picture.frames == 1
    assert Engine(SETTINGS).stylize(COFFEE, [gif], PALETTE).notices == ()


def test_how_pictures_were_read_is_told_once() -> None:
    cut = COFFEE[:-2]
    assert [notice.code for notice in Engine(SETTINGS).stylize(cut, [cut, COFFEE], PALETTE).notices] == [
        "picture_cut_off"
    ]
    assert [notice.code for notice in Engine(SETTINGS).stylize(COFFEE, [cut], PALETTE).notices] == ["picture_cut_off"]


@pytest.mark.parametrize("code", ["weights_missing", "model_unusable"])
def test_palette_paints_where_a_model_is_missing(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    engine = failing_with(monkeypatch, OperatorError(code, {"model": "m", "reason": "no file"}))
    seen: list[float] = []
    made = engine.stylize(CAT, [COFFEE], StyleOptions(), lambda progress: seen.append(progress.fraction))
    assert made.method == "palette"
    assert [notice.code for notice in made.notices] == ["fell_back_to_palette"]
    assert made.notices[0].detail == {"asked": "fast", "reason": "no file"}
    assert np.array_equal(made.picture.rgb, Engine(SETTINGS).stylize(CAT, [COFFEE], PALETTE).picture.rgb)
    assert seen == sorted(seen)
    assert seen[-1] == 1


@pytest.mark.parametrize(
    "error",
    [
        Cancelled(),
        UserError("option_out_of_range"),
        OperatorError("bad_setting"),
        ValueError("unforeseen"),
    ],
)
def test_other_errors_pass(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    with pytest.raises(type(error)) as caught:
        failing_with(monkeypatch, error).stylize(CAT, [COFFEE], StyleOptions())
    assert caught.value is error


def test_out_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JobError) as caught:
        failing_with(monkeypatch, MemoryError()).stylize(CAT, [COFFEE], StyleOptions())
    assert caught.value.code == "job_out_of_memory"


@pytest.mark.tensorflow
def test_tensorflows_own_error_is_out_of_memory_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from nst.device import configure_tensorflow

    error = configure_tensorflow().errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    with pytest.raises(JobError) as caught:
        failing_with(monkeypatch, error).stylize(CAT, [COFFEE], StyleOptions())
    assert caught.value.code == "job_out_of_memory"


def test_result_of_another_size_is_brought_to_the_contents(monkeypatch: pytest.MonkeyPatch) -> None:
    made = registered(monkeypatch, HalfSize).stylize(CAT, [COFFEE], StyleOptions())
    assert (made.picture.width_px, made.picture.height_px) == (181, 120)
    assert np.allclose(made.picture.rgb, 0.25, atol=1e-6)


def test_methods_are_kept_warm() -> None:
    engine = Engine(SETTINGS)
    assert engine.method("palette") is engine.method("palette")


def test_prepare_survives_a_missing_model(monkeypatch: pytest.MonkeyPatch) -> None:
    error = OperatorError("weights_missing", {"model": "m", "reason": "no file"})
    failing_with(monkeypatch, error).prepare("fast", "palette")


@pytest.mark.parametrize(
    ("styles", "weights", "code"),
    [
        ([], (), "style_missing"),
        ([COFFEE] * 5, (), "too_many_styles"),
        ([COFFEE] * 2, (1.0,), "option_out_of_range"),
        ([b""], (), "image_empty"),
        ([b"<html>"], (), "image_not_an_image"),
    ],
)
def test_styles_are_checked(styles: list[bytes], weights: tuple[float, ...], code: str) -> None:
    with pytest.raises(UserError) as caught:
        Engine(SETTINGS).stylize(CAT, styles, PALETTE.replace(style_weights=weights))
    assert caught.value.code == code


def test_cancelled_before_it_starts() -> None:
    with pytest.raises(Cancelled):
        Engine(SETTINGS).stylize(CAT, [COFFEE], PALETTE, cancelled=lambda: True)


@pytest.mark.parametrize("ending", sorted(OUTPUT_TYPES))
def test_command_writes_what_the_ending_says(tmp_path: Path, ending: str) -> None:
    content, style, out = tmp_path / "a.txt", tmp_path / "b", tmp_path / f"out{ending.upper()}"
    content.write_bytes(CAT)
    style.write_bytes(COFFEE)
    run_stylize(content, [style], out, PALETTE, SETTINGS)
    made = Engine(SETTINGS).stylize(CAT, [COFFEE], PALETTE)
    with Image.open(out) as image:
        assert image.get_format_mimetype() == OUTPUT_TYPES[ending]
    assert np.abs(decode(out.read_bytes()).rgb - made.picture.rgb).mean() < 0.02
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in (content, style, out))


def test_command_leaves_the_old_file_when_it_fails(tmp_path: Path) -> None:
    content, out = tmp_path / "a.png", tmp_path / "out.png"
    content.write_bytes(CAT[:500])
    out.write_bytes(b"precious")
    with pytest.raises(UserError) as caught:
        run_stylize(content, [content], out, PALETTE, SETTINGS)
    assert caught.value.code == "image_truncated"
    assert out.read_bytes() == b"precious"


def test_command_names_what_it_cannot_use(tmp_path: Path) -> None:
    content = tmp_path / "a.png"
    content.write_bytes(CAT)

    def code(content: Path, out: Path) -> str:
        with pytest.raises((UserError, OperatorError)) as caught:
            run_stylize(content, [content], out, PALETTE, SETTINGS)
        return str(caught.value.code)

    assert code(tmp_path / "absent.png", tmp_path / "out.png") == "image_unreachable"
    assert code(tmp_path, tmp_path / "out.png") == "image_unreachable"
    assert code(content, tmp_path / "out.tiff") == "option_out_of_range"
    assert code(content, tmp_path / "absent" / "out.png") == "output_unwritable"
    (tmp_path / "folder.png").mkdir()
    assert code(content, tmp_path / "folder.png") == "output_unwritable"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "folder.png"]


def test_importing_the_command_is_cheap() -> None:
    script = "import sys, nst.commands; print({'numpy', 'tensorflow', 'PIL'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
