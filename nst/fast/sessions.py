"""Run graphs on a processor in such a way that what oneDNN prepares for a size is forgotten again.

For every shape that a convolution or a matrix product meets, oneDNN prepares a primitive: 45 to 100 KiB of machine code
and notes. TensorFlow keeps up to 1024 of them for each thread that runs operations, as long as the thread lives
(``MklPrimitiveFactory`` in tensorflow/core/util/mkl_util.h), and its own threads live as long as the process: twenty
convolutions that meet a hundred sizes keep more than 100 MiB. Here operations run in the thread that calls, which only
a session allows, and that thread makes way for another one once it has met a few sizes. What oneDNN keeps beside that,
for all threads, is bounded in ``device.configure_tensorflow``.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from nst.device import configure_tensorflow, cores, return_pool
from nst.fast.graph import Array, FlatGraph

Part = Callable[..., list[Array]]

# A picture of a size met lately comes about 13 ms sooner; each size keeps up to 2 MiB until then.
SIZES_KEPT = 8
_IN_THE_CALLING_THREAD = -1


class ForgetfulSession:
    """Graphs that share weights.

    Weights are given to every call, by reference: a session's own variables would hold them a second time.

    Args:
        option: What grappler is to do besides, a field of ``RewriterConfig``.
        twin: A session whose graphs and weights this one has, too.
    """

    def __init__(self, option: str = "", twin: ForgetfulSession | None = None) -> None:
        v1 = configure_tensorflow().compat.v1
        self._graph: Any = twin._graph if twin else v1.Graph()
        self._weights: dict[str, _Weight] = twin._weights if twin else {}
        self._scopes: dict[str, list[_Weight]] = twin._scopes if twin else {}
        self._session = v1.Session(graph=self._graph, config=_configuration(option))
        self._run = v1.RunOptions(inter_op_thread_pool=_IN_THE_CALLING_THREAD)
        self._twins: weakref.WeakValueDictionary[str, ForgetfulSession] = weakref.WeakValueDictionary()

    def load(self, flat: FlatGraph, definition: Any) -> str:
        """Add a graph.

        Args:
            flat: Whose weights are used; what was loaded under a weight's name before is used again.
            definition: A ``GraphDef`` of its nodes.

        Returns:
            What the names of its operations begin with here.
        """
        tf = configure_tensorflow()
        scope, readings = f"graph{len(self._scopes)}/", flat.readings(definition)
        with self._graph.as_default():
            for name in set(readings.values()) - self._weights.keys():
                array = flat.weights[name]
                self._weights[name] = _Weight(tf.compat.v1.placeholder(array.dtype, array.shape), array)
            inside = {f"{reader}:0": self._weights[name].tensor for reader, name in readings.items()}
            tf.import_graph_def(definition, input_map=inside, name=scope[:-1])
        self._scopes[scope] = [self._weights[name] for name in set(readings.values())]
        return scope

    def twin(self, option: str) -> ForgetfulSession:
        """The same graphs run otherwise, for as long as somebody holds it.

        Args:
            option: As for this class.
        """
        twin = self._twins.get(option)
        if twin is None:
            self._twins[option] = twin = ForgetfulSession(option, self)
        return twin

    def part(self, scope: str, feeds: Sequence[str], fetches: Sequence[str]) -> Part:
        """What lies between two sets of operations.

        Args:
            scope: From ``load``.
            feeds: Their names; any operations, not placeholders only.
            fetches: Likewise.

        Returns:
            A function of as many arrays that gives as many arrays.
        """
        weights = self._scopes[scope]
        given, made = ([self._tensor(scope + name) for name in names] for names in (feeds, fetches))
        call = self._session.make_callable(made, [*given, *(one.tensor for one in weights)], accept_options=True)
        held = [one.array for one in weights]

        def run(*arrays: Array) -> list[Array]:
            pictures = [np.asarray(array) for array in arrays]
            size = (id(call), *(picture.shape for picture in pictures))
            result: list[Array] = _lane().run(size, lambda: call(*pictures, *held, options=self._run))
            return_pool()
            return result

        return run

    def shape(self, scope: str, name: str) -> Any:
        """An operation's static ``TensorShape``."""
        return self._tensor(scope + name).shape

    def _tensor(self, name: str) -> Any:
        return self._graph.get_tensor_by_name(f"{name}:0")


class _Weight(NamedTuple):
    tensor: Any
    array: Array


class _Lane:
    """The thread in which operations run, one call at a time, and its successors."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._met: set[Hashable] = set()
        self._thread = ThreadPoolExecutor(1, "pictures")

    def run(self, size: Hashable, work: Callable[[], Any]) -> Any:
        with self._lock:
            if size not in self._met and len(self._met) >= SIZES_KEPT:
                self._replace(wait=True)
            self._met.add(size)
            running: Future[Any] | None = None
            try:
                running = self._thread.submit(work)
                return running.result()
            finally:
                if running is None or not running.done():  # the caller's time is up: whoever is next need not wait
                    self._replace(wait=False)

    def _replace(self, *, wait: bool) -> None:
        self._thread.shutdown(wait)
        self._thread, self._met = ThreadPoolExecutor(1, "pictures"), set()


@functools.cache
def _lane() -> _Lane:
    return _Lane()


def _configuration(option: str) -> Any:
    v1 = configure_tensorflow().compat.v1
    threads = {"intra_op_parallelism_threads": cores(), "inter_op_parallelism_threads": 1}
    configuration = v1.ConfigProto(**threads)
    if option:
        rewriting = configuration.graph_options.rewrite_options
        setattr(rewriting, option, type(rewriting).ON)
    return configuration
