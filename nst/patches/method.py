"""Patches: the content with the style's texture, by matching small pieces of the two. No weights, no network.

After Elnekave and Weiss 2022, "Generating natural images with direct patch distribution matching" (arXiv:2203.11862);
``patches_run`` names what is done differently.
"""

from __future__ import annotations

from nst.method import MethodSettings, Request
from nst.patches.run import Run


class Patches:
    """Texture without a model; a ``nst.method.Method`` that can be interrupted.

    Strength chooses how coarse the work begins, how much of the content's detail comes back, and the last of the way.
    Several styles are mixed by the number of patches that each gives. ``style_scale`` is the size of the style next to
    the content; ``steps`` are spread over all sizes. Pictures of more than 768 px are worked on at that size and get
    the rest of their detail from the content, so time and memory are bounded.
    """

    name = "patches"

    def __init__(self, settings: MethodSettings) -> None:
        """Nothing to set: ``settings`` is taken for the registry's sake."""

    def prepare(self) -> None:
        """Nothing to load."""

    def begin(self, request: Request, state: bytes = b"") -> Run:
        """Begin a pastiche or go on with one; see ``nst.method.Method.begin``.

        Raises:
            UserError: ``style_missing``, or ``option_out_of_range`` where weights are not as many as styles.
            StateError: The state is of another request or release: begin anew.
        """
        run = Run(request.content, request.styles, request.options)
        if state:
            run.restore(state)
        return run
