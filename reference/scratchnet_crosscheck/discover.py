"""Import a file of hand-written layers, however it was meant to be run, and say what is in it."""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import os
import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_UP = 5  # how many folders above a file may be the root that it imports from


class Unreadable(Exception):  # noqa: N818 - a verdict, not an error
    """The file cannot be used, and why."""


class _Missing:
    """Stands for what could not be imported: it fails only where it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ModuleNotFoundError(f"{self._name} is not installed", name=self._name)

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise ModuleNotFoundError(f"{self._name} is not installed", name=self._name)


# ---- what older files count on


def _numpy_aliases() -> dict[str, Any]:
    """Return what NumPy had before 1.24 and 2.0, by name."""
    import numpy as np

    return {
        "float": float, "int": int, "bool": bool, "object": object, "str": str, "complex": complex,
        "long": int, "unicode": str, "float_": np.float64, "complex_": np.complex128, "NaN": np.nan,
        "Inf": np.inf, "infty": np.inf, "Infinity": np.inf, "PINF": np.inf, "NINF": -np.inf,
        "product": np.prod, "cumproduct": np.cumprod, "sometrue": np.any, "alltrue": np.all,
        "row_stack": np.vstack, "round_": np.round,
    }  # fmt: skip


def stand_in(tree: ast.Module) -> list[str]:
    """Bring back what Python 2 and old NumPy had, for this process; return what of it a file uses, in words.

    Files that use these are right otherwise: their formulas are what is to be checked.
    """
    import builtins
    import pickle
    import warnings

    import numpy as np

    old = {"xrange": range, "unicode": str, "long": int, "basestring": str, "raw_input": input,
           "reduce": functools.reduce}  # fmt: skip
    for name, value in old.items():
        if not hasattr(builtins, name):
            setattr(builtins, name, value)
    for module, more in (
        ("past.builtins", {}), ("six.moves", {"range": range, "cPickle": pickle, "zip": zip, "input": input})
    ):  # fmt: skip
        top = module.partition(".")[0]
        if top not in sys.modules and importlib.util.find_spec(top) is None:
            outer, inner = types.ModuleType(top), types.ModuleType(module)
            vars(inner).update({**old, **more})
            setattr(outer, module.partition(".")[2], inner)
            outer.__path__ = []
            sys.modules[top], sys.modules[module] = outer, inner
    aliases = _numpy_aliases()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in [n for n in aliases if not hasattr(np, n)]:
            setattr(np, name, aliases[name])
            _STOOD_IN.add(name)
    bound = {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    notes = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "xrange" and "xrange" not in bound:
            notes.append("xrange is Python 2's: taken as range")
        elif (
            isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
            and node.value.id in ("np", "numpy") and node.attr in _STOOD_IN
        ):  # fmt: skip
            notes.append(f"np.{node.attr} is gone from NumPy {np.__version__}: taken as it was")
    return list(dict.fromkeys(notes))


_STOOD_IN: set[str] = set()


def load(path: Path, *, definitions: bool = False) -> tuple[types.ModuleType, list[str]]:
    """Import a file; return the module and what is to be said about it.

    Parameters
    ----------
    path : Path
        The file.
    definitions : bool
        Take only what it imports and defines, and run nothing else of it.

    Raises
    ------
    Unreadable
        It is no Python 3, or nothing of it could be imported.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")
    if path.suffix == ".ipynb":
        raise Unreadable("it is a notebook: jupyter nbconvert --to script makes a Python file of it")
    try:
        source, tree, printed = _read(path)
    except SyntaxError as error:
        raise Unreadable(_syntax(error)) from error
    except (OSError, ValueError) as error:
        raise Unreadable(str(error)) from error
    name, roots = _name_and_roots(path)
    sys.path[:0] = [str(root) for root in roots if str(root) not in sys.path]
    os.chdir(path.parent)  # files read their data from beside them
    sys.argv = [str(path)]
    module = _module(name, path)
    notes = [*printed, *stand_in(tree)]
    if definitions:
        notes += _run(_defining(tree), module, notes, path)
        return module, notes
    try:
        _execute(source, tree, module, path)
    except BaseException as error:  # whatever a script does at import, leaving the process included
        if isinstance(error, KeyboardInterrupt):
            raise
        notes.append(_stopped(error, path))
        # What stands above the line is there; what is defined below it is fetched by itself.
        notes += _run(_defining(tree), module, [], path)
    return module, notes


#: A print statement of Python 2, at the end of what else is on its line.
_PRINTS = re.compile(rb"^([ \t]*|.*[:;][ \t]*)print\b(?![ \t]*[(.=]).*$")


def _read(path: Path) -> tuple[bytes, ast.Module, list[str]]:
    """Return a file's source, its tree, and what is to be said; Python 2's print statements do nothing."""
    source = path.read_bytes()
    lines, changed = source.splitlines(keepends=True), False
    while True:
        try:
            tree = ast.parse(b"".join(lines) if changed else source, str(path))
        except SyntaxError as error:
            at = (error.lineno or 0) - 1
            line = lines[at].rstrip() if 0 <= at < len(lines) else b""
            statement = _PRINTS.match(line)
            if statement is None:
                raise
            lines[at], changed = statement[1] + b"pass\n", True
        else:
            said = ["its print statements are Python 2's: they are left out"] if changed else []
            return b"".join(lines) if changed else source, tree, said


def _module(name: str, path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise Unreadable("it is no Python file")
    module = importlib.util.module_from_spec(spec)
    parent = name.rpartition(".")[0]
    if parent:
        module.__package__ = parent
        for package, folder in zip(
            _each(parent), reversed(path.parents[: parent.count(".") + 1]), strict=True
        ):
            _import_package(package, folder)
    sys.modules[name] = module
    return module


def _each(package: str) -> list[str]:
    """Return a package's dotted name and those of the packages it is in, the outermost first."""
    parts = package.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _import_package(name: str, folder: Path) -> None:
    """Import a package; where its own code fails, its files do without."""
    try:
        importlib.import_module(name)
    except Exception:  # the package's own trouble: its file may do without it
        if name not in sys.modules:
            bare = types.ModuleType(name)
            bare.__path__ = [str(folder)]
            sys.modules[name] = bare


def _name_and_roots(path: Path) -> tuple[str, list[Path]]:
    """Return a module's dotted name and the folders that it may import from."""
    parts, folder = [path.stem], path.parent
    # a folder whose name is no identifier is no package, whatever lies in it
    while ((folder / "__init__.py").is_file() or len(parts) <= _climbs(path)) and folder.name.isidentifier():
        parts.insert(0, folder.name)
        folder = folder.parent
    roots = [path.parent, folder]
    return ".".join(parts) if len(parts) > 1 else path.stem, list(dict.fromkeys(roots))


@functools.cache
def _climbs(path: Path) -> int:
    """Return how many folders its relative imports, or those of its neighbours, count as packages.

    A folder that is imported from so is a package with and without an ``__init__.py``.
    """
    return max((_level(file) for file in (path, *path.parent.glob("*.py"))), default=0) if _level(path) else 0


def _level(path: Path) -> int:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return 0
    return max((node.level for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)), default=0)


def _execute(source: bytes, tree: ast.Module, module: types.ModuleType, path: Path) -> None:
    """Run a file; where it misses a module that lies in a folder above, look there."""
    for _ in range(_UP):
        try:
            exec(compile(source, str(path), "exec"), vars(module))  # the file is what is to be checked
        except ModuleNotFoundError as error:
            if not _found_above(error.name or "", path):
                raise
        else:
            return
    exec(compile(tree, str(path), "exec"), vars(module))


def _found_above(name: str, path: Path) -> bool:
    top = name.partition(".")[0]
    for folder in list(path.parents)[1:_UP]:
        if (folder / top).is_dir() or (folder / f"{top}.py").is_file():
            if str(folder) in sys.path:
                return False
            sys.path.append(str(folder))
            return True
    return False


def _defining(tree: ast.Module) -> list[ast.stmt]:
    """Return the statements that import or define, and assignments that compute little."""
    kept: list[ast.stmt] = []
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef) or (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and not any(isinstance(inner, ast.Call) for inner in ast.walk(node))
        ):
            kept.append(node)
        elif isinstance(node, ast.Try | ast.If):
            kept += [n for n in node.body if isinstance(n, ast.Import | ast.ImportFrom)]
        elif (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and _is_method_of_a_name(node.value, "defvjp")
        ):
            kept.append(node)
    return kept


def _is_method_of_a_name(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == name


def _run(nodes: list[ast.stmt], module: types.ModuleType, notes: list[str], path: Path) -> list[str]:
    """Run statements one by one; return which definitions are left out since they fail, and note the rest."""
    left_out: list[str] = []
    for node in nodes:
        names = _defines(node)
        if names and all(n in vars(module) for n in names):
            continue
        try:
            exec(compile(ast.Module([node], []), str(path), "exec"), vars(module))
        except ModuleNotFoundError as error:
            if _found_above(error.name or "", path):
                try:
                    exec(compile(ast.Module([node], []), str(path), "exec"), vars(module))
                    continue
                except Exception:
                    pass
            for name in names:
                vars(module)[name] = _Missing(error.name or name)
            _lose(node, module)
            _say_why(node, str(error), left_out, notes)
        except Exception as error:
            _lose(node, module)
            _say_why(node, f"{type(error).__name__}: {error}", left_out, notes)
        except SystemExit as left:
            notes.append(f"line {node.lineno}: it calls sys.exit({left.code!r})")
    return left_out


def _say_why(node: ast.stmt, error: str, left_out: list[str], notes: list[str]) -> None:
    words = f"line {node.lineno}: {error}"
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        left_out.append(f"{node.name} is not checked, for its definition fails: {words}")
    else:
        notes.append(words)


def _lose(node: ast.stmt, module: types.ModuleType) -> None:
    """Remember that names which cannot be known are missing: those of a star import."""
    from .adapters.unfinished import LOST

    if isinstance(node, ast.ImportFrom) and any(a.name == "*" for a in node.names):
        vars(module).setdefault(LOST, []).append("." * node.level + (node.module or ""))


def _defines(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [a.asname or a.name.partition(".")[0] for a in node.names if a.name != "*"]
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    return []


def _syntax(error: SyntaxError) -> str:
    line = (error.text or "").strip()
    old = ("print " in line and "print(" not in line) or ("except" in line and "," in line) or "exec " in line
    why = "Python 2, not Python 3" if old else str(error.msg)
    return f"line {error.lineno} cannot be read: {why}: {line}"


def _stopped(error: BaseException, path: Path) -> str:
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    at = f" at line {line}" if line else ""
    return (
        f"importing it stopped{at}: {type(error).__name__}: {error}; its definitions are checked all the same"
    )


# ---- what is in it


def defined(module: types.ModuleType) -> dict[str, Any]:
    """Return what a module defines itself, in the file's order."""
    found = {}
    for name, thing in vars(module).items():
        if name.startswith("__"):
            continue
        home = getattr(thing, "__module__", None)
        if home == module.__name__ and (
            inspect.isfunction(thing) or isinstance(thing, type) or callable(thing)
        ):
            found[name] = thing
    return found


def unknown(names: Mapping[str, Any], taken: set[str]) -> list[tuple[str, str, str]]:
    """Return what looks like a layer and was not recognised: name, reason, and what would help."""
    from .adapters.costs import is_cost
    from .adapters.frameworks import applied_by, is_autograd_function, is_custom_vjp, only_applies
    from .adapters.functions import returns_a_gradient
    from .adapters.names import BACKWARDS
    from .adapters.passes import methods
    from .adapters.unfinished import unwritten

    found = []
    of_functions = _backward_functions(names, taken)
    for name, thing in names.items():
        if name in taken or name.startswith("_"):
            continue
        how = _say(name)
        if is_autograd_function(thing) or is_custom_vjp(thing):
            found.append((name, "no operation of this name is known", how))
        elif is_cost(thing):
            found.append((name, "a cost with fn and delta, of a name that is not known", how))
        elif isinstance(thing, type):
            passes = methods(thing)
            if passes is not None and unwritten(getattr(thing, passes[0])):
                found.append((name, f"its {passes[0]} is not written: a base class of others", ""))
            elif passes is not None:
                found.append(
                    (name, f"a class with {passes[0]} and {passes[1]}, of a name that is not known", how)
                )
            elif (halves := _halves(thing)) and any(_is_forward(m) for m in halves):
                if _is_module(thing):
                    functions = [f for m in halves for f in applied_by(getattr(thing, m))]
                    own = "a torch.nn.Module: its backward pass is PyTorch's own"
                    found.append((name, _calls(functions, taken) if functions else own, ""))
                    continue
                reason = "it has a forward pass and no backward pass"
                if not all(_is_forward(m) for m in halves):
                    reason = f"its passes, {', '.join(halves)}, are not one forward and one backward"
                found.append((name, reason, "give it a method called backward"))
            elif any(_is_handed(vars(thing).get(m)) for m in BACKWARDS):
                found.append((name, "it has a backward pass and no forward pass", "call that forward"))
        elif only_applies(thing):
            found.append((name, _calls(applied_by(thing), taken), ""))
        elif inspect.isfunction(thing) and name in of_functions:
            found.append((name, *of_functions[name]))
        elif inspect.isfunction(thing) and _looks_like_a_pass(name):
            other = "forward" if _BACKWARD.search(name) else "backward"
            found.append((name, f"no {other} function belongs to it, or its name is not known", how))
        elif inspect.isfunction(thing) and (what := returns_a_gradient(thing)):
            found.append((name, f"it returns {what}, and no operation of its name is known", how))
    return found


def _calls(functions: list[str], taken: set[str]) -> str:
    """Return what there is to say of something that hands tensors to torch.autograd.Functions."""
    said = "it computes with tensors and calls the torch.autograd.Function"
    if len(functions) == 1:
        known = ", which is checked by itself" if functions[0] in taken else ""
        return f"{said} {functions[0]}{known}"
    known = ", which are checked by themselves" if taken.issuperset(functions) else ""
    return f"{said}s {', '.join(functions)}{known}"


def _is_handed(method: Any) -> bool:
    """Return whether a method must be handed something: a tensor's or a context's backward need not."""
    if not inspect.isfunction(method):
        return False
    return any(p.default is p.empty for p in list(inspect.signature(method).parameters.values())[1:])


def _say(name: str) -> str:
    return f"say what it is: --like {name}=OPERATION, or under [tool.crosscheck.like] in pyproject.toml"


def _backward_functions(names: Mapping[str, Any], taken: set[str]) -> dict[str, tuple[str, str]]:
    """Return why functions with a backward pass of some name are not checked, and what would help."""
    from .adapters import cs231n, split

    found: dict[str, tuple[str, str]] = {}
    for name, thing in names.items():
        if not inspect.isfunction(thing):
            continue
        back = [
            *dict.fromkeys([*cs231n.backwards_of(name, names), *split.gradients_of(name, names).values()])
        ]
        left = [n for n in back if n not in taken]
        if not left or _CHECKS.search(name):
            continue
        known = name in taken or len(left) < len(back)
        listed = ", ".join(back)
        if not known:
            reason = f"no operation of its name is known; its backward pass is {listed}"
            found.setdefault(name, (reason, _say(name)))
        for other in left:
            why = f"{name} is checked with another backward function" if known else f"it belongs to {name}"
            found.setdefault(other, (why, "" if known else f"once {name} is known, it is checked with it"))
    return found


def _is_module(thing: type) -> bool:
    """Return whether a class is a torch.nn.Module, without importing torch."""
    return any(c.__module__.startswith("torch.nn.modules") for c in thing.__mro__[1:])


#: What a function does that computes or compares gradients of others.
_CHECKS = re.compile(r"check|test|numeric|finite|clip|compare", re.IGNORECASE)
#: Words for the passes, as one of a name's words or anywhere in it.
_FORWARD = re.compile(r"forward|_fwd|(?<![a-z])(fwd|fprop)(?![a-z])", re.IGNORECASE)
_BACKWARD = re.compile(
    r"backward|backprop|_bwd|(?<![a-z])(bwd|bprop|dgrad|wgrad|bgrad|vjp)(?![a-z])", re.IGNORECASE
)


def _halves(cls: type) -> list[str]:
    """Return a class's methods that are a pass by their names, or a part of one."""
    return [m for m in dir(cls) if _is_forward(m) or (_BACKWARD.search(m) and not m.startswith("__"))]


def _is_forward(method: str) -> bool:
    return method in ("forward", "forward_pass", "call", "propagate", "fprop", "fwd")


def _looks_like_a_pass(name: str) -> bool:
    return bool(_FORWARD.search(name) or _BACKWARD.search(name))
