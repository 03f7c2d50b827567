"""Every wrong operation is explained by its own cause first, and the right ones by none."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from scratchnet_crosscheck.catalogue import operation_of
from scratchnet_crosscheck.catalogue.protocol import Operation
from scratchnet_crosscheck.diagnoses import Evidence, explain
from scratchnet_crosscheck.diagnoses._bench import bench
from scratchnet_crosscheck.diagnoses.order import CALLS, VALUES, WHERE
from scratchnet_crosscheck.oracles.golden import Golden
from scratchnet_crosscheck.references.protocol import Sampler
from scratchnet_crosscheck.run import Profile, check_property, plans
from scratchnet_crosscheck.strategies import Setting

_spec = importlib.util.spec_from_file_location("diagnoses_wrong", Path(__file__).parent / "wrong.py")
wrong = importlib.util.module_from_spec(_spec)
sys.modules["diagnoses_wrong"] = wrong
_spec.loader.exec_module(wrong)


RIGHT_CHECKS = [
    "backward_equals_the_reference",
    "repeated_calls_agree",
    "dtype_is_preserved",
    "results_share_no_memory",
    "interleaved_calls_agree",
]


class Reference(Golden):
    """The golden model, with the mask that was drawn where there is one."""

    def linearize(self, case):
        if "mask" not in case.options:
            return super().linearize(case)
        p, mask = case.options["p"], np.asarray(case.options["mask"])
        scale = mask / (1 - p) if case.options["training"] and p < 1 else mask * 1.0
        if not case.options["training"]:
            scale = np.ones_like(case["x"])
        return (case["x"] * scale,), lambda dys, _: (dys[0] * scale,)


def _evidence(entry: Operation, check, subject, failure):
    def draw(seed):
        return entry.draw(Sampler(np.random.default_rng(seed), Setting(np.dtype(np.float64), layouts=False)))

    return Evidence(
        check, subject, Reference(), failure.case, failure.cotangents, failure.part, failure.got,
        failure.wanted, draw, failure.message,
    )  # fmt: skip


def _found(slip, seed=1):
    """Return the failing case of a slip, as evidence, and the result in words."""
    entry = operation_of(slip.operation)
    dtype = "float32" if slip.check == "dtype_is_preserved" else "float64"
    plan = next(p for p in plans(entry, ("golden",)) if p.name == slip.check and dtype in p.dtypes)
    subject = Golden(slip.function, name="wrong")
    # The golden model cannot be told dropout's mask: the reference of these tests can.
    profile = Profile("test", 80, shrinking=0.5 if slip.key == "convention:ties_split" else 0.0)
    with np.errstate(all="ignore"):
        result = check_property(entry, plan, subject, profile=profile, seed=seed, judge=Reference)
    assert result.failure is not None, f"not caught: {result}"
    return _evidence(entry, slip.check, subject, result.failure), str(result)


def _id(slip):
    return f"{slip.key or 'unexplained'}: {getattr(slip.function, '__name__', '_')} {slip.operation}"


def _fitting(diagnoses, evidence):
    found = {}
    for diagnosis in diagnoses:
        try:
            said = diagnosis(evidence)
        except Exception:  # as explain() has it
            continue
        if said is not None:
            found[said[0]] = said[1]
    return found


@pytest.mark.parametrize("slip", wrong.SLIPS, ids=_id)
def test_its_own_cause_is_the_first_answer_and_of_all_those_fit_that_are_true(slip):
    evidence, result = _found(slip)
    found = explain(evidence)
    assert ([key for key, _ in found][:1] or [""]) == [slip.key], f"{found}\n{result}"
    bench(evidence).begin(600.0, anew=True)  # all of them, however long it takes
    fitting = _fitting((*CALLS, *VALUES), evidence)
    if not fitting and bench(evidence).look_further():
        fitting = _fitting((*CALLS, *VALUES), evidence)
    fitting = fitting or _fitting(WHERE, evidence)
    assert set(fitting) == {slip.key, *slip.also} - {""}, f"{fitting}\n{result}"


def test_means_that_divide_by_another_count_are_said_with_both_numbers():
    slip = next(s for s in wrong.SLIPS if (s.key, s.operation) == ("not_averaged", "group_norm"))
    evidence, _ = _found(slip)
    words = dict(explain(evidence))["not_averaged"]
    big = (s for s in bench(evidence).samples if s.x.ndim > 3 and s.x.size >= 4)
    first = next(s for s in big if s.x.shape[2] ** 2 != s.x[0, 0].size)
    channels = first.x.shape[1] // first.options["num_groups"]
    by, over = channels * first.x.shape[2] ** 2, channels * first.x[0, 0].size
    assert f"divide by {by:.4g} where they are over {over} elements" in words


@pytest.mark.parametrize(
    "name", ["linear", "relu", "conv2d", "batch_norm", "max_pool2d", "softmax", "mse_loss"]
)
@pytest.mark.parametrize("check", RIGHT_CHECKS)
def test_of_a_right_operation_nothing_is_said(name, check):
    entry, subject = operation_of(name), Golden()
    rng = np.random.default_rng(0)
    case = entry.draw(Sampler(rng, Setting(np.dtype(np.float64), layouts=False)))
    dys = tuple(rng.normal(size=np.shape(y)) for y in subject.forward(case)[: len(case.outputs)])

    def draw(seed):
        return entry.draw(Sampler(np.random.default_rng(seed), Setting(np.dtype(np.float64), layouts=False)))

    for slot in case.differentiable:
        evidence = Evidence(
            check, subject, Reference(), case, dys, f"d{slot}", None, None, draw, thing=entry
        )  # the calls drawn for one check serve the next
        assert explain(evidence) == []


def test_every_key_is_defined_in_the_table_of_the_zoo():
    path = Path(__file__).parent.parent / "wrong_layers" / "manifest.py"
    spec = importlib.util.spec_from_file_location("diagnoses_manifest", path)
    manifest = importlib.util.module_from_spec(spec)
    sys.modules["diagnoses_manifest"] = manifest
    spec.loader.exec_module(manifest)
    from scratchnet_crosscheck.diagnoses._factors import SIZES

    keys = {slip.key for slip in wrong.SLIPS} | {key for key, _, _ in SIZES}
    assert keys - {""} <= set(manifest.DIAGNOSES)


@pytest.mark.parametrize(
    ("operation", "change", "words"),
    [
        ("conv2d", wrong.wrong_with_groups_and_dilation, "where dilation > 1 and groups > 1"),
        ("multi_margin_loss", wrong.wrong_with_squares, "where p is 2"),
        ("embedding_bag", wrong.wrong_mean_with_padding, "where mode is 'mean' and an index is padding_idx"),
        (
            "binary_cross_entropy_with_logits",
            wrong.wrong_weights_of_fractions,
            "where pos_weight is given and target is not 0 or 1",
        ),
        ("batch_norm", wrong.wrong_in_evaluation, "in evaluation"),
        ("cross_entropy", wrong.wrong_with_class_weights, "where weight is given"),
    ],
)
def test_the_options_at_work_in_all_wrong_calls_are_named(operation, change, words):
    evidence, _ = _found(wrong.Slip("", operation, wrong.changed(operation, change)))
    assert [said.partition(" only ")[2] for _, said in explain(evidence)] == [words]


@pytest.mark.parametrize("operation", ["conv2d", "lp_pool2d", "cross_entropy", "conv_transpose2d"])
@pytest.mark.parametrize("seed", range(3))
def test_of_what_is_wrong_by_chance_no_condition_is_named(operation, seed):
    evidence, _ = _found(wrong.Slip("", operation, wrong.changed(operation, wrong.wrong_by_chance)), seed)
    assert [words for _, words in explain(evidence) if " only " in words] == []


def test_a_slip_of_each_mode_is_explained_by_itself_that_of_the_failing_call_first():
    def both(grads, dy, x, options):
        given = {k: v for k, v in options.items() if k != "training"}
        if options.get("weight") is not None:
            given["weight"] = options["weight"] - 0.1 * grads[3]
        if options["training"]:
            grads[0] = wrong.F.batch_norm(x, training=True, **given)[1](dy)[0]
        else:
            grads[0] = 2 * grads[0]

    evidence, _ = _found(wrong.Slip("", "batch_norm", wrong.changed("batch_norm", both)))
    said = [words for _, words in explain(evidence)]
    first, second = ("in training", "in evaluation")[:: 1 if evidence.case.options["training"] else -1]
    assert len(said) == 2, said
    assert said[0].endswith(first)
    assert said[1].endswith(second)
    assert any("after the step that its gradient makes" in words for words in said)


def test_that_a_batch_norm_in_training_depends_on_the_other_samples_is_no_explanation():
    def by_chance(grads, dy, x, options):
        if options["training"]:
            grads[0] = grads[0] * np.cos(np.arange(x.size, dtype=x.dtype)).reshape(x.shape) * x.sum()

    evidence, _ = _found(wrong.Slip("", "batch_norm", wrong.changed("batch_norm", by_chance)))
    assert "batch_mixed" not in {key for key, _ in explain(evidence)}
