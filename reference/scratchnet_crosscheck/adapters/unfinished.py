"""What keeps a function from being checked without being a mistake of it: not written, or not installed."""

from __future__ import annotations

import ast
import inspect
import linecache
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..source import tree_of
from .protocol import Cannot

if TYPE_CHECKING:
    from collections.abc import Callable

#: Where the names of a module are kept that a star import which failed would have brought.
LOST = "__crosscheck_lost_imports__"


def called(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call a function of a file; raise `Cannot` where it lacks an import or was never written.

    Raises
    ------
    Cannot
        It needs what cannot be imported here, or it is a skeleton.
    """
    try:
        return function(*arguments, **named)
    except (NameError, ImportError) as error:
        missing = missing_import(error)
        if missing:
            raise Cannot(
                f"it needs {missing}, which cannot be imported here", "install or build it"
            ) from error
        raise
    except NotImplementedError as error:
        if unwritten(error):
            raise Cannot(
                f"{_name(function)} raises NotImplementedError: not written yet", "fill it in"
            ) from error
        raise
    except (AttributeError, TypeError, ValueError) as error:
        if "None" in str(error) and unwritten(error):
            raise Cannot(f"{_name(function)} works on None: not written yet", "fill it in") from error
        raise


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", "it"))


def refuses(error: BaseException | None) -> bool:
    """Return whether an error is a refusal in words: an assertion, or one that the file itself raises."""
    if isinstance(error, AssertionError | NotImplementedError):
        return True
    if not isinstance(error, ValueError | TypeError) or error.__traceback__ is None:
        return False
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    line = linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
    return line.lstrip().startswith("raise ")


def missing_import(error: BaseException) -> str | None:
    """Return what could not be imported and is missed now, or None."""
    if isinstance(error, ImportError):
        return error.name or str(error)
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError) or not error.name:
        return None
    frame, trace = None, error.__traceback__
    while trace is not None:
        frame, trace = trace.tb_frame, trace.tb_next
    if frame is None:
        return None
    if error.name in _tried(frame.f_code.co_filename):
        return error.name
    lost = frame.f_globals.get(LOST)
    return f"{error.name} from {' or '.join(lost)}" if lost else None


@cache
def _tried(file: str) -> frozenset[str]:
    """Return the names that a file imports inside a `try`."""
    try:
        tree = ast.parse(Path(file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return frozenset()
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    found |= {a.asname or a.name.partition(".")[0] for a in inner.names}
    return frozenset(found)


def unwritten(of: BaseException | Callable[..., Any]) -> bool:
    """Return whether a function, or the one in which an error arose, is a skeleton that was never filled in.

    A skeleton has a body of nothing, raises NotImplementedError, or works on a variable that is set to None
    and to nothing else.
    """
    if isinstance(of, BaseException):
        code, trace = None, of.__traceback__
        while trace is not None:
            code, trace = trace.tb_frame.f_code, trace.tb_next
        if code is None:
            return False
        return _is_skeleton(code)
    code = getattr(inspect.unwrap(of), "__code__", None)
    return code is not None and _is_skeleton(code)


@cache
def _is_skeleton(code: Any) -> bool:
    function = tree_of(code)
    if function is None:
        return False
    body = [
        n for n in function.body
        if not isinstance(n, ast.Pass) and not (isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant))
    ]  # fmt: skip
    if not body:
        return True
    if len(body) == 1:
        (only,) = body
        if isinstance(only, ast.Raise) and "NotImplementedError" in ast.dump(only):
            return True
        if isinstance(only, ast.Return):
            return only.value is None or (isinstance(only.value, ast.Constant) and only.value.value is None)
    if any(_unpacks_none(node) for node in ast.walk(function)):
        return True
    return bool(_never_set(function) & _read(function))


def _unpacks_none(node: ast.AST) -> bool:
    """Return whether a statement takes None apart: ``rows, columns = None``, left to be filled in."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple | ast.List)
        and isinstance(node.value, ast.Constant)
        and node.value.value is None
    )


def _never_set(function: ast.FunctionDef) -> set[str]:
    """Return the variables that are set to None, and besides only to something made of themselves."""
    to_none: set[str] = set()
    to_more: set[str] = set()

    def assigned(target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            values = value.elts if isinstance(value, ast.Tuple | ast.List) else [None] * len(target.elts)
            if len(values) != len(target.elts):
                values = [None] * len(target.elts)
            for one, its in zip(target.elts, values, strict=True):
                assigned(one, its)
        elif isinstance(target, ast.Name):
            if isinstance(value, ast.Constant) and value.value is None:
                to_none.add(target.id)
            elif value is None or target.id not in {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}:
                to_more.add(target.id)
        elif isinstance(target, ast.Starred):
            assigned(target.value, None)

    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                assigned(target, node.value)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.NamedExpr):
            assigned(node.target, node.value)
        elif isinstance(node, ast.For):
            assigned(node.target, None)
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            assigned(node.optional_vars, None)
    return to_none - to_more


def _read(function: ast.FunctionDef) -> set[str]:
    """Return the variables whose value matters: returned, or with an attribute or entry that is read."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
            found |= {n.id for n in parts if isinstance(n, ast.Name)}
        elif isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name):
            found.add(node.value.id)
    return found
