"""What an argument is when it is not given: the same as in PyTorch, for the functions of every family."""

import ast
import inspect
import warnings

import numpy as np
import pytest

import scratchnet.functional as F
from scratchnet_crosscheck.catalogue import operations
from scratchnet_crosscheck.strategies import Setting, seeded_case

# What PyTorch has besides: obsolete, or of its own memory.
ONLY_THERE = {"size_average", "reduce", "inplace", "_stacklevel", "dtype", "out"}
ELSEWHERE = ("flatten", "unflatten")


def defaults(function):
    """Return the defaults of a Python function, or of a built-in one by the first line of its docstring."""
    try:
        parameters = inspect.signature(function).parameters.values()
        return {p.name: p.default for p in parameters if p.default is not p.empty}
    except ValueError:
        line = next(line for line in function.__doc__.splitlines() if "(" in line)
        head = line.split("->")[0].strip().replace("*, ", "")
        (call,) = ast.parse(f"def {head}: pass").body
        given = call.args.args[len(call.args.args) - len(call.args.defaults) :]
        return {a.arg: ast.literal_eval(d) for a, d in zip(given, call.args.defaults, strict=True)}


@pytest.mark.parametrize("name", sorted(operations()))
def test_they_are_pytorchs(name):
    torch = pytest.importorskip("torch")
    home = torch if name in ELSEWHERE else torch.nn.functional
    twin = getattr(home, name, None) or getattr(torch, name)
    ours = defaults(getattr(F, name))
    theirs = {key: value for key, value in defaults(twin).items() if key not in ONLY_THERE}
    assert {key: ours.get(key, "none at all") for key in theirs} == theirs


def results(function, arguments):
    """Return all that a call computes, as arrays in a row; the exception where it is refused."""
    if "generator" in inspect.signature(function).parameters:
        arguments = {**arguments, "generator": np.random.default_rng(0)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a dim that is left out is warned of
        try:
            value, pullback, *state = function(**arguments)
        except (TypeError, ValueError) as refused:
            return [type(refused)]
    values = value if isinstance(value, tuple) else (value,)
    found = [*values, *pullback(*(np.ones_like(y) for y in values if np.asarray(y).dtype.kind == "f"))]
    for group in state:
        found += list(group)  # an array would be added to each
    return found


@pytest.mark.parametrize("name", sorted(operations()))
def test_leaving_an_option_out_is_giving_its_default(name):
    function, entry = getattr(F, name), operations()[name]
    options = defaults(function)
    for seed in range(40):
        case = seeded_case(entry.draw, Setting(np.dtype(np.float64)), seed)
        arrays = case.given
        optional = sorted(options.keys() & case.options.keys())
        one = set(optional[seed % len(optional) :][:1]) if optional else set()
        for left_out in (set(options), one):  # all of them, or one alone: some count beside others only
            given = {key: value for key, value in case.options.items() if key not in left_out} | arrays
            spelled_out = {key: options[key] for key in left_out} | given
            for mine, spelled in zip(results(function, given), results(function, spelled_out), strict=True):
                np.testing.assert_array_equal(mine, spelled)
