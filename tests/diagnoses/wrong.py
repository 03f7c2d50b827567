"""Wrong operations for the diagnoses: right but for one slip each, with what must be said of it first."""

import zlib
from typing import NamedTuple

import numpy as np

import scratchnet.functional as F


class Slip(NamedTuple):
    """An operation with a slip: the key that is said first, and what else is true of it."""

    key: str
    operation: str
    function: object
    check: str = "backward_equals_the_reference"
    also: tuple[str, ...] = ()


SLIPS = []
_ONES = (True,) * 9


def slip(key, operation, check="backward_equals_the_reference", also=()):
    def add(function):
        SLIPS.append(Slip(key, operation, function, check, also))
        return function

    return add


def changed(name, change):
    """The operation with `change(grads, dy, x, args, options)` made to its list of cotangents."""

    def wrong(x, **options):
        y, right, *state = getattr(F, name)(x, **options)

        def pullback(dy, needs_input_grad=_ONES):
            grads = list(right(dy))
            change(grads, np.asarray(dy), x, options)
            return tuple(g if need else None for g, need in zip(grads, needs_input_grad))  # noqa: B905

        return (y, pullback, *state)

    return wrong


def wrongly(key, operation, check="backward_equals_the_reference", also=()):
    def add(change):
        SLIPS.append(Slip(key, operation, changed(operation, change), check, also))
        return change

    return add


def scaled(key, operation, factor, at=0):
    def change(grads, dy, x, options):
        if grads[at] is not None:
            grads[at] = grads[at] * factor(x, dy, options)

    SLIPS.append(Slip(key, operation, changed(operation, change)))


scaled("sign", "tanh", lambda *_: -1)
scaled("factor:2", "sigmoid", lambda *_: 2)
scaled("factor:1/2", "mse_loss", lambda *_: 0.5)
scaled("factor:constant", "tanh", lambda *_: 1.7)
scaled("rounded_constant", "tanh", lambda *_: 1.0001)
scaled("factor:1/N", "relu", lambda x, *_: 1 / max(x.shape[0] if x.ndim else 1, 1))
scaled("factor:N", "softmax", lambda x, *_: x.shape[0] if x.ndim else 1)
scaled("factor:T", "linear", lambda x, *_: x.shape[1] if x.ndim > 2 else 1, at=1)
scaled("factor:1/T", "linear", lambda x, *_: 1 / x.shape[1] if x.ndim > 2 else 1, at=1)
scaled("factor:classes", "log_softmax", lambda x, *_: x.shape[1] if x.ndim > 1 else 1)
scaled("factor:elements", "mse_loss", lambda x, *_: x.size)
scaled("factor:product", "mse_loss", lambda x, *_: -x.size / 2)
scaled("factor:sqrt(features)", "layer_norm", lambda x, *_: x.shape[-1] ** 0.5)
scaled("factor:1/sqrt(features)", "layer_norm", lambda x, *_: x.shape[-1] ** -0.5)
scaled(
    "factor:positions",
    "avg_pool2d",
    lambda _x, _dy, options: np.prod(np.broadcast_to(options["kernel_size"], 2)),
)
scaled("factor:1/positions", "conv2d", lambda _x, dy, *_: 1 / max(1, np.prod(dy.shape[2:])), at=1)
scaled("factor:groups", "conv2d", lambda _x, _dy, options: options["groups"])
scaled(
    "factor:1/(1-p)", "dropout", lambda _x, _dy, options: 1 / (1 - options["p"]) if options["p"] < 1 else 1
)
scaled("factor:1/groups", "conv2d", lambda _x, _dy, options: 1 / options["groups"])
scaled("factor:1-p", "dropout", lambda _x, _dy, options: 1 - options["p"])
scaled("factor:product", "linear", lambda x, *_: x.shape[-1] / max(len(x) if x.ndim > 1 else 1, 1))
scaled("factor:product", "avg_pool2d", lambda _x, _dy, options: np.broadcast_to(options["kernel_size"], 2)[1])
scaled("averaged", "batch_norm", lambda x, *_: x.shape[1] / max(x.size, 1), at=3)


@wrongly("averaged_over_ignored", "cross_entropy")
def averages_over_the_ignored_too(grads, dy, x, options):
    if options["reduction"] == "mean" and options["weight"] is None and options["target"].dtype.kind == "i":
        grads[0] = grads[0] * (options["target"] != options["ignore_index"]).mean()


@wrongly("averaged", "linear")
def averages_the_bias(grads, dy, x, options):
    if grads[2] is not None and grads[2].size:
        grads[2] = grads[2] * grads[2].size / dy.size


@wrongly("convention:1/N", "linear", also=("factor:1/N",))
def divides_both(grads, dy, x, options):
    for i in (1, 2):
        if grads[i] is not None and x.ndim:
            grads[i] = grads[i] / x.shape[0]


@slip("upstream_ignored", "sigmoid")
def ignores_upstream(x):
    y, right = F.sigmoid(x)
    return y, lambda dy, *_: right(np.ones_like(dy))


@wrongly("transposed", "linear")
def transposes_a_square(grads, dy, x, options):
    if grads[1].ndim == 2 and grads[1].shape[0] == grads[1].shape[1]:
        grads[1] = grads[1].T.copy()


@slip("transposed", "conv2d")
def kernel_not_flipped(x, weight, **options):
    y, right = F.conv2d(x, weight=weight, **options)
    turned = F.conv2d(x, weight=weight[:, :, ::-1, ::-1].copy(), **options)[1]
    return y, lambda dy, *_: (turned(dy)[0], *right(dy)[1:])


@wrongly("exchanged", "batch_norm")
def exchanges(grads, dy, x, options):
    if grads[3] is not None and grads[4] is not None:
        grads[3], grads[4] = grads[4], grads[3]


@wrongly("of_another", "batch_norm")
def hands_on_the_weight_s(grads, dy, x, options):
    if grads[3] is not None and grads[4] is not None:
        grads[4] = grads[3].copy()


@wrongly("not_summed", "linear")
def bias_of_the_last(grads, dy, x, options):
    if grads[2] is not None and dy.ndim == 2 and len(dy) and grads[2].ndim:
        grads[2] = dy[-1].copy()


@wrongly("wrong_at_zero", "relu")
def passes_at_zero(grads, dy, x, options):
    grads[0] = np.where(x >= 0, dy, 0)


@wrongly("wrong_at_kink", "hardtanh")
def counts_the_kink_in(grads, dy, x, options):
    grads[0] = np.asarray(dy * ((x >= options["min_val"]) & (x <= options["max_val"])))


@wrongly("convention:ties_split", "max_pool1d")
def splits_ties(grads, dy, x, options):
    k, stride, pad, step = (
        None if options[name] is None else int(np.ravel(options[name])[0])
        for name in ("kernel_size", "stride", "padding", "dilation")
    )
    low = np.pad(x, [(0, 0)] * (x.ndim - 1) + [(pad, pad + 3 * k)], constant_values=-np.inf)
    dx = np.zeros_like(low)
    for place in range(dy.shape[-1]):
        begin = place * (stride or k)
        window = (..., slice(begin, begin + step * (k - 1) + 1, step))
        top = low[window] == low[window].max(-1, keepdims=True)
        dx[window] += top / top.sum(-1, keepdims=True) * dy[..., place : place + 1]
    grads[0] = np.array(dx[..., pad : pad + x.shape[-1]])


@slip("derivative_at_output", "tanh")
def at_the_output(x):
    y = np.tanh(x)
    return y, lambda dy, *_: (np.asarray(dy * (1 - np.tanh(y) ** 2)),)


@slip("derivative_left_out", "relu")
def mask_that_is_always_true(x):
    y = np.maximum(x, 0)
    return y, lambda dy, *_: (np.asarray(dy * (y >= 0)),)


@slip("derivative_at_output", "sigmoid")
def formula_of_the_output(x):
    y = F.sigmoid(x)[0]
    return y, lambda dy, *_: (np.asarray(dy * x * (1 - x)),)


@wrongly("batch_mixed", "softmax", also=("wrong_for_a_rank",))
def sums_over_all(grads, dy, x, options):
    y = F.softmax(x, **options)[0]
    grads[0] = np.asarray(y * (dy - (dy * y).sum()))


@slip("approximate_formula", "gelu")
def gelu_by_tanh(x, approximate="none"):
    _, right = F.gelu(x, approximate="tanh")
    return F.gelu(x, approximate=approximate)[0], right


@slip("approximate_formula", "gelu", "forward_equals_the_reference")
def gelu_by_a_sigmoid(x, approximate="none"):
    if approximate == "tanh":
        return F.gelu(x, approximate=approximate)
    return np.asarray(x / (1 + np.exp(-1.702 * x))), F.gelu(x)[1]


@slip("convention:loss_scale", "mse_loss", also=("factor:1/2",))
def half_the_error(x, target, **options):
    y, right = F.mse_loss(x, target=target, **options)
    return np.asarray(y / 2), lambda dy, *_: tuple(None if g is None else g / 2 for g in right(dy))


@slip("convention:dropout_scaling", "dropout", also=("factor:1-p",))
def keeps_without_scaling(x, p=0.5, training=True, generator=None):
    y, right = F.dropout(x, p=p, training=training, generator=generator)
    keep = 1 - p if training and p < 1 else 1.0
    return np.asarray(y * keep), lambda dy, *_: (np.asarray(right(dy)[0] * keep),)


@wrongly("wrong_beyond_a_size", "linear")
def only_four_rows(grads, dy, x, options):
    if x.ndim == 2 and len(x) > 4:
        grads[1] = np.asarray(dy[:4].T @ x[:4])


@wrongly("wrong_for_batch_of_one", "layer_norm")
def squeezes(grads, dy, x, options):
    if len(x) == 1:
        grads[0] = grads[0][0]


@wrongly("wrong_at_border", "conv2d")
def spoils_the_border(grads, dy, x, options):
    reach = [k - 1 for k in options["weight"].shape[2:]]
    if isinstance(options["padding"], str) or options["dilation"] not in (1, (1, 1)):
        return
    inner = np.zeros(x.shape, bool)
    inside = [slice(r, n - r) for r, n in zip(reach, x.shape[-2:])]  # noqa: B905 - two each
    inner[(..., *inside)] = True
    grads[0] = np.where(inner, grads[0], 1.7 * grads[0] + 0.3)


@slip("term_missing", "softmax")
def diagonal(x, dim):
    y = F.softmax(x, dim=dim)[0]
    return y, lambda dy, *_: (np.asarray(dy * y * (1 - y)),)


def _norm(grads, dy, x, options, form):
    if not options["training"]:
        return
    axes = (0, *range(2, x.ndim))
    shape = (1, -1, *(1,) * (x.ndim - 2))
    weight = options.get("weight")
    g = dy if weight is None else dy * weight.reshape(shape)
    n = x.size // x.shape[1]
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    grads[0] = form(g, x - mean, var, options["eps"], n, axes)


@wrongly("term_missing", "batch_norm")
def forgets_the_mean(grads, dy, x, options):
    def form(g, c, var, eps, n, axes):
        inv = 1 / np.sqrt(var + eps)
        return inv * (g - c * inv * inv * (g * c).mean(axes, keepdims=True))

    _norm(grads, dy, x, options, form)


@wrongly("additive_epsilon", "batch_norm")
def epsilon_on_the_deviation(grads, dy, x, options):
    def form(g, c, var, eps, n, axes):
        inv = 1 / (np.sqrt(var) + eps)
        return inv * (g - g.mean(axes, keepdims=True) - c * inv * inv * (g * c).mean(axes, keepdims=True))

    _norm(grads, dy, x, options, form)


@slip("mode_confused", "batch_norm")
def always_by_evaluation(x, running_mean=None, running_var=None, training=False, **options):
    y, right, *state = F.batch_norm(
        x, running_mean=running_mean, running_var=running_var, training=training, **options
    )
    if running_mean is None:
        return (y, right, *state)
    other = F.batch_norm(x, running_mean=running_mean, running_var=running_var, training=False, **options)[1]
    return (y, lambda dy, *_: (other(dy)[0], *right(dy)[1:]), *state)


@slip("biased_variance", "batch_norm", "forward_equals_the_reference")
def running_variance_biased(x, running_mean=None, running_var=None, training=False, momentum=0.1, **options):
    y, right, state = F.batch_norm(
        x, running_mean=running_mean, running_var=running_var, training=training, momentum=momentum, **options
    )
    if training and running_var is not None:
        var = x.var((0, *range(2, x.ndim)))
        state = (state[0], (1 - momentum) * running_var + momentum * var)
    return y, right, state


@slip("convention:momentum", "batch_norm", "forward_equals_the_reference")
def momentum_the_other_way(x, momentum=0.1, **options):
    return F.batch_norm(x, momentum=1 - momentum, **options)


@slip("only_at_initial_value", "batch_norm")
def without_gamma(x, weight=None, **options):
    y, right, *state = F.batch_norm(x, weight=weight, **options)
    ones = None if weight is None else np.ones_like(weight)
    other = F.batch_norm(x, weight=ones, **options)[1]
    return (y, lambda dy, *_: (other(dy)[0], *right(dy)[1:]), *state)


@slip("updated_too_early", "linear")
def through_updated_weights(x, weight, bias=None):
    y, right = F.linear(x, weight=weight, bias=bias)

    def pullback(dy, needs_input_grad=_ONES):
        grads = right(dy)
        return (F.linear(x, weight=weight - 0.1 * grads[1], bias=bias)[1](dy)[0], *grads[1:])

    return y, pullback


@slip("option_ignored", "cross_entropy")
def smoothing_ignored(x, target, label_smoothing=0.0, **options):
    y, right = F.cross_entropy(x, target=target, label_smoothing=label_smoothing, **options)
    other = F.cross_entropy(x, target=target, label_smoothing=0.0, **options)[1]
    return y, lambda dy, *_: (other(dy)[0], *right(dy)[1:])


@wrongly("wrong_in_stride_remainder", "conv2d")
def remainder_is_dropped(grads, dy, x, options):
    weight = options["weight"]
    for axis in (-2, -1):
        stride, pad, step = (
            o[axis] if isinstance(o, tuple) else o
            for o in (options["stride"], options["padding"], options["dilation"])
        )
        if isinstance(pad, str):
            return
        side = x.shape[axis]
        rest = (side + 2 * pad - (weight.shape[axis] - 1) * step - 1) % stride
        if rest > pad:
            at = [slice(None)] * x.ndim
            at[axis] = slice(side + pad - rest, None)
            grads[0] = grads[0].copy()
            grads[0][tuple(at)] = 9.5


@wrongly("wrong_without_padding", "max_pool2d")
def needs_padding(grads, dy, x, options):
    pad = options["padding"]
    if pad in (0, (0, 0)):
        grads[0] = grads[0] + np.cos(np.arange(grads[0].size)).reshape(x.shape)


@wrongly("wrong_where_sides_differ", "avg_pool2d")
def assumes_square(grads, dy, x, options):
    if x.shape[-1] != x.shape[-2]:
        grads[0] = grads[0][..., ::-1].copy() + np.cos(np.arange(x.size)).reshape(x.shape)


@wrongly("wrong_for_a_rank", "linear")
def wrong_for_three_axes(grads, dy, x, options):
    if x.ndim == 3:
        grads[0] = grads[0] + np.sin(1 + np.arange(x.size)).reshape(x.shape)


@wrongly("wrong_at_ties", "max_pool2d")
def all_ties(grads, dy, x, options):
    if x.size > len(np.unique(x)):
        grads[0] = grads[0] + 3.0 * (x == x.max())


@wrongly("accumulated", "linear", "repeated_calls_agree")
def adds_up(grads, dy, x, options):
    kept = adds_up.kept
    key = grads[1].shape
    kept[key] = grads[1] = grads[1] + kept.get(key, 0)


adds_up.kept = {}


@wrongly("overwrites_cotangent", "relu", "cotangents_are_not_written_to")
def writes(grads, dy, x, options):
    if dy.flags.writeable:
        dy[x <= 0] = 0


@slip("overwrites_input", "relu", "inputs_are_not_written_to")
def writes_to_x(x):
    x[x < 0] = 0
    return F.relu(x)


@slip("overwrites_cache", "sigmoid", "repeated_calls_agree")
def writes_to_its_cache(x):
    y = F.sigmoid(x)[0]
    kept = np.array(y)

    def pullback(dy, needs_input_grad=_ONES):
        dx = np.array(dy * kept * (1 - kept))
        kept[...] = dx
        return (dx,)

    return y, pullback


class _Last:
    x = None

    def __call__(self, x):
        self.x = x
        y = F.tanh(x)[0]

        def pullback(dy, needs_input_grad=_ONES):
            last = self.x if self.x.shape == dy.shape else np.zeros_like(dy)
            return F.tanh(last)[1](dy)

        return y, pullback


SLIPS.append(Slip("stale", "tanh", _Last(), "interleaved_calls_agree"))


@slip("reused_buffer", "tanh", "results_share_no_memory")
def one_buffer(x):
    y, right = F.tanh(x)
    buffer = np.empty_like(y)

    def pullback(dy, needs_input_grad=_ONES):
        buffer[...] = right(dy)[0]
        return (buffer,)

    return y, pullback


@slip("shared_memory", "flatten", "results_share_no_memory")
def a_view(x, **options):
    y, right = F.flatten(x, **options)
    return x.reshape(y.shape), right


@wrongly("assumes_contiguous", "tanh", "memory_layout_of_cotangents_makes_no_difference")
def reads_memory_order(grads, dy, x, options):
    if dy.flags.f_contiguous and not dy.flags.c_contiguous:
        grads[0] = grads[0] * dy.ravel(order="K").reshape(dy.shape)


@slip("depends_on_what_is_asked", "linear", "each_cotangent_alone_is_the_same")
def spoils_the_weight(x, weight, bias=None):
    y, right = F.linear(x, weight=weight, bias=bias)

    def pullback(dy, needs_input_grad=(True, True, True)):
        dx, dw, db = right(dy, needs_input_grad)
        return dx, dw if dw is None or needs_input_grad[0] else dw * 2, db

    return y, pullback


@wrongly("float64_out", "sigmoid", "dtype_is_preserved")
def doubles(grads, dy, x, options):
    grads[0] = np.asarray(grads[0], np.float64)


@slip("overflow", "sigmoid", "extreme_values_equal_the_reference")
def overflows(x):
    e = np.exp(x)
    y = np.asarray(e / (1 + e))
    return y, lambda dy, *_: (np.asarray(dy * y * (1 - y)),)


@slip("underflow", "log_softmax", "extreme_values_equal_the_reference")
def log_of_softmax(x, dim):
    _, right = F.log_softmax(x, dim=dim)
    return np.log(F.softmax(x, dim=dim)[0]), right


@slip("keep_for_drop", "dropout", "elements_are_dropped_as_often_as_asked")
def keeps_p(x, p=0.5, training=True, generator=None):
    return F.dropout(x, p=1 - p if training else p, training=training, generator=generator)


@slip("always_same_mask", "dropout", "another_seed_draws_other_numbers")
def same_mask(x, p=0.5, training=True, generator=None):
    return F.dropout(x, p=p, training=training, generator=np.random.default_rng(0))


@slip("new_mask", "dropout")
def draws_again(x, p=0.5, training=True, generator=None):
    y, _ = F.dropout(x, p=p, training=training, generator=generator)
    other = F.dropout(x, p=p, training=training, generator=np.random.default_rng(9))[1]
    return y, lambda dy, *_: other(dy)


@wrongly("wrong_shape", "linear", "cotangents_have_the_shapes_of_their_arguments")
def bias_as_a_row(grads, dy, x, options):
    if grads[2] is not None:
        grads[2] = grads[2].reshape(1, -1)


@wrongly("", "tanh")
def no_known_slip(grads, dy, x, options):
    grads[0] = np.asarray(dy * (1 - np.abs(np.tanh(x))))


def _anywhere(array):
    return array + np.sin(1 + np.arange(array.size)).reshape(array.shape)


@wrongly("wrong_with_options", "conv2d")
def wrong_with_groups_and_dilation(grads, dy, x, options):
    if options["groups"] > 1 and np.max(options["dilation"]) > 1:
        grads[0] = _anywhere(grads[0])


@wrongly("wrong_with_options", "multi_margin_loss")
def wrong_with_squares(grads, dy, x, options):
    if options.get("p", 1) == 2:
        grads[0] = _anywhere(grads[0])


@wrongly("wrong_with_options", "embedding_bag")
def wrong_mean_with_padding(grads, dy, x, options):
    if options["mode"] == "mean" and np.any(x == options.get("padding_idx")):
        grads[1] = _anywhere(grads[1])


@wrongly("wrong_with_options", "binary_cross_entropy_with_logits")
def wrong_weights_of_fractions(grads, dy, x, options):
    if options.get("pos_weight") is not None and np.any(options["target"] % 1):
        grads[0] = _anywhere(grads[0])


@wrongly("wrong_with_options", "batch_norm")
def wrong_in_evaluation(grads, dy, x, options):
    if not options["training"]:
        grads[0] = _anywhere(grads[0])


@wrongly("wrong_with_options", "cross_entropy")
def wrong_with_class_weights(grads, dy, x, options):
    if options.get("weight") is not None:
        grads[0] = _anywhere(grads[0])


@wrongly("", "conv2d")
def wrong_for_no_option(grads, dy, x, options):
    if x.sum() > 0.5:
        grads[0] = _anywhere(grads[0])


def wrong_by_chance(grads, dy, x, options):
    if zlib.crc32(x.tobytes()) % 10 == 0:
        grads[0] = _anywhere(grads[0])


@slip("option_ignored", "max_pool2d")
def pools_next_to_each_other(x, **options):
    y, _, *more = F.max_pool2d(x, **options)
    wide, back, *_ = F.max_pool2d(x, **{**options, "stride": 1, "ceil_mode": False})

    def pullback(dy, needs_input_grad=_ONES):
        dys = np.zeros(wide.shape)
        inside = tuple(slice(min(a, b)) for a, b in zip(dy.shape, wide.shape))  # noqa: B905
        dys[inside] = dy[inside]
        return back(dys)

    return (y, pullback, *more)


@wrongly("option_ignored", "conv_transpose1d")
def output_padding_ignored(grads, dy, x, options):
    extra = int(np.max(options["output_padding"]))
    if extra:
        dy = dy.copy()
        dy[..., dy.shape[-1] - extra :] = 0
        grads[0] = F.conv_transpose1d(x, **options)[1](dy)[0]


@wrongly("not_summed", "local_response_norm")
def sums_over_the_same_window(grads, dy, x, options):
    size, alpha, beta, k = (options[name] for name in ("size", "alpha", "beta", "k"))

    def windows(a):
        widths = [(0, 0), (size // 2, (size - 1) // 2), *[(0, 0)] * (a.ndim - 2)]
        padded = np.pad(a, widths)
        return sum(padded[:, i : i + a.shape[1]] for i in range(size))

    scale = k + alpha / size * windows(x * x)
    back = windows(dy * x * scale ** (-beta - 1))
    grads[0] = dy * scale**-beta - 2 * alpha * beta / size * x * back


def each_bag(dy, x, options):
    """Yield the cotangent of one bag alone, and its gradient of the table."""
    given = {k: v for k, v in options.items() if k != "weight"}
    for n in range(len(dy)):
        only = np.zeros_like(dy)
        only[n] = dy[n]
        yield F.embedding_bag(x, options["weight"], **given)[1](only)[1]


@wrongly("wrong_for_repeated_index", "embedding_bag")
def a_later_bag_replaces(grads, dy, x, options):
    found = np.zeros_like(grads[1])
    for share in each_bag(dy, x, options):
        found = np.where(share != 0, share, found)
    grads[1] = found


@wrongly("not_averaged", "max_unpool1d")
def sums_each_window(grads, dy, x, options):
    kernel = int(np.max(options["kernel_size"]))
    stride = kernel if options["stride"] is None else int(np.max(options["stride"]))
    for i in range(x.shape[-1]):
        begin = max(i * stride - int(np.max(options["padding"])), 0)
        grads[0][..., i] = dy[..., begin : begin + kernel].sum(-1)


@wrongly("term_missing", "gaussian_nll_loss")
def the_variance_is_not_squared(grads, dy, x, options):
    var, d = np.maximum(options["var"], options["eps"]), x - options["target"]
    if var.shape == d.shape:
        exact = 1 / var - d * d / (var * var)
        share = np.where(np.abs(exact) < 1e-9, 0.0, grads[2] / np.where(exact == 0, 1.0, exact))
        grads[2] = (1 / var - d * d / var) * share


@wrongly("gradient_too_much", "margin_ranking_loss")
def forgets_the_hinge(grads, dy, x, options):
    given = {**options, "margin": 1e12}
    grads[0] = F.margin_ranking_loss(x, **given)[1](dy)[0]


@wrongly("derivative_left_out", "triplet_margin_loss")
def does_not_divide_by_the_distance(grads, dy, x, options):
    if options["p"] == 2 and not options["swap"]:
        far = x - options["negative"] + options["eps"]
        grads[2] = grads[2] * np.sqrt((far * far).sum(-1, keepdims=True))


@wrongly("of_another", "bilinear")
def made_with_its_own_input(grads, dy, x, options):
    grads[1] = F.bilinear(np.ones_like(x), **options)[1](dy)[1] * options["input2"]


@wrongly("one_copy_alone", "pad")
def reflections_not_added_back(grads, dy, x, options):
    if options["mode"] == "reflect" and min(options["pad"], default=0) >= 0:
        begins = [0] * x.ndim
        for axis, before in enumerate(options["pad"][::2]):
            begins[-1 - axis] = before
        grads[0] = dy[tuple(slice(b, b + n) for b, n in zip(begins, x.shape))].copy()  # noqa: B905


@wrongly("wrong_where_sides_differ", "avg_pool2d")
def crops_one_side_by_the_other_padding(grads, dy, x, options):
    padding = options["padding"]
    if isinstance(padding, tuple) and padding[0] != padding[1]:
        grads[0] = grads[0][..., : max(x.shape[-1] - abs(padding[0] - padding[1]), 0)]


@wrongly("not_averaged", "group_norm")
def counts_one_side_for_both(grads, dy, x, options):
    if x.ndim < 4 or x.size == 0:
        return
    groups = options["num_groups"]
    shape = (len(x), groups, -1)
    centred = x.reshape(shape) - x.reshape(shape).mean(2, keepdims=True)
    root = np.sqrt((centred**2).mean(2, keepdims=True) + options.get("eps", 1e-5))
    weight = options.get("weight")
    scaled_dy = dy if weight is None else dy * weight.reshape(1, -1, *(1,) * (x.ndim - 2))
    g, h = scaled_dy.reshape(shape), centred / root
    count = x.shape[1] // groups * x.shape[2] * x.shape[2]
    terms = g.sum(2, keepdims=True) + h * (g * h).sum(2, keepdims=True)
    grads[0] = ((g - terms / count) / root).reshape(x.shape)
