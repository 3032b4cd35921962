"""The Gatys method across processes, and from the fast method's result."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.long]
tf = pytest.importorskip("tensorflow")

from nst.gatys.method import Gatys  # noqa: E402
from nst.gatys.run import Run  # noqa: E402
from nst.method import MethodSettings, Request, create_method, stylize  # noqa: E402
from nst.options import StyleOptions  # noqa: E402
from nst.pictures.decode import Picture  # noqa: E402

RNG = np.random.default_rng(4)
CONTENT, STYLE = (Picture(RNG.uniform(size=(48, 64, 3)).astype(np.float32)) for _ in range(2))
BUNDLED = MethodSettings(fast_model="bundled")

# Another process: it has nothing but the files.
GO_ON = """
import sys
from pathlib import Path
import numpy as np
from nst.pictures.decode import Picture
from nst.method import MethodSettings, Request
from nst.gatys.method import Gatys
from nst.options import StyleOptions
import json
folder, options = Path(sys.argv[1]), StyleOptions.from_dict(json.loads(sys.argv[2]))
content, style = (Picture(np.load(folder / f"{name}.npy")) for name in ("content", "style"))
run = Gatys(MethodSettings()).begin(Request(content, [style], options), (folder / "state").read_bytes())
run.advance()
np.save(folder / "made.npy", run.picture().rgb)
"""


def test_another_process_goes_on_bit_for_bit(tmp_path: Path) -> None:
    import json

    options = StyleOptions(method="gatys", extractor="bundled", steps=6, time_lapse=True)
    gatys = Gatys(BUNDLED)
    whole, cut = (gatys.begin(Request(CONTENT, [STYLE], options)) for _ in range(2))
    whole.advance()
    for _ in range(3):
        cut.advance(budget_s=0.0)
    (tmp_path / "state").write_bytes(cut.state())
    np.save(tmp_path / "content.npy", CONTENT.rgb)
    np.save(tmp_path / "style.npy", STYLE.rgb)
    arguments = [sys.executable, "-c", GO_ON, str(tmp_path), json.dumps(options.as_dict())]
    subprocess.run(arguments, check=True, cwd=Path(__file__).parents[3], timeout=120)
    np.testing.assert_array_equal(np.load(tmp_path / "made.npy"), whole.picture().rgb)


def test_it_may_start_from_the_fast_methods_result() -> None:
    options = StyleOptions(method="gatys", extractor="bundled", steps=2, start="fast")
    run = Gatys(BUNDLED).begin(Request(CONTENT, [STYLE], options))
    assert isinstance(run, Run)
    fast = stylize(create_method("fast", BUNDLED), CONTENT, [STYLE], options.replace(method="fast", start="content"))
    np.testing.assert_allclose(run.picture().rgb, fast.picture.rgb, atol=1e-6)
    run.advance()
    assert np.abs(run.picture().rgb - fast.picture.rgb).mean() > 0.001
