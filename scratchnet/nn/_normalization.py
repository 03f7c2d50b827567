"""Normalisation layers: functions of `scratchnet.functional` with their parameters and statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from .. import functional as F
from .._check import check_float_dtype, check_integer, check_number, refuse, refuse_type
from ._layer import Layer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from .._types import Array, Cotangents, Pullback


class _ChannelNorm(Layer):
    """What batch and instance normalisation share: their state, and which ranks they take."""

    _slots: ClassVar[tuple[str, ...]] = ("", "", "weight", "bias")
    _ranks: ClassVar[tuple[int, ...]] = ()

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        dtype: npt.DTypeLike,
        bias: bool,
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
        self._params.update(_weight_and_bias(name, num_features, affine, affine and bias, dtype))
        if track_running_stats:
            self._buffers["running_mean"] = np.zeros(num_features, dtype)
            self._buffers["running_var"] = np.ones(num_features, dtype)
            self._buffers["num_batches_tracked"] = np.array(0, np.int64)

    def _check_input(self, x: Array, channels: int) -> None:
        """Require one of the ranks, and the layer's number of channels where anything depends on it."""
        if not isinstance(x, np.ndarray):
            return  # the function says so
        if x.ndim not in self._ranks:
            ranks = " or ".join(f"{rank}-d" for rank in self._ranks)
            raise refuse(type(self).__name__, f"x must be {ranks}", x=x)
        if (self._params or self._buffers) and x.shape[channels] != self.num_features:
            raise refuse(
                type(self).__name__,
                f"x must have num_features={self.num_features} channels on axis {channels}",
                x=x,
            )

    def extra_repr(self) -> str:
        """Return the constructor's arguments as PyTorch prints them."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={'bias' in self._params}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    """What the batch normalisations share: all but the ranks they take."""

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
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, x: Array) -> Array:
        """Return x normalised; in training mode by its own statistics, which also move the running ones."""
        self._check_input(x, 1)
        buffers, params = self._buffers, self._params
        moving = self.training and bool(buffers)
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
            training=self.training or not buffers,
            momentum=momentum,
            eps=self.eps,
        )
        if moving and mean is not None and var is not None:
            buffers["running_mean"], buffers["running_var"] = mean, var
            buffers["num_batches_tracked"] = np.array(buffers["num_batches_tracked"] + 1, np.int64)
        self._pullback = pullback
        return y


class _InstanceNorm(_ChannelNorm):
    """What the instance normalisations share: all but the ranks they take, the first without a batch axis."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        dtype: npt.DTypeLike = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype, bias)

    def forward(self, x: Array) -> Array:
        """Return x normalised: by each sample's statistics, or by the running ones in evaluation mode."""
        single = isinstance(x, np.ndarray) and x.ndim == self._ranks[0]
        self._check_input(x, 0 if single else 1)
        buffers, params = self._buffers, self._params
        y, pullback, (mean, var) = F.instance_norm(
            x[None] if single else x,
            buffers.get("running_mean"),
            buffers.get("running_var"),
            params.get("weight"),
            params.get("bias"),
            use_input_stats=self.training or not buffers,
            momentum=0.0 if self.momentum is None else self.momentum,
            eps=self.eps,
        )
        if self.training and mean is not None and var is not None:
            buffers["running_mean"], buffers["running_var"] = mean, var
        self._pullback = _of_one_sample(pullback) if single else pullback
        return y[0] if single else y


def _of_one_sample(pullback: Pullback) -> Pullback:
    """Return the pullback of a function of one sample from that of a function of a batch of one."""

    def of_one(dy: Array, needs_input_grad: tuple[bool, ...]) -> Cotangents:
        batch = dy[None] if isinstance(dy, np.ndarray) else dy
        dx, *others = pullback(batch, needs_input_grad)
        return None if dx is None else dx[0], *others

    return of_one


def _weight_and_bias(
    function: str, shape: int | tuple[int, ...], weight: bool, bias: bool, dtype: npt.DTypeLike
) -> dict[str, Array]:
    """Return the parameters that are learned: a weight of ones, a bias of zeros."""
    dtype = check_float_dtype(function, dtype)
    found: dict[str, Array] = {}
    if weight:
        found["weight"] = np.ones(shape, dtype)
    if bias:
        found["bias"] = np.zeros(shape, dtype)
    return found


_BATCH_PARAMETERS = """
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
        Of the parameters, and so of what `forward` takes and returns.
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

_INSTANCE_PARAMETERS = """
    One sample may come without its batch axis.

    Parameters
    ----------
    num_features : int
        C, the number of channels. Without parameters and statistics any number is taken.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        The weight of a new batch in the running statistics; None leaves them as they are.
    affine : bool, default False
        Whether a weight and a bias a channel are learned.
    track_running_stats : bool, default False
        Whether there are running statistics, used in evaluation mode; without them each sample's always are.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    bias : bool, default True
        Whether `affine` includes the bias.

    Attributes
    ----------
    params : dict
        ``weight`` and ``bias``, shape (C,), at first 1 and 0, where `affine`.
    buffers : dict
        ``running_mean``, ``running_var``, shape (C,), at first 0 and 1, and ``num_batches_tracked``, which
        stays 0 as in PyTorch, where `track_running_stats`.

    Raises
    ------
    TypeError, ValueError
        A setting is out of range; `forward` is given another rank or number of channels.
"""


class BatchNorm1d(_BatchNorm):
    __doc__ = f"""Batch normalisation of (N, C) or (N, C, L): `scratchnet.functional.batch_norm`.
{_BATCH_PARAMETERS}
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
{_BATCH_PARAMETERS}
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
{_BATCH_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.BatchNorm3d(3)(np.ones((2, 3, 2, 2, 2), np.float32)).shape
    (2, 3, 2, 2, 2)
    """
    _ranks: ClassVar[tuple[int, ...]] = (5,)


class InstanceNorm1d(_InstanceNorm):
    __doc__ = f"""Instance normalisation of (N, C, L): `scratchnet.functional.instance_norm`.
{_INSTANCE_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.InstanceNorm1d(1, eps=0.0)(np.array([[1.0, 3.0]])).tolist()
    [[-1.0, 1.0]]
    """
    _ranks: ClassVar[tuple[int, ...]] = (2, 3)


class InstanceNorm2d(_InstanceNorm):
    __doc__ = f"""Instance normalisation of (N, C, H, W): `scratchnet.functional.instance_norm`.
{_INSTANCE_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.InstanceNorm2d(3, affine=True)(np.ones((2, 3, 4, 4), np.float32)).shape
    (2, 3, 4, 4)
    """
    _ranks: ClassVar[tuple[int, ...]] = (3, 4)


class InstanceNorm3d(_InstanceNorm):
    __doc__ = f"""Instance normalisation of (N, C, D, H, W): `scratchnet.functional.instance_norm`.
{_INSTANCE_PARAMETERS}
    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> nn.InstanceNorm3d(3)(np.ones((2, 3, 2, 2, 2), np.float32)).shape
    (2, 3, 2, 2, 2)
    """
    _ranks: ClassVar[tuple[int, ...]] = (4, 5)


class GroupNorm(Layer):
    """Group normalisation of (N, C, *): `scratchnet.functional.group_norm`.

    Parameters
    ----------
    num_groups : int
        G, into which the channels are divided.
    num_channels : int
        C, the number of channels.
    eps : float, default 1e-5
        Added to the variance.
    affine : bool, default True
        Whether a weight and a bias a channel are learned.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.
    bias : bool, default True
        Whether `affine` includes the bias.

    Attributes
    ----------
    params : dict
        ``weight`` and ``bias``, shape (C,), at first 1 and 0.

    Raises
    ------
    TypeError, ValueError
        A setting is out of range, or `num_groups` does not divide `num_channels`; `forward` is given an array
        without channels, or of another number where they have parameters.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.GroupNorm(2, 4, eps=0.0, dtype=np.float64)
    >>> layer(np.array([[1.0, 3.0, 10.0, 30.0]])).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_groups = check_integer("GroupNorm", "num_groups", num_groups, minimum=1)
        self.num_channels = check_integer("GroupNorm", "num_channels", num_channels, minimum=0)
        if num_channels % num_groups:
            raise refuse(
                "GroupNorm", "num_groups must divide num_channels", num_groups=num_groups,
                num_channels=num_channels,
            )  # fmt: skip
        check_number("GroupNorm", "eps", eps, minimum=0)
        self.eps = eps
        self.affine = affine
        self._params.update(_weight_and_bias("GroupNorm", num_channels, affine, affine and bias, dtype))

    def forward(self, x: Array) -> Array:
        """Return x with each group of channels of each sample normalised."""
        params = self._params
        y: Array = self._keep(
            F.group_norm(x, self.num_groups, params.get("weight"), params.get("bias"), self.eps)
        )
        return y

    def extra_repr(self) -> str:
        """Return the constructor's arguments as PyTorch prints them."""
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={'bias' in self._params}"
        )


class LayerNorm(Layer):
    """Layer normalisation of (*, *normalized_shape): `scratchnet.functional.layer_norm`.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The last sides of what is normalised, over which the mean is taken.
    eps : float, default 1e-5
        Added to the variance.
    elementwise_affine : bool, default True
        Whether a weight and a bias a feature are learned.
    bias : bool, default True
        Whether `elementwise_affine` includes the bias.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.

    Attributes
    ----------
    params : dict
        ``weight`` and ``bias``, shape `normalized_shape`, at first 1 and 0.

    Raises
    ------
    TypeError, ValueError
        A setting is out of range; the shape of what `forward` is given does not end with `normalized_shape`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.LayerNorm(2, eps=0.0, dtype=np.float64)
    >>> layer(np.array([[1.0, 3.0], [10.0, 30.0]])).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight", "bias")

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sides("LayerNorm", normalized_shape)
        check_number("LayerNorm", "eps", eps, minimum=0)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._params.update(
            _weight_and_bias(
                "LayerNorm", self.normalized_shape, elementwise_affine, elementwise_affine and bias, dtype
            )
        )

    def forward(self, x: Array) -> Array:
        """Return x with the last axes of each sample normalised."""
        params = self._params
        y: Array = self._keep(
            F.layer_norm(x, self.normalized_shape, params.get("weight"), params.get("bias"), self.eps)
        )
        return y

    def extra_repr(self) -> str:
        """Return the constructor's arguments as PyTorch prints them."""
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={'bias' in self._params}"
        )


class RMSNorm(Layer):
    """Root mean square normalisation of (*, *normalized_shape): `scratchnet.functional.rms_norm`.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        The last sides of what is normalised, over which the mean square is taken.
    eps : float, optional
        Added to the mean square; by default the distance from 1 to the next number of x's dtype.
    elementwise_affine : bool, default True
        Whether a weight a feature is learned.
    dtype : dtype, default float32
        Of the parameters, and so of what `forward` takes and returns.

    Attributes
    ----------
    params : dict
        ``weight``, shape `normalized_shape`, at first 1.

    Raises
    ------
    TypeError, ValueError
        A setting is out of range; the shape of what `forward` is given does not end with `normalized_shape`.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.RMSNorm(2, eps=0.0, dtype=np.float64)
    >>> layer(np.array([[2.0, -2.0]])).tolist()
    [[1.0, -1.0]]
    """

    _slots: ClassVar[tuple[str, ...]] = ("weight",)

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.normalized_shape = _sides("RMSNorm", normalized_shape)
        if eps is not None:
            check_number("RMSNorm", "eps", eps, minimum=0)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._params.update(
            _weight_and_bias("RMSNorm", self.normalized_shape, elementwise_affine, False, dtype)
        )

    def forward(self, x: Array) -> Array:
        """Return x with the last axes of each sample divided by their root mean square."""
        y: Array = self._keep(
            F.rms_norm(x, self.normalized_shape, self._params.get("weight"), self.eps)
        )  # fmt: skip
        return y

    def extra_repr(self) -> str:
        """Return the constructor's arguments as PyTorch prints them."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class LocalResponseNorm(Layer):
    """Local response normalisation of (N, C, *): `scratchnet.functional.local_response_norm`.

    Parameters
    ----------
    size : int
        How many neighbouring channels are taken.
    alpha, beta, k : float, default 1e-4, 0.75 and 1
        The factor of the mean square, the exponent, and what is added.

    Raises
    ------
    TypeError, ValueError
        `size` is not a positive integer, or another argument is not a number; `forward` is given fewer than
        three axes.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.LocalResponseNorm(1, alpha=1.0, beta=0.5, k=0.0)
    >>> layer(np.array([[[3.0], [-4.0]]])).tolist()
    [[[1.0], [-1.0]]]
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = check_integer("LocalResponseNorm", "size", size, minimum=1)
        for name, value in (("alpha", alpha), ("beta", beta), ("k", k)):
            check_number("LocalResponseNorm", name, value, minimum=-float("inf"))
        self.alpha, self.beta, self.k = alpha, beta, k

    def forward(self, x: Array) -> Array:
        """Return x divided by a power of the mean square over neighbouring channels."""
        y: Array = self._keep(F.local_response_norm(x, self.size, self.alpha, self.beta, self.k))
        return y

    def extra_repr(self) -> str:
        """Return the constructor's arguments as PyTorch prints them."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _sides(function: str, normalized_shape: Any) -> tuple[int, ...]:
    """Return a shape as a tuple; a number is the only side of one."""
    if not isinstance(normalized_shape, tuple | list):
        return (check_integer(function, "normalized_shape", normalized_shape, minimum=0),)
    if not normalized_shape:
        raise refuse(function, "normalized_shape must have a side", normalized_shape=normalized_shape)
    try:
        return tuple(
            check_integer(function, "normalized_shape", side, minimum=0) for side in normalized_shape
        )
    except TypeError:
        raise refuse_type(
            function,
            "normalized_shape must be an integer or a tuple of them",
            normalized_shape=normalized_shape,
        ) from None
