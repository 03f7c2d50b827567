"""What every layer is: named parameters, and a forward pass that keeps its pullback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from .._check import refuse, refuse_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array, Pullback


_OF_PYTORCH = {"input": "x", "log_input": "x"}
"""What `forward` calls by another name than PyTorch does."""


class IncompatibleKeys(NamedTuple):
    """What `Layer.load_state_dict` left out where it is not strict."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Layer:
    """A function of `scratchnet.functional` together with its state. A layer holds no mathematics.

    Attributes
    ----------
    params : dict of str to ndarray
        What is learned, keyed as in PyTorch's ``state_dict``. Update an array in place or assign another.
    grads : dict of str to ndarray
        The gradient of each parameter. `backward` overwrites it: nothing is added up across calls, and there
        is nothing to set to zero.
    buffers : dict of str to ndarray
        State that is not learned, such as running statistics.
    training : bool
        Whether dropout drops and batch normalisation uses the batch; see `train` and `eval`.

    Notes
    -----
    `backward` belongs to the last call of `forward`, whose pullback the layer keeps: a layer that is called
    twice before `backward` has forgotten the first call. To use one set of weights twice in a network, call
    the function itself and add the gradients up.

    A layer that holds layers as attributes (or is a container such as `Sequential`) shows their parameters
    as its own, with the attribute's name and a dot before each key. Its `forward` and `backward` call theirs.

    Examples
    --------
    A layer of one's own:

    >>> import numpy as np
    >>> from scratchnet import nn
    >>> class Residual(nn.Layer):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.body = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    ...     def forward(self, x):
    ...         return x + self.body(x)
    ...     def backward(self, dy):
    ...         return dy + self.body.backward(dy)
    >>> sorted(Residual().params)
    ['body.0.bias', 'body.0.weight']
    """

    _inputs: ClassVar[int] = 1
    """How many of the pullback's slots belong to what `forward` takes."""
    _slots: ClassVar[tuple[str, ...]] = ()
    """Which parameter each further slot belongs to; an empty name where it is not a parameter."""

    def __init__(self) -> None:
        self._params: dict[str, Array] = {}
        self._grads: dict[str, Array] = {}
        self._buffers: dict[str, Array] = {}
        self._pullback: Pullback | None = None
        self._wanted: dict[bool, tuple[bool, ...]] = {}
        self.training = True

    # The passes.

    def forward(self, *inputs: Any) -> Any:
        """Return the layer's value, and keep what `backward` needs."""
        raise NotImplementedError(f"{type(self).__name__}.forward")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Call `forward`; inputs may also be given under PyTorch's names, where ``x`` is called ``input``."""
        if not named:
            return self.forward(*inputs)
        return self.forward(*inputs, **{_OF_PYTORCH.get(name, name): given for name, given in named.items()})

    def backward(self, *cotangents: Any, needs_input_grad: bool = True) -> Any:
        """Turn the cotangent of the last value into those of its inputs, and file the parameters' in `grads`.

        Parameters
        ----------
        *cotangents : ndarray
            One for each output, of its shape and dtype. A loss takes 1 where none is given.
        needs_input_grad : bool, default True
            False leaves out what only the layers before this one would use; the first layer of a network
            has none.

        Returns
        -------
        ndarray, tuple of ndarray or None
            The cotangent of the input; a tuple in the order of `forward` for several inputs; None where
            `needs_input_grad` is False.

        Raises
        ------
        RuntimeError
            `forward` has not been called.
        """
        if self._pullback is None:
            raise RuntimeError(f"{type(self).__name__}.backward: forward must be called first")
        wanted = self._wanted or self._find_wanted()
        slots = self._pullback(*cotangents, needs_input_grad=wanted[needs_input_grad])
        inputs = self._inputs
        if self._params:
            for name, gradient in zip(self._slots, slots[inputs:], strict=True):
                if gradient is not None:
                    self._grads[name] = gradient
        return slots[0] if inputs == 1 else slots[:inputs]

    def _find_wanted(self) -> dict[bool, tuple[bool, ...]]:
        """Return, and keep, the pullback's needs_input_grad for both values of `backward`'s.

        Kept because for a small network finding it anew takes as long as the mathematics.
        """
        parameters = tuple(name in self._params for name in self._slots)
        self._wanted = {needed: (needed,) * self._inputs + parameters for needed in (False, True)}
        return self._wanted

    def _keep(self, call: tuple[Any, Pullback]) -> Any:
        """Keep the pullback of a function's result, return its value."""
        value, self._pullback = call
        return value

    # State.

    @property
    def children(self) -> dict[str, Layer]:
        """The layers this one is made of, by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Layer)}

    @property
    def params(self) -> dict[str, Array]:
        """The parameters; those of the layers within with their names before."""
        return self._merged("params")

    @property
    def grads(self) -> dict[str, Array]:
        """The parameters' gradients, as the last `backward` left them."""
        return self._merged("grads")

    @property
    def buffers(self) -> dict[str, Array]:
        """State that is not learned."""
        return self._merged("buffers")

    def _merged(self, kind: str) -> dict[str, Array]:
        own: dict[str, Array] = getattr(self, f"_{kind}")
        children = self.children
        if not children:
            return own
        return _Flat(own, {name: child._merged(kind) for name, child in children.items()})

    def train(self, mode: bool = True) -> Layer:
        """Set training mode (or evaluation mode for False), here and in every layer within."""
        self.training = mode
        for child in self.children.values():
            child.train(mode)
        return self

    def eval(self) -> Layer:
        """Set evaluation mode, here and in every layer within."""
        return self.train(False)

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers, keyed and ordered as in PyTorch."""
        state = {name: array.copy() for name, array in (*self._params.items(), *self._buffers.items())}
        for prefix, child in self.children.items():
            state.update({f"{prefix}.{name}": array for name, array in child.state_dict().items()})
        return state

    def load_state_dict(self, state_dict: Mapping[str, Array], strict: bool = True) -> IncompatibleKeys:
        """Copy a `state_dict` into the parameters and buffers; all of it or, on an error, nothing.

        Parameters
        ----------
        state_dict : mapping of str to ndarray
            A PyTorch network's too: ``{k: v.numpy() for k, v in torch_net.state_dict().items()}``.
        strict : bool, default True
            Whether keys that are missing or not known are an error.

        Returns
        -------
        IncompatibleKeys
            The keys that were missing and those that were not known.

        Raises
        ------
        ValueError
            The keys do not fit (where `strict`), or a shape does not.
        TypeError
            A value is not an array.
        """
        function = f"{type(self).__name__}.load_state_dict"
        own = {**self.params, **self.buffers}
        missing = [key for key in own if key not in state_dict]
        unexpected = [key for key in state_dict if key not in own]
        if strict and (missing or unexpected):
            raise refuse(function, "the keys must be the layer's own", missing=missing, unexpected=unexpected)
        fitting = {key: value for key, value in state_dict.items() if key in own}
        for key, value in fitting.items():
            if not isinstance(value, np.ndarray):
                raise refuse_type(
                    function, f"{key} must be a NumPy array", **{f"type of {key}": type(value).__name__}
                )
            if value.shape != own[key].shape:
                raise refuse(function, f"{key} must have the shape {own[key].shape}", **{key: value})
        for key, value in fitting.items():
            own[key][...] = value
        return IncompatibleKeys(missing, unexpected)

    # What it prints as.

    def extra_repr(self) -> str:
        """Return the constructor's arguments as PyTorch prints them; "" for a layer that has none to show."""
        return ""

    def __repr__(self) -> str:
        name, extra, children = type(self).__name__, self.extra_repr(), self.children
        if not children and "\n" not in extra:
            return f"{name}({extra})"
        lines = extra.split("\n") if extra else []
        for key, child in children.items():
            lines += f"({key}): {child!r}".split("\n")
        return "\n  ".join([f"{name}(", *lines]) + "\n)"


class _Flat(dict[str, "Array"]):
    """The arrays of a layer and of those within, in one dict; what is assigned reaches its own layer."""

    def __init__(self, own: dict[str, Array], children: dict[str, dict[str, Array]]) -> None:
        super().__init__(own)
        self._own, self._children = own, children
        # By update, not through __setitem__, which would hand each array to the layer it comes from.
        for prefix, arrays in children.items():
            if arrays:
                self.update({f"{prefix}.{name}": array for name, array in arrays.items()})

    def __setitem__(self, key: str, array: Array) -> None:
        super().__setitem__(key, array)
        prefix, dot, name = key.partition(".")
        if dot and prefix in self._children:
            self._children[prefix][name] = array
        else:
            self._own[key] = array
