"""Things that an adapter drives: held against oracles in their own layout, and what only they are asked."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from .adapters.frameworks import of_a_framework
from .adapters.runner import Reference, runner_of
from .oracles import NUMERICAL, names
from .properties import Property, Trial
from .properties.values import backward_equals_the_reference
from .references.protocol import Sampler
from .strategies import Setting
from .thing import Thing

if TYPE_CHECKING:
    from ._types import Cotangents, Outputs
    from .adapters.runner import Subject
    from .case import Case
    from .oracles.protocol import Runner


def of_subject(subject: Subject, file: str) -> Thing:
    """Return the thing that an adapter drives, held against oracles in its own layout."""
    left_out = {}
    may_hand_on = not subject.strict or of_a_framework(subject.driver)
    if subject.kind.views:  # its dx may be a view of dy
        left_out["results_share_no_memory"] = left_out["cotangents_returned_are_the_callers"] = ""
    if subject.kind.random and may_hand_on:  # in evaluation many hand on what they are given
        for check in ("results_share_no_memory", "cotangents_returned_are_the_callers"):
            left_out[check] = "in evaluation its result may be its input itself"
    if subject.adds_up:
        left_out["repeated_calls_agree"] = "its gradients add up over calls: a second pass adds to the first"
    if "log_eps" in subject.form.options and not subject.form.options.get("log_eps_back"):
        left_out["backward_equals_numerical_differentiation"] = (
            "a declared epsilon is in the forward formula alone"
        )
    remarks = [(key, "convention", words) for key, words in subject.conventions.items()]
    if _doubles(subject):
        words = (
            "it computes in float64 whatever goes in, as np.zeros, np.eye, random numbers and numbers made "
            "by NumPy (np.sqrt(2)) do unless told otherwise"
        )
        remarks.append(("computes_in_float64", "convention", words))
        left_out["dtype_is_preserved"] = ""
    remarks += [
        (f"gradient_of_{slot}", "not_checked",
         f"no gradient of {slot} was found: keep it as self.d{slot} or return it")
        for slot in sorted(subject.silent) if slot in subject.kind.params
    ]  # fmt: skip
    remarks += [(key, "not_checked", words) for key, words in subject.left.items()]

    def prepares(check: str) -> Runner:
        subject.beat()
        subject.driver.use_again(reuses=check in _USED and not subject.adds_up)
        subject.shielded = subject.writes and check not in _WRITING
        return runner_of(subject)

    return Thing(
        subject.name,
        file,
        replace(subject.entry(), invalid=()),
        runner_of(subject),
        left_out=left_out,
        remarks=tuple(remarks),
        judges={name: partial(Reference, name, subject) for name in names() if name != NUMERICAL},
        adds=() if subject.driver.linearizes or subject.kind.random or subject.adds_up else (USED_BEFORE,),
        any_formula=not subject.kind.random,
        prepares=prepares,
        dtypes=subject.dtypes,
    )


def _doubles(subject: Subject) -> bool:
    """Return whether a layer turns float32 into float64 in its forward pass already.

    Its gradients are then in float64 as well, and all is of one dtype. A layer that keeps float32 forward and
    not backward is wrong: its caller mixes dtypes without knowing. Of a random one the mask is enough: it
    comes from a generator, which knows float64 alone.
    """
    if subject.dtypes and "float32" not in subject.dtypes:
        return False
    for seed in range(3):
        sampler = Sampler(np.random.default_rng(seed), Setting(np.dtype(np.float32), layouts=False))
        try:
            case = subject.case(sampler, "nothing")
            started = subject.start(case)
            outputs: list[Any] = [y for y in started.outputs if isinstance(y, np.ndarray | np.generic)]
            if subject.kind.loss and not any(np.ndim(y) for y in outputs):
                outputs = []  # a float32 over a count is a float64: a single number says nothing
            if subject.kind.random or subject.kind.loss:
                # Nor does a number of Python's own: its gradient does, through one-hot labels of np.eye, say.
                ones = tuple(np.ones(np.shape(y), np.float32) for y in started.outputs)
                outputs += [g for g in subject.pull(started, case, ones, None) if g is not None]
        except Exception:  # what it raises, its checks will say
            continue
        if any(np.asarray(y).dtype == np.float64 for y in outputs):
            return True
    return False


def _used_before(runner: Runner, case: Case, trial: Trial) -> None:
    """Hold an object against the reference that was used before, with other arrays."""
    subject = getattr(runner, "subject", None)
    if subject is not None:
        kind = subject.kind
        changed = [n for n in kind.params if n in case.given and n not in kind.fixed]
        if not kind.loss and kind.slots[0] not in kind.fixed:
            changed.append(kind.slots[0])
        other = case.replace(**{n: np.asarray(0.5 - case[n], dtype=case[n].dtype) for n in changed})
        runner = _Between(runner, other, trial)
        runner.use()
    backward_equals_the_reference.check(runner, case, trial)


class _Between:
    """A runner that is used for another call between the forward pass of a call and that of its pullback."""

    def __init__(self, runner: Runner, other: Case, trial: Trial) -> None:
        self.name = runner.name
        self._runner, self._other, self._trial = runner, other, trial

    def forward(self, case: Case) -> Outputs:
        """Return the outputs."""
        return self._runner.forward(case)

    def use(self) -> None:
        """Run both passes of the other call."""
        outputs = self._runner.forward(self._other)
        self._runner.vjp(self._other, self._trial.cotangents(self._other, outputs, "signed"))

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Run the other call, and then both passes of this one."""
        self.use()
        return self._runner.vjp(case, cotangents)


_used_before.__name__ = "a_call_between_changes_nothing"
#: The same object, used before with another input and other parameters, held against the reference.
USED_BEFORE = Property(_used_before, needs_oracle=True, share=0.6)
_WRITING = ("inputs_are_not_written_to", "cotangents_are_not_written_to")
_USED = ("repeated_calls_agree", "results_share_no_memory", USED_BEFORE.name)
