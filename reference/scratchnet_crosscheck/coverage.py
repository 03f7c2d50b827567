"""``scratchnet coverage``: every layer of torch.nn, whether it is here, and on how much it was proven."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

SUMMARY = "print which layers of torch.nn are here, and on how many cases each was last proven"

#: The classes of torch.nn 2.13, by PyTorch's own sections, for where it is not installed.
SECTIONS = {
    "Containers": "Container Sequential ModuleList ModuleDict ParameterList ParameterDict",
    "Convolution": "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d Unfold Fold "
    "LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d",
    "Pooling": (
        "MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d AvgPool1d AvgPool2d "
        "AvgPool3d FractionalMaxPool2d FractionalMaxPool3d LPPool1d LPPool2d LPPool3d "
        "AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d AdaptiveAvgPool1d "
        "AdaptiveAvgPool2d AdaptiveAvgPool3d"
    ),
    "Padding": (
        "ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d "
        "ReplicationPad3d ZeroPad1d ZeroPad2d ZeroPad3d ConstantPad1d ConstantPad2d ConstantPad3d "
        "CircularPad1d CircularPad2d CircularPad3d"
    ),
    "Activation": (
        "ELU Hardshrink Hardsigmoid Hardtanh Hardswish LeakyReLU LogSigmoid MultiheadAttention "
        "PReLU ReLU ReLU6 RReLU SELU CELU GELU Sigmoid SiLU Mish Softplus Softshrink Softsign "
        "Tanh Tanhshrink Threshold GLU Softmin Softmax Softmax2d LogSoftmax "
        "AdaptiveLogSoftmaxWithLoss"
    ),
    "Normalization": (
        "BatchNorm1d BatchNorm2d BatchNorm3d LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d "
        "GroupNorm SyncBatchNorm InstanceNorm1d InstanceNorm2d InstanceNorm3d LazyInstanceNorm1d "
        "LazyInstanceNorm2d LazyInstanceNorm3d LayerNorm LocalResponseNorm CrossMapLRN2d RMSNorm"
    ),
    "Recurrent": "RNNBase RNN LSTM GRU RNNCellBase RNNCell LSTMCell GRUCell",
    "Transformer": (
        "Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer TransformerDecoderLayer"
    ),
    "Linear": "Identity Linear Bilinear LazyLinear Flatten Unflatten",
    "Dropout": "Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout",
    "Embedding": "Embedding EmbeddingBag",
    "Distance and vision": (
        "CosineSimilarity PairwiseDistance PixelShuffle PixelUnshuffle ChannelShuffle Upsample "
        "UpsamplingNearest2d UpsamplingBilinear2d"
    ),
    "Loss": (
        "L1Loss MSELoss CrossEntropyLoss CTCLoss NLLLoss PoissonNLLLoss GaussianNLLLoss KLDivLoss "
        "BCELoss BCEWithLogitsLoss MarginRankingLoss HingeEmbeddingLoss MultiLabelMarginLoss "
        "HuberLoss SmoothL1Loss SoftMarginLoss MultiLabelSoftMarginLoss CosineEmbeddingLoss "
        "MultiMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss NLLLoss2d LinearCrossEntropyLoss"
    ),
}
#: Those that scratchnet does not mean to have, and why.
BEYOND = {
    "lazy": "a layer that waits for its first input to know its size; name the size instead",
    "recurrent": "a recurrent network or transformer: not a feed-forward layer",
    "distributed": "for several machines",
    "parameters": "a container of parameters; scratchnet's layers hold theirs in `params`",
    "legacy": "an old name of torch.nn's own, kept there for old code",
    "adaptive": "a loss with a network of its own inside",
}


@dataclass(frozen=True)
class Row:
    """One class of torch.nn.

    Parameters
    ----------
    name, section : str
        PyTorch's.
    here : bool
        Whether scratchnet.nn has it.
    operation : str
        The catalogue's entry that proves its mathematics, "" where it has none of its own.
    cases : int
        How many cases that was last proven on.
    why : str
        Why it is not here.
    """

    name: str
    section: str
    here: bool
    operation: str = ""
    cases: int = 0
    why: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say which arguments the subcommand takes."""
    parser.add_argument("--missing", action="store_true", help="only what is not here")


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from .proving import last

    found = rows()
    print("\n".join(table([row for row in found if not (arguments.missing and row.here)])))
    meant = [row for row in found if not row.why or row.here]
    date = last()["date"]
    print(
        f"{sum(row.here for row in meant)} of {len(meant)} feed-forward layers of torch.nn are here"
        + (f"; last proven on {date}" if date else "; no record of a proof: scratchnet prove --record FILE")
    )
    return 0


def rows() -> list[Row]:
    """Return a row for every class of torch.nn, read from PyTorch where it is installed.

    Examples
    --------
    >>> next(row for row in rows() if row.name == "ReLU")  # doctest: +ELLIPSIS
    Row(name='ReLU', section='Activation', here=True, operation='relu', cases=..., why='')
    """
    from scratchnet import nn

    from .proving import last

    proven = last()["operations"]
    listed = {name: section for section, names in SECTIONS.items() for name in names.split()}
    for name in _of_torch():
        listed.setdefault(name, "Other")
    found = []
    for name, section in listed.items():
        layer = getattr(nn, name, None)
        operation = _operation(layer, proven) if layer is not None else ""
        cases = proven.get(operation, {}).get("cases", 0)
        why = "" if layer is not None else _why(name, section)
        found.append(Row(name, section, layer is not None, operation, cases, why))
    return found


def table(found: Sequence[Row]) -> list[str]:
    """Return the lines of the table."""
    lines = [f"{'layer':<30} {'here':<5} {'proven on':>12}  by"]
    section = ""
    for row in found:
        if row.section != section:
            section = row.section
            lines.append(section)
        cases = f"{row.cases:,} cases" if row.cases else ("-" if row.here else "")
        said = row.operation if row.here else row.why
        lines.append(f"  {row.name:<28} {'yes' if row.here else 'no':<5} {cases:>12}  {said}".rstrip())
    return lines


def _of_torch() -> list[str]:
    """Return the names of torch.nn's own layers, none where PyTorch is not installed."""
    from .oracles import OracleAbsent
    from .oracles.pytorch import import_torch

    try:
        torch = import_torch()
    except OracleAbsent:
        return []
    return [
        name
        for name, thing in vars(torch.nn).items()
        if isinstance(thing, type)
        and issubclass(thing, torch.nn.Module)
        and thing.__module__.startswith("torch.nn.modules")
        and thing is not torch.nn.Module
    ]


def _operation(layer: Any, known: Any) -> str:
    """Return the function of scratchnet.functional that a layer's forward pass calls."""
    from .catalogue import operations

    calls: list[str] = []
    for cls in inspect.getmro(layer):
        if cls.__module__.startswith("scratchnet.nn") and "forward" in vars(cls):
            names = vars(cls)["forward"].__code__.co_names
            calls = [name for name in names if name in operations() or name in known]
            break
    if calls:
        return calls[0]
    plain = layer.__name__.lower()
    return next((n for n in operations() if n.replace("_", "") in (plain, plain.removesuffix("loss"))), "")


def _why(name: str, section: str) -> str:
    if name.startswith("Lazy"):
        return BEYOND["lazy"]
    if section in ("Recurrent", "Transformer") or name == "MultiheadAttention":
        return BEYOND["recurrent"]
    others = {
        "SyncBatchNorm": "distributed",
        "ParameterList": "parameters",
        "ParameterDict": "parameters",
        "Container": "legacy",
        "CrossMapLRN2d": "legacy",
        "NLLLoss2d": "legacy",
        "LinearCrossEntropyLoss": "adaptive",
        "AdaptiveLogSoftmaxWithLoss": "adaptive",
    }
    return BEYOND[others[name]] if name in others else ""
