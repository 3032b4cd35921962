import gc
import os
import signal
import threading
from collections.abc import Callable, Hashable, Iterator

import numpy as np
import psutil
import pytest

from nst.device import configure_tensorflow, has_gpu
from nst.fast import sessions
from nst.fast.execution import TracedParts
from nst.fast.graph import FlatGraph, aligned
from nst.fast.sessions import SIZES_KEPT, ForgetfulSession, Part

pytestmark = pytest.mark.tensorflow

CONVOLUTIONS = 12


def graph() -> FlatGraph:
    """``made`` is ``given`` after convolutions of different kernels, the first one's a weight."""
    tf = configure_tensorflow()
    random = np.random.default_rng(0)
    with tf.Graph().as_default() as built:
        made = tf.compat.v1.placeholder(tf.float32, [None, None, None, 4], "given")
        kernel = tf.compat.v1.placeholder(tf.float32, [3, 3, 4, 4], "kernel")
        for number in range(CONVOLUTIONS):
            made = tf.nn.conv2d(made, kernel, 1, "SAME")
            # A shape of its own for each: equal ones are one to oneDNN.
            kernel = random.standard_normal((3, 3 + number, 4, 4), np.float32) / 12
        tf.identity(made, "made")
    weight = aligned(random.standard_normal((3, 3, 4, 4), np.float32) / 6)
    return FlatGraph(built.as_graph_def(), ("given",), ("made",), {"kernel": weight})


def in_session(flat: FlatGraph, session: ForgetfulSession) -> Part:
    return session.part(session.load(flat, flat.definition), flat.inputs, flat.outputs)


def given(height: int, width: int) -> np.typing.NDArray[np.float32]:
    return np.random.default_rng(height).random((1, height, width, 4), np.float32)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Who ran each call, in a lane of the test's own."""
    seen: list[str] = []
    lane = sessions._Lane()
    run = lane.run

    def noting(size: Hashable, work: Callable[[], object]) -> object:
        def noted() -> object:
            seen.append(str(threading.get_ident()))
            return work()

        return run(size, noted)

    monkeypatch.setattr(lane, "run", noting)
    monkeypatch.setattr(sessions, "_lane", lambda: lane)
    yield seen
    lane._thread.shutdown()


def test_a_session_gives_what_functions_give() -> None:
    flat = graph()
    picture = given(20, 30)
    expected = TracedParts(flat, flat.definition).part(flat.inputs, flat.outputs)(picture)
    assert np.array_equal(in_session(flat, ForgetfulSession())(picture), expected)


def test_graphs_share_weights_and_twins_share_graphs() -> None:
    flat = graph()
    session = ForgetfulSession()
    first = in_session(flat, session)(given(9, 9))
    flat.weights["kernel"] = np.zeros((3, 3, 4, 4), np.float32)
    assert np.array_equal(in_session(flat, session)(given(9, 9)), first), "the name is known"
    assert not np.array_equal(in_session(flat, ForgetfulSession())(given(9, 9)), first)
    twin = session.twin("auto_mixed_precision_onednn_bfloat16")
    assert session.twin("auto_mixed_precision_onednn_bfloat16") is twin
    assert np.allclose(twin.part("graph0/", flat.inputs, flat.outputs)(given(9, 9)), first, atol=0.05)


def test_a_thread_makes_way_after_some_sizes(threads: list[str]) -> None:
    paint = in_session(graph(), ForgetfulSession())
    for _ in range(2):
        for side in range(10, 10 + SIZES_KEPT):
            paint(given(side, side))
    assert len(set(threads)) == 1, "sizes met lately stay known"
    assert threads[0] != str(threading.get_ident())
    lane = sessions._lane()
    before = lane._thread
    paint(given(50, 50))
    assert lane._thread is not before
    assert not any(thread.is_alive() for thread in before._threads), "what it kept is gone with it"


def test_an_error_reaches_the_caller_and_the_next_call_works(threads: list[str]) -> None:
    paint = in_session(graph(), ForgetfulSession())
    with pytest.raises((ValueError, configure_tensorflow().errors.OpError)):
        paint(np.zeros((1, 8, 8, 5), np.float32))
    assert paint(given(8, 8))[0].shape == (1, 8, 8, 4)


def test_whoever_calls_next_does_not_wait_for_a_call_that_was_given_up() -> None:
    class TimeIsUpError(Exception):
        pass

    def give_up(number: int, frame: object) -> None:
        raise TimeIsUpError

    lane, begun, released = sessions._Lane(), threading.Event(), threading.Event()

    def endless() -> None:
        begun.set()
        os.kill(os.getpid(), signal.SIGUSR1)
        released.wait()

    before = signal.signal(signal.SIGUSR1, give_up)
    try:
        with pytest.raises(TimeIsUpError):
            lane.run("first", endless)
        assert begun.is_set()
        assert lane.run("second", threading.current_thread) is not threading.current_thread()
    finally:
        released.set()
        signal.signal(signal.SIGUSR1, before)
        lane._thread.shutdown()


@pytest.mark.skipif(has_gpu(), reason="a GPU runs functions")
def test_sizes_are_forgotten() -> None:
    flat = graph()
    parts = TracedParts(flat, flat.definition)
    functions, session = parts.part(flat.inputs, flat.outputs), in_session(flat, ForgetfulSession())
    kept = grown_mib(functions)
    if kept < 8:
        pytest.skip(f"TensorFlow's own threads keep only {kept:.1f} MiB here")
    assert grown_mib(session) < kept / 4


def grown_mib(part: Part) -> float:
    """By 60 sizes, after 20."""
    sizes = [(20 + number % 9, 20 + number // 9) for number in range(80)]
    for height, width in sizes[:20]:
        part(given(height, width))
    before = rss_mib()
    for height, width in sizes[20:]:
        part(given(height, width))
    return rss_mib() - before


def rss_mib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss / 2**20)
