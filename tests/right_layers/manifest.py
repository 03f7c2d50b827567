"""What every file of right layers holds, and the conventions that must be named of it, if any.

The folder `awkward` holds right layers in files that are hard to import: see AWKWARD.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1] / "wrong_layers" / "proof"))  # to be loaded from anywhere

from zoo_cases import (  # found by the line above
    AFFINE,
    AFFINE_CS,
    BN_BOOK,
    BN_STATE,
    BN_TORCH,
    BN_TORCH_2D,
    CELL,
    IDS,
    IMAGES,
    LABELLED,
    LSTM_SEQ,
    LSTM_STEP,
    NORM,
    OUT_IN,
    OUT_IN_3D,
    POOL,
    POOL_CS,
    RNN_SEQ,
    RNN_STEP,
    SIGNED,
    SQUARE,
    TIME_LSTM,
    TIME_RNN,
    WIDE,
    Case,
    X,
    conv,
    labels,
    one_hot,
    positive,
    probabilities,
    square_conv,
    tied,
)

#: A convention differs from PyTorch's and is no bug. These are the keys, and what each says.
CONVENTIONS = {
    "param_grads_averaged": "the gradients of the parameters are divided by N inside the layer",
    "ties_split_evenly": "tied maxima share the gradient evenly",
    "epsilon_on_deviation": "epsilon is added to the deviation, not to the variance",
    "epsilon_in_logarithm": "a small number is added inside the logarithm",
    "dropout_not_inverted": "kept elements are not scaled up in training; evaluation scales down",
    "momentum_is_share_kept": "momentum is the share of the old running statistics that is kept",
    "running_var_biased": "the running variance is the biased one",
    "other_epsilon": "the default epsilon is another than PyTorch's",
    "approximate_formula": "the tanh form of GELU, forward and backward",
    "computes_in_float64": "float64 comes out whatever goes in, forward and backward",
    "p_is_keep_probability": "p is the probability of keeping, not of dropping",
    "half_squared_error": "half the squared error",
    "sum_over_classes": "margins are summed over the classes, not averaged",
    "sum_over_time": "summed over time, averaged over the batch",
    "one_loss_an_element": "one loss an element, not reduced",
}


class Right(NamedTuple):
    """A right layer: `subject` as written in `file`, a pair by its forward's name; `style` of code."""

    file: str
    subject: str
    taken_for: str
    family: str
    convention: str
    cases: tuple[Case, ...]
    conventions: tuple[str, ...] = ()
    style: str = "vectorised"


_KEPT = ("momentum_is_share_kept", "running_var_biased")


def _bn_book(*, training: bool) -> Case:
    if training:
        return Case(
            "batch_norm", BN_BOOK, {"eps": 1e-7}, lambda cls, a: cls(a["gamma"], a["beta"]), call=(True,)
        )
    return Case(
        "batch_norm",
        BN_STATE,
        {"eps": 1e-7, "training": False},
        lambda cls, a: cls(a["gamma"], a["beta"], 0.9, a["running_mean"], a["running_var"]),
        call=(False,),
    )


def _evaluating(cls: Any, arrays: dict[str, Any]) -> Any:
    layer = cls(len(arrays["weight"])).eval()
    layer.params.update(weight=arrays["weight"], bias=arrays["bias"])
    return layer


_BOOK = "book_layers.py"
_SEQ = "book_sequence_layers.py"
_LOOPS = "cs231n_loops.py"
_FAST = "cs231n_fast.py"
_RNN = "cs231n_rnn_layers.py"
_TORCH = "torch_named_layers.py"
_PULL = "functional_pullbacks.py"
_ODD = "odd_names.py"
_AG = "autograd_functions.py"
_SCIPY = "scipy_layers.py"
_FUSED = "fused_losses.py"


def _bn_cs(name: str, x: tuple[int, ...]) -> tuple[Case, ...]:
    arrays = {**BN_STATE, "x": x}
    return (
        Case("batch_norm", arrays, {"mode": "train", "eps": 1e-3, "momentum": 0.8}),
        Case("batch_norm", arrays, {"mode": "test", "eps": 1e-3}),
    )


def _embedding(name: str = "W", ids: str = "ids") -> Case:
    return Case("embedding", {ids: IDS, name: (4, 3)}, fixed=(ids,))


RIGHT = (
    # The book's conventions
    Right(
        _BOOK, "Relu", "relu", "activation", "book", (Case("relu", SIGNED), Case("relu", X)), style="im2col"
    ),
    Right(_BOOK, "Sigmoid", "sigmoid", "activation", "book", (Case("sigmoid", X),), style="im2col"),
    Right(_BOOK, "Affine", "linear", "linear", "book", (AFFINE, SQUARE, IMAGES), style="im2col"),
    Right(
        _BOOK,
        "SoftmaxWithLoss",
        "cross_entropy",
        "loss",
        "book",
        (
            Case("cross_entropy", LABELLED, inputs=("x", "t"), dys="one"),
            Case("cross_entropy", {"x": (5, 4), "t": one_hot(4, 5)}, inputs=("x", "t"), dys="one"),
        ),
        style="im2col",
    ),
    Right(
        _BOOK,
        "Convolution",
        "conv2d",
        "conv",
        "book",
        (conv(stride=2, pad=1), conv(stride=2, pad=0), conv(stride=1, pad=2)),
        style="im2col",
    ),
    Right(
        _BOOK,
        "Pooling",
        "max_pool2d",
        "pool",
        "book",
        (
            Case("max_pool2d", WIDE, POOL),
            Case("max_pool2d", WIDE, {**POOL, "pad": 1}),
            Case("max_pool2d", {"x": tied(2, 2, 5, 5)}, {**POOL, "stride": 1}),
        ),
        style="im2col",
    ),
    Right(
        _BOOK,
        "BatchNormalization",
        "batch_norm",
        "normalization",
        "book",
        (_bn_book(training=True), _bn_book(training=False)),
        (*_KEPT, "other_epsilon"),
    ),
    Right(
        _BOOK,
        "Dropout",
        "dropout",
        "dropout",
        "book",
        (
            Case("dropout", X, {"p": 0.3, "scale": False}, {"dropout_ratio": 0.3}, call=(True,)),
            Case("dropout_off", X, {"factor": 0.7}, {"dropout_ratio": 0.3}, call=(False,)),
        ),
        ("dropout_not_inverted",),
    ),
    Right(
        "book_epsilon_loss.py",
        "SoftmaxWithLoss",
        "cross_entropy",
        "loss",
        "book",
        (
            Case("cross_entropy", LABELLED, inputs=("x", "t"), dys="one", tolerance=1e-5),
            Case(
                "cross_entropy",
                {"x": (5, 4), "t": one_hot(4, 5)},
                inputs=("x", "t"),
                dys="one",
                tolerance=1e-5,
            ),
        ),
        ("epsilon_in_logarithm",),
    ),
    # The second volume's: lists
    Right(_SEQ, "MatMul", "linear", "linear", "book2", (Case("matmul", {"x": (5, 3), "W": (3, 4)}),)),
    Right(_SEQ, "Affine", "linear", "linear", "book2", (AFFINE,)),
    Right(_SEQ, "Embedding", "embedding", "embedding", "book2", (_embedding(),)),
    Right(_SEQ, "TimeEmbedding", "embedding", "embedding", "book2", (_embedding(),), style="loops"),
    Right(
        _SEQ,
        "TimeAffine",
        "linear",
        "linear",
        "book2",
        (
            Case(
                "linear_in_out",
                {"x": (2, 4, 3), "W": (3, 5), "b": (5,)},
                {"axis": -1},
                lambda cls, a: cls(a["W"], a["b"]),
            ),
        ),
    ),
    Right(
        _SEQ, "RNN", "rnn_cell", "recurrent", "book2", (Case("rnn_step", RNN_STEP, inputs=("x", "prev_h")),)
    ),
    Right(_SEQ, "TimeRNN", "rnn", "recurrent", "book2", (Case("time_rnn", TIME_RNN),), style="loops"),
    Right(
        _SEQ,
        "LSTM",
        "lstm_cell",
        "recurrent",
        "book2",
        (Case("lstm_cell_book", LSTM_STEP, inputs=("x", "prev_h", "prev_c"), outputs=2),),
    ),
    Right(_SEQ, "TimeLSTM", "lstm", "recurrent", "book2", (Case("time_lstm", TIME_LSTM),), style="loops"),
    Right(
        _SEQ,
        "TimeSoftmaxWithLoss",
        "cross_entropy",
        "loss",
        "book2",
        (
            Case(
                "time_softmax_loss",
                {"x": (2, 3, 4), "t": [[0, -1, 3], [2, 1, -1]]},
                inputs=("x", "t"),
                dys="one",
            ),
        ),
    ),
    # CS231n: pairs
    Right(_LOOPS, "affine_forward", "linear", "linear", "cs231n", (AFFINE_CS,)),
    Right(_LOOPS, "relu_forward", "relu", "activation", "cs231n", (Case("relu", SIGNED),)),
    Right(
        _LOOPS,
        "affine_relu_forward",
        "affine_relu",
        "linear",
        "cs231n",
        (Case("affine_relu", {"x": (5, 3), "w": (3, 4), "b": (4,)}),),
    ),
    Right(
        _LOOPS,
        "softmax_loss",
        "cross_entropy",
        "loss",
        "fused",
        (Case("cross_entropy", {"x": (5, 4), "y": labels(4, 5)}, dys="one"),),
    ),
    Right(
        _LOOPS,
        "svm_loss",
        "multi_margin_loss",
        "loss",
        "fused",
        (Case("svm_loss", {"x": (5, 4), "y": labels(4, 5)}, dys="one"),),
        ("sum_over_classes",),
    ),
    Right(_LOOPS, "batchnorm_forward", "batch_norm", "normalization", "cs231n", _bn_cs("x", (6, 3)), _KEPT),
    Right(
        _LOOPS,
        "layernorm_forward",
        "layer_norm",
        "normalization",
        "cs231n",
        (Case("layer_norm", BN_BOOK, {"eps": 1e-3}),),
    ),
    Right(
        _LOOPS,
        "dropout_forward",
        "dropout",
        "dropout",
        "cs231n",
        (
            Case("dropout", X, {"p": 0.3}, {"p": 0.7, "mode": "train", "seed": 1}),
            Case("dropout_off", X, {}, {"p": 0.7, "mode": "test"}),
        ),
        ("p_is_keep_probability",),
    ),
    Right(
        _LOOPS,
        "conv_forward_naive",
        "conv2d",
        "conv",
        "cs231n",
        (conv("w", stride=2, pad=1), conv("w", stride=1, pad=0)),
        style="loops",
    ),
    Right(
        _LOOPS,
        "max_pool_forward_naive",
        "max_pool2d",
        "pool",
        "cs231n",
        (Case("max_pool2d", WIDE, POOL_CS), Case("max_pool2d", {"x": tied(2, 2, 5, 5)}, POOL_CS)),
        style="loops",
    ),
    Right(
        _LOOPS,
        "spatial_batchnorm_forward",
        "batch_norm",
        "normalization",
        "cs231n",
        _bn_cs("x", (2, 3, 2, 4)),
        _KEPT,
    ),
    Right(
        _LOOPS,
        "spatial_groupnorm_forward",
        "group_norm",
        "normalization",
        "cs231n",
        (
            Case(
                "spatial_groupnorm",
                {"x": (2, 4, 3, 2), "gamma": (1, 4, 1, 1), "beta": (1, 4, 1, 1)},
                {"G": 2, "eps": 1e-3},
                call=(2, {"eps": 1e-3}),
            ),
        ),
    ),
    Right(
        _FAST, "relu_forward", "relu", "activation", "cs231n", (Case("relu", SIGNED),), style="stride tricks"
    ),
    Right(
        _FAST,
        "conv_forward",
        "conv2d",
        "conv",
        "cs231n",
        (conv("w", stride=2, pad=1), conv("w", stride=1, pad=0)),
        style="stride tricks",
    ),
    Right(
        _FAST,
        "max_pool_forward",
        "max_pool2d",
        "pool",
        "cs231n",
        (Case("max_pool2d", WIDE, POOL_CS), Case("max_pool2d", {"x": tied(2, 2, 5, 5)}, POOL_CS)),
        style="stride tricks",
    ),
    Right(
        _FAST,
        "conv_relu_forward",
        "conv_relu",
        "conv",
        "cs231n",
        (Case("conv_relu", conv("w").arrays, {"stride": 1, "pad": 1}),),
        style="stride tricks",
    ),
    Right(
        _FAST,
        "conv_relu_pool_forward",
        "conv_relu_pool",
        "conv",
        "cs231n",
        (
            Case(
                "conv_relu_pool",
                conv("w").arrays,
                {"stride": 1, "pad": 1},
                call=({"stride": 1, "pad": 1}, {"pool_height": 2, "pool_width": 2, "stride": 2}),
            ),
        ),
        style="stride tricks",
    ),
    Right(_RNN, "rnn_step_forward", "rnn_cell", "recurrent", "cs231n", (Case("rnn_step", RNN_STEP),)),
    Right(_RNN, "rnn_forward", "rnn", "recurrent", "cs231n", (Case("rnn", RNN_SEQ),), style="loops"),
    Right(
        _RNN,
        "lstm_step_forward",
        "lstm_cell",
        "recurrent",
        "cs231n",
        (Case("lstm_step", LSTM_STEP, outputs=2),),
    ),
    Right(_RNN, "lstm_forward", "lstm", "recurrent", "cs231n", (Case("lstm", LSTM_SEQ),), style="loops"),
    Right(_RNN, "word_embedding_forward", "embedding", "embedding", "cs231n", (_embedding("W", "x"),)),
    Right(
        _RNN,
        "temporal_affine_forward",
        "linear",
        "linear",
        "cs231n",
        (Case("linear_in_out", {"x": (2, 4, 3), "w": (3, 5), "b": (5,)}, {"axis": -1}, {}),),
    ),
    Right(
        _RNN,
        "temporal_softmax_loss",
        "cross_entropy",
        "loss",
        "fused",
        (
            Case(
                "temporal_softmax_loss",
                {"x": (2, 3, 4), "y": labels(4, 2, 3), "mask": [[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]]},
                dys="one",
            ),
        ),
        ("sum_over_time",),
    ),
    # torch.nn's names in NumPy
    Right(
        _TORCH,
        "Linear",
        "linear",
        "linear",
        "torch_named",
        (
            OUT_IN._replace(new={"in_features": 3, "out_features": 4}),
            OUT_IN_3D._replace(new={"in_features": 3, "out_features": 4}),
        ),
        style="einsum",
    ),
    Right(_TORCH, "ReLU", "relu", "activation", "torch_named", (Case("relu", SIGNED),)),
    Right(
        _TORCH,
        "LeakyReLU",
        "leaky_relu",
        "activation",
        "torch_named",
        (Case("leaky_relu", SIGNED, {"slope": 0.2}, {"negative_slope": 0.2}),),
    ),
    Right(_TORCH, "ELU", "elu", "activation", "torch_named", (Case("elu", SIGNED, {"alpha": 1.5}),)),
    Right(_TORCH, "Sigmoid", "sigmoid", "activation", "torch_named", (Case("sigmoid", X),)),
    Right(_TORCH, "Tanh", "tanh", "activation", "torch_named", (Case("tanh", X),)),
    Right(
        _TORCH,
        "GELU",
        "gelu",
        "activation",
        "torch_named",
        (Case("gelu", X, {"approximate": "tanh"}),),
        ("approximate_formula",),
    ),
    Right(
        _TORCH,
        "Softmax",
        "softmax",
        "activation",
        "torch_named",
        (Case("softmax", X, {"dim": 0}), Case("softmax", {"x": (2, 3, 4)}, {"dim": 1})),
    ),
    Right(
        _TORCH,
        "CrossEntropyLoss",
        "cross_entropy",
        "loss",
        "torch_named",
        (Case("cross_entropy", LABELLED, inputs=("x", "t")),),
    ),
    Right(
        _TORCH,
        "MSELoss",
        "mse_loss",
        "loss",
        "torch_named",
        (Case("mse_loss", {"x": (4, 3), "y": (4, 3)}, inputs=("x", "y")),),
    ),
    Right(
        _TORCH,
        "Conv2d",
        "conv2d",
        "conv",
        "torch_named",
        (square_conv(2, 1), square_conv(1, 0)),
        style="einsum",
    ),
    Right(
        _TORCH,
        "MaxPool2d",
        "max_pool2d",
        "pool",
        "torch_named",
        (
            Case("max_pool2d", WIDE, {"kernel_size": 3, "stride": 2}),
            Case("max_pool2d", {"x": tied(2, 2, 5, 5)}, {"kernel_size": 2, "stride": 1}),
        ),
    ),
    Right(
        _TORCH,
        "AvgPool2d",
        "avg_pool2d",
        "pool",
        "torch_named",
        (Case("avg_pool2d", WIDE, {"kernel_size": 3, "stride": 2}),),
    ),
    Right(
        _TORCH,
        "BatchNorm1d",
        "batch_norm",
        "normalization",
        "torch_named",
        (
            Case("batch_norm_torch", BN_TORCH, {}, {"num_features": 3}),
            Case("batch_norm_torch", BN_TORCH, {"training": False}, _evaluating),
        ),
    ),
    Right(
        _TORCH,
        "BatchNorm2d",
        "batch_norm",
        "normalization",
        "torch_named",
        (Case("batch_norm_torch", BN_TORCH_2D, {}, {"num_features": 3}),),
    ),
    Right(
        _TORCH,
        "LayerNorm",
        "layer_norm",
        "normalization",
        "torch_named",
        (Case("layer_norm", {**NORM, "x": (2, 4, 3)}, {}, {"normalized_shape": 3}),),
        style="einsum",
    ),
    Right(
        _TORCH, "Dropout", "dropout", "dropout", "torch_named", (Case("dropout", X, {"p": 0.3}, {"p": 0.3}),)
    ),
    Right(
        _TORCH,
        "Embedding",
        "embedding",
        "embedding",
        "torch_named",
        (_embedding("weight")._replace(new={"num_embeddings": 4, "embedding_dim": 3}),),
    ),
    Right(
        _TORCH,
        "RNNCell",
        "rnn_cell",
        "recurrent",
        "torch_named",
        (Case("rnn_cell", CELL, {}, {"input_size": 3, "hidden_size": 5}, ("x", "h")),),
    ),
    Right("returns_a_tuple.py", "Linear", "linear", "linear", "torch_named", (OUT_IN,)),
    Right("returns_a_tuple.py", "ReLU", "relu", "activation", "torch_named", (Case("relu", SIGNED),)),
    Right(
        "returns_a_tuple.py",
        "LayerNorm",
        "layer_norm",
        "normalization",
        "torch_named",
        (Case("layer_norm", NORM),),
    ),
    # Other shapes of classes
    Right(
        "dinputs_layers.py",
        "Layer_Dense",
        "linear",
        "linear",
        "dinputs",
        (Case("linear_in_out", {"inputs": (5, 3), "weights": (3, 4), "biases": (1, 4)}, call=(True,)),),
    ),
    Right(
        "dinputs_layers.py",
        "Activation_ReLU",
        "relu",
        "activation",
        "dinputs",
        (Case("relu", SIGNED, call=(True,)),),
    ),
    Right(
        "dinputs_layers.py",
        "Activation_Softmax",
        "softmax",
        "activation",
        "dinputs",
        (Case("softmax", X, call=(True,)),),
        style="loops",
    ),
    Right(
        "dinputs_layers.py",
        "Layer_Dropout",
        "dropout",
        "dropout",
        "dinputs",
        (
            Case("dropout", X, {"p": 0.3}, {"rate": 0.3}, call=(True,)),
            Case("dropout_off", X, {}, {"rate": 0.3}, call=(False,)),
        ),
    ),
    Right(
        "channels_last.py",
        "Conv2D",
        "conv2d",
        "conv",
        "book",
        (
            Case("conv2d_nhwc", {"x": (2, 6, 5, 3), "W": (3, 2, 3, 4), "b": (4,)}, {"stride": 2, "pad": 1}),
            Case("conv2d_nhwc", {"x": (2, 6, 5, 3), "W": (3, 2, 3, 4), "b": (4,)}, {"stride": 1, "pad": 0}),
        ),
    ),
    Right(
        "channels_last.py",
        "MaxPool2D",
        "max_pool2d",
        "pool",
        "book",
        (
            Case("max_pool2d_nhwc", {"x": (2, 7, 5, 3)}, POOL),
            Case("max_pool2d_nhwc", {"x": tied(2, 5, 5, 2)}, {**POOL, "stride": 1}),
        ),
    ),
    Right(
        "batch_last.py",
        "Linear",
        "linear",
        "linear",
        "book",
        (Case("linear_columns", {"x": (3, 5), "W": (4, 3), "b": (4, 1)}),),
    ),
    Right("batch_last.py", "Softmax", "softmax", "activation", "book", (Case("softmax_columns", X),)),
    Right(
        "batch_last.py",
        "MSELoss",
        "mse_loss",
        "loss",
        "book",
        (Case("mse_one_one", {"x": (3, 5), "y": (3, 5)}, inputs=("x", "y")),),
    ),
    Right(
        "no_batch_axis.py",
        "Dense",
        "linear",
        "linear",
        "book",
        (Case("linear_columns", {"x": (3,), "W": (4, 3), "b": (4,)}),),
    ),
    Right(
        "no_batch_axis.py",
        "Conv",
        "conv2d",
        "conv",
        "book",
        (Case("conv2d_one", {"x": (3, 6, 5), "W": (4, 3, 3, 2), "b": (4, 1, 1)}),),
        style="loops",
    ),
    Right(
        "forward_pass_layers.py",
        "Dense",
        "linear",
        "linear",
        "forward_pass",
        (Case("linear_in_out", {"X": (5, 3), "W": (3, 4), "w0": (1, 4)}),),
    ),
    Right(
        "forward_pass_layers.py", "Activation", "relu", "activation", "forward_pass", (Case("relu", SIGNED),)
    ),
    Right(
        "forward_pass_layers.py",
        "BatchNormalization",
        "batch_norm",
        "normalization",
        "forward_pass",
        (
            Case(
                "batch_norm", BN_BOOK, {"eps": 0.01}, lambda cls, a: cls(a["gamma"], a["beta"]), call=(True,)
            ),
        ),
        _KEPT,
    ),
    Right(_ODD, "Tanh", "tanh", "activation", "other_names", (Case("tanh", X),)),
    Right(_ODD, "Sigmoid", "sigmoid", "activation", "other_names", (Case("sigmoid", X),)),
    Right(
        _ODD,
        "FullyConnected",
        "linear",
        "linear",
        "other_names",
        (AFFINE._replace(new={"in_dim": 3, "out_dim": 4}),),
    ),
    Right(
        _ODD,
        "LeakyReLU",
        "leaky_relu",
        "activation",
        "other_names",
        (Case("leaky_relu", SIGNED, {"slope": 0.2}),),
    ),
    Right(_ODD, "Softplus", "softplus", "activation", "other_names", (Case("softplus", X),)),
    Right(
        _ODD,
        "MeanSquaredError",
        "mse_loss",
        "loss",
        "other_names",
        (Case("mse_loss", {"x": (4, 3), "y": (4, 3)}, inputs=("x", "y"), dys="one", back=lambda *_: ()),),
    ),
    Right(
        _ODD,
        "SquareLoss",
        "mse_loss",
        "loss",
        "other_names",
        (Case("mse_half_each", {"x": (4, 3), "y": (4, 3)}, inputs=("x", "y")),),
        ("half_squared_error", "one_loss_an_element"),
    ),
    Right(
        _ODD,
        "Linear",
        "linear",
        "linear",
        "other_names",
        (Case("linear_out_in_column", {"x": (5, 3), "W": (4, 3), "b": (4, 1)}),),
    ),
    Right(
        "updates_in_backward.py",
        "Dense",
        "linear",
        "linear",
        "updates",
        (Case("linear_in_out", {"x": (5, 3), "weights": (3, 4), "bias": (4,)}),),
    ),
    Right(
        "updates_in_backward.py",
        "FCLayer",
        "linear",
        "linear",
        "updates_itself",
        (Case("linear_in_out", {"x": (5, 3), "weights": (3, 4), "bias": (4,)}),),
    ),
    # Fused losses
    Right(
        _FUSED,
        "mse_loss",
        "mse_loss",
        "loss",
        "fused",
        (Case("mse_loss", {"x": (4, 3), "y": (4, 3)}, dys="one"),),
    ),
    Right(
        _FUSED,
        "l1_loss",
        "l1_loss",
        "loss",
        "fused",
        (Case("l1_loss", {"x": tied(4, 3), "y": tied(4, 3)}, dys="one"),),
    ),
    Right(
        _FUSED,
        "softmax_cross_entropy",
        "cross_entropy",
        "loss",
        "fused",
        (Case("cross_entropy", {"x": (5, 4), "t": one_hot(4, 5)}, dys="one"),),
    ),
    Right(
        _FUSED,
        "binary_cross_entropy_with_logits",
        "binary_cross_entropy_with_logits",
        "loss",
        "fused",
        (Case("bce_with_logits", {"x": (4, 3), "y": probabilities(4, 3)}, dys="one"),),
    ),
    Right(
        _FUSED,
        "hinge_loss",
        "multi_margin_loss",
        "loss",
        "fused",
        (Case("svm_loss", {"x": (5, 4), "y": labels(4, 5)}, dys="one"),),
        ("sum_over_classes",),
        "loops",
    ),
    Right(
        _FUSED,
        "smooth_l1_loss",
        "smooth_l1_loss",
        "loss",
        "fused",
        (Case("smooth_l1_loss", {"x": (4, 3), "y": (4, 3)}, {"beta": 0.7}, dys="one"),),
    ),
    # Conventions
    Right(
        "conventions.py",
        "LinearMean",
        "linear",
        "linear",
        "book",
        (AFFINE._replace(reference="linear_mean"),),
        ("param_grads_averaged",),
    ),
    Right(
        "conventions.py",
        "MaxPoolEven",
        "max_pool2d",
        "pool",
        "book",
        (
            Case("max_pool2d_even", {"x": tied(2, 2, 5, 5)}, POOL),
            Case("max_pool2d", WIDE, POOL),
        ),
        ("ties_split_evenly",),
    ),
    Right(
        "conventions.py",
        "LayerNormStd",
        "layer_norm",
        "normalization",
        "book",
        (Case("layer_norm_std", BN_BOOK, {"eps": 0.1}),),
        ("epsilon_on_deviation",),
    ),
    Right(
        "conventions.py",
        "max_pool_forward_naive",
        "max_pool2d",
        "pool",
        "cs231n",
        (Case("max_pool2d", WIDE, POOL_CS), Case("max_pool2d", {"x": tied(2, 2, 5, 5)}, POOL_CS)),
        ("computes_in_float64",),
        style="loops",
    ),
    # Values and pullbacks
    Right(_PULL, "linear", "linear", "linear", "scratchnet", (OUT_IN, OUT_IN_3D)),
    Right(_PULL, "relu", "relu", "activation", "scratchnet", (Case("relu", SIGNED),)),
    Right(_PULL, "silu", "silu", "activation", "scratchnet", (Case("silu", X),)),
    Right(
        _PULL, "log_softmax", "log_softmax", "activation", "scratchnet", (Case("log_softmax", X, {"dim": 0}),)
    ),
    Right(
        _PULL,
        "mse_loss",
        "mse_loss",
        "loss",
        "scratchnet",
        (Case("mse_loss", {"x": (4, 3), "target": (4, 3)}, fixed=()),),
    ),
    Right(
        _PULL,
        "cross_entropy",
        "cross_entropy",
        "loss",
        "scratchnet",
        (Case("cross_entropy", {"x": (5, 4), "target": labels(4, 5)}),),
    ),
    Right(
        _PULL,
        "conv2d",
        "conv2d",
        "conv",
        "scratchnet",
        (
            conv("weight", "bias", stride=2, padding=1),
            conv("weight", "bias", stride=1, padding=0),
            conv("weight", "bias", stride=3, padding=1),
        ),
        style="einsum",
    ),
    Right(
        _PULL,
        "batch_norm",
        "batch_norm",
        "normalization",
        "scratchnet",
        tuple(
            Case(
                "batch_norm_pull",
                {"x": x, "running_mean": (3,), "running_var": positive(3), "weight": (3,), "bias": (3,)},
                {"training": training},
            )
            for training in (True, False)
            for x in ((6, 3), (2, 3, 2, 4))
        ),
    ),
    Right(
        _PULL,
        "rms_norm",
        "rms_norm",
        "normalization",
        "scratchnet",
        (Case("rms_norm", {"x": (2, 4, 3), "weight": (3,)}),),
    ),
    Right(
        _PULL,
        "dropout",
        "dropout",
        "dropout",
        "scratchnet",
        (Case("dropout", X, {"p": 0.3}, {"p": 0.3, "generator": True}),),
    ),
    Right(_PULL, "embedding", "embedding", "embedding", "scratchnet", (_embedding("weight"),)),
    Right(
        _PULL,
        "scaled_dot_product_attention",
        "scaled_dot_product_attention",
        "attention",
        "scratchnet",
        (Case("scaled_dot_product_attention", {"query": (2, 3, 4), "key": (2, 5, 4), "value": (2, 5, 6)}),),
    ),
    # torch.autograd.Function
    Right(_AG, "LinearFunction", "linear", "linear", "autograd_function", (OUT_IN,)),
    Right(_AG, "ReLU", "relu", "activation", "autograd_function", (Case("relu", SIGNED),)),
    Right(_AG, "Sigmoid", "sigmoid", "activation", "autograd_function", (Case("sigmoid", X),)),
    Right(
        _AG,
        "LayerNorm",
        "layer_norm",
        "normalization",
        "autograd_function",
        (Case("layer_norm", {**NORM, "x": (2, 4, 3)}, {"eps": 1e-3}),),
    ),
    Right(
        _AG, "CrossEntropy", "cross_entropy", "loss", "autograd_function", (Case("cross_entropy", LABELLED),)
    ),
    # jax.custom_vjp
    Right("custom_vjps.py", "relu", "relu", "activation", "jax", (Case("relu", SIGNED),)),
    Right("custom_vjps.py", "softplus", "softplus", "activation", "jax", (Case("softplus", X),)),
    Right("custom_vjps.py", "linear", "linear", "linear", "jax", (OUT_IN,)),
    Right("custom_vjps.py", "softmax", "softmax", "activation", "jax", (Case("softmax", X),)),
    # SciPy
    Right(_SCIPY, "Conv2d", "conv2d", "conv", "book", (conv(),), style="scipy"),
    Right(_SCIPY, "GELU", "gelu", "activation", "book", (Case("gelu", X),), style="scipy"),
    Right(_SCIPY, "Sigmoid", "sigmoid", "activation", "book", (Case("sigmoid", X),), style="scipy"),
    Right(
        _SCIPY,
        "BCEWithLogitsLoss",
        "binary_cross_entropy_with_logits",
        "loss",
        "book",
        (Case("bce_with_logits", {"x": (4, 3), "y": probabilities(4, 3)}, inputs=("x", "y")),),
        style="scipy",
    ),
    Right(
        _SCIPY,
        "log_softmax_forward",
        "log_softmax",
        "activation",
        "cs231n",
        (Case("log_softmax", X),),
        style="scipy",
    ),
)

#: Files that are hard to import or half done, and what is the matter with each.
AWKWARD = {
    "awkward/trains_at_import.py": "trains and prints at import; Affine is right",
    "awkward/plots_at_import.py": "plots at import, with a library that may be absent; Relu is right",
    "awkward/reads_data_at_import.py": "reads a file at import that is not there; Sigmoid above it is right",
    "awkward/imports_a_sibling.py": "imports activations.py by its bare name; SoftmaxWithLoss is right",
    "awkward/package_root/mynn/layers.py": "imports through its package's root; Affine is right",
    "awkward/unfilled_skeleton.py": "affine is right, relu returns None, Sigmoid is empty: not written yet",
}
