"""Dropout layers: functions of `scratchnet.functional` with a generator of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from .._check import check_generator, check_number
from ._inplace import refuse_inplace
from ._layer import Layer

if TYPE_CHECKING:
    import numpy as np

    from .._types import Array


class _Dropout(Layer):
    """What all dropout layers share: all but which function they are shells of."""

    def __init__(
        self, p: float = 0.5, inplace: bool = False, *, generator: np.random.Generator | None = None
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_number(name, "p", p, minimum=0, maximum=1)
        self.p = p
        refuse_inplace(name, inplace)
        self.generator = check_generator(name, generator)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace=False"


class Dropout(_Dropout):
    """Leave out elements at random while training: `scratchnet.functional.dropout`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability to be dropped.
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

    def forward(self, x: Array) -> Array:
        """Return x (any shape) with some dropped; in evaluation mode a copy of x."""
        y: Array = self._keep(F.dropout(x, self.p, self.training, self.generator))
        return y


class Dropout1d(_Dropout):
    """Leave out whole channels at random while training: `scratchnet.functional.dropout1d`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability to be dropped.
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
    >>> layer = nn.Dropout1d(0.5, generator=np.random.default_rng(0))
    >>> layer(np.ones((1, 4, 1))).ravel().tolist()
    [2.0, 2.0, 2.0, 0.0]
    >>> layer.eval()(np.ones((1, 4, 1))).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def forward(self, x: Array) -> Array:
        """Return x ((N, C, L) or (C, L)) with some dropped; in evaluation mode a copy of x."""
        y: Array = self._keep(F.dropout1d(x, self.p, self.training, self.generator))
        return y


class Dropout2d(_Dropout):
    """Leave out whole channels at random while training: `scratchnet.functional.dropout2d`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability to be dropped.
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
    >>> layer = nn.Dropout2d(0.5, generator=np.random.default_rng(0))
    >>> layer(np.ones((1, 4, 1, 1))).ravel().tolist()
    [2.0, 2.0, 2.0, 0.0]
    >>> layer.eval()(np.ones((1, 4, 1, 1))).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def forward(self, x: Array) -> Array:
        """Return x ((N, C, H, W)) with some dropped; in evaluation mode a copy of x."""
        y: Array = self._keep(F.dropout2d(x, self.p, self.training, self.generator))
        return y


class Dropout3d(_Dropout):
    """Leave out whole channels at random while training: `scratchnet.functional.dropout3d`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability to be dropped.
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
    >>> layer = nn.Dropout3d(0.5, generator=np.random.default_rng(0))
    >>> layer(np.ones((1, 4, 1, 1, 1))).ravel().tolist()
    [2.0, 2.0, 2.0, 0.0]
    >>> layer.eval()(np.ones((1, 4, 1, 1, 1))).ravel().tolist()
    [1.0, 1.0, 1.0, 1.0]
    """

    def forward(self, x: Array) -> Array:
        """Return x ((N, C, D, H, W) or (C, D, H, W)) with some dropped; in evaluation mode a copy of x."""
        y: Array = self._keep(F.dropout3d(x, self.p, self.training, self.generator))
        return y


class AlphaDropout(_Dropout):
    """Put elements at the limit of SELU at random while training: `scratchnet.functional.alpha_dropout`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability to be dropped.
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
    >>> layer = nn.AlphaDropout(0.5, generator=np.random.default_rng(0))
    >>> layer(np.ones((1, 4))).round(4).tolist()
    [[1.6656, 1.6656, 1.6656, -0.7792]]
    >>> layer.eval()(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    def forward(self, x: Array) -> Array:
        """Return x (any shape) with some dropped; in evaluation mode a copy of x."""
        y: Array = self._keep(F.alpha_dropout(x, self.p, self.training, self.generator))
        return y


class FeatureAlphaDropout(_Dropout):
    """Put channels at the limit of SELU while training: `scratchnet.functional.feature_alpha_dropout`.

    Parameters
    ----------
    p : float in [0, 1], default 0.5
        The probability to be dropped.
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
    >>> layer = nn.FeatureAlphaDropout(0.5, generator=np.random.default_rng(0))
    >>> layer(np.ones((1, 4))).round(4).tolist()
    [[1.6656, 1.6656, 1.6656, -0.7792]]
    >>> layer.eval()(np.ones((1, 2))).tolist()
    [[1.0, 1.0]]
    """

    def forward(self, x: Array) -> Array:
        """Return x ((N, C, *)) with some dropped; in evaluation mode a copy of x."""
        y: Array = self._keep(F.feature_alpha_dropout(x, self.p, self.training, self.generator))
        return y
