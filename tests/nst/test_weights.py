import hashlib
import io
import json
import os
import re
import shutil
import tarfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from nst.errors import OperatorError
from nst.models import sources as weights
from nst.models.download import Patience, SourceFailed, fetch_archive
from nst.models.kaggle import cached_models, handle_of
from nst.models.sources import forget_failures, locate, reject

IMPATIENT = Patience(connect_s=2.0, silence_s=1.0, attempts=3, lock_s=20.0)


def archive(name: str = "") -> bytes:
    """A tar.gz with a saved_model.pb that does not compress, in a folder ``name`` or at the top."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for path, data in (("saved_model.pb", os.urandom(300_000)), ("variables/variables.index", b"index")):
            member = tarfile.TarInfo(f"{name}/{path}" if name else path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


@dataclass
class Host:
    """A host on the loopback that answers as its paths say; it can also play a proxy for other hosts."""

    archive: bytes
    port: int = 0
    asked: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.archive).hexdigest()


class Handler(BaseHTTPRequestHandler):
    host: Host

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.host.asked.append(self.path)
        getattr(self, "do_" + parts.path.strip("/").split("/")[-1].split(".")[0], self.do_refused)()

    def do_POST(self) -> None:
        """The two calls of Kaggle's interface that its client makes for a model."""
        self.host.asked.append(self.path)
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        call = self.path.rsplit("/", 1)[-1]
        if "refused" in given.get("modelSlug", ""):
            self.send_error(403)
        elif call == "ListModelInstanceVersionFiles":
            files = [{"name": "saved_model.pb"}, {"name": "variables/variables.index"}]
            self.send(json.dumps({"files": files, "nextPageToken": ""}).encode(), tag="", kind="application/json")
        else:
            self.send(f"{call} {given.get('path')}".encode(), tag="")

    def do_ok(self) -> None:
        self.send(self.host.archive)

    def do_redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/moved/ok.tar.gz?signature=1")
        self.end_headers()

    def do_hub(self) -> None:
        """Like tfhub.dev: an archive only if that is asked for."""
        compressed = parse_qs(urlsplit(self.path).query).get("tf-hub-format") == ["compressed"]
        self.do_redirect() if compressed else self.do_page()

    def do_refused(self) -> None:
        self.send_error(403)

    def do_page(self) -> None:
        self.send(b"<!DOCTYPE html><title>Sign in</title>" * 50)

    def do_truncated(self) -> None:
        """Each answer ends after a third of the file; the rest can be asked for."""
        self.send(self.host.archive, stop_after=len(self.host.archive) // 3)

    def do_shortened(self) -> None:
        """Always cut off, and never the rest."""
        self.send(self.host.archive, stop_after=1000, tag="")

    def do_stalled(self) -> None:
        self.send(self.host.archive, stop_after=1000, then_wait=True)

    def do_silent(self) -> None:
        self.host.over.wait(60)

    def do_slow(self) -> None:
        self.host.may_answer.wait(60)
        self.send(self.host.archive)

    def send(
        self,
        data: bytes,
        stop_after: int | None = None,
        then_wait: bool = False,
        tag: str = '"v1"',
        kind: str = "application/octet-stream",
    ) -> None:
        start = 0
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if asked and tag and self.headers.get("If-Range") == tag:
            start = int(asked[1])
            self.host.ranges.append(asked[0])
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) - start))
        if tag:
            self.send_header("ETag", tag)
        self.end_headers()
        self.wfile.write(data[start:] if stop_after is None else data[start : start + stop_after])
        self.wfile.flush()
        if then_wait:
            self.host.over.wait(60)
        self.close_connection = True


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """No memory of failures, no caches or proxies of this machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "nobody"))
    forget_failures()
    yield
    forget_failures()


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host(archive("model"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"host": host}))
    server.daemon_threads = True
    host.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield host
    host.over.set()
    host.may_answer.set()
    server.shutdown()
    server.server_close()
    thread.join()


def failure(url: str, folder: Path, sha256: str = "") -> str:
    with pytest.raises(SourceFailed) as error:
        fetch_archive(url, folder / "model", sha256, IMPATIENT)
    assert not (folder / "model").exists()
    assert not list(folder.glob(".unpack-*"))
    return str(error.value)


def test_an_archive_is_fetched_checked_and_unpacked(host: Host, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    folder = fetch_archive(
        host.url("/redirect"), tmp_path / "model", host.sha256, IMPATIENT, lambda *bytes_: told.append(bytes_)
    )
    assert (folder / "saved_model.pb").stat().st_size == 300_000
    assert (folder / "variables" / "variables.index").read_bytes() == b"index"
    assert told[-1] == (len(host.archive), len(host.archive))
    assert {path.name for path in tmp_path.iterdir()} <= {"model", "model.lock"}
    fetch_archive(host.url("/redirect"), tmp_path / "model", host.sha256, IMPATIENT)
    assert len(host.asked) == 2  # the redirect and its target, once


def test_what_is_cut_off_is_resumed(host: Host, tmp_path: Path) -> None:
    folder = fetch_archive(host.url("/truncated"), tmp_path / "model", host.sha256, Patience(attempts=5))
    assert (folder / "saved_model.pb").is_file()
    third = len(host.archive) // 3
    assert host.ranges[:2] == [f"bytes={third}-", f"bytes={2 * third}-"]


def test_a_later_process_resumes_too(host: Host, tmp_path: Path) -> None:
    with pytest.raises(SourceFailed, match="cut off after"):
        fetch_archive(host.url("/truncated"), tmp_path / "model", host.sha256, Patience(attempts=1))
    assert (tmp_path / "model.part").stat().st_size == len(host.archive) // 3
    fetch_archive(host.url("/ok"), tmp_path / "model", host.sha256, IMPATIENT)
    assert host.ranges == [f"bytes={len(host.archive) // 3}-"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/refused", r"refused: HTTP 403 Forbidden"),
        ("/shortened", r"cut off after 1000 of \d+ bytes, 3 times"),
        ("/stalled", r"silent for 1 s, 3 times"),
        ("/silent", r"silent for 1 s, 3 times"),
        ("/page", r"not an archive \(a web page\)"),
    ],
)
def test_each_failure_is_told_apart(host: Host, tmp_path: Path, path: str, says: str) -> None:
    assert re.fullmatch(says, failure(host.url(path), tmp_path))


def test_a_wrong_checksum_keeps_nothing(host: Host, tmp_path: Path) -> None:
    says = failure(host.url("/ok"), tmp_path, "0" * 64)
    assert says == f"checksum: expected sha256 {'0' * 64}, received {host.sha256}"
    assert not (tmp_path / "model.part").exists()


def test_a_closed_port_is_unreachable(tmp_path: Path, host: Host) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
    assert failure(f"http://127.0.0.1:{port}/", tmp_path).startswith("unreachable")


def test_an_archive_cannot_write_outside_its_place(host: Host, tmp_path: Path) -> None:
    host.archive = archive("../../outside")
    assert failure(host.url("/ok"), tmp_path).startswith("not an archive")
    assert not (tmp_path.parent / "outside").exists()


def test_many_workers_download_once(host: Host, tmp_path: Path) -> None:
    found: list[Path] = []
    workers = [
        threading.Thread(target=lambda: found.append(fetch_archive(host.url("/slow"), tmp_path / "model")))
        for _ in range(6)
    ]
    for worker in workers:
        worker.start()
    host.may_answer.set()
    for worker in workers:
        worker.join(60)
    assert found == [tmp_path / "model"] * 6
    assert len(host.asked) == 1


def test_a_hub_url_asks_for_the_compressed_form(host: Host, tmp_path: Path) -> None:
    located = locate(host.url("/hub"), tmp_path, patience=IMPATIENT)
    assert located.folder is not None
    assert (located.folder / "saved_model.pb").is_file()
    assert locate(host.url("/hub"), tmp_path, patience=IMPATIENT) == located
    assert len(host.asked) == 2


def test_tensorflow_hubs_cache_is_found_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The name that tensorflow-hub gives to this handle.
    known = tmp_path / "hub" / "f843094219bf78a99e8ea6c8d71f1bc74f07101a"
    known.mkdir(parents=True)
    (known / "saved_model.pb").write_bytes(b"model")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    assert locate("auto", tmp_path / "cache").folder == known
    assert locate(weights.MAGENTA_HUB, tmp_path / "cache").folder == known


def test_an_archives_url_carries_its_checksum(host: Host, tmp_path: Path) -> None:
    url = host.url("/moved/ok.tar.gz")
    located = locate(f"{url}#sha256={host.sha256}", tmp_path, patience=IMPATIENT)
    assert located.folder is not None
    with pytest.raises(OperatorError) as missing:
        locate(url, tmp_path, patience=IMPATIENT)
    assert missing.value.code == "bad_setting"
    with pytest.raises(OperatorError) as wrong:
        locate(f"{url}#sha256={'0' * 64}", tmp_path, patience=IMPATIENT)
    assert wrong.value.code == "weights_missing"
    assert "checksum" in str(wrong.value.detail["reason"])


def test_auto_goes_on_to_the_next_source(host: Host, tmp_path: Path) -> None:
    located = locate("auto", tmp_path, patience=IMPATIENT, auto=(host.url("/refused"), host.url("/hub")))
    assert located.source == host.url("/hub")
    assert located.reason == ""


def test_auto_tells_how_each_source_failed_and_does_not_ask_again(host: Host, tmp_path: Path) -> None:
    sources = (host.url("/refused"), host.url("/page"))
    located = locate("auto", tmp_path, patience=IMPATIENT, auto=sources)
    assert (located.folder, located.source) == (None, "bundled")
    assert located.reason == (f"{sources[0]}: refused: HTTP 403 Forbidden; {sources[1]}: not an archive (a web page)")
    asked = len(host.asked)
    assert locate("auto", tmp_path, patience=IMPATIENT, auto=sources) == located
    assert len(host.asked) == asked


def test_a_sources_password_is_in_no_message(host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="nst")

    def with_password(path: str) -> str:
        return host.url(path).replace("://", "://somebody:hunter2-hunter2@")

    located = locate("auto", tmp_path, patience=IMPATIENT, auto=(with_password("/refused"), with_password("/page")))
    messages = [located.reason, caplog.text]
    for spec in (with_password("/refused"), with_password("/a.tar.gz"), with_password("/hub#nothing")):
        with pytest.raises(OperatorError) as wrong:
            locate(spec, tmp_path, patience=IMPATIENT)
        messages.append(str(wrong.value.detail))
    assert host.url("/refused") in caplog.text
    assert not [text for text in messages if "hunter2" in text or "somebody" in text]


def test_auto_knocks_at_all_sources_at_once(host: Host, tmp_path: Path) -> None:
    sources = tuple(host.url(f"/{number}/silent") for number in range(4))
    patience = Patience(connect_s=1.0, silence_s=30.0)
    before = time.monotonic()
    located = locate("auto", tmp_path, patience=patience, auto=sources)
    spent_s = time.monotonic() - before
    assert located.folder is None
    assert len(host.asked) == 4  # each once: a host that is silent is not asked for the archive
    assert spent_s < 4 * patience.connect_s, "one after the other would take as long as all the time-outs together"


@pytest.fixture
def kaggle(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """The loopback as the proxy behind which Kaggle's client looks for its host."""
    monkeypatch.setenv("KAGGLE_API_ENVIRONMENT", "LOCALHOST")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, host.url(""))
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    return host


def test_kaggles_own_client_fetches(kaggle: Host, tmp_path: Path) -> None:
    folder = locate(weights.MAGENTA_KAGGLE, tmp_path, patience=Patience()).folder
    assert folder is not None
    assert (folder / "saved_model.pb").read_bytes() == b"DownloadModelInstanceVersion saved_model.pb"
    asked = len(kaggle.asked)
    assert asked >= 3  # the list and two files
    assert locate("auto", tmp_path, patience=IMPATIENT).folder == folder
    assert len(kaggle.asked) == asked


def test_kaggles_refusal_is_told(kaggle: Host, tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as error:
        locate("google/refused/tensorFlow1/256/2", tmp_path, patience=Patience())
    assert error.value.code == "weights_missing"
    assert "403" in str(error.value.detail["reason"])


def test_kagglehubs_cache_is_found_without_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = tmp_path / "kaggle" / "models" / Path(weights.MAGENTA_KAGGLE).parent
    (versions / "2").mkdir(parents=True)
    (versions / "2" / "saved_model.pb").write_bytes(b"model")
    cache = tmp_path / "cache"
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    assert not list(cached_models(weights.MAGENTA_KAGGLE, cache))  # half a download has no marker
    (versions / "2.complete").touch()
    assert list(cached_models(weights.MAGENTA_KAGGLE, cache)) == [versions / "2"]


def test_a_folder_must_hold_a_model(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as absent:
        locate(str(tmp_path / "absent"), tmp_path)
    assert absent.value.detail["reason"] == "no such folder"
    with pytest.raises(OperatorError) as empty:
        locate(str(tmp_path), tmp_path)
    assert empty.value.detail["reason"] == "no saved_model.pb in this folder"
    (tmp_path / "saved_model.pb").touch()
    assert locate(str(tmp_path), tmp_path).folder == tmp_path
    shutil.rmtree(tmp_path)


def test_a_read_only_cache_is_told(tmp_path: Path, host: Host) -> None:
    occupied = tmp_path / "file"
    occupied.touch()
    assert locate("auto", occupied, patience=IMPATIENT, auto=(host.url("/ok"),)).reason.count("cannot be written") == 1


def test_a_worker_says_in_its_log_how_far_a_download_is(
    host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="nst.models.sources")
    url = host.url("/ok.tar.gz") + f"#sha256={host.sha256}"
    locate(url, tmp_path, patience=IMPATIENT, advance=weights.LoggedProgress())
    said = [record.getMessage() for record in caplog.records if "MB" in record.getMessage()]
    assert 1 <= len(said) <= 10
    assert said[-1] == "Fetched 0.3 of 0.3 MB"
    told = weights.LoggedProgress()
    caplog.clear()
    for received in range(0, 90_000_001, 1_000_000):
        told(received, 90_000_000)
    assert [record.getMessage() for record in caplog.records] == [f"Fetched {9 * n}.0 of 90.0 MB" for n in range(1, 11)]


def rejected(spec: str, cache: Path, auto: tuple[str, ...] = weights.AUTO) -> weights.Located:
    """What ``locate`` finds, after it turned out that it cannot be loaded."""
    found = locate(spec, cache, patience=IMPATIENT, auto=auto)
    assert reject(found, cache, "damaged")
    return found


def test_what_is_damaged_in_our_cache_is_put_aside_and_fetched_again(host: Host, tmp_path: Path) -> None:
    url = host.url("/hub")
    locate(url, tmp_path, patience=IMPATIENT)
    found = rejected(url, tmp_path)
    assert not found.fetched
    again = locate(url, tmp_path, patience=IMPATIENT)
    assert again.fetched
    assert again.folder is not None
    assert (tmp_path / f"{again.folder.name}.damaged" / "saved_model.pb").is_file()
    assert reject(found, tmp_path, "as another worker found before it was replaced")
    assert not locate(url, tmp_path, patience=IMPATIENT).fetched


def test_what_is_damaged_in_others_caches_stays_there_and_is_passed_over(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = host.url("/hub")
    shared = tmp_path / "hub" / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
    shared.mkdir(parents=True)
    (shared / "saved_model.pb").write_bytes(b"damaged")
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "hub"))
    assert rejected("auto", tmp_path / "cache", (url,)).folder == shared
    assert (shared / "saved_model.pb").read_bytes() == b"damaged"
    own = locate("auto", tmp_path / "cache", patience=IMPATIENT, auto=(url,))
    assert own.fetched
    assert own.folder != shared


def test_kaggles_marker_goes_with_what_is_damaged(kaggle: Host, tmp_path: Path) -> None:
    locate(weights.MAGENTA_KAGGLE, tmp_path, patience=Patience())
    rejected(weights.MAGENTA_KAGGLE, tmp_path)
    asked = len(kaggle.asked)
    assert locate(weights.MAGENTA_KAGGLE, tmp_path, patience=Patience()).fetched
    assert len(kaggle.asked) >= asked + 3


def test_a_source_whose_download_cannot_be_loaded_has_failed(host: Host, tmp_path: Path) -> None:
    sources = (host.url("/hub"), host.url("/ok"))
    for source in sources:
        assert rejected("auto", tmp_path, sources).source == source
    located = locate("auto", tmp_path, patience=IMPATIENT, auto=sources)
    assert located.folder is None
    assert located.reason == f"{sources[0]}: damaged; {sources[1]}: damaged"


def test_what_must_not_be_downloaded_counts_as_missing(host: Host, tmp_path: Path) -> None:
    url = host.url("/hub")
    located = locate("auto", tmp_path, auto=(url,), download=False)
    assert (located.folder, located.reason) == (None, f"{url}: not on this machine, and nothing is downloaded now")
    with pytest.raises(OperatorError, match="nothing is downloaded now"):
        locate(url, tmp_path, download=False)
    assert not host.asked


KAGGLE = weights.MAGENTA_KAGGLE


@pytest.mark.parametrize(
    ("page", "handle"),
    [
        ("google/arbitrary-image-stylization-v1/tensorFlow1/256/2", KAGGLE),
        (
            "google/arbitrary-image-stylization-v1/frameworks/tensorFlow1/variations/256/versions/2",
            weights.MAGENTA_KAGGLE,
        ),
        ("google/arbitrary-image-stylization-v1/tensorFlow1/256/2?tfhub-redirect=true", KAGGLE),
        ("google/arbitrary-image-stylization-v1/tensorFlow1/256/", KAGGLE.removesuffix("/2")),
        ("google/arbitrary-image-stylization-v1", ""),
    ],
)
def test_a_page_of_kaggles_is_a_handle(page: str, handle: str) -> None:
    assert handle_of(f"https://www.kaggle.com/models/{page}") == handle
    assert not handle_of("https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2")


def test_a_model_is_fetched_by_its_page_at_kaggle(kaggle: Host, tmp_path: Path) -> None:
    page = "https://www.kaggle.com/models/google/arbitrary-image-stylization-v1/tensorFlow1/256/2"
    folder = locate(page, tmp_path, patience=Patience()).folder
    assert folder is not None
    assert locate(weights.MAGENTA_KAGGLE, tmp_path, patience=IMPATIENT).folder == folder
    with pytest.raises(OperatorError) as incomplete:
        locate("https://www.kaggle.com/models/google/arbitrary-image-stylization-v1", tmp_path, patience=IMPATIENT)
    assert incomplete.value.code == "bad_setting"
    assert "FRAMEWORK/VARIATION" in str(incomplete.value.detail["allowed"])
