"""The source of what is checked: as text, and as a syntax tree."""

from __future__ import annotations

import ast
import functools
import inspect
import textwrap
from types import CodeType
from typing import Any

_LIBRARIES = ("numpy", "scipy", "torch", "jax", "numba")


def text_of(*things: Any) -> str:
    """Return the source of functions and classes one after another, without those whose source is not had."""
    found = []
    for thing in things:
        try:
            found.append(inspect.getsource(thing))
        except (OSError, TypeError, SyntaxError):  # a class is found by parsing its file, of Python 2 perhaps
            continue
    return "".join(found)


def quotes(source: str, word: str) -> bool:
    """Return whether a source has a word as a string."""
    return f"'{word}'" in source or f'"{word}"' in source


def tree_of(function: Any) -> ast.FunctionDef | None:
    """Return the syntax tree of a function, or of a function's code; None of anything else.

    A function is unwrapped: of a decorated one it is what was decorated.
    """
    code = function if isinstance(function, CodeType) else getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else _tree(code)


def loaded_in(function: Any) -> frozenset[str]:
    """Return the names that a function reads; none where its source is not had, or it may read any."""
    tree = tree_of(function)
    if tree is None:
        return frozenset()
    found = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return frozenset() if found & {"locals", "eval", "exec"} else frozenset(found)


def returns_none(function: Any) -> bool:
    """Return whether a function says of its own accord that it returns None: in each return there is."""
    tree = tree_of(function)
    found = [n for n in ast.walk(tree) if isinstance(n, ast.Return)] if tree is not None else []
    return bool(found) and all(isinstance(n.value, ast.Constant) and n.value.value is None for n in found)


def with_called(*functions: Any) -> list[Any]:
    """Return functions and those that they call, of whatever file that is no library's."""
    found = [inspect.unwrap(f) for f in functions]
    for function in found:  # which grows as it is gone through
        scope = getattr(function, "__globals__", {})
        for node in ast.walk(tree_of(function) or ast.Pass()):
            other: Any = None
            if isinstance(node, ast.Name):
                other = scope.get(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = scope.get(node.value.id)
                other = getattr(module, node.attr, None) if inspect.ismodule(module) else None
            other = inspect.unwrap(other) if callable(other) else None
            if (
                inspect.isfunction(other)
                and other not in found
                and not other.__module__.startswith(_LIBRARIES)
            ):
                found.append(other)
    return found


def words_in(tree: ast.AST) -> set[str]:
    """Return the names and strings in code; neither comments nor documentation are."""
    found: set[str] = set()
    said = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr)}  # strings that stand alone
    for node in ast.walk(tree):
        kept = [getattr(node, name, None) for name in ("id", "attr", "arg", "name")]
        if isinstance(node, ast.Constant) and id(node) not in said:
            kept.append(node.value)
        found |= {word for word in kept if isinstance(word, str)}
    return found


@functools.lru_cache(maxsize=512)
def _tree(code: CodeType) -> ast.FunctionDef | None:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    found = tree.body[0] if tree.body else None
    return found if isinstance(found, ast.FunctionDef) else None
