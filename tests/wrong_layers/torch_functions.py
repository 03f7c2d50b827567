"""torch.autograd.Function subclasses, each with one slip in its backward pass."""

import torch


class SigmoidIgnoresUpstream(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.sigmoid(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_output):
        (y,) = ctx.saved_tensors
        return y * (1 - y)


class CrossEntropyIgnoresUpstream(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, target):
        log_p = logits.log_softmax(1)
        ctx.save_for_backward(log_p, target)
        return -log_p[torch.arange(len(target)), target].mean()

    @staticmethod
    def backward(ctx, grad_output):
        log_p, target = ctx.saved_tensors
        d = log_p.exp()
        d[torch.arange(len(target)), target] -= 1
        return d / len(target), None


class LinearTransposed(torch.autograd.Function):
    """weight is (out, in); a square one's gradient comes back transposed."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return x @ weight.t() + bias

    @staticmethod
    def backward(ctx, grad_output):
        x, weight = ctx.saved_tensors
        dweight = x.t() @ grad_output
        return grad_output @ weight, dweight.reshape(weight.shape), grad_output.sum(0)


class ReLUAtZero(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        dx = grad_output.clone()
        dx[x < 0] = 0
        return dx


class ReLUInPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad_output):
        (x,) = ctx.saved_tensors
        grad_output[x <= 0] = 0
        return grad_output.clone()


class TanhOfTheLastCall(torch.autograd.Function):
    last = None

    @staticmethod
    def forward(ctx, x):
        TanhOfTheLastCall.last = y = torch.tanh(x)
        return y.clone()

    @staticmethod
    def backward(ctx, grad_output):
        return grad_output * (1 - TanhOfTheLastCall.last**2)


class LayerNormWithoutMean(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps=1e-5):
        centred = x - x.mean(-1, keepdim=True)
        rstd = torch.rsqrt(centred.pow(2).mean(-1, keepdim=True) + eps)
        ctx.save_for_backward(centred * rstd, rstd, weight)
        return centred * rstd * weight + bias

    @staticmethod
    def backward(ctx, dy):
        xhat, rstd, weight = ctx.saved_tensors
        g = dy * weight
        dx = rstd * (g - xhat * (g * xhat).mean(-1, keepdim=True))
        return dx, (dy * xhat).flatten(0, -2).sum(0), dy.flatten(0, -2).sum(0), None
