"""``python -m scratchnet.book SCRIPT.py [args]``: run one of the book's chapter scripts as it is."""

from __future__ import annotations

import importlib
import os
import sys
import types
from pathlib import Path

USAGE = """\
usage: python -m scratchnet.book SCRIPT.py [arguments of the script]

Runs a chapter script of "Deep Learning from Scratch" unmodified: its imports of common, dataset and the
networks are answered by scratchnet.book, also where the book's own modules lie beside it. Run it from the
script's folder, as the book says: the working directory stays as it is."""

# What the scripts import, and the module here that answers.
_PARTS = (
    "functions",
    "gradient",
    "layers",
    "multi_layer_net",
    "multi_layer_net_extend",
    "optimizer",
    "trainer",
    "util",
)
ALIASES = {
    "common": "scratchnet.book",
    **{f"common.{part}": f"scratchnet.book.{part}" for part in _PARTS},
    "dataset": "scratchnet.book.dataset",
    "dataset.mnist": "scratchnet.book.dataset.mnist",
    **{name: f"scratchnet.book.{name}" for name in ("two_layer_net", "simple_convnet", "deep_convnet")},
}


def main(arguments: list[str]) -> int:
    """Run the script named first with the arguments after it; return the exit status."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    script = arguments[0]
    try:
        source = Path(script).read_bytes()
    except OSError as error:
        print(f"scratchnet.book: cannot read the script {script}: {error.strerror or error}", file=sys.stderr)
        return 2
    _answer_imports()
    _draw_without_display()
    return _run(script, source, arguments)


def _answer_imports() -> None:
    # Python looks into sys.modules before it looks for files, so the book's own modules cannot win.
    for name, target in ALIASES.items():
        sys.modules[name] = importlib.import_module(target)


def _draw_without_display() -> None:
    """Let plots be made and shown nowhere, without waiting and without a warning."""
    import warnings

    displays = {"DISPLAY", "WAYLAND_DISPLAY"}
    if sys.platform not in ("darwin", "win32") and displays.isdisjoint(os.environ):
        os.environ.setdefault("MPLBACKEND", "Agg")
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive", category=UserWarning)


def _run(script: str, source: bytes, arguments: list[str]) -> int:
    """Do what ``python SCRIPT.py`` does with sys.argv, sys.path[0], __main__, tracebacks and exit status."""
    path = os.path.abspath(script)  # noqa: PTH100 - Path.resolve would follow links, Python does not
    sys.argv = arguments
    if not getattr(sys.flags, "safe_path", False):  # with -P Python puts no folder there, from 3.11 on
        sys.path[0] = os.path.realpath(os.path.dirname(path))  # noqa: PTH120 - as above; of the folder Python does
    module = types.ModuleType("__main__")
    module.__file__ = path
    sys.modules["__main__"] = module
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        trace = error.__traceback__.tb_next if error.__traceback__ else None  # without this file's own frame
        sys.excepthook(type(error), error.with_traceback(trace), trace)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
