"""Normalisation layers: functions of `scratchnet.functional` with their statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_integer, check_number, refuse
from ._layer import Layer

if TYPE_CHECKING:
    import numpy.typing as npt

    from .._types import Array


class _BatchNorm(Layer):
    """What the batch normalisations share: all but the ranks they take."""

    _slots: ClassVar[tuple[str, ...]] = ("", "", "weight", "bias")
    _ranks: ClassVar[tuple[int, ...]] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.num_features = check_integer(name, "num_features", num_features, minimum=0)
        check_number(name, "eps", eps, minimum=0)
        if momentum is not None:
            check_number(name, "momentum", momentum, minimum=-float("inf"))
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self._params["weight"] = np.ones(num_features, dtype)
        if affine and bias:
            self._params["bias"] = np.zeros(num_features, dtype)
        if track_running_stats:
            self._buffers["running_mean"] = np.zeros(num_features, dtype)
            self._buffers["running_var"] = np.ones(num_features, dtype)
            self._buffers["num_batches_tracked"] = np.array(0, np.int64)

    def forward(self, x: Array) -> Array:
        """Return x normalised; in training mode by its own statistics, which also move the running ones."""
        if isinstance(x, np.ndarray) and x.ndim not in self._ranks:
            ranks = " or ".join(f"{rank}-d" for rank in self._ranks)
            raise refuse(type(self).__name__, f"x must be {ranks}", x=x)
        if isinstance(x, np.ndarray) and x.shape[1] != self.num_features:
            raise refuse(
                type(self).__name__, f"x must have {self.num_features} channels on its second axis", x=x
            )
        buffers, params = self._buffers, self._params
        moving = self.training and self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        if moving and self.momentum is None:
            # A cumulative average: the n-th batch weighs 1/n.
            momentum = 1.0 / (float(buffers["num_batches_tracked"]) + 1.0)
        y, pullback, (mean, var) = F.batch_norm(
            x,
            buffers.get("running_mean"),
            buffers.get("running_var"),
            params.get("weight"),
            params.get("bias"),
            training=self.training or not self.track_running_stats,
            momentum=momentum,
            eps=self.eps,
        )
        if moving and mean is not None and var is not None:
            buffers["running_mean"], buffers["running_var"] = mean, var
            buffers["num_batches_tracked"] = np.array(buffers["num_batches_tracked"] + 1, np.int64)
        self._pullback = pullback
        return y

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={'bias' in self._params}, track_running_stats={self.track_running_stats}"
        )


_PARAMETERS = """
    Parameters
    ----------
    num_features : int
        C, the number of channels.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        The weight of a new batch in the running statistics; None averages over all batches.
    affine : bool, default True
        Whether a weight and a bias a channel are learned.
    track_running_stats : bool, default True
        Whether there are running statistics, used in evaluation mode; without them the batch's always are.
    dtype : dtype, default float32
    bias : bool, default True
        Whether `affine` includes the bias.

    Attributes
    ----------
    params : dict
        ``weight`` and ``bias``, shape (C,), at first 1 and 0.
    buffers : dict
        ``running_mean``, ``running_var``, shape (C,), at first 0 and 1, and ``num_batches_tracked``.

    Raises
    ------
    TypeError, ValueError
        A setting is out of range; `forward` is given another rank or number of channels.
"""


class BatchNorm1d(_BatchNorm):
    __doc__ = f"""Batch normalisation of (N, C) or (N, C, L): `scratchnet.functional.batch_norm`.
{_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.BatchNorm1d(1, dtype=np.float64)
    >>> layer(np.array([[1.0], [3.0]])).round(3).tolist()
    [[-1.0], [1.0]]
    >>> layer.buffers["running_mean"].tolist()
    [0.2]
    """
    _ranks: ClassVar[tuple[int, ...]] = (2, 3)


class BatchNorm2d(_BatchNorm):
    __doc__ = f"""Batch normalisation of (N, C, H, W): `scratchnet.functional.batch_norm`.
{_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.BatchNorm2d(3)(np.ones((2, 3, 4, 4), np.float32)).shape
    (2, 3, 4, 4)
    """
    _ranks: ClassVar[tuple[int, ...]] = (4,)


class BatchNorm3d(_BatchNorm):
    __doc__ = f"""Batch normalisation of (N, C, D, H, W): `scratchnet.functional.batch_norm`.
{_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.BatchNorm3d(3)(np.ones((2, 3, 2, 2, 2), np.float32)).shape
    (2, 3, 2, 2, 2)
    """
    _ranks: ClassVar[tuple[int, ...]] = (5,)
