import hashlib
import tarfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.models import app
from nst.extractors.table import ENTRIES
from nst.method import MethodSettings
from nst.models.inventory import absent
from tests.nst.small_modules import save_splittable

run = CliRunner().invoke


@pytest.fixture
def host(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A real HTTP server over a folder."""
    folder = tmp_path / "host"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def serve(host: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], str]:
    """Gives the settings of an operator with an archive of a folder on the host, and an empty cache; its address."""
    folder, address = host

    def settings(model: Path) -> str:
        with tarfile.open(folder / "model.tar.gz", "w:gz") as tar:
            tar.add(model, ".")
        checksum = hashlib.sha256((folder / "model.tar.gz").read_bytes()).hexdigest()
        url = f"{address}/model.tar.gz#sha256={checksum}"
        monkeypatch.chdir(tmp_path)
        for name, value in {
            "NST_FAST_MODEL": url,
            "NST_KERAS_WEIGHTS_URL": address,
            "MODEL_CACHE_DIR": str(tmp_path / "cache"),
            "KERAS_HOME": str(tmp_path / "keras"),
            "no_proxy": "127.0.0.1",
        }.items():
            monkeypatch.setenv(name, value)
        return url

    return settings


@pytest.fixture
def garbage(serve: Callable[[Path], str], tmp_path: Path) -> str:
    (tmp_path / "garbage").mkdir()
    (tmp_path / "garbage" / "saved_model.pb").write_bytes(b"garbage")
    return serve(tmp_path / "garbage")


@pytest.fixture
def source(serve: Callable[[Path], str], tmp_path: Path) -> str:
    return serve(save_splittable(tmp_path / "small"))


@pytest.mark.tensorflow
def test_what_is_listed_as_absent_is_fetched_once_and_listed_as_here(source: str, tmp_path: Path) -> None:
    before = run(app, ["list"])
    assert before.exit_code == 0
    assert str(tmp_path / "cache") not in before.stdout.replace("\n", "")
    assert {"fast", *ENTRIES, "bundled:network"} <= set(before.stdout.split())
    fetched = run(app, ["fetch", "fast"])
    assert (fetched.exit_code, fetched.stdout) == (0, "fast: fetched\n")
    assert run(app, ["fetch", "fast"]).stdout == "fast: is here and whole\n"
    (graph,) = (tmp_path / "cache").rglob("saved_model.pb")
    whole = graph.read_bytes()
    graph.write_bytes(whole[: len(whole) // 2])
    assert run(app, ["verify", "fast"]).exit_code == 1
    fetched = run(app, ["fetch", "fast"])
    assert (fetched.exit_code, fetched.stdout) == (0, "fast: was damaged; fetched again\n")
    assert graph.read_bytes() == whole
    assert run(app, ["verify", "fast"]).stdout == "fast: is whole\n"


@pytest.mark.tensorflow
def test_a_failure_says_how_and_does_not_keep_the_others(garbage: str) -> None:
    done = run(app, ["fetch", "vgg19", "fast", "bundled:network"])
    assert done.exit_code == 1
    failed, unusable, whole = done.stdout.splitlines()
    assert failed.startswith("vgg19: The model vgg19")
    assert "ile not found" in failed
    assert unusable.startswith("fast: ")
    assert "can't be used" in unusable
    assert whole == "bundled:network: is here and whole"


def test_a_sources_password_is_not_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NST_FAST_MODEL", "https://me:pa55word@127.0.0.1:1/model")
    listed = run(app, ["list"]).stdout
    assert "https://127.0.0.1:1/model" in listed
    assert "pa55word" not in listed
    sources = absent("fast", MethodSettings(fast_model="https://me:pa55word@127.0.0.1:1/model"))
    assert list(sources) == ["https://127.0.0.1:1/model"]


def test_an_unknown_name_names_the_choice(garbage: str) -> None:
    done = run(app, ["fetch", "alexnet"])
    assert getattr(done.exception, "code", "") == "option_out_of_range"


def test_what_comes_along_is_whole(garbage: str) -> None:
    done = run(app, ["verify"])
    assert done.exit_code == 0
    assert done.stdout == "bundled:extractor: is whole\nbundled:network: is whole\n"
