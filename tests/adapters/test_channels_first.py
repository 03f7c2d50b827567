"""Layer normalisation of images: over the channels of each place, in (N, C, H, W)."""

import pytest
from agreement import failed

from scratchnet_crosscheck.adapters.fitting import fit

FUNCTION = """
import torch
class LayerNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        ctx.eps = eps
        n, c, h, w = x.size()
        mu = x.mean(1, keepdim=True)
        var = (x - mu).pow(2).mean(1, keepdim=True)
        y = (x - mu) / (var + eps).sqrt()
        ctx.save_for_backward(y, var, weight)
        return weight.view(1, c, 1, 1) * y + bias.view(1, c, 1, 1)
    @staticmethod
    def backward(ctx, dy):
        y, var, weight = ctx.saved_tensors
        g = dy * weight.view(1, -1, 1, 1)
        dx = (g - y * (g * y).mean(1, keepdim=True){mean}) / (var + ctx.eps).sqrt()
        return dx, (dy * y).sum((0, 2, 3)), dy.sum((0, 2, 3)), None
"""
CLASS = """
class LayerNorm2d:
    def __init__(self, channels, eps=1e-6):
        self.gamma, self.beta, self.eps = np.ones((1, channels, 1, 1)), np.zeros((1, channels, 1, 1)), eps
    def forward(self, x):
        self.std = np.sqrt(x.var(axis={axes}, keepdims=True) + self.eps)
        self.y = (x - x.mean(axis={axes}, keepdims=True)) / self.std
        return self.gamma * self.y{shift}
    def backward(self, dy):
        self.dgamma = (dy * self.y).sum(axis=(0, 2, 3), keepdims=True)
        self.dbeta = dy.sum(axis=(0, 2, 3), keepdims=True)
        g = dy * self.gamma
        of_y = (g * self.y).mean(axis={back}, keepdims=True)
        return (g - g.mean(axis={back}, keepdims=True) - self.y * of_y) / self.std
"""


def of_class(axes="1", back=None, shift=" + self.beta"):
    return CLASS.format(axes=axes, back=back or axes, shift=shift)


def test_a_function_of_images_is_known(candidates):
    pytest.importorskip("torch")
    candidate = candidates(FUNCTION.format(mean=" - g.mean(1, keepdim=True)"))["LayerNormFunction"]
    subject = fit(candidate)
    assert subject.form.layout("x").name == "channels first"
    assert any("x channels first" in note for note in subject.notes)
    assert failed(candidate) == set()


def test_a_function_of_images_that_forgets_the_mean_is_seen(candidates):
    pytest.importorskip("torch")
    assert failed(candidates(FUNCTION.format(mean=""))["LayerNormFunction"])


@pytest.mark.parametrize(("axes", "whole"), [("1", False), ("(1, 2, 3)", True)])
def test_a_class_of_images_is_known_over_the_channels_and_over_all_of_a_sample(candidates, axes, whole):
    pytest.importorskip("torch")
    candidate = candidates(of_class(axes))["LayerNorm2d"]
    assert ("over_all_of_a_sample" in fit(candidate).form.conventions) is whole
    assert failed(candidate) == set()


@pytest.mark.parametrize("slip", [{"back": "(1, 2)"}, {"shift": " - self.beta"}, {"axes": "(0, 1)"}])
def test_a_class_of_images_with_a_slip_is_seen(candidates, slip):
    pytest.importorskip("torch")
    assert failed(candidates(of_class(**slip))["LayerNorm2d"])


ORDINARY = """
class LayerNorm:
    def __init__(self, features, eps=1e-5):
        self.gamma, self.beta, self.eps = np.ones(features), np.zeros(features), eps
    def forward(self, x):
        self.shape = (-1,) + (1,) * (x.ndim - 2)
        self.std = np.sqrt(x.var(axis=1, keepdims=True) + self.eps)
        self.y = (x - x.mean(axis=1, keepdims=True)) / self.std
        return self.gamma.reshape(self.shape) * self.y + self.beta.reshape(self.shape)
    def backward(self, dy):
        rest = tuple(axis for axis in range(dy.ndim) if axis != 1)
        self.dgamma, self.dbeta = (dy * self.y).sum(rest), dy.sum(rest)
        g = dy * self.gamma.reshape(self.shape)
        return (g - g.mean(1, keepdims=True) - self.y * (g * self.y).mean(1, keepdims=True)) / self.std
"""


def test_what_normalises_samples_of_features_is_not_taken_for_one_of_images(candidates):
    pytest.importorskip("torch")
    assert fit(candidates(ORDINARY)["LayerNorm"]).form.layout("x").name != "channels first"
