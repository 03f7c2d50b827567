"""What only calls a torch.autograd.Function is said to: the Function is checked by itself."""

import pytest

from scratchnet_crosscheck import discover

SOURCE = """
import torch
class RMSNormFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, eps=1e-6):
        r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(x * r, r, weight)
        return x * r * weight
    @staticmethod
    def backward(ctx, dy):
        y, r, weight = ctx.saved_tensors
        g = dy * weight
        return r * (g - y * (g * y).mean(-1, keepdim=True)), (dy * y).reshape(-1, len(weight)).sum(0), None

class Rotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, cos):
        return x * cos
    @staticmethod
    def backward(ctx, dy):
        return dy, None

def rms_norm(x, weight, eps=1e-6):
    "As torch.nn.functional has it."
    x = x.contiguous()
    return RMSNormFunction.apply(x, weight, eps)

def rotary(x, cos):
    if cos is None:
        cos = torch.ones(1)
        return Rotary.apply(x, cos)
    return Rotary.apply(x, cos)

class RMSNorm(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(width))
    def forward(self, x):
        return RMSNormFunction.apply(x, self.weight)

class Double(torch.nn.Module):
    def forward(self, x):
        return 2 * x

def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    y = e / e.sum(-1, keepdims=True)
    return y, lambda dy: y * (dy - (dy * y).sum(-1, keepdims=True))
"""


@pytest.fixture
def found(loaded):
    pytest.importorskip("torch")
    candidates = loaded(SOURCE)[0]
    import layers_of_a_test

    listed = discover.unknown(discover.defined(layers_of_a_test), set(candidates))
    return candidates, {name: (reason, how) for name, reason, how in listed}


def test_the_function_alone_is_checked(found):
    candidates, _ = found
    assert [*candidates] == ["RMSNormFunction", "softmax"]


@pytest.mark.parametrize("name", ["rms_norm", "RMSNorm"])
def test_what_calls_a_function_is_said_to_in_one_wording(found, name):
    called = "it computes with tensors and calls the torch.autograd.Function RMSNormFunction"
    assert found[1][name] == (f"{called}, which is checked by itself", "")


def test_of_a_function_that_is_not_known_nothing_is_promised(found):
    reason, _ = found[1]["rotary"]
    assert "calls the torch.autograd.Function Rotary" in reason
    assert "checked by itself" not in reason


def test_a_module_of_pytorch_s_own_operations_is_said_to_be_one(found):
    assert found[1]["Double"][0] == "a torch.nn.Module: its backward pass is PyTorch's own"
