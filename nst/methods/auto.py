"""Auto: looks at the pictures, takes palette, fast or gatys, and says why.

It can be interrupted as ``gatys`` can, and waits among the slow jobs: which method it takes is known only once the
pictures are decoded, and a job of minutes must not stand before those of a second (docs/adr/0016).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol, cast

from nst.errors import Cancelled, UserError
from nst.images import Picture
from nst.method import (
    IsCancelled,
    Method,
    MethodSettings,
    Notice,
    Pastiche,
    Progress,
    Report,
    create_method,
    never_cancelled,
    no_report,
)
from nst.methods.auto_choice import Choice, choose
from nst.methods.gatys_state import StateError
from nst.options import StyleOptions


class _Stepwise(Protocol):
    """A run of a method that can be interrupted."""

    def advance(self, budget_s: float | None, report: Report, cancelled: IsCancelled) -> bool: ...

    def state(self) -> bytes: ...


class _Resumable(Protocol):
    """A method with such runs."""

    def start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> _Stepwise: ...

    def resume(self, state: bytes, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> _Stepwise: ...

    def pastiche(self, run: _Stepwise, options: StyleOptions) -> Pastiche: ...


class Run:
    """A job under way: the chosen method's own run, or its one pass.

    Args:
        choice: Which method, and why.
        method: That method.
        inner: Its run; None where it has none.
        content: What there is before a method of one pass has made anything.
        once: Makes the pastiche in one go; for methods without runs.
    """

    def __init__(
        self,
        choice: Choice,
        method: Method,
        inner: _Stepwise | None,
        content: Picture,
        once: Callable[[Report, IsCancelled], Pastiche],
    ) -> None:
        self.choice, self.method, self.inner = choice, method, inner
        self._content, self._once = content, once
        self._made: Pastiche | None = None

    def advance(
        self, budget_s: float | None = None, report: Report = no_report, cancelled: IsCancelled = never_cancelled
    ) -> bool:
        """Go on for about ``budget_s``; a method of one pass does all of it.

        Raises:
            Cancelled: ``cancelled()`` was true.
        """
        if self.inner is not None:
            return self.inner.advance(budget_s, report, cancelled)
        self._made = self._once(report, cancelled)
        return True

    def state(self) -> bytes:
        """All that another process needs to go on; nothing of a method of one pass."""
        return b"" if self.inner is None else self.inner.state()

    def pastiche(self, options: StyleOptions) -> Pastiche:
        """The result or as far as it is, with the reason for its method first among its notices."""
        if self.inner is not None:
            made = cast(_Resumable, self.method).pastiche(self.inner, options)
        else:
            made = self._made or Pastiche(self._content, self.choice.method)
        return replace(made, notices=(Notice(self.choice.reason), *made.notices))


class Auto:
    """Chooses among the methods; a ``nst.method.Method`` that can be interrupted.

    Args:
        settings: For the methods that it takes.
        find: Where warm methods are; makes them itself by default.
    """

    name = "auto"

    def __init__(self, settings: MethodSettings, find: Callable[[str], Method] | None = None) -> None:
        self._settings = settings
        self._methods: dict[str, Method] = {}
        self._find = find or self._own

    def prepare(self) -> None:
        """Nothing: what is taken is known only with the pictures."""

    def stylize(
        self,
        content: Picture,
        styles: Sequence[Picture],
        options: StyleOptions,
        report: Report = no_report,
        cancelled: IsCancelled = never_cancelled,
    ) -> Pastiche:
        """Make one pastiche; see ``nst.method.Method.stylize``. Its ``method`` is the one that was taken."""
        if cancelled():
            raise Cancelled
        if options.strength == 0:
            options.shares(len(styles))
            report(Progress(0.0))
            report(Progress(1.0))
            return Pastiche(content, self.name)
        run = self.start(content, styles, options)
        if run.inner is not None:
            report(Progress(0.0))
        run.advance(None, report, cancelled)
        return self.pastiche(run, options)

    def start(self, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Choose, and begin.

        Raises:
            UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
            OperatorError: The chosen method cannot be had.
        """
        return self._run(content, styles, options, None)

    def resume(self, state: bytes, content: Picture, styles: Sequence[Picture], options: StyleOptions) -> Run:
        """Go on with a job from its ``state``: the same pictures lead to the same choice.

        Raises:
            StateError: The state is of another job or release: start anew.
            UserError, OperatorError: As ``start``.
        """
        return self._run(content, styles, options, state)

    def pastiche(self, run: Run, options: StyleOptions) -> Pastiche:
        """The result of a run that is done, or as far as it is."""
        return run.pastiche(options.replace(method=run.choice.method))

    def _run(self, content: Picture, styles: Sequence[Picture], options: StyleOptions, state: bytes | None) -> Run:
        if not styles:
            raise UserError("style_missing")
        choice = choose(content, styles, options.shares(len(styles)))
        method, options = self._find(choice.method), options.replace(method=choice.method)

        def once(report: Report, cancelled: IsCancelled) -> Pastiche:
            return method.stylize(content, styles, options, report, cancelled)

        inner: _Stepwise | None = None
        if hasattr(method, "resume"):
            steps = cast(_Resumable, method)
            inner = steps.resume(state, content, styles, options) if state else steps.start(content, styles, options)
        elif state:
            raise StateError("a state of another method")
        return Run(choice, method, inner, content, once)

    def _own(self, name: str) -> Method:
        if name not in self._methods:
            self._methods[name] = create_method(name, self._settings)
        return self._methods[name]
