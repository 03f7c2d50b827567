"""Writing files so that a reader finds the old content or the new, never half of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` in one step: after a failure the path holds what it held before.

    The bytes go to a temporary file in the same folder, reach the disk (fsync), and only then take the name.
    As with a plain ``open(path, "wb")``, a new file has the permissions the umask leaves, an existing one
    keeps its own, a read-only one is refused, and a symbolic link is followed. What is no regular file (a
    pipe, a device such as ``/dev/null``) is written to as it is: there is nothing to replace.

    Parameters
    ----------
    path : str or path-like
        The file to write; its folder must exist.
    data : bytes
        The whole content.

    Raises
    ------
    OSError
        The folder is missing or not writable, the disk is full, `path` is a folder or read-only. The error's
        ``filename`` is `path`; the temporary file is gone.
    """
    name = os.fspath(path)
    try:
        _write(name, data)
    except OSError as error:
        # Name the file that was asked for: the temporary name in the original error says nothing to a reader.
        raise OSError(error.errno, error.strerror or str(error), name) from error


def _write(name: str, data: bytes) -> None:
    mode = _mode_of_existing(name)
    target = Path(name).resolve()
    if mode is not None and not stat.S_ISREG(mode):
        Path(name).write_bytes(data)  # fails by itself for a folder
        return
    if mode is not None and not os.access(target, os.W_OK):
        # Replacing asks only for the folder's permission; a file made read-only was meant to stay.
        raise PermissionError(13, "Permission denied")

    # Not derived from the target's name, which may already be as long as the file system allows.
    temporary = target.parent / f".scratchnet-{os.urandom(8).hex()}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except BaseException:  # Ctrl-C as well: nothing half-written is left behind
        temporary.unlink(missing_ok=True)
        raise


def _mode_of_existing(name: str) -> int | None:
    """Return the mode of what stands at `name`, links followed, or None where nothing does."""
    try:
        return Path(name).stat().st_mode
    except FileNotFoundError:
        return None
