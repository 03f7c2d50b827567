"""`write_atomically`: the old content or the new, whatever goes wrong."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from scratchnet._files import write_atomically

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="permissions, links and pipes as POSIX has them"
)


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def umask() -> Any:
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_a_new_file_holds_the_data_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new", b"data")
    assert content_of(tmp_path) == {"new": b"data"}


def test_an_existing_file_is_replaced_also_by_less(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a long content")
    write_atomically(str(tmp_path / "file"), b"")
    assert content_of(tmp_path) == {"file": b""}


def test_a_relative_name_is_taken_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_atomically("file", b"data")
    assert content_of(tmp_path) == {"file": b"data"}


def test_a_name_as_long_as_the_file_system_allows_works(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("n" * 255), b"data")
    assert content_of(tmp_path) == {"n" * 255: b"data"}


@posix_only
def test_a_new_file_has_the_permissions_of_a_plain_open(tmp_path: Path, umask: int) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_atomically(tmp_path / "file", b"data")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~umask
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "plain").stat().st_mode


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o666, 0o755])
def test_an_existing_file_keeps_its_permissions(tmp_path: Path, umask: int, mode: int) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "file").chmod(mode)
    write_atomically(tmp_path / "file", b"new")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == mode


@posix_only
@pytest.mark.parametrize("exists", [True, False])
def test_a_symbolic_link_stays_one_and_its_target_is_written(tmp_path: Path, exists: bool) -> None:
    folder, links = tmp_path / "folder", tmp_path / "links"
    folder.mkdir()
    links.mkdir()
    if exists:
        (folder / "target").write_bytes(b"old")
    (links / "link").symlink_to("../folder/target")
    write_atomically(links / "link", b"new")
    assert (links / "link").is_symlink()
    assert content_of(folder) == {"target": b"new"}
    assert content_of(links) == {"link": b"new"}


@posix_only
def test_a_pipe_is_written_to_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    write_atomically(tmp_path / "pipe", b"data")
    reader.join(timeout=10)
    assert received == [b"data"]
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


class FullDisk(io.FileIO):
    """A file on a disk that has room for three more bytes."""

    def write(self, data: Any) -> int:
        super().write(bytes(data)[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_with(error: BaseException) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize("existing", [{}, {"file": b"old"}])
@pytest.mark.parametrize("where", ["write", "fsync", "replace", "interrupt"])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, existing: dict[str, bytes]
) -> None:
    for name, data in existing.items():
        (tmp_path / name).write_bytes(data)
    no_space = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with monkeypatch.context() as patch:
        if where == "write":
            patch.setattr(os, "fdopen", FullDisk)
        elif where == "fsync":
            patch.setattr(os, "fsync", fail_with(no_space))
        elif where == "replace":
            patch.setattr(Path, "replace", fail_with(no_space))
        else:
            patch.setattr(os, "fsync", fail_with(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt if where == "interrupt" else OSError) as caught:
            write_atomically(tmp_path / "file", b"some data")
    assert content_of(tmp_path) == existing
    if where != "interrupt":
        assert (
            str(caught.value) == f"[Errno {errno.ENOSPC}] No space left on device: {str(tmp_path / 'file')!r}"
        )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the kernel has no /dev/full to write to")
def test_a_full_device_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match="No space left on device: '/dev/full'"):
        write_atomically("/dev/full", b"data")


def test_a_missing_folder_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "none" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        write_atomically(path, b"data")
    assert caught.value.filename == str(path)
    assert content_of(tmp_path) == {}


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_atomically(tmp_path / "folder", b"data")
    assert (tmp_path / "folder").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_folder_without_write_permission_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Simulated, because the superuser, as whom tests often run in containers, may write everywhere.
    monkeypatch.setattr(
        os, "open", fail_with(PermissionError(errno.EACCES, "Permission denied", "temporary"))
    )
    with pytest.raises(PermissionError) as caught:
        write_atomically(tmp_path / "file", b"data")
    assert caught.value.filename == str(tmp_path / "file")
    assert content_of(tmp_path) == {}


def test_a_read_only_file_is_refused_though_its_folder_would_let_it_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    with pytest.raises(PermissionError, match="file"):
        write_atomically(tmp_path / "file", b"new")
    assert content_of(tmp_path) == {"file": b"old"}
