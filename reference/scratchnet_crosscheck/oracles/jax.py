"""JAX's vjp, on the operation's twin in jax.nn, jax.lax and jax.numpy. Public names only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..catalogue import operation_of
from .protocol import OracleAbsent

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from .._types import Cotangents, Outputs
    from ..case import Case
    from ..catalogue.protocol import Operation


class Jax:
    """Forward and vector-Jacobian product by jax.vjp, in the dtype of the case.

    Parameters
    ----------
    entry : Operation, optional
        The entry whose twin is called; where it is not given, the catalogue's for the case's operation.
    """

    name = "jax"

    def __init__(self, entry: Operation | None = None) -> None:
        self._jax = import_jax()
        self._entry = entry

    @property
    def version(self) -> str:
        """JAX's version, for the report's header."""
        return str(self._jax.__version__)

    def unable(self, case: Case) -> str | None:
        """Return why it cannot judge this call, or None."""
        entry = self._entry or operation_of(case)
        if entry.jax is None:
            return f"{entry.name} has no twin in jax"
        if case.extras:
            return "returns state, which the twin in jax does not"
        return entry.jax_cannot(case)

    def forward(self, case: Case) -> Outputs:
        """Return the twin's outputs as fresh arrays."""
        with self._double_precision():
            function, values = self._closed(case)
            return tuple(np.array(y, copy=True) for y in function(*values))

    def vjp(self, case: Case, cotangents: Outputs) -> Cotangents:
        """Return what jax.vjp computes."""
        with self._double_precision():
            function, values = self._closed(case)
            _, pull = self._jax.vjp(function, *values)
            grads = pull(tuple(self._jax.numpy.asarray(np.array(dy, copy=True)) for dy in cotangents))
            by_name = dict(zip(case.differentiable, grads, strict=True))
            return tuple(
                np.array(by_name[name], copy=True) if name in by_name else None for name in case.arrays
            )

    def _closed(self, case: Case) -> tuple[Callable[..., tuple[Any, ...]], list[Any]]:
        entry = self._entry or operation_of(case)
        fixed = {
            name: self._jax.numpy.asarray(np.array(array, copy=True)) for name, array in case.given.items()
        }
        absent = {name: None for name, array in case.arrays.items() if array is None}
        options = dict(case.options)
        twin = entry.jax

        def function(*values: Any) -> tuple[Any, ...]:
            arrays = {**absent, **fixed, **dict(zip(case.differentiable, values, strict=True))}
            if callable(twin):
                value = twin(self._jax, **arrays, **options)
            else:
                found: Any = self._jax
                for part in (twin or "").removeprefix("jax.").split("."):
                    found = getattr(found, part)
                first, *others = case.arrays
                named = {n: arrays[n] for n in others}
                renamed = {("axis" if k == "dim" else k): v for k, v in options.items()}
                value = found(arrays[first], **named, **renamed)
            return value if isinstance(value, tuple) else (value,)

        return function, [fixed[name] for name in case.differentiable]

    def _double_precision(self) -> AbstractContextManager[object]:
        """Return the context in which float64 stays float64; its name moved between JAX's versions."""
        switch = getattr(self._jax, "enable_x64", None)
        if not callable(switch):
            import jax.experimental

            switch = jax.experimental.enable_x64
        context: AbstractContextManager[object] = switch(True)
        return context


def import_jax() -> Any:
    """Return JAX; raise `OracleAbsent` where it is not installed or is something else."""
    try:
        import jax
        import jax.numpy
    except Exception as error:
        raise OracleAbsent(f"JAX cannot be imported: {error}") from error
    try:
        right = float(jax.grad(lambda x: x * x)(3.0)) == 6.0
    except Exception as error:
        raise OracleAbsent(f"the installed package named jax is not JAX: {error}") from error
    if not right:
        raise OracleAbsent("the installed package named jax is not JAX")
    return jax
