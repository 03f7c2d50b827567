"""What is given is not written to, and what is returned belongs to the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import all_equal
from ..failure import Failure
from ..oracles.protocol import linearize
from .protocol import Trial, holds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .._types import Array
    from ..case import Case
    from ..oracles.protocol import Runner


def _root(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


class _Watch:
    """Copies of arrays and of the memory they are views of, to be compared later."""

    def __init__(self, arrays: Iterable[tuple[str, Array]]) -> None:
        self._kept = [(name, array, array.tobytes(), _root(array).tobytes()) for name, array in arrays]

    def written(self) -> str | None:
        for name, array, values, memory in self._kept:
            if array.tobytes() != values:
                return f"{name} was written to"
            if _root(array).tobytes() != memory:
                return f"memory beside {name}, a view, was written to"
        return None


@holds(dtypes=("float64", "float32"))
def inputs_are_not_written_to(subject: Runner, case: Case, trial: Trial) -> None:
    """Neither pass writes to an argument, nor into the larger array that an argument is a view of."""
    watch = _Watch(case.given.items())
    outputs, pull = linearize(subject, case)
    found = watch.written()
    if found:
        raise Failure(f"{found} by the forward pass", case)
    cotangents = trial.cotangents(case, outputs)
    pull(cotangents, None)
    found = watch.written()
    if found:
        raise Failure(f"{found} by the backward pass", case, cotangents)


@holds(dtypes=("float64", "float32"))
def cotangents_are_not_written_to(subject: Runner, case: Case, trial: Trial) -> None:
    """The backward pass does not write to the cotangent it is given."""
    outputs, pull = linearize(subject, case)
    cotangents = trial.cotangents(case, outputs)
    if trial.kind == "read-only":
        cotangents = tuple(np.array(c, copy=True) for c in cotangents)
    watch = _Watch((f"the cotangent of {name}", c) for name, c in zip(case.outputs, cotangents, strict=True))
    before = tuple(np.array(c, copy=True) for c in cotangents)
    pull(cotangents, None)
    found = watch.written()
    if found:
        raise Failure(f"{found} by the backward pass", case, before)


_shares_memory: Any = np.shares_memory  # its stub knows no max_work but 0 and -1


def _overlap(a: Array, b: Array) -> bool:
    try:
        return bool(_shares_memory(a, b, max_work=100_000))
    except Exception:  # too hard to decide exactly: NumPy names this error differently in 1.26 and 2.x
        return bool(np.may_share_memory(a, b))


@holds(dtypes=("float64", "float32"))
def results_share_no_memory(subject: Runner, case: Case, trial: Trial) -> None:
    """No result overlaps an argument, a cotangent, another result or the result of a second backward pass."""
    outputs, pull = linearize(subject, case)
    cotangents = trial.cotangents(case, outputs)
    grads, again = pull(cotangents, None), pull(cotangents, None)
    given = [
        *case.given.items(),
        *((f"the cotangent of {n}", c) for n, c in zip(case.outputs, cotangents, strict=True)),
    ]
    results: list[tuple[str, Array]] = list(zip(case.outputs + case.extras, outputs, strict=True))
    results += [(f"d{s}", g) for s, g in zip(case.slots, grads, strict=True) if g is not None]
    results += [
        (f"d{s} of a second call", g) for s, g in zip(case.slots, again, strict=True) if g is not None
    ]
    for i, (name, array) in enumerate(results):
        for other, theirs in (*given, *results[:i]):
            if isinstance(array, np.ndarray) and isinstance(theirs, np.ndarray) and _overlap(array, theirs):
                raise Failure(f"{name} shares memory with {other}", case, cotangents, name)


@holds(dtypes=("float64", "float32"))
def cotangents_returned_are_the_callers(subject: Runner, case: Case, trial: Trial) -> None:
    """Overwriting the results of a backward pass leaves the next one as it was: no buffer is used again."""
    outputs, pull = linearize(subject, case)
    cotangents = trial.cotangents(case, outputs)
    wanted = _copies(pull(cotangents, None))
    _overwrite(pull(cotangents, None))
    if not all_equal(pull(cotangents, None), wanted):
        raise Failure(
            "the backward pass changes once its earlier results have been written to", case, cotangents
        )


def _copies(results: Iterable[Array | None]) -> list[Array | None]:
    return [None if r is None else np.array(r, copy=True) for r in results]


def _overwrite(results: Iterable[Array | None]) -> None:
    for result in results:
        if isinstance(result, np.ndarray) and result.flags.writeable:
            result[...] = 7
