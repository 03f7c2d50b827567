"""Explanations of a failing case, the most specific first.

`order.py` lists them in the order in which they are believed. Each predicts what comes out, and fits where it
does so on the failing case and on every other one that is drawn (`_bench.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .protocol import Diagnosis as Diagnosis
from .protocol import Evidence as Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Checks of what is done to memory and between calls: a wrong formula is no explanation of these.
_CONTRACTS = frozenset({
    "inputs_are_not_written_to", "cotangents_are_not_written_to", "results_share_no_memory",
    "cotangents_returned_are_the_callers", "repeated_calls_agree", "interleaved_calls_agree",
    "memory_layout_of_inputs_makes_no_difference", "memory_layout_of_cotangents_makes_no_difference",
    "each_cotangent_alone_is_the_same", "dtype_is_preserved", "another_seed_draws_other_numbers",
    "elements_are_dropped_as_often_as_asked", "bad_calls_are_refused",
})  # fmt: skip


#: Seconds of processor time for explaining a failure; for others once one explanation fits, for where it is
#: wrong, and for another failure of what nothing explained before.
_SECONDS, _AFTER = 2.0, 0.5


def explain(evidence: Evidence, most: int = 3) -> list[tuple[str, str]]:
    """Return the explanations that fit, as key and words, most specific first.

    What explained another failure of the same part of the same thing is tried first, and if it fits again
    nothing else is. An explanation that raises does not fit.
    """
    from ._bench import bench
    from .order import CALLS, RAISES, VALUES, WHAT, WHERE

    b = bench(evidence)
    _ = b.here  # run it before the time counts: the first call of all may be slow
    b.begin(_AFTER if evidence.part in b.calls.unexplained else _SECONDS)
    believed = b.calls.believed.setdefault(evidence.part, [])
    # Numbers were explained by it: what is done to memory, dtypes and between calls is no matter of these.
    found = [] if evidence.check in _CONTRACTS else _fitting(believed, evidence, most)
    if found:
        return found
    if b.raises:
        return _fitting(RAISES, evidence, most)
    found = _fitting(CALLS, evidence, most)
    if found or evidence.check in _CONTRACTS:
        return found
    if "_equals_" not in evidence.check:
        believed = []
    for further in (False, True):
        if further and not b.look_further():
            break
        for diagnoses in (VALUES, WHERE):
            if diagnoses is WHERE:
                b.begin(_AFTER, anew=True)
            found = _fitting(diagnoses, evidence, most, believed)
            if not found and diagnoses is VALUES and not further:
                found = _of_each_value(evidence, most)
            if found:
                return found
    b.begin(_AFTER, anew=True)
    found = _fitting(WHAT, evidence, 1, believed)
    if found:
        return found
    b.calls.unexplained.add(evidence.part)
    return []


def _of_each_value(evidence: Evidence, most: int) -> list[tuple[str, str]]:
    """Explain the wrong calls with each value of an option by themselves: each may have a slip of its own."""
    from ._bench import instead
    from ._conditions import by_value
    from .order import VALUES, WHERE

    for groups in by_value(evidence):
        found: list[tuple[str, str]] = []
        formula = False
        for where, alone in groups:
            with instead(alone) as b:
                b.begin(_SECONDS / 2, anew=True)
                said = _fitting(VALUES, alone, 1)
                formula |= bool(said)
                if not said:
                    b.begin(_AFTER, anew=True)
                    said = _fitting(WHERE, alone, 1)
            found += [(key, words if where in words else f"{words}, {where}") for key, words in said]
        if formula:
            return found[:most]
    return []


def _fitting(
    diagnoses: Sequence[Diagnosis], evidence: Evidence, most: int, believed: list[Diagnosis] | None = None
) -> list[tuple[str, str]]:
    from ._bench import bench

    found: list[tuple[str, str]] = []
    for diagnosis in diagnoses:
        if len(found) == most or bench(evidence).late:
            break
        try:
            said = diagnosis(evidence)
        except Exception:  # what is explained is broken: so may be every way of running it again
            continue
        if said is not None and said[0] not in {key for key, _ in found}:
            found.append(said)
            if believed is not None:
                believed.append(diagnosis)
            if said[0].startswith("convention:"):
                break  # what differs by convention is not called a bug as well
            bench(evidence).begin(_AFTER)
    return found
