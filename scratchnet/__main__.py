"""The command line: ``scratchnet COMMAND`` or ``python -m scratchnet COMMAND``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from . import __version__
from ._commands.protocol import FAILURE, INTERRUPTED, USAGE

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Parser(argparse.ArgumentParser):
    """Reports a usage error in one line."""

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {message} (see {self.prog} --help)", file=sys.stderr)
        sys.exit(USAGE)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; return the exit status.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process by default.

    Returns
    -------
    int
        0 when all went well, 1 when something failed or did not hold, 2 for a usage error, 130 after Ctrl-C.
    """
    _use_one_thread()
    from ._commands import commands

    parser = _Parser(
        prog="scratchnet",
        description="Neural-network layers by hand in NumPy, each proven.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"scratchnet {__version__}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=_Parser)
    found = commands()
    for name, command in found.items():
        subparser = subparsers.add_parser(
            name,
            help=command.SUMMARY,
            description=command.SUMMARY,
            allow_abbrev=False,
            formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        )
        command.add_arguments(subparser)
    arguments = parser.parse_args(argv)
    try:
        return found[arguments.command].run(arguments)
    except (ValueError, FloatingPointError, MemoryError) as error:
        return _failed(arguments.command, str(error) or type(error).__name__)
    except BrokenPipeError:  # the reader of a pipe has gone: nobody is left to tell
        sys.stdout = None  # keeps the interpreter's last flush from failing too
        return FAILURE
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        return _failed(arguments.command, f"{place}{error.strerror or error}")
    except KeyboardInterrupt:
        print(file=sys.stderr)
        print(f"scratchnet {arguments.command}: interrupted", file=sys.stderr)
        return INTERRUPTED


def _use_one_thread() -> None:
    """Let this process's matrix products use one thread, unless its user has said otherwise.

    For networks of this size a second thread is worth nothing on an idle machine, and where another program
    has the core, the two wait for each other: a run of 5 seconds has been seen to take 95. The library leaves
    the environment alone; a process that has NumPy already is too late.
    """
    if "numpy" not in sys.modules:
        for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(variable, os.environ.get("OMP_NUM_THREADS", "1"))


def _failed(command: str, reason: str) -> int:
    print(f"scratchnet {command}: {' '.join(reason.split())}", file=sys.stderr)
    return FAILURE


if __name__ == "__main__":
    sys.exit(main())
