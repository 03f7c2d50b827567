"""Dropout layers: functions of `scratchnet.functional` with a generator of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from .._check import check_generator, check_number, refuse
from ._layer import Layer

if TYPE_CHECKING:
    import numpy as np

    from .._types import Array


class Dropout(Layer):
    """Leave out elements at random while training: `scratchnet.functional.dropout`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability of an element to be dropped.
    inplace : bool, default False
        Only False: a layer never writes to what it is given.
    generator : numpy.random.Generator, optional
        The source of the masks; a freshly seeded one by default.

    Raises
    ------
    TypeError, ValueError
        `p` is no number in [0, 1]; `inplace` is True; `generator` is no Generator.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Dropout(0.5, generator=np.random.default_rng(0))
    >>> layer(np.ones(6)).tolist()
    [2.0, 2.0, 2.0, 0.0, 0.0, 0.0]
    >>> layer.eval()(np.ones(2)).tolist()
    [1.0, 1.0]
    """

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: np.random.Generator | None = None
    ) -> None:
        super().__init__()
        check_number("Dropout", "p", p, minimum=0, maximum=1)
        self.p = p
        if inplace:
            raise refuse(
                "Dropout", "inplace must be False, since what is given is never written to", inplace=inplace
            )
        self.generator = check_generator("Dropout", generator)

    def forward(self, x: Array) -> Array:
        """Return x with elements dropped and the others scaled; in evaluation mode a copy of x."""
        y: Array = self._keep(F.dropout(x, self.p, self.training, self.generator))
        return y

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace=False"
