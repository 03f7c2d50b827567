"""What the zoo's layers are held against: PyTorch, in the layouts and with the options the layers have.

Each takes tensors in the layer's own layout, so that autograd answers in that layout too.
"""

import torch
import torch.nn.functional as F


def linear_in_out(x, W, b=None, axis=1):
    y = x.flatten(1) @ W if axis == 1 else x @ W
    return y if b is None else y + b


def linear_out_in(x, weight, bias=None):
    return F.linear(x, weight, bias)


def linear_columns(x, W, b):
    return W @ x + b


def matmul(x, W):
    return x @ W


def linear_mean(x, W, b):
    """The parameters' gradients are divided by N."""
    n = len(x)
    return x @ (W / n + W.detach() * (1 - 1 / n)) + (b / n + b.detach() * (1 - 1 / n))


def linear_out_in_column(x, W, b):
    return x @ W.T + b.T


def affine_relu(x, w, b):
    return F.relu(linear_in_out(x, w, b))


def relu(x):
    return F.relu(x)


def leaky_relu(x, slope=0.01):
    return F.leaky_relu(x, slope)


def prelu(x, weight):
    return F.prelu(x, weight)


def elu(x, alpha=1.0):
    return F.elu(x, alpha)


def gelu(x, approximate="none"):
    return F.gelu(x, approximate=approximate)


def sigmoid(x):
    return torch.sigmoid(x)


def tanh(x):
    return torch.tanh(x)


def silu(x):
    return F.silu(x)


def softplus(x):
    return F.softplus(x)


def hardtanh(x):
    return F.hardtanh(x)


def relu6(x):
    return F.relu6(x)


def softmax(x, dim=-1):
    return F.softmax(x, dim)


def softmax_columns(x):
    return F.softmax(x, 0)


def log_softmax(x, dim=-1):
    return F.log_softmax(x, dim)


# Losses


def _indices(t):
    return t.argmax(-1) if t.ndim > 1 else t.long()


def cross_entropy(x, t):
    return F.cross_entropy(x, _indices(t))


def cross_entropy_each(x, t):
    return F.cross_entropy(x, _indices(t), reduction="none")


def cross_entropy_sum(x, t):
    return F.cross_entropy(x, _indices(t), reduction="sum")


def cross_entropy_ignoring(x, t, ignore_index=-100):
    return F.cross_entropy(x, t.long(), ignore_index=ignore_index)


def nll_loss(x, t):
    return F.nll_loss(x, _indices(t))


def nll_loss_weighted(x, t, weight):
    return F.nll_loss(x, t.long(), weight=weight)


def svm_loss(x, y):
    return F.multi_margin_loss(x, y.long(), reduction="mean") * x.shape[1]


def temporal_softmax_loss(x, y, mask):
    each = F.cross_entropy(x.flatten(0, 1), y.long().flatten(), reduction="none")
    return (each * mask.flatten()).sum() / x.shape[0]


def time_softmax_loss(x, t, ignore_label=-1):
    return F.cross_entropy(x.flatten(0, 1), t.long().flatten(), ignore_index=ignore_label)


def mse_loss(x, y):
    return F.mse_loss(x, y)


def mse_sum_half(x, t):
    """Half the sum of squares, the book's."""
    return 0.5 * F.mse_loss(x, t, reduction="sum")


def mse_one_one(x, y):
    return F.mse_loss(x, y).reshape(1, 1)


def mse_half_each(x, y):
    """Half the squares, one loss an element."""
    return 0.5 * (x - y) ** 2


def l1_loss(x, y):
    return F.l1_loss(x, y)


def smooth_l1_loss(x, y, beta=1.0):
    return F.smooth_l1_loss(x, y, beta=beta)


def binary_cross_entropy(x, y):
    return F.binary_cross_entropy(x, y)


def bce_with_logits(x, y):
    return F.binary_cross_entropy_with_logits(x, y)


def kl_div(x, target):
    return F.kl_div(x, target, reduction="batchmean")


def cosine_similarity(a, b):
    return F.cosine_similarity(a, b, dim=1)


# Convolution and pooling


def conv2d(x, w, b=None, stride=1, pad=0, groups=1, dilation=1, **same):
    return F.conv2d(
        x,
        w,
        None if b is None else b.reshape(-1),
        same.get("stride", stride),
        same.get("padding", pad),
        dilation,
        groups,
    )


def conv2d_nhwc(x, w, b, stride=1, pad=0):
    y = F.conv2d(x.permute(0, 3, 1, 2), w.permute(3, 2, 0, 1), b.reshape(-1), stride, pad)
    return y.permute(0, 2, 3, 1)


def conv2d_one(x, w, b, stride=1, pad=0):
    """No batch axis."""
    return F.conv2d(x[None], w, b.reshape(-1), stride, pad)[0]


def conv2d_plane(x, w):
    """One image, one kernel: no batch, no channels."""
    return F.conv2d(x[None, None], w[None, None])[0, 0]


def conv1d(x, w, b=None, stride=1, pad=0, dilation=1):
    return F.conv1d(x, w, b, stride, pad, dilation)


def conv_relu(x, w, b, stride=1, pad=0):
    return F.relu(conv2d(x, w, b, stride, pad))


def conv_relu_pool(x, w, b, stride=1, pad=0):
    return F.max_pool2d(conv_relu(x, w, b, stride, pad), 2, 2)


def conv_transpose2d(x, weight, stride=1):
    return F.conv_transpose2d(x, weight, stride=stride)


def _pool(kernel_size=None, stride=None, padding=0, **names):
    kh = names.get("pool_h", names.get("pool_height", kernel_size))
    kw = names.get("pool_w", names.get("pool_width", kernel_size))
    return (kh, kw), stride, names.get("pad", padding)


def max_pool2d(x, **options):
    return F.max_pool2d(x, *_pool(**options))


def avg_pool2d(x, **options):
    return F.avg_pool2d(x, *_pool(**options))


def max_pool2d_even(x, **options):
    """Ties share the gradient: the derivative of the mean over the maxima."""
    (kh, kw), stride, _ = _pool(**options)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    return windows.amax((-2, -1))


def max_pool2d_nhwc(x, **options):
    return F.max_pool2d(x.permute(0, 3, 1, 2), *_pool(**options)).permute(0, 2, 3, 1)


def global_avg_pool(x):
    return x.mean((2, 3))


# Normalisation


def _norm_state(x, mean, var, y, training, momentum, unbiased):
    if mean is None:
        return y
    axes = [a for a in range(x.ndim) if a != 1]
    if not training:
        return y, mean, var
    new_var = x.var(axes, unbiased=unbiased)
    return y, momentum * mean + (1 - momentum) * x.mean(axes), momentum * var + (1 - momentum) * new_var


def batch_norm(
    x,
    gamma,
    beta,
    running_mean=None,
    running_var=None,
    mode=None,
    training=True,
    eps=1e-5,
    momentum=0.9,
    unbiased=False,
):
    """`momentum` is the share that is kept."""
    training = training if mode is None else mode == "train"
    y = F.batch_norm(
        x,
        None if running_mean is None else running_mean.detach().clone(),
        None if running_var is None else running_var.detach().clone(),
        gamma.reshape(-1),
        beta.reshape(-1),
        training,
        0.0,
        eps,
    )
    return _norm_state(x, running_mean, running_var, y, training, momentum, unbiased)


def batch_norm_torch(
    x, weight, bias, running_mean=None, running_var=None, training=True, eps=1e-5, momentum=0.1
):
    """`momentum` is the share of the new, the running variance unbiased."""
    return batch_norm(
        x, weight, bias, running_mean, running_var, None, training, eps, 1 - momentum, unbiased=True
    )


def layer_norm(x, gamma, beta, eps=1e-5):
    return F.layer_norm(x, x.shape[-1:], gamma, beta, eps)


def batch_norm_pull(x, running_mean, running_var, weight, bias, **options):
    return batch_norm_torch(x, weight, bias, running_mean, running_var, **options)


def layer_norm_std(x, gamma, beta, eps=1e-5):
    centred = x - x.mean(-1, keepdim=True)
    return gamma * centred / (centred.pow(2).mean(-1, keepdim=True).sqrt() + eps) + beta


def rms_norm(x, weight, eps=1e-5):
    return F.rms_norm(x, x.shape[-1:], weight, eps)


def spatial_groupnorm(x, gamma, beta, G=2, eps=1e-5):
    return F.group_norm(x, G, gamma.reshape(-1), beta.reshape(-1), eps)


# Dropout: the mask is read off the layer's own output


def dropout(x, mask, p=0.5, scale=True):
    """`p` is the probability of dropping."""
    return x * mask / (1 - p) if scale else x * mask


def dropout_off(x, factor=1.0):
    return x * factor


# Embedding


def embedding(ids, W):
    return F.embedding(ids.long(), W)


def embedding_padded(ids, weight, padding_idx=0):
    return F.embedding(ids.long(), weight, padding_idx=padding_idx)


# Recurrent


def rnn_step(x, prev_h, Wx, Wh, b):
    return torch.tanh(x @ Wx + prev_h @ Wh + b)


def rnn_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    return torch.tanh(F.linear(x, weight_ih, bias_ih) + F.linear(h, weight_hh, bias_hh))


def rnn(x, h0, Wx, Wh, b):
    h, out = h0, []
    for t in range(x.shape[1]):
        h = rnn_step(x[:, t], h, Wx, Wh, b)
        out.append(h)
    return torch.stack(out, 1)


def time_rnn(x, Wx, Wh, b):
    return rnn(x, torch.zeros(x.shape[0], Wh.shape[0], dtype=x.dtype), Wx, Wh, b)


def lstm_step(x, prev_h, prev_c, Wx, Wh, b):
    """Gates in the order i, f, o, g."""
    i, f, o, g = (x @ Wx + prev_h @ Wh + b).chunk(4, 1)
    c = torch.sigmoid(f) * prev_c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm_cell_book(x, h, c, Wx, Wh, b):
    """Gates in the order f, g, i, o."""
    f, g, i, o = (x @ Wx + h @ Wh + b).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.tanh(g) * torch.sigmoid(i)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm_cell_torch(x, h, c, weight_ih, weight_hh, bias):
    """Gates in the order i, f, g, o."""
    i, f, g, o = (x @ weight_ih.T + h @ weight_hh.T + bias).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


def lstm(x, h0, Wx, Wh, b):
    h, c, out = h0, torch.zeros_like(h0), []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, Wx, Wh, b)
        out.append(h)
    return torch.stack(out, 1)


def time_lstm(x, Wx, Wh, b):
    h = torch.zeros(x.shape[0], Wh.shape[0], dtype=x.dtype)
    c, out = h, []
    for t in range(x.shape[1]):
        h, c = lstm_cell_book(x[:, t], h, c, Wx, Wh, b)
        out.append(h)
    return torch.stack(out, 1)


def gru_cell(x, h, weight_ih, weight_hh, bias_ih, bias_hh):
    xr, xz, xn = F.linear(x, weight_ih, bias_ih).chunk(3, 1)
    hr, hz, hn = F.linear(h, weight_hh, bias_hh).chunk(3, 1)
    r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
    return (1 - z) * torch.tanh(xn + r * hn) + z * h


def scaled_dot_product_attention(q, k, v):
    return F.scaled_dot_product_attention(q, k, v)
