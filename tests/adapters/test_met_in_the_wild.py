"""What third parties write, each found by checking files that were written without sight of the suite."""

import pytest
from agreement import failed

from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot

pytest.importorskip("torch", reason="these are held against PyTorch")

SWISH = """
class Swish:
    def __init__(self, beta=1.0):
        self.beta = beta
    def call(self, x):
        return x / (1 + np.exp(-self.beta * x))
    def deriv(self, x):
        s = 1 / (1 + np.exp(-self.beta * x))
        return s + {beta} * x * s * (1 - s)
"""


def test_swish_is_asked_with_another_beta(loaded):
    assert "backward_equals_the_reference" not in failed(loaded(SWISH.format(beta="self.beta"))[0]["Swish"])
    assert "backward_equals_the_reference" in failed(loaded(SWISH.format(beta="1"))[0]["Swish"])


IMAGE = """
class Conv3x3:
    def __init__(self, num_filters):
        self.num_filters = num_filters
        self.filters = np.random.randn(num_filters, 3, 3) / 9
    def forward(self, input):
        self.last_input = input
        h, w = input.shape
        output = np.zeros((h - 2, w - 2, self.num_filters))
        for i in range(h - 2):
            for j in range(w - 2):
                output[i, j] = np.sum(input[i:i + 3, j:j + 3] * self.filters, axis=(1, 2))
        return output
    def backprop(self, d_L_d_out, learn_rate):
        d_filters, d_input = np.zeros(self.filters.shape), np.zeros(self.last_input.shape)
        for i in range(d_L_d_out.shape[0]):
            for j in range(d_L_d_out.shape[1]):
                for f in range(self.num_filters):
                    d_filters[f] += d_L_d_out[i, j, f] * self.last_input[i:i + 3, j:j + 3]
                    d_input[i:i + 3, j:j + 3] {plus}= d_L_d_out[i, j, f] * self.filters[f]
        self.filters = self.filters - learn_rate * d_filters
        return d_input
class MaxPool2:
    def forward(self, input):
        self.last_input = input
        h, w, f = input.shape
        output = np.zeros((h // 2, w // 2, f))
        for i in range(h // 2):
            for j in range(w // 2):
                output[i, j] = np.amax(input[2 * i:2 * i + 2, 2 * j:2 * j + 2], axis=(0, 1))
        return output
    def backprop(self, d):
        dx = np.zeros(self.last_input.shape)
        for i in range(d.shape[0]):
            for j in range(d.shape[1]):
                for f in range(d.shape[2]):
                    part = self.last_input[2 * i:2 * i + 2, 2 * j:2 * j + 2, f]
                    m, n = np.unravel_index(np.argmax(part), (2, 2))
                    dx[2 * i + m, 2 * j + n, f] = d[i, j, f]
        return dx
"""


@pytest.mark.parametrize("name", ["Conv3x3", "MaxPool2"])
def test_one_image_of_one_channel_and_a_kernel_in_the_name(loaded, name):
    assert failed(loaded(IMAGE.format(plus="+"))[0][name]) == set()


def test_a_window_that_replaces_is_seen_in_one_image_of_one_channel(loaded):
    assert "backward_equals_the_reference" in failed(loaded(IMAGE.format(plus=""))[0]["Conv3x3"])


BOXES = """
class Parameter:
    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)
class Linear:
    def __init__(self, in_features, out_features):
        self.params = {{"W": Parameter(np.random.randn(out_features, in_features)),
                        "b": Parameter(np.zeros(out_features))}}
    def zero_grad(self):
        for p in self.params.values():
            p.grad = np.zeros_like(p.data)
    def forward(self, x):
        self.x = x
        return x @ self.params["W"].data.T + self.params["b"].data
    def backward(self, g):
        self.params["W"].grad += g.reshape(-1, g.shape[-1]).T @ self.x.reshape(-1, self.x.shape[-1])
        self.params["b"].grad += g.reshape(-1, g.shape[-1]).{how}(0)
        return g @ self.params["W"].data
"""


def test_parameters_that_are_objects_in_a_dict(loaded):
    assert failed(loaded(BOXES.format(how="sum"))[0]["Linear"]) == set()
    assert "backward_equals_the_reference" in failed(loaded(BOXES.format(how="mean"))[0]["Linear"])


POOLED = """
def conv(x, w, b, conv_param):
    s, p = conv_param['stride'], conv_param['pad']
    xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
    win = np.lib.stride_tricks.sliding_window_view(xp, w.shape[2:], (2, 3))[:, :, ::s, ::s]
    return np.einsum('ncijhw,fchw->nfij', win, w) + b[:, None, None], (x, w, s, p, xp, win)
def conv_back(d, cache):
    x, w, s, p, xp, win = cache
    dxp = np.zeros_like(xp)
    for i in range(d.shape[2]):
        for j in range(d.shape[3]):
            {at}
            dxp[:, :, a:a + w.shape[2], c:c + w.shape[3]] += np.einsum('nf,fchw->nchw', d[:, :, i, j], w)
    dx = dxp[:, :, p:p + x.shape[2], p:p + x.shape[3]]
    return dx, np.einsum('ncijhw,nfij->fchw', win, d), d.sum((0, 2, 3))
def conv_relu_pool_forward(x, w, b, conv_param, pool_param):
    a, of_conv = conv(x, w, b, conv_param)
    r = np.maximum(a, 0)
    k, s = pool_param['pool_height'], pool_param['stride']
    n, f, h, v = r.shape
    out = np.zeros((n, f, (h - k) // s + 1, (v - k) // s + 1), dtype=x.dtype)
    where = {{}}
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            part = r[:, :, i * s:i * s + k, j * s:j * s + k].reshape(n, f, -1)
            where[i, j] = part.argmax(-1)
            out[:, :, i, j] = part.max(-1)
    return out, (of_conv, a, where, k, s)
def conv_relu_pool_backward(dout, cache):
    of_conv, a, where, k, s = cache
    da = np.zeros_like(a)
    rows, columns = np.indices(a.shape[:2])
    for (i, j), at in where.items():
        da[rows, columns, i * s + at // k, j * s + at % k] += dout[:, :, i, j]
    return conv_back(da * (a > 0), of_conv)
"""


def test_the_convolution_of_several_in_one_has_strides_that_leave_rows_over(loaded):
    right = "a, c = i * s, j * s"
    wrong = "a, c = xp.shape[2] - w.shape[2] - (d.shape[2] - 1 - i) * s, j * s"
    assert failed(loaded(POOLED.format(at=right))[0]["conv_relu_pool_forward"]) == set()
    assert "backward_equals_the_reference" in failed(
        loaded(POOLED.format(at=wrong))[0]["conv_relu_pool_forward"]
    )


@pytest.mark.parametrize("names", ["target, predict", "y_true, predict", "expected, actual", "labels, out_t"])
def test_a_target_in_the_first_place_is_known_whatever_the_other_is_called(loaded, names):
    first, second = names.split(", ")
    source = f"""
class MSELoss:
    def forward(self, {names}):
        self.d = {second} - {first}
        return (self.d ** 2).mean()
    def backward(self):
        return 2 * self.d / self.d.size
"""
    assert failed(loaded(source)[0]["MSELoss"]) == set()


def test_an_optional_state_of_a_derivative_is_no_upstream_gradient(loaded):
    source = """
class Tanh:
    def forward(self, x):
        self.state = np.tanh(x)
        return self.state
    def backward(self, state=None):
        kept = self.state if state is None else state
        return 1 - kept ** 2
"""
    assert failed(loaded(source)[0]["Tanh"]) == set()


GELU = """
def gelu(input):
    '''{words}'''
    k = 0.7978845608028654
    t = np.tanh(k * (input + 0.044715 * input ** 3))
    def pullback(g):
        return g * (0.5 * (1 + t) + 0.5 * input * (1 - t * t) * k * (1 + 3 * 0.044715 * input ** 2))
    return 0.5 * input * (1 + t), pullback
"""


def test_an_approximate_gelu_that_says_so_is_one_by_convention(loaded):
    declared = loaded(GELU.format(words="The tanh approximation."))[0]["gelu"]
    assert fit(declared).conventions["approximate_formula"]
    assert failed(declared) == set()
    assert failed(loaded(GELU.format(words="GELU."))[0]["gelu"])


CLIPPED = """
class SoftmaxCrossEntropyLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(1, keepdims=True))
        self.p, self.t = e / e.sum(1, keepdims=True), t
        return -np.log(np.clip(self.p, {eps}, None)[np.arange(len(x)), t]).mean()
    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.t] -= 1
        return d / len(d)
"""


@pytest.mark.parametrize("eps", ["1e-7", "1e-20", "1e-30", "np.finfo(self.p.dtype).eps"])
def test_a_clipped_probability_is_a_convention_whatever_the_bound(loaded, eps):
    from scratchnet_crosscheck.checking import check_subject

    candidate = loaded(CLIPPED.format(eps=eps))[0]["SoftmaxCrossEntropyLoss"]
    found = list(check_subject("a_file.py", fit(candidate), oracles=("torch",), profile="default", seed=7))
    assert not [r for r in found if r["verdict"] == "failed"]
    assert any(r["verdict"] == "convention" and "clipped" in r["message"] for r in found)


def test_what_is_right_for_one_sample_alone_is_said_not_to_take_several(loaded):
    source = """
class Softmax:
    def forward(self, x):
        if len(x) > 1:
            raise ValueError("one sample at a time")
        e = np.exp(x - x.max())
        self.p = e / e.sum()
        return self.p
    def backward(self, d):
        return self.p * (d - (d * self.p).sum())
"""
    try:
        subject = fit(loaded(source)[0]["Softmax"])
    except Cannot:
        return
    assert "one alone" in subject.left["several_samples"]


@pytest.mark.parametrize("slip", ["g", "g.mean(tuple(range(g.ndim - 1)))", "g.reshape(-1, g.shape[-1])[0]"])
def test_a_sum_over_samples_that_is_forgotten_does_not_make_a_layer_one_for_a_sample_alone(loaded, slip):
    source = f"""
class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, g):
        self.dW = self.x.reshape(-1, self.x.shape[-1]).T @ g.reshape(-1, g.shape[-1])
        self.db = {slip}
        return g @ self.W.T
"""
    assert "backward_equals_the_reference" in failed(loaded(source)[0]["Linear"])


def test_a_layer_for_one_vector_is_still_one(loaded):
    source = """
class Linear:
    def __init__(self, W, b):
        self.W, self.b = W, b
    def forward(self, x):
        self.x = x
        return x @ self.W + self.b
    def backward(self, g):
        self.dW, self.db = np.outer(self.x, g), g.copy()
        return g @ self.W.T
"""
    assert failed(loaded(source)[0]["Linear"]) == set()


def test_an_argument_that_backward_never_looks_at_may_be_anything(loaded):
    source = """
class Relu:
    def forward(self, a):
        self.mask = a > 0
        return np.where(self.mask, a, 0)
    def backward(self, da, y):
        return np.where(self.mask, da, 0)
"""
    assert failed(loaded(source)[0]["Relu"]) == set()


def test_a_gradient_that_backward_never_looks_at_is_missed(loaded):
    source = """
class Tanh:
    def forward(self, x):
        return np.tanh(x)
    def backward(self, x, grad):
        return 1 - np.tanh(x) ** 2
"""
    assert "backward_equals_the_reference" in failed(loaded(source)[0]["Tanh"])


def test_passes_of_a_leading_underscore_are_passes(loaded):
    source = """
class Sigmoid:
    def _forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y
    def _backward(self, d):
        return d * self.y * (1 - self.y)
"""
    assert "backward_equals_the_reference" not in failed(loaded(source)[0]["Sigmoid"])


def test_a_definition_that_fails_is_said_not_to_be_checked(loaded):
    _, notes = loaded("""
from a_package_that_nobody_has import jit
class Pool:
    @jit
    def forward(self, x):
        return x
    def backward(self, d):
        return d
""")
    assert any("Pool is not checked, for its definition fails: line" in note for note in notes)


def test_a_backward_pass_without_a_forward_pass_is_listed(loaded):
    from scratchnet_crosscheck import discover

    class Tanh:
        def fowrard(self, x):
            return x

        def backward(self, d):
            return d

    assert ("Tanh", "it has a backward pass and no forward pass", "call that forward") in discover.unknown(
        {"Tanh": Tanh}, set()
    )


def test_a_loss_of_one_column_is_checked_on_that_and_says_so(loaded):
    source = """
class BinaryCrossEntropyLoss:
    def forward(self, y_true, y_pred):
        y_true = y_true.reshape(-1, 1)
        return np.mean(-y_true * np.log(y_pred) - (1 - y_true) * np.log(1 - y_pred))
    def backward(self, y_true, y_pred):
        y_true = y_true.reshape(-1, 1)
        return ((1 - y_true) / (1 - y_pred) - y_true / y_pred) / {count}
"""
    right = loaded(source.format(count="np.size(y_true)"))[0]["BinaryCrossEntropyLoss"]
    assert failed(right) == set()
    assert "one alone" in fit(right).left["several_columns"]
    wrong = loaded(source.format(count="1"))[0]["BinaryCrossEntropyLoss"]
    assert "backward_equals_the_reference" in failed(wrong)


IGNORING = """
class {name}:
    def __init__(self, ignore_index=-100):
        self.ignore_index = ignore_index
    def forward(self, x, t):
        z = x - x.max(1, keepdims=True)
        self.logp = z - np.log(np.exp(z).sum(1, keepdims=True))
        self.keep = t != self.ignore_index
        self.t = np.where(self.keep, t, 0)
        self.n = {count}
        return -(self.logp[np.arange(len(x)), self.t] * self.keep).sum() / self.n
    def backward(self, g=1.0):
        d = np.exp(self.logp)
        d[np.arange(len(d)), self.t] -= 1
        return g * d * self.keep[:, None] / self.n
"""


def test_a_class_of_pytorchs_name_promises_what_it_takes_by_pytorchs_argument(loaded):
    right = loaded(IGNORING.format(name="CrossEntropyLoss", count="self.keep.sum()"))[0]["CrossEntropyLoss"]
    wrong = loaded(IGNORING.format(name="CrossEntropyLoss", count="len(x)"))[0]["CrossEntropyLoss"]
    assert failed(right) == set()
    assert "forward_equals_the_reference" in failed(wrong)


def test_an_argument_that_means_something_else_is_said_not_to_be_checked(loaded):
    candidate = loaded(IGNORING.format(name="SoftmaxLoss", count="len(x)"))[0]["SoftmaxLoss"]
    assert failed(candidate) == set()
    assert "another result than PyTorch" in fit(candidate).left["ignored_labels"]


CONV = """
class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size, padding=0, bias=True, padding_mode="zeros"):
        k = kernel_size
        self.k, self.p, self.mode = k, int(padding), padding_mode
        self.weight = np.random.randn(out_channels, in_channels, k, k)
        self.bias = np.zeros(out_channels) if bias else None
    def forward(self, x):
        self.x, p = x, self.p
        how = {{"replicate": "edge", "circular": "wrap", "zeros": "constant"}}.get(self.mode, self.mode)
        index = np.pad(np.arange(x.shape[2] * x.shape[3]).reshape(x.shape[2:]), p, how,
                       **({{"constant_values": -1}} if how == "constant" else {{}}))
        self.index, flat = index, x.reshape(*x.shape[:2], -1)
        self.xp = np.where(index >= 0, flat[:, :, index], 0).astype(x.dtype)
        w = np.lib.stride_tricks.sliding_window_view(self.xp, (self.k, self.k), (2, 3))
        y = np.einsum("ncijhw,fchw->nfij", w, self.weight)
        return y if self.bias is None else y {sign} self.bias[:, None, None]
    def backward(self, d):
        w = np.lib.stride_tricks.sliding_window_view(self.xp, (self.k, self.k), (2, 3))
        self.dweight = np.einsum("ncijhw,nfij->fchw", w, d)
        self.dbias = d.sum((0, 2, 3)) if self.bias is not None else None
        dxp = np.zeros_like(self.xp)
        p, k = self.p, self.k
        for i in range(d.shape[2]):
            for j in range(d.shape[3]):
                dxp[:, :, i:i + k, j:j + k] += np.einsum("nf,fchw->nchw", d[:, :, i, j], self.weight)
        if {crops}:
            return dxp[:, :, p:p + self.x.shape[2], p:p + self.x.shape[3]].copy()
        dx = np.zeros((*self.x.shape[:2], self.index.max() + 1), self.x.dtype)
        inside = self.index >= 0
        np.add.at(dx, (slice(None), slice(None), self.index[inside]), dxp[:, :, inside])
        return dx.reshape(self.x.shape)
"""


def test_a_convolution_is_asked_with_every_padding_mode_and_without_bias(loaded):
    right = loaded(CONV.format(crops="False", sign="+"))[0]["Conv2d"]
    assert failed(right) == set()
    subject = fit(right)
    assert not [note for note in subject.notes if "left at its default" in note]
    assert {"no bias"} <= subject.driver.takes
    assert "backward_equals_the_reference" in failed(loaded(CONV.format(crops="True", sign="+"))[0]["Conv2d"])


def test_a_convolution_that_is_wrong_without_bias_alone_is_seen(loaded):
    source = CONV.format(crops="False", sign="+").replace(
        "return dx.reshape(self.x.shape)",
        "return dx.reshape(self.x.shape) * (1 if self.bias is not None else 2)",
    )
    assert "backward_equals_the_reference" in failed(loaded(source)[0]["Conv2d"])


def test_an_argument_of_pytorchs_that_is_left_at_its_default_is_said_not_to_be_checked(loaded):
    source = """
class Tanh:
    def __init__(self, inplace=False):
        pass
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y
    def backward(self, d):
        return d * (1 - self.y ** 2)
class Embedding:
    def __init__(self, num_embeddings, embedding_dim, sparse=False, max_norm=None):
        self.weight = np.random.randn(num_embeddings, embedding_dim)
    def forward(self, ids):
        self.ids = ids
        return self.weight[ids]
    def backward(self, d):
        self.dweight = np.zeros_like(self.weight)
        np.add.at(self.dweight, self.ids, d)
"""
    assert "arguments" not in fit(loaded(source)[0]["Tanh"]).left
    assert "max_norm" in fit(loaded(source)[0]["Embedding"]).left["arguments"]


BY_FREQUENCY = """
class Embedding:
    def __init__(self, num_embeddings, embedding_dim, scale_grad_by_freq=False):
        self.weight, self.scaled = np.random.randn(num_embeddings, embedding_dim), scale_grad_by_freq
    def forward(self, ids):
        self.ids = ids
        return self.weight[ids]
    def backward(self, d):
        self.dweight = np.zeros_like(self.weight)
        np.add.at(self.dweight, self.ids, d)
        if self.scaled:
            self.dweight /= {counts}
"""


@pytest.mark.parametrize(
    ("counts", "wrong"),
    [
        ("np.maximum(np.bincount(self.ids.ravel(), minlength=len(self.weight)), 1)[:, None]", False),
        ("max(self.ids.size, 1)", True),
    ],
)
def test_gradients_by_frequency_are_asked_for(loaded, counts, wrong):
    found = failed(loaded(BY_FREQUENCY.format(counts=counts))[0]["Embedding"])
    assert ("backward_equals_the_reference" in found) == wrong
    assert wrong or not found


FIRST = IMAGE.replace("        return d_input\n", "        {returned}\n")


def test_a_first_layer_that_returns_none_is_checked_but_for_its_inputs_gradient(loaded):
    candidate = loaded(FIRST.format(plus="+", returned="return None"))[0]["Conv3x3"]
    assert "gradient_of_x" in fit(candidate).left
    assert failed(candidate) == set()


def test_a_backward_pass_that_forgets_to_return_is_wrong(loaded):
    candidate = loaded(FIRST.format(plus="+", returned="pass"))[0]["Conv3x3"]
    assert "backward_equals_the_reference" in failed(candidate)


POOL = """
class AvgPool:
    def __init__(self, ph=2, pw=2):
        self.ph, self.pw = ph, pw
    def forward(self, x):
        n, c, h, w = x.shape
        self.shape = n, c, h // self.ph, self.ph, w // self.pw, self.pw
        return x.reshape(self.shape).mean(axis=(3, 5))
    def backward(self, dy):
        dx = np.broadcast_to(dy[:, :, :, None, :, None], self.shape) / (self.ph * self.{side})
        n, c, h, i, w, j = self.shape
        return dx.reshape(n, c, h * i, w * j)
"""


@pytest.mark.parametrize(("side", "wrong"), [("pw", False), ("ph", True)])
def test_the_sides_of_a_window_may_be_ph_and_pw(loaded, side, wrong):
    found = failed(loaded(POOL.format(side=side))[0]["AvgPool"])
    assert ("backward_equals_the_reference" in found) == wrong


BUILT = """
class BatchNormalization:
    def __init__(self, momentum=0.99, epsilon=1e-3):
        self.momentum, self.epsilon, self.built = momentum, epsilon, False
    def build(self, shape):
        self.gamma, self.beta = np.ones(shape[-1]), np.zeros(shape[-1])
        self.moving_mean, self.moving_variance = np.zeros(shape[-1]), np.ones(shape[-1])
        self.built = True
    def forward_pass(self, X, training):
        if not self.built:
            self.build(X.shape)
        mean, var = (X.mean(0), X.var(0)) if training else (self.moving_mean, self.moving_variance)
        self.trained = training
        if training:
            self.moving_mean = self.momentum * self.moving_mean + (1 - self.momentum) * mean
            self.moving_variance = self.momentum * self.moving_variance + (1 - self.momentum) * var
        self.inv = 1 / np.sqrt(var + self.epsilon)
        self.x_hat = (X - mean) * self.inv
        return self.gamma * self.x_hat + self.beta
    def backward_pass(self, d):
        self.dgamma, self.dbeta = (d * self.x_hat).sum(0), d.sum(0)
        if not self.trained:
            return d * self.gamma * self.inv
        m = len(d)
        return self.gamma * self.inv * (d - self.dbeta / m - self.x_hat * self.dgamma / m)
"""


def test_the_mode_that_forward_must_be_told_is_no_parameter(loaded):
    candidate = loaded(BUILT)[0]["BatchNormalization"]
    assert not fit(candidate).driver.absent
    assert failed(candidate) == set()
    slip = loaded(BUILT.replace("(d * self.x_hat).sum(0)", "(d * self.x_hat).mean(0)"))[0]
    assert "backward_equals_the_reference" in failed(slip["BatchNormalization"])


def test_a_constructors_argument_that_is_taken_apart_has_the_sizes_that_its_parts_are_called(loaded):
    source = """
class Convolution2D:
    def __init__(self, filters, kernel_shape):
        kh, kw, c_in = kernel_shape
        self.kernels = np.random.randn(kh, kw, c_in, filters)
        self.bias = np.zeros(filters)
    def forward_pass(self, x):
        self.x = x
        kh, kw = self.kernels.shape[:2]
        views = np.lib.stride_tricks.sliding_window_view(x, (kh, kw), (1, 2))
        return np.einsum("nijcab,abcf->nijf", views, self.kernels) + self.bias
    def backward_pass(self, d):
        kh, kw = self.kernels.shape[:2]
        views = np.lib.stride_tricks.sliding_window_view(self.x, (kh, kw), (1, 2))
        self.grads = {"kernels": np.einsum("nijcab,nijf->abcf", views, d), "bias": d.sum((0, 1, 2))}
        dx = np.zeros(self.x.shape, d.dtype)
        for i in range(kh):
            for j in range(kw):
                dx[:, i:i + d.shape[1], j:j + d.shape[2]] += d @ self.kernels[i, j].T
        return dx
"""
    assert failed(loaded(source)[0]["Convolution2D"]) == set()


STEP = """
class RNNCell:
    # {says}
    def __init__(self, input_size, hidden_size):
        self.W_ih = np.random.randn(hidden_size, input_size)
        self.W_hh = np.random.randn(hidden_size, hidden_size)
        self.b_ih, self.b_hh = np.zeros(hidden_size), np.zeros(hidden_size)
        self.dW_ih, self.dW_hh = np.zeros_like(self.W_ih), np.zeros_like(self.W_hh)
        self.db_ih, self.db_hh = np.zeros(hidden_size), np.zeros(hidden_size)
    def forward(self, x, h):
        self.x, self.h = x, h
        self.y = np.tanh(x @ self.W_ih.T + self.b_ih + h @ self.W_hh.T + self.b_hh)
        return self.y
    def backward(self, d):
        da = d * (1 - self.y ** 2)
        self.dW_ih += da.T @ self.x
        self.dW_hh += da.T @ {state}
        self.db_ih += da.sum(0)
        self.db_hh += da.sum(0)
        return da @ self.W_ih, da @ self.W_hh
"""


def test_gradients_may_add_up_where_the_class_says_so_and_are_checked(loaded):
    candidate = loaded(STEP.format(state="self.h", says="Gradients are accumulated."))[0]["RNNCell"]
    assert "gradients_add_up" in fit(candidate).conventions
    assert failed(candidate) == set()
    wrong = loaded(STEP.format(state="self.y", says="Gradients are accumulated."))[0]["RNNCell"]
    assert "backward_equals_the_reference" in failed(wrong)
    silent = loaded(STEP.format(state="self.h", says=""))[0]["RNNCell"]
    assert "repeated_calls_agree" in failed(silent)


SIMPLE_RNN = """
class SimpleRNN:
    def __init__(self, units, input_dim, return_sequences=False{made}):
        self.all = return_sequences
        {keep}
        self.params = {{"kernel": np.random.randn(input_dim, units), "bias": np.zeros(units),
                        "recurrent_kernel": np.random.randn(units, units)}}
    def forward(self, x{called}):
        {keep_call}
        w, u, b = (self.params[k] for k in ("kernel", "recurrent_kernel", "bias"))
        self.x = x[:, ::-1] if self.turned else x
        self.hs = [np.zeros((len(x), len(u)), x.dtype)]
        for t in range(x.shape[1]):
            self.hs.append(np.tanh(self.x[:, t] @ w + self.hs[-1] @ u + b))
        if not self.all:
            return self.hs[-1]
        return np.stack(self.hs[1:], 1){order}
    def backward(self, d):
        if self.all:
            d = d{order}
        w, u = self.params["kernel"], self.params["recurrent_kernel"]
        self.grads = {{k: np.zeros_like(v) for k, v in self.params.items()}}
        dx, dh = np.zeros_like(self.x), np.zeros_like(self.hs[0])
        for t in reversed(range(dx.shape[1])):
            dh = dh + (d[:, t] if self.all else d * (t == dx.shape[1] - 1))
            da = dh * (1 - self.hs[t + 1] ** 2)
            self.grads["kernel"] += self.x[:, t].T @ da
            self.grads["recurrent_kernel"] += self.hs[t].T @ da
            self.grads["bias"] += da.sum(0)
            dx[:, t], dh = da @ w.T, da @ u.T
        return dx{back}
"""
TURNED = "[:, ::-1 if self.turned else 1]"
OF_INIT = {"made": ", go_backwards=False", "keep": "self.turned = go_backwards", "called": "",
           "keep_call": "pass"}  # fmt: skip
OF_FORWARD = {"made": "", "keep": "pass", "called": ", go_backwards=False",
              "keep_call": "self.turned = go_backwards"}  # fmt: skip


@pytest.mark.parametrize("where", [OF_INIT, OF_FORWARD], ids=["constructor", "forward"])
def test_a_sequence_is_read_from_its_end_too_where_there_is_an_argument_for_it(loaded, where):
    right = loaded(SIMPLE_RNN.format(**where, order="", back=TURNED))[0]["SimpleRNN"]
    assert not fit(right).conventions
    assert failed(right) == set()
    wrong = loaded(SIMPLE_RNN.format(**where, order="", back=""))[0]["SimpleRNN"]
    assert "backward_equals_the_reference" in failed(wrong)


def test_a_sequence_read_from_its_end_may_be_returned_in_the_order_of_time(loaded):
    source = SIMPLE_RNN.replace("go_backwards", "reverse")
    where = {k: v.replace("go_backwards", "reverse") for k, v in OF_INIT.items()}
    right = loaded(source.format(**where, order=TURNED, back=TURNED))[0]["SimpleRNN"]
    assert fit(right).conventions["sequence_in_time_order"]
    assert failed(right) == set()
    wrong = loaded(source.format(**where, order=TURNED, back=""))[0]["SimpleRNN"]
    assert "backward_equals_the_reference" in failed(wrong)


TRAINING_ALONE = """
def normalise(x, gamma, beta, eps):
    inv = (x.var(0) + eps) ** -0.5
    hat = (x - x.mean(0)) * inv
    return hat * gamma + beta, (hat, inv, gamma)
def batchnorm_forward(x, gamma, beta, bn_param):
    '''{says}'''
    {reads}
    return normalise(x, gamma, beta, bn_param.get("eps", 1e-5))
def batchnorm_backward(dout, cache):
    hat, inv, gamma = cache
    g = dout * gamma
    return inv * (g - g.mean(0) - hat * (g * hat).mean(0)){slip}, (dout * hat).sum(0), dout.sum(0)
"""


def test_a_batch_normalisation_that_knows_of_no_evaluation_is_checked_in_training(loaded):
    says = "Only the training mode here."
    right = loaded(TRAINING_ALONE.format(says=says, reads="pass", slip=""))[0]["batchnorm_forward"]
    assert failed(right) == set()
    subject = fit(right)
    assert {"running_statistics", "evaluation"} <= set(subject.left)
    assert not subject.conventions
    wrong = loaded(TRAINING_ALONE.format(says=says, reads="pass", slip=" / 2"))[0]["batchnorm_forward"]
    assert "backward_equals_the_reference" in failed(wrong)
    updates_none = TRAINING_ALONE.format(says="", reads="mean = bn_param['running_mean']", slip="")
    assert "forward_equals_the_reference" in failed(loaded(updates_none)[0]["batchnorm_forward"])


@pytest.mark.parametrize(
    ("says", "reads", "beside"),
    [
        ("", "mode = bn_param['mode']", ""),
        ("", "running_mean = bn_param.get('running_mean', 0)", ""),
        ("- running_mean: array of shape (D,)", "pass", ""),
        ("", "pass", "def other(bn_param):\n    return bn_param['running_var']\n"),
        ("", "look(bn_param)", "def look(bn_param):\n    assert bn_param['mode']\n"),
    ],
    ids=["a mode", "its statistics", "its documentation", "its file", "what it calls"],
)
def test_a_batch_normalisation_that_knows_of_running_statistics_has_them_to_keep(loaded, says, reads, beside):
    source = TRAINING_ALONE.format(says=says, reads=reads, slip="") + beside
    subject = fit(loaded(source)[0]["batchnorm_forward"])
    assert subject.extras
    assert not {"running_statistics", "evaluation"} & set(subject.left)


CALLED = """
class Layer:
    def __call__(self, *args):
        self.args = args
        {keeps} = self.forward(*args)
        return {returns}
    def backward(self, g):
        return self.bwd(g, *self.args)
class Tanh(Layer):
    def forward(self, a):
        return np.tanh(a)
    def bwd(self, g, a):
        return g * (1 - np.tanh(a) ** {power})
"""


def test_a_class_whose_call_keeps_what_its_backward_pass_needs_is_called(loaded):
    right = loaded(CALLED.format(keeps="self.out", returns="self.out", power=2))[0]["Tanh"]
    assert failed(right) == set()
    wrong = loaded(CALLED.format(keeps="self.out", returns="self.out", power=1))[0]["Tanh"]
    assert "backward_equals_the_reference" in failed(wrong)


def test_a_class_whose_call_returns_something_else_than_its_forward_pass_is_not_called(loaded):
    with pytest.raises(Cannot, match=r"needs self\.args, which its __call__ sets"):
        fit(loaded(CALLED.format(keeps="y", returns="[y]", power=2))[0]["Tanh"])


ON_TENSORS = """
import torch
class Module:
    def __call__(self, *args):
        self.args = args
        self.out = self.forward(*args)
        return self.out
    def forward(self):
        raise Exception("not implemented")
    def backward(self):
        self.bwd(self.out, *self.args)
class Relu(Module):
    def forward(self, inp):
        return inp.clamp_min(0.0)
    def bwd(self, out, inp):
        inp.g = (inp > {where}).to(out.g.dtype) * out.g
class Lin(Module):
    def __init__(self, w, b):
        self.w, self.b = w, b
    def forward(self, inp):
        return inp @ self.w + self.b
    def bwd(self, out, inp):
        inp.g = out.g @ self.w.t()
        self.w.g = inp.t() @ out.g
        self.b.g = out.g.{reduced}(0)
class Mse(Module):
    def forward(self, inp, targ):
        return (inp.squeeze(-1) - targ).pow(2).mean()
    def bwd(self, out, inp, targ):
        inp.g = {two} * (inp.squeeze(-1) - targ).unsqueeze(-1) / targ.shape[0]
class Sigmoid:
    def __call__(self, inp):
        self.inp, self.out = inp, torch.sigmoid(inp)
        return self.out
    def backward(self):
        self.inp.g = self.out.g * self.out * (1 - self.out{square})
"""


@pytest.mark.parametrize("name", ["Relu", "Lin", "Mse", "Sigmoid"])
def test_gradients_that_are_kept_on_tensors_are_found_there(loaded, name):
    right = loaded(ON_TENSORS.format(where=0, reduced="sum", two=2, square=""))[0][name]
    assert failed(right) == set()
    wrong = loaded(ON_TENSORS.format(where=-1, reduced="mean", two=1, square=" ** 2"))[0][name]
    assert "backward_equals_the_reference" in failed(wrong)


ON_ARGUMENTS = """
import torch
def lin(inp, w, b):
    return inp @ w + b
def lin_grad(inp, out, w, b):
    inp.g = out.g @ w.t()
    w.g = (inp.unsqueeze(-1) * out.g.unsqueeze(1)).{reduced}(0)
    b.g = out.g.sum(0)
def relu(x):
    return x.clamp_min(0.0)
def relu_grad(inp, out):
    inp.g = (inp > {where}).to(out.g.dtype) * out.g
def mse(output, targ):
    return (output.squeeze(-1) - targ).pow(2).mean()
def mse_grad(inp, targ):
    inp.g = {two} * (inp.squeeze() - targ).unsqueeze(-1) / inp.shape[0]
"""


@pytest.mark.parametrize("name", ["lin", "relu", "mse"])
def test_gradients_that_a_function_sets_on_its_arguments_are_found_there(loaded, name):
    right = loaded(ON_ARGUMENTS.format(where=0, reduced="sum", two=2))[0][name]
    assert failed(right) == set()
    wrong = loaded(ON_ARGUMENTS.format(where=-1, reduced="mean", two=1))[0][name]
    assert "backward_equals_the_reference" in failed(wrong)


def test_a_column_predicted_of_a_vector_is_no_reason_to_overlook_a_gradient_of_another_shape(loaded):
    source = """
class MSE:
    def forward(self, y_pred, y_true):
        self.d = y_pred - y_true
        return (self.d ** 2).mean()
    def backward(self):
        return (2 * self.d / self.d.size){shape}
"""
    assert failed(loaded(source.format(shape=""))[0]["MSE"]) == set()
    assert failed(loaded(source.format(shape="[..., None]"))[0]["MSE"])


OVER_TIME = """
class TimeSoftmaxWithLoss:
    def __init__(self, ignore_label=-1):
        self.ignore_label = ignore_label
    def forward(self, xs, ts):
        keep = ts != {label}
        rows = np.exp(xs - xs.max(-1, keepdims=True))
        self.ys = rows / rows.sum(-1, keepdims=True)
        self.ts, self.keep, self.n = np.where(keep, ts, 0), keep, {count}
        picked = np.take_along_axis(self.ys, self.ts[..., None], -1)[..., 0]
        return -(np.log(picked) * keep).sum() / self.n
    def backward(self, dout=1):
        dx = self.ys - np.eye(self.ys.shape[-1])[self.ts]
        return (dx * dout * self.keep[..., None] / self.n).astype(self.ys.dtype)
"""


def test_a_loss_over_time_is_asked_to_ignore_another_label(loaded):
    right = loaded(OVER_TIME.format(label="self.ignore_label", count="keep.sum()"))[0]["TimeSoftmaxWithLoss"]
    assert failed(right) == set()
    assert not [note for note in fit(right).notes if "left at its default" in note]
    wrong = loaded(OVER_TIME.format(label="-1", count="keep.sum()"))[0]["TimeSoftmaxWithLoss"]
    assert "forward_equals_the_reference" in failed(wrong)


def test_a_loss_over_time_that_averages_over_the_ignored_too_is_said_not_to_be_asked(loaded):
    source = OVER_TIME.format(label="self.ignore_label", count="keep.size")
    subject = fit(loaded(source)[0]["TimeSoftmaxWithLoss"])
    assert "another result than PyTorch" in subject.left["ignored_labels"]


AVERAGED = """
class BatchNorm1d:
    def __init__(self, num_features, eps=1e-5, momentum=0.1):
        self.eps, self.momentum, self.training, self.count = eps, momentum, True, 0
        self.weight, self.bias = np.ones(num_features), np.zeros(num_features)
        self.running_mean, self.running_var = np.zeros(num_features), np.ones(num_features)
    def train(self):
        self.training = True
    def eval(self):
        self.training = False
    def forward(self, x):
        n = len(x)
        mean, var = (x.mean(0), x.var(0)) if self.training else (self.running_mean, self.running_var)
        if self.training:
            self.count += 1
            a = 1 / {count} if self.momentum is None else self.momentum
            self.running_mean = (1 - a) * self.running_mean + a * mean
            self.running_var = (1 - a) * self.running_var + a * var * n / (n - 1)
        self.inv = 1 / np.sqrt(var + self.eps)
        self.hat, self.trained = (x - mean) * self.inv, self.training
        return self.weight * self.hat + self.bias
    def backward(self, d):
        self.dweight, self.dbias = (d * self.hat).sum(0), d.sum(0)
        g = d * self.weight
        if not self.trained:
            return g * self.inv
        return self.inv * (g - g.mean(0) - self.hat * (g * self.hat).mean(0))
"""


def test_an_average_over_all_batches_is_asked_for_where_there_is_one(loaded):
    right = loaded(AVERAGED.format(count="self.count"))[0]["BatchNorm1d"]
    assert "momentum_none" not in fit(right).left
    assert failed(right) == set()
    wrong = loaded(AVERAGED.format(count="(self.count + 1)"))[0]["BatchNorm1d"]
    assert "forward_equals_the_reference" in failed(wrong)
