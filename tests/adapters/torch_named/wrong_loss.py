"""Losses and distances with one slip in backward each."""

import numpy as np


class KLDivLoss:
    """Divided by the batch, not by the elements."""

    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, target):
        self.target, self.x = target, x
        losses = target * (np.log(np.where(target > 0, target, 1)) - x)
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout=1.0):
        dx = -dout * self.target
        return dx / len(dx) if self.reduction == "mean" else dx


class KLDivergence:
    """The sign."""

    def forward(self, y_true, y_pred):
        self.y_true, self.y_pred = y_true, y_pred
        return np.sum(y_true * np.log(y_true / y_pred), axis=1)

    def backward(self, dout):
        return dout[:, None] * self.y_true / self.y_pred


class PoissonNLLLoss:
    """The logarithm's slope is left out."""

    def __init__(self, log_input=True):
        self.log_input = log_input

    def forward(self, x, target):
        self.x, self.t = x, target
        if self.log_input:
            return np.mean(np.exp(x) - target * x)
        return np.mean(x - target * np.log(x + 1e-8))

    def backward(self, dout):
        if self.log_input:
            return dout * (self.x - self.t) / self.x.size
        return dout * (1 - self.t / (self.x + 1e-8)) / self.x.size


class GaussianNLLLoss:
    """The variance's square is missing."""

    def forward(self, x, target, var):
        self.d, self.var = x - target, var
        return np.mean(0.5 * (np.log(var) + self.d**2 / var))

    def backward(self, dout=1.0):
        g = dout / self.d.size
        return g * self.d / self.var, 0.5 * g * (1 / self.var - self.d**2 / self.var)


class HingeEmbeddingLoss:
    """The other targets' slope has the wrong sign."""

    def __init__(self, margin=1.0):
        self.margin = margin

    def forward(self, x, y):
        self.x, self.y = x, y
        return np.where(y == 1, x, np.maximum(0, self.margin - x)).mean()

    def backward(self, dout):
        return dout * np.where(self.y == 1, 1.0, self.x < self.margin).astype(self.x.dtype) / self.x.size


class MarginRankingLoss:
    """Both scores have the same sign."""

    def __init__(self, margin=0.0):
        self.margin = margin

    def forward(self, x1, x2, y):
        z = self.margin - y * (x1 - x2)
        self.g = -y * (z > 0) / y.size
        return np.maximum(z, 0).mean()

    def backward(self, dout):
        return dout * self.g, dout * self.g


class SoftMarginLoss:
    """The sigmoid's argument has the wrong sign."""

    def forward(self, x, y):
        self.x, self.y = x, y
        return np.log1p(np.exp(-y * x)).mean()

    def backward(self, dout=1.0):
        return -dout * self.y / (1 + np.exp(-self.y * self.x)) / self.x.size


class MultiLabelMarginLoss:
    """The label's own slope is counted once, not for each class within the margin."""

    def forward(self, x, y):
        n, c = x.shape
        self.dx = np.zeros_like(x)
        total = 0.0
        for i in range(n):
            labels = list(y[i, : np.argmax(y[i] < 0)]) if (y[i] < 0).any() else list(y[i])
            others = [j for j in range(c) if j not in labels]
            for label in labels:
                inside = [j for j in others if 1 - x[i, label] + x[i, j] > 0]
                total += sum(1 - x[i, label] + x[i, j] for j in inside) / c
                self.dx[i, inside] += 1 / (n * c)
                if inside:
                    self.dx[i, label] -= 1 / (n * c)
        return x.dtype.type(total / n)

    def backward(self, dout):
        return dout * self.dx


class MultiLabelSoftMarginLoss:
    """The mean over the classes is forgotten."""

    def __init__(self, weight=None):
        self.weight = weight

    def forward(self, x, y):
        self.x, self.y = x, y
        losses = y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)
        return np.mean(losses if self.weight is None else losses * self.weight)

    def backward(self, dout):
        grad = dout * (1 / (1 + np.exp(-self.x)) - self.y) / len(self.x)
        return grad if self.weight is None else grad * self.weight


class CosineEmbeddingLoss:
    """The second norm is not differentiated."""

    def __init__(self, margin=0.0):
        self.margin = margin

    def forward(self, x1, x2, y):
        self.x1, self.x2, self.y = x1, x2, y
        self.n1 = np.linalg.norm(x1, axis=1, keepdims=True)
        self.n2 = np.linalg.norm(x2, axis=1, keepdims=True)
        self.cos = np.sum(x1 * x2, axis=1, keepdims=True) / (self.n1 * self.n2)
        cos = self.cos[:, 0]
        return np.mean(np.where(y == 1, 1 - cos, np.maximum(0, cos - self.margin)))

    def backward(self, dout):
        slope = np.where(self.y == 1, -1, self.cos[:, 0] > self.margin).astype(self.x1.dtype)[:, None]
        dcos = dout * slope / len(slope)
        dx1 = dcos * (self.x2 / (self.n1 * self.n2) - self.cos * self.x1 / self.n1**2)
        return dx1, dcos * self.x1 / (self.n1 * self.n2)


class TripletMarginLoss:
    """The anchor is moved by the positive alone."""

    def __init__(self, margin=1.0):
        self.margin = margin

    def forward(self, a, p, n):
        self.ap, self.an = a - p + 1e-6, a - n + 1e-6
        self.dp, self.dn = (np.sqrt((d**2).sum(1, keepdims=True)) for d in (self.ap, self.an))
        self.loss = np.maximum(self.dp - self.dn + self.margin, 0)
        return self.loss.mean()

    def backward(self, dout):
        g = dout * (self.loss > 0) / len(self.loss)
        to_p, to_n = (
            (g * self.ap / self.dp).astype(self.ap.dtype),
            (g * self.an / self.dn).astype(self.ap.dtype),
        )
        return to_p, -to_p, to_n


class TripletLoss:
    """The mask is forgotten."""

    def forward(self, anchor, positive, negative):
        self.a, self.p, self.n = anchor, positive, negative
        near, far = ((anchor - positive) ** 2).sum(1), ((anchor - negative) ** 2).sum(1)
        return np.maximum(near - far + 0.2, 0).mean()

    def backward(self):
        m = len(self.a)
        return 2 * (self.n - self.p) / m, 2 * (self.p - self.a) / m, 2 * (self.a - self.n) / m


class TripletMarginWithDistanceLoss:
    """A distance's slope is not divided by the distance."""

    def forward(self, anchor, positive, negative):
        self.ap, self.an = anchor - positive + 1e-6, anchor - negative + 1e-6
        near, far = np.sqrt((self.ap**2).sum(1)), np.sqrt((self.an**2).sum(1))
        self.mask = near - far + 1.0 > 0
        return np.mean((near - far + 1.0) * self.mask)

    def backward(self, dout):
        g = (dout * self.mask / len(self.mask)).astype(self.ap.dtype)[:, None]
        return g * (self.ap - self.an), -g * self.ap, g * self.an


class CTCLoss:
    """A label that stands twice has the sum of the last place alone."""

    def __init__(self, blank=0):
        self.blank = blank

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        n = log_probs.shape[1]
        self.grad, total = np.zeros_like(log_probs), 0.0
        for b in range(n):
            time, count = int(input_lengths[b]), int(target_lengths[b])
            loss, grad = self.one(log_probs[:time, b].astype(float), targets[b, :count])
            self.grad[:time, b] = grad / (n * max(count, 1))
            total += loss / (n * max(count, 1))
        return log_probs.dtype.type(total)

    def one(self, logp, labels):
        path = np.full(2 * len(labels) + 1, self.blank)
        path[1::2] = labels
        size, time = len(path), len(logp)
        step = np.eye(size) + np.eye(size, k=1)
        for s in range(2, size):
            step[s - 2, s] = path[s] != self.blank and path[s] != path[s - 2]
        p = np.exp(logp[:, path])
        alpha, beta = np.zeros((time, size)), np.zeros((time, size))
        alpha[0, :2], beta[-1, -2:] = p[0, :2], 1
        for t in range(1, time):
            alpha[t] = (alpha[t - 1] @ step) * p[t]
            beta[-t - 1] = step @ (beta[-t] * p[-t])
        whole = alpha[-1, -2:].sum()
        occupied = np.zeros_like(logp)
        for s in range(size):
            occupied[:, path[s]] = alpha[:, s] * beta[:, s] / whole
        return -np.log(whole), np.exp(logp) - occupied

    def backward(self, dout):
        return dout * self.grad


class CosineSimilarity:
    """The norms are taken for constants."""

    def forward(self, x1, x2):
        self.x1, self.x2 = x1, x2
        self.norms = np.linalg.norm(x1, axis=-1) * np.linalg.norm(x2, axis=-1)
        return (x1 * x2).sum(-1) / self.norms

    def backward(self, dout):
        g = (dout / self.norms)[..., None]
        return g * self.x2, g * self.x1


class PairwiseDistance:
    """The second vector's sign."""

    def __init__(self, eps=1e-6):
        self.eps = eps

    def forward(self, x1, x2):
        self.d = x1 - x2 + self.eps
        self.norm = np.sqrt((self.d**2).sum(-1))
        return self.norm

    def backward(self, dout):
        dx = np.asarray(dout / self.norm)[..., None] * self.d
        return dx, dx


class CrossEntropyLoss:
    """Divided by the batch, not by the weights."""

    def __init__(self, weight=None):
        self.weight = weight

    def forward(self, x, y):
        z = x - x.max(axis=1, keepdims=True)
        self.log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.y, self.w = y, np.ones(len(x), x.dtype) if self.weight is None else self.weight[y]
        return -(self.log_p[np.arange(len(x)), y] * self.w).sum() / self.w.sum()

    def backward(self, dout=1.0):
        dx = np.exp(self.log_p)
        dx[np.arange(len(dx)), self.y] -= 1
        return dout * dx * self.w[:, None] / len(dx)


class BCEWithLogitsLoss:
    """The positive ones' weight is not in the slope of the others' part."""

    def __init__(self, pos_weight=None):
        self.w = 1.0 if pos_weight is None else pos_weight

    def forward(self, x, y):
        self.x, self.y = x, y
        return np.mean(self.w * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x))

    def backward(self, dout):
        p = 1 / (1 + np.exp(-self.x))
        return dout * (p - self.w * self.y) / self.x.size


class MultiMarginLoss:
    """Squared margins have the slope of plain ones."""

    def __init__(self, p=1):
        self.p = p

    def forward(self, x, y):
        n, c = x.shape
        z = np.maximum(0, 1 - x[np.arange(n), y][:, None] + x)
        z[np.arange(n), y] = 0
        self.dx = (z > 0).astype(x.dtype) / (n * c)
        self.dx[np.arange(n), y] = -self.dx.sum(axis=1)
        return (z**self.p).sum() / (n * c)

    def backward(self, dout):
        return dout * self.dx


class HuberLoss:
    """Beyond delta the slope is 1."""

    def __init__(self, delta=1.0):
        self.delta = delta

    def forward(self, x, y):
        self.d, a = x - y, abs(x - y)
        return np.where(a <= self.delta, 0.5 * a * a, self.delta * (a - 0.5 * self.delta)).mean()

    def backward(self, dout):
        return dout * np.where(abs(self.d) <= self.delta, self.d, np.sign(self.d)) / self.d.size


def soft_margin_loss_forward(x, target):
    return np.mean(np.log1p(np.exp(-target * x))), (x, target)


def soft_margin_loss_backward(dout, cache):
    x, target = cache
    return -dout * target / (1 + np.exp(target * x))
