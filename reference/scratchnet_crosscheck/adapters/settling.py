"""What is asked of a thing once its form is known, and which conventions show in its backward pass."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._loss import ONE_HOT_TOO
from ..references._normalization import NO_MOMENTUM
from ..references._recurrent import IN_TIME_ORDER
from ..references.protocol import INDICES, ONE_HOT, SHAPES, Form
from .features import everything, undone
from .frameworks import of_a_framework
from .functions import ValueDriver
from .objects import ObjectDriver
from .probing import Fit, gradients, probe, slope
from .runner import Subject, replayed, runner_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..case import Case


def _without(subject: Subject, case: Case, grads: Mapping[str, Any]) -> set[str]:
    """Return the arguments of a call that have no gradient, beside the first."""
    kind = subject.kind
    return {s for s in case.differentiable if s not in grads and (s in kind.inputs[1:] or s in kind.params)}


def _of_other_calls(subject: Subject, case: Case) -> set[str]:
    """Return what has no gradient of the inputs that this call does not have: a weight of each entry, say."""
    kind, found = subject.kind, set[str]()
    missing = {s for s in kind.inputs[1:] if s not in case.given and s not in kind.fixed}
    for feature in sorted(everything(kind, subject.form, subject.driver.takes)) if missing else ():
        other = probe(subject, 1, feature)
        if missing & {*other.differentiable}:
            grads, error = gradients(subject, other)
            if error is None and grads is not None:
                found |= _without(subject, other, grads) & missing
    return found


def settle(subject: Subject, score: int) -> Subject:
    """Find out which gradients it has, which features it does, and what only backward can tell."""
    driver, kind = subject.driver, subject.kind
    _look_at_precision(subject)
    _look_at_writing(subject)
    _look_at_evaluation(subject)
    _look_at_derivative(subject)
    _look_at_order(subject)
    case = probe(subject, 1)
    if kind.elementwise and kind.kinks:
        gradients(subject, case.map(lambda _, a: np.zeros_like(a)))  # what it does at a kink
        subject.conventions.update(driver.conventions)
    grads, error = gradients(subject, case)
    if error is None and grads is not None:
        subject.silent = frozenset(_without(subject, case, grads) | _of_other_calls(subject, case))
        lost = [s for s in subject.silent if s in kind.params]
        if lost and len(lost) == len([p for p in kind.params if p in case.given]) and not grads:
            subject.silent = frozenset()
        if isinstance(driver, ValueDriver) and not driver.fused:  # but a loss need not move its targets
            subject.silent = frozenset(s for s in subject.silent if kind.loss and s in kind.inputs[1:])
        if of_a_framework(driver):  # whose place says which it is: None there is no gradient
            subject.silent -= {*kind.params}
        first = kind.slots[0]
        if isinstance(driver, ObjectDriver) and grads and grads.get(first) is None and driver.is_first:
            subject.silent |= {first}
            subject.left[f"gradient_of_{first}"] = (
                "its backward pass returns None, as that of a first layer may: that gradient is not checked"
            )
        for slot in sorted(subject.silent):
            subject.notes.append(f"no gradient of {slot} was found")
        for name in sorted(driver.strangers()) if isinstance(driver, ObjectDriver) else ():
            subject.left[f"gradient_of_{name}"] = (
                f"{kind.name} has no parameter like its {name}: that gradient is not checked"
            )
        if isinstance(driver, ObjectDriver) and driver.beside:
            subject.left["beside"] = f"the {driver.beside} that it returns beside its output are not checked"
        if "p" in driver.takes and "attention" in kind.name:  # elsewhere it is the degree of a norm
            subject.left["dropout"] = "it is checked without dropout"
        for slot in kind.fixed if kind.loss else ():
            if grads.get(slot) is not None and case[slot].dtype.kind == "f":
                subject.left[f"gradient_of_{slot}"] = "it returns one, which is not asked"
        if isinstance(driver, ObjectDriver) and any(map(driver.says, _ADDS_UP)):
            _look_at_adding_up(subject, case)
        case = probe(subject, 1)
    if kind.extras and "running_mean" in case.given:
        found = Fit(subject, case)
        subject.extras = found.error is None and all(n in found.started.extras for n in kind.extras)
    if error is None and kind.loss and not subject.strict and driver.linearizes is False:
        subject.ignores_upstream = _ignores(subject, case)
        if subject.ignores_upstream and score >= 3:
            _look_at_mean(subject)
        if "log_eps" in subject.form.options and score >= 3:
            _look_at_epsilon(subject)
    if error is None and grads and kind.tangent is not None and score >= 3:
        _look_at_tangent(subject)
    if error is None and not subject.strict and {"weight", "weight_ih"} & {*kind.params} and score >= 3:
        subject.averaged = _averaged(subject)
        # Where it steps itself, and nobody else sees its gradients, its rate may be times the batch.
        steps = isinstance(driver, ObjectDriver) and driver.steps and not subject.averaged
        subject.multiplied = steps and _averaged(subject, -1)
    if kind.loss and error is None:
        _look_at_labels(subject)
    chooses = not subject.strict or of_a_framework(driver)
    if kind.ties and "max_pool" in kind.name and score == 4 and chooses and error is None:
        _look_at_ties(subject)
    subject.form = replace(subject.form, without=frozenset(undone(subject, score)))
    subject.conventions.update(subject.form.conventions)
    if isinstance(driver, ObjectDriver) and (unasked := driver.unasked()):
        subject.left["arguments"] = (
            f"{', '.join(unasked)}: left at the default, with no other value is it checked"
        )
    ignoring = any(form.options.get("ignore") for form in kind.forms(False))
    if "ignore_index" in driver.takes and ignoring and not subject.form.options.get("ignore"):
        subject.left["ignored_labels"] = (
            "with them comes another result than PyTorch's, which may be meant so"
        )
    says_none = isinstance(driver, ObjectDriver) and driver.says("momentum is None")
    if "momentum" in driver.takes and says_none and not (NO_MOMENTUM in driver.takes and subject.extras):
        subject.left["momentum_none"] = "momentum=None, the average over all batches, is not asked for"
    tracks = kind.defaults.get("track_running_stats", True)
    if "training" in kind.defaults and tracks and "training" not in driver.takes:
        subject.left["evaluation"] = (
            "evaluation is not checked: nothing asks for it, such as an argument training or eval, "
            "methods train and eval, or an attribute training"
        )
    if kind.extras and tracks and not subject.extras:
        subject.left["running_statistics"] = "running statistics are not checked: none are found"
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
    if subject.form.options.get("alone") or subject.form.options.get("columns"):
        several = "columns" if subject.form.options.get("columns") else "samples"
        subject.left[f"several_{several}"] = f"it does not take several {several}: it is checked on one alone"
    _look_at_rank(subject, score)
    if "momentum" in driver.takes and subject.extras and subject.form.options.get("kept"):
        subject.notes.append("momentum is taken as the share of the old statistics that is kept")
    words = subject.form.words()
    if words and chooses:
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
    options = {k: v for k, v in subject.form.options.items() if k not in SHAPES}
    usual = replace(subject, form=replace(subject.form, options=options))
    if Fit(usual, probe(usual, 1)).score == 4:
        what = "square scores" if subject.form.options.get("square") else subject.kind.slots[0]
        subject.left["other_ranks"] = (
            f"asked for {what} of rank {rank} alone: its backward pass does no other"
        )


def _look_at_precision(subject: Subject) -> None:
    """Tell a layer that computes in float32 whatever it is given: it is asked in float32 alone."""
    found = [Fit(subject, probe(subject, seed)) for seed in range(2)]
    if any(f.error is not None for f in found):
        return
    grads, _ = gradients(subject, probe(subject, 0))
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
        case = probe(subject, seed)
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
    if "training" not in subject.driver.takes or (strict and not isinstance(subject.driver, ObjectDriver)):
        return
    for seed in range(12):
        case = probe(subject, seed)
        if case.options.get("training", True):
            continue
        grads, error = gradients(subject, case)
        if Fit(subject, case).error is None and (error is not None or not grads):
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
    case = probe(subject, 1)
    errors = {}
    for of_output in (driver.of_output, not driver.of_output):
        driver.of_output = of_output
        grads, error = gradients(subject, case)
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


def _look_at_order(subject: Subject) -> None:
    """Find out in which order a sequence that is read from its end is returned."""
    if "go_backwards" not in subject.driver.takes or not subject.form.options.get("return_sequences", True):
        return
    ordered = replace(subject, form=subject.form + IN_TIME_ORDER)
    case = probe(subject, 1).with_options(go_backwards=True)
    if "return_sequences" in case.options:
        case = case.with_options(return_sequences=True)
    if Fit(subject, case).score < 4 and Fit(ordered, case).score == 4:
        subject.form = ordered.form


#: What a slip may multiply a gradient by, beside what the mean divides it by.
_SLIPS = (1.0, -1.0, 2.0, 0.5, -2.0, -0.5)


def _look_at_mean(subject: Subject) -> None:
    """Tell a loss for each sample or element whose backward pass is that of their mean.

    It may have a slip beside: a wrong sign or a factor of 2 is no other convention.
    """
    shares: list[tuple[float, int, int, int]] = []
    for seed in range(3, 12):
        case = probe(subject, seed)
        first = case.slots[0]
        try:
            losses = subject.outputs(subject.start(case), case)[0]
            if losses.ndim == 0 or losses.size < 2 or (losses.ndim > 1 and losses.size == len(losses)):
                continue
            grads, error = gradients(subject, case)
            got = (grads or {}).get(first)
            if error is not None or not isinstance(got, np.ndarray):
                return
            way = np.random.default_rng(7).normal(size=got.shape)  # along ones a softmax does not move
            true = slope(runner_of(subject), case, first, (np.ones(losses.shape),), way)
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
    case = probe(subject, 4)
    first = case.slots[0]
    exact = replace(
        subject, form=replace(subject.form, options={**subject.form.options, "log_eps_back": True})
    )
    grads, error = gradients(subject, case)
    got = (grads or {}).get(first)
    if error is not None or not isinstance(got, np.ndarray) or got.shape != case[first].shape:
        return
    try:
        from .runner import Reference

        dy = tuple(np.ones(y.shape) for y in subject.outputs(subject.start(case), case))
        got = runner_of(subject).vjp(case, dy)[0]
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

    case = probe(subject, 4)
    words = "the gradient is that of log-probabilities by themselves, not of scores before a log-softmax"
    alone = Form(options={"free": True}, conventions={"gradient_by_itself": words})
    by_itself = replace(subject, form=subject.form + alone)
    try:
        dy = tuple(np.ones(y.shape) for y in subject.outputs(subject.start(case), case))
        got = runner_of(subject).vjp(case, dy)[0]
        usual, other = (Reference("torch", s).vjp(case, dy)[0] for s in (subject, by_itself))
    except Exception:  # no PyTorch here: judged by PyTorch's convention
        return
    if got is None or usual is None or other is None or got.shape != usual.shape:
        return
    if np.max(np.abs(got - other)) < np.max(np.abs(got - usual)):
        subject.form = by_itself.form


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


def _look_at_labels(subject: Subject) -> None:
    """Say where the forward pass takes class indices as well, and the backward pass one-hot labels alone."""
    if subject.form.layout("target") is not ONE_HOT:
        return
    other = replace(subject, form=subject.form + Form({"target": INDICES}, without=frozenset({ONE_HOT_TOO})))
    if Fit(other, probe(other, 1)).score == 4:
        subject.left["class_indices"] = (
            "its forward pass takes class indices too, its backward pass does not: it is checked with "
            "one-hot labels alone"
        )


#: How a class says that its gradients add up by design.
_ADDS_UP = ("radients are accumulated", "radients accumulate", "rads are accumulated", "rads accumulate")


def _look_at_adding_up(subject: Subject, case: Case) -> None:
    """See whether a second backward pass adds to the gradients of the first, of the parameters alone."""
    try:
        started = subject.start(case)
        outputs = subject.outputs(started, case)[: len(case.outputs)]
        dys = tuple(np.asarray(np.random.default_rng(7).normal(size=y.shape)) for y in outputs)
        first, second = ({s: np.array(g) for s, g in started.back(dys, None).items()} for _ in range(2))
    except (Exception, SystemExit):  # what it raises, its checks will say
        return
    own = [s for s in subject.kind.params if s in first and s in second]
    others = [s for s in first if s in second and s not in own]
    if own and all(np.array_equal(second[s], 2 * first[s]) and first[s].any() for s in own):
        subject.adds_up = all(np.array_equal(second[s], first[s]) for s in others)
    if subject.adds_up:
        subject.conventions["gradients_add_up"] = (
            "the gradients of its parameters add up over calls, as it says: whoever runs it sets them to zero"
        )


def _averaged(subject: Subject, power: int = 1) -> bool:
    """Return whether every parameter's gradient is that of the forward pass divided by the batch.

    A power of -1 asks whether it is times the batch.
    """
    params = [s for s in subject.kind.params if s not in subject.form.absent and s not in subject.silent]
    seen = 0
    for seed in range(3, 12):
        case = probe(subject, seed)
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
                true = slope(runner, case, slot, dy)
                if abs(true) < 1e-6 or abs(float(grad.sum()) * n**power / true - 1.0) > 1e-4:
                    return False
        except (Exception, SystemExit):
            return False
        seen += 1
        if seen == 3:
            return True
    return False


def _look_at_ties(subject: Subject) -> None:
    x = np.zeros((2, 3, 6, 6))
    kind = subject.kind
    case = probe(subject, 4)
    case = case.replace(x=np.zeros_like(case["x"])) if kind.slots[0] in case.given else case
    del x
    grads, error = gradients(subject, case)
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
