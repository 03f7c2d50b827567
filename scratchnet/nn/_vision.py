"""Layers that move pixels and channels, and that resample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import functional as F
from .._check import check_number
from ._layer import Layer

if TYPE_CHECKING:
    from .._types import Array


class PixelShuffle(Layer):
    """An image r times as high and wide out of r^2 channels: `scratchnet.functional.pixel_shuffle`.

    Parameters
    ----------
    upscale_factor : int
        The factor r.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.PixelShuffle(2)
    >>> layer
    PixelShuffle(upscale_factor=2)
    >>> layer(np.ones((1, 8, 3, 4))).shape
    (1, 2, 6, 8)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, x: Array) -> Array:
        """Return x (*, C r^2, H, W) as (*, C, H r, W r)."""
        y: Array = self._keep(F.pixel_shuffle(x, self.upscale_factor))
        return y

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Layer):
    """r^2 channels out of an image r times as high and wide: `scratchnet.functional.pixel_unshuffle`.

    Parameters
    ----------
    downscale_factor : int
        The factor r.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.PixelUnshuffle(2)
    >>> layer
    PixelUnshuffle(downscale_factor=2)
    >>> layer(np.ones((1, 2, 6, 8))).shape
    (1, 8, 3, 4)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, x: Array) -> Array:
        """Return x (*, C, H r, W r) as (*, C r^2, H, W)."""
        y: Array = self._keep(F.pixel_unshuffle(x, self.downscale_factor))
        return y

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Layer):
    """The channels of all groups dealt out in turn: `scratchnet.functional.channel_shuffle`.

    Parameters
    ----------
    groups : int
        Their number.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.ChannelShuffle(2)
    >>> layer
    ChannelShuffle(groups=2)
    >>> layer(np.arange(6.0).reshape(1, 6, 1)).ravel().tolist()
    [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Array) -> Array:
        """Return x (N, C, *) with its channels in another order."""
        y: Array = self._keep(F.channel_shuffle(x, self.groups))
        return y

    def extra_repr(self) -> str:
        return f"groups={self.groups}"


class Upsample(Layer):
    """The input resampled to another size: `scratchnet.functional.interpolate`.

    Parameters
    ----------
    size : int or tuple of int, optional
        The new sides.
    scale_factor : float or tuple of float, optional
        What the sides are multiplied by; either this or `size`.
    mode : {"nearest", "linear", "bilinear", "bicubic", "trilinear"}, default "nearest"
        And what else `interpolate` knows.
    align_corners : bool, optional
        Whether the centres of the outer elements keep their places; not for the nearest.
    recompute_scale_factor : bool, optional
        Whether the scale is found from the sides anew.

    Raises
    ------
    TypeError
        `scale_factor` is not a number or a tuple of them.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.Upsample(scale_factor=2, mode="linear")
    >>> layer
    Upsample(scale_factor=2.0, mode='linear')
    >>> layer(np.array([[[1.0, 3.0]]])).tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    """

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        self.size = size
        self.scale_factor: float | tuple[float, ...] | None = None
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(check_number(name, "scale_factor", factor) for factor in scale_factor)
        elif scale_factor is not None:
            self.scale_factor = check_number(name, "scale_factor", scale_factor)
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, x: Array) -> Array:
        """Return x (N, C, *) with other sides."""
        y: Array = self._keep(
            F.interpolate(
                x, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
            )
        )
        return y

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images resampled by their nearest elements: `Upsample` with ``mode="nearest"``.

    Parameters
    ----------
    size : int or tuple of int, optional
        The new sides.
    scale_factor : float or tuple of float, optional
        What the sides are multiplied by; either this or `size`.

    Raises
    ------
    TypeError
        `scale_factor` is not a number or a tuple of them.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.UpsamplingNearest2d(scale_factor=2)
    >>> layer
    UpsamplingNearest2d(scale_factor=2.0, mode='nearest')
    >>> layer(np.array([[[[1.0, 3.0]]]])).tolist()
    [[[[1.0, 1.0, 3.0, 3.0], [1.0, 1.0, 3.0, 3.0]]]]
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images resampled with aligned corners: `Upsample` with ``mode="bilinear", align_corners=True``.

    Parameters
    ----------
    size : int or tuple of int, optional
        The new sides.
    scale_factor : float or tuple of float, optional
        What the sides are multiplied by; either this or `size`.

    Raises
    ------
    TypeError
        `scale_factor` is not a number or a tuple of them.

    Examples
    --------
    >>> import numpy as np
    >>> from scratchnet import nn
    >>> layer = nn.UpsamplingBilinear2d(size=(1, 3))
    >>> layer
    UpsamplingBilinear2d(size=(1, 3), mode='bilinear')
    >>> layer(np.array([[[[1.0, 3.0]]]])).tolist()
    [[[[1.0, 2.0, 3.0]]]]
    """

    def __init__(
        self,
        size: int | tuple[int, int] | None = None,
        scale_factor: float | tuple[float, float] | None = None,
    ) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
