"""Features of a call that a layer need not have, and which of them a thing does not do."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..failure import Failure
from ..references._conv import EVEN_SAME, SAME_TOO, WORD_SAME
from ..references._linear import GROUPED
from ..references._loss import ONE_HOT_TOO
from ..references._pool import AS_IF_WHOLE
from ..references.protocol import Form, Kind, Sampler, Sketch
from ..strategies import Setting
from .functions import ValueDriver
from .objects import ObjectDriver
from .probing import PLAIN, Fit, gradients, probe
from .runner import Subject
from .unfinished import refuses

if TYPE_CHECKING:
    from .protocol import Driver

_EMPTY = "an empty batch"
#: Ranks other than the usual one: left out where a layer does not do them right.
RANKS = ("an x of rank", "a vector for x", "ids of rank")
#: Features that are left out only where a layer refuses them in words.
_REFUSABLE = (
    "unequal kernel sides", "a stride other than the window's", "unequal sides",
    "a dimension other than the last",
)  # fmt: skip
#: Features that are left out where a layer raises on them, whatever it says: its argument is one number, say.
_OF_SOME = (
    "the other form of GELU", "images", "keys of another length", "a state of one number",
    "unequal padding", "unequal window", "unequal stride", "unequal dilation", "unequal output_padding",
    "unequal output_size", "unequal output_ratio", "a padding of more than the kernel reaches",
    "an output_size that does not divide the sides", "unequal factors", "unequal sizes",
    "mode 'linear'", "mode 'bilinear'", "mode 'trilinear'", "mode 'max'", "a weight for each entry",
    "a dimension other than the second", "offsets", WORD_SAME,
    "mode 'reflect'", "mode 'replicate'", "mode 'circular'", "negative padding",
    "padding_mode 'border'", "padding_mode 'reflection'", "padding_mode 'reflect'",
    "padding_mode 'replicate'", "padding_mode 'circular'",
)  # fmt: skip
#: Features that are left out where it does not do them right, too.
_OPTIONAL = (
    _EMPTY, "a stride that leaves a remainder", EVEN_SAME, AS_IF_WHOLE, "ignored labels", "no bias",
    "a slope a channel", "losses not reduced",
    "weights (class_weight)", "weights (pos_weight)", "the mean over the batch alone", "a target of 0",
    "labels one after the other", "mode 'bicubic'", "mode 'nearest-exact'", "mode 'area'", "mode 'nearest'",
    "a fraction for scale_factor", "an even size", "an empty bag", "a side left open",
    "several normalized sides", ONE_HOT_TOO, GROUPED, SAME_TOO,
)  # fmt: skip


def everything(kind: Kind, form: Form, takes: frozenset[str]) -> frozenset[str]:
    """Return all features that a kind's calls may have."""
    asked: set[str] = set()
    for seed in range(12):
        sketch = Sketch(Sampler(np.random.default_rng(seed), PLAIN), form, takes)
        kind.draw(sketch)
        asked |= sketch.asked
        for feature in tuple(sketch.asked):
            inner = Sketch(Sampler(np.random.default_rng(seed), PLAIN), form, takes, feature)
            kind.draw(inner)
            asked |= inner.asked
    return frozenset(asked)


#: Features that an argument of torch.nn's promises, and the word for it where it is one value of several.
_BY_ARGUMENT = {
    "ignored labels": ("ignore_index", ""), "weights (class_weight)": ("weight", ""),
    "weights (pos_weight)": ("pos_weight", ""), "losses not reduced": ("reduction", "none"),
    "no bias": ("bias", ""),
}  # fmt: skip


def _promised(driver: Driver, feature: str) -> bool:
    """Return whether a thing's names promise a feature as PyTorch has it: what it does wrong is a slip then.

    Functions that return a value and a pullback promise all that their file names; a class of torch.nn's name
    promises what it takes an argument of torch.nn's name for.
    """
    argument, word = ("mode", feature.split("'")[1]) if feature.startswith("mode ") else ("", "")
    if isinstance(driver, ValueDriver):
        return not driver.fused and (not word or driver.mentions(word))
    argument, word = _BY_ARGUMENT.get(feature, (argument, word))
    return (
        isinstance(driver, ObjectDriver) and driver.promises(argument) and (not word or driver.mentions(word))
    )


def _stumbles_over_an_empty_batch(subject: Subject, gone: set[str]) -> bool:
    """Return whether an empty batch raises beside some other feature: ``reshape(N, -1)`` of nothing does."""
    form = replace(subject.form, without=subject.form.without | gone)
    tried = replace(subject, form=form)
    setting = Setting(np.dtype(np.float64), sizes="edge", layouts=False)
    for seed in range(40):
        case = tried.case(Sampler(np.random.default_rng(seed), setting))
        if 0 not in case[case.slots[0]].shape:
            continue
        try:
            runs = Fit(tried, case).error is None and gradients(tried, case)[1] is None
        except Failure:  # of another kind, which its checks will say
            continue
        if not runs:
            return True
    return False


def undone(subject: Subject, score: int) -> set[str]:
    """Return the features that this layer does not do, and say so."""
    gone: set[str] = set()
    features = everything(subject.kind, subject.form, subject.driver.takes)
    for feature in sorted(features, key=lambda name: (name == _EMPTY, name)):  # beside what it does, last
        if feature in (*_REFUSABLE, *_OF_SOME):
            errors = [Fit(subject, probe(subject, seed, feature)).error for seed in range(3)]
            if any(refuses(e) or (feature in _OF_SOME and e is not None) for e in errors):
                gone.add(feature)
            continue
        if not feature.startswith(RANKS) and feature not in _OPTIONAL:
            continue
        # A window of one leaves nothing over: several are tried.
        for seed in range(6 if feature == "a stride that leaves a remainder" else 2):
            case = probe(subject, seed, feature)
            if feature.startswith(RANKS) and "training" in subject.driver.takes & {*case.options}:
                # The modes may differ in it.
                case, evaluated = (case.with_options(training=mode) for mode in (True, False))
                if Fit(subject, evaluated).error is not None:
                    gone.add(feature)
                    break
            found = Fit(subject, case)
            forward_only = feature in ("a stride that leaves a remainder", EVEN_SAME)
            bad = found.error is not None or (feature == EVEN_SAME and found.score < 2)
            if not bad and not forward_only:
                promises = _promised(subject.driver, feature)
                bad = score == 4 and found.score < (1 if promises else 3)
                grads, error = gradients(subject, case)
                # Another rank than the usual one is promised by nobody.
                bad = bad or (
                    (not promises or feature.startswith(RANKS))
                    and (
                        error is not None
                        or any(
                            not isinstance(g, np.ndarray) or (s in case.given and g.shape != case[s].shape)
                            for s, g in (grads or {}).items()
                        )
                    )
                )
            if feature == _EMPTY and not bad:  # 0 / 0: it divides by N somewhere
                arrays = [np.asarray(g) for g in (grads or {}).values()]
                bad = any(a.dtype.kind != "f" or bool(np.isnan(a).any()) for a in arrays)
            if feature == _EMPTY and not bad:
                bad = _stumbles_over_an_empty_batch(subject, gone)
            if bad:
                gone.add(feature)
                if feature == ONE_HOT_TOO and found.score == 4:
                    subject.left["one_hot_labels"] = (
                        "its forward pass takes one-hot labels too, its backward pass does not: it is "
                        "checked with class indices alone"
                    )
                if found.error is None and (feature in _BY_ARGUMENT or feature.startswith("mode ")):
                    key = re.sub(r"\W+", "_", feature).strip("_")
                    subject.left[key] = "with it comes another result than PyTorch's, which may be meant so"
                break
    if subject.averaged or subject.multiplied:
        gone.add(_EMPTY)
    for feature in sorted(gone - {ONE_HOT_TOO, GROUPED}):  # which few do
        subject.notes.append(f"not asked of it: {feature}")
    return gone
