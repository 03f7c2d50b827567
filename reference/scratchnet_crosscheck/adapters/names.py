"""What things, arguments and attributes are called in hand-written files."""

from __future__ import annotations

import re

_BATCHNORM = "batch_norm"

#: Names of layers, lower case, without underscores, "layer", "activation", "function" and the like.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "linear": (
        "linear", "affine", "dense", "fullyconnected", "fc", "innerproduct", "matmul", "timeaffine",
        "temporalaffine",
        "perceptron", "hidden",
    ),
    "relu": ("relu", "rectifiedlinear", "rectifiedlinearunit"),
    "sigmoid": ("sigmoid", "logistic", "sigm"),
    "tanh": ("tanh", "hyperbolictangent"),
    "softmax": ("softmax",),
    "log_softmax": ("logsoftmax",),
    "gelu": ("gelu",), "silu": ("silu", "swish"), "softplus": ("softplus",), "mish": ("mish",),
    "elu": ("elu",),
    "leaky_relu": ("leakyrelu", "lrelu"), "prelu": ("prelu",), "relu6": ("relu6",), "hardtanh": ("hardtanh",),
    "cross_entropy": (
        "softmaxwithloss", "crossentropy", "crossentropyloss", "softmaxloss", "softmaxcrossentropy",
        "softmaxcrossentropyloss", "softmaxcrossentropywithlogits", "softmaxwithcrossentropy",
        "activationsoftmaxlosscategoricalcrossentropy", "crossentropywithlogits", "softmaxloss1", "celoss",
    ),
    "temporal cross_entropy": ("timesoftmaxwithloss", "temporalsoftmaxloss"),
    "nll_loss": ("nllloss", "nll"),
    "mse_loss": (
        "mse", "mseloss", "meansquarederror", "meansquarederrorloss", "meansquareloss", "squareloss",
        "l2loss",
        "squarederror", "quadraticloss", "lossmeansquarederror",
    ),
    "l1_loss": ("l1", "l1loss", "mae", "maeloss", "meanabsoluteerror", "lossmeanabsoluteerror"),
    "smooth_l1_loss": ("smoothl1", "smoothl1loss"),
    "binary_cross_entropy": ("bce", "bceloss", "binarycrossentropy", "binarycrossentropyloss"),
    "binary_cross_entropy_with_logits": (
        "bcewithlogits", "bcewithlogitsloss", "binarycrossentropywithlogits", "sigmoidwithloss",
        "sigmoidcrossentropy",
    ),
    "multi_margin_loss": ("svm", "svmloss", "hinge", "hingeloss", "multimarginloss", "multiclasshinge"),
    "conv2d": ("conv", "conv2d", "convolution", "convolution2d", "convolutional"),
    "conv1d": ("conv1d", "convolution1d"),
    "max_pool2d": ("maxpool", "maxpool2d", "maxpooling", "maxpooling2d", "pooling", "pool"),
    "avg_pool2d": ("avgpool", "avgpool2d", "averagepool", "averagepooling", "averagepooling2d", "avgpooling"),
    "adaptive_avg_pool2d": ("globalavgpool", "globalaveragepooling", "globalaveragepooling2d",
    "adaptiveavgpool2d"),
    _BATCHNORM: (
        "batchnorm", "batchnormalization", "batchnorm1d", "batchnorm2d", "spatialbatchnorm", "bn",
    ),
    "layer_norm": ("layernorm", "layernormalization", "layernormstd", "ln", "norm"),
    "rms_norm": ("rmsnorm",), "group_norm": ("groupnorm", "spatialgroupnorm", "groupnormalization"),
    "dropout": ("dropout",),
    "embedding": ("embedding", "wordembedding", "timeembedding"),
    "flatten": ("flatten", "reshape"),
    "rnn_cell": ("rnncell", "rnnstep"), "rnn": ("rnn", "timernn"),
    "lstm_cell": ("lstmcell", "lstmstep"), "lstm": ("lstm", "timelstm"),
    "scaled_dot_product_attention": ("scaleddotproductattention", "attention", "dotproductattention"),
    "affine_relu": ("affinerelu", "linearrelu"), "conv_relu": ("convrelu",),
    "conv_relu_pool": ("convrelupool",),
}  # fmt: skip

_BY_NAME = {name: kind for kind, names in OPERATIONS.items() for name in names}
_NOISE = ("layer", "activation", "function", "func", "op", "module", "autograd", "custom", "my", "numpy",
"np", "naive", "fast",
          "vectorized", "im2col", "strides", "loops", "alt")  # fmt: skip


def plain(name: str) -> str:
    """Return a name in lower case without underscores.

    Examples
    --------
    >>> plain("Layer_Dense"), plain("dLdW")
    ('layerdense', 'dldw')
    """
    return name.replace("_", "").lower()


def operation(name: str) -> str | None:
    """Return the kind that a thing of this name is, or None.

    Examples
    --------
    >>> [operation(n) for n in ("Affine", "Layer_Dense", "conv_forward_naive", "MyReLU", "Optimizer")]
    ['linear', 'linear', None, 'relu', None]
    """
    whole = plain(name)
    if whole in _BY_NAME:
        return _BY_NAME[whole]
    words = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*d?|[A-Z]+\d*|\d+", name)
    kept = "".join(word.lower() for word in words if word.lower() not in _NOISE)
    if kept in _BY_NAME:
        return _BY_NAME[kept]
    for noise in _NOISE:
        for short in (whole.removeprefix(noise), whole.removesuffix(noise)):
            if short in _BY_NAME:
                return _BY_NAME[short]
    return None


#: What the slots are called, as arguments, attributes and keys.
SLOTS: dict[str, tuple[str, ...]] = {
    "weight": (
        "w", "weight", "weights", "kernel", "kernels", "filter", "filters", "gamma", "g", "scale", "theta",
        "embeddings",
        "embedding", "slope", "alpha", "a", "table",
    ),
    "bias": ("b", "bias", "biases", "beta", "w0", "b0", "shift", "offset"),
    "weight_ih": ("wx", "weightih", "wih", "wxh", "win", "u", "weightx"),
    "weight_hh": ("wh", "weighthh", "whh", "w", "weighth"),
    "bias_ih": ("b", "bias", "biasih", "bih", "bh"),
    "bias_hh": ("biashh", "bhh"),
    "running_mean": ("runningmean", "movingmean", "runningmu", "mean", "runmean"),
    "running_var": ("runningvar", "movingvar", "movingvariance", "runningvariance", "var", "runvar"),
    "x": ("x", "input", "inputs", "xs", "z", "a", "logits", "data", "pred", "prediction", "predictions",
    "scores"),
    "h": ("h", "prevh", "h0", "hprev", "hidden", "hx", "hpre"),
    "c": ("c", "prevc", "c0", "cprev", "cell", "cx"),
    "target": ("y", "t", "target", "targets", "label", "labels", "ts", "ytrue", "true", "truth"),
    "mask": ("mask",),
    "query": ("query", "q"), "key": ("key", "k"), "value": ("value", "v"),
    "ids": ("ids", "idx", "x", "index", "indices", "input"),
}  # fmt: skip

#: What options are called.
OPTIONS: dict[str, tuple[str, ...]] = {
    "stride": ("stride", "strides", "s"),
    "padding": ("pad", "padding", "p"),
    "dilation": ("dilation",),
    "groups": ("groups",),
    "num_groups": ("numgroups", "g", "groups", "ngroups"),
    "eps": ("eps", "epsilon", "e"),
    "momentum": ("momentum", "decay"),
    "p": ("p", "dropoutratio", "rate", "dropprob", "prob", "ratio", "dropoutrate", "keepprob", "dropout",
    "dropoutp"),
    "negative_slope": ("negativeslope", "slope", "alpha", "leak"),
    "alpha": ("alpha",),
    "kernel_size": ("kernelsize", "k", "size", "poolsize", "ksize", "kernel", "filtersize", "windowsize",
    "poolshape"),
    "kernel_h": ("poolh", "poolheight", "kh", "kernelh", "hh"),
    "kernel_w": ("poolw", "poolwidth", "kw", "kernelw", "ww"),
    "dim": ("dim", "axis"),
    "reduction": ("reduction",),
    "ignore_index": ("ignoreindex", "ignorelabel"),
    "beta": ("beta",),
    "training": ("training", "trainflg", "train", "istraining", "trainmode", "istrain"),
}  # fmt: skip

SIZES: dict[str, tuple[str, ...]] = {
    "in": (
        "infeatures", "indim", "inputsize", "inputdim", "nin", "nfeatures", "numfeatures", "inchannels",
        "numembeddings",
        "normalizedshape", "vocabsize", "dim", "d", "ninputs", "features", "infeature", "dimin", "inputs",
        "size",
        "numchannels", "inputfeatures", "channels", "inchannel", "inputchannels", "cin", "fanin",
        "inputunits", "h",
    ),
    "out": (
        "outfeatures", "outdim", "outputsize", "nout", "outchannels", "nfilters", "numfilters",
        "embeddingdim",
        "hiddensize", "units", "nunits", "nneurons", "outputdim", "outfeature", "dimout", "outputs",
        "noutputs",
        "hiddendim", "filters", "outputfeatures", "embeddim", "outchannel", "outputchannels", "cout",
        "fanout",
        "outputunits", "neurons",
    ),
    "kernel": ("kernelsize", "k", "size", "filtersize", "kernel", "ksize", "fsize"),
    "kernel_h": ("kh", "kernelh", "hh"), "kernel_w": ("kw", "kernelw", "ww"),
}  # fmt: skip

RATES = ("learningrate", "lr", "eta", "rate", "stepsize", "alpha")

#: Names of the two passes of a class.
PASSES = (
    ("forward", "backward"), ("forward_pass", "backward_pass"), ("forward", "backprop"), ("forward", "back"),
    ("forward", "backward_pass"), ("forward_propagate", "back_propagate"), ("forward_propagation",
    "backward_propagation"),
    ("forward_propagation", "back_propagation"), ("forward_prop", "backward_prop"), ("forward_prop",
    "back_prop"),
    ("propagate", "backpropagate"), ("fprop", "bprop"), ("call", "deriv"), ("loss", "grad"), ("loss",
    "gradient"),
    ("loss", "derivative"), ("loss", "backward"), ("loss", "deriv"), ("__call__", "backward"), ("__call__",
    "backprop"),
    ("forward", "derivative"), ("forward", "gradient"), ("forward", "grad"), ("call", "backward"),
    ("__call__", "grad"),
    ("__call__", "gradient"), ("compute", "backward"),
)  # fmt: skip

#: How a pair's two functions are called: an ending of the forward's, and the backward's in its place.
PAIRS = (
    ("_forward", "_backward"), ("_fwd", "_bwd"), ("_forward_pass", "_backward_pass"), ("Forward", "Backward"),
    ("_fprop", "_bprop"), ("_forward", "_backprop"),
)  # fmt: skip


def slot_named(name: str, slots: tuple[str, ...]) -> str | None:
    """Return which of these slots an argument or attribute of this name is."""
    short = plain(name)
    for slot in slots:
        if short == plain(slot) or short in SLOTS.get(slot, ()):
            return slot
    return None


def option_named(name: str, table: dict[str, tuple[str, ...]], allowed: frozenset[str]) -> str | None:
    """Return which option or size an argument of this name is."""
    short = plain(name)
    for option, names in table.items():
        if option in allowed and short in names:
            return option
    return None


_BEFORE = ("d", "grad", "dld", "dl", "delta", "gradient", "gradients", "g", "grads", "nabla")


def gradient_names(slot: str, own: str) -> set[str]:
    """Return what the gradient of a slot may be called, plain.

    Examples
    --------
    >>> {"dw", "gradw", "dldw", "weightgrad"} <= gradient_names("weight", "W")
    True
    """
    found = set()
    for name in {plain(own), plain(slot), *SLOTS.get(slot, ())}:
        found |= {f"{before}{name}" for before in _BEFORE}
        found |= {f"{name}{after}" for after in ("grad", "gradient", "grads")}
    return found
