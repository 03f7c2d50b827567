"""Entries of the losses of sequences that are not aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ..case import Case
from .losses import bad_reduction
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from .._types import Array
    from ..strategies import Draw


def _case(log_probs: Array, targets: Array, times: Array, counts: Array, **options: object) -> Case:
    arrays = {"log_probs": log_probs, "targets": targets, "input_lengths": times, "target_lengths": counts}
    defaults: dict[str, object] = {"blank": 0, "reduction": "mean", "zero_infinity": False}
    return Case("ctc_loss", arrays, {**defaults, **options}, ("log_probs",))


def _draw(d: Draw) -> Case:
    n, classes, longest = max(1, d.batch(high=3)), d.side(2, 4), d.integer(0, 3)
    n_times = d.integer(max(1, longest), longest + 4)
    blank = d.integer(0, classes - 1)
    labels = d.labels(n, longest, classes=classes - 1)
    labels += labels >= blank
    counts, times = d.labels(n, classes=longest + 1), n_times - d.labels(n, classes=2)
    logits = d.array(n_times, n, classes, plain=True).astype(np.float64)
    logits = np.clip(logits, -4, 4)
    log_probs = logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))
    targets: Array = labels
    if d.flag():  # one after the other; of one length, so that the first of them may be broadcast
        counts = np.full(n, longest)
        targets = labels[np.arange(longest) < counts[:, None]]
    options = {"blank": blank, "reduction": d.one_of("mean", "sum", "none"), "zero_infinity": d.flag()}
    if n == 1 and d.flag():
        log_probs, times, counts = log_probs[:, 0], times.reshape(()), counts.reshape(())
        targets = labels[0, : int(counts)]
    return _case(d.laid_out(log_probs.astype(d.setting.dtype)), targets, times, counts, **options)


def _tangent(case: Case, directions: dict[str, Array]) -> dict[str, Array]:
    """Return the direction along which probabilities keep adding up to 1: the derivative is that of these."""
    probabilities = np.exp(case["log_probs"])
    probabilities /= probabilities.sum(axis=-1, keepdims=True)
    step = directions["log_probs"]
    return {"log_probs": step - (probabilities * step).sum(axis=-1, keepdims=True)}


_UNIFORM = np.log(np.full((4, 2, 3), 1 / 3))
_LABELS = np.array([[1, 2], [2, 1]])
_GOOD = _case(_UNIFORM, _LABELS, np.array([4, 3]), np.array([2, 1]))
_SECOND = _GOOD.with_options(blank=1)
_ALONE = _case(_UNIFORM[:, 0], _LABELS[0], np.array(4), np.array(2))

CTC_LOSS = Operation(
    "ctc_loss",
    _draw,
    (
        *usual_refusals(_GOOD, ()),
        *bad_reduction(_GOOD, deprecated=False),
        Invalid("a blank beyond the classes", _GOOD.with_options(blank=3), (": blank must be", "blank=3")),
        Invalid("a blank of 1.5", _GOOD.with_options(blank=1.5), (": blank must", "blank=1.5"), TypeError),
        Invalid(
            "a blank label", _GOOD.replace(targets=_LABELS - 1), (": every label must", "label=0", "blank=0")
        ),
        Invalid(
            "a label beyond the classes", _GOOD.replace(targets=_LABELS + 1),
            (": every label must", "label=3"),
        ),
        Invalid(
            "a label beyond the classes, behind a good one", _SECOND.replace(targets=np.array([[0, 3]] * 2)),
            (": every label must", "label=3", "blank=1"),
        ),
        Invalid(
            "targets that are floats", _GOOD.replace(targets=_LABELS.astype(np.float64)),
            (": targets must", "float64"), TypeError,
        ),
        Invalid(
            "an input longer than there is", _GOOD.replace(input_lengths=np.array([5, 3])),
            (": no input is longer than the 4 times", "input_lengths"),
        ),
        Invalid(
            "more labels than there are", _GOOD.replace(target_lengths=np.array([3, 1])),
            (": targets must hold 2 rows of at least 3", "(2, 2)"),
        ),
        Invalid(
            "too few labels in all", _GOOD.replace(targets=np.array([1, 2])),
            (": targets must hold a row", "(2,)"),
        ),
        Invalid(
            "a negative length", _GOOD.replace(input_lengths=np.array([-1, 3])),
            ("in input_lengths may be negative", "min(input_lengths)=-1"),
        ),
        Invalid(
            "lengths of three", _GOOD.replace(target_lengths=np.ones(3, int)),
            (": target_lengths must hold 2", "(3,)"),
        ),
        Invalid(
            "one length of two sequences", _GOOD.replace(input_lengths=np.array(4)),
            (": input_lengths must hold 2", "()"),
        ),
        Invalid(
            "two lengths of one sequence", _ALONE.replace(input_lengths=np.array([4, 4])),
            (": input_lengths must hold 1", "(2,)"),
        ),
        Invalid(
            "lengths that are floats", _GOOD.replace(input_lengths=np.ones(2)),
            (": input_lengths must", "float64"), TypeError,
        ),
        Invalid(
            "a length of 1.5", _GOOD.replace(input_lengths=cast("Any", [4, 1.5])),
            (": input_lengths must", "=1.5"), TypeError,
        ),
        Invalid(
            "a length that is a bool", _ALONE.replace(target_lengths=cast("Any", True)),
            (": target_lengths must", "=True"), TypeError,
        ),
        Invalid(
            "a number for the lengths of two", _GOOD.replace(target_lengths=cast("Any", 1)),
            (": target_lengths must be an array", "=1"), TypeError,
        ),
        Invalid(
            "a length that is a string", _ALONE.replace(target_lengths=cast("Any", "2")),
            (": target_lengths must be an array", "='2'"), TypeError,
        ),
        Invalid("no time", _GOOD.replace(log_probs=_UNIFORM[:0]), (": log_probs must be", "(0, 2, 3)")),
        Invalid("no batch", _GOOD.replace(log_probs=_UNIFORM[:, :0]), (": log_probs must be", "(4, 0, 3)")),
    ),
    tangent=_tangent,
)  # fmt: skip
