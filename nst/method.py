"""The protocol that every method obeys, and the registry that knows them all.

A method begins a run: a pastiche under way, which is advanced for a while, looked at, written down, and gone on with
in another process. Methods of one pass take one step. Strength 0 returns the content's pixels in every method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from nst.errors import Cancelled, UserError

if TYPE_CHECKING:
    from nst.options import StyleOptions
    from nst.pictures.decode import Picture


@dataclass(frozen=True)
class Notice:
    """Something the user should know about a result; a code of ``bot/texts`` with its values.

    Attributes:
        code: For instance ``fell_back_to_palette`` or ``first_frame_only``.
        detail: JSON scalars for the sentence's placeholders.
    """

    code: str
    detail: dict[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """How far a method is.

    Attributes:
        fraction: 0..1, never falling within one job.
        step: Steps done; 0 where the method has no steps.
        steps: Steps in all; 0 where the method has no steps.
        preview: The picture as it stands, or None. Made lazily: call it to get it.
        losses: Named losses of this step, for curves; empty where there are none.
        eta_s: Seconds to the end where the method knows what its steps cost; below 0 where it does not.
    """

    fraction: float
    step: int = 0
    steps: int = 0
    preview: Callable[[], Picture] | None = None
    losses: dict[str, float] = field(default_factory=dict)
    eta_s: float = -1.0


@dataclass(frozen=True)
class Pastiche:
    """What a method made.

    Attributes:
        picture: The result, same aspect as the content.
        method: The method that really made it; differs from the one asked for after a fall-back.
        model: Identity of the weights, for caches and recipes ("" where there are none).
        notices: What the user should know.
        time_lapse: Small pictures of the way there, first to last, where the user wanted them and the method has steps.
    """

    picture: Picture
    method: str
    model: str = ""
    notices: tuple[Notice, ...] = ()
    time_lapse: tuple[Picture, ...] = ()


Report = Callable[[Progress], None]
IsCancelled = Callable[[], bool]


def no_report(progress: Progress) -> None:
    """A report that nobody reads."""


def never_cancelled() -> bool:
    """For callers that cannot cancel."""
    return False


def rising(report: Report) -> Report:
    """Report no fraction below one that was reported before, as when a job begins again at a smaller size."""
    reached = 0.0

    def raised(progress: Progress) -> None:
        nonlocal reached
        reached = max(reached, progress.fraction)
        report(replace(progress, fraction=reached))

    return raised


@dataclass(frozen=True)
class Request:
    """What a pastiche is made of.

    Attributes:
        content: Content image, no larger than ``options.max_side_px``.
        styles: One to four style images.
        options: What the user chose.
    """

    content: Picture
    styles: Sequence[Picture]
    options: StyleOptions


class Run(Protocol):
    """A pastiche under way."""

    def advance(
        self, budget_s: float | None = None, report: Report = no_report, cancelled: IsCancelled = never_cancelled
    ) -> bool:
        """Go on, at least one step unless the run is done.

        Args:
            budget_s: Stop after the step during which this many seconds have passed; None to go to the end.
            report: Told about every step.
            cancelled: Asked before every step.

        Returns:
            Whether the run is done.

        Raises:
            Cancelled: ``cancelled()`` was true.
            PasticheError: Anything that a person should be told.
        """

    def pastiche(self) -> Pastiche:
        """The result, of the content's size: the last one where the run is done, else as far as it is."""

    def state(self) -> bytes:
        """All that another process needs to go on, besides the request; empty where that is to begin anew."""


class OneStep:
    """The run of a method that takes one step.

    Args:
        before: What there is until the step is done.
        step: Makes the pastiche, and reports its end.
    """

    def __init__(self, before: Pastiche, step: Callable[[Report, IsCancelled], Pastiche]) -> None:
        self._pastiche, self._step, self._done = before, step, False

    def advance(
        self, budget_s: float | None = None, report: Report = no_report, cancelled: IsCancelled = never_cancelled
    ) -> bool:
        """Take the step, whatever the budget; see ``Run.advance``."""
        if cancelled():
            raise Cancelled
        if self._done:
            report(Progress(1.0))
        else:
            self.finish(self._step(report, cancelled))
        return True

    def finish(self, pastiche: Pastiche) -> None:
        """Take what was made elsewhere, in a pass that was shared, for the step's result."""
        self._pastiche, self._done = pastiche, True

    def pastiche(self) -> Pastiche:
        """See ``Run.pastiche``."""
        return self._pastiche

    def state(self) -> bytes:
        """Nothing: it begins anew."""
        return b""


class Method(Protocol):
    """One way of making a pastiche. Instances are kept warm and used by one thread at a time."""

    name: str

    def prepare(self) -> None:
        """Load weights and warm up, so that the first job is not slower than the others.

        Raises:
            OperatorError: ``weights_missing`` or ``model_unusable``.
        """

    def begin(self, request: Request, state: bytes = b"") -> Run:
        """Begin a pastiche without doing a step of it, or go on with one.

        Args:
            request: Its pictures and options; strength above 0.
            state: What ``Run.state`` gave, in this or another process.

        Raises:
            StateError: The state is of another request or release: begin anew.
            PasticheError: Anything that a person should be told.
        """


def stylize(
    method: Method,
    content: Picture,
    styles: Sequence[Picture],
    options: StyleOptions,
    report: Report = no_report,
    cancelled: IsCancelled = never_cancelled,
) -> Pastiche:
    """Make one pastiche in one go.

    Args:
        method: How.
        content: Content image, already no larger than ``options.max_side_px``.
        styles: One to four style images.
        options: What the user chose.
        report: Told about progress, at least at the start and the end of the work; its fractions never fall.
        cancelled: Asked at least once a step.

    Returns:
        The pastiche, of the content's size.

    Raises:
        Cancelled: ``cancelled()`` was true.
        PasticheError: Anything that a person should be told.
    """
    if cancelled():
        raise Cancelled
    if not styles:
        raise UserError("style_missing")
    options.shares(len(styles))
    report(Progress(0.0))
    if options.strength == 0:
        report(Progress(1.0))
        return Pastiche(content, method.name)
    run = method.begin(Request(content, styles, options))
    run.advance(None, rising(report), cancelled)
    return run.pastiche()


# Where each method lives. Modules are imported on first use: some cost seconds.
_MODULES = {
    "fast": ("nst.fast.method", "Fast"),
    "gatys": ("nst.gatys.method", "Gatys"),
    "palette": ("nst.palette", "Palette"),
    "patches": ("nst.patches.method", "Patches"),
    "singan": ("nst.singan.method", "SinGan"),
    "auto": ("nst.auto", "Auto"),
}


@dataclass(frozen=True)
class MethodSettings:
    """What the operator sets about methods.

    Attributes:
        fast_model: ``NST_FAST_MODEL``: ``auto``, ``bundled``, a folder, a TF-Hub URL, …
        fast_batch: ``NST_FAST_BATCH``: whether workers paint fast jobs together: ``auto`` (on a GPU), ``on``, ``off``.
        fast_xla: ``NST_FAST_XLA``: whether the fast network is compiled, once per size of picture.
        vgg_weights: ``NST_VGG_WEIGHTS``: a local VGG-19 weight file, or "".
        model_cache: Folder for what is downloaded.
        download: False: nothing is downloaded; what is not on this machine counts as missing.
        keras_weights_url: ``NST_KERAS_WEIGHTS_URL``: a mirror of Keras' weights, or "".
        gatys_precision: ``NST_GATYS_PRECISION``: of the extractor's convolutions: ``float32``, ``auto``, ``bfloat16``.
        gatys_xla: ``NST_GATYS_XLA``: whether steps are compiled, once per size of picture.
        singan_budget: ``NST_SINGAN_BUDGET``: what training a style may cost: ``auto``, ``quick``, ``full`` or
            ``SIDE:ITERATIONS``.
        quality: ``NST_QUALITY``: who looks for quality cards: ``bundled``, a file of SqueezeNet's weights, or ``off``.
    """

    fast_model: str = "auto"
    fast_batch: str = "auto"
    fast_xla: bool = False
    vgg_weights: str = ""
    model_cache: str = ""
    download: bool = True
    keras_weights_url: str = ""
    gatys_precision: str = "float32"
    gatys_xla: bool = False
    quality: str = "bundled"
    singan_budget: str = "auto"


def create_method(name: str, settings: MethodSettings) -> Method:
    """Make a method by its name; its weights are loaded by ``prepare`` or on first use.

    Args:
        name: One of ``options.METHODS``.
        settings: The operator's choices.

    Raises:
        UserError: ``option_out_of_range`` for an unknown name.
    """
    if name not in _MODULES:
        raise UserError(
            "option_out_of_range", {"option": "method", "received": name[:40], "allowed": ", ".join(_MODULES)}
        )
    module, attribute = _MODULES[name]
    method: Method = getattr(import_module(module), attribute)(settings)
    return method
