"""PyTorch's autograd, on the operation's twin in torch.nn.functional.

Everything is local: no default dtype, device, thread count or random state of PyTorch is touched.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalogue import operation_of
from .protocol import OracleAbsent

if TYPE_CHECKING:
    from .._types import Array, Cotangents, Outputs
    from ..case import Case
    from ..catalogue.protocol import Operation


class PyTorch:
    """Forward and vector-Jacobian product by torch.autograd, in the dtype of the case.

    Parameters
    ----------
    entry : Operation, optional
        The entry whose twin is called; where it is not given, the catalogue's for the case's operation.
    """

    name = "torch"

    def __init__(self, entry: Operation | None = None) -> None:
        self._torch = import_torch()
        self._entry = entry

    @property
    def version(self) -> str:
        """PyTorch's version, for the report's header."""
        return str(self._torch.__version__)

    def unable(self, case: Case) -> str | None:
        """Return why it cannot judge this call, or None."""
        entry = self._entry or operation_of(case)
        if entry.twin is None:
            return f"{entry.name} has no twin in torch"
        return entry.torch_cannot(case)

    def forward(self, case: Case) -> Outputs:
        """Return the twin's outputs as fresh arrays."""
        torch = self._torch
        with torch.no_grad():
            return tuple(_to_numpy(y) for y in self.call(case, self._tensors(case)))

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Return what autograd computes; zeros where an argument does not reach the outputs."""
        torch = self._torch
        tensors = self._tensors(case)
        wanted = [name for name in case.differentiable if tensors.get(name) is not None]
        for name in wanted:
            tensors[name].requires_grad_()
        with torch.enable_grad():
            outputs = self.call(case, tensors)[: len(case.outputs)]
            tangents = [self._tensor(dy) for dy in cotangents]
            grads = gradients(torch, outputs, tangents, [tensors[name] for name in wanted])
        by_name = dict(zip(wanted, grads, strict=True))
        return tuple(
            None
            if name not in by_name
            else np.zeros_like(case[name])
            if by_name[name] is None
            else _to_numpy(by_name[name])
            for name in case.arrays
        )

    def _tensor(self, array: Array) -> Any:
        # A fresh C-ordered copy: PyTorch takes no negative strides, and must not share our memory.
        return self._torch.from_numpy(np.array(array, order="C", copy=True))

    def _tensors(self, case: Case) -> dict[str, Any]:
        return {name: None if a is None else self._tensor(a) for name, a in case.arrays.items()}

    def call(self, case: Case, tensors: dict[str, Any]) -> tuple[Any, ...]:
        """Return the twin's outputs for these tensors, the call's arrays by name, with its options."""
        entry = self._entry or operation_of(case)
        first, *others = tensors
        arguments: dict[str, Any] = {name: tensors[name] for name in others} | dict(case.options)
        twin = entry.twin
        with warnings.catch_warnings():  # of its performance, or of what is deprecated there
            warnings.simplefilter("ignore")
            if callable(twin):
                value = twin(self._torch, tensors[first], **arguments)
            else:
                function: Any = self._torch
                for part in (twin or "").removeprefix("torch.").split("."):
                    function = getattr(function, part)
                # Our first argument is `x`, PyTorch's is `input`: by position. The others have PyTorch's
                # names.
                value = function(tensors[first], **{k: v for k, v in arguments.items() if v is not None})
        return value if isinstance(value, tuple) else (value,)


def gradients(torch: Any, outputs: Any, tangents: Any, inputs: list[Any]) -> tuple[Any, ...]:
    """Return the vector-Jacobian product for each of the inputs; None for one that no output depends on.

    It is the gradient of the sum of y times dy, to the last bit: dy is multiplied by 1 alone. Handed the
    tangents themselves, torch.autograd.grad would import SymPy, which takes half a second.
    """
    total: Any = 0
    for y, dy in zip(outputs, tangents, strict=True):
        if y.shape != dy.shape:
            raise ValueError(f"a cotangent has shape {tuple(dy.shape)}, its output {tuple(y.shape)}")
        if y.requires_grad:
            total = total + (y * dy).sum()
    if isinstance(total, int):
        return (None,) * len(inputs)
    found: tuple[Any, ...] = torch.autograd.grad(total, inputs, allow_unused=True)
    return found


def _to_numpy(tensor: Any) -> Array:
    array: Array = np.array(tensor.detach().numpy(), copy=True)
    return array


def import_torch() -> Any:
    """Return PyTorch; a package that merely calls itself torch is not taken for it.

    Raises
    ------
    OracleAbsent
        It is not installed, does not import, or cannot differentiate ``x * x``.
    """
    try:
        import torch
    except Exception as error:  # a broken install raises whatever it likes
        raise OracleAbsent(f"PyTorch cannot be imported: {error}") from error
    try:
        with torch.enable_grad():
            x = torch.tensor([3.0], dtype=torch.float64, requires_grad=True)
            (dx,) = torch.autograd.grad((x * x).sum(), x)
        right = dx.tolist() == [6.0] and callable(torch.nn.functional.linear) and bool(torch.__version__)
    except Exception as error:
        raise OracleAbsent(f"the installed package named torch is not PyTorch: {error}") from error
    if not right:
        raise OracleAbsent("the installed package named torch is not PyTorch")
    return torch
