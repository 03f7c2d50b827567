"""A thing tried on a few calls: whether a form fits it, and what its gradients are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..failure import Failure
from ..properties.protocol import drawn
from ..references.protocol import Sampler
from ..strategies import Setting
from .protocol import Cannot
from .runner import Subject, canonical, replayed, runner_of

if TYPE_CHECKING:
    from ..case import Case

PROBES = 3
_HERE = str(Path(__file__).parents[1])
PLAIN = Setting(np.dtype(np.float64), layouts=False)


def probe(subject: Subject, seed: int, forced: str = "") -> Case:
    """Return a call to try: of several that are drawn the one whose sides tell most."""
    cases = [
        subject.case(Sampler(np.random.default_rng(4 * seed + k), PLAIN), forced or "nothing")
        for k in range(4)
    ]
    return max(cases, key=_tells)


def _tells(case: Case) -> tuple[int, int]:
    """Return how many different sides a call has, and how many elements."""
    sides = {n for array in case.given.values() for n in array.shape if n > 1}
    return len(sides), sum(array.size for array in case.given.values())


class Fit:
    """How well a form fits: 0 it raises, 1 shapes, 2 numbers, 3 the new state differ, 4 all fits."""

    def __init__(self, subject: Subject, case: Case) -> None:
        self.subject, self.case = subject, case
        self.error: BaseException | None = None
        self.score = 0
        self.single = False
        try:
            self.started = subject.start(case.copy())  # it may write to what it is given
            self.got = tuple(np.asarray(y) if y is not None else None for y in self.started.outputs)
        except (Cannot, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever a layer raises, SystemExit included
            if _ours(error):
                raise
            self.error = error
            return
        self.score = self._score()

    def _score(self) -> int:
        subject, case = self.subject, self.case
        if subject.kind.random:
            try:
                case = case.with_options(**drawn(subject.kind.slopes, runner_of(subject), case))
            except Failure:  # another number of outputs, or none
                return 1
        arrays, options = canonical(subject, case)
        try:
            with np.errstate(all="ignore"):
                wanted = subject.kind.forward(arrays, options)
                own = [np.asarray(subject.form.layout(n).back(np.asarray(y), None))
                       for n, y in zip(subject.kind.outputs, wanted, strict=False)]  # fmt: skip
        except (ValueError, IndexError, TypeError):  # these arrays are no call of this form
            return 0
        if len(own) != len(self.got) or any(
            g is None or g.dtype.kind != "f" or g.shape != w.shape for g, w in zip(self.got, own, strict=True)
        ):
            return 1
        if not all(close(g, w) for g, w in zip(self.got, own, strict=True)):
            if not subject.kind.random or not _scaled_in_float32(self.got[0], own[0], case[case.slots[0]]):
                return 2
            self.single = True
        self.single = self.single or any(hidden_float32(g, w) for g, w in zip(self.got, own, strict=True))
        state = wanted[len(own) :]
        names = subject.kind.extras
        if state and all(n in self.started.extras for n in names):
            pairs = zip(names, state, strict=False)
            if not all(
                close(np.asarray(self.started.extras[n]).reshape(-1), np.reshape(w, -1)) for n, w in pairs
            ):
                return 3
        return 4


def _ours(error: BaseException) -> bool:
    """Return whether an error is a slip of the suite's own code: that is no form which does not fit."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename if trace is not None else ""
    return file.startswith(_HERE) and isinstance(error, NameError | AttributeError | KeyError)


def _scaled_in_float32(got: Any, wanted: Any, x: Any) -> bool:
    """Return whether what was kept is scaled by a factor that is a float32: a mask kept so."""
    moved = (got != 0) & (x != 0)
    factor = got[moved] / x[moved]
    near = np.abs(got - wanted) <= 1e-7 * np.abs(wanted)
    return bool(near.all()) and bool(np.allclose(factor, factor.astype(np.float32), 1e-15, 0.0))


def close(got: Any, wanted: Any) -> bool:
    """Return whether numbers are the same but for rounding, of the dtype they came in."""
    if got.shape != wanted.shape:
        return False
    scale = float(np.max(np.abs(wanted), initial=0.0))
    if got.dtype == np.float32 or hidden_float32(got, wanted):  # computed so, whatever went in
        return bool(np.all(np.abs(got - wanted) <= 2e-5 * max(scale, 1e-30)))
    return bool(
        np.all(np.abs(got - wanted) <= 2e-10 * max(scale, 1e-30)) or np.allclose(got, wanted, 1e-10, 1e-13)
    )


def hidden_float32(got: Any, wanted: Any) -> bool:
    """Return whether numbers in float64 were computed in float32: these are all such, and should not be."""
    if got.dtype != np.float64 or wanted.dtype != np.float64:
        return False
    with np.errstate(over="ignore"):
        return bool((got == got.astype(np.float32)).all() and (wanted != wanted.astype(np.float32)).any())


def gradients(subject: Subject, case: Case) -> tuple[dict[str, Any] | None, BaseException | None]:
    """Return the gradients of a call for a cotangent of no pattern, or what was raised."""
    rng = np.random.default_rng(7)
    try:
        started = subject.start(case)
        outputs = subject.outputs(started, case)[: len(case.outputs)]
        with replayed(case.seed), np.errstate(all="ignore"):
            found = started.back(tuple(np.asarray(rng.normal(size=y.shape)) for y in outputs), None)
    except (Cannot, KeyboardInterrupt):
        raise
    except BaseException as error:  # whatever a layer raises, SystemExit included
        if _ours(error):
            raise
        return None, error
    return {s: g for s, g in found.items() if g is not None}, None


def runs(subject: Subject) -> bool:
    """Return whether both passes run on ordinary calls."""
    return all(gradients(subject, probe(subject, seed))[1] is None for seed in range(3))


def slope(runner: Any, case: Case, slot: str, dy: Any, way: Any = 1.0) -> float:
    """Return the derivative of the whole along a slot's every entry or a direction, by differences."""
    step = 1e-5
    up, down = (runner.forward(case.replace(**{slot: case[slot] + s * way})) for s in (step, -step))
    return float(sum(((u - d) * g).sum() for u, d, g in zip(up, down, dy, strict=False)) / (2 * step))
