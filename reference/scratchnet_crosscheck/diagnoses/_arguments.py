"""A parameter or an option has the value it has at first, is another's, or is not heeded at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Bench, Sample, bench, close

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence

#: What parameters and options are before anything is learnt or chosen.
FIRST = (1.0, 0.0, 0.25, 0.01)
NEUTRAL: dict[str, Any] = {
    "dilation": 1, "groups": 1, "padding_idx": None, "ignore_index": -12345, "label_smoothing": 0.0,
    "weight": None, "count_include_pad": True, "ceil_mode": False, "divisor_override": None,
}  # fmt: skip


def at(b: Bench, name: str, value: float) -> str:
    """Return in words that an option has a value, and whether it has by default."""
    subject = getattr(b.evidence.subject, "subject", None)
    default = None if subject is None else subject.kind.defaults.get(name)
    return f"{name} is {value:g}" + (", as it is by default" if default == value else "")


def only_at_initial_value(evidence: Evidence) -> tuple[str, str] | None:
    """The result is what it would be were a parameter, or an option, still at its first value."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    for slot in b.here.case.slots[1:]:
        if slot not in b.here.case.given or b.here.case[slot].dtype.kind != "f" or f"d{slot}" == b.part:
            continue
        for value in FIRST:

            def with_slot(s: Sample, slot: str = slot, value: float = value) -> Array | None:
                if slot not in s.case.given:
                    return s.truth[b.part]
                return b.gradient(
                    b.part, s.judged.replace(**{slot: np.full_like(s.case[slot], value)}), s.dys
                )

            if b.fits(with_slot) and slot == "mask" and value == 1.0:
                return (
                    "mask_left_out",
                    f"{b.part} is what it would be without the mask: it is not multiplied by it",
                )
            if b.fits(with_slot):
                return (
                    "only_at_initial_value",
                    f"{b.part} is right only where {slot} is {value:g}, as it is at first",
                )
    for name, now in b.here.case.options.items():
        power = name == "p" and "dropout" not in b.here.case.operation
        if not (power or (isinstance(now, float) and name not in ("p", "eps", *NEUTRAL))):
            continue
        for value in FIRST:

            def with_option(s: Sample, name: str = name, value: float = value) -> Array | None:
                return b.gradient(b.part, s.judged.with_options(**{name: value}), s.dys)

            if b.fits(with_option):
                return (
                    "only_at_initial_value",
                    f"{b.part} is right only where {at(b, name, value)}",
                )
    return None


def option_ignored(evidence: Evidence) -> tuple[str, str] | None:
    """The result is what it would be without an option."""
    b = bench(evidence)
    if b.here is None:
        return None
    for name in b.here.case.options:
        if name not in NEUTRAL or name == "weight":
            continue

        def without(s: Sample, name: str = name) -> Array | None:
            return b.gradient(b.part, s.judged.with_options(**{name: NEUTRAL[name]}), s.dys)

        if b.fits(without):
            return "option_ignored", f"{b.part} is what it would be without {name}"
    return None


#: Of what slides over the input: the values that an option has where it is not there.
_SLIDING = {"stride": (1, None), "padding": (0,), "dilation": (1,), "groups": (1,)}


def output_without_option(evidence: Evidence) -> tuple[str, str] | None:
    """The output is, shape and numbers, what it would be without an option."""
    b = bench(evidence)
    reference = evidence.reference
    if b.here is None or reference is None or b.part not in b.here.case.outputs:
        return None
    at = b.here.case.outputs.index(b.part)
    for name, values in _SLIDING.items():
        for value in values if name in b.here.case.options else ():

            def without(s: Sample, name: str = name, value: Any = value) -> Array | None:
                now = s.options.get("kernel_size") if value is None else value
                return np.asarray(reference.forward(s.judged.with_options(**{name: now}))[at])

            if b.fits(without):
                what = "the window's side" if value is None else f"{value}"
                return "option_ignored", f"{b.part} is what it would be with {name} {what}: it is ignored"
    return None


def option_not_heeded(evidence: Evidence) -> tuple[str, str] | None:
    """The result is wrong exactly where an option is at work."""
    b = bench(evidence)
    if b.here is None:
        return None
    for name in ("dilation", "groups", "ignore_index", "padding_idx"):
        if name in b.here.case.options and _exactly_where(b, lambda s, n=name: _at_work(s, n)):
            return "option_ignored", f"{b.part} is wrong exactly where {name} is at work: it is ignored"
    return None


def _at_work(s: Sample, name: str) -> bool:
    value = s.case.options.get(name)
    if name in ("ignore_index", "padding_idx"):
        return any(a.dtype.kind in "iu" and bool((a == value).any()) for a in s.case.given.values())
    return value not in (None, 1, (1,), (1, 1), (1, 1, 1))


def _exactly_where(b: Bench, condition: Any) -> bool:
    found = [(bool(condition(s)), off) for s, off in b.judged()]
    inside = [off for there, off in found if there]
    outside = [off for there, off in found if not there]
    return len(inside) >= 3 and len(outside) >= 3 and not any(outside) and sum(inside) >= 0.75 * len(inside)


def _mode(s: Sample) -> tuple[str, bool | None]:
    """Return the option that is the mode, and whether it is training; None where there is none."""
    name = next((n for n in ("training", "use_input_stats") if n in s.case.options), "training")
    now = s.case.options.get(name)
    return name, now if isinstance(now, bool) else None


def mode_confused(evidence: Evidence) -> tuple[str, str] | None:
    """The result is the other mode's."""
    b = bench(evidence)

    def predict(s: Sample) -> Array | None:
        name, now = _mode(s)
        return None if now is None else b.gradient(b.part, s.judged.with_options(**{name: not now}), s.dys)

    if not b.fits(predict):
        return None
    modes = {_mode(s)[1] for s, off in b.judged() if off}
    words = (
        "the evaluation formula in training" if modes == {True} else "the training formula in evaluation mode"
    )
    return "mode_confused", f"{b.part} is by {words}"


def updated_too_early(evidence: Evidence) -> tuple[str, str] | None:
    """The result is taken at the parameter that a learning rate has moved already."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    for slot in b.here.case.slots[1:]:
        if f"d{slot}" not in b.here.truth or f"d{slot}" == b.part:
            continue
        rates: list[float] = []
        for s, off in b.judged():
            if not off or not np.any(s.got[b.part]) or s.got[b.part].shape != s.truth[b.part].shape:
                continue
            rate = _rate(b, s, slot)
            if rate is None:
                rates = []
                break
            if s.got[b.part].size > 1:  # one number always fits
                rates.append(rate)
        # The rate may be another in each call.
        if len(rates) >= 3 and (min(rates) > 0 or max(rates) < 0):
            return "updated_too_early", f"{b.part} is taken at {slot} after the step that its gradient makes"
    return None


def _rate(b: Bench, s: Sample, slot: str) -> float | None:
    """Return the learning rate that `slot` has moved by, None where that does not explain the result."""
    value, step = s.case[slot], s.truth[f"d{slot}"].reshape(s.case[slot].shape)
    moved = b.gradient(b.part, s.judged.replace(**{slot: value - 0.125 * step}), s.dys)
    gap = np.asarray(s.truth[b.part] - s.got[b.part], np.float64)
    if moved is None or close(moved, s.truth[b.part]):
        return None  # it does not depend on it
    along = np.asarray(s.truth[b.part] - moved, np.float64) / 0.125
    rate = float((gap * along).sum() / (along * along).sum())
    for _ in range(3):  # exact at once where the result is linear in the parameter
        at = b.gradient(b.part, s.judged.replace(**{slot: value - rate * step}), s.dys)
        if at is None:
            return None
        if close(s.got[b.part], at):
            return rate
        if rate == 0.0:
            return None
        along = np.asarray(s.truth[b.part] - at, np.float64) / rate
        rate = float((gap * along).sum() / max(float((along * along).sum()), 1e-300))
    return None


def momentum_is_the_other_share(evidence: Evidence) -> tuple[str, str] | None:
    """The running statistics keep what they should take in, and the reverse: a convention."""
    b = bench(evidence)
    if b.here is None or "momentum" not in b.here.case.options or b.part not in b.here.case.extras:
        return None
    at = (*b.here.case.outputs, *b.here.case.extras).index(b.part)

    def predict(s: Sample) -> Array | None:
        momentum = s.case.options["momentum"]
        if not isinstance(momentum, float) or evidence.reference is None:
            return None
        return np.asarray(evidence.reference.forward(s.case.with_options(momentum=1.0 - momentum))[at])

    words = "momentum is the share that is kept, in PyTorch the share that is taken in"
    return ("convention:momentum", words) if b.fits(predict) else None
