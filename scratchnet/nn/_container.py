"""Layers made of layers: one after the other, side by side, or only kept together."""

from __future__ import annotations

import copy
import operator
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from .._check import check_cotangent, check_dim, check_float_array, check_integer, refuse, refuse_type
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Callable, ItemsView, Iterable, Iterator, KeysView, ValuesView

    from .._types import Array

    Self = TypeVar("Self", bound="_List")


class _Container(Layer):
    """Layers by name. All changes go through `_assign`, which checks them."""

    def __init__(self) -> None:
        super().__init__()
        self._assign(())

    def _assign(self, named: Iterable[tuple[str, Layer]]) -> None:
        """Take these layers and no others; require right names, and each layer once in all.

        A layer that stood in two places would be called twice and keep the second pullback alone: the
        gradients would be wrong without a word.
        """
        function = type(self).__name__
        modules: dict[str, Layer] = {}
        owners: dict[int, str] = {id(self): "itself"}
        for name, layer in named:
            _check_name(self, name)
            if not isinstance(layer, Layer):
                raise refuse_type(
                    function, "everything in it must be a layer", **{f"type of {name}": type(layer).__name__}
                )
            if name in modules:
                raise refuse(function, "names must differ", name=name)
            for inner in _within(layer):
                owner = owners.setdefault(id(inner), name)
                if owner != name:
                    raise refuse(
                        function,
                        f"a layer may stand in one place, since it keeps its last call alone; make another "
                        f"{type(inner).__name__}",
                        places=(owner, name),
                    )
            modules[name] = layer
        self._modules = modules
        self._layers = tuple(modules.values())

    @property
    def children(self) -> dict[str, Layer]:
        """The layers by name."""
        return dict(self._modules)

    def __len__(self) -> int:
        return len(self._layers)

    # A layer can be reached and set as an attribute by its name, as in PyTorch: ``net.fc = nn.Linear(8, 2)``.

    def __getattr__(self, name: str) -> Layer:
        modules: dict[str, Layer] = vars(self).get("_modules", {})
        if name not in modules:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return modules[name]

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, Layer):
            self._assign({**self._modules, name: value}.items())
        elif name in vars(self).get("_modules", ()):
            raise refuse_type(
                type(self).__name__, f"{name} must stay a layer", **{f"type of {name}": type(value).__name__}
            )
        else:
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._modules]


def _within(layer: Layer) -> Iterator[Layer]:
    """Yield a layer and all that it is made of."""
    yield layer
    for child in layer.children.values():
        yield from _within(child)


def _check_name(container: Layer, name: object) -> None:
    """Require a name that can stand in the keys of a state_dict and is not an attribute's already."""
    function = type(container).__name__
    if not isinstance(name, str):
        raise refuse_type(function, "a layer's name must be a string", name=name)
    if not name or "." in name:
        raise refuse(function, "a layer's name must not be empty nor contain a dot", name=name)
    if hasattr(type(container), name) or name in vars(container):
        raise refuse(function, "a layer's name must not be that of an attribute", name=name)


def _by_position(layers: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((str(position), layer) for position, layer in enumerate(layers))


class _List(_Container):
    """Layers in an order, named by their position or in an OrderedDict."""

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    def _index(self, index: Any) -> int:
        """Return a position counted from the front."""
        function = type(self).__name__
        try:
            position = operator.index(index)
        except TypeError:
            raise refuse_type(function, "an index must be an integer or a slice", index=index) from None
        if not -len(self) <= position < len(self):
            raise IndexError(f"{function}: index {position} is out of range for {len(self)} layers")
        return position % len(self)

    def _another(self: Self, named: Iterable[tuple[str, Layer]]) -> Self:
        """Return a container of this kind with other layers."""
        made = copy.copy(self)
        made._assign(named)
        return made

    @overload
    def __getitem__(self: Self, index: slice) -> Self: ...
    @overload
    def __getitem__(self, index: int) -> Layer: ...
    def __getitem__(self, index: int | slice) -> Layer:
        """Return one layer, or a container of several that shares them and has them under the same names."""
        if isinstance(index, slice):
            return self._another(list(self._modules.items())[index])
        return self._layers[self._index(index)]

    def __add__(self: Self, others: Iterable[Layer]) -> Self:
        """Return a container of these layers and others, named by position."""
        return self._another(_by_position([*self, *others]))

    def __setitem__(self, index: int, layer: Layer) -> None:
        """Put another layer in the place of one, under its name."""
        position = self._index(index)
        named = list(self._modules.items())
        named[position] = (named[position][0], layer)
        self._assign(named)

    def __delitem__(self, index: int | slice) -> None:
        """Take layers out; what is left is named by position, as in PyTorch."""
        layers = list(self._layers)
        del layers[index if isinstance(index, slice) else self._index(index)]
        self._assign(_by_position(layers))

    def append(self: Self, module: Layer) -> Self:
        """Add a layer at the end, and return this container."""
        return self.extend([module])

    def extend(self: Self, modules: Iterable[Layer]) -> Self:
        """Add layers at the end, and return this container."""
        added = ((str(position), layer) for position, layer in enumerate(modules, len(self)))
        self._assign([*self._modules.items(), *added])
        return self

    def insert(self: Self, index: int, module: Layer) -> Self:
        """Add a layer before the one at `index`; all are then named by position. Return this container."""
        layers = list(self._layers)
        layers.insert(len(self) if index == len(self) else self._index(index), module)
        self._assign(_by_position(layers))
        return self

    def pop(self, index: int = -1) -> Layer:
        """Take one layer out and return it; what is left is named by position."""
        layer = self._layers[self._index(index)]
        del self[index]
        return layer

    def __iadd__(self: Self, others: Iterable[Layer]) -> Self:
        return self.extend(others)


class _Branches(_List):
    """Layers that are given as arguments, or in one OrderedDict that names them."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            self._assign(args[0].items())
        else:
            self._assign(_by_position(args))


class Sequential(_Branches):
    """Layers one after the other, each taking what the one before returns.

    Parameters
    ----------
    *args : Layer
        Their parameters' keys begin with their position: ``0.weight``, ``0.bias``, ``2.weight``. Or one
        ``OrderedDict`` of layers by name: ``fc.weight``, ``fc.bias``.

    Raises
    ------
    TypeError
        One of them is not a layer, or a name not a string.
    ValueError
        A layer is in it twice, or a name is empty, contains a dot or is an attribute's.

    Notes
    -----
    Forward: ``y = f_n(...f_1(x))``. Backward: ``dx = J_1^T ...J_n^T dy``, from the last layer to the first.
    Without layers it is the identity.

    As in PyTorch it can be indexed, sliced (a slice shares its layers and keeps their names), appended to and
    iterated, and a layer that has a name is an attribute: ``net.fc``, ``net.fc = nn.Linear(8, 2)``. Other
    than there, no layer may be in it twice: a layer keeps its last call alone.

    Examples
    --------
    >>> import numpy as np
    >>> from collections import OrderedDict
    >>> from scratchnet import nn, optim
    >>> net = nn.Sequential(nn.Linear(2, 3, dtype=np.float64), nn.ReLU(), nn.Linear(3, 2, dtype=np.float64))
    >>> net
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=2, bias=True)
    )
    >>> x, target = np.ones((4, 2)), np.array([0, 1, 1, 0])
    >>> criterion, optimizer = nn.CrossEntropyLoss(), optim.SGD(net.params, lr=0.1)
    >>> before = float(criterion(net(x), target))
    >>> _ = net.backward(criterion.backward(), needs_input_grad=False)
    >>> optimizer.step(net.grads)
    >>> float(criterion(net(x), target)) <= before
    True
    >>> list(nn.Sequential(OrderedDict(fc=nn.Linear(2, 3), act=nn.ReLU())).params)
    ['fc.weight', 'fc.bias']
    """

    def forward(self, *inputs: Any) -> Any:
        """Return what the last layer returns."""
        for layer in self._layers:
            value = layer.forward(*inputs)
            inputs = (value,)
        return inputs[0]

    def backward(self, *cotangents: Any, needs_input_grad: bool = True) -> Any:
        """Call every layer's `backward`, the last layer's first; see `Layer.backward`."""
        for position in range(len(self._layers) - 1, 0, -1):
            cotangents = (self._layers[position].backward(*cotangents),)
        if not self._layers:
            return cotangents[0] if needs_input_grad else None
        return _backward(self._layers[0], cotangents, needs_input_grad)


class Sum(_Branches):
    """Branches side by side that are given the same, and the sum of what they return: a residual block.

    Parameters
    ----------
    *args : Layer
        At least one; or one ``OrderedDict`` of layers by name. An empty `Sequential` is the branch that
        passes its input on.

    Raises
    ------
    TypeError
        One of them is not a layer, or `forward` gets something else than arrays of one dtype from them.
    ValueError
        There is none, one is in it twice, or `forward` gets arrays of different shapes from them.

    Notes
    -----
    Forward: ``y = f_1(x) + ... + f_n(x)``.

    Backward: ``dx = J_1^T dy + ... + J_n^T dy``, each branch given the same `dy`; for several inputs, each
    is a sum of its own.

    Nothing is broadcast: branches that return different shapes are refused. torch.nn has no such class:
    there, one writes ``forward`` and leaves the backward pass to autograd. The layer can be indexed, appended
    to and so on as `Sequential` can.

    References
    ----------
    He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition" (CVPR 2016), equations 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> from collections import OrderedDict
    >>> from scratchnet import nn
    >>> block = nn.Sum(OrderedDict(body=nn.Sequential(nn.Linear(2, 2), nn.ReLU()), shortcut=nn.Sequential()))
    >>> block
    Sum(
      (body): Sequential(
        (0): Linear(in_features=2, out_features=2, bias=True)
        (1): ReLU()
      )
      (shortcut): Sequential()
    )
    >>> _ = block.load_state_dict({"body.0.weight": np.eye(2), "body.0.bias": np.zeros(2)})
    >>> block(np.array([[1.0, -1.0]], np.float32)).tolist()
    [[2.0, -1.0]]
    >>> block.backward(np.array([[1.0, 1.0]], np.float32)).tolist()
    [[2.0, 1.0]]
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        _require_branches(self)

    def forward(self, *inputs: Any) -> Any:
        """Return the sum of what the branches return."""
        _require_branches(self)
        values = [branch.forward(*inputs) for branch in self._layers]
        first = values[0]
        check_float_array("Sum", "what a branch returns", first)
        for name, value in zip(self._modules, values, strict=True):
            _check_alike("Sum", name, value, first)
            if value.shape != first.shape:
                raise refuse(
                    "Sum", "what the branches return must have one shape", **{name: value, "the first": first}
                )
        return _total(values)

    def backward(self, *cotangents: Any, needs_input_grad: bool = True) -> Any:
        """Hand the cotangent to every branch, and add up what they return; see `Layer.backward`."""
        return _add_up([_backward(branch, cotangents, needs_input_grad) for branch in self._layers])


class Concatenate(_Branches):
    """Branches side by side that are given the same, and what they return joined along one dimension.

    Parameters
    ----------
    *args : Layer
        At least one; or one ``OrderedDict`` of layers by name. An empty `Sequential` is the branch that
        passes its input on.
    dim : int, default 1
        The dimension along which the results are joined; by default the channels.

    Raises
    ------
    TypeError
        One of them is not a layer, or `forward` gets something else than arrays of one dtype from them.
    ValueError
        There is none, one is in it twice, or `forward` gets arrays that differ in another dimension than
        `dim`.

    Notes
    -----
    Forward: ``y = concatenate((f_1(x), ..., f_n(x)), dim)``.

    Backward: with `dy` cut along `dim` into ``dy_1, ..., dy_n``, as wide as what the branches returned,
    ``dx = J_1^T dy_1 + ... + J_n^T dy_n``; for several inputs, each is a sum of its own.

    torch.nn has no such class: there, one writes ``torch.cat`` and leaves the backward pass to autograd. The
    layer can be indexed, appended to and so on as `Sequential` can.

    References
    ----------
    Szegedy et al., "Going Deeper with Convolutions" (CVPR 2015), section 4.
    Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks" (CVPR 2017),
    equation 2.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> block = nn.Concatenate(nn.Sequential(), nn.ReLU())
    >>> block
    Concatenate(
      dim=1
      (0): Sequential()
      (1): ReLU()
    )
    >>> block(np.array([[1.0, -1.0]])).tolist()
    [[1.0, -1.0, 1.0, 0.0]]
    >>> block.backward(np.array([[1.0, 2.0, 3.0, 4.0]])).tolist()
    [[4.0, 2.0]]
    """

    def __init__(self, *args: Any, dim: int = 1) -> None:
        super().__init__(*args)
        _require_branches(self)
        self.dim = check_integer("Concatenate", "dim", dim)
        self._joined: tuple[int, list[int], tuple[int, ...], np.dtype[Any]] | None = None

    def forward(self, *inputs: Any) -> Any:
        """Return what the branches return, side by side."""
        _require_branches(self)
        values = [branch.forward(*inputs) for branch in self._layers]
        first = values[0]
        check_float_array("Concatenate", "what a branch returns", first)
        dim = check_dim("Concatenate", self.dim, first.ndim)
        for name, value in zip(self._modules, values, strict=True):
            _check_alike("Concatenate", name, value, first)
            if value.ndim != first.ndim or (
                value.shape[:dim] + value.shape[dim + 1 :] != first.shape[:dim] + first.shape[dim + 1 :]
            ):
                raise refuse(
                    "Concatenate",
                    f"what the branches return must have one shape but for dimension {dim}",
                    **{name: value, "the first": first},
                )
        y = np.concatenate(values, axis=dim)
        ends = np.cumsum([value.shape[dim] for value in values]).tolist()
        self._joined = dim, ends, y.shape, y.dtype
        return y

    def backward(self, *cotangents: Any, needs_input_grad: bool = True) -> Any:
        """Hand each branch its part of the cotangent, and add up what they return; see `Layer.backward`."""
        if self._joined is None:
            raise RuntimeError("Concatenate.backward: forward must be called first")
        dim, ends, shape, dtype = self._joined
        (dy,) = cotangents
        parts = np.split(check_cotangent("Concatenate", dy, shape, dtype), ends[:-1], axis=dim)
        return _add_up(
            [
                _backward(branch, (part,), needs_input_grad)
                for branch, part in zip(self._layers, parts, strict=True)
            ]
        )

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


def _backward(layer: Layer, cotangents: tuple[Any, ...], needs_input_grad: bool) -> Any:
    """Call a layer's `backward`; one of a user's own need not know of needs_input_grad."""
    if needs_input_grad:
        return layer.backward(*cotangents)
    if _can_leave_out(type(layer).backward):
        return layer.backward(*cotangents, needs_input_grad=False)
    layer.backward(*cotangents)
    return None


@cache
def _can_leave_out(backward: Callable[..., Any]) -> bool:
    from inspect import signature

    parameters = signature(backward).parameters.values()
    return any(p.name == "needs_input_grad" or p.kind is p.VAR_KEYWORD for p in parameters)


def _require_branches(container: _Branches) -> None:
    if not container._layers:
        raise refuse(type(container).__name__, "there must be at least one branch")


def _check_alike(function: str, name: str, value: Any, first: Array) -> None:
    if not isinstance(value, np.ndarray):
        raise refuse_type(
            function, "a branch must return one array", **{f"type of {name}'s": type(value).__name__}
        )
    if value.dtype != first.dtype:
        raise refuse_type(
            function, "what the branches return must have one dtype", **{name: value, "the first": first}
        )


def _total(arrays: list[Array]) -> Array:
    """Return a new array, the sum from left to right; nothing given is written to."""
    if len(arrays) == 1:
        return np.array(arrays[0], order="K")
    total: Array = np.asarray(arrays[0] + arrays[1])
    for array in arrays[2:]:
        np.add(total, array, out=total)
    return total


def _add_up(found: list[Any]) -> Any:
    """Return the sum of what the branches' `backward` returned: arrays, None, or tuples of these."""
    if isinstance(found[0], tuple):
        return tuple(_add_up(list(each)) for each in zip(*found, strict=True))
    arrays = [array for array in found if array is not None]
    return _total(arrays) if arrays else None


class ModuleList(_List):
    """Layers kept in a list, for a layer of one's own that calls them itself.

    Parameters
    ----------
    modules : iterable of Layer, optional

    Raises
    ------
    TypeError
        One of them is not a layer.
    ValueError
        One is in it twice.

    Notes
    -----
    It has no forward pass: its owner calls the layers, and their `backward` in its own. It can be indexed,
    sliced (a slice shares its layers), appended to, added and iterated.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> class Residual(nn.Layer):
    ...     def __init__(self, depth):
    ...         super().__init__()
    ...         self.blocks = nn.ModuleList(nn.Linear(2, 2) for _ in range(depth))
    ...     def forward(self, x):
    ...         for block in self.blocks:
    ...             x = x + block(x)
    ...         return x
    ...     def backward(self, dy):
    ...         for block in self.blocks[::-1]:
    ...             dy = dy + block.backward(dy)
    ...         return dy
    >>> net = Residual(3)
    >>> net
    Residual(
      (blocks): ModuleList(
        (0-2): 3 x Linear(in_features=2, out_features=2, bias=True)
      )
    )
    >>> net.backward(np.ones_like(net(np.ones((4, 2), np.float32)))).shape
    (4, 2)
    """

    def __init__(self, modules: Iterable[Layer] | None = None) -> None:
        super().__init__()
        self._assign(_by_position(() if modules is None else modules))

    def _another(self, named: Iterable[tuple[str, Layer]]) -> ModuleList:
        # As in PyTorch a list's slice begins at 0 again, where a Sequential's keeps the names.
        return super()._another(_by_position(layer for _, layer in named))

    def __repr__(self) -> str:
        """Print layers in a row that print alike as one line, as PyTorch does."""
        groups: list[tuple[int, int, str]] = []
        for position, text in enumerate(map(repr, self._layers)):
            if groups and groups[-1][2] == text:
                groups[-1] = (groups[-1][0], position, text)
            else:
                groups.append((position, position, text))
        lines = []
        for first, last, text in groups:
            head = f"({first}): " if first == last else f"({first}-{last}): {last - first + 1} x "
            lines += f"{head}{text}".split("\n")
        return "\n  ".join([f"{type(self).__name__}(", *lines]) + "\n)" if lines else "ModuleList()"


class ModuleDict(_Container):
    """Layers kept by name, for a layer of one's own that calls them itself.

    Parameters
    ----------
    modules : mapping of str to Layer, optional
        Or an iterable of pairs.

    Raises
    ------
    TypeError
        A value is not a layer, or a key not a string.
    ValueError
        A layer is in it twice, or a key is empty, contains a dot or is an attribute's.

    Notes
    -----
    It has no forward pass: its owner calls the layers, and their `backward` in its own. It has the methods of
    a dict that `torch.nn.ModuleDict` has, and keeps the order in which layers came.

    Examples
    --------
    >>> from scratchnet import nn
    >>> heads = nn.ModuleDict({"digit": nn.Linear(8, 10)})
    >>> heads["parity"] = nn.Linear(8, 2)
    >>> list(heads.params)
    ['digit.weight', 'digit.bias', 'parity.weight', 'parity.bias']
    >>> heads
    ModuleDict(
      (digit): Linear(in_features=8, out_features=10, bias=True)
      (parity): Linear(in_features=8, out_features=2, bias=True)
    )
    """

    def __init__(self, modules: Mapping[str, Layer] | Iterable[tuple[str, Layer]] | None = None) -> None:
        super().__init__()
        self.update({} if modules is None else modules)

    def __getitem__(self, key: str) -> Layer:
        return self._modules[key]

    def __setitem__(self, key: str, module: Layer) -> None:
        self.update({key: module})

    def __delitem__(self, key: str) -> None:
        self.pop(key)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> ValuesView[Layer]:
        """Return the layers."""
        return self._modules.values()

    def items(self) -> ItemsView[str, Layer]:
        """Return the pairs of name and layer."""
        return self._modules.items()

    def update(self, modules: Mapping[str, Layer] | Iterable[tuple[str, Layer]]) -> None:
        """Take layers in, in the place of those that have the same names."""
        try:
            added = dict(modules)
        except (TypeError, ValueError):
            raise refuse_type("ModuleDict", "modules must be a mapping or pairs", modules=modules) from None
        self._assign({**self._modules, **added}.items())

    def pop(self, key: str) -> Layer:
        """Take one layer out and return it."""
        layer = self._modules[key]
        self._assign((name, other) for name, other in self._modules.items() if name != key)
        return layer

    def clear(self) -> None:
        """Take all layers out."""
        self._assign(())
