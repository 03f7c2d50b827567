"""What things, arguments and attributes are called in hand-written files."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

_BATCHNORM = "batch_norm"

#: Names of layers, lower case, without underscores, "layer", "activation", "function" and the like.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "linear": (
        "linear", "lin", "affine", "dense", "fullyconnected", "fc", "innerproduct", "matmul", "timeaffine",
        "temporalaffine", "simpletimeaffine", "fullyconnect", "denselayer", "affinetransform",
        "perceptron", "hidden", "timedistributeddense", "timedistributedlinear",
    ),
    "relu": ("relu", "rectifiedlinear", "rectifiedlinearunit", "rectifier"),
    "sigmoid": ("sigmoid", "logistic", "sigm", "timesigmoid"),
    "selu": ("selu",), "celu": ("celu",), "softsign": ("softsign",), "log_sigmoid": ("logsigmoid",),
    "hardsigmoid": ("hardsigmoid",), "hardswish": ("hardswish",),
    "identity": ("identity", "noactivation", "activationlinear", "linearactivation"),
    "tanh": ("tanh", "hyperbolictangent"),
    "softmax": ("softmax",),
    "log_softmax": ("logsoftmax",),
    "gelu": (
        "gelu", "gelutanh", "tanhgelu", "newgelu", "quickgelu", "geluerf", "erfgelu", "geluexact",
        "exactgelu",
    ),
    "silu": ("silu", "swish"),
    "softplus": ("softplus",), "mish": ("mish",),
    "elu": ("elu",),
    "leaky_relu": ("leakyrelu", "lrelu"), "prelu": ("prelu",), "relu6": ("relu6",), "hardtanh": ("hardtanh",),
    "cross_entropy": (
        "softmaxwithloss", "crossentropy", "crossentropyloss", "softmaxloss", "softmaxcrossentropy",
        "softmaxcrossentropyloss", "softmaxcrossentropywithlogits", "softmaxwithcrossentropy",
        "activationsoftmaxlosscategoricalcrossentropy", "crossentropywithlogits",
        "softmaxcce", "softmaxce",
        "softmaxcategoricalcrossentropy", "softmaxandcrossentropy", "sparsesoftmaxcrossentropy",
        "softmaxloss1", "celoss", "softmaxxent", "xent", "softmaxxentropy", "xentropy",
    ),
    "temporal cross_entropy": ("timesoftmaxwithloss", "temporalsoftmaxloss", "simpletimesoftmaxwithloss"),
    "categorical_cross_entropy": (
        "categoricalcrossentropy", "losscategoricalcrossentropy", "categoricalcrossentropyloss",
        "sparsecategoricalcrossentropy", "softmaxloglikelihood", "cce", "cceloss",
    ),
    "nll_loss": ("nllloss", "nll"),
    "log_cosh_loss": ("logcosh", "logcoshloss", "logcosherror", "logcoshcost"),
    "mse_loss": (
        "mse", "mseloss", "meansquarederror", "meansquarederrorloss", "meansquareloss", "squareloss",
        "l2loss",
        "squarederror", "quadraticloss", "quadraticcost",
        "mserror", "meansquared", "meansquarederrors", "msecost", "lossmeansquarederror",
    ),
    "l1_loss": ("l1", "l1loss", "mae", "maeloss", "meanabsoluteerror", "lossmeanabsoluteerror"),
    "smooth_l1_loss": ("smoothl1", "smoothl1loss", "huber", "huberloss"),
    "binary_cross_entropy": ("bce", "bceloss", "binarycrossentropy", "binarycrossentropyloss"),
    "binary_cross_entropy_with_logits": (
        "bcewithlogits", "bcewithlogitsloss", "bcelogits", "bcelogitsloss",
        "binarycrossentropywithlogits", "sigmoidwithloss",
        "sigmoidcrossentropy", "sigmoidbce", "sigmoidcrossentropywithlogits", "logisticloss",
    ),
    "multi_margin_loss": ("svm", "svmloss", "hinge", "hingeloss", "multimarginloss", "multiclasshinge"),
    "conv2d": (
        "conv", "conv2d", "convolution", "convolution2d", "convolutional", "conv2dstride1", "conv3x3",
        "conv2d3x3", "convolution3x3",
    ),
    "depthwise conv2d": (
        "depthwise", "depthwiseconv", "depthwiseconv2d", "depthwiseconvolution", "depthwiseconvolution2d",
        "dwconv", "dwconv2d", "convdw", "depthwise2d",
    ),
    "pointwise conv2d": (
        "pointwiseconv", "pointwiseconv2d", "pointwiseconvolution", "pwconv", "pwconv2d", "conv1x1",
        "conv2d1x1", "convpw",
    ),
    "conv1d": ("conv1d", "convolution1d", "conv1dstride1"), "conv3d": ("conv3d", "convolution3d"),
    "conv_transpose1d": (
        "convtranspose1d", "conv1dtranspose", "convtransposed1d", "transposedconv1d", "transposeconv1d",
        "transposedconvolution1d", "deconv1d", "deconvolution1d",
    ),
    "conv_transpose2d": (
        "convtranspose2d", "conv2dtranspose", "convtransposed2d", "transposedconv2d", "transposeconv2d",
        "transposedconvolution2d", "deconv2d", "deconvolution2d", "convtranspose", "convtransposed",
        "transposedconv", "transposeconv", "transposedconvolution", "transposeconvolution",
        "convolutiontranspose", "convolution2dtranspose", "deconv", "deconvolution", "convtrans",
        "convtrans2d", "tconv", "tconv2d", "fractionallystridedconv", "fractionallystridedconv2d",
    ),
    "conv_transpose3d": (
        "convtranspose3d", "conv3dtranspose", "convtransposed3d", "transposedconv3d", "transposeconv3d",
        "transposedconvolution3d", "deconv3d", "deconvolution3d",
    ),
    "unfold": ("unfold",), "fold": ("fold",),
    "max_pool1d": ("maxpool1d", "maxpooling1d", "temporalmaxpooling"),
    "max_pool3d": ("maxpool3d", "maxpooling3d", "volumetricmaxpooling"),
    "avg_pool1d": (
        "avgpool1d", "averagepool1d", "avgpooling1d", "averagepooling1d", "meanpool1d", "meanpooling1d",
    ),
    "avg_pool3d": (
        "avgpool3d", "averagepool3d", "avgpooling3d", "averagepooling3d", "meanpool3d", "meanpooling3d",
    ),
    "lp_pool1d": ("lppool1d", "lppooling1d"), "lp_pool2d": ("lppool2d", "lppooling2d", "lppool", "lppooling"),
    "lp_pool3d": ("lppool3d", "lppooling3d"),
    "adaptive_avg_pool1d": (
        "adaptiveavgpool1d", "adaptiveaveragepool1d", "globalavgpool1d", "globalaveragepool1d",
        "globalavgpooling1d", "globalaveragepooling1d",
    ),
    "adaptive_avg_pool3d": (
        "adaptiveavgpool3d", "adaptiveaveragepool3d", "globalavgpool3d", "globalaveragepool3d",
        "globalavgpooling3d", "globalaveragepooling3d",
    ),
    "adaptive_max_pool1d": ("adaptivemaxpool1d", "globalmaxpool1d", "globalmaxpooling1d"),
    "adaptive_max_pool2d": (
        "adaptivemaxpool2d", "adaptivemaxpool", "globalmaxpool2d", "globalmaxpooling2d", "globalmaxpool",
        "globalmaxpooling",
    ),
    "adaptive_max_pool3d": ("adaptivemaxpool3d", "globalmaxpool3d", "globalmaxpooling3d"),
    "fractional_max_pool2d": ("fractionalmaxpool2d", "fractionalmaxpool", "fractionalmaxpooling2d"),
    "fractional_max_pool3d": ("fractionalmaxpool3d", "fractionalmaxpooling3d"),
    "max_unpool1d": ("maxunpool1d", "maxunpooling1d"),
    "max_unpool2d": ("maxunpool2d", "maxunpooling2d", "maxunpool", "maxunpooling"),
    "max_unpool3d": ("maxunpool3d", "maxunpooling3d"),
    "max_pool2d": (
        "maxpool", "maxpool2d", "maxpooling", "maxpooling2d", "pooling", "pool", "maxpool2x2",
        "maxpooling2x2", "maxpool2dstride1", "maxpool2", "maxpooling2",
    ),
    "avg_pool2d": (
        "avgpool", "avgpool2d", "averagepool", "averagepooling", "averagepooling2d", "avgpooling",
        "avgpooling2d", "meanpool", "meanpool2d", "meanpooling", "meanpooling2d", "avgpool2x2", "meanpool2x2",
        "averagepool2x2", "avgpool2", "averagepool2", "meanpool2", "avgpool2dstride1", "meanpool2dstride1",
    ),
    "adaptive_avg_pool2d": (
        "adaptiveavgpool2d", "adaptiveaveragepool2d", "adaptiveavgpool", "globalavgpool2d", "globalavgpool",
        "globalaveragepool2d", "globalaveragepool", "globalavgpooling2d", "globalavgpooling",
        "globalaveragepooling2d", "globalaveragepooling", "gap", "gap2d",
    ),
    _BATCHNORM: (
        "batchnorm", "batchnormalization", "batchnorm1d", "batchnorm2d", "spatialbatchnorm", "bn",
        "batchnormalization1d", "batchnormalization2d", "batchnormlayer", "spatialbatchnormalization",
        "spatialbn",
    ),
    "layer_norm": (
        "layernorm", "layernormalization", "layernormstd", "ln", "norm", "layernorm2d", "channellayernorm",
        "layernormchannelsfirst",
    ),
    "rms_norm": ("rmsnorm",), "group_norm": ("groupnorm", "spatialgroupnorm", "groupnormalization"),
    "instance_norm": (
        "instancenorm", "instancenorm1d", "instancenorm2d", "instancenormalization",
        "instancenormalization2d",
    ),
    "3d batch_norm": ("batchnorm3d", "batchnormalization3d"),
    "1d instance_norm": ("instancenorm1d", "instancenormalization1d"),
    "3d instance_norm": ("instancenorm3d", "instancenormalization3d"),
    "local_response_norm": ("localresponsenorm", "localresponsenormalization", "lrn"),
    "dropout": ("dropout", "timedropout", "inverteddropout"),
    "dropout1d": ("dropout1d", "spatialdropout1d"),
    "dropout2d": ("dropout2d", "spatialdropout2d", "spatialdropout", "channeldropout"),
    "dropout3d": ("dropout3d", "spatialdropout3d"),
    "alpha_dropout": ("alphadropout",), "feature_alpha_dropout": ("featurealphadropout",),
    "embedding": (
        "embedding", "wordembedding", "timeembedding", "vocabembedding", "tokenembedding", "embeddinglookup",
    ),
    "embedding_bag": ("embeddingbag",), "bilinear": ("bilinear", "bilinearform"),
    "unflatten": ("unflatten",),
    "2d softmax": ("softmax2d",), "softmin": ("softmin",), "glu": ("glu", "gatedlinearunit"),
    "hardshrink": ("hardshrink", "hardshrinkage"),
    "softshrink": ("softshrink", "softshrinkage", "softthresholding"),
    "tanhshrink": ("tanhshrink",), "threshold": ("threshold",),
    "rectified threshold": ("thresholdedrelu", "thresholdrelu"),
    "rrelu": ("rrelu", "randomizedrelu", "randomizedleakyrelu", "randomleakyrelu"),
    "pixel_shuffle": ("pixelshuffle", "pixelshuffler"), "pixel_unshuffle": ("pixelunshuffle",),
    "channel_shuffle": ("channelshuffle",),
    "2d interpolate": ("upsample", "upsampling", "upsample2d", "interpolate"),
    "grid_sample": ("gridsample", "gridsampler"), "affine_grid": ("affinegrid", "affinegridgenerator"),
    "pad": ("pad", "pad2d"),
    "nearest 2d interpolate": (
        "upsamplingnearest2d", "upsamplenearest2d", "nearestupsample", "nearestupsampling",
        "upsamplingnearest", "upsamplenearest", "nearestneighborupsample", "nearestneighborupsampling",
    ),
    "bilinear 2d interpolate": (
        "upsamplingbilinear2d", "upsamplebilinear2d", "bilinearupsample", "bilinearupsampling",
        "upsamplingbilinear", "upsamplebilinear",
    ),
    "repeating 1d interpolate": ("upsampling1d",), "repeating 2d interpolate": ("upsampling2d",),
    "repeating 3d interpolate": ("upsampling3d",),
    "flatten": ("flatten", "reshape"),
    "rnn_cell": ("rnncell", "rnnstep"),
    "rnn": ("rnn", "timernn", "simplernn", "vanillarnn", "elmanrnn"),
    "gru_cell": ("grucell", "grustep"), "gru": ("gru", "timegru"),
    "lstm_cell": ("lstmcell", "lstmstep"), "lstm": ("lstm", "timelstm"),
    "scaled_dot_product_attention": (
        "scaleddotproductattention", "attention", "dotproductattention", "sdpa", "scaleddotproduct",
    ),
    "multi_head_attention": (
        "multiheadattention", "multiheadselfattention", "selfattention", "causalselfattention", "mha",
        "groupedqueryattention", "gqa", "causalattention", "multiheadcausalattention",
        "causalmultiheadattention", "multiheadcausalselfattention", "causalmultiheadselfattention",
        "maskedselfattention", "maskedmultiheadattention", "maskedmultiheadselfattention",
        "multiqueryattention", "mqa", "multiheadattn", "selfattn", "singleheadattention",
        "singleheadselfattention",
    ),
    "embedding_dot": ("embeddingdot",), "weight_sum": ("weightsum",),
    "attention_weight": ("attentionweight",), "time_attention": ("timeattention",),
    "affine_relu": ("affinerelu", "linearrelu", "fcrelu", "denserelu"), "conv_relu": ("convrelu",),
    "affine_sigmoid": ("affinesigmoid", "linearsigmoid", "fcsigmoid", "densesigmoid"),
    "affine_tanh": ("affinetanh", "lineartanh", "fctanh", "densetanh"),
    "conv_relu_pool": ("convrelupool",),
    "affine_batchnorm_relu": (
        "affinebatchnormrelu", "affinebnrelu", "affinenormrelu", "linearbatchnormrelu", "linearbnrelu",
        "fcbnrelu", "densebatchnormrelu", "densebnrelu",
    ),
    "affine_layernorm_relu": ("affinelayernormrelu", "affinelnrelu", "linearlayernormrelu", "linearlnrelu"),
    "conv_batchnorm_relu": (
        "convbnrelu", "convbatchnormrelu", "convspatialbatchnormrelu", "convsbnrelu", "convnormrelu",
    ),
    "conv_batchnorm_relu_pool": (
        "convbnrelupool", "convbatchnormrelupool", "convspatialbatchnormrelupool", "convsbnrelupool",
        "convnormrelupool",
    ),
    "zero 1d pad": ("zeropad1d", "zeropadding1d",),
    "zero 2d pad": ("zeropad2d", "zeropad"),
    "keras zero 2d pad": ("zeropadding2d", "zeropadding"), "keras zero 3d pad": ("zeropadding3d",),
    "keras constant 2d pad": ("constantpadding2d", "constantpadding"),
    "keras constant 3d pad": ("constantpadding3d",),
    "zero 3d pad": ("zeropad3d",),
    "constant 1d pad": ("constantpad1d",),
    "constant 2d pad": ("constantpad2d", "constantpad",),
    "constant 3d pad": ("constantpad3d",),
    "reflect 1d pad": ("reflectionpad1d",),
    "reflect 2d pad": ("reflectionpad2d", "reflectionpad",),
    "reflect 3d pad": ("reflectionpad3d",),
    "replicate 1d pad": ("replicationpad1d",),
    "replicate 2d pad": ("replicationpad2d", "replicationpad",),
    "replicate 3d pad": ("replicationpad3d",),
    "circular 1d pad": ("circularpad1d",),
    "circular 2d pad": ("circularpad2d",),
    "circular 3d pad": ("circularpad3d",),
    "linear cross_entropy": (), "linear multi_margin_loss": (),
    "kl_div": (
        "kldiv", "kldivloss", "kldivergence", "kldivergenceloss", "kullbackleibler",
        "kullbackleiblerdivergence",
    ),
    "poisson_nll_loss": ("poissonnllloss", "poissonnll", "poissonloss"),
    "gaussian_nll_loss": ("gaussiannllloss", "gaussiannll"),
    "hinge_embedding_loss": ("hingeembeddingloss", "hingeembedding"),
    "margin_ranking_loss": ("marginrankingloss", "marginranking"),
    "soft_margin_loss": ("softmarginloss", "softmargin"),
    "multilabel_margin_loss": ("multilabelmarginloss", "multilabelmargin"),
    "multilabel_soft_margin_loss": ("multilabelsoftmarginloss", "multilabelsoftmargin"),
    "cosine_embedding_loss": ("cosineembeddingloss", "cosineembedding"),
    "triplet_margin_loss": ("tripletmarginloss", "tripletmargin", "tripletloss"),
    "triplet_margin_with_distance_loss": ("tripletmarginwithdistanceloss", "tripletmarginwithdistance"),
    "ctc_loss": ("ctcloss", "ctc"),
    "cosine_similarity": ("cosinesimilarity",),
    "normalize": ("normalize", "l2norm", "l2normalize", "l2normalization"), "logsumexp": ("logsumexp",),
    "bias_gelu": ("biasgelu", "gelubias"),
    "pairwise_distance": ("pairwisedistance",),
}  # fmt: skip

_BY_NAME = {name: kind for kind, names in OPERATIONS.items() for name in names}
_NOISE = (
    "layer", "activation", "function", "func", "fn", "op", "module", "autograd", "custom", "my", "mine",
    "numpy", "np", "loss", "simple", "manual", "scratch", "naive", "fast", "vectorized", "vec", "im2col",
    "strides", "loops", "loop", "einsum", "alt", "quick", "reshape", "stable",
    "one", "hot", "onehot", "fft", "direct", "implicit", "gemm", "golden", "ref", "reference",
)  # fmt: skip

_IMAGES = (
    "conv1d", "conv2d", "conv3d", "depthwise conv2d", "pointwise conv2d", "max_pool1d", "max_pool2d",
    "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "batch_norm",
    "dropout2d",
)  # fmt: skip
_ATTENTION = "scaled_dot_product_attention"
_ROW_WISE = ("softmax", "log_softmax", "cross_entropy", "layer_norm", "rms_norm", "logsumexp", _ATTENTION)
#: Words for a layout or a way to compute, and the operations that such a word leaves what they are. Beside
#: others it may say what else is done: a fused linear layer is a linear layer and something more.
_HOW: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("nhwc", "hwc", "nwc", "ndhwc"), _IMAGES),
    "columns": ("softmax", "log_softmax", "linear"),
    **dict.fromkeys(("dilation", "dilated", "strided"), ("conv1d", "conv2d", "conv3d")),
    "winograd": ("conv2d",), "flash": (_ATTENTION,), "online": _ROW_WISE,
    **dict.fromkeys(("tiled", "blocked", "chunked", "blockwise"), ("linear", _ATTENTION)),
    "fused": (
        "softmax", "log_softmax", "cross_entropy", "layer_norm", "rms_norm", "group_norm", "batch_norm",
        "bias_gelu", _ATTENTION,
    ),
    "kernel": ("conv2d", "max_pool2d", "avg_pool2d", "relu", "gelu", "silu", *_ROW_WISE),
}  # fmt: skip
#: Words for where it runs, and for the usual layout, which say nothing of what it is.
_WHERE = ("cpu", "gpu", "cuda", "nchw", "ncw", "ncdhw")


#: What a function that returns its value and its gradient may say at the end of its name.
_AND_GRADIENT = re.compile(r"_(and|with)_(d[a-z]|gradients?|grads?|deltas?)$")


@functools.lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name in lower case without underscores and the dots of a state's keys.

    Examples
    --------
    >>> plain("Layer_Dense"), plain("dLdW"), plain("out_proj.weight")
    ('layerdense', 'dldw', 'outprojweight')
    """
    return name.replace("_", "").replace(".", "").lower()


#: Attention with projections, which is known as a class alone.
WITH_PROJECTIONS = "multi_head_attention"
#: How attention over heads is called, which is scaled dot-product attention where it is handed no more.
_OF_HEADS = ("mha", "multiheadattention")
#: What is one thing or another by how many arrays it is handed; with weights it is another.
_BY_COUNT: dict[str, dict[int, str]] = {
    **{name: {1: "swiglu", 2: "silu_mul"} for name in ("swiglu", "silumul", "siluandmul")},
    **{name: {2: "add"} for name in ("add", "residual", "residualadd", "addresidual")},
}


def of_function(name: str, arguments: Iterable[str]) -> str | None:
    """Return the kind that a function of this name and these arguments is, or None.

    Examples
    --------
    >>> of_function("mha", ("q", "k", "v", "causal")), of_function("mha", ("q", "k", "v", "num_heads"))
    ('scaled_dot_product_attention', None)
    >>> [of_function("swiglu", arguments) for arguments in (("x",), ("gate", "up"), ("x", "w1", "w2"))]
    ['swiglu', 'silu_mul', None]
    """
    if plain(name) in _OF_HEADS:
        slots, options = ("query", "key", "value"), frozenset({"is_causal", "scale"})
        known = [slot_named(a, slots) or option_named(a, OPTIONS, options) for a in arguments]
        return _ATTENTION if tuple(known[:3]) == slots and all(known) else None
    count = _BY_COUNT.get(re.sub("(fn|function|op)$", "", plain(name)))
    if count is not None:
        handed = [a for a in arguments if option_named(a, OPTIONS, frozenset({"dim"})) is None]
        return None if any(plain(a).startswith("w") for a in handed) else count.get(len(handed))
    kind = operation(name)
    return None if kind == WITH_PROJECTIONS else kind


def operation(name: str) -> str | None:
    """Return the kind that a thing of this name is, or None.

    Examples
    --------
    >>> [operation(n) for n in ("Affine", "Layer_Dense", "conv_forward_naive", "LinearFn", "Optimizer")]
    ['linear', 'linear', None, 'linear', None]
    >>> [operation(n) for n in ("conv_nhwc", "FusedLayerNorm", "FusedLinear", "linear_kernel")]
    ['conv2d', 'layer_norm', None, None]
    >>> [operation(n) for n in ("linear_bias_relu", "relu_affine", "linear_bias", "bias_relu")]
    ['affine_relu', 'affine_relu', None, None]
    """
    name = _AND_GRADIENT.sub("", name)
    whole = plain(name)
    if whole in _BY_NAME:
        return _BY_NAME[whole]
    words = _words(name)
    for left in (set(_NOISE) - {"loss"}, set(_NOISE)):  # "softmax_loss_naive" is a loss, "MSELoss" as well
        kept = "".join(word.lower() for word in words if word.lower() not in left)
        if kept in _BY_NAME:
            return _BY_NAME[kept]
    if composite := _composite([word.lower() for word in words]):
        return composite[0]
    said = [word.lower() for word in words if word.lower() in _HOW or word.lower() in _WHERE]
    if said and len(said) < len(words):
        kind = operation("_".join(word for word in words if word.lower() not in said))
        return kind if all(kind in _HOW.get(word, (kind,)) for word in said) else None
    for noise in _NOISE:
        for short in (whole.removeprefix(noise), whole.removesuffix(noise)):
            if short in _BY_NAME:
                return _BY_NAME[short]
    return None


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+\d*d?|[A-Z]+\d*|\d+", name)


#: Layers with an activation in one, whose names may have the bias inside, and its words in another order.
_WITH_ACTIVATION = re.compile(r"(affine|conv)_(\w+_)?(relu|sigmoid|tanh)(_pool)?")


def _composite(words: list[str]) -> tuple[str, bool] | None:
    """Return the layer with an activation that these words name, and whether they are in the usual order."""
    kept = [word for word in words if word != "bias" and word not in _NOISE]
    for at in range(len(kept)):
        kind = _BY_NAME.get("".join([*kept[at:], *kept[:at]]), "")
        if _WITH_ACTIVATION.fullmatch(kind):
            return kind, at == 0
    return None


#: What the slots are called, as arguments, attributes and keys.
SLOTS: dict[str, tuple[str, ...]] = {
    "weight": (
        "w", "weight", "weights", "kernel", "kernels", "filter", "filters", "gamma", "g", "scale", "theta",
        "embeddings",
        "embedding", "slope", "alpha", "a", "table", "bw",
    ),
    "bias": ("b", "bias", "biases", "beta", "w0", "b0", "shift", "offset", "bb"),
    "weight_ih": (
        "wx", "weightih", "weightihl0", "wih", "wxh", "win", "u", "weightx", "kernel", "inputkernel",
    ),
    "weight_hh": ("recurrentkernel", "wh", "weighthh", "weighthhl0", "whh", "w", "weighth"),
    "bias_ih": ("b", "bias", "biasih", "biasihl0", "bih", "bx", "bi", "bh"),
    "bias_hh": ("biashh", "biashhl0", "bhh", "bh"),
    "running_mean": ("runningmean", "movingmean", "runningmu", "runningm", "mean", "runmean"),
    "running_var": (
        "runningvar", "movingvar", "movingvariance", "runningvariance", "runningv", "var", "runvar",
    ),
    "x": ("x", "input", "inputs", "xs", "z", "a", "logits", "data", "pred", "prediction", "predictions",
    "scores", "inp"),
    "h": ("h", "prevh", "h0", "hprev", "hidden", "hx", "hpre"),
    "c": ("c", "prevc", "c0", "cprev", "cell", "cx"),
    "target": ("y", "t", "target", "targets", "label", "labels", "ts", "ytrue", "true", "truth"),
    "mask": ("mask",),
    "query": ("query", "q", "queries", "xq"), "key": ("key", "k", "keys", "xk"),
    "value": ("value", "v", "values", "xv"),
    **{
        f"{long[0]}_proj_{what}": tuple(
            name
            for one in (long[0], long, f"{long[0]}proj")
            for short in (what, what[0])
            for name in (f"{short}{one}", f"{one}{short}")
        )
        for long in ("query", "key", "value") for what in ("weight", "bias")
    },
    "out_proj_weight": (
        "wo", "ow", "weighto", "oweight", "wout", "outw", "weightout", "outweight", "woutput", "outputweight",
        "outproj", "outprojw", "oproj", "oprojw", "oprojweight", "wproj", "projw", "projweight",
        "cprojweight",
    ),
    "out_proj_bias": (
        "bo", "ob", "biaso", "obias", "bout", "outb", "biasout", "outbias", "boutput", "outputbias",
        "outprojb", "oprojb", "oprojbias", "bproj", "projb", "projbias", "cprojbias",
    ),
    "in_proj_weight": (
        "inw", "winproj", "inprojw", "win", "inweight", "inproj", "wqkv", "qkvw", "weightqkv", "qkvweight",
        "cattnweight", "qkvprojweight", "qkvprojw",
    ),
    "in_proj_bias": (
        "inb", "binproj", "inprojb", "bin", "inbias", "bqkv", "qkvb", "biasqkv", "qkvbias", "cattnbias",
        "qkvprojbias", "qkvprojb",
    ),
    "ids": (
        "ids", "idx", "x", "index", "indices", "input", "inp", "tokens", "tokenids", "inputids", "words",
    ),
    "class_weight": ("weight", "weights", "classweight", "classweights"), "pos_weight": ("posweight",),
    "input1": ("input1", "x1", "a", "u", "first"), "input2": ("input2", "x2", "b", "v", "second"),
    "x1": ("x1", "input1", "a", "u", "x", "first"), "x2": ("x2", "input2", "b", "v", "y", "second"),
    "anchor": ("anchor", "a", "anc"), "positive": ("positive", "pos", "p"),
    "negative": ("negative", "neg", "n"),
    "log_probs": ("logprobs", "logp", "logprob", "x", "input", "logsoftmax"),
    "targets": ("targets", "target", "labels", "y"),
    "input_lengths": ("inputlengths", "inputlength", "inputlens", "xlens", "logitlengths"),
    "target_lengths": ("targetlengths", "targetlength", "targetlens", "ylens", "labellengths"),
}  # fmt: skip

#: What options are called.
OPTIONS: dict[str, tuple[str, ...]] = {
    "stride": ("stride", "strides", "s"),
    "padding": ("pad", "padding", "p"),
    "dilation": ("dilation", "dilations", "dilationrate"),
    "output_padding": ("outputpadding", "outputpad", "outpadding", "outpad"),
    "output_size": ("outputsize", "outsize", "targetsize", "outputshape", "outputhw", "outhw"),
    "norm_type": ("normtype", "p", "norm", "power"),
    "groups": ("groups", "g", "ngroups", "numgroups"),
    "num_groups": ("numgroups", "g", "groups", "ngroups"),
    "eps": ("eps", "epsilon", "e"),
    "momentum": ("momentum", "decay"),
    "p": ("p", "dropoutratio", "rate", "dropprob", "prob", "ratio", "dropoutrate", "keepprob", "dropout",
    "dropoutp"),
    "negative_slope": ("negativeslope", "slope", "alpha", "leak"),
    "alpha": ("alpha",),
    "lambd": ("lambd", "lambda", "lam", "lamb", "lmbda", "lmbd", "threshold", "theta"),
    "threshold": ("threshold", "theta", "thresh"),
    "min_val": ("minval", "minvalue", "low", "lower", "min", "vmin"),
    "max_val": ("maxval", "maxvalue", "high", "upper", "max", "vmax"),
    "lower": ("lower", "low", "l"), "upper": ("upper", "high", "u"),
    "size": ("size", "n", "localsize", "depth", "outputsize", "outsize", "targetsize", "windowsize"),
    "scale_factor": ("scalefactor", "scale", "factor", "size", "s", "upscalefactor", "ratio", "upsize"),
    "mode": ("mode", "interpolation", "method"),
    "upscale_factor": ("upscalefactor", "r", "scale", "factor", "scalefactor", "blocksize", "upscale"),
    "downscale_factor": ("downscalefactor", "r", "scale", "factor", "scalefactor", "blocksize", "downscale"),
    "sizes": ("sizes", "unflattenedsize", "shape", "size", "targetshape", "outputshape", "outshape", "dims"),
    "kernel_size": ("kernelsize", "k", "size", "poolsize", "ksize", "kernel", "filtersize", "windowsize",
    "poolshape"),
    "kernel_h": ("poolh", "poolheight", "kh", "kernelh", "hh", "ph"),
    "kernel_w": ("poolw", "poolwidth", "kw", "kernelw", "ww", "pw"),
    "dim": ("dim", "axis"), "keepdim": ("keepdim", "keepdims"),
    "return_sequences": ("returnsequences", "returnsequence", "returnseq", "returnsteps", "returnall"),
    "nonlinearity": ("nonlinearity", "activation"),
    "go_backwards": ("gobackwards", "gobackward", "backwards", "reverse", "reversed", "isreverse"),
    "num_heads": ("numheads", "nheads", "nhead", "heads", "h", "nh", "numhead", "numattentionheads"),
    "num_kv_heads": ("numkvheads", "nkvheads", "kvheads", "nkvhead", "nkv", "numkeyvalueheads"),
    "is_causal": ("iscausal", "causal"), "scale": ("scale", "softmaxscale", "factor"),
    "reduction": ("reduction",),
    "reg": ("reg", "regularization", "lam", "lamb", "lambd", "lambda", "l2", "l2reg", "regstrength",
            "weightdecay"),
    "pool_stride": (),
    "ignore_index": ("ignoreindex", "ignorelabel"),
    "beta": ("beta",),
    "delta": ("delta",),
    "margin": ("margin", "m", "alpha", "delta"),
    "label_smoothing": ("labelsmoothing", "smoothing"),
    "padding_idx": ("paddingidx",),
    "value": ("value", "val", "fill", "constant", "constantvalue", "paddingvalue", "padvalue", "c"),
    "training": (
        "training", "trainflg", "train", "istraining", "trainmode", "istrain",
        "eval", "evaluate", "evaluation", "evalmode", "iseval", "test", "testing", "istest", "istesting",
        "testmode", "testtime", "inference", "inferencemode", "isinference",
    ),
}  # fmt: skip


def says_evaluation(name: str) -> bool:
    """Return whether a flag for the mode is set in evaluation, not in training, by its name."""
    return plain(name) in OPTIONS["training"] and "train" not in name.lower()


SIZES: dict[str, tuple[str, ...]] = {
    "in": (
        "infeatures", "indim", "insize", "inunits", "innodes", "inputnodes", "inputneurons", "nin", "idim",
        "inputdims", "inputchannel", "inplanes", "ni", "numinputs", "ninput", "numin", "fin",
         "inputsize", "inputdim", "nin", "nfeatures", "numfeatures", "inchannels",
        "numembeddings",
        "normalizedshape", "vocabsize", "vocab", "dmodel", "dim", "d", "ninputs", "features", "infeature",
        "dimin", "inputs", "inputsnum", "ninputnodes", "ninputunits", "indims", "inputneuron", "inneurons",
        "prevunits",
        "nprev", "inputlen", "visible",
        "size",
        "numchannels", "nchannels", "numparameters", "inputfeatures", "channels",
        "inchannel", "inputchannels", "cin", "fanin",
        "inputunits", "h",
    ),
    "out": (
        "outfeatures", "outdim", "outsize", "outunits", "outnodes", "outputnodes", "outputneurons", "odim",
        "outputdims", "outputchannel", "outplanes", "no", "numoutputs", "noutput", "numout", "fout",
        "numneurons", "numunits", "nfilter", "numfilter", "nkernels", "numkernels", "depth", "nodes",
        "neuronscount", "hiddenunits", "nhidden", "hdim", "hidden", "embedsize", "embeddingsize",
        "numnodes", "nodesnumber", "cells", "outputsize", "nout", "outchannels", "nfilters", "numfilters",
        "embeddingdim", "embdim", "nembd", "nembed", "modeldim",
        "hiddensize", "units", "nunits", "nneurons", "outputdim", "outfeature", "dimout", "outputs",
        "noutputs", "unitsnum", "outputsnum", "neuronsnum", "outneurons", "outputneuron", "numfilter",
        "noutputunits",
        "outdims", "layersize", "nodecount", "unitcount", "numofneurons", "numhidden",
        "hiddendim", "filters", "outputfeatures", "embeddim", "outchannel", "outputchannels", "cout",
        "fanout",
        "outputunits", "neurons",
    ),
    "in1": ("in1features", "in1", "in1dim", "in1size", "dim1", "d1", "n1", "features1", "leftdim"),
    "in2": ("in2features", "in2", "in2dim", "in2size", "dim2", "d2", "n2", "features2", "rightdim"),
    "kernel": ("kernelsize", "k", "size", "filtersize", "kernel", "ksize", "fsize", "f",
               "kernelshape", "filtershape"),
    "head": ("headdim", "dhead", "headsize", "dk", "dv", "hd", "headwidth"),
    "steps": (
        "blocksize", "contextlength", "contextsize", "maxlen", "maxlength", "maxseqlen", "seqlen", "nctx",
        "maxt",
    ),
    "kernel_h": ("kh", "kernelh", "hh", "hfilter", "filterh", "filterheight", "kernelheight", "fh"),
    "kernel_w": ("kw", "kernelw", "ww", "wfilter", "filterw", "filterwidth", "kernelwidth", "fw"),
    "shape": ("xdim", "inputshape", "inshape", "xshape", "inputdims"),
    "weight": ("shape", "weightshape", "weightsshape", "wshape", "paramshape", "dims"),
}  # fmt: skip

#: What may be the sides of a pooling's window, and is its padding where others are.
POOL_OR_PADDING = ("ph", "pw")
#: What the one side of a kernel of one dimension is called too.
KERNEL_OF_1D = ("width", "kernelwidth", "filterwidth")

#: Of an embedding's sizes, those that say how wide it is wherever they stand.
WIDTHS = ("dmodel", "dim", "d", "features")

#: How the share that dropout drops or keeps is called.
_SHARE = re.compile(
    r"(p|prob|rate)?(keep|kept|drop|dropped|dropout|retain|retention)"
    r"(p|prob|proba|probability|rate|ratio|frac|fraction|share)?"
)

#: Arguments for both states of an LSTM's step, (h, c).
STATES = (
    "state", "states", "hx", "hc", "hidden", "prevstate", "stateprev", "hiddenstate", "prevstates",
    "initialstate", "initialstates", "initstate", "initstates",
)  # fmt: skip

#: Optional arguments of a derivative for what was kept of the forward pass.
KEPT = ("state", "cache", "memory", "saved", "stored")

#: Arguments of a step's backward pass for the state that its forward pass returned.
NEW_STATES = ("ht", "hnext", "nexth", "hnew", "newh", "hcur", "hout", "output", "out")

#: Arguments that say which activation it is to be.
CHOOSES = ("activation", "act", "nonlinearity", "activationname", "activationtype", "activationfunction")

#: Arguments that say how it is to be normalised.
NORMS = ("normtype", "normalization", "norm", "normmode", "normkind", "normalizationtype", "normname")

#: Arguments that numbers are drawn from.
GENERATORS = ("rng", "generator", "randomstate", "randomgenerator")

#: Arguments that are what updates the parameters.
OPTIMIZERS = ("optimizer", "optimiser", "optim", "opt")

#: Arguments of a backward pass that say how many samples a step is for.
COUNTS = ("batchsize", "nsamples", "numsamples")

#: Arguments of a constructor that are no matter of the operation, and what they are given.
NEUTRAL: dict[str, Any] = {
    "l1": 0.0, "l2": 0.0, "lam": 0.0, "lambd": 0.0, "lambda": 0.0, "lambda1": 0.0, "lambda2": 0.0,
    "reg": 0.0, "regularization": 0.0, "weightdecay": 0.0, "l1reg": 0.0, "l2reg": 0.0,
    "weightregularizerl1": 0.0, "weightregularizerl2": 0.0, "biasregularizerl1": 0.0,
    "biasregularizerl2": 0.0, "name": "layer", "layername": "layer", "seed": 0, "verbose": False,
    "learningrate": 0.125, "lr": 0.125, "eta": 0.125, "usebias": True, "requiresgrad": True,
    "trainable": True, "dtype": np.float64,
}  # fmt: skip

#: Arguments of torch.nn's constructors that are no matter of the operation.
NO_MATTER = ("device", "dtype", "inplace", "sizeaverage", "reduce")

RATES = ("learningrate", "learnrate", "lr", "lrate", "eta", "rate", "stepsize", "alpha")

#: Names of the two passes of a class, the likelier first: of a class that has several the first is taken.
FORWARDS = (
    "forward", "forward_pass", "forward_propagate", "forward_propagation", "forward_prop", "feed_forward",
    "feedforward", "propagate", "fprop", "fwd", "call", "__call__", "activate", "apply", "function",
    "compute", "loss", "calculate", "_forward",
)  # fmt: skip
BACKWARDS = (
    "backward", "backward_pass", "backprop", "back_propagate", "backward_propagate", "backward_propagation",
    "back_propagation", "backpropagation", "backward_prop", "back_prop", "backpropagate", "bprop",
    "bwd", "back", "_backward",
)  # fmt: skip
#: Names that a derivative may have: of the whole, handed the cotangent, or of each element, handed the input.
DERIVATIVES = (
    "derivative", "deriv", "gradient", "grad", "prime", "derive", "activate_prime", "function_prime", "diff",
)  # fmt: skip
PASSES = tuple((f, b) for b in (*BACKWARDS, *DERIVATIVES) for f in FORWARDS)

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
    """Return which option or size an argument of this name is.

    Examples
    --------
    >>> [option_named(n, OPTIONS, frozenset({"p"})) for n in ("keep_rate", "drop_probability", "depth")]
    ['p', 'p', None]
    """
    short = re.sub("^number(of)?|^numof", "num", plain(name))
    if "p" in allowed and _SHARE.fullmatch(short):
        return "p"
    for option, names in table.items():
        if option in allowed and short in names:
            return option
    return next((option for option in sorted(allowed) if short == plain(option)), None)


_TARGETS = (
    *SLOTS["target"], "actual", "gt", "groundtruth", "onehot", "expected", "desired", "yact", "labely", "tt",
    "real", "ytarget", "yreal", "reference", "groundtruths", "trueoutput", "desiredoutput", "truelabels",
    "ytrain",
)  # fmt: skip
#: Those that are nothing else, whatever stands beside them.
_SURE_TARGETS = (
    "ytrue", "target", "targets", "label", "labels", "truth", "groundtruth", "gt", "expected", "desired",
)  # fmt: skip
_PREDICTIONS = (
    *SLOTS["x"], "ypred", "yhat", "p", "yp", "probs", "prob", "probabilities", "predicted", "output",
    "outputs", "out", "al", "ypredicted", "preds", "yprediction", "score", "dvalues", "yprob",
)  # fmt: skip


def is_target(name: str) -> bool:
    """Return whether an argument of a loss is what should have come out, by its name."""
    return plain(name) in _TARGETS


def is_prediction(name: str) -> bool:
    """Return whether an argument of a loss is what came out, by its name."""
    return plain(name) in _PREDICTIONS


def is_probability(name: str) -> bool:
    """Return whether an argument is a prediction that was made of scores, by its name."""
    return is_prediction(name) and plain(name) not in (
        "x", "input", "inputs", "xs", "z", "a", "logits", "data", "score", "scores", "dvalues",
    )  # fmt: skip


def target_first(first: str, second: str) -> bool:
    """Return whether a loss of these two arguments is handed the target before the prediction.

    Examples
    --------
    >>> target_first("y", "y_pred"), target_first("y", "t"), target_first("y_true", "y")
    (True, False, True)
    >>> target_first("target", "predict"), target_first("expected", "actual"), target_first("y", "w")
    (True, True, False)
    """
    if (plain(first), plain(second)) == ("p", "q"):  # of two distributions the first is the true one
        return True
    if not is_target(first):
        return False
    if is_prediction(second) or (plain(first) not in ("y", "target") and plain(second) == "y"):
        return True
    # What is surely a target leaves the other to be what came out, whatever it is called.
    return plain(first) in _SURE_TARGETS and (not is_target(second) or plain(second) == "actual")


def is_upstream(name: str) -> bool:
    """Return whether an argument of a backward pass is the gradient of the output, by its name."""
    short = plain(name)
    return short not in ("data", "dim") and (
        short in ("g", "e")
        or short.startswith(("d", "grad", "upstream", "err", "nextgrad", "outputgrad", "outgrad", "lossgrad"))
        or short.endswith(("grad", "gradient", "gradients", "error"))
    )


def is_input(name: str) -> bool:
    """Return whether an argument of a backward pass is what forward was handed, by its name."""
    return plain(name) in (*SLOTS["x"], "inputdata", "ainput", "aprev", "xin", "inputtensor")


def is_output(name: str) -> bool:
    """Return whether an argument of a derivative is what forward returned, by its name."""
    return plain(name) in ("y", "out", "output", "outputs", "fx", "activated", "o", "s")


def may_be_of_two_classes(name: str) -> bool:
    """Return whether a loss of this name may be one of margins between two classes, as well as between many.

    Examples
    --------
    >>> may_be_of_two_classes("HingeLoss"), may_be_of_two_classes("MultiClassHinge")
    (True, False)
    """
    short = plain(name)
    return "hinge" in short and "multi" not in short


#: Words for the passes, which stand in a pair's names.
_PASS_WORDS = ("forward", "backward", "fwd", "bwd", "fprop", "bprop", "pass")


def says_little(name: str) -> bool:
    """Return whether several operations go by this name.

    Examples
    --------
    >>> says_little("normalize_forward"), says_little("l2_normalize"), says_little("residual_fwd")
    (True, False, True)
    >>> says_little("relu_affine_fwd"), says_little("linear_bias_relu_fwd")
    (True, False)
    """
    short = plain(name)
    parts = _composite([w.lower() for w in _words(name) if w.lower() not in _PASS_WORDS])
    turned = parts is not None and not parts[1]  # relu_affine may be an affine layer of a relu
    return turned or ("normalize" in short and "l2" not in short) or "residual" in short


_BEFORE = ("d", "grad", "dld", "dl", "delta", "gradient", "gradients", "g", "grads", "nabla")


@functools.lru_cache(maxsize=4096)
def gradient_names(slot: str, own: str) -> frozenset[str]:
    """Return what the gradient of a slot may be called, plain.

    Examples
    --------
    >>> {"dw", "gradw", "dldw", "weightgrad"} <= gradient_names("weight", "W")
    True
    """
    found: set[str] = set()
    for name in {plain(own), plain(slot), *SLOTS.get(slot, ())}:
        found |= {f"{before}{name}" for before in _BEFORE}
        found |= {f"{name}{after}" for after in ("grad", "gradient", "grads")}
    return frozenset(found)
