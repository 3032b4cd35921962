import importlib.util
import os
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def stand_in() -> Path:
    """Magenta's module with real weights; outside the repository."""
    shared = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / "shared"))
    folder = shared / "models" / "magenta_savedmodel"
    if not folder.is_dir():
        pytest.skip("needs models/magenta_savedmodel in SHARED_DIR (default ../shared)")
    return folder


@pytest.fixture(scope="session")
def small_modules() -> ModuleType:
    """``small_modules.py`` beside this file; test folders are no packages."""
    spec = importlib.util.spec_from_file_location("small_modules", Path(__file__).with_name("small_modules.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
