"""Parts of a flat graph as functions of arrays: in a session on a processor, as TensorFlow's functions elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from nst.device import configure_tensorflow
from nst.fast.graph import Array, FlatGraph
from nst.fast.sessions import ForgetfulSession, Part


class GraphParts(Protocol):
    """A graph that can be run from anywhere to anywhere."""

    def part(self, feeds: Sequence[str], fetches: Sequence[str]) -> Part:
        """What lies between two sets of operations, as a function of as many arrays that gives as many arrays."""

    def shape(self, name: str) -> Any:
        """An operation's static ``TensorShape``."""

    def reduced(self, option: str) -> GraphParts:
        """The same, computed in reduced precision.

        Args:
            option: A field of ``RewriterConfig``.
        """


class SessionParts:
    """Parts that forget the sizes they have met, see ``forgetful_session``; for processors.

    Args:
        session: Where the graph has been loaded.
        scope: From ``ForgetfulSession.load``.
    """

    def __init__(self, session: ForgetfulSession, scope: str) -> None:
        self._session, self._scope = session, scope

    def part(self, feeds: Sequence[str], fetches: Sequence[str]) -> Part:
        """See ``GraphParts``."""
        return self._session.part(self._scope, feeds, fetches)

    def shape(self, name: str) -> Any:
        """See ``GraphParts``."""
        return self._session.shape(self._scope, name)

    def reduced(self, option: str) -> SessionParts:
        """See ``GraphParts``."""
        return SessionParts(self._session.twin(option), self._scope)


class TracedParts:
    """Parts as TensorFlow's functions: for GPUs and for XLA.

    Args:
        flat: Where the graph comes from.
        definition: The graph.
        option: See ``GraphParts.reduced``.
    """

    def __init__(self, flat: FlatGraph, definition: Any, option: str = "") -> None:
        self._flat, self._definition, self._option = flat, definition, option
        self._function = _function(flat, definition)

    def part(self, feeds: Sequence[str], fetches: Sequence[str]) -> Part:
        """See ``GraphParts``."""
        return as_part(self.traced(feeds, fetches), self._option)

    def traced(self, feeds: Sequence[str], fetches: Sequence[str]) -> Any:
        """A part as a function of tensors."""
        tensors = ([self._tensor(name) for name in names] for names in (feeds, fetches))
        return self._function.prune(*tensors)

    def shape(self, name: str) -> Any:
        """See ``GraphParts``."""
        return self._tensor(name).shape

    def reduced(self, option: str) -> TracedParts:
        """See ``GraphParts``."""
        return TracedParts(self._flat, self._definition, option)

    def _tensor(self, name: str) -> Any:
        return self._function.graph.get_tensor_by_name(f"{name}:0")


def as_part(traced: Callable[..., Any], option: str = "") -> Part:
    """A function of tensors as one of arrays.

    Args:
        traced: Gives a list of tensors, or one.
        option: What grappler is to do besides.
    """
    tf = configure_tensorflow()

    def run(*arrays: Array) -> list[Array]:
        with _with_option(option) if option else contextlib.nullcontext():
            made = traced(*(tf.constant(array) for array in arrays))
        return [tensor.numpy() for tensor in (made if isinstance(made, list | tuple) else [made])]

    return run


@contextlib.contextmanager
def _with_option(option: str) -> Iterator[None]:
    """For calls within, not for other methods in this process: TensorFlow looks at the option at each call."""
    optimizer = configure_tensorflow().config.optimizer
    optimizer.set_experimental_options({option: True})
    try:
        yield
    finally:
        optimizer.set_experimental_options({option: False})


def _function(flat: FlatGraph, definition: Any) -> Any:
    """A ``GraphDef`` as a function without inputs, to be pruned."""
    tf = configure_tensorflow()
    readings = flat.readings(definition)
    weights = {name: tf.constant(flat.weights[name]) for name in set(readings.values())}

    def body() -> None:
        graph = tf.compat.v1.get_default_graph()
        inside = {f"{reader}:0": graph.capture(weights[name]) for reader, name in readings.items()}
        tf.import_graph_def(definition, input_map=inside, name="")

    return tf.compat.v1.wrap_function(body, [])
