"""The checks of layers against their twins are believed because each sees a mistake made on purpose."""

import hypothesis
import nn_twins
import numpy as np
import pytest
from nn_twins import (
    Refusal,
    Twin,
    call,
    computes_as_its_twin,
    has_the_twins_state,
    keeps_a_layers_promises,
    options,
    prints_as_its_twin,
    refuses_what_its_twin_refuses,
    takes_the_twins_arguments,
    trains_as_its_twin,
)

from scratchnet import nn

pytest.importorskip("torch", reason="the oracle here is torch.nn")


class WithAnotherDefault(nn.Linear):
    def __init__(self, in_features, out_features, bias=False, *, dtype=np.float32):
        super().__init__(in_features, out_features, bias, dtype=dtype)


class PrintsItsBiasAsANumber(nn.Linear):
    def extra_repr(self):
        return super().extra_repr().replace("True", "1")


class BiasComesFirst(nn.Linear):
    def __init__(self, in_features, out_features, bias=True, *, dtype=np.float32):
        super().__init__(in_features, out_features, bias, dtype=dtype)
        self._params = dict(reversed(self._params.items()))


class GradientsAddUp(nn.Linear):
    def backward(self, *cotangents, needs_input_grad=True):
        before = dict(self.grads)
        dx = super().backward(*cotangents, needs_input_grad=needs_input_grad)
        for name, gradient in before.items():
            self.grads[name] = self.grads[name] + gradient
        return dx


class GradientOfTheBiasIsAveraged(nn.Linear):
    def backward(self, *cotangents, needs_input_grad=True):
        dx = super().backward(*cotangents, needs_input_grad=needs_input_grad)
        if "bias" in self.grads:
            self.grads["bias"] = self.grads["bias"] / self.grads["bias"].dtype.type(2)
        return dx


class DoesNotCheckWhatItIsGiven(nn.Linear):
    def forward(self, x):
        return super().forward(x[..., : self.in_features])


class CumulativeAverageForgetsTheFirst(nn.BatchNorm1d):
    def forward(self, x):
        before = self.buffers.get("num_batches_tracked")
        if self.training and before is not None:
            self.buffers["num_batches_tracked"] = np.array(before + 1)
        y = super().forward(x)
        if self.training and before is not None:
            self.buffers["num_batches_tracked"] = np.array(before + 1)
        return y


class StatisticsInFloat64(nn.BatchNorm1d):
    def forward(self, x):
        y = super().forward(x)
        if y.dtype == np.float32:
            self.buffers["running_var"] = self.buffers["running_var"].astype(np.float64)
        return y


def linear(d):
    features = d.side()
    return call(features, d.side(), **options(d, bias=(False,))), d.array(*d.samples(), features)


def batch_norm(d):
    channels = d.side()
    made = call(channels, **options(d, momentum=(None, 0.5)))
    return made, d.array(d.batch(low=2), channels)


LINEAR = Twin(
    "Linear", linear, "linear", [Refusal("other features", call(3, 2), ("x",), (np.ones((2, 4)),))]
)  # fmt: skip
BATCH_NORM = Twin("BatchNorm1d", batch_norm, "batch_norm")
MISTAKES = [
    (LINEAR, WithAnotherDefault, takes_the_twins_arguments),
    (LINEAR, PrintsItsBiasAsANumber, prints_as_its_twin),
    (LINEAR, BiasComesFirst, has_the_twins_state),
    (LINEAR, GradientOfTheBiasIsAveraged, computes_as_its_twin),
    (LINEAR, GradientOfTheBiasIsAveraged, trains_as_its_twin),
    (LINEAR, GradientsAddUp, keeps_a_layers_promises),
    (LINEAR, DoesNotCheckWhatItIsGiven, refuses_what_its_twin_refuses),
    (BATCH_NORM, CumulativeAverageForgetsTheFirst, computes_as_its_twin),
    (BATCH_NORM, StatisticsInFloat64, computes_as_its_twin),
]


@pytest.mark.parametrize(
    ("layer", "wrong", "must_see"),
    MISTAKES,
    ids=[f"{wrong.__name__}: {c.__name__}" for _, wrong, c in MISTAKES],
)
def test_a_mistake_is_seen(layer, wrong, must_see, monkeypatch):
    must_see(layer)  # and nothing else is
    monkeypatch.setattr(nn_twins, "PHASES", (hypothesis.Phase.generate,))  # the first example will do
    monkeypatch.setattr(nn, layer.name, type(layer.name, (wrong,), {}))
    with pytest.raises(AssertionError):
        must_see(layer)
