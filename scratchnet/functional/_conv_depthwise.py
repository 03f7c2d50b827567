"""Depthwise convolution of images at stride 1; each body must equal a plain body of ``_conv.py``.

A channel has a kernel of its own and nothing to do with the others, so that there is no product over
channels. Two bodies make other products of it.

1. `runs`: a channel of a block of images is one flat run, with zeros between rows and between images (they
   serve what lies before them and what lies behind). The run's shifts along a row are stacked; the kernel
   times the stack is what each of the kernel's rows makes, and those are added up, shifted by as many rows.
2. `bands`: for small images. A row of outputs is ``kH`` rows of inputs, one behind the other in memory, times
   a banded matrix that holds the kernel once for each output. Rows are taken ``kH`` apart, in ``kH`` turns,
   so that those inputs do not overlap. The zeros beside the bands cost time, but no rows are copied.

What comes out between the rows and between the images is dropped, and what goes in there on the way back is
zero.
"""

from __future__ import annotations

import math

import numpy as np

from .._types import Array
from ._windows import Geometry

_SCRATCH_BYTES = 1_600_000  # what a block may take: measured; larger blocks mean fewer calls
_FEW_IMAGES = 4  # of a block of `runs`, if it has channels enough: measured
_WIDEST_BAND = 20  # columns of an image up to which `bands` was measured faster


def fits(x: Array, weight: Array, geometry: Geometry, groups: int) -> bool:
    """Return whether the bodies here can take a call."""
    return (
        x.ndim == 4
        and groups > 1
        and groups == weight.shape[0] == x.shape[1]
        and weight.shape[1] == 1  # a transposed convolution may make several channels of one
        and math.prod(geometry.stride) == 1
        and math.prod(geometry.kernel) > 1
    )


def narrow(x: Array, geometry: Geometry) -> bool:
    """Return whether `bands` is the body for a call."""
    return geometry.dilation[0] == 1 and max(x.shape[3], geometry.out[1]) <= _WIDEST_BAND


def forward_runs(x: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    """Return what `forward_plain` returns."""
    n, c = x.shape[:2]
    rows, columns = geometry.kernel
    runs = _Runs(x, geometry)
    kernels = weight.reshape(c, rows, columns)
    if bias is not None:  # a row of ones below the stack adds the bias within the product
        below = np.zeros((c, rows, 1), dtype=x.dtype)
        below[:, 0, 0] = bias
        kernels = np.concatenate((kernels, below), axis=2)
    else:
        kernels = np.ascontiguousarray(kernels)
    products = np.empty((runs.channels, rows, runs.width), dtype=x.dtype)
    y = np.empty((n, c, *geometry.out), dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # what is dropped may be anything
        for images, channels in runs.blocks():
            block = y[images, channels].swapaxes(0, 1)
            stack = runs.fill(x[images, channels].swapaxes(0, 1))
            g, m = block.shape[:2]
            terms = products[:g, :, : stack.shape[2]]
            np.matmul(kernels[channels], stack[:, : kernels.shape[2]], out=terms)
            total = terms[:, 0, : m * runs.image]
            for row in range(1, rows):
                np.add(total, terms[:, row, row * runs.step :][:, : m * runs.image], out=total)
            block[...] = runs.inside(total)  # one copy of rows is cheaper than an addition row by row
    return y


def dweight_runs(dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry) -> Array:
    """Return what `dweight_plain` returns; where that is not finite, anything that is not."""
    rows, columns = geometry.kernel
    runs = _Runs(x, geometry)
    cotangents = np.zeros((runs.channels, rows, runs.width), dtype=x.dtype)
    dweight = np.zeros((x.shape[1], rows, columns), dtype=x.dtype)
    before = None
    with np.errstate(invalid="ignore"):
        for images, channels in runs.blocks():
            block = dy[images, channels].swapaxes(0, 1)
            stack = runs.fill(x[images, channels].swapaxes(0, 1))
            g, m = block.shape[:2]
            if before not in (None, m):
                cotangents.fill(0)  # the block before had more images
            before = m
            # One copy for each row of the kernel, begun as many rows further on.
            first = cotangents[:g, 0, : m * runs.image]
            runs.inside(first)[...] = block
            for row in range(1, rows):
                cotangents[:g, row, row * runs.step :][:, : m * runs.image] = first
            product = cotangents[:g, :, : stack.shape[2]] @ stack[:, :columns].swapaxes(1, 2)
            dweight[channels] += product
    return dweight.reshape(weight_shape)


class _Runs:
    """Scratch for `runs`: some channels of some images as flat runs, once for each shift along a row."""

    def __init__(self, x: Array, geometry: Geometry) -> None:
        self.geometry = geometry
        self.shape = x.shape
        # The zeros behind a row are those before the next, those below an image those above the next.
        down, self.pitch = (
            max(side + max(before, after), out)
            for side, before, after, out in zip(
                x.shape[2:], geometry.before, geometry.after, geometry.out, strict=True
            )
        )
        self.step = self.pitch * geometry.dilation[0]
        """From one row of the kernel to the next."""
        self.image = down * self.pitch
        self.first = geometry.before[0] * self.pitch + geometry.before[1]
        """Where the first image begins."""
        rows, columns = geometry.kernel
        self.more = (rows - 1) * self.step
        """What a run needs behind its images."""
        each = (rows + columns + 2) * self.image * x.itemsize
        fit = max(1, _SCRATCH_BYTES // each)
        # The channels of an image lie side by side in memory, the images of a channel far apart.
        fit = min(fit, max(_FEW_IMAGES, fit // x.shape[1]))
        self.images = -(-x.shape[0] // -(-x.shape[0] // fit))  # blocks of about the same size
        self.channels = max(1, min(x.shape[1], _SCRATCH_BYTES // (each * self.images)))
        self.width = self.images * self.image + self.more
        length = max(self.width + (columns - 1) * geometry.dilation[1], self.first + self.images * self.image)
        self.padded = np.zeros((self.channels, length), dtype=x.dtype)
        self.stack = np.ones((self.channels, columns + 1, self.width), dtype=x.dtype)

    def blocks(self) -> list[tuple[slice, slice]]:
        """Return the images and channels of each block, those with fewer images last."""
        return [
            (slice(image, image + self.images), slice(channel, channel + self.channels))
            for image in range(0, self.shape[0], self.images)
            for channel in range(0, self.shape[1], self.channels)
        ]

    def inside(self, flat: Array) -> Array:
        """Return the view of runs that holds the outputs: ``(C, length) -> (C, m, *out)``."""
        down, across = self.geometry.out
        return flat.reshape(len(flat), -1, self.image // self.pitch, self.pitch)[:, :, :down, :across]

    def fill(self, x: Array) -> Array:
        """Return the shifts of a block and a row of ones: ``(C, m, H, W) -> (C, kW + 1, width)``."""
        g, m, down, across = x.shape
        images = self.padded[:g, self.first : self.first + m * self.image]
        images.reshape(g, m, -1, self.pitch)[:, :, :down, :across] = x
        stack = self.stack[:g, :, : m * self.image + self.more]
        for column in range(self.geometry.kernel[1]):
            begin = column * self.geometry.dilation[1]
            stack[:, column] = self.padded[:g, begin : begin + stack.shape[2]]
        return stack


def forward_bands(x: Array, weight: Array, bias: Array | None, geometry: Geometry) -> Array:
    """Return what `forward_plain` returns; where that is not finite, anything that is not."""
    n, c = x.shape[:2]
    bands = _Bands(x, geometry)
    matrix = np.zeros((bands.channels, geometry.kernel[0], x.shape[3] * geometry.out[1]), dtype=x.dtype)
    products = np.empty((bands.channels, *bands.turns, geometry.out[1]), dtype=x.dtype)
    y = np.empty((n, c, *geometry.out), dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, c, bands.channels):
            channels = slice(start, start + bands.channels)
            block = y[:, channels].swapaxes(0, 1)
            g = len(block)
            for column, diagonal in enumerate(bands.diagonals):
                matrix[:g, :, diagonal] = weight[channels, 0, :, column, None]
            factor = matrix[:g].reshape(g, -1, geometry.out[1])
            for turn, rows in enumerate(bands.fill(x[:, channels].swapaxes(0, 1))):
                np.matmul(rows, factor, out=products[:g, :, turn])
            found = bands.inside(products[:g])
            if bias is None:
                block[...] = found
            else:
                np.add(found, bias[channels, None, None, None], out=block)
    return y


def dweight_bands(dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry) -> Array:
    """Return what `dweight_plain` returns; where that is not finite, anything that is not."""
    c = x.shape[1]
    bands = _Bands(x, geometry)
    cotangents = np.zeros((bands.channels, *bands.turns, geometry.out[1]), dtype=x.dtype)
    dweight = np.empty(weight_shape, dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, c, bands.channels):
            channels = slice(start, start + bands.channels)
            block = dy[:, channels].swapaxes(0, 1)
            g = len(block)
            bands.inside(cotangents[:g])[...] = block
            total = np.zeros((g, geometry.kernel[0] * x.shape[3], geometry.out[1]), dtype=x.dtype)
            for turn, rows in enumerate(bands.fill(x[:, channels].swapaxes(0, 1))):
                total += rows.swapaxes(1, 2) @ cotangents[:g, :, turn]
            total = total.reshape(g, geometry.kernel[0], -1)
            for column, diagonal in enumerate(bands.diagonals):
                dweight[channels, 0, :, column] = np.add.reduce(total[:, :, diagonal], axis=-1)
    return dweight


class _Bands:
    """Scratch for `bands`: some channels of all images, row below row, with rows of zeros between images."""

    def __init__(self, x: Array, geometry: Geometry) -> None:
        n, c, down, across = x.shape
        rows, columns = geometry.kernel
        self.geometry, self.across = geometry, across
        self.down = max(down + max(geometry.before[0], geometry.after[0]), geometry.out[0])
        """Rows of an image."""
        self.count = n * self.down
        self.turns = (-(-self.count // rows), rows)
        """How many rows a turn has, and how many turns there are."""
        length = math.prod(self.turns)
        each = (length * (across + geometry.out[1]) + rows * across * geometry.out[1]) * x.itemsize
        self.channels = max(1, min(c, _SCRATCH_BYTES // each))
        above = max(length + rows - 1, geometry.before[0] + self.count)
        self.padded = np.zeros((self.channels, above, across), dtype=x.dtype)
        self.diagonals = [
            self._diagonal(column * geometry.dilation[1] - geometry.before[1]) for column in range(columns)
        ]

    def _diagonal(self, offset: int) -> slice:
        """Return where, of a flat ``(W, out)``, the input lies `offset` further on than the output."""
        out = self.geometry.out[1]
        first, last = max(0, -offset), min(out, self.across - offset)
        begin = (first + offset) * out + first
        return slice(begin, begin + max(0, last - first) * (out + 1), out + 1)

    def fill(self, x: Array) -> list[Array]:
        """Return the inputs of each turn, ``(C, rows of a turn, kH W)``."""
        g, n, down, across = x.shape
        first = self.geometry.before[0]
        images = self.padded[:g, first : first + self.count]
        images.reshape(g, n, self.down, across)[:, :, :down] = x
        each, turns = self.turns
        return [
            self.padded[:g, turn : turn + each * turns].reshape(g, each, turns * across)
            for turn in range(turns)
        ]

    def inside(self, products: Array) -> Array:
        """Return the view of products that holds the outputs: ``(C, n, *out)``."""
        g, across = len(products), products.shape[-1]
        flat = products.reshape(g, -1, across)[:, : self.count]
        return flat.reshape(g, -1, self.down, across)[:, :, : self.geometry.out[0]]
