"""Connectionist temporal classification: the loss of labels that are not aligned with their input."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._check import check_float_array, check_integer, check_integer_array, refuse, refuse_type
from ._ctc_scaled import scan_scaled
from ._loss_reduction import check_reduction, reduce_losses, reduce_pullback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .._types import Array, Cotangents, Pullback, Scalar


def ctc_loss(
    log_probs: Array,
    targets: Array,
    input_lengths: Array | Sequence[int],
    target_lengths: Array | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> tuple[Array | Scalar, Pullback]:
    """Minus the log-probability of label sequences, summed over all their alignments with the input.

    Parameters
    ----------
    log_probs : ndarray, shape (T, N, C) or (T, C)
        Log-probabilities of the classes at each time, as `log_softmax` gives them.
    targets : ndarray of any integer dtype, shape (N, S) or (sum of target_lengths,)
        The labels, none of them blank: one sequence a row, filled up with anything; or one after the other.
    input_lengths, target_lengths : ndarray of integers or sequence of int, shape (N,), or () or (1,)
        How many times and how many labels of each sequence count.
    blank : int, default 0
        The class that stands for no label.
    reduction : {'mean', 'sum', 'none'}, default 'mean'
        'mean' divides each loss by its number of labels (by 1 where there are none) and takes the mean over
        the batch.
    zero_infinity : bool, default False
        Whether a loss that is infinite, because the input is too short for its labels, and its derivative are
        taken to be 0.

    Returns
    -------
    y : float of the dtype of `log_probs`, or ndarray of shape (N,) or () for reduction 'none'
    pullback : callable
        ``pullback(dy=1.0, needs_input_grad=(True, True, True, True)) -> (dlog_probs, None, None, None)``.

    Raises
    ------
    TypeError
        `log_probs` is not an array of floats, or `targets` or the lengths are not integers.
    ValueError
        The shapes do not fit, `log_probs` is empty, a length is negative or longer than there is, a label is
        blank or no class, `blank` is no class, or `reduction` is not one of the three.

    Notes
    -----
    Forward: with the labels l of a sequence set apart by blanks, ``l' = (blank, l_1, blank, ..., blank)``,
    and ``z_s(t) = log_probs[t, l'_s]``, in log space

    ``alpha_s(t) = z_s(t) + log(exp alpha_s(t-1) + exp alpha_{s-1}(t-1) + exp alpha_{s-2}(t-1))``,

    the last term only where l'_s is neither blank nor l'_{s-2}; the loss is minus the log of the sum of the
    last two ``exp alpha_s`` at the last time.

    Backward: ``dlog_probs[t, c] = dl (exp(log_probs[t, c]) - g[t, c])``, where g is the probability, given
    the labels, of being at c at time t: the sum over the s of ``l'_s = c`` of
    ``exp(alpha_s(t) + beta_s(t) + l)``, beta being the same sum over what follows. ``dl`` is dy, or dy by the
    divisors of the mean. Times beyond an input's length have 0.

    The first term, PyTorch's convention, is the derivative by the logits of which `log_probs` is the log
    softmax; it does not change what comes out behind `log_softmax`, whose pullback takes it out. For
    `log_probs` that are no log-probabilities the derivative is therefore not that of the value.

    An infinite loss has the derivative NaN, as has a log-probability of minus infinity; at times beyond the
    length it is 0.

    References
    ----------
    Graves, Fernández, Gomez and Schmidhuber, "Connectionist Temporal Classification: Labelling Unsegmented
    Sequence Data with Recurrent Neural Networks" (2006), equations 5 to 16.

    Examples
    --------
    >>> import numpy as np
    >>> log_probs = np.log(np.full((2, 1, 2), 0.5))
    >>> y, pullback = ctc_loss(log_probs, np.array([[1]]), [2], [1])
    >>> round(float(np.exp(-y)), 6)  # blank 1, 1 blank and 1 1: three of four paths
    0.75
    >>> pullback()[0].round(4).tolist()
    [[[0.1667, -0.1667]], [[0.1667, -0.1667]]]
    """
    check_float_array("ctc_loss", "log_probs", log_probs)
    check_reduction("ctc_loss", reduction)
    labels, times, counts = _read(log_probs, targets, input_lengths, target_lengths, blank)
    number = log_probs.dtype.type
    frames = log_probs if log_probs.ndim == 3 else log_probs[:, None]
    beyond = np.arange(frames.shape[0])[:, None] >= times
    shape = log_probs.shape[1:-1]
    mean = reduction == "mean"
    with np.errstate(all="ignore"):
        scaled = scan_scaled(frames, labels, counts, beyond, blank)
        # Where that would lose digits to underflow, logarithms do not.
        losses, slopes = _scan_logarithms(frames, labels, times, counts, blank) if scaled is None else scaled
        infinite = losses == np.inf
        kept = np.where(infinite, number(0), losses) if zero_infinity else losses
        divisors = np.maximum(counts, 1).astype(log_probs.dtype)
        y = reduce_losses((kept / divisors if mean else kept).reshape(shape), reduction, number(len(times)))

    def pullback(
        dy: Array | float = 1.0, needs_input_grad: tuple[bool, bool, bool, bool] = (True, True, True, True)
    ) -> Cotangents:
        dlosses = reduce_pullback("ctc_loss", dy, shape, log_probs.dtype, reduction, number(len(times)))
        if not needs_input_grad[0]:
            return None, None, None, None
        with np.errstate(all="ignore"):
            if mean:
                dlosses = dlosses / divisors
            dframes = slopes()
            # PyTorch's own difference of logarithms has no value there. The minimum but for NaN, elsewhere.
            if np.fmin.reduce(frames, axis=None) == -np.inf:
                dframes[np.isneginf(frames)] = np.nan
            if scaled is None:
                dframes[:, infinite] = np.nan
            np.multiply(dframes, dlosses.reshape(-1, 1), out=dframes)
            dframes[beyond] = 0
            if zero_infinity:
                dframes[:, infinite] = 0
        return np.ascontiguousarray(dframes).reshape(log_probs.shape), None, None, None

    return y, pullback


def _read(
    log_probs: Array, targets: Array, input_lengths: Any, target_lengths: Any, blank: int
) -> tuple[Array, Array, Array]:
    """Return the labels (N, S), filled up with blanks, and the lengths, all checked."""
    function = "ctc_loss"
    if log_probs.ndim not in (2, 3) or log_probs.size == 0:
        raise refuse(function, "log_probs must be (T, N, C) or (T, C), and not empty", log_probs=log_probs)
    n_times, n_classes = log_probs.shape[0], log_probs.shape[-1]
    n = log_probs.shape[1] if log_probs.ndim == 3 else 1
    blank = check_integer(function, "blank", blank)
    if not 0 <= blank < n_classes:
        raise refuse(function, f"blank must be a class, in [0, {n_classes - 1}]", blank=blank)
    check_integer_array(function, "targets", targets)
    times, all_times = _lengths("input_lengths", input_lengths, n, log_probs.ndim == 2)
    counts, all_counts = _lengths("target_lengths", target_lengths, n, log_probs.ndim == 2)
    if max(all_times) > n_times:
        raise refuse(
            function, f"no input is longer than the {n_times} times of log_probs", input_lengths=input_lengths
        )
    longest, total = max(all_counts), sum(all_counts)
    inside = np.arange(longest) < counts[:, None]
    if targets.ndim == 2:
        if targets.shape[0] != n or targets.shape[1] < longest:
            raise refuse(
                function, f"targets must hold {n} rows of at least {longest} labels, the longest of them",
                targets=targets,
            )  # fmt: skip
        labels = np.where(inside, targets[:, :longest].astype(np.intp), blank)
    elif targets.shape == (total,):
        labels = np.full((n, longest), blank, np.intp)
        labels[inside] = targets
    else:
        raise refuse(
            function, f"targets must hold a row for each sequence, or {total} labels in all", targets=targets
        )
    # A negative label is a large one without its sign.
    if np.count_nonzero(labels != blank) < total or (total and labels.view(np.uintp).max() >= n_classes):
        counted = labels[inside]
        wrong = (counted < 0) | (counted >= n_classes) | (counted == blank)
        raise refuse(
            function, f"every label must be a class in [0, {n_classes - 1}] other than blank",
            label=int(counted[np.argmax(wrong)]), blank=blank,
        )  # fmt: skip
    return labels, times, counts


def _lengths(name: str, lengths: Any, n: int, single: bool) -> tuple[Array, list[int]]:
    """Return the lengths, as an array and as a list, checked."""
    if single and isinstance(lengths, int | np.integer):
        lengths = [lengths]
    if isinstance(lengths, np.ndarray):
        check_integer_array("ctc_loss", name, lengths)
        found = lengths.astype(np.intp)
    elif isinstance(lengths, list | tuple):
        found = np.array([check_integer("ctc_loss", name, length) for length in lengths], np.intp)
    else:
        raise refuse_type("ctc_loss", f"{name} must be an array or a sequence of integers", **{name: lengths})
    if found.shape != (n,) and not (single and found.shape == ()):
        raise refuse("ctc_loss", f"{name} must hold {n} lengths, one a sequence", **{name: lengths})
    found = found.reshape(-1)
    numbers: list[int] = found.tolist()
    if min(numbers) < 0:
        raise refuse("ctc_loss", f"no length in {name} may be negative", **{f"min({name})": min(numbers)})
    return found, numbers


def _path(labels: Array, blank: int) -> Array:
    """Return the labels set apart by blanks, (N, 2 S + 1)."""
    n, longest = labels.shape
    path = np.full((n, 2 * longest + 1), blank, np.intp)
    path[:, 1::2] = labels
    return path


def _skips(path: Array) -> Array:
    """Return 0 where the state before one may be left out, minus infinity elsewhere.

    That is so between two labels that differ; every other state is a blank, as is the one two before it.
    """
    allowed = np.zeros(path.shape, bool)
    allowed[:, 2:] = path[:, 2:] != path[:, :-2]
    return np.where(allowed, 0.0, -np.inf)


def _scan_logarithms(
    frames: Array, labels: Array, times: Array, counts: Array, blank: int
) -> tuple[Array, Callable[[], Array]]:
    """Return the losses, and what finds ``exp(frames) - g``, in log space.

    `_ctc_scaled.scan_scaled` must equal it.
    """
    path = _path(labels, blank)
    emitted = np.take_along_axis(frames, np.broadcast_to(path, (frames.shape[0], *path.shape)), axis=2)
    skips = _skips(path)
    alpha = _alphas(emitted, skips)

    def slopes() -> Array:
        # Divided by their own sum, not by the probability of the labels, which has lost digits by then.
        both = alpha + _betas(emitted, skips, times, counts)
        at = np.exp(both - np.maximum.reduce(both, axis=2, keepdims=True))
        at /= np.add.reduce(at, axis=2, keepdims=True)
        classes = (path[:, :, None] == np.arange(frames.shape[2])).astype(frames.dtype)
        slopes: Array = np.exp(frames)
        slopes -= np.matmul(at.transpose(1, 0, 2), classes).transpose(1, 0, 2)
        return slopes

    return -_last(alpha, times, counts), slopes


def _alphas(emitted: Array, skips: Array) -> Array:
    """Return the log-probabilities of all beginnings: alpha[t, n, s] includes what is emitted at t."""
    skips = skips.astype(emitted.dtype)
    alpha = np.full(emitted.shape, -np.inf, emitted.dtype)
    alpha[0, :, :2] = emitted[0, :, :2]
    for t in range(1, emitted.shape[0]):
        before, now = alpha[t - 1], alpha[t]
        now[...] = before
        now[:, 1:] = np.logaddexp(now[:, 1:], before[:, :-1])
        now[:, 2:] = np.logaddexp(now[:, 2:], before[:, :-2] + skips[:, 2:])
        now += emitted[t]
    return alpha


def _betas(emitted: Array, skips: Array, times: Array, counts: Array) -> Array:
    """Return the log-probabilities of all endings: beta[t, n, s] is of what is emitted after t."""
    skips = skips.astype(emitted.dtype)
    rows = np.arange(len(counts))
    beta = np.full(emitted.shape, -np.inf, emitted.dtype)
    last = np.full(emitted.shape[1:], -np.inf, emitted.dtype)
    last[rows, 2 * counts] = 0
    last[rows, np.maximum(2 * counts - 1, 0)] = 0
    for t in range(emitted.shape[0] - 1, -1, -1):
        now = beta[t]
        if t + 1 < emitted.shape[0]:
            after = beta[t + 1] + emitted[t + 1]
            now[...] = after
            now[:, :-1] = np.logaddexp(now[:, :-1], after[:, 1:])
            now[:, :-2] = np.logaddexp(now[:, :-2], after[:, 2:] + skips[:, 2:])
        ends = times == t + 1
        now[ends] = last[ends]
    return beta


def _last(alpha: Array, times: Array, counts: Array) -> Array:
    """Return each sequence's log-probability: at its last time, its last label or the blank behind."""
    rows, t = np.arange(len(counts)), np.maximum(times - 1, 0)
    behind = alpha[t, rows, 2 * counts]
    label = np.where(counts > 0, alpha[t, rows, np.maximum(2 * counts - 1, 0)], -np.inf)
    found = np.logaddexp(behind, label.astype(alpha.dtype))
    # Without any input, no labels are certain and any are impossible.
    nothing = np.where(counts == 0, 0.0, -np.inf).astype(alpha.dtype)
    return np.where(times == 0, nothing, found)
