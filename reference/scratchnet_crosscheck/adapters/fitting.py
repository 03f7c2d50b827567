"""Which form a thing has: found by trying, on its forward pass alone."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..failure import Failure
from ..properties.protocol import drawn, many
from ..references._conv import EVEN_SAME, WORD_SAME
from ..references._pool import AS_IF_WHOLE
from ..references.protocol import CHANNEL, COLUMN, PIXEL, ROW, Form, Kind, Sampler, Sketch
from ..strategies import Setting
from . import names
from .frameworks import of_a_framework
from .functions import FunctionDriver, ValueDriver
from .objects import Misfit, ObjectDriver
from .protocol import Cannot
from .runner import Subject, canonical, replayed, runner_of
from .unfinished import refuses

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..case import Case
    from .protocol import Candidate, Driver

PROBES = 3
_HERE = str(Path(__file__).parents[1])
#: The book's classes, whose biases are vectors: a gradient of another shape is no choice of theirs.
_VECTORS = ("Affine", "Convolution", "BatchNormalization", "TimeAffine")
_PLAIN = Setting(np.dtype(np.float64), layouts=False)

#: Features that a layer need not have: left out where it does not do them right.
_RANKS = ("an x of rank", "a vector for x", "ids of rank")
#: Features that are left out only where a layer refuses them in words.
_REFUSABLE = (
    "unequal kernel sides", "a stride other than the window's", "unequal sides",
    "a dimension other than the last",
)  # fmt: skip
#: Features that are left out where a layer raises on them, whatever it says: its argument is one number, say.
_OF_SOME = (
    "the other form of GELU",
    "unequal padding", "unequal window", "unequal stride", "unequal dilation", "unequal output_padding",
    "unequal output_size", "unequal output_ratio", "a padding of more than the kernel reaches",
    "an output_size that does not divide the sides", "unequal factors", "unequal sizes",
    "mode 'linear'", "mode 'bilinear'", "mode 'trilinear'", "mode 'max'", "a weight for each entry",
    "a dimension other than the second", "offsets", WORD_SAME,
    "mode 'reflect'", "mode 'replicate'", "mode 'circular'", "negative padding",
)  # fmt: skip
#: Options of a form that say of which shapes x is, and choose no formula.
_SHAPES = ("rank", "square", "samples", "alone")
_OPTIONAL = (
    "an empty batch", "a stride that leaves a remainder", EVEN_SAME, AS_IF_WHOLE, "ignored labels", "no bias",
    "a slope a channel", "losses not reduced",
    "weights (class_weight)", "weights (pos_weight)", "the mean over the batch alone", "a target of 0",
    "labels one after the other", "mode 'bicubic'", "mode 'nearest-exact'", "mode 'area'",
    "a fraction for scale_factor", "an even size", "an empty bag", "a side left open",
)  # fmt: skip


def _everything(kind: Kind, form: Form, takes: frozenset[str]) -> frozenset[str]:
    """Return all features that a kind's calls may have."""
    asked: set[str] = set()
    for seed in range(12):
        sketch = Sketch(Sampler(np.random.default_rng(seed), _PLAIN), form, takes)
        kind.draw(sketch)
        asked |= sketch.asked
        for feature in tuple(sketch.asked):
            inner = Sketch(Sampler(np.random.default_rng(seed), _PLAIN), form, takes, feature)
            kind.draw(inner)
            asked |= inner.asked
    return frozenset(asked)


def _probe(subject: Subject, seed: int, forced: str = "") -> Case:
    """Return a call to try: of several that are drawn the one whose sides tell most."""
    cases = [
        subject.case(Sampler(np.random.default_rng(4 * seed + k), _PLAIN), forced or "nothing")
        for k in range(4)
    ]
    return max(cases, key=_tells)


def _tells(case: Case) -> tuple[int, int]:
    """Return how many different sides a call has, and how many elements."""
    sides = {n for array in case.given.values() for n in array.shape if n > 1}
    return len(sides), sum(array.size for array in case.given.values())


class _Fit:
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
        if not all(_close(g, w) for g, w in zip(self.got, own, strict=True)):
            if not subject.kind.random or not _scaled_in_float32(self.got[0], own[0], case[case.slots[0]]):
                return 2
            self.single = True
        state = wanted[len(own) :]
        names = subject.kind.extras
        if state and all(n in self.started.extras for n in names):
            pairs = zip(names, state, strict=False)
            if not all(
                _close(np.asarray(self.started.extras[n]).reshape(-1), np.reshape(w, -1)) for n, w in pairs
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


def _close(got: Any, wanted: Any) -> bool:
    if got.shape != wanted.shape:
        return False
    scale = float(np.max(np.abs(wanted), initial=0.0))
    if got.dtype == np.float32:  # computed so, whatever went in
        return bool(np.all(np.abs(got - wanted) <= 2e-5 * max(scale, 1e-30)))
    return bool(
        np.all(np.abs(got - wanted) <= 2e-10 * max(scale, 1e-30)) or np.allclose(got, wanted, 1e-10, 1e-13)
    )


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
    return _settle(subject, score)


def _fit_kind(candidate: Candidate, kind: Kind, beat: Callable[[], None]) -> tuple[int, Subject]:
    if candidate.in_tensors is None:
        return _fit_driver(candidate, kind, candidate.drive(kind), beat)
    first: Cannot | None = None
    second: Cannot | None = None
    try:
        found = _fit_driver(candidate, kind, candidate.drive(kind), beat)
        if _runs(found[1]):
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
    if kind.random and score >= 2:
        chosen = _random_form(candidate, kind, driver, forms, chosen, beat)
    return score, _subject(candidate, kind, driver, chosen, beat)


def _is_no_other(subject: Subject) -> None:
    """Raise `Cannot` where the shape of what a thing gives shows it to be another one of the name."""
    for seed in range(PROBES):
        case = _probe(subject, seed)
        found = _Fit(subject, case)
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
    for option, how in kind.measured.items():
        if option in driver.takes:
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
            case = _telling(subject, how.telling)
            number = _number(subject, case, option)
            if number is None:
                continue
            own = _subject(candidate, kind, driver, plain + variant + how.form(number), beat)
            telling = (
                _Fit(own, case).score,
                _Fit(own, _telling(own, how.telling, 30.0)).score,
            )
            again = min(_Fit(own, _probe(own, seed)).score for seed in range(PROBES))
            if min(telling) >= 3 and again >= max(score, 3):
                found = again, own.form
                break
    return found


def _telling(subject: Subject, telling: Callable[[Any], Any], times: float = 1.0) -> Case:
    """Return a call that shows a number of the formula, with nothing else in the way."""
    case = _probe(subject, 1)
    first = case.slots[0]
    changed = {first: times * telling(case[first])}
    changed |= {s: np.full_like(case[s], s == "weight") for s in ("weight", "bias") if s in case.given}
    case = case.replace(**changed)
    if "training" in case.options:
        case = replace(case, options={**case.options, "training": True})
    return case


def _number(subject: Subject, case: Case, option: str) -> float | None:
    """Return the value of an option with which the reference gives as much as the thing, or None."""
    fit = _Fit(subject, case)
    if fit.error is not None or not fit.got or not isinstance(fit.got[0], np.ndarray):
        return None
    arrays, options = canonical(subject, case)
    wanted = float(np.abs(fit.got[0]).sum())

    def total(value: float) -> float:
        with np.errstate(all="ignore"):
            y = subject.kind.forward(arrays, {**options, option: value})[0]
        return float(np.abs(y).sum())

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
    return isinstance(error, TypeError) and any(
        w in str(error) for w in ("unpack", "subscriptable", "not iterable", "has no len")
    )


def _subject(
    candidate: Candidate, kind: Kind, driver: Driver, form: Form, beat: Callable[[], None]
) -> Subject:
    return Subject(candidate.name, kind, driver, form, strict=candidate.strict, beat=beat)


def _compatible(kind: Kind, driver: Driver, *, strict: bool) -> list[Form]:
    found = []
    optional = {"bias", "bias_hh", "mask", "running_mean", "running_var", "h", "c", *kind.state,
                "offsets", "per_sample_weights"}  # fmt: skip
    optional |= {*kind.params} if kind.plain else {*kind.params} - {*kind.learnt}
    if not driver.takes.issuperset(kind.needs):
        missing = sorted({*kind.needs} - driver.takes)
        raise Cannot(f"taken for {kind.name}, it takes no {', '.join(missing)}", "take PyTorch's arguments")
    if any(slot not in optional for slot in driver.absent):
        raise Cannot(
            f"taken for {kind.name}, it has no {', '.join(sorted(driver.absent - optional))}",
            "call its parameters by the usual names (W, b; gamma, beta), or say --like NAME=operation",
        )
    for option, value in kind.defaults.items():
        if value is inspect.Parameter.empty and option not in driver.takes:
            raise Cannot(f"taken for {kind.name}, it is told no {option}", f"let it be made with {option}")
    for form in kind.forms(strict):
        if all(slot in driver.absent for slot in form.absent):
            found.append(form + Form(absent=driver.absent))
    return found


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
            found = _Fit(subject, _probe(subject, seed))
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
    if best <= 0 and misfit is not None and not getattr(driver, "chosen", ""):
        raise Cannot(
            f"taken for {kind.name}: {misfit}", "say --like NAME=operation if it is meant to be another"
        )
    if best == 2 and kind.loss and len(as_good) > 1:
        chosen = max(as_good[:24], key=lambda f: _gradients_right(_subject(candidate, kind, driver, f, beat)))
    if getattr(driver, "outgrown", False):
        perfect = [form for form in perfect if form.options.get("alone")] or perfect
        chosen = perfect[0] if perfect else chosen
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
    same = {k: v for k, v in form.options.items() if k not in _SHAPES}
    return same == {k: v for k, v in first.options.items() if k not in _SHAPES}


def _gradients_fit(subject: Subject) -> int:
    """Return on how many calls every gradient has its argument's shape: what forward's broadcasting hides."""
    right = 0
    for seed in range(4):
        case = _probe(subject, seed)
        grads, error = _gradients(subject, case)
        right += error is None and bool(grads) and all(
            isinstance(g, np.ndarray) and s in case.given and g.shape == case[s].shape
            for s, g in (grads or {}).items()
        )  # fmt: skip
    return right


def _gradients_right(subject: Subject) -> int:
    """Return on how many calls the gradient of the first slot is the reference's."""
    from .runner import Reference

    right = 0
    for seed in range(3):
        case = _probe(subject, seed)
        try:
            with np.errstate(all="ignore"):
                dys = tuple(np.ones(y.shape) for y in subject.outputs(subject.start(case), case))
                got = _runner(subject).vjp(case, dys[: len(case.outputs)])[0]
                wanted = Reference("torch", subject).vjp(case, dys[: len(case.outputs)])[0]
        except (Exception, SystemExit):  # it does not run so, or there is no PyTorch here
            return 0
        right += isinstance(got, np.ndarray) and wanted is not None and _close(got, np.asarray(wanted))
    return right


_ONE_COLUMN = {
    "one_sample": "it takes one sample at a time, as a column (D, 1): its update makes a bias for each"
}


def _takes_batches(subject: Subject) -> bool:
    """Return whether both passes run on several samples, and a column of biases stays one when updated."""
    driver = subject.driver
    if not isinstance(driver, ObjectDriver) or subject.form.layout("bias") is not COLUMN:
        return _runs(subject)
    driver.outgrown = False
    return _runs(subject) and not driver.outgrown


def _runs(subject: Subject) -> bool:
    """Return whether both passes run on ordinary calls."""
    return all(_gradients(subject, _probe(subject, seed))[1] is None for seed in range(3))


def _slopes(subject: Subject) -> int:
    """Return on how many calls dx is the slope along a direction."""
    right = 0
    for seed in range(3):
        case = _probe(subject, seed)
        first = case.slots[0]
        rng = np.random.default_rng(7)
        grads, error = _gradients(subject, case)
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
        case = _probe(subject, seed)
        rng = np.random.default_rng(7)
        grads, error = _gradients(subject, case)
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
                true = _slope(_runner(subject), case, slot, dy, way)
                if abs(float((got * way).sum()) - true) > 1e-5 * max(abs(true), 1.0):
                    return False
        except (Exception, SystemExit):
            return False
    return True


def _ranks_done(subject: Subject) -> int:
    """Return how many ranks of x a form gets right."""
    done = 0
    for feature in _everything(subject.kind, subject.form, subject.driver.takes):
        if feature.startswith(_RANKS):
            done += all(_Fit(subject, _probe(subject, seed, feature)).score >= 3 for seed in range(2))
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
        case = _probe(subject, 1)
        case = replace(
            case.replace(x=many(case, 1.0)), options={**case.options, "p": 0.25, "training": True}, seed=3
        )
        found = _Fit(subject, case)
        if found.error is not None or found.score < 4:
            continue
        kept = float((np.asarray(found.got[0]) > 0).mean())
        if abs(kept - 0.75) < 0.1:
            return form
    return chosen


# ---- what is asked of it


def _settle(subject: Subject, score: int) -> Subject:
    """Find out which gradients it has, which features it does, and what only backward can tell."""
    driver, kind = subject.driver, subject.kind
    _look_at_precision(subject)
    _look_at_writing(subject)
    _look_at_evaluation(subject)
    _look_at_derivative(subject)
    case = _probe(subject, 1)
    if kind.elementwise and kind.kinks:
        _gradients(subject, case.map(lambda _, a: np.zeros_like(a)))  # what it does at a kink
        subject.conventions.update(driver.conventions)
    grads, error = _gradients(subject, case)
    if error is None and grads is not None:
        subject.silent = frozenset(
            s for s in case.differentiable if s not in grads and (s in kind.inputs[1:] or s in kind.params)
        )
        lost = [s for s in subject.silent if s in kind.params]
        if lost and len(lost) == len([p for p in kind.params if p in case.given]) and not grads:
            subject.silent = frozenset()
        if isinstance(driver, ValueDriver) and not driver.fused:
            subject.silent = frozenset()
        for slot in sorted(subject.silent):
            subject.notes.append(f"no gradient of {slot} was found")
        for slot in kind.fixed if kind.loss else ():
            if grads.get(slot) is not None and case[slot].dtype.kind == "f":
                subject.left[f"gradient_of_{slot}"] = "it returns one, which is not asked"
        case = _probe(subject, 1)
    if kind.extras and "running_mean" in case.given:
        found = _Fit(subject, case)
        subject.extras = found.error is None and all(n in found.started.extras for n in kind.extras)
    if error is None and kind.loss and not subject.strict and driver.linearizes is False:
        subject.ignores_upstream = _ignores(subject, case)
        if subject.ignores_upstream and score >= 3:
            _look_at_mean(subject)
        if "log_eps" in subject.form.options and score >= 3:
            _look_at_epsilon(subject)
    if error is None and grads and kind.tangent is not None and score >= 3:
        _look_at_tangent(subject)
    if error is None and not subject.strict and "weight" in kind.params and score >= 3:
        subject.averaged = _averaged(subject)
        # Where it steps itself, and nobody else sees its gradients, its rate may be times the batch.
        steps = isinstance(driver, ObjectDriver) and driver.steps and not subject.averaged
        subject.multiplied = steps and _averaged(subject, -1)
    chooses = not subject.strict or of_a_framework(driver)
    if kind.ties and "max_pool" in kind.name and score == 4 and chooses and error is None:
        _look_at_ties(subject)
    subject.form = replace(subject.form, without=frozenset(_undone(subject, score)))
    subject.conventions.update(subject.form.conventions)
    if kind.extras and not subject.extras:  # it keeps no statistics, or none that can be seen
        for key in ("momentum_is_share_kept", "running_var_biased"):
            subject.conventions.pop(key, None)
    if subject.ignores_upstream:
        subject.notes.append("its backward pass takes no upstream gradient: a loss is the last layer")
    if subject.averaged:
        subject.conventions["param_grads_averaged"] = (
            "the gradients of the parameters are divided by N inside the layer"
        )
    if subject.multiplied:
        subject.conventions["rate_times_batch"] = "it steps itself, by its learning rate times N"
    _look_at_rank(subject, score)
    if "momentum" in driver.takes and subject.extras and subject.form.options.get("kept"):
        subject.notes.append("momentum is taken as the share of the old statistics that is kept")
    words = subject.form.words()
    if words and not subject.strict:
        guessed = [w for w in words if not w.endswith("as PyTorch's")]
        if guessed:
            subject.notes.append(f"taken as: {', '.join(guessed)}")
    return subject


def _look_at_rank(subject: Subject, score: int) -> None:
    """Say so where another rank than the usual one is asked for, since it is right for that alone."""
    rank = subject.form.options.get("rank")
    usual_too = any("rank" not in form.options for form in subject.kind.forms(False))
    if not rank or score < 4 or subject.strict or subject.kind.loss or not usual_too:
        return
    options = {k: v for k, v in subject.form.options.items() if k not in _SHAPES}
    usual = replace(subject, form=replace(subject.form, options=options))
    if _Fit(usual, _probe(usual, 1)).score == 4:
        what = "square scores" if subject.form.options.get("square") else subject.kind.slots[0]
        subject.left["other_ranks"] = (
            f"asked for {what} of rank {rank} alone: its backward pass does no other"
        )


def _look_at_precision(subject: Subject) -> None:
    """Tell a layer that computes in float32 whatever it is given: it is asked in float32 alone."""
    found = [_Fit(subject, _probe(subject, seed)) for seed in range(2)]
    if any(f.error is not None for f in found):
        return
    grads, _ = _gradients(subject, _probe(subject, 0))
    back = [g for s, g in (grads or {}).items() if s in subject.kind.inputs and isinstance(g, np.ndarray)]
    forth = [g for f in found for g in f.got]
    if any(f.single for f in found) or any(
        kept and all(g is not None and g.dtype == np.float32 for g in kept) for kept in (forth, back)
    ):
        subject.dtypes = ("float32",)
        subject.conventions["float32_alone"] = (
            "it computes in float32 whatever it is given: checked in float32"
        )


def _look_at_writing(subject: Subject) -> None:
    """Find out whether it overwrites what it is given: one check says so, the others give copies."""
    for seed in range(2):
        case = _probe(subject, seed)
        kept = {k: a.copy() for k, a in case.given.items()}
        try:
            started = subject.start(case)
            outputs = subject.outputs(started, case)[: len(case.outputs)]
            dys = tuple(np.random.default_rng(7).normal(size=y.shape) for y in outputs)
            before = tuple(dy.copy() for dy in dys)
            with replayed(case.seed), np.errstate(all="ignore"):
                started.back(dys, None)
        except (Exception, SystemExit):
            return
        subject.writes = subject.writes or any(
            not np.array_equal(a, b, equal_nan=True)
            for a, b in [*((kept[k], a) for k, a in case.given.items()), *zip(before, dys, strict=True)]
        )
        if not subject.writes:  # what it writes may be what is there, or nowhere: `dy[mask] = 0`
            subject.writes = _needs_writeable(subject, case, before)


def _needs_writeable(subject: Subject, case: Case, dys: tuple[Any, ...]) -> bool:
    """Return whether a call that runs raises once what it is given cannot be written to."""
    fixed = case.copy()
    for array in (*fixed.given.values(), *dys):
        array.flags.writeable = False
    try:
        started = subject.start(fixed)
        with replayed(case.seed), np.errstate(all="ignore"):
            started.back(dys, None)
    except ValueError as error:
        return "read-only" in str(error)
    except (Exception, SystemExit):
        return False
    return False


def _look_at_evaluation(subject: Subject) -> None:
    """Find out whether its backward pass belongs to training alone: after evaluation it raises."""
    strict = subject.strict and not of_a_framework(subject.driver)
    if "training" not in subject.driver.takes or strict:
        return
    for seed in range(12):
        case = _probe(subject, seed)
        if case.options.get("training", True):
            continue
        grads, error = _gradients(subject, case)
        if _Fit(subject, case).error is None and (error is not None or not grads):
            subject.trains_only = True
            why = f"it raises {type(error).__name__}: {error}" if error is not None else "it gives nothing"
            subject.left["backward_in_evaluation"] = (
                f"after a forward pass in evaluation its backward pass is not asked for: {why}"
            )
        return


def _look_at_derivative(subject: Subject) -> None:
    """Tell an element's derivative that is a function of the output from one of the input."""
    driver = subject.driver
    if not isinstance(driver, ObjectDriver) or not driver.local:
        return
    case = _probe(subject, 1)
    errors = {}
    for of_output in (driver.of_output, not driver.of_output):
        driver.of_output = of_output
        grads, error = _gradients(subject, case)
        got = (grads or {}).get(case.slots[0])
        step = 1e-6
        x = case[case.slots[0]]
        try:
            up, down = (
                subject.outputs(subject.start(case.replace(**{case.slots[0]: x + s})), case)[0]
                for s in (step, -step)
            )
        except (Exception, SystemExit):
            return
        dy = np.random.default_rng(7).normal(size=up.shape)
        true = dy * (up - down) / (2 * step)
        fits = error is None and isinstance(got, np.ndarray) and got.shape == true.shape
        errors[of_output] = float(np.max(np.abs(got - true), initial=0.0)) if fits else np.inf
    first, second = errors
    driver.of_output = second if errors[second] < 1e-4 <= errors[first] else first
    if driver.of_output:
        subject.conventions["derivative_of_the_output"] = "its derivative is handed what forward returned"


#: What a slip may multiply a gradient by, beside what the mean divides it by.
_SLIPS = (1.0, -1.0, 2.0, 0.5, -2.0, -0.5)


def _look_at_mean(subject: Subject) -> None:
    """Tell a loss for each sample or element whose backward pass is that of their mean.

    It may have a slip beside: a wrong sign or a factor of 2 is no other convention.
    """
    shares: list[tuple[float, int, int, int]] = []
    for seed in range(3, 12):
        case = _probe(subject, seed)
        first = case.slots[0]
        try:
            losses = subject.outputs(subject.start(case), case)[0]
            if losses.ndim == 0 or losses.size < 2 or (losses.ndim > 1 and losses.size == len(losses)):
                continue
            grads, error = _gradients(subject, case)
            got = (grads or {}).get(first)
            if error is not None or not isinstance(got, np.ndarray):
                return
            way = np.random.default_rng(7).normal(size=got.shape)  # along ones a softmax does not move
            true = _slope(_runner(subject), case, first, (np.ones(losses.shape),), way)
        except (Exception, SystemExit):
            return
        if abs(true) < 1e-6:
            continue
        size = losses.size
        shares.append((float((got * way).sum()) / true, len(losses), size, size // len(losses)))
        if abs(shares[0][0] - 1.0) < 1e-4:
            return
        if all(len({found[at] for found in shares}) > 2 for at in (1, 2)):
            break
    for slip in _SLIPS if shares else ():
        for key, at in (("samples", 1), ("elements", 2), ("features", 3)):
            counts = [found[at] for found in shares]
            alike = all(
                abs(found[0] * count / slip - 1.0) < 1e-4 for found, count in zip(shares, counts, strict=True)
            )
            if alike and max(counts) > 1 and (slip == 1.0 or len(set(counts)) > 1):
                subject.of_mean = key
                subject.conventions["backward_of_the_mean"] = (
                    f"one loss for each of the {key}; the backward pass is that of their mean"
                    if key != "features"
                    else "one loss an element; the backward pass is that of each sample's mean"
                )
                return


def _look_at_epsilon(subject: Subject) -> None:
    """Tell whether a small number inside the logarithm is in the backward pass as well."""
    eps = float(subject.form.options["log_eps"])
    case = _probe(subject, 4)
    first = case.slots[0]
    exact = replace(
        subject, form=replace(subject.form, options={**subject.form.options, "log_eps_back": True})
    )
    grads, error = _gradients(subject, case)
    got = (grads or {}).get(first)
    if error is not None or not isinstance(got, np.ndarray) or got.shape != case[first].shape:
        return
    try:
        from .runner import Reference

        dy = tuple(np.ones(y.shape) for y in subject.outputs(subject.start(case), case))
        got = _runner(subject).vjp(case, dy)[0]
        plain, inside = (Reference("torch", s).vjp(case, dy)[0] for s in (subject, exact))
    except Exception:  # no PyTorch here: judged by the exact formula
        return
    if got is None or plain is None or inside is None:
        return
    if np.max(np.abs(got - inside)) < np.max(np.abs(got - plain)):
        subject.form = exact.form
    else:
        subject.form = replace(
            subject.form,
            conventions={
                **subject.form.conventions,
                "epsilon_in_logarithm": f"{eps:g} is added inside the logarithm; its backward pass is that "
                "of the exact formula",
            },
        )


def _look_at_tangent(subject: Subject) -> None:
    """Tell the gradient of log-probabilities by themselves from that of the scores before a log-softmax."""
    from .runner import Reference

    case = _probe(subject, 4)
    words = "the gradient is that of log-probabilities by themselves, not of scores before a log-softmax"
    alone = Form(options={"free": True}, conventions={"gradient_by_itself": words})
    by_itself = replace(subject, form=subject.form + alone)
    try:
        dy = tuple(np.ones(y.shape) for y in subject.outputs(subject.start(case), case))
        got = _runner(subject).vjp(case, dy)[0]
        usual, other = (Reference("torch", s).vjp(case, dy)[0] for s in (subject, by_itself))
    except Exception:  # no PyTorch here: judged by PyTorch's convention
        return
    if got is None or usual is None or other is None or got.shape != usual.shape:
        return
    if np.max(np.abs(got - other)) < np.max(np.abs(got - usual)):
        subject.form = by_itself.form


def _runner(subject: Subject) -> Any:
    from .runner import runner_of

    return runner_of(subject)


def _gradients(subject: Subject, case: Case) -> tuple[dict[str, Any] | None, BaseException | None]:
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


def _ignores(subject: Subject, case: Case) -> bool:
    found = []
    for size in (1.0, 2.0):
        try:
            started = subject.start(case)
            outputs = subject.outputs(started, case)
            grads = started.back(tuple(np.full(y.shape, size) for y in outputs[: len(case.outputs)]), None)
        except (Exception, SystemExit):
            return False
        found.append(grads.get(case.slots[0]))
    one, two = found
    return (
        isinstance(one, np.ndarray)
        and isinstance(two, np.ndarray)
        and one.shape == two.shape
        and bool(np.array_equal(one, two))
        and bool(one.any())
    )


def _averaged(subject: Subject, power: int = 1) -> bool:
    """Return whether every parameter's gradient is that of the forward pass divided by the batch.

    A power of -1 asks whether it is times the batch.
    """
    from .runner import runner_of

    params = [s for s in subject.kind.params if s not in subject.form.absent and s not in subject.silent]
    seen = 0
    for seed in range(3, 12):
        case = _probe(subject, seed)
        n = subject.samples(case)
        here = [p for p in params if p in case.given]
        if n < 2 or not here:
            continue
        runner = runner_of(subject)
        try:
            y = runner.forward(case)
            dy = tuple(np.random.default_rng(seed).normal(size=o.shape) for o in y[: len(case.outputs)])
            grads = dict(zip(case.slots, runner.vjp(case, dy), strict=True))
            for slot in here:
                grad = grads[slot]
                if not isinstance(grad, np.ndarray) or grad.shape != case[slot].shape:
                    return False
                true = _slope(runner, case, slot, dy)
                if abs(true) < 1e-6 or abs(float(grad.sum()) * n**power / true - 1.0) > 1e-4:
                    return False
        except (Exception, SystemExit):
            return False
        seen += 1
        if seen == 3:
            return True
    return False


def _slope(runner: Any, case: Case, slot: str, dy: Any, way: Any = 1.0) -> float:
    """Return the derivative of the whole along a slot's every entry or a direction, by differences."""
    step = 1e-5
    up, down = (runner.forward(case.replace(**{slot: case[slot] + s * way})) for s in (step, -step))
    return float(sum(((u - d) * g).sum() for u, d, g in zip(up, down, dy, strict=False)) / (2 * step))


def _look_at_ties(subject: Subject) -> None:
    x = np.zeros((2, 3, 6, 6))
    kind = subject.kind
    case = _probe(subject, 4)
    case = case.replace(x=np.zeros_like(case["x"])) if kind.slots[0] in case.given else case
    del x
    grads, error = _gradients(subject, case)
    if error is not None or not grads or not isinstance(grads.get("x"), np.ndarray):
        return
    from .runner import Reference

    rng = np.random.default_rng(7)
    out = subject.outputs(subject.start(case), case)
    dy = tuple(rng.normal(size=y.shape) for y in out)
    even = replace(subject, form=subject.form + Form(options={"ties": "even"}))
    try:
        wanted = Reference("torch", even).vjp(case, dy)[0]
    except Exception:  # no PyTorch here: judged by the first maximum, as PyTorch has it
        return
    plain = Reference("torch", subject).vjp(case, dy)[0]
    got = grads["x"]
    if (
        wanted is not None
        and plain is not None
        and got.shape == wanted.shape
        and np.allclose(got, wanted)
        and not np.allclose(got, plain)
    ):
        subject.form = subject.form + Form(
            options={"ties": "even"},
            conventions={"ties_split_evenly": "tied maxima share the gradient evenly"},
        )


def _undone(subject: Subject, score: int) -> set[str]:
    """Return the features that this layer does not do, and say so."""
    gone: set[str] = set()
    for feature in sorted(_everything(subject.kind, subject.form, subject.driver.takes)):
        if feature in (*_REFUSABLE, *_OF_SOME):
            errors = [_Fit(subject, _probe(subject, seed, feature)).error for seed in range(3)]
            if any(refuses(e) or (feature in _OF_SOME and e is not None) for e in errors):
                gone.add(feature)
            continue
        if not feature.startswith(_RANKS) and feature not in _OPTIONAL:
            continue
        # A window of one leaves nothing over: several are tried.
        for seed in range(6 if feature == "a stride that leaves a remainder" else 2):
            case = _probe(subject, seed, feature)
            found = _Fit(subject, case)
            forward_only = feature in ("a stride that leaves a remainder", EVEN_SAME)
            bad = found.error is not None or (feature == EVEN_SAME and found.score < 2)
            if not bad and not forward_only:
                promises = isinstance(subject.driver, ValueDriver) and not subject.driver.fused
                bad = score == 4 and found.score < (1 if promises else 3)
                grads, error = _gradients(subject, case)
                # Another rank than the usual one is promised by nobody.
                bad = bad or (
                    (not promises or feature.startswith(_RANKS))
                    and (
                        error is not None
                        or any(
                            not isinstance(g, np.ndarray) or (s in case.given and g.shape != case[s].shape)
                            for s, g in (grads or {}).items()
                        )
                    )
                )
            if feature == "an empty batch" and not bad:  # 0 / 0: it divides by N somewhere
                bad = any(bool(np.isnan(np.asarray(g)).any()) for g in (grads or {}).values())
            if bad:
                gone.add(feature)
                break
    if subject.averaged or subject.multiplied:
        gone.add("an empty batch")
    for feature in sorted(gone):
        subject.notes.append(f"not asked of it: {feature}")
    return gone


__all__ = ["Failure", "fit"]
