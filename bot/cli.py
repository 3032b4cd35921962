"""``pastiche``, the one command line, and the place where the three floors meet (docs/adr/0002).

Every command imports what it needs when it runs, so that all of them start fast: TensorFlow is
loaded only where a picture is made. Exit codes: 0 done; 2 the user's mistake, with one clear
message on standard error; 1 anything else; 130 interrupted.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bot.models import app as models_app
from nst.errors import OperatorError, PasticheError, UserError

if TYPE_CHECKING:
    from bot.settings import Settings
    from nst.options import StyleOptions

app = typer.Typer(
    name="pastiche",
    help="Paint a picture in the style of another: in chats, in the browser, on the command line.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Method = Annotated[str, typer.Option(help="fast, gatys, palette, patches, singan, or auto to have one picked.")]
Strength = Annotated[float, typer.Option(help="0 (the photograph) to 100 (all style).")]
Size = Annotated[int, typer.Option(help="Longer side of the result at most, in pixels.", metavar="MAX_SIDE_PX")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]

app.add_typer(models_app, name="models")


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="Do one job, write the picture, and end.")] = False,
    content: Annotated[Path | None, typer.Option(help="Content image; a sample photograph if left out.")] = None,
    style: Annotated[str, typer.Option(help="A preset's name or a picture.")] = "",
    out: Annotated[Path | None, typer.Option(help="Folder for the result.")] = None,
    method: Method = "fast",
    strength: Strength = 100,
    size: Size = 768,
    seed: Seed = 0,
) -> None:
    """Redis, a worker and the web chat on this machine, and a first pastiche through the queue."""
    from bot.demo import Demo, FirstJob

    options = _options(method, strength, size, seed)
    Demo(_settings()).run(FirstJob(content, style, out, options), once=once)


@app.command()
def stylize(
    pictures: Annotated[
        list[str],
        typer.Argument(
            metavar="CONTENT STYLE...",
            help="What to paint: a picture, a folder, a pattern in quotes, or - for standard input; "
            "then up to four pictures or presets' names.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            help="A file: .jpg, .png, .webp; clips: .gif, .mp4. For several a folder; - for standard output.",
        ),
    ],
    style_names: Annotated[
        list[str] | None,
        typer.Option("--styles", help="Styles with commas between, repeatable: all else is painted, each by itself."),
    ] = None,
    kind: Annotated[
        str, typer.Option("--format", help="Of results in a folder or on standard output: jpg, png, webp, gif, mp4.")
    ] = "",
    method: Method = "fast",
    strength: Strength = 100,
    size: Size = 768,
    seed: Seed = 0,
    colours: Annotated[str, typer.Option(help="style, keep (the photograph's) or match.")] = "style",
    weights: Annotated[str, typer.Option(help="Weights of the styles, for instance 2,1.")] = "",
    scale: Annotated[float, typer.Option(help="Size of the strokes: 0.25 to 4.")] = 1.0,
    still: Annotated[bool, typer.Option("--still", help="Of a clip, paint the first frame only.")] = False,
    steps: Annotated[int | None, typer.Option(help="Steps of gatys, or singan's at each scale: 1 to 10000.")] = None,
    extractor: Annotated[str | None, typer.Option(help="Feature extractor of gatys.")] = None,
    preset: Annotated[str, typer.Option(help="Set-up of gatys: default, or gatys2016 for the paper's.")] = "default",
    start: Annotated[str, typer.Option(help="What gatys starts from: content, noise or fast.")] = "content",
    start_scale: Annotated[int | None, typer.Option(help="Where singan puts the photo in: 1 for most style.")] = None,
    mask: Annotated[Path | None, typer.Option(help="A picture: white, or visible, is the subject.")] = None,
    region: Annotated[str, typer.Option(help="With a mask: paint its subject, background, or everything.")] = "",
    time_lapse: Annotated[Path | None, typer.Option(help="Film of gatys at work: .gif, .webp or .mp4.")] = None,
    smaller_allowed: Annotated[
        bool, typer.Option("--smaller-allowed", help="Let gatys work at a smaller size where memory is short.")
    ] = False,
) -> None:
    """Paint a picture, or each of several, right here, without Redis.

    A file of a style's name is that file; a folder of a preset's name does not hide the preset.
    """
    from bot.stylize import contents_and_styles, ending_of, paint, style_paths

    options = _options(method, strength, size, seed).replace(
        colours=colours,
        style_scale=scale,
        steps=steps,
        extractor=extractor,
        style_weights=_weights(weights),
        animate=not still,
        gatys_preset=preset,
        start=start,
        start_scale=start_scale,
        smaller_allowed=smaller_allowed,
        region=region or ("subject" if mask else "everything"),
    )
    settings = _settings()
    contents, styles = contents_and_styles(pictures, style_names)
    where = None if region == "everything" else mask
    how = {"mask": where, "time_lapse": time_lapse}
    raise typer.Exit(
        paint(contents, style_paths(styles, settings), out, options, settings, ending=ending_of(kind), **how)
    )


@app.command()
def study(
    kind: Annotated[
        str, typer.Argument(help="ratio (alpha/beta), layers, extractors, samples (of a style), compare (all methods).")
    ],
    pictures: Annotated[
        list[str], typer.Argument(metavar="CONTENT... [STYLE]", help="compare takes several, and their styles apart.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the contact sheet.")],
    styles: Annotated[
        list[str] | None, typer.Option("--styles", help="Pictures or presets' names, with commas between; repeatable.")
    ] = None,
    size: Size = 256,
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Steps of each picture.")] = None,
    extractor: Annotated[str | None, typer.Option(help="Feature extractor; the best at hand if left out.")] = None,
) -> None:
    """A contact sheet: what a choice of the Gatys method does (the paper's figures 3 and 4), or all methods."""
    from bot.stylize import split, style_paths
    from nst.commands import run_study

    settings = _settings()
    options = _options("gatys", 100, size, seed).replace(steps=steps, extractor=extractor)
    # Without --styles the last picture is the style, as in `stylize`.
    *contents, last = [*pictures, ""] if styles else pictures
    named = split(styles or [last])
    run_study(kind, [Path(name) for name in contents], style_paths(named, settings), out, options, settings.methods)


@app.command()
def harmonise(
    background: Annotated[Path, typer.Argument(help="The painting.")],
    pasted: Annotated[Path, typer.Argument(help="What lies over it, stretched to its size; visible where pasted.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the result.")],
    strength: Strength = 100,
    size: Size = 768,
    seed: Seed = 0,
    steps: Annotated[int | None, typer.Option(help="Iterations of training at the coarsest scale.")] = None,
    start_scale: Annotated[int | None, typer.Option(help="Where it is put in; a fine scale if left out.")] = None,
    mask: Annotated[Path | None, typer.Option(help="A picture, white where it is pasted.")] = None,
) -> None:
    """Paste something into a painting so that it looks painted (SinGAN)."""
    from nst.commands import run_harmonise

    options = _options("singan", strength, size, seed).replace(steps=steps, start_scale=start_scale)
    run_harmonise(background, pasted, out, options, _settings().methods, mask)


@app.command()
def worker(
    queues: Annotated[str, typer.Option(help="Queues in order of priority.")] = "fast,slow",
    device: Annotated[str | None, typer.Option(help="A GPU's number, or cpu; whatever is there if left out.")] = None,
    grace: Annotated[float, typer.Option(help="Seconds in which the running job may finish at the end.")] = 8.0,
    health_file: Annotated[Path | None, typer.Option(help="Touched every two seconds while all is well.")] = None,
    max_rss_mib: Annotated[int, typer.Option(help="Memory above which the process ends between jobs; 0: none.")] = 0,
) -> None:
    """Take jobs from the queue and paint them, in the foreground."""
    from workers.__main__ import run_worker

    settings = _serving()
    code = run_worker(
        settings.redis_url,
        _queues(queues),
        settings.methods,
        device=device,
        grace_s=grace,
        health_file=health_file,
        max_rss_bytes=max_rss_mib * 2**20,
        max_side_px=settings.worker_max_side_px,
    )
    raise typer.Exit(code)


@app.command()
def web() -> None:
    """The local web chat, at WEB_HOST:WEB_PORT."""
    from bot.web.app import serve

    serve(_serving())


@app.command()
def discord() -> None:
    """The Discord bot."""
    from bot.discord.app import run

    run(_serving())


@app.command()
def telegram() -> None:
    """The Telegram bot."""
    from bot.telegram.app import run

    run(_serving())


@app.command()
def doctor() -> None:
    """Check settings, Redis, workers, models and GPU, and say what to do."""
    from bot.doctor import examine

    raise typer.Exit(examine(_settings()))


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line: the boundary where errors become sentences and exit codes."""
    try:
        app(args=list(arguments) if arguments is not None else None, standalone_mode=True)
    except PasticheError as error:
        _complain(error)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # the boundary: a sentence, not a stack trace
        logging.getLogger(__name__).debug("unforeseen", exc_info=True)
        sys.stderr.write(f"Something went wrong: {type(error).__name__}: {error} (LOG_LEVEL=DEBUG shows where)\n")
        sys.exit(1)
    sys.exit(0)


def _settings() -> Settings:
    from bot.observability import set_up_logs
    from bot.settings import read_settings

    settings = read_settings()
    settings.secrets.guard()
    set_up_logs(settings.log_level, settings.log_format)
    return settings


def _serving() -> Settings:
    """The settings of a process that serves: its figures are to be had from now on, and it knows where pictures lie."""
    from bot.observability import serve_metrics
    from bot.settings import open_blob_store

    settings = _settings()
    open_blob_store(settings)
    serve_metrics(settings)
    return settings


def _options(method: str, strength: float, size: int, seed: int) -> StyleOptions:
    from nst.options import StyleOptions, strength_from_percent

    return StyleOptions(method=method, strength=strength_from_percent(strength), max_side_px=size, seed=seed)


def _queues(text: str) -> tuple[str, ...]:
    from workers.routing import QUEUES

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names or not set(names) <= set(QUEUES):
        raise UserError(
            "option_out_of_range", {"option": "queues", "received": text[:40], "allowed": ", ".join(QUEUES)}
        )
    return names


def _weights(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        detail = {"option": "weights", "received": text[:40], "allowed": "numbers with commas, such as 2,1"}
        raise UserError("option_out_of_range", detail) from None


def _complain(error: PasticheError) -> None:
    from bot.texts import explain

    sys.stderr.write(explain(error) + "\n")
    if isinstance(error, OperatorError):
        sys.stderr.write("`pastiche doctor` looks at settings, Redis, models and GPU and says what to do.\n")
