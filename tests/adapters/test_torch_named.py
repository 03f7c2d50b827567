"""Layers and functions of every name that torch.nn has: right ones pass, a slip in backward is caught."""

import inspect
import types
from pathlib import Path

import pytest

from scratchnet import functional, nn
from scratchnet_crosscheck.adapters import recognise
from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.checking import check_subject, known_checks
from scratchnet_crosscheck.run import Profile

pytest.importorskip("torch", reason="classes are held against PyTorch here")
HERE = Path(__file__).parent / "torch_named"
VALUES = {"forward_equals_the_reference", "backward_equals_the_reference", "a_call_between_changes_nothing"}
RIGHT = VALUES | {"empty_and_smallest_shapes_equal_the_reference"}
UNSHRUNK = Profile("unshrunk", 40, shrinking=0.0)  # how small a failing case is, is tested elsewhere
FRAMES = {"Concatenate", "Layer", "ModuleDict", "ModuleList", "Sequential", "Sum"}


def layers(kind):
    """Return the classes of one kind of file as (file and name, candidate)."""
    found = []
    for file in sorted(HERE.glob(f"{kind}_*.py")):
        module = types.ModuleType(file.stem)
        exec(file.read_text(encoding="utf-8"), vars(module))
        own = {k: v for k, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
        found += [pytest.param(c, id=f"{file.stem}-{c.name}") for c in recognise(own, {})]
    return found


def failed(candidate, profile="quick", checks=VALUES, oracles=("torch",)):
    skip = [name for name in known_checks() if name not in checks]
    records = list(
        check_subject("a_file.py", fit(candidate), oracles=oracles, profile=profile, seed=7, skip=skip)
    )
    assert sum(r["verdict"] in ("passed", "failed") for r in records) >= max(len(checks) - 1, 1)
    return {r["check"] for r in records if r["verdict"] == "failed"}


@pytest.mark.parametrize("candidate", layers("right"))
def test_a_right_layer_is_silent_and_the_formula_in_numpy_is_the_one_in_pytorch(candidate):
    assert failed(candidate, checks=RIGHT, oracles=("torch", "golden")) == set()


@pytest.mark.parametrize("candidate", layers("wrong"))
def test_a_slip_in_backward_is_caught(candidate):
    backward = {"backward_equals_the_reference"}
    assert failed(candidate, UNSHRUNK, backward) == backward


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("wrong_pad-ReflectionPad1d", "gradient of one copy of each element"),
        ("wrong_pad-CircularPad1d", "gradient of one copy of each element"),
        ("wrong_pad-ZeroPad2d", "not cut off at the front"),
        ("wrong_pad-ConstantPad2d", "the other axis' padding: two are exchanged"),
        ("wrong_pool-AvgPool3d", "the elements of the window over its first side"),
        ("wrong_pool-MaxUnpool1d", "each window's first element is taken"),
        ("wrong_pool-MaxUnpool2d", "the sum over each window is taken"),
        ("wrong_pool-MaxUnpool3d", "at the indices of the first sample's first channel"),
        ("wrong_tables-Bilinear", "made with input2 where input1 should be"),
        ("wrong_tables-EmbeddingBag", "more than once in a bag has the share of its last place alone"),
        ("wrong_loss-GaussianNLLLoss", "the square of var is missing"),
        ("wrong_loss-MultiLabelMarginLoss", "each label has the share of one other class"),
        ("wrong_loss-TripletMarginLoss", "minus the gradient of positive"),
        ("wrong_loss-TripletLoss", "the hinge is forgotten"),
        ("wrong_loss-TripletMarginWithDistanceLoss", "not divided by the distance"),
        ("wrong_conv-ConvTranspose", "the padding is not put back"),
        ("wrong_conv-TransposedConv2d", "the stride is ignored on the way back"),
        ("wrong_activation-GLU", "holds the right numbers in the wrong places"),
        ("wrong_vision-PixelShuffle", "holds the right numbers in the wrong places"),
        ("wrong_activation-Hardshrink", "is 0 where x is negative, where it should not be"),
        ("wrong_activation-Hardtanh", "not 0 where there should be none"),
        ("wrong_loss-HingeEmbeddingLoss", "the wrong sign where target is negative"),
        ("wrong_loss-KLDivLoss", "the number of elements of one sample, where reduction is 'mean'"),
        ("wrong_loss-CrossEntropyLoss", "the mean weight of the targets"),
        ("wrong_loss-MultiMarginLoss", "right only where p is 1"),
        ("wrong_pool-GlobalAveragePooling2D", "the width of the images"),
        ("wrong_normalization-InstanceNorm1dLayer", "the training formula in evaluation mode"),
        ("wrong_activation-Tanhshrink", "1 minus the derivative"),
        ("wrong_attention-scaled_dot_product_attention", "only where scale is given"),
        ("wrong_conv-Conv2DTranspose", "that of the last pixel alone, not summed"),
        ("wrong_conv-Fold", "divided by how many windows overlap"),
        ("wrong_dropout-Dropout2d", "the first sample's mask in all samples"),
        ("wrong_dropout-ChannelDropout", "single elements are dropped, not whole channels"),
        ("wrong_loss-PoissonNLLLoss", "only where log_input is True"),
        ("wrong_loss-SoftMarginLoss", "what it would be with -x"),
        ("wrong_loss-CosineSimilarity", "the norm of x1 is taken for a constant"),
        ("wrong_loss-CosineEmbeddingLoss", "the norm of input2 is taken for a constant"),
        ("wrong_normalization-LocalResponseNorm", "the sum of squares is taken for a constant"),
        ("wrong_normalization-LayerNorm", "over the last side alone"),
        ("wrong_pool-MaxPool2d", "the window's side is taken for the stride"),
        ("wrong_pool-LPPool1d", "off by a factor of |x| / y"),
        ("wrong_pool-LPPool3d", "only where norm_type is not 2"),
        ("wrong_pool-AdaptiveAvgPool2d", "all bins are taken to be of one size"),
        ("wrong_pool-AdaptiveAvgPool3d", "not divided by the number of elements in a bin"),
        ("wrong_pool-AdaptiveMaxPool1d", "where bins overlap, the later one replaces"),
        ("wrong_pool-AdaptiveMaxPool2d", "every element of a bin has the gradient"),
        ("wrong_pool-AdaptiveMaxPool3d", "the cotangent's absolute value"),
        ("wrong_vision-UpsamplingBilinear2d", "divided by the number of copies"),
        ("wrong_vision-UpSampling2D", "the first copy alone along axis 2"),
        ("wrong_vision-Upsample", "one over the number of outputs for each input"),
    ],
)
def test_the_cause_is_named(name, cause):
    (candidate,) = [p.values[0] for p in layers("wrong") if p.id == name]
    skip = [check for check in known_checks() if check != "backward_equals_the_reference"]
    records = check_subject(
        "a_file.py", fit(candidate), oracles=("torch",), profile=UNSHRUNK, seed=7, skip=skip
    )
    said = [r["diagnosis"] for r in records if r["verdict"] == "failed"]
    assert said
    assert all(cause in str(words) for words in said), said


@pytest.mark.parametrize(
    "name", [n for n, c in vars(nn).items() if inspect.isclass(c) and n[0].isupper() and n not in FRAMES]
)
def test_a_layer_of_every_name_is_known_and_scratchnets_own_is_silent(name):
    own = type(name, (getattr(nn, name),), {})
    (candidate,) = recognise({name: own}, {})
    assert failed(candidate, checks=RIGHT) == set()


@pytest.mark.parametrize("name", [n for n, f in vars(functional).items() if inspect.isfunction(f)])
def test_a_function_of_every_name_is_known_and_scratchnets_own_is_silent(name):
    (candidate,) = recognise({name: getattr(functional, name)}, {})
    assert failed(candidate, checks=RIGHT) == set()
