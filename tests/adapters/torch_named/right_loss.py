"""Right losses and distances, as they are written by hand."""

import numpy as np


class KLDivLoss:
    """PyTorch's: the prediction is a logarithm."""

    def __init__(self, reduction="mean", log_target=False):
        self.reduction = reduction
        self.log_target = log_target

    def forward(self, x, target):
        self.p = np.exp(target) if self.log_target else target
        log_p = target if self.log_target else np.log(np.where(target > 0, target, 1))
        losses = self.p * (log_p - x)
        self.n = {"mean": x.size, "batchmean": x.shape[0]}.get(self.reduction, 1)
        return losses if self.reduction == "none" else losses.sum() / self.n

    def backward(self, dout=1.0):
        return -dout * self.p / self.n


class KLDivergence:
    """Keras's: of probabilities, the true ones first, summed over a sample's classes."""

    def forward(self, y_true, y_pred):
        self.y_true, self.y_pred = y_true, y_pred
        return np.sum(y_true * np.log(y_true / (y_pred + 1e-7))) / y_true.shape[0]

    def backward(self):
        return -self.y_true / (self.y_pred + 1e-7) / self.y_true.shape[0]


class KLDivergenceLoss:
    """p and q, as books have them; one loss a sample."""

    def forward(self, p, q):
        self.p, self.q = p, q
        return (p * (np.log(p) - np.log(q))).sum(axis=1)

    def backward(self, dout):
        return -dout[:, None] * self.p / self.q


class PoissonNLLLoss:
    def __init__(self, log_input=True, full=False, eps=1e-8, reduction="mean"):
        self.log_input, self.full, self.eps, self.reduction = log_input, full, eps, reduction

    def forward(self, x, target):
        self.x, self.t = x, target
        loss = np.exp(x) - target * x if self.log_input else x - target * np.log(x + self.eps)
        if self.full:
            large = np.maximum(target, 2)
            stirling = large * np.log(large) - large + 0.5 * np.log(2 * np.pi * large)
            loss = loss + np.where(target > 1, stirling, 0)
        if self.reduction == "mean":
            return loss.mean()
        return loss.sum() if self.reduction == "sum" else loss

    def backward(self, dout):
        slope = np.exp(self.x) - self.t if self.log_input else 1 - self.t / (self.x + self.eps)
        return dout * slope / (self.x.size if self.reduction == "mean" else 1)


class PoissonLoss:
    """Of rates."""

    def __call__(self, y_pred, y_true):
        return self.forward(y_pred, y_true)

    def forward(self, y_pred, y_true):
        self.y_pred, self.y_true = y_pred, y_true
        return np.mean(y_pred - y_true * np.log(y_pred + 1e-7))

    def backward(self):
        return (1 - self.y_true / (self.y_pred + 1e-7)) / self.y_pred.size


class GaussianNLLLoss:
    def __init__(self, full=False, eps=1e-6, reduction="mean"):
        self.full, self.eps, self.reduction = full, eps, reduction

    def forward(self, x, target, var):
        self.var = np.maximum(var, self.eps)
        self.diff = x - target
        loss = 0.5 * (np.log(self.var) + self.diff**2 / self.var)
        if self.full:
            loss = loss + 0.5 * float(np.log(2 * np.pi))
        self.n = loss.size
        return loss.mean() if self.reduction == "mean" else loss.sum() if self.reduction == "sum" else loss

    def backward(self, dout=1.0):
        if self.reduction == "mean":
            dout = dout / self.n
        dx = dout * self.diff / self.var
        dvar = 0.5 * dout * (1 / self.var - self.diff**2 / self.var**2)
        return dx, -dx, dvar


class GaussianNLL:
    """The gradients of the mean and of the variance alone."""

    def forward(self, mu, var, y):
        self.mu, self.var, self.y = mu, var, y
        return np.sum(0.5 * np.log(2 * np.pi * var) + (y - mu) ** 2 / (2 * var))

    def backward(self):
        d = self.mu - self.y
        return d / self.var, (1 / self.var - (d / self.var) ** 2) / 2


class HingeEmbeddingLoss:
    def __init__(self, margin=1.0, reduction="mean"):
        self.margin, self.reduction = margin, reduction

    def forward(self, x, y):
        self.x, self.y = x, y
        losses = np.where(y == 1, x, np.maximum(0, self.margin - x))
        if self.reduction == "mean":
            return losses.mean()
        return losses.sum() if self.reduction == "sum" else losses

    def backward(self, grad_output):
        grad = np.where(self.y == 1, 1.0, -1.0 * (self.margin - self.x > 0)).astype(self.x.dtype)
        if self.reduction == "mean":
            grad /= self.x.size
        return grad * grad_output


class MarginRankingLoss:
    def __init__(self, margin=0.0):
        self.margin = margin

    def forward(self, x1, x2, y):
        z = -y * (x1 - x2) + self.margin
        self.y, self.mask = y, z > 0
        return np.mean(np.maximum(z, 0))

    def backward(self, dout):
        g = dout * self.mask * self.y / self.y.size
        return -g, g


class MarginRankingLossLayer:
    """One score a sample: the mean over the samples."""

    def __init__(self, margin=0.0, reduction="mean"):
        self.margin, self.reduction = margin, reduction

    def forward(self, x1, x2, y):
        z = -y * (x1 - x2) + self.margin
        self.y, self.mask = y, z > 0
        return {"mean": np.mean, "sum": np.sum, "none": lambda losses: losses}[self.reduction](
            np.maximum(z, 0)
        )

    def backward(self, dout):
        g = dout * self.mask * self.y / (len(self.y) if self.reduction == "mean" else 1)
        return -g, g


class MarginRanking:
    """A margin of its own, and summed."""

    def forward(self, input1, input2, target):
        self.t = target
        self.active = (1.0 - target * (input1 - input2)) > 0
        return ((1.0 - target * (input1 - input2)) * self.active).sum()

    def backward(self):
        return -self.t * self.active, self.t * self.active


class SoftMarginLoss:
    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, y):
        self.x, self.y = x, y
        losses = np.logaddexp(0, -y * x)
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout=1.0):
        grad = -self.y / (1 + np.exp(self.y * self.x))
        return dout * (grad / self.x.size if self.reduction == "mean" else grad)


class MultiLabelMarginLoss:
    """Loops, as the definition has them."""

    def __init__(self, reduction="mean"):
        self.reduction = reduction

    def forward(self, x, y):
        self.alone = x.ndim == 1
        x, y = np.atleast_2d(x), np.atleast_2d(y)
        n, c = x.shape
        losses, self.dx = np.zeros(n, x.dtype), np.zeros_like(x)
        for i in range(n):
            labels = []
            for label in y[i]:
                if label < 0:
                    break
                labels.append(label)
            for label in labels:
                for j in range(c):
                    if j in labels:
                        continue
                    margin = 1 - (x[i, label] - x[i, j])
                    if margin > 0:
                        losses[i] += margin / c
                        self.dx[i, label] -= 1 / c
                        self.dx[i, j] += 1 / c
        if self.reduction == "none":
            return losses[0] if self.alone else losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout):
        n = len(self.dx)
        dx = self.dx / n if self.reduction == "mean" else self.dx
        dx = dx * np.reshape(dout, (-1, 1)) if np.ndim(dout) else dx * dout
        return dx[0] if self.alone else dx


class MultiLabelSoftMarginLoss:
    def __init__(self, weight=None, reduction="mean"):
        self.weight, self.reduction = weight, reduction

    def forward(self, x, y):
        self.p = 1 / (1 + np.exp(-x))
        self.y = y
        losses = -(y * np.log(self.p) + (1 - y) * np.log(1 - self.p))
        if self.weight is not None:
            losses = losses * self.weight
        losses = losses.mean(axis=1)
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout):
        grad = (self.p - self.y) * dout / self.p.shape[1]
        if self.weight is not None:
            grad = grad * self.weight
        return grad / len(grad) if self.reduction == "mean" else grad


class MultiLabelSoftMargin:
    """Summed over the classes."""

    def forward(self, logits, labels):
        self.z, self.t = logits, labels
        return np.sum(np.log1p(np.exp(-logits)) + (1 - labels) * logits) / len(logits)

    def backward(self):
        return (1 / (1 + np.exp(-self.z)) - self.t) / len(self.z)


class CosineEmbeddingLoss:
    """Nothing is added to the norms."""

    def __init__(self, margin=0.0):
        self.margin = margin

    def forward(self, x1, x2, y):
        self.x1, self.x2, self.y = x1, x2, y
        self.n1 = np.linalg.norm(x1, axis=1, keepdims=True)
        self.n2 = np.linalg.norm(x2, axis=1, keepdims=True)
        self.cos = np.sum(x1 * x2, axis=1) / (self.n1 * self.n2)[:, 0]
        return np.mean(np.where(y == 1, 1 - self.cos, np.maximum(0, self.cos - self.margin)))

    def backward(self, dout):
        slope = np.where(self.y == 1, -1.0, 1.0 * (self.cos > self.margin)).astype(self.x1.dtype)
        dcos = (dout * slope / len(slope))[:, None]
        cos = self.cos[:, None]
        dx1 = dcos * (self.x2 / (self.n1 * self.n2) - cos * self.x1 / self.n1**2)
        dx2 = dcos * (self.x1 / (self.n1 * self.n2) - cos * self.x2 / self.n2**2)
        return dx1, dx2


class CosineEmbedding:
    """As PyTorch computes it, with its small number in the squares."""

    def __init__(self, margin=0.0, reduction="mean"):
        self.margin, self.reduction = margin, reduction

    def forward(self, input1, input2, target):
        self.a, self.b, self.t = input1, input2, target
        eps = 1e-12
        self.aa = (input1**2).sum(1) + eps
        self.bb = (input2**2).sum(1) + eps
        self.cos = (input1 * input2).sum(1) / np.sqrt(self.aa * self.bb)
        losses = np.where(target > 0, 1 - self.cos, np.clip(self.cos - self.margin, 0, None))
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout):
        d = np.where(self.t > 0, -1, (self.cos > self.margin).astype(self.a.dtype)) * dout
        if self.reduction == "mean":
            d = d / len(d)
        root = np.sqrt(self.aa * self.bb)
        da = np.einsum("n,nd->nd", d / root, self.b) - np.einsum("n,nd->nd", d * self.cos / self.aa, self.a)
        db = np.einsum("n,nd->nd", d / root, self.a) - np.einsum("n,nd->nd", d * self.cos / self.bb, self.b)
        return da, db


class TripletMarginLoss:
    """PyTorch's signature but for swap."""

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, reduction="mean"):
        self.margin, self.p, self.eps, self.reduction = margin, p, eps, reduction

    def _distance(self, a, b):
        d = a - b + self.eps
        norm = np.sum(np.abs(d) ** self.p, axis=-1, keepdims=True) ** (1 / self.p)
        return norm[..., 0], np.sign(d) * np.abs(d) ** (self.p - 1) / norm ** (self.p - 1)

    def forward(self, anchor, positive, negative):
        near, self.gp = self._distance(anchor, positive)
        far, self.gn = self._distance(anchor, negative)
        losses = np.maximum(near - far + self.margin, 0)
        self.active = (losses > 0)[..., None]
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout):
        if self.reduction == "none":
            dout = dout[..., None]
        scale = dout * self.active
        if self.reduction == "mean":
            scale = scale / self.active.size
        gp, gn = self.gp * scale, self.gn * scale
        return (gp - gn).astype(self.gp.dtype), (-gp).astype(self.gp.dtype), gn.astype(self.gp.dtype)


class TripletLoss:
    """FaceNet's: squared distances and a margin of 0.2."""

    def __init__(self, alpha=0.2):
        self.alpha = alpha

    def forward(self, a, p, n):
        self.a, self.p, self.n = a, p, n
        self.loss = np.sum((a - p) ** 2, 1) - np.sum((a - n) ** 2, 1) + self.alpha
        return np.sum(np.maximum(self.loss, 0))

    def backward(self):
        mask = (self.loss > 0)[:, None]
        return 2 * (self.n - self.p) * mask, 2 * (self.p - self.a) * mask, 2 * (self.a - self.n) * mask


class TripletMarginWithDistanceLoss:
    """Euclidean distances, and the nearer of the negative's two."""

    def __init__(self, margin=1.0, swap=False):
        self.margin, self.swap = margin, swap

    def forward(self, anchor, positive, negative):
        self.vectors = anchor, positive, negative
        self.ap, self.an, self.pn = (
            np.sqrt(np.sum((a - b + 1e-6) ** 2, axis=1))
            for a, b in ((anchor, positive), (anchor, negative), (positive, negative))
        )
        self.other = (self.pn < self.an) & self.swap
        self.far = np.where(self.other, self.pn, self.an)
        self.active = self.ap - self.far + self.margin > 0
        return np.mean((self.ap - self.far + self.margin) * self.active)

    def backward(self, dout=1.0):
        a, p, n = self.vectors
        d = (dout * self.active / len(a)).astype(a.dtype)[:, None]
        to_p = d * (a - p + 1e-6) / self.ap[:, None]
        to_n = d * (a - n + 1e-6) / self.an[:, None] * ~self.other[:, None]
        from_p = d * (p - n + 1e-6) / self.pn[:, None] * self.other[:, None]
        return to_p - to_n, -to_p - from_p, to_n + from_p


class CTCLoss:
    """Alphas and betas in logarithms; the gradient is that before a log-softmax, as PyTorch's."""

    def __init__(self, blank=0, reduction="mean"):
        self.blank, self.reduction = blank, reduction

    def forward(self, log_probs, targets, input_lengths, target_lengths):
        n = log_probs.shape[1]
        self.grad = np.zeros_like(log_probs)
        losses = np.zeros(n, log_probs.dtype)
        for b in range(n):
            time, count = int(input_lengths[b]), int(target_lengths[b])
            losses[b], self.grad[:time, b] = self._one(log_probs[:time, b], targets[b, :count])
        self.counts = np.maximum(np.asarray(target_lengths), 1)
        if self.reduction == "none":
            return losses
        return (losses / self.counts).mean() if self.reduction == "mean" else losses.sum()

    def _one(self, logp, labels):
        time = len(logp)
        path = np.full(2 * len(labels) + 1, self.blank)
        path[1::2] = labels
        size = len(path)
        skip = [s > 1 and path[s] != self.blank and path[s] != path[s - 2] for s in range(size)]
        alpha = np.full((time, size), -np.inf)
        alpha[0, :2] = logp[0, path[:2]]
        for t in range(1, time):
            for s in range(size):
                total = alpha[t - 1, s]
                if s > 0:
                    total = np.logaddexp(total, alpha[t - 1, s - 1])
                if skip[s]:
                    total = np.logaddexp(total, alpha[t - 1, s - 2])
                alpha[t, s] = total + logp[t, path[s]]
        beta = np.full((time, size), -np.inf)
        beta[-1, -2:] = 0
        for t in range(time - 2, -1, -1):
            for s in range(size):
                total = beta[t + 1, s] + logp[t + 1, path[s]]
                if s + 1 < size:
                    total = np.logaddexp(total, beta[t + 1, s + 1] + logp[t + 1, path[s + 1]])
                if s + 2 < size and skip[s + 2]:
                    total = np.logaddexp(total, beta[t + 1, s + 2] + logp[t + 1, path[s + 2]])
                beta[t, s] = total
        whole = np.logaddexp(alpha[-1, -1], alpha[-1, -2])
        grad = np.exp(logp)
        for s in range(size):
            grad[:, path[s]] -= np.exp(alpha[:, s] + beta[:, s] - whole)
        return -whole, grad

    def backward(self, dout):
        scale = np.asarray(dout, self.grad.dtype)
        if self.reduction == "mean":
            scale = dout / (self.counts * len(self.counts))
        return (self.grad * np.reshape(scale, (1, -1, 1))).astype(self.grad.dtype)


class CTC:
    """Batch first, one sequence after the other; the gradient of the log-probabilities by themselves."""

    def forward(self, log_probs, labels, input_lengths, label_lengths):
        losses, self.grads = [], np.zeros_like(log_probs)
        for b, (time, count) in enumerate(zip(input_lengths, label_lengths, strict=True)):
            loss, grad = self.one(log_probs[b, :time].astype(float), labels[b, :count])
            losses.append(loss)
            self.grads[b, :time] = grad
        return np.array(losses, log_probs.dtype)

    def one(self, logp, labels):
        path = [0]
        for label in labels:
            path += [int(label), 0]
        size, time = len(path), len(logp)
        step = np.eye(size) + np.eye(size, k=1)
        for s in range(2, size):
            step[s - 2, s] = path[s] != 0 and path[s] != path[s - 2]
        p = np.exp(logp[:, path])
        alpha, beta = np.zeros((time, size)), np.zeros((time, size))
        alpha[0, :2], beta[-1, -2:] = p[0, :2], 1
        for t in range(1, time):
            alpha[t] = (alpha[t - 1] @ step) * p[t]
            beta[-t - 1] = step @ (beta[-t] * p[-t])
        whole = alpha[-1, -2:].sum()
        grad = np.zeros_like(logp)
        for s in range(size):
            grad[:, path[s]] -= alpha[:, s] * beta[:, s] / whole
        return -np.log(whole), grad

    def backward(self, dout):
        return self.grads * dout[:, None, None]


class CosineSimilarity:
    def __init__(self, dim=1, eps=1e-8):
        self.dim, self.eps = dim, eps

    def forward(self, x1, x2):
        self.x1, self.x2 = x1, x2
        self.n1 = np.sqrt(np.sum(x1 * x1, axis=self.dim, keepdims=True))
        self.n2 = np.sqrt(np.sum(x2 * x2, axis=self.dim, keepdims=True))
        self.n1, self.n2 = np.maximum(self.n1, self.eps), np.maximum(self.n2, self.eps)
        self.cos = np.sum(x1 * x2, axis=self.dim, keepdims=True) / (self.n1 * self.n2)
        return self.cos.squeeze(self.dim)

    def backward(self, dout):
        dout = np.expand_dims(dout, self.dim)
        dx1 = dout * (self.x2 / (self.n1 * self.n2) - self.cos * self.x1 / self.n1**2)
        dx2 = dout * (self.x1 / (self.n1 * self.n2) - self.cos * self.x2 / self.n2**2)
        return dx1, dx2


class MyCosineSimilarity:
    """A small number beside the product of the norms; gradients are kept."""

    def forward(self, a, b):
        self.a, self.b = a, b
        self.na, self.nb = np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1)
        self.bottom = self.na * self.nb + 1e-8
        self.top = np.einsum("nd,nd->n", a, b)
        return self.top / self.bottom

    def backward(self, dout):
        over = (dout / self.bottom)[:, None]
        back = (dout * self.top / self.bottom**2)[:, None]
        da = over * self.b - back * self.nb[:, None] * self.a / self.na[:, None]
        db = over * self.a - back * self.na[:, None] * self.b / self.nb[:, None]
        return da, db


class PairwiseDistance:
    def __init__(self, p=2.0, eps=1e-6, keepdim=False):
        self.p, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1, x2):
        self.d = x1 - x2 + self.eps
        self.norm = (np.abs(self.d) ** self.p).sum(axis=-1, keepdims=True) ** (1 / self.p)
        return self.norm if self.keepdim else self.norm[..., 0]

    def backward(self, dout):
        dout = dout if self.keepdim else np.asarray(dout)[..., None]
        dx = dout * np.sign(self.d) * (np.abs(self.d) / self.norm) ** (self.p - 1)
        return dx, -dx


class PairwiseDistanceLayer:
    """Euclidean, with a small number inside the root."""

    def forward(self, x1, x2):
        self.diff = x1 - x2
        self.out = np.sqrt((self.diff**2).sum(1) + 1e-8)
        return self.out

    def backward(self, dout):
        dx1 = (dout / self.out)[:, None] * self.diff
        return dx1, -dx1


class CrossEntropyLoss:
    """Weights of the classes and smoothing, as PyTorch has them."""

    def __init__(self, weight=None, label_smoothing=0.0):
        self.weight, self.smoothing = weight, label_smoothing

    def forward(self, x, y):
        n, c = x.shape
        z = x - x.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.p = np.exp(log_p)
        weight = np.ones(c, x.dtype) if self.weight is None else self.weight
        hot = np.zeros_like(x)
        hot[np.arange(n), y] = 1
        self.q = ((1 - self.smoothing) * hot + self.smoothing / c) * weight
        self.total = weight[y].sum()
        return -(self.q * log_p).sum() / self.total

    def backward(self, dout=1.0):
        return dout * (self.p * self.q.sum(axis=1, keepdims=True) - self.q) / self.total


class BCELoss:
    """It refuses what is no probability."""

    def __init__(self, weight=None):
        self.weight = weight

    def forward(self, x, y):
        if x.min() < 0 or x.max() > 1:
            raise ValueError("BCELoss: every element of x must lie between 0 and 1")
        self.x, self.y = x, y
        losses = -(y * np.log(x) + (1 - y) * np.log(1 - x))
        return np.mean(losses if self.weight is None else losses * self.weight)

    def backward(self, dout):
        grad = dout * (self.x - self.y) / (self.x * (1 - self.x)) / self.x.size
        return grad if self.weight is None else grad * self.weight


class BCEWithLogitsLoss:
    def __init__(self, weight=None, reduction="mean", pos_weight=None):
        self.weight, self.reduction, self.pos_weight = weight, reduction, pos_weight

    def forward(self, x, y):
        self.x, self.y = x, y
        w = 1.0 if self.pos_weight is None else self.pos_weight
        losses = w * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x)
        if self.weight is not None:
            losses = losses * self.weight
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout):
        p = 1 / (1 + np.exp(-self.x))
        w = 1.0 if self.pos_weight is None else self.pos_weight
        grad = (1 - self.y) * p - w * self.y * (1 - p)
        if self.weight is not None:
            grad = grad * self.weight
        return dout * (grad / self.x.size if self.reduction == "mean" else grad)


class MultiMarginLoss:
    def __init__(self, p=1, margin=1.0, weight=None, reduction="mean"):
        self.p, self.margin, self.weight, self.reduction = p, margin, weight, reduction

    def forward(self, x, y):
        n, c = x.shape
        rows = np.arange(n)
        z = np.maximum(0, self.margin - x[rows, y][:, None] + x)
        z[rows, y] = 0
        w = np.ones((n, 1), x.dtype) if self.weight is None else self.weight[y][:, None]
        slope = w * (self.p * z ** (self.p - 1) * (z > 0)) / c
        slope[rows, y] = -slope.sum(axis=1)
        self.slope = slope.astype(x.dtype)
        losses = (w * z**self.p).sum(axis=1) / c
        if self.reduction == "none":
            return losses
        return losses.mean() if self.reduction == "mean" else losses.sum()

    def backward(self, dout):
        if self.reduction == "none":
            return self.slope * dout[:, None]
        return dout * self.slope / (len(self.slope) if self.reduction == "mean" else 1)


def hinge_embedding_loss(x, target, margin=1.0):
    """The loss and its pullback."""
    loss = np.where(target > 0, x, np.maximum(0, margin - x))

    def pullback(dy):
        return dy * np.where(target > 0, 1, -(x < margin).astype(x.dtype)) / x.size

    return loss.mean(), pullback


def kl_div_forward(x, target):
    return np.mean(target * (np.log(target) - x)), (x.size, target)


def kl_div_backward(dout, cache):
    size, target = cache
    return -dout * target / size


def pairwise_distance_forward(x1, x2, eps=1e-6):
    d = x1 - x2 + eps
    out = np.sqrt((d * d).sum(-1))
    return out, (d, out)


def pairwise_distance_backward(dout, cache):
    d, out = cache
    dx = (np.asarray(dout) / out)[..., None] * d
    return dx, -dx
