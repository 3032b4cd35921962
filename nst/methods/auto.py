"""Auto: looks at the pictures, takes palette, fast or gatys, and says why.

It can be interrupted as ``gatys`` can, and waits among the slow jobs: which method it takes is known only once the
pictures are decoded, and a job of minutes must not stand before those of a second (docs/adr/0016).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from nst.errors import UserError
from nst.method import Method, MethodSettings, Notice, Pastiche, Request, Run, create_method
from nst.methods.auto_choice import Choice, choose


class AutoRun:
    """The chosen method's run, with the reason for the choice first among its notices.

    Args:
        choice: Which method, and why.
        inner: Its run.
    """

    def __init__(self, choice: Choice, inner: Run) -> None:
        self.choice, self._inner = choice, inner
        self.advance, self.state = inner.advance, inner.state

    def pastiche(self) -> Pastiche:
        """See ``nst.method.Run.pastiche``."""
        made = self._inner.pastiche()
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

    def begin(self, request: Request, state: bytes = b"") -> AutoRun:
        """Choose, and begin or go on: the same pictures lead to the same choice; see ``nst.method.Method.begin``.

        The pastiche's ``method`` is the one that was taken.

        Raises:
            UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
            StateError: The state is of another request or release: begin anew.
            OperatorError: The chosen method cannot be had.
        """
        if not request.styles:
            raise UserError("style_missing")
        choice = choose(request.content, request.styles, request.options.shares(len(request.styles)))
        asked = replace(request, options=request.options.replace(method=choice.method))
        return AutoRun(choice, self._find(choice.method).begin(asked, state))

    def _own(self, name: str) -> Method:
        if name not in self._methods:
            self._methods[name] = create_method(name, self._settings)
        return self._methods[name]
