"""The argument `inplace` of PyTorch's layers."""

from __future__ import annotations

from .._check import refuse


def refuse_inplace(layer: str, inplace: bool) -> None:
    """Refuse ``inplace=True``: a layer never writes to what it is given."""
    if inplace:
        raise refuse(layer, "inplace must be False, since what is given is never written to", inplace=inplace)
