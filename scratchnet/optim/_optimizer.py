"""What every optimizer is: parameters it updates in place, and its state beside each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._check import check_float_array, check_number, refuse, refuse_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .._types import Array


class Optimizer:
    """Update parameters in place from their gradients.

    Parameters
    ----------
    params : mapping of str to ndarray
        What to update: ``net.params`` of a layer, or any dict of float arrays. The arrays themselves are
        kept: one that is later replaced in its layer is no longer the one updated.
    lr : float
        The learning rate; may be assigned between steps.

    Raises
    ------
    TypeError, ValueError
        A parameter is not a writable array of floats; a setting is out of range.
    """

    def __init__(self, params: Mapping[str, Array], lr: float, weight_decay: float, maximize: bool) -> None:
        function = type(self).__name__
        self.params = dict(params)
        for name, value in self.params.items():
            check_float_array(function, f"params[{name!r}]", value)
            if not value.flags.writeable:
                raise refuse(function, f"params[{name!r}] must be writable, since it is updated in place")
        self.lr = check_number(function, "lr", lr, minimum=0.0)
        self.weight_decay = check_number(function, "weight_decay", weight_decay, minimum=0.0)
        self.maximize = maximize
        # One scratch array a parameter: a step then allocates nothing.
        self._scratch = {name: np.empty_like(value) for name, value in self.params.items()}

    def step(self, grads: Mapping[str, Array]) -> None:
        """Update every parameter that has a gradient.

        Parameters
        ----------
        grads : mapping of str to ndarray
            The gradients by the parameters' names, as ``net.grads`` has them; they are not written to. A
            parameter without one stays as it is, as in PyTorch.

        Raises
        ------
        ValueError
            A name is not a parameter's, or a shape is not its parameter's. Nothing is then updated.
        TypeError
            A gradient is not an array of its parameter's dtype. Nothing is then updated.
        """
        params = self.params
        for name, gradient in grads.items():
            parameter = params.get(name)
            if parameter is None:
                raise refuse(f"{type(self).__name__}.step", "every gradient must be a parameter's", name=name)
            if not isinstance(gradient, np.ndarray) or gradient.dtype != parameter.dtype:
                raise refuse_type(
                    f"{type(self).__name__}.step",
                    f"grads[{name!r}] must be an array of its parameter's dtype {parameter.dtype}",
                    gradient=gradient,
                )
            if gradient.shape != parameter.shape:
                raise refuse(
                    f"{type(self).__name__}.step",
                    f"grads[{name!r}] must have its parameter's shape {parameter.shape}",
                    gradient=gradient,
                )
        self._begin_step()
        for name, gradient in grads.items():
            self._update(name, params[name], self._decayed(params[name], gradient), self._scratch[name])

    def _begin_step(self) -> None:
        """Do what is done once a step."""

    def _decayed(self, parameter: Array, gradient: Array) -> Array:
        """Apply the weight decay; return the gradient to step by."""
        if self.maximize:
            gradient = np.negative(gradient)
        if self.weight_decay != 0.0:
            gradient = gradient + self.weight_decay * parameter
        return gradient

    def _update(self, name: str, parameter: Array, gradient: Array, scratch: Array) -> None:
        """Update one parameter in place; `scratch` has its shape and may be written to, `gradient` not."""
        raise NotImplementedError
