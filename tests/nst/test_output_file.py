"""Results are written in one go, or refused before anything is painted."""

from __future__ import annotations

import os
import resource
import signal
from pathlib import Path

import pytest

from nst.errors import UserError
from nst.output_file import check_output, write_output


def refusal(out: Path, *others: Path) -> UserError:
    with pytest.raises(UserError) as caught:
        check_output(out, others)
    return caught.value


def test_names_of_255_bytes_are_written_and_longer_ones_refused(tmp_path: Path) -> None:
    for length in (246, 255):
        out = tmp_path / ("x" * (length - 4) + ".png")
        check_output(out)
        write_output(out, b"data")
        assert out.read_bytes() == b"data"
    assert "too long" in str(refusal(tmp_path / ("ü" * 126 + ".png")).detail["reason"])
    assert len(list(tmp_path.iterdir())) == 2


def test_permissions_stay_and_new_files_get_the_usual_ones(tmp_path: Path) -> None:
    out, new = tmp_path / "out.png", tmp_path / "new.png"
    out.touch()
    out.chmod(0o600)
    write_output(out, b"data")
    assert out.stat().st_mode & 0o777 == 0o600
    before = os.umask(0o027)
    try:
        write_output(new, b"data")
    finally:
        os.umask(before)
    assert new.stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link, ahead = tmp_path / "real" / "out.png", tmp_path / "link.png", tmp_path / "ahead.png"
    target.parent.mkdir()
    target.write_bytes(b"before")
    link.symlink_to(target)
    ahead.symlink_to(target.parent / "not-yet.png")
    for out in (link, ahead):
        check_output(out)
        write_output(out, b"data")
        assert out.is_symlink()
        assert out.read_bytes() == b"data"
    assert sorted(path.name for path in target.parent.iterdir()) == ["not-yet.png", "out.png"]


def test_what_cannot_be_written_is_said_at_once(tmp_path: Path) -> None:
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    assert refusal(Path("/proc/out.png")).code == "output_unwritable"
    assert refusal(tmp_path / "nowhere" / "out.png").detail["reason"] == "no such folder"
    assert "directory" in str(refusal(tmp_path).detail["reason"]).lower()
    assert "symbolic links" in str(refusal(loop).detail["reason"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everything")
def test_what_is_protected_is_said_at_once(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.touch()
    out.chmod(0o400)
    assert "denied" in str(refusal(out).detail["reason"])
    out.unlink()
    tmp_path.chmod(0o500)
    assert "denied" in str(refusal(out).detail["reason"])
    tmp_path.chmod(0o700)


def test_what_is_read_is_not_written(tmp_path: Path) -> None:
    photo, link = tmp_path / "photo.png", tmp_path / "link.png"
    photo.write_bytes(b"photo")
    link.symlink_to(photo)
    assert refusal(link, photo).detail["option"] == "out"
    assert refusal(tmp_path / "." / "photo.png", photo).code == "option_out_of_range"


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(b"before")
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(UserError) as caught:
            write_output(out, bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.code == "output_unwritable"
    assert out.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [out]
