"""Which form a thing has: found by trying, on its forward pass alone."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..properties.protocol import many
from ..references.protocol import CHANNEL, COLUMN, PIXEL, ROW, SHAPES, Form, Kind
from . import names
from .features import RANKS, everything
from .frameworks import of_a_framework
from .functions import FunctionDriver, ValueDriver
from .objects import Misfit, ObjectDriver
from .probing import PROBES, Fit, close, gradients, probe, runs, slope
from .protocol import Cannot
from .runner import Subject, canonical, runner_of
from .settling import settle
from .tensors import uses_torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..case import Case
    from ..references.protocol import Measured
    from .protocol import Candidate, Driver

#: The book's classes, whose biases are vectors: a gradient of another shape is no choice of theirs.
_VECTORS = ("Affine", "Convolution", "BatchNormalization", "TimeAffine")


def fit(candidate: Candidate, beat: Callable[[], None] = lambda: None) -> Subject:
    """Find out how a thing wants its arrays and which conventions it follows.

    Raises
    ------
    Cannot
        It cannot be driven as any of the kinds it may be.
    """
    from ..references import kinds

    best: tuple[int, int, Subject] | None = None
    several = len(candidate.kinds) > 1
    refused: Cannot | None = None
    for name in candidate.kinds:
        if name not in kinds():
            refused = refused or Cannot(f"there is no reference for {name}")
            continue
        kind = kinds()[name]
        try:
            found = _fit_kind(candidate, kind, beat)
        except Cannot as why:
            if why.whatever:
                raise
            refused = refused or why
            continue
        # Where no value is right, the gradients may tell what it is meant to be.
        right = _gradients_right(found[1]) if several and found[0] == 2 else 0
        if best is None or (found[0], right) > best[:2]:
            best = (found[0], right, found[1])
        if found[0] == 4:
            break
    if best is None:
        raise refused or Cannot("nothing it may be is known")
    score, _, subject = best
    return settle(subject, score)


def _fit_kind(candidate: Candidate, kind: Kind, beat: Callable[[], None]) -> tuple[int, Subject]:
    if candidate.in_tensors is None:
        return _fit_driver(candidate, kind, candidate.drive(kind), beat)
    first: Cannot | None = None
    second: Cannot | None = None
    try:
        found = _fit_driver(candidate, kind, candidate.drive(kind), beat)
        if runs(found[1]):
            return found
    except Cannot as why:
        first = why
    score = 0
    try:
        score, subject = _fit_driver(candidate, kind, candidate.in_tensors(kind), beat)
    except Cannot as why:
        second = why
    if score:
        subject.notes.append("it is handed tensors")
        return score, subject
    if first is not None:
        raise second or first
    return found


def _fit_driver(
    candidate: Candidate, kind: Kind, driver: Driver, beat: Callable[[], None]
) -> tuple[int, Subject]:
    forms = _compatible(kind, driver, strict=candidate.strict and not of_a_framework(driver))
    if not forms:
        missing = f": no {', '.join(sorted(driver.absent))}" if driver.absent else ""
        raise Cannot(f"its arguments are not those of {kind.name}{missing}")
    score, chosen, error, none = _best(candidate, kind, driver, forms, beat)
    if score == 0 and isinstance(driver, FunctionDriver) and driver.exchange():
        found = _best(candidate, kind, driver, forms, beat)
        if found[0] > 0:
            score, chosen, error, none = found
        else:
            driver.exchange()
    if isinstance(driver, ValueDriver) and not driver.fused and score and not candidate.strict:
        candidate.strict = True  # values and pullbacks promise PyTorch's conventions
        forms = _compatible(kind, driver, strict=True)
        score, chosen, error, none = _best(candidate, kind, driver, forms, beat)
    if none:
        raise Cannot("its forward pass returns None: not written yet", "fill it in")
    if score == 0 and isinstance(error, NotImplementedError):
        raise Cannot("its forward pass raises NotImplementedError: not written yet", "fill it in")
    if isinstance(driver, ObjectDriver | FunctionDriver) and score == 0 and error and _wants_pairs(error):
        driver.pairs = True
        score, chosen, error, none = _best(candidate, kind, driver, forms, beat)
    if kind.tried and score < 4:
        said = f"it raises {type(error).__name__}: {error}" if error else "it gives another value"
        raise Cannot(f"taken for {kind.name}, {said} in all that was tried: {kind.tried}", whatever=True)
    if kind.tried:
        _has_a_gradient_of_each(_subject(candidate, kind, driver, chosen, beat))
    if (
        score == 0
        and isinstance(driver, ObjectDriver)
        and error is not None
        and driver.may_be_misdriven(error)
    ):
        raise Cannot(
            f"taken for {kind.name}, it raises {type(error).__name__} on every call that was tried: {error}",
            "give its constructor the usual arguments, with defaults; let forward(x) do without set-up",
        )
    if score == 0 and isinstance(driver, ObjectDriver) and error is not None:
        _computes_with_arrays(driver, error)
    if 0 < score < 3 and names.says_little(candidate.name):
        raise Cannot(f"taken for {kind.name}, it gives another value: several operations go by this name")
    if score == 1:
        _is_no_other(_subject(candidate, kind, driver, chosen, beat))
    guessed = getattr(getattr(driver, "_new", None), "guessed", "")
    if score < 2 and guessed:
        said = f": handed {kind.params[0]}, it raises {type(error).__name__}: {error}" if error else ""
        raise Cannot(
            f"its constructor's argument {guessed!r} is not known{said}",
            f"call its arguments by the usual names ({', '.join(kind.params)}), or sizes",
        )
    if score == 0 and error is not None and names.may_be_of_two_classes(candidate.name):
        raise Cannot(
            f"taken for {kind.name}, it raises {type(error).__name__} on every call that was tried: {error}; "
            "a hinge loss of two classes, with targets -1 and 1, is not known",
        )
    _chosen_is_known(driver, score, error)
    if score == 0 and error is not None and _is_handed_another_s(driver, error):
        raise Cannot(
            f"taken for {kind.name}, it raises {type(error).__name__} on every call that was tried: {error}",
            "take the usual arguments, by their usual names, with arrays in a usual layout",
        )
    if kind.name == "flatten" and score < 4 and "reshape" in names.plain(candidate.name):
        raise Cannot("into which shape it reshapes is not known", "give its constructor's shape a default")
    if score >= 2:
        score, chosen = _measured(candidate, kind, driver, (score, chosen), beat)
    if score == 3:
        score, chosen = _of_another_state(candidate, kind, driver, forms, chosen, beat)
    if kind.random and score >= 2:
        chosen = _random_form(candidate, kind, driver, forms, chosen, beat)
    return score, _subject(candidate, kind, driver, chosen, beat)


def _has_a_gradient_of_each(subject: Subject) -> None:
    """Raise `Cannot` where one gradient is given for several inputs: it may be their sum."""
    first, *others = subject.kind.inputs
    grads, _ = gradients(subject, probe(subject, 1))
    if others and grads is not None and first in grads and not any(slot in grads for slot in others):
        raise Cannot(
            f"taken for {subject.kind.name}, its backward pass gives one gradient for {first}, "
            f"{' and '.join(others)}: which is not known",
            f"return the gradients of {first}, {' and '.join(others)}",
            whatever=True,
        )


def _computes_with_arrays(driver: ObjectDriver, error: BaseException) -> None:
    """Raise `Cannot` where a class that never runs is of a file of tensors."""
    if uses_torch(driver.forward):
        raise Cannot(
            f"handed arrays, it raises {type(error).__name__} on every call that was tried, and its file has "
            f"torch: {error}",
            "write it for NumPy's arrays, or as a torch.autograd.Function",
            whatever=True,
        )


def _is_no_other(subject: Subject) -> None:
    """Raise `Cannot` where the shape of what a thing gives shows it to be another one of the name."""
    for seed in range(PROBES):
        case = probe(subject, seed)
        found = Fit(subject, case)
        if found.score and isinstance(found.got[0], np.ndarray):
            given = case[case.slots[0]].shape
            what = subject.kind.another(found.got[0].shape, given)
            if what:
                raise Cannot(
                    f"taken for {subject.kind.name}, it gives {what}: {found.got[0].shape} of two arrays "
                    f"{given}; another one of this name"
                )


def _is_handed_another_s(driver: Driver, error: BaseException) -> bool:
    """Return whether a function that raises on every call is rather handed what is not for it.

    One whose forward pass never runs would have been no use to whoever wrote it: it wants other arguments,
    and says so as Python does, or as its framework does. Any other error is its own, whatever it is handed.
    """
    misfits = (TypeError, ValueError, LookupError, AttributeError, AssertionError)
    misfit = isinstance(error, misfits) or (isinstance(error, RuntimeError) and of_a_framework(driver))
    return misfit and not isinstance(driver, ObjectDriver)


def _measured(
    candidate: Candidate, kind: Kind, driver: Driver, found: tuple[int, Form], beat: Callable[[], None]
) -> tuple[int, Form]:
    """Return the score and the form with the numbers that the layer's own formula has, where these fit."""
    said: set[str] = set()
    for option, how in kind.measured.items():
        if option in driver.takes or said & {*how.form(0.5).conventions}:
            continue
        score, form = found
        names_of = {key for v in how.variants for key in v.options} | {option}
        words_of = {key for v in (*how.variants, how.form(0.5)) for key in v.conventions}
        plain = replace(
            form,
            options={k: v for k, v in form.options.items() if k not in names_of},
            conventions={k: w for k, w in form.conventions.items() if k not in words_of},
        )
        for variant in how.variants:
            subject = _subject(candidate, kind, driver, plain + variant, beat)
            case = _telling(subject, how)
            number = _number(subject, case, option)
            if number is None:
                continue
            own = _subject(candidate, kind, driver, plain + variant + how.form(number), beat)
            telling = (
                Fit(own, case).score,
                Fit(own, _telling(own, how, 30.0)).score,
            )
            again = min(Fit(own, probe(own, seed)).score for seed in range(PROBES))
            if min(telling) >= 3 and again >= max(score, 3):
                found = again, own.form
                said |= {*how.form(number).conventions}
                break
    return found


def _of_another_state(
    candidate: Candidate, kind: Kind, driver: Driver, forms: Sequence[Form], chosen: Form,
    beat: Callable[[], None],
) -> tuple[int, Form]:  # fmt: skip
    """Return the form that keeps its state in another way, with the measured numbers, if one fits."""
    measured = [kind.measured[k].form(v) for k, v in chosen.options.items() if k in kind.measured]
    numbers = {k: v for form in measured for k, v in form.options.items()}
    words = {k: v for form in measured for k, v in form.conventions.items()}
    for form in forms:
        if form.layouts != chosen.layouts or form.options.get("rank") != chosen.options.get("rank"):
            continue
        own = replace(form, options={**form.options, **numbers}, conventions={**form.conventions, **words})
        subject = _subject(candidate, kind, driver, own, beat)
        if all(Fit(subject, probe(subject, seed)).score == 4 for seed in range(PROBES)):
            return 4, own
    return 3, chosen


def _telling(subject: Subject, how: Measured, times: float = 1.0) -> Case:
    """Return a call that shows a number of the formula, with nothing else in the way."""
    case = probe(subject, 1)
    first = case.slots[0]
    changed = {first: times * how.telling(case[first])}
    changed |= {name: turn(case[name]) for name, turn in how.beside.items() if name in case.given}
    changed |= {s: np.full_like(case[s], s == "weight") for s in ("weight", "bias") if s in case.given}
    case = case.replace(**changed)
    if "training" in case.options:
        case = replace(case, options={**case.options, "training": True})
    return case


def _number(subject: Subject, case: Case, option: str) -> float | None:
    """Return the value of an option with which the reference gives as much as the thing, or None."""
    fit = Fit(subject, case)
    if fit.error is not None or not fit.got or not isinstance(fit.got[0], np.ndarray):
        return None
    arrays, options = canonical(subject, case)

    def size(y: Any) -> float:
        """Return a number that grows or falls with the option: a loss may become negative."""
        return float(y.sum() if subject.kind.loss else np.abs(y).sum())

    def total(value: float) -> float:
        with np.errstate(all="ignore"):
            return size(subject.kind.forward(arrays, {**options, option: value})[0])

    wanted = size(fit.got[0])

    low, high = -20.0, 2.0
    ends = total(10.0**low), total(10.0**high)
    if not min(ends) <= wanted <= max(ends):
        return 0.0 if np.isclose(wanted, total(0.0), 1e-6) else None
    rising = ends[1] > ends[0]
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (low, middle) if (total(10.0**middle) > wanted) == rising else (middle, high)
    return float(f"{10.0 ** ((low + high) / 2):.6g}")


def _chosen_is_known(driver: Driver, score: int, error: BaseException | None) -> None:
    """Raise `Cannot` where a thing that is told its activation does not know what it was told."""
    chosen = getattr(driver, "chosen", "")
    if not chosen:
        return
    said = f": {type(error).__name__}: {error}" if error is not None else ""
    if score < 4 if isinstance(driver, ObjectDriver) else _of_a_string(error):
        raise Cannot(
            f"its argument {chosen!r} is not known{said}",
            f"give {chosen!r} a default, with which it is what its name says",
        )


def _of_a_string(error: BaseException | None) -> bool:
    return isinstance(error, AttributeError | TypeError) and "'str' object" in str(error)


def _wants_pairs(error: BaseException) -> bool:
    words = ("unpack", "subscriptable", "not iterable", "has no len", "inhomogeneous", "an iterable")
    return isinstance(error, TypeError | ValueError) and any(w in str(error) for w in words)


def _subject(
    candidate: Candidate, kind: Kind, driver: Driver, form: Form, beat: Callable[[], None]
) -> Subject:
    return Subject(candidate.name, kind, driver, form, strict=candidate.strict, beat=beat)


def _compatible(kind: Kind, driver: Driver, *, strict: bool) -> list[Form]:
    found = []
    optional = {"bias", "bias_hh", "mask", "running_mean", "running_var", "h", "c", *kind.state,
                "offsets", "per_sample_weights", *kind.may_lack}  # fmt: skip
    optional |= {*kind.params} if kind.plain else {*kind.params} - {*kind.learnt}
    if not driver.takes.issuperset(kind.needs):
        missing = sorted({*kind.needs} - driver.takes)
        raise Cannot(f"taken for {kind.name}, it takes no {', '.join(missing)}", "take PyTorch's arguments")
    if any(slot not in optional for slot in driver.absent):
        raise Cannot(
            f"taken for {kind.name}, it has no {', '.join(sorted(driver.absent - optional))}"
            + (f"; tried: {kind.tried}" if kind.tried else ""),
            f"call its parameters by the usual names ({_usual(kind)}), or say --like NAME=operation",
        )
    for option, value in kind.defaults.items():
        if value is inspect.Parameter.empty and option not in driver.takes:
            raise Cannot(f"taken for {kind.name}, it is told no {option}", f"let it be made with {option}")
    by_default = isinstance(driver, ObjectDriver) and driver.counts_by_default
    for form in kind.forms(strict and not _declared(kind, driver)):
        if form.options.get("several") and by_default:  # one slope must do as well
            continue
        if all(slot in driver.absent for slot in form.absent):
            found.append(form + Form(absent=driver.absent))
    return found


def _declared(kind: Kind, driver: Driver) -> bool:
    """Return whether a GELU that has no option for it says in its own words that it is an approximate one."""
    if kind.name != "gelu" or "approximate" in driver.takes:
        return False
    return isinstance(driver, ValueDriver) and driver.says("approximat")


def _usual(kind: Kind) -> str:
    """Return what a kind's parameters are usually called."""
    return "W, b; gamma, beta" if {*kind.params} <= {"weight", "bias"} else ", ".join(kind.params)


def _best(
    candidate: Candidate, kind: Kind, driver: Driver, forms: Sequence[Form], beat: Callable[[], None]
) -> tuple[int, Form, BaseException | None, bool]:
    """Return the best score, the form that has it, and what the first one raised."""
    best, total, chosen = -1, -1, forms[0]
    error: BaseException | None = None
    none = ran = False
    misfit: Misfit | None = None
    takes_batches: bool | None = None
    perfect: list[Form] = []
    as_good: list[Form] = []
    vectors = candidate.name in _VECTORS and not (isinstance(driver, ObjectDriver) and driver.sized)
    for form in forms:
        if perfect and not _worth(form, perfect):
            continue
        if form.options.get("otherwise") and best >= 3:
            continue  # what gives the right value in a usual form is of that form, whatever else it does
        if form.options.get("alone") and takes_batches is None:
            takes_batches = any(
                _takes_batches(_subject(candidate, kind, driver, f, beat))
                for f in (perfect or forms)
                if not f.options.get("alone")
            )
        if form.options.get("alone") and takes_batches:
            continue  # one sample alone, only where nothing with a batch gets through both passes
        if vectors and any(form.layout(k) in (ROW, COLUMN, PIXEL, CHANNEL) for k in ("weight", "bias")):
            continue
        subject = _subject(candidate, kind, driver, form, beat)
        scores = []
        for seed in range(PROBES):
            found = Fit(subject, probe(subject, seed))
            scores.append(found.score)
            if isinstance(found.error, Misfit):
                scores[-1] = -1
                misfit = misfit or found.error
                break
            if found.error is None:
                ran = True
            if error is None or _of_a_string(found.error):
                error = found.error or error
            if found.score and found.got and found.got[0] is None:
                none = True
            if min(scores) < best or (min(scores) == 0 and len(scores) == 1):
                break
        score = min(scores)
        if (score, sum(scores)) > (best, total):
            best, total, chosen = score, sum(scores), form
            as_good = []
        if score == 2 and (score, sum(scores)) == (best, total):
            as_good.append(form)
        if score == 4:
            perfect.append(form)
            if len(perfect) >= 12:
                break
    ran_into = kind.tried and error is not None  # a form of the right shapes: what it raises says more
    if best <= 0 and misfit is not None and not getattr(driver, "chosen", "") and not ran_into:
        raise Cannot(
            f"taken for {kind.name}: {misfit}", "say --like NAME=operation if it is meant to be another"
        )
    if best == 2 and kind.loss and len(as_good) > 1:
        chosen = max(as_good[:24], key=lambda f: _gradients_right(_subject(candidate, kind, driver, f, beat)))
    if getattr(driver, "outgrown", False):
        perfect = [form for form in perfect if form.options.get("alone")] or perfect
        chosen = perfect[0] if perfect else chosen
    of_batches = [form for form in perfect if "samples" not in form.options]
    if 0 < len(of_batches) < len(perfect) and any(
        _sums_over_samples(_subject(candidate, kind, driver, form, beat)) for form in of_batches
    ):
        # A slip of the sum does not make it one for a sample alone.
        perfect, chosen = of_batches, of_batches[0]
    if len(perfect) > 1:
        subjects = [(f, _subject(candidate, kind, driver, f, beat)) for f in perfect]
        alone = all(form.options.get("alone") for form in perfect)
        # One for samples over time may be right for these alone, and its gradients' shapes do not tell.
        ranks = len({f.options.get("rank") for f in perfect}) > 1 and not candidate.strict
        best_of = max(
            subjects,
            key=lambda pair: (
                _gradients_fit(pair[1]),
                ranks and _all_slopes(pair[1]),
                (_slopes if alone else _ranks_done)(pair[1]),
            ),
        )
        chosen = best_of[0]
    if chosen.options.get("alone") and getattr(driver, "outgrown", False):
        chosen += Form(conventions=_ONE_COLUMN)
    return best, chosen, None if ran else error, none and best <= 1


def _worth(form: Form, perfect: list[Form]) -> bool:
    """Return whether a form is worth trying once another fits: where x differs, of the same options."""
    first = perfect[0]
    same = {k: v for k, v in form.options.items() if k not in SHAPES}
    return same == {k: v for k, v in first.options.items() if k not in SHAPES}


def _gradients_fit(subject: Subject) -> int:
    """Return on how many calls every gradient has its argument's shape: what forward's broadcasting hides."""
    right = 0
    for seed in range(4):
        case = probe(subject, seed)
        grads, error = gradients(subject, case)
        right += error is None and bool(grads) and all(
            isinstance(g, np.ndarray) and s in case.given and g.shape == case[s].shape
            for s, g in (grads or {}).items()
        )  # fmt: skip
    return right


def _sums_over_samples(subject: Subject) -> bool:
    """Return whether, of several samples, a parameter's gradient mostly has the parameter's shape."""
    right = 0
    for seed in range(4):
        case = probe(subject, seed)
        grads, error = gradients(subject, case)
        own = {s: g for s, g in (grads or {}).items() if s in subject.kind.params and s in case.given}
        right += error is None and any(np.shape(g) == case[s].shape for s, g in own.items())
    return right >= 3


def _gradients_right(subject: Subject) -> int:
    """Return on how many calls the gradient of the first slot is the reference's."""
    from .runner import Reference

    right = 0
    for seed in range(3):
        case = probe(subject, seed)
        try:
            with np.errstate(all="ignore"):
                dys = tuple(np.ones(y.shape) for y in subject.outputs(subject.start(case), case))
                got = runner_of(subject).vjp(case, dys[: len(case.outputs)])[0]
                wanted = Reference("torch", subject).vjp(case, dys[: len(case.outputs)])[0]
        except (Exception, SystemExit):  # it does not run so, or there is no PyTorch here
            return 0
        right += isinstance(got, np.ndarray) and wanted is not None and close(got, np.asarray(wanted))
    return right


_ONE_COLUMN = {
    "one_sample": "it takes one sample at a time, as a column (D, 1): its update makes a bias for each"
}


def _takes_batches(subject: Subject) -> bool:
    """Return whether both passes run on several samples, and a column of biases stays one when updated."""
    driver = subject.driver
    if not isinstance(driver, ObjectDriver) or subject.form.layout("bias") is not COLUMN:
        return runs(subject)
    driver.outgrown = False
    return runs(subject) and not driver.outgrown


def _slopes(subject: Subject) -> int:
    """Return on how many calls dx is the slope along a direction."""
    right = 0
    for seed in range(3):
        case = probe(subject, seed)
        first = case.slots[0]
        rng = np.random.default_rng(7)
        grads, error = gradients(subject, case)
        got = (grads or {}).get(first)
        if error is not None or not isinstance(got, np.ndarray) or got.shape != case[first].shape:
            continue
        try:
            dy = [rng.normal(size=y.shape) for y in subject.outputs(subject.start(case), case)]
            way = rng.normal(size=case[first].shape)
            up, down = (
                subject.outputs(subject.start(case.replace(**{first: case[first] + s * way})), case)
                for s in (1e-6, -1e-6)
            )
        except (Exception, SystemExit):
            continue
        true = sum(float(((u - d) * g).sum()) for u, d, g in zip(up, down, dy, strict=False)) / 2e-6
        right += abs(float((got * way).sum()) - true) <= 1e-5 * max(abs(true), 1.0)
    return right


def _all_slopes(subject: Subject) -> bool:
    """Return whether every gradient is the slope along a direction, on each of a few calls."""
    for seed in range(3):
        case = probe(subject, seed)
        rng = np.random.default_rng(7)
        grads, error = gradients(subject, case)
        if error is not None or not grads:
            return False
        try:
            dy = tuple(rng.normal(size=y.shape) for y in subject.outputs(subject.start(case), case))
            for slot, got in grads.items():
                if slot not in case.differentiable or not isinstance(got, np.ndarray):
                    continue
                if got.shape != case[slot].shape:
                    return False
                way = rng.normal(size=got.shape)
                true = slope(runner_of(subject), case, slot, dy, way)
                if abs(float((got * way).sum()) - true) > 1e-5 * max(abs(true), 1.0):
                    return False
        except (Exception, SystemExit):
            return False
    return True


def _ranks_done(subject: Subject) -> int:
    """Return how many ranks of x a form gets right."""
    done = 0
    for feature in everything(subject.kind, subject.form, subject.driver.takes):
        if feature.startswith(RANKS):
            done += all(Fit(subject, probe(subject, seed, feature)).score >= 3 for seed in range(2))
    return done


def _random_form(
    candidate: Candidate,
    kind: Kind,
    driver: Driver,
    forms: Sequence[Form],
    chosen: Form,
    beat: Callable[[], None],
) -> Form:
    """Tell the share that is dropped from the share that is kept, by counting."""
    if "p" not in driver.takes:
        return chosen
    for form in forms:
        if form.layouts != chosen.layouts:
            continue
        subject = _subject(candidate, kind, driver, form, beat)
        case = probe(subject, 1)
        case = replace(
            case.replace(x=many(case, 1.0)), options={**case.options, "p": 0.25, "training": True}, seed=3
        )
        found = Fit(subject, case)
        if found.error is not None or found.score < 4:
            continue
        kept = float((np.asarray(found.got[0]) > 0).mean())
        if abs(kept - 0.75) < 0.1:
            return form
    return chosen
