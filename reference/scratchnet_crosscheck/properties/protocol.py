"""What a property is, and what its check is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .. import strategies
from ..case import Case
from ..failure import Failure
from ..oracles.protocol import Runner
from ..tolerance import Yardstick

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Outputs
    from ..catalogue.protocol import Operation
    from ..oracles.protocol import Oracle


@dataclass
class Trial:
    """What a check is handed beside the subject and the case.

    Parameters
    ----------
    entry : Operation
        The catalogue's entry.
    oracle : Oracle, optional
        What the subject is held against, where the property asks for one.
    kind : str
        Of the cotangents, one of `strategies.COTANGENTS`.
    seed : int
        Of the cotangents and of whatever else the check draws.
    other : Case, optional
        A second call, where the property asks for one.
    any_formula : bool
        Whether the subject may be written by another formula than the oracle's (`tolerance`).
    """

    entry: Operation
    oracle: Oracle | None = None
    kind: str = "signed"
    seed: int = 0
    other: Case | None = None
    any_formula: bool = False
    worst: float = 0.0
    rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        """Seed the check's generator."""
        self.rng = np.random.default_rng(self.seed)

    @property
    def reference(self) -> Oracle:
        """The oracle, which must be there."""
        if self.oracle is None:
            raise TypeError("this property needs an oracle")
        return self.oracle

    def cotangents(self, case: Case, outputs: Outputs, kind: str | None = None) -> Outputs:
        """Return a cotangent for each output of the case, of the drawn kind."""
        return tuple(
            strategies.cotangent(kind or self.kind, np.asarray(y), self.rng)
            for y in outputs[: len(case.outputs)]
        )

    def for_reference(self, subject: Runner, case: Case) -> Case:
        """Return the call as the oracle is given it: with the mask or the slopes that the subject drew."""
        if self.entry.randomness is None:
            return case
        numbers = drawn(self.entry.randomness == "slopes", subject, case)
        return replace(case.with_options(**numbers), seed=None)

    def judge(self, yardstick: Yardstick, got: Cotangents, case: Case, cotangents: Outputs = ()) -> None:
        """Raise a `Failure` where `got` is outside the yardstick's bound."""
        found = yardstick.compare(got)
        self.worst = max(self.worst, yardstick.worst)
        if found is None:
            return
        part = part_name(case, found.part, backward=bool(cotangents))
        mine = got[found.part] if found.part < len(got) else None
        true = yardstick.truth[found.part] if found.part < len(yardstick.truth) else None
        message = f"{part} {found.why}"
        if found.index is not None and found.error is not None and mine is not None and true is not None:
            place = f"[{', '.join(map(str, found.index))}]" if found.index else ""
            message = (
                f"{part}{place} is {float(mine[found.index]):.9g}, should be {float(true[found.index]):.9g} "
                f"(off by {found.error:.3g}, allowed {found.allowed:.3g}; "
                f"{found.wrong} of {mine.size} elements)"
            )
        elif found.index:
            message = f"{part}[{', '.join(map(str, found.index))}] {found.why}"
        raise Failure(
            message, case, cotangents, part, found.index, mine, true, found.error, found.allowed, found.wrong
        )


def part_name(case: Case, part: int, *, backward: bool) -> str:
    """Return the name of a result: an output's, or ``d`` and an argument's.

    Examples
    --------
    >>> case = Case("linear", {"x": None, "weight": None})
    >>> part_name(case, 0, backward=False), part_name(case, 1, backward=True)
    ('y', 'dweight')
    """
    names = tuple(f"d{slot}" for slot in case.slots) if backward else case.outputs + case.extras
    return names[part] if part < len(names) else f"result {part}"


def drawn(slopes: bool, subject: Runner, case: Case) -> dict[str, Array]:
    """Return the option that says what the subject drew for this call: its slopes, or its mask.

    What is dropped of ones becomes 0, or less (alpha dropout). Slopes are read where x is not positive: a
    layer may draw some for these elements alone.
    """
    first = case.slots[0]
    probe = np.ones_like(case[first], order="C")
    if slopes:
        probe[~(case[first] > 0)] = -1
    (y, *_) = subject.forward(case.replace(**{first: probe}))
    return {"slopes": np.where(probe < 0, -y, probe)} if slopes else {"mask": np.asarray(y > 0)}


#: What drops whole channels.
_CHANNEL_WISE = ("dropout1d", "dropout2d", "dropout3d", "feature_alpha_dropout")


def many(case: Case, value: float) -> Array:
    """Return 4,096 numbers, of each of which a random call decides apart: of whole channels, as many."""
    ndim = case[case.slots[0]].ndim
    shape = (4096,) + (1,) * (ndim - 1) if case.operation in _CHANNEL_WISE else (64, 64)
    return np.full(shape, value, dtype=case.dtype)


Check: TypeAlias = Callable[[Runner, Case, Trial], None]


def _always(_: Operation) -> bool:
    return True


@dataclass(frozen=True)
class Property:
    """One thing that must hold: a named check, and to which operations it applies.

    Parameters
    ----------
    check : callable
        ``check(subject, case, trial)``: raises a `Failure` where it does not hold, `NotApplicable` where it
        says nothing of this case, `Inconclusive` where it cannot tell.
    applies : callable
        ``applies(entry)``: whether it applies to the operation at all.
    needs_oracle : bool
        Whether it holds the subject against an oracle.
    oracle : str
        What a check that needs none handed to it brings along: "numerical".
    conventions : bool
        Whether it is about conventions, and so about PyTorch's alone (or the golden model's, which are the
        same).
    precision : bool
        Whether it is run once in float64 (logic) and once in float32 (precision), two verdicts; otherwise
        `dtypes` are drawn.
    dtypes : tuple of str
        The dtypes cases are drawn in.
    values, sizes, layouts, batched :
        Of the `Setting` that its cases are drawn in.
    needs_other : bool
        Whether a second case is drawn.
    share : float
        The share of the profile's examples it takes: less than 1 for one that runs the subject many times.
    """

    check: Check
    applies: Callable[[Operation], bool] = _always
    needs_oracle: bool = False
    oracle: str = ""
    conventions: bool = False
    precision: bool = False
    dtypes: tuple[str, ...] = ("float64",)
    values: Literal["ordinary", "calm", "extreme"] = "ordinary"
    sizes: Literal["ordinary", "edge"] = "ordinary"
    layouts: bool = True
    batched: bool = False
    needs_other: bool = False
    share: float = 1.0

    @property
    def name(self) -> str:
        """The check's name: what holds."""
        return self.check.__name__

    @property
    def words(self) -> str:
        """The name in words."""
        return self.name.replace("_", " ")

    def __call__(self, subject: Runner, case: Case, trial: Trial) -> None:
        """Run the check on one case."""
        self.check(subject, case, trial)


def holds(**options: Any) -> Callable[[Check], Property]:
    """Turn a check into a `Property` with these options."""

    def turned(check: Check) -> Property:
        return Property(check, **options)

    return turned


def of_itself(subject: Runner) -> Callable[[Case, Outputs], Cotangents]:
    """Return the subject's own outputs and cotangents as one tuple: what it is compared with elsewhere."""

    def evaluate(case: Case, cotangents: Outputs) -> Cotangents:
        return (*subject.forward(case), *subject.vjp(case, cotangents))

    return evaluate
