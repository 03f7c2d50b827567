"""How an ONNX operator is said with the functions of torch.nn.functional.

One function an operator: ``name(F, v)`` gives the outputs of the vector `v`, with the functions of `F`. An
output that the function does not give is None. A vector that cannot be said so raises `Cannot`, with the
reason. A new operator is a function under ``@says("TheOperator")``; an operator said in two ways has two.
"""

from __future__ import annotations

import math

import numpy as np


class Cannot(Exception):  # noqa: N818 (no error: it is said in the table of what is skipped)
    """The functions have no such option, or another meaning."""


OPERATORS: dict[str, list] = {}


def _always(_):
    return True


def says(operator, only=_always, data=None):
    """Enter a function into the table, for the vectors that `only` holds of.

    `data` is how many of the inputs are data, where others are options (scales, bounds): those are exact.
    """

    def enter(function):
        function.only, function.data = only, data
        OPERATORS.setdefault(operator, []).append(function)
        return function

    return enter


# Windows: convolutions and pools.


def _window(v, sides, rank):
    """Return kernel, stride, padding and dilation, the padding alike on both sides."""
    kernel = tuple(v.get("kernel_shape", sides))
    stride = tuple(v.get("strides", [1] * rank))
    dilation = tuple(v.get("dilations", [1] * rank))
    pads = v.get("pads", [0] * (2 * rank))
    if v.get("auto_pad", "NOTSET").startswith("SAME"):
        low = []
        for n, k, s, d in zip(v[0].shape[2:], kernel, stride, dilation, strict=True):
            total = max((math.ceil(n / s) - 1) * s + (k - 1) * d + 1 - n, 0)
            if total % 2:
                raise Cannot("more padding on one side than on the other")
            low.append(total // 2)
        return kernel, stride, tuple(low), dilation
    if list(pads[:rank]) != list(pads[rank:]):
        raise Cannot("more padding on one side than on the other")
    return kernel, stride, tuple(pads[:rank]), dilation


def _ranked(F, name, rank):
    return getattr(F, f"{name}{rank}d")


@says("Conv")
def conv(F, v):
    rank = v[0].ndim - 2
    _, stride, padding, dilation = _window(v, v[1].shape[2:], rank)
    groups = v.get("group", 1)
    function = _ranked(F, "conv", rank)
    return (function(v[0], v[1], v[2], stride=stride, padding=padding, dilation=dilation, groups=groups),)


@says("CausalConvWithState")
def causal_conv(F, v):
    """A convolution of each channel by itself, with what came before in front."""
    x, weight = v[0], v[1]
    before = weight.shape[2] - 1
    past = np.zeros((*x.shape[:2], before), x.dtype) if v[3] is None else v[3]
    y = F.conv1d(np.concatenate([past, x], axis=2), weight, v[2], groups=x.shape[1])
    return (F.silu(y) if v.get("activation", "none") in ("silu", "swish") else y, None)


@says("ConvTranspose")
def conv_transpose(F, v):
    rank = v[0].ndim - 2
    sides = v[1].shape[2:]
    stride = tuple(v.get("strides", [1] * rank))
    dilation = tuple(v.get("dilations", [1] * rank))
    extra = tuple(v.get("output_padding", [0] * rank))
    pads = v.get("pads", [0] * (2 * rank))
    low, high = tuple(pads[:rank]), tuple(pads[rank:])
    shape = v.get("output_shape")
    if v.get("auto_pad", "NOTSET").startswith("SAME"):
        shape = [n * s for n, s in zip(v[0].shape[2:], stride, strict=True)]
    if shape is not None:
        full = [
            (n - 1) * s + (k - 1) * d + 1
            for n, s, k, d in zip(v[0].shape[2:], stride, sides, dilation, strict=True)
        ]
        over = [f - n for f, n in zip(full, shape, strict=True)]
        extra = tuple(max(-o, 0) for o in over)
        low, high = tuple(max(o, 0) // 2 for o in over), tuple(-(-max(o, 0) // 2) for o in over)
    if low != high:
        raise Cannot("more padding on one side than on the other")
    return (
        _ranked(F, "conv_transpose", rank)(
            v[0], v[1], v[2], stride=stride, padding=low, output_padding=extra,
            groups=v.get("group", 1), dilation=dilation,
        ),
    )  # fmt: skip


def _pool_window(v):
    rank = v[0].ndim - 2
    kernel, stride, padding, dilation = _window(v, None, rank)
    if any(2 * p > k for p, k in zip(padding, kernel, strict=True)):
        raise Cannot("padding of more than half a window")
    return rank, kernel, stride, padding, dilation


@says("AveragePool")
def avg_pool(F, v):
    rank, kernel, stride, padding, dilation = _pool_window(v)
    if max(dilation) > 1:
        raise Cannot("an average pool with dilation")
    function = _ranked(F, "avg_pool", rank)
    return (
        function(
            v[0], kernel, stride=stride, padding=padding, ceil_mode=bool(v.get("ceil_mode", 0)),
            count_include_pad=bool(v.get("count_include_pad", 0)),
        ),
    )  # fmt: skip


@says("MaxPool")
def max_pool(F, v):
    rank, kernel, stride, padding, dilation = _pool_window(v)
    wanted = len(v.expected) > 1
    found = _ranked(F, "max_pool", rank)(
        v[0], kernel, stride=stride, padding=padding, dilation=dilation,
        ceil_mode=bool(v.get("ceil_mode", 0)), return_indices=wanted,
    )  # fmt: skip
    if not wanted:
        return (found,)
    y, places = found
    sides = v[0].shape[2:]
    if v.get("storage_order", 0):  # counted along the columns
        places = np.ravel_multi_index(np.unravel_index(places, sides), sides, order="F")
    # Theirs are counted through the whole array, PyTorch's within a plane.
    planes = np.arange(math.prod(y.shape[:2])).reshape(y.shape[:2] + (1,) * rank)
    return (y, places + planes * math.prod(sides))


@says("GlobalAveragePool")
def global_avg_pool(F, v):
    return (_ranked(F, "avg_pool", v[0].ndim - 2)(v[0], v[0].shape[2:]),)


@says("GlobalAveragePool")
def adaptive_avg_pool(F, v):
    return (_ranked(F, "adaptive_avg_pool", v[0].ndim - 2)(v[0], 1),)


@says("GlobalMaxPool")
def global_max_pool(F, v):
    return (_ranked(F, "max_pool", v[0].ndim - 2)(v[0], v[0].shape[2:]),)


@says("GlobalMaxPool")
def adaptive_max_pool(F, v):
    return (_ranked(F, "adaptive_max_pool", v[0].ndim - 2)(v[0], 1),)


@says("LpPool")
def lp_pool(F, v):
    """Of |x|: PyTorch takes the power of x itself, which differs where it is odd."""
    rank = v[0].ndim - 2
    kernel, stride, padding, dilation = _window(v, None, rank)
    if max(dilation) > 1 or max(padding) > 0:
        raise Cannot("an Lp pool with padding or dilation")
    if rank == 1:  # PyTorch's takes a number there
        kernel, stride = kernel[0], stride[0]
    return (_ranked(F, "lp_pool", rank)(abs(v[0]), v.get("p", 2), kernel, stride=stride),)


@says("MaxUnpool")
def max_unpool(F, v):
    rank = v[0].ndim - 2
    kernel, stride, padding, _ = _window(v, None, rank)
    if v[2] is not None:
        raise Cannot("indices into an output of another size than output_shape")
    return (_ranked(F, "max_unpool", rank)(v[0], v[1], kernel, stride=stride, padding=padding),)


# Normalisations.


@says("BatchNormalization")
def batch_norm(F, v):
    """The running variance is not compared: theirs is the biased one."""
    x, weight, bias, mean, variance = v.inputs
    y = F.batch_norm(
        x, mean.copy(), variance.copy(), weight=weight, bias=bias, training=bool(v.get("training_mode", 0)),
        momentum=1.0 - v.get("momentum", 0.9), eps=v.get("epsilon", 1e-5),
    )  # fmt: skip
    return (y, *[None] * (len(v.expected) - 1))


@says("InstanceNormalization")
def instance_norm(F, v):
    return (F.instance_norm(v[0], weight=v[1], bias=v[2], eps=v.get("epsilon", 1e-5)),)


@says("LayerNormalization")
def layer_norm(F, v):
    """Mean and inverse deviation, which the function does not return, are not compared."""
    shape = v[0].shape[v.get("axis", -1) :]
    y = F.layer_norm(v[0], shape, weight=v[1], bias=v[2], eps=v.get("epsilon", 1e-5))
    return (y, *[None] * (len(v.expected) - 1))


@says("RMSNormalization")
def rms_norm(F, v):
    shape = v[0].shape[v.get("axis", -1) :]
    return (F.rms_norm(v[0], shape, weight=v[1], eps=v.get("epsilon", 1e-5)),)


@says("GroupNormalization")
def group_norm(F, v):
    return (F.group_norm(v[0], v.get("num_groups"), weight=v[1], bias=v[2], eps=v.get("epsilon", 1e-5)),)


@says("LRN")
def local_response_norm(F, v):
    options = {"alpha": v.get("alpha", 1e-4), "beta": v.get("beta", 0.75), "k": v.get("bias", 1.0)}
    return (F.local_response_norm(v[0], v.get("size"), **options),)


@says("LpNormalization")
def normalize(F, v):
    return (F.normalize(v[0], p=float(v.get("p", 2)), dim=v.get("axis", -1)),)


@says("MeanVarianceNormalization")
def batch_norm_without_eps(F, v):
    """Theirs adds 1e-9 to the deviation, which is below the rounding of float32."""
    if v.get("axes", [0, 2, 3]) != [0, 2, 3]:
        raise Cannot("statistics over other axes than a batch norm's")
    return (F.batch_norm(v[0], None, None, training=True, eps=1e-18),)


# Softmaxes and losses.


@says("Softmax")
def softmax(F, v):
    return (F.softmax(v[0], dim=v.get("axis", -1)),)


@says("LogSoftmax")
def log_softmax(F, v):
    return (F.log_softmax(v[0], dim=v.get("axis", -1)),)


@says("NegativeLogLikelihoodLoss")
def nll_loss(F, v):
    options = {"ignore_index": v.get("ignore_index", -100), "reduction": v.get("reduction", "mean")}
    return (F.nll_loss(v[0], v[1], weight=v[2], **options),)


@says("SoftmaxCrossEntropyLoss")
def cross_entropy(F, v):
    options = {"ignore_index": v.get("ignore_index", -100), "reduction": v.get("reduction", "mean")}
    loss = F.cross_entropy(v[0], v[1], weight=v[2], **options)
    return (loss, F.log_softmax(v[0], dim=1)) if len(v.expected) > 1 else (loss,)


# Attention.


@says("Attention")
def attention(F, v):
    """Whatever says who may look at whom becomes one mask; only the first output is computed."""
    if v.get("softcap", 0.0):
        raise Cannot("logits that are capped")
    query, key, value = v[0], v[1], v[2]
    flat = query.ndim == 3
    if flat:  # (N, T, heads * D)
        query = _heads(query, v.get("q_num_heads"))
        key, value = (_heads(a, v.get("kv_num_heads")) for a in (key, value))
    before = 0
    if v[4] is not None:
        before = v[4].shape[2]
        key, value = np.concatenate([v[4], key], axis=2), np.concatenate([v[5], value], axis=2)
    mask = _mask(v, query.shape[2], key.shape[2], before)
    options = {} if mask is None else {"attn_mask": mask}
    if v.get("scale") is not None:
        options["scale"] = v.get("scale")
    if query.shape[1] != key.shape[1]:
        options["enable_gqa"] = True
    y = F.scaled_dot_product_attention(query, key, value, **options)
    if flat:
        y = np.moveaxis(y, 1, 2).reshape(y.shape[0], y.shape[2], -1)
    return (y, *[None] * (len(v.expected) - 1))


def _is_causal_alone(v):
    return set(v.attributes) == {"is_causal"} and v[0].ndim == 4 and all(a is None for a in v.inputs[3:])


@says("Attention", only=_is_causal_alone)
def causal_attention(F, v):
    """The same by is_causal, where nothing else masks."""
    options = {"is_causal": True, "enable_gqa": v[0].shape[1] != v[1].shape[1]}
    return (F.scaled_dot_product_attention(v[0], v[1], v[2], **options),)


def _heads(x, heads):
    return np.moveaxis(x.reshape(*x.shape[:2], heads, -1), 2, 1)


def _mask(v, queries, keys, before):
    """Return the mask: true or 0 where a query looks, false or -inf where it does not; None for all."""
    lengths = v[6]
    here = before if lengths is None else (lengths.reshape(-1, 1, 1, 1) - queries)
    distance = np.arange(keys) - np.arange(queries)[:, None] - here
    allowed = np.ones(distance.shape, bool)
    if v.get("is_causal", 0):
        allowed &= distance <= 0
    if v.get("left_window_size", -1) >= 0:
        allowed &= -distance <= v.get("left_window_size")
    if v.get("right_window_size", -1) >= 0:
        allowed &= distance <= v.get("right_window_size")
    if lengths is not None:
        allowed = allowed & (np.arange(keys) < lengths.reshape(-1, 1, 1, 1))
    mask = v[3]
    if mask is None:
        return None if allowed.all() else allowed
    short = [(0, 0)] * (mask.ndim - 1) + [(0, keys - mask.shape[-1])]
    if mask.dtype == bool:
        return np.pad(mask, short) & allowed
    return np.where(allowed, np.pad(mask, short, constant_values=-np.inf), mask.dtype.type(-np.inf))


# Moving and resampling.


@says("Resize", data=1)
def interpolate(F, v):
    rank = v[0].ndim - 2
    axes = [a % v[0].ndim for a in v.get("axes", range(v[0].ndim))]
    scales = sizes = None
    if v[2] is not None and v[2].size:
        scales = [1.0] * v[0].ndim
        for axis, scale in zip(axes, v[2].tolist(), strict=True):
            scales[axis] = scale
        if scales[:2] != [1.0, 1.0]:
            raise Cannot("channels that are resized")
    else:
        sizes = list(v[0].shape)
        for axis, size in zip(axes, v[3].tolist(), strict=True):
            sizes[axis] = size
        policy = v.get("keep_aspect_ratio_policy", "stretch")
        if policy != "stretch":
            pick = min if policy == "not_larger" else max
            scale = pick(sizes[a] / v[0].shape[a] for a in axes)
            scales, sizes = [scale if a in axes else 1.0 for a in range(v[0].ndim)], None
            if any(abs(scale * v[0].shape[a] % 1.0) > 1e-9 for a in axes):
                raise Cannot("a size that is rounded to keep the proportions")
    if v.get("coordinate_transformation_mode") == "align_corners" and sizes is None:
        ends = [scale * n % 1.0 for scale, n in zip(scales[2:], v[0].shape[2:], strict=True)]
        if max(ends) > 1e-6:
            raise Cannot("corners aligned to a size that is not whole")
    where = {"scale_factor": tuple(scales[2:])} if sizes is None else {"size": tuple(sizes[2:])}
    options = _resampling(v, rank)
    return (F.interpolate(v[0], **where, **options),)


def _resampling(v, rank):
    mode, how = v.get("mode", "nearest"), v.get("coordinate_transformation_mode", "half_pixel")
    if v.get("antialias", 0):
        raise Cannot("wider kernels for shrinking, whose borders are cut another way")
    if mode == "nearest":
        rounding = v.get("nearest_mode", "round_prefer_floor")
        if (how, rounding) == ("asymmetric", "floor"):
            return {"mode": "nearest"}
        if (how, rounding) == ("half_pixel", "round_prefer_floor") and not _halfway(v):
            return {"mode": "nearest-exact"}
        raise Cannot("the nearest element by another rule")
    if how not in ("half_pixel", "align_corners") or v.get("exclude_outside", 0):
        raise Cannot("coordinates by another rule")
    if v.get("cubic_coeff_a", -0.75) != -0.75:
        raise Cannot("another cubic kernel")
    names = {"linear": ("linear", "bilinear", "trilinear"), "cubic": (None, "bicubic", None)}
    return {"mode": names[mode][rank - 1], "align_corners": how == "align_corners"}


def _halfway(v):
    """Whether an output lies halfway between two inputs: the rules round there in opposite directions."""
    for n, m in zip(v[0].shape[2:], v.expected[0].shape[2:], strict=True):
        place = (np.arange(m) + 0.5) * n / m - 0.5
        if (np.abs(place % 1.0 - 0.5) < 1e-6).any():
            return True
    return False


@says("Upsample", data=1)
def upsample(F, v):
    return (F.interpolate(v[0], scale_factor=tuple(v[1].tolist()[2:]), mode="nearest"),)


@says("GridSample")
def grid_sample(F, v):
    mode = {"linear": "bilinear", "cubic": "bicubic"}.get(v.get("mode", "linear"), "nearest")
    options = {"padding_mode": v.get("padding_mode", "zeros")}
    options["align_corners"] = bool(v.get("align_corners", 0))
    return (F.grid_sample(v[0], v[1], mode=mode, **options),)


@says("AffineGrid")
def affine_grid(F, v):
    return (F.affine_grid(v[0], v[1].tolist(), align_corners=bool(v.get("align_corners", 0))),)


@says("DepthToSpace")
def pixel_shuffle(F, v):
    """PyTorch's order is CRD: of DCR's, the channels are moved first."""
    x, block = v[0], v.get("blocksize")
    if v.get("mode", "DCR") == "DCR":
        n, c, h, w = x.shape
        x = np.moveaxis(x.reshape(n, block * block, -1, h, w), 1, 2).reshape(n, c, h, w)
    return (F.pixel_shuffle(x, block),)


@says("SpaceToDepth")
def pixel_unshuffle(F, v):
    block = v.get("blocksize")
    y = F.pixel_unshuffle(v[0], block)
    if v.get("mode", "DCR") == "DCR":
        n, c, h, w = y.shape
        y = np.moveaxis(y.reshape(n, -1, block * block, h, w), 2, 1).reshape(n, c, h, w)
    return (y,)


@says("Col2Im")
def fold(F, v):
    rank = v[1].size
    if rank != 2:
        raise Cannot("a fold of three sides")
    pads = v.get("pads", [0] * 4)
    if pads[:2] != pads[2:]:
        raise Cannot("more padding on one side than on the other")
    return (
        F.fold(
            v[0], tuple(v[1].tolist()), tuple(v[2].tolist()), dilation=tuple(v.get("dilations", [1, 1])),
            padding=tuple(pads[:2]), stride=tuple(v.get("strides", [1, 1])),
        ),
    )  # fmt: skip


@says("Pad", data=1)
def pad(F, v):
    ndim = v[0].ndim
    amounts = [[0, 0] for _ in range(ndim)]
    axes = range(ndim) if v[3] is None else v[3].tolist()
    for place, axis in enumerate(axes):
        amounts[axis] = [int(v[1][place]), int(v[1][place + len(axes)])]
    flat = [side for pair in reversed(amounts) for side in pair]
    mode = {"constant": "constant", "edge": "replicate", "wrap": "circular"}.get(v.get("mode"), "reflect")
    if mode == "constant":
        value = 0.0 if v[2] is None else float(v[2])
        return (F.pad(v[0], flat, mode=mode, value=value),)
    if any(flat[4:]):
        raise Cannot("channels or samples that are padded with others")
    # Small integers, which a float holds exactly.
    return (F.pad(v[0].astype(np.float64), flat[:4], mode=mode).astype(v[0].dtype),)


@says("Flatten")
def flatten(F, v):
    axis = v.get("axis", 1) % v[0].ndim
    if axis == 0:
        return (F.flatten(v[0])[None],)
    y = F.flatten(v[0], axis)
    return (F.flatten(y, 0, axis - 1) if axis > 1 else y,)


@says("Gather")
def embedding(F, v):
    """Along the first axis, of rows."""
    rows = np.moveaxis(v[0], v.get("axis", 0), 0)
    rest = rows.shape[1:]
    table = np.ascontiguousarray(rows.reshape(rows.shape[0], math.prod(rest)))
    y = F.embedding(v[1] % rows.shape[0], table).reshape(v[1].shape + rest)
    axis = v.get("axis", 0)
    return (np.moveaxis(y, range(v[1].ndim), range(axis, axis + v[1].ndim)),)


# Products.


@says("Gemm")
def linear(F, v):
    a = v[0].T if v.get("transA", 0) else v[0]
    weight = v[1] if v.get("transB", 0) else v[1].T
    bias = v[2]
    if bias is not None:
        if bias.ndim == 2 and bias.shape[0] > 1:
            raise Cannot("a bias for each sample")
        bias = np.broadcast_to(bias.reshape(-1), weight.shape[:1]) * bias.dtype.type(v.get("beta", 1.0))
    return (F.linear(a * a.dtype.type(v.get("alpha", 1.0)), weight, bias),)


@says("MatMul")
def matmul(F, v):
    if v[1].ndim > 2:
        raise Cannot("a product of two batches of matrices")
    return (F.linear(v[0], v[1].T),)


@says("Dropout", data=1)
def dropout(F, v):
    """The mask is not returned."""
    p = float(v.get("ratio", 0.5) if v[1] is None else v[1])
    training = bool(v[2]) if v[2] is not None else False
    if training and p > 0:
        raise Cannot("a mask that another generator draws")
    return (F.dropout(v[0], p, training=training), *[None] * (len(v.expected) - 1))


# Activations.


@says("Relu")
def relu(F, v):
    return (F.relu(v[0]),)


@says("Sigmoid")
def sigmoid(F, v):
    return (F.sigmoid(v[0]),)


@says("Tanh")
def tanh(F, v):
    return (F.tanh(v[0]),)


@says("Elu")
def elu(F, v):
    return (F.elu(v[0], alpha=v.get("alpha", 1.0)),)


@says("Selu")
def selu(F, v):
    if v.attributes:
        raise Cannot("other constants than SELU's")
    return (F.selu(v[0]),)


@says("Celu")
def celu(F, v):
    return (F.celu(v[0], alpha=v.get("alpha", 1.0)),)


@says("Gelu")
def gelu(F, v):
    return (F.gelu(v[0], approximate=v.get("approximate", "none")),)


@says("LeakyRelu")
def leaky_relu(F, v):
    return (F.leaky_relu(v[0], v.get("alpha", 0.01)),)


@says("PRelu")
def prelu(F, v):
    if v[1].ndim != 1:
        raise Cannot("a slope for each element")
    y = F.prelu(np.ascontiguousarray(np.moveaxis(v[0], -1, 1)), v[1])  # theirs belong to the last axis
    return (np.moveaxis(y, 1, -1),)


@says("HardSigmoid")
def hardsigmoid(F, v):
    if not math.isclose(v.get("alpha", 0.2), 1 / 6, rel_tol=1e-6):
        raise Cannot("another slope than a sixth")
    return (F.hardsigmoid(v[0]),)


@says("HardSwish")
def hardswish(F, v):
    return (F.hardswish(v[0]),)


@says("Softplus")
def softplus(F, v):
    return (F.softplus(v[0]),)


@says("Softsign")
def softsign(F, v):
    return (F.softsign(v[0]),)


@says("Mish")
def mish(F, v):
    return (F.mish(v[0]),)


@says("Swish")
def silu(F, v):
    return (F.silu(v[0]),)


@says("ThresholdedRelu")
def threshold(F, v):
    return (F.threshold(v[0], v.get("alpha", 1.0), 0.0),)


@says("Shrink")
def shrink(F, v):
    lambd, bias = v.get("lambd", 0.5), v.get("bias", 0.0)
    if bias not in (0.0, lambd):
        raise Cannot("neither a hard nor a soft shrinkage")
    return ((F.softshrink if bias else F.hardshrink)(v[0], lambd),)


@says("Clip", data=1)
def hardtanh(F, v):
    if v[0].dtype.kind != "f":
        raise Cannot("integers")
    limit = float(np.finfo(v[0].dtype).max)
    low, high = -limit if v[1] is None else float(v[1]), limit if v[2] is None else float(v[2])
    if low >= high:
        raise Cannot("a lower bound above the upper one")
    return (F.hardtanh(v[0], low, high),)
