import json
import os
import subprocess
import sys

import pytest

from nst.device import _without_chatter

pytestmark = pytest.mark.tensorflow

PROGRAM = """
import json, os, sys
from nst.device import configure_tensorflow, cores
light = "tensorflow" not in sys.modules
tf = configure_tensorflow()
tf.constant(1.0) + 1.0
print("still heard", file=sys.stderr)
print(json.dumps({
    "light": light,
    "same": configure_tensorflow() is tf,
    "intra": tf.config.threading.get_intra_op_parallelism_threads(),
    "cores": cores(),
    "affinity": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores(),
}))
"""


def test_a_fresh_process_is_set_up_once_and_quietly() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    seen = json.loads(done.stdout)
    assert seen["light"], "importing nst.device must not load TensorFlow"
    assert seen["same"]
    assert seen["intra"] == seen["cores"] == seen["affinity"]
    assert done.stderr == "still heard\n"


def test_what_others_write_meanwhile_is_not_lost(capfd: pytest.CaptureFixture[str]) -> None:
    with _without_chatter():
        os.write(2, b"I0000 00:00:1795218595.438153    6870 port.cc:153] oneDNN custom operations are on.\n")
        os.write(2, b"a real warning\n")
    assert capfd.readouterr().err == "a real warning\n"


POOL = """
import numpy as np, psutil
from nst.device import configure_tensorflow, return_pool
tf = configure_tensorflow()
def rss_mib():
    return psutil.Process().memory_info().rss / 2**20
with tf.device("CPU:0"):
    held = tf.random.uniform([2 << 20], seed=1)
    copy, before = held.numpy(), rss_mib()
    large = tf.ones([75 << 20])
    taken = rss_mib() - before
    del large
    return_pool()
print(taken, rss_mib() - before, np.array_equal(held.numpy(), copy))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is given back on Linux only")
def test_what_large_tensors_took_is_given_back_and_others_stay() -> None:
    done = subprocess.run([sys.executable, "-c", POOL], capture_output=True, text=True, check=True, timeout=120)
    taken, kept, same = done.stdout.split()
    assert float(taken) > 250
    assert float(kept) < 100, "64 MiB are kept"
    assert same == "True"
