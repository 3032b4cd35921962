"""A real worker that is up at once: the methods are not warmed up, so TensorFlow is loaded for none of the tests."""

from __future__ import annotations

import sys

from nst.engine import Engine
from nst.method import MethodSettings
from workers.__main__ import run_worker

if __name__ == "__main__":
    sys.exit(run_worker(sys.argv[1], engine=Engine(MethodSettings())))
