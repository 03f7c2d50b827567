"""Functions: pairs with a cache, fused losses, values with pullbacks."""

from __future__ import annotations

import ast
import inspect
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from ..references._activation import FOLLOWING
from ..references._conv import SAME_TOO
from ..source import quotes, text_of, tree_of, with_called, words_in
from . import names
from .binding import Bound, bind, given_option, in_pairs, insisted, options_of, signature
from .draws import reseed
from .kinks import as_pytorch_has_it
from .packed import Packed, packed
from .protocol import Cannot, Gradients, Started
from .unfinished import called, unwritten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .._types import Array
    from ..references.protocol import Form, Kind

#: What a parameter dictionary may hold, by PyTorch's names: a group of the names a key is met under each.
CONV: dict[str, tuple[str, ...]] = {"stride": ("stride", "strides"), "padding": ("pad", "padding")}
POOL: dict[str, tuple[str, ...]] = {
    "kernel_h": ("pool_height", "pool_h", "kernel_h", "HH"),
    "kernel_w": ("pool_width", "pool_w", "kernel_w", "WW"),
    "kernel_size": ("f", "pool_size", "kernel_size", "size", "k"),
    "stride": ("stride", "strides"),
}
NORM: dict[str, tuple[str, ...]] = {
    "eps": ("eps", "epsilon"),
    "momentum": ("momentum",),
    "training": ("mode",),
}
DROP: dict[str, tuple[str, ...]] = {"p": ("p", "keep_prob", "prob", "rate"), "training": ("mode",)}
#: The groups by what an argument's name begins with; one that says nothing has its kind's.
GROUPS: tuple[tuple[str, dict[str, tuple[str, ...]]], ...] = (
    ("conv", CONV), ("pool", POOL), ("bn", NORM), ("batch", NORM), ("sbn", NORM), ("norm", NORM),
    ("ln", NORM),
    ("layernorm", NORM), ("gn", NORM), ("group", NORM), ("drop", DROP), ("do", DROP),
)  # fmt: skip
OF_KIND: dict[str, dict[str, tuple[str, ...]]] = {
    "conv_relu": CONV, "depthwise conv2d": CONV, "pointwise conv2d": CONV,
    **{f"{name}{n}d": CONV for name in ("conv", "conv_transpose") for n in (1, 2, 3)},
    **{f"{name}_pool{n}d": POOL for name in ("max", "avg") for n in (1, 2, 3)},
    "batch_norm": NORM, "layer_norm": NORM, "rms_norm": NORM, "group_norm": NORM, "dropout": DROP,
}  # fmt: skip


def table_keys(kind: Kind, argument: str, source: str) -> dict[str, str]:
    """Return the keys that a parameter dictionary is given, each with PyTorch's name of what it says.

    Of the names that a key is met under, those that the function's source mentions; else the first, CS231n's.
    """
    stem = names.plain(argument)
    group = next((g for begins, g in GROUPS if stem.startswith(begins)), OF_KIND.get(kind.name, {}))
    allowed = options_of(kind) if "training" in kind.defaults else options_of(kind) - {"training"}
    mentioned = {
        key: option for option, keys in group.items() for key in keys
        if quotes(source, key)
    }  # fmt: skip
    found = {}
    for option, keys in group.items():
        if option not in allowed and not (group is POOL and option != "stride"):
            continue
        own = [k for k, o in mentioned.items() if o == option]
        if own:
            found.update(dict.fromkeys(own, option))
        elif option != "kernel_size" and not (
            option.startswith("kernel_") and "kernel_size" in mentioned.values()
        ):
            found[keys[0]] = option
    if group is POOL and kind.name not in OF_KIND:  # a composite: its own stride is the convolution's
        found = {key: "pool_stride" if option == "stride" else option for key, option in found.items()}
    return found


_STATISTICS = re.compile("running|moving", re.IGNORECASE)
_MODES = re.compile("running|moving|momentum|mode|train|test|eval|infer", re.IGNORECASE)


def trains_alone(*functions: Callable[..., Any]) -> bool:
    """Return whether a batch normalisation is for training alone: no code of it speaks of anything else.

    One whose documentation or file names running statistics has them to keep, whatever it does.
    """
    called_too = with_called(*functions)
    trees = [tree_of(f) for f in called_too]
    text = text_of(inspect.getmodule(functions[0]))
    documented = "".join(inspect.getdoc(f) or "" for f in called_too)
    if None in trees or not text or re.search(r"(running|moving)_\w", documented, re.IGNORECASE):
        return False
    said = {word for tree in trees if tree is not None for word in words_in(tree)}
    return not any(map(_MODES.search, said)) and not any(map(_STATISTICS.search, words_in(ast.parse(text))))


#: Switches that are left off.
_OFF = ("inplace", "verbose", "debug", "plot")

#: A shape taken apart with one name for both sides of the kernel: ``(f, f, c_in, c_out) = W.shape``.
_SQUARE = re.compile(r"\b(\w*[a-zA-Z]\w*)\s*,\s*\1\b[^=\n]*=\s*\w+\.shape\b")


class FunctionDriver:
    """What all functions share: arguments made from arrays, options and parameter dictionaries."""

    linearizes = True
    skips = False
    compiles = False

    def __init__(self, function: Callable[..., Any], kind: Kind, *others: Callable[..., Any]) -> None:
        self._function, self._kind = function, kind
        self.notes: list[str] = []
        self.conventions: dict[str, str] = {}
        #: Whether sides and strides are handed over as pairs.
        self.pairs = False
        self._parameters = signature(function)
        inputs = 1 if kind.learnt else len(kind.inputs)
        chosen: dict[str, Any] = {
            p.name: "relu" for p in self._parameters
            if kind.name in ("affine_relu", "conv_relu") and names.plain(p.name) in names.CHOOSES
        }  # fmt: skip
        #: The argument that says which activation it is.
        self.chosen = next(iter(chosen), "")
        source = text_of(function, *others)
        #: The activations that it is asked for.
        self._activations = [word for word in FOLLOWING if self.chosen and quotes(source, word)]
        if chosen:
            words = " and ".join(self._activations or ["relu"])
            self.notes.append(f"checked with {words} for its activation")
        for normed in ("batchnorm", "layernorm"):
            if normed in kind.name:
                chosen |= _norm_chosen(self._parameters, normed, text_of(function))
        chosen |= {p.name: False for p in self._parameters if names.plain(p.name) in _OFF}
        #: The arguments that numbers are drawn from: what must be handed one, and `generator` in any case.
        self._generators = [
            p.name for p in self._parameters
            if names.plain(p.name) in names.GENERATORS and (p.default is p.empty or p.name == "generator")
        ]  # fmt: skip
        chosen |= dict.fromkeys(self._generators)
        #: The argument for the shape of what is normalised, of torch.nn.functional's.
        self._shape = next((p.name for p in self._parameters if names.plain(p.name) == "normalizedshape"), "")
        chosen |= {self._shape: ()} if self._shape else {}
        #: The argument that says of a pooling which it is, and the words for maxima and for means.
        self._pooling = _pooling_words(self._parameters, kind, function, *others)
        chosen |= {} if self._pooling is None else {self._pooling[0]: self._pooling[1][0]}
        #: The argument that holds the parameters, where they are handed over in one.
        self._packed = packed(self._parameters, kind, text_of(function))
        chosen |= {self._packed.argument: None} if self._packed is not None else {}
        self._bound: Bound = bind(
            [p for p in self._parameters if p.name not in chosen], kind, kind.slots,
            inputs=min(inputs, len(self._parameters)),
        )  # fmt: skip
        self._bound.constants.update(chosen)
        self.notes += self._bound.said()
        if self._packed is not None:
            self._unpack(self._packed)
        self.takes = self._bound.takes
        #: The argument for the padding, where it is a word: "valid" or "same".
        self._padding_word = next(
            (p for p in self._parameters if self._bound.options.get(p.name) == "padding"
             and str(p.default).lower() in ("valid", "same")), None,
        )  # fmt: skip
        self.takes |= {f"activation {word!r}" for word in self._activations}
        if self._padding_word is not None:
            self.takes |= {"padding in words"}
        if self._shape:
            self.takes |= {"normalized_shape"}
        if self._pooling is not None:
            self.takes |= {"average"}
        self._tables = {arg: table_keys(kind, arg, source) for arg in self._bound.tables}
        optional = {p.name for p in self._parameters if p.default is not p.empty}
        self._tables = {arg: keys for arg, keys in self._tables.items() if keys or arg not in optional}
        norm = "batchnorm" in names.plain(kind.name) and bool(self._tables)
        trains = norm and trains_alone(function, *others)
        if trains:
            self._tables = {
                arg: {key: option for key, option in keys.items() if option not in ("momentum", "training")}
                for arg, keys in self._tables.items()
            }
        for entries in self._tables.values():
            self.takes |= set(entries.values())
        if "padding" in self.takes and self._padding_word is None:
            self.takes |= {SAME_TOO} if quotes(text_of(*with_called(function, *others)), "same") else set()
        self._table_state = bool(self._tables) and bool(kind.state) and not trains
        if _SQUARE.search(text_of(function)):
            self.takes |= {"square kernel"}
        self.takes |= insisted(function)
        self.takes -= set() if quotes(source, "relu") else {"nonlinearity"}
        if "kernel_h" in self.takes:
            self.takes |= {"kernel_size", "unequal kernel"}
        named = set(self._bound.slots.values()) | (set(kind.state) if self._table_state else set())
        self.absent = frozenset(s for s in kind.slots if s not in named)

    def _unpack(self, parts: Packed) -> None:
        """Let the parts stand among the arguments' slots, in the order of the signature."""
        own, order = self._bound.slots, [p.name for p in self._parameters]
        before = {a: s for a, s in own.items() if order.index(a) < order.index(parts.argument)}
        after = {a: s for a, s in own.items() if a not in before}
        self._bound.slots = {**before, **parts.slots, **after}

    def arguments_of(self, slot: str) -> list[str]:
        """Return the arguments that are a slot."""
        return [name for name, found in self._bound.slots.items() if found == slot]

    def use_again(self, *, reuses: bool) -> None:
        """Begin a check: a function has no object to use again."""

    def reseed(self) -> None:
        """Let the generators of the function's file go on from where the call's seed says."""
        if self._kind.random:
            reseed(getattr(self._function, "__globals__", {}))

    def exchange(self) -> bool:
        """Take two arrays in the other order, where their names do not say which is which."""
        slots = self._bound.slots
        if len(slots) != 2 or all(names.slot_named(name, (slot,)) for name, slot in slots.items()):
            return False
        (first, one), (second, other) = slots.items()
        slots[first], slots[second] = other, one
        return True

    def arguments(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the arguments by name, and the parameter dictionary among them if there is one."""
        own = {p.name for p in self._parameters}
        found: dict[str, Any] = {
            arg: arrays[slot] for arg, slot in self._bound.slots.items() if slot in arrays and arg in own
        }
        found.update(self._bound.constants)
        # `np.random.default_rng` is seeded while a random layer runs, so that it is replayed.
        found.update({name: np.random.default_rng() for name in self._generators})
        if self._packed is not None:
            found[self._packed.argument] = self._packed.made(arrays)
        if self._shape:
            first = arrays[self._kind.slots[0]]
            found[self._shape] = arrays["weight"].shape if "weight" in arrays else first.shape[-1:]
        defaults = {p.name: p.default for p in self._parameters}
        for arg, option in self._bound.options.items():
            if (
                option in options
                or option in form.options
                or defaults[arg] is _EMPTY
                or option in ("kernel_h", "kernel_w")
            ):
                found[arg] = self._value(
                    option, given_option(self._kind, option, options, form, defaults[arg]), arg
                )
        if "activation" in options:
            found[self.chosen] = options["activation"]
        if self._pooling is not None:
            argument, words = self._pooling
            found[argument] = words[bool(options.get("average"))]
        table: dict[str, Any] = {}
        for arg, entries in self._tables.items():
            entry = {
                key: self._value(option, given_option(self._kind, option, options, form, _EMPTY), key)
                for key, option in entries.items()
                if option in options
                or option in ("kernel_h", "kernel_w", "kernel_size", "stride", "padding", "training")
            }  # fmt: skip
            if self._table_state and any(o in ("training", "momentum") for o in entries.values()):
                entry.update({s: arrays[s].copy() for s in self._kind.state if s in arrays})
            table = found[arg] = entry
        return found, table

    def _value(self, option: str, value: Any, name: str) -> Any:
        if self._padding_word is not None and name == self._padding_word.name:
            word = value if isinstance(value, str) else "same" if value else "valid"
            return word.upper() if self._padding_word.default.isupper() else word
        if self.pairs:
            value = in_pairs(self._kind, option, value)
        if option == "training" and names.plain(name) == "mode":
            return "train" if value or value is None else "test"
        if option == "training":
            return (value is None or bool(value)) != names.says_evaluation(name)
        return value

    def call(
        self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form
    ) -> tuple[Any, dict[str, Any]]:
        """Call the function."""
        self.reseed()
        found, table = self.arguments(arrays, options, form)
        leading = []
        for parameter in self._parameters:  # by position as far as they go: names may be positional only
            if parameter.name not in found or parameter.kind is parameter.KEYWORD_ONLY:
                break
            leading.append(found.pop(parameter.name))
        return called(self._function, *leading, **found), table


_EMPTY: Any = inspect.Parameter.empty


def _pooling_words(
    parameters: list[inspect.Parameter], kind: Kind, *functions: Callable[..., Any]
) -> tuple[str, tuple[str, str]] | None:
    """Return the argument that says which pooling it is, and its words for maxima and for means."""
    if not kind.name.startswith("max_pool"):
        return None
    source = text_of(*functions)
    for parameter in parameters:
        if names.plain(parameter.name) in ("mode", "pooltype", "pooling", "method", "kind"):
            means = re.findall(r"['\"](average|avg|mean)['\"]", source)
            maxima = re.findall(r"['\"](max|maximum)['\"]", source)
            if isinstance(parameter.default, str):
                maxima = [parameter.default]
            if maxima and maxima[0].startswith("max"):
                return parameter.name, (maxima[0], (means or ["average"])[0])
    return None


def _norm_chosen(parameters: list[inspect.Parameter], normed: str, source: str) -> dict[str, str]:
    """Return the argument that says how it is normalised with the word that the source compares it with."""
    found = {}
    for parameter in parameters:
        if names.plain(parameter.name) not in names.NORMS:
            continue
        words = re.findall(rf"\b{parameter.name}\s*==\s*['\"]([^'\"]+)['\"]", source)
        own = [w for w in words if names.plain(w.replace("-", "")) in (normed, normed.replace("norm", ""))]
        short = [w for w in words if names.plain(w) in ({"batchnorm": "bn", "layernorm": "ln"}[normed],)]
        if own or short:
            found[parameter.name] = (own or short)[0]
    return found


def _named(kind: Kind, present: list[str], grads: tuple[Any, ...]) -> Gradients:
    """Name the gradients that a backward pass returns in the forward's order."""
    moving = [s for s in present if s not in kind.fixed]
    if len(grads) == len(present) and len(present) != len(moving):
        return {s: g for s, g in zip(present, grads, strict=True) if g is not None}
    return {s: g for s, g in zip(moving, grads, strict=False) if g is not None}


def _by_key(kind: Kind, slots: Mapping[str, str], grads: Mapping[str, Any]) -> Gradients:
    """Name the gradients of a dictionary: by their arguments' names."""
    found: Gradients = {}
    for key, grad in grads.items():
        short = names.plain(str(key))
        for arg, slot in slots.items():
            if slot in kind.fixed or slot in found or grad is None:
                continue
            if short in (names.plain(arg), names.plain(slot)) or short in {
                f"{before}{names.plain(arg)}" for before in ("d", "grad", "dl", "dld")
            }:
                found[slot] = grad
                break
        else:
            slot = next((s for a, s in slots.items() if short in names.gradient_names(s, a)), "")
            if slot and slot not in found and slot not in kind.fixed and grad is not None:
                found[slot] = grad
    return found


_CACHES = frozenset(
    ("cache", "caches", "ctx", "context", "saved", "memory", "mem", "stash", "tape", "residuals", "residual",
     "res", "cached", "store", "stored", "fwdcache", "forwardcache")
)  # fmt: skip
_NOT_COTANGENTS = frozenset(("data", "dim", "decay", "dtype", "dilation", "delay", "debug", "depth", "d"))
_SHAPE_NAMES = frozenset(("xshape", "inputshape", "inshape", "shape", "shapex", "origshape", "originalshape"))
_OUTPUTS = frozenset(
    ("out", "output", "outputs", "y", "a", "s", "p", "probs", "prob", "act", "yhat", "ypred")
)


def is_cotangent(name: str) -> bool:
    """Return whether an argument of this name is the gradient that comes from above.

    Examples
    --------
    >>> [is_cotangent(n) for n in ("dout", "dA", "grad_output", "upstream", "x", "dropout_param")]
    [True, True, True, True, False, False]
    """
    short = names.plain(name)
    if short in _NOT_COTANGENTS or short.startswith(("drop", "dim", "dil")):
        return False
    return (
        short in ("g", "delta", "deltas", "upstream", "error", "err", "incoming")
        or short.startswith(("d", "grad", "upstream", "delta"))
        or short.endswith(("grad", "grads", "gradient", "gradients"))
    )


def returns_a_gradient(function: Callable[..., Any]) -> str:
    """Return what a function hands back beside its value, "" where it is no pullback and no gradient."""
    tree = tree_of(function)
    if tree is None:
        return ""
    inner = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node is not tree}
    for node in _own(tree):
        if not isinstance(node, ast.Return) or not isinstance(node.value, ast.Tuple):
            continue
        for part in node.value.elts[1:]:
            if isinstance(part, ast.Lambda) or (isinstance(part, ast.Name) and part.id in inner):
                return "a value and a pullback"
            if isinstance(part, ast.Name) and is_cotangent(part.id):
                return "a value and a gradient"
    return ""


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Yield what a function consists of, without what is defined in it."""
    left: list[ast.AST] = list(function.body)
    while left:
        node = left.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            left += list(ast.iter_child_nodes(node))


class _Call:
    """What each argument of a backward function is: cotangent, cache, the forward's argument or output."""

    def __init__(
        self, backward: Callable[..., Any], kind: Kind, bound: Bound, *, cached: bool,
        kept: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self.roles: list[tuple[str, str, Any]] = []
        self.takes_cotangent = True
        parameters = signature(backward)
        forward = {*bound.slots, *bound.options, *bound.tables, *bound.constants}
        left = len(kind.outputs)
        cotangents = [p.name for p in parameters if is_cotangent(p.name) and p.name not in forward]
        by_name = [p.name for p in parameters if names.plain(p.name) in _CACHES and p.name not in forward]
        kept &= {p.name for p in parameters if p.name not in {*forward, *by_name}}
        cached = cached and not kept
        if cached and not by_name:
            others = [p.name for p in parameters if p.name not in cotangents and p.name not in forward]
            required = [p.name for p in parameters if p.default is p.empty]
            if kind.loss and not cotangents:
                by_name = others[:1]
            elif len(required) > left:
                by_name = required[left : left + 1]
        if kind.loss and not cotangents:
            self.takes_cotangent, left = False, 0
        elif not cotangents:
            cotangents = [p.name for p in parameters if p.name not in by_name][:left]
        for parameter in parameters:
            name = parameter.name
            if name in by_name and cached:
                self.roles.append((name, "cache", None))
            elif name in cotangents and left:
                self.roles.append((name, "cotangent", len(kind.outputs) - left))
                left -= 1
            elif name in kept:
                self.roles.append((name, "kept", name))
            elif name in forward:
                self.roles.append((name, "argument", name))
            else:
                role = self._by_name(name, kind, bound)
                if role is not None:
                    self.roles.append((name, *role))
                elif parameter.default is parameter.empty:
                    raise Cannot(
                        f"the argument {name!r} of its backward function is not known",
                        f"hand it over in the cache: {backward.__name__}(dout, cache)",
                    )

    @staticmethod
    def _by_name(name: str, kind: Kind, bound: Bound) -> tuple[str, Any] | None:
        short = names.plain(name)
        slot = names.slot_named(name, tuple(bound.slots.values()))
        if short in _OUTPUTS and (slot is None or (not kind.params and not kind.loss)):
            return "output", 0
        if slot is not None:
            return "slot", slot
        if short in _SHAPE_NAMES:
            return "shape", kind.slots[0]
        # `w_shape`, and `weight_size`; the size of a kernel is its sides alone
        of = re.fullmatch(r"(\w+)shape|(input|weight|x|w)size", short)
        slot = of and names.slot_named(of[1] or of[2], tuple(bound.slots.values()))
        if slot:
            return "shape", slot
        if short in ("numembeddings", "vocabsize") and "weight" in kind.slots:
            return "rows", "weight"
        return ("output", 0) if short in _OUTPUTS else None

    def run(self, backward: Callable[..., Any], values: Mapping[str, Callable[[Any], Any]]) -> Any:
        """Call the backward function; by position as far as that goes: names may be positional only."""
        values_by_name = ((name, values[role](value)) for name, role, value in self.roles)
        given = {name: value for name, value in values_by_name if value is not _EMPTY}
        positional: list[Any] = []
        for parameter in signature(backward):
            if parameter.name not in given or parameter.kind is parameter.KEYWORD_ONLY:
                break
            positional.append(given.pop(parameter.name))
        return called(backward, *positional, **given)

    def uses_input(self) -> list[int]:
        """Return the places where the input of an activation, or its output, is handed over."""
        return [i for i, (_, role, value) in enumerate(self.roles)
                if role == "output" or (role in ("slot", "argument") and value is not None)]  # fmt: skip


def _returned(function: Callable[..., Any]) -> list[str]:
    """Return the names of what a function returns, where all it returns are the same plain names."""
    tree = tree_of(function)
    if tree is None:
        return []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Return):
            parts = node.value.elts if isinstance(node.value, ast.Tuple) else []
            found.add(tuple(part.id if isinstance(part, ast.Name) else "" for part in parts))
    return list(found.pop()) if len(found) == 1 else []


class PairDriver(FunctionDriver):
    """``NAME_forward(...) -> (*outputs, cache)``, ``NAME_backward(*dout, cache) -> gradients``.

    A backward function may also be handed the forward's arguments or its output by name.
    """

    def __init__(self, forward: Callable[..., Any], backward: Callable[..., Any], kind: Kind) -> None:
        super().__init__(forward, kind, backward)
        self._backward = backward
        self._calls: dict[bool, _Call] = {}
        self._at: dict[bool, str] = {}
        #: What the forward pass returns beside its outputs, by name: the backward pass may be handed it so.
        self._kept = _returned(forward)[len(kind.outputs) :]

    def _split(self, out: Any) -> tuple[list[Any], Any, bool]:
        """Return the outputs, the cache, and whether there is one."""
        count = len(self._kind.outputs)
        if not isinstance(out, tuple | list):
            return [out], None, False
        parts = list(out)
        if len(parts) == count:
            return parts, None, False
        return parts[:count], parts[-1] if len(parts) == count + 1 else (
            parts[-1] if isinstance(parts[-1], tuple | list | dict) else tuple(parts[count:])
        ), True  # fmt: skip

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the forward function."""
        given, _ = self.arguments(arrays, options, form)
        out, table = self.call(arrays, options, form)
        if out is None or (isinstance(out, tuple) and out and out[0] is None):
            return Started((None,), lambda *_: {}, {})
        outputs, cache, cached = self._split(out)
        kept = dict(zip(self._kept, out[len(outputs) :], strict=False)) if cached else {}
        extras = {f"new_{s}": _as_kept(table[s], arrays.get(s)) for s in self._kind.state if s in table}
        present = [s for s in self._bound.slots.values() if s in arrays]
        call = self._calls.get(cached)
        if call is None:
            call = self._calls[cached] = _Call(
                self._backward, self._kind, self._bound, cached=cached, kept=frozenset(kept)
            )
            if not cached:
                self._place(call)

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            found = call.run(
                self._backward,
                {
                    "cache": lambda _: cache,
                    "kept": lambda name: kept[name],
                    "shape": lambda slot: arrays[slot].shape,
                    "rows": lambda slot: len(arrays[slot]),
                    "cotangent": lambda place: cotangents[place],
                    "output": lambda place: outputs[place],
                    "slot": lambda slot: arrays[slot],
                    "argument": lambda name: given.get(name, _EMPTY),
                },
            )
            grads = self._grads(found, present)
            if not call.takes_cotangent:
                dy = cotangents[0].reshape(-1)[0]
                grads = {
                    s: (g * dy).astype(g.dtype) if isinstance(g, np.ndarray) and dy != 1 else g
                    for s, g in grads.items()
                }
            return grads

        return Started(tuple(outputs), back, extras)

    def _grads(self, found: Any, present: list[str]) -> Gradients:
        nothing = found is None or (isinstance(found, tuple | list) and all(g is None for g in found))
        if nothing:
            if unwritten(self._backward):
                raise Cannot(f"{self._backward.__name__} returns None: not written yet", "fill it in")
            return {}
        apart = None if self._packed is None else self._packed.parts(found)
        if apart is not None and self._packed is not None:
            of_parts = _by_key(self._kind, self._bound.slots, apart[1])
            alone = [s for s in present if s not in self._packed.slots.values()]
            return _named(self._kind, alone, tuple(apart[0])) | of_parts
        if isinstance(found, dict):
            return _by_key(self._kind, self._bound.slots, found)
        return _named(self._kind, present, tuple(found) if isinstance(found, tuple | list) else (found,))

    def _place(self, call: _Call) -> None:
        """Find out whether the backward pass of an activation is handed its input or its output."""
        where = call.uses_input()
        if self._kind.slots != ("x",) or self._kind.outputs != ("y",) or len(where) != 1 or self._tables:
            return
        (place,) = where
        name, _, _ = call.roles[place]
        best = at_input_or_output(
            self._function,
            lambda x, y, dy, at: call.run(
                self._backward,
                dict.fromkeys(("slot", "argument", "output"), lambda _: y if at == "output" else x)
                | {"cotangent": lambda _: dy},
            ),
        )
        if best == "output":
            call.roles[place] = (name, "output", 0)
            self.notes.append(f"{self._backward.__name__} is handed the output of {self._function.__name__}")
        elif best == "input":
            call.roles[place] = (name, "slot", "x")


def _as_kept(new: Any, old: Array | None) -> Any:
    """Return a running statistic in the shape it was given in: sides of one beside its own are no matter."""
    if isinstance(new, np.ndarray) and old is not None and new.size == old.size:
        return new.reshape(old.shape)
    return new


def at_input_or_output(function: Callable[..., Any], gradient: Callable[..., Any]) -> str:
    """Return whether an activation's derivative is right handed its "input", its "output", or neither: ""."""
    return next(iter(places_right(function, gradient)), "")


def places_right(function: Callable[..., Any], gradient: Callable[..., Any]) -> list[str]:
    """Return where an activation's derivative is right: at its "input", at its "output", at both."""
    rng = np.random.default_rng(5)
    x, dy = rng.normal(size=(3, 4)) + 0.05, rng.normal(size=(3, 4))

    def value(at: Array) -> Array:
        out = function(at.copy())
        return np.asarray(out[0] if isinstance(out, tuple | list) else out, dtype=np.float64)

    right = []
    try:
        y = value(x)
        step = 1e-6
        true = np.array([
            ((value(x + step * e) - value(x - step * e)) * dy).sum() / (2 * step)
            for e in np.eye(x.size).reshape(-1, *x.shape)
        ]).reshape(x.shape)  # fmt: skip
    except Exception:  # its own trouble, to be found by the checks
        return []
    for at in ("input", "output"):
        try:
            found = gradient(x.copy(), y.copy(), dy.copy(), at)
            found = found[0] if isinstance(found, tuple | list) else found
            if np.allclose(np.asarray(found, dtype=np.float64), true, 1e-5, 1e-7):
                right.append(at)
        except Exception:  # as above
            continue
    return right


class DerivativeDriver(FunctionDriver):
    """``f(x)`` and ``f_prime(x)``, the derivative by each entry, to be multiplied by what comes from above.

    The derivative may be handed the input or the output: which one is found out by trying, unless it is known
    that it is `at_input`.
    """

    def __init__(
        self, function: Callable[..., Any], derivative: Callable[..., Any], kind: Kind, *,
        at_input: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(function, kind, derivative)
        self._derivative = derivative
        self._at = "input"
        if kind.loss:
            bind(signature(derivative), kind, kind.slots, inputs=len(kind.inputs))
        elif not at_input and at_input_or_output(
            function, lambda x, y, dy, at: dy * derivative(y if at == "output" else x)
        ) == "output":  # fmt: skip
            self._at = "output"
            self.notes.append(f"{derivative.__name__} is handed the output of {function.__name__}")

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Run the function."""
        given, _ = self.arguments(arrays, options, form)
        out, _ = self.call(arrays, options, form)
        if out is None:
            return Started((None,), lambda *_: {}, {})
        first = self._kind.slots[0]

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            (dy,) = cotangents
            parameters = signature(self._derivative)
            named = {p.name: given[p.name] for p in parameters if p.name in given}
            if self._at == "output" or not named:
                found = called(self._derivative, out if self._at == "output" else arrays[first])
            elif all(p.name in named or p.default is not p.empty for p in parameters):
                found = called(self._derivative, **named)
            else:
                found = called(self._derivative, *given.values())
            if found is None:
                if unwritten(self._derivative):
                    raise Cannot(f"{self._derivative.__name__} returns None: not written yet", "fill it in")
                return {}
            local = np.asarray(found)
            if local.shape != arrays[first].shape:
                if self._kind.loss and local.shape == ():
                    return {first: found}
                raise Cannot(
                    f"{self._derivative.__name__} returns an array of shape {local.shape}, "
                    f"not one number for each entry of x",
                    f"give it a backward pass: {self._function.__name__}_backward(dout, x)",
                )
            if not self._kind.loss and self._at == "input":
                local = as_pytorch_has_it(
                    self._kind.name, local, arrays[first], options, form, self.conventions
                )
            return {first: np.asarray(dy * local, dtype=arrays[first].dtype)}  # the product is ours

        return Started((out,), back, {})


class ValueDriver(FunctionDriver):
    """``f(...) -> (value, pullback[, state])``, or a fused loss, ``f(x, y) -> (loss, dx)``."""

    fused = False

    def __init__(self, function: Callable[..., Any], kind: Kind) -> None:
        super().__init__(function, kind)
        self.skips = False

    def says(self, word: str) -> bool:
        """Return whether the function's own text has a word."""
        return word in text_of(self._function).lower()

    def mentions(self, word: str) -> bool:
        """Return whether its file has this word for an option: what it does not name it does not promise."""
        source = text_of(inspect.getmodule(self._function))
        return not source or quotes(source, word)

    def start(self, arrays: Mapping[str, Array], options: Mapping[str, Any], form: Form) -> Started:
        """Call the function."""
        self.reseed()
        found, _ = self.arguments(arrays, options, form)
        leading = []
        for parameter in self._parameters:
            if parameter.name not in found or parameter.kind is parameter.KEYWORD_ONLY:
                break
            leading.append(found.pop(parameter.name))
        out = called(self._function, *leading, **found)
        if out is None or (isinstance(out, tuple) and out and out[0] is None):
            return Started((None,), lambda *_: {}, {})
        if not isinstance(out, tuple) or len(out) < 2:
            raise Cannot(
                "it returns a value alone: no backward pass is found",
                f"return (value, pullback), or name its backward pass {self._function.__name__}_backward",
                whatever=True,
            )
        value, second, *rest = out
        if (
            self._kind.loss
            and np.ndim(second) == 0
            and np.ndim(value) > 0
            and not rest
            and not callable(second)
        ):
            value, second = second, value  # (dx, loss)
        if callable(second):
            return self._with_pullback(arrays, value, second, rest)
        if not self._kind.loss:
            raise Cannot(
                "it returns (value, something that cannot be called): no backward pass is found",
                "return (value, pullback)",
            )
        self.fused = True
        present = [s for s in self._bound.slots.values() if s in arrays]
        # One backward pass a call: the first is handed what came out, a second one a copy.
        pristine = [g.copy() if isinstance(g, np.ndarray) else g for g in (second, *rest)]
        fresh = [(second, *rest)]

        def back(cotangents: tuple[Array, ...], _: Any) -> Gradients:
            parts = (
                fresh.pop()
                if fresh
                else tuple(g.copy() if isinstance(g, np.ndarray) else g for g in pristine)
            )
            grads = _named(self._kind, present, parts)
            dy = cotangents[0].reshape(-1)[0]
            return {
                s: (g * dy).astype(g.dtype) if isinstance(g, np.ndarray) and dy != 1 else g
                for s, g in grads.items()
            }

        return Started((value,), back, {})

    def _with_pullback(
        self, arrays: Mapping[str, Array], value: Any, pullback: Any, rest: list[Any]
    ) -> Started:
        outputs = value if isinstance(value, tuple) else (value,)
        slots = list(self._bound.slots.values())
        extras: dict[str, Any] = {}
        if rest and self._kind.state:
            state = rest[0] if isinstance(rest[0], tuple) else (rest[0],)
            if rest[0] is None:  # nothing new, as in evaluation
                state = tuple(arrays[s].copy() for s in self._kind.state if s in arrays)
            extras = dict(zip([f"new_{s}" for s in self._kind.state], state, strict=False))
        self.skips = "needs_input_grad" in {p.name for p in signature(pullback)}

        def back(cotangents: tuple[Array, ...], needs: Any) -> Gradients:
            if needs is None or not self.skips:
                grads = pullback(*cotangents)
            else:
                grads = pullback(*cotangents, tuple(bool(needs.get(s, False)) for s in slots))
            if not isinstance(grads, tuple):
                grads = (grads,)
            if len(grads) == len(slots):
                return {s: g for s, g in zip(slots, grads, strict=True) if g is not None}
            return _named(self._kind, [s for s in slots if s in arrays], grads)

        return Started(outputs, back, extras)
