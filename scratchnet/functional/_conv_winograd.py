"""Winograd's convolution F(2 x 2, 3 x 3) in float32; each body must equal a plain body of ``_conv.py``.

A tile of 2 x 2 outputs of a 3 x 3 kernel takes 16 multiplications instead of 36 (Lavin and Gray, "Fast
Algorithms for Convolutional Neural Networks", 2016, section 4.1)::

    Y = A^T ((G g G^T) * (B^T d B)) A      g: kernel, d: tile of 4 x 4 inputs, *: element by element

Summed over the channels, the product in the middle is one matrix product for each of the 16 places of a tile.
The transforms are additions only. Their backward pass is the transposed formula::

    dg = G^T ((A dY A^T) * (B^T d B)) G

Tiles overlap by two, so the four parities of rows and columns are kept apart: a tile's place is then a view
of one of them as a flat run, begun a little further on. Each run has one tile too many at the end of a row
and of an image; what comes out there is dropped, and what goes in there on the way back is zero.

Larger tiles would be faster still, but lose digits: F(4 x 4) has 10 to 30 times the rounding error.
"""

from __future__ import annotations

import math

import numpy as np

from .._types import Array
from ._windows import Geometry

_BLOCK_TILES = 256
"""Tiles of a block, at least: the inner side of the matrix products."""

_G = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=np.float32)
_G2 = np.kron(_G, _G)
"""``(16, 9)``: from the places of a kernel to those of a tile."""


def fits(x: Array, geometry: Geometry, groups: int) -> bool:
    """Return whether the bodies here can take a call."""
    return (
        x.dtype == np.float32
        and groups == 1
        and geometry.kernel == (3, 3)
        and geometry.stride == geometry.dilation == (1, 1)
    )


def forward(x: Array, weight: Array, bias: Array | None, geometry: Geometry, _groups: int) -> Array:
    """Return what `forward_plain` returns."""
    n, o, c = x.shape[0], *weight.shape[:2]
    tiles = _Tiles(n, geometry)
    kernels = (_G2 @ weight.reshape(o * c, 9).T).reshape(4, 4, o, c)
    inputs = _Inputs(c, tiles)
    products = np.empty((4, o, tiles.length), dtype=x.dtype)
    rows = np.empty((2, 4, o, tiles.length), dtype=x.dtype)
    y = np.empty((n, o, *geometry.out), dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):  # what is dropped may be anything
        for start in range(0, n, tiles.size):
            inputs.fill(x[start : start + tiles.size])
            # A column of places at a time, so that the products stay in the cache.
            for column in range(4):
                np.matmul(kernels[:, column], inputs.transform(column), out=products)
                if bias is not None and column == 1:
                    products[1] += bias[:, None]  # this place is a term of each of a tile's outputs
                _transform_products(products, rows[:, column])
            _write_outputs(rows, y[start : start + tiles.size], tiles)
    return y


def dweight(dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, _groups: int) -> Array:
    """Return what `dweight_plain` returns; where that is not finite, anything that is not."""
    n, o, c = x.shape[0], *weight_shape[:2]
    tiles = _Tiles(n, geometry)
    inputs, outputs = _Inputs(c, tiles), _Outputs(o, tiles)
    dkernels = np.zeros((4, 4, o, c), dtype=x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, n, tiles.size):
            inputs.fill(x[start : start + tiles.size])
            outputs.fill(dy[start : start + tiles.size])
            for column in range(4):
                products = outputs.transform(column) @ inputs.transform(column).swapaxes(1, 2)
                dkernels[:, column] += products
    result: Array = np.ascontiguousarray((_G2.T @ dkernels.reshape(16, o * c)).T)
    return result.reshape(weight_shape)


class _Tiles:
    """How a block of images is cut into tiles."""

    def __init__(self, n: int, geometry: Geometry) -> None:
        self.geometry = geometry
        self.grid = tuple(-(-out // 2) + 1 for out in geometry.out)
        """Tiles down and across, with one too many each."""
        each = math.prod(self.grid)
        self.size = max(1, min(n, -(-_BLOCK_TILES // each)))
        """How many images a block has."""
        self.length = self.size * each

    def images(self, flat: Array) -> Array:
        """Return the view ``(m, C, down, across)`` of runs ``(C, length)``."""
        images: Array = flat[:, : self.length].reshape(len(flat), self.size, *self.grid).swapaxes(0, 1)
        return images


class _Inputs:
    """Scratch for the inputs of a block of images, and their transform ``B^T d B``."""

    def __init__(self, c: int, tiles: _Tiles) -> None:
        self.tiles = tiles
        # A tile reaches one further down and one across: the runs end in as many zeros.
        width = tiles.length + tiles.grid[1] + 1
        self.parities = np.zeros((2, 2, c, width), dtype=np.float32)
        self.columns = np.empty((2, 4, c, width - 1), dtype=np.float32)
        self.places = np.empty((4, c, tiles.length), dtype=np.float32)

    def fill(self, x: Array) -> None:
        """Sort a block of images ``(m, C, H, W)`` by parities; transform its rows."""
        for row in range(2):
            for column in range(2):
                images = self.tiles.images(self.parities[row, column])[: len(x)]
                place, source = [], []
                for parity, before, side in zip(
                    (row, column), self.tiles.geometry.before, x.shape[2:], strict=True
                ):
                    first = (parity - before) % 2
                    begin = (first + before - parity) // 2
                    place.append(slice(begin, begin + (side - first + 1) // 2))
                    source.append(slice(first, side, 2))
                images[:, :, place[0], place[1]] = x[:, :, source[0], source[1]]
        for parities, columns in zip(self.parities, self.columns, strict=True):
            _transform_inputs(parities, columns, 1)

    def transform(self, column: int) -> Array:
        """Return one column of places, ``(4, C, length)``; it holds until the next call."""
        _transform_inputs(self.columns[:, column], self.places, self.tiles.grid[1])
        return self.places


def _transform_inputs(parities: Array, out: Array, step: int) -> None:
    """Write ``B^T d`` of the runs d of even and odd places, of which the next begin `step` further on."""
    width = out.shape[-1]
    even, odd = parities[0][:, :width], parities[1][:, :width]
    next_even, next_odd = parities[0][:, step : step + width], parities[1][:, step : step + width]
    np.subtract(even, next_even, out=out[0])
    np.add(odd, next_even, out=out[1])
    np.subtract(next_even, odd, out=out[2])
    np.subtract(odd, next_odd, out=out[3])


def _transform_products(products: Array, out: Array) -> None:
    """Write ``A^T M`` for one column of places: ``(4, O, length) -> (2, O, length)``."""
    np.add(products[0], products[1], out=out[0])
    np.add(out[0], products[2], out=out[0])
    np.subtract(products[1], products[2], out=out[1])
    np.subtract(out[1], products[3], out=out[1])


def _write_outputs(rows: Array, y: Array, tiles: _Tiles) -> None:
    """Write ``M A`` to a block of images ``(m, O, *out)``; `rows` is written over."""
    for row, terms in enumerate(rows):
        np.add(terms[0], terms[1], out=terms[0])
        np.subtract(terms[1], terms[2], out=terms[1])
        for column, one, other, add in (
            (0, terms[0], terms[2], np.add),
            (1, terms[1], terms[3], np.subtract),
        ):
            target = y[:, :, row::2, column::2]
            m, _, down, across = target.shape
            first, second = (tiles.images(flat)[:m, :, :down, :across] for flat in (one, other))
            add(first, second, out=target)


class _Outputs:
    """Scratch for the cotangents of a block of images, and their transform ``A dY A^T``."""

    def __init__(self, o: int, tiles: _Tiles) -> None:
        self.tiles = tiles
        self.rows = np.zeros((2, 2, o, tiles.length), dtype=np.float32)
        self.columns = np.empty((2, 4, o, tiles.length), dtype=np.float32)
        self.places = np.empty((4, o, tiles.length), dtype=np.float32)

    def fill(self, dy: Array) -> None:
        """Sort a block of cotangents ``(m, O, *out)`` by parities; transform its rows."""
        m = len(dy)
        if m < self.tiles.size:
            self.rows.fill(0)  # the block before had more images
        for row in range(2):
            for column in range(2):
                source = dy[:, :, row::2, column::2]
                down, across = source.shape[2:]
                self.tiles.images(self.rows[row, column])[:m, :, :down, :across] = source
            _transform_outputs(self.rows[row], self.columns[row])

    def transform(self, column: int) -> Array:
        """Return one column of places, ``(4, O, length)``; it holds until the next call."""
        _transform_outputs(self.columns[:, column], self.places)
        return self.places


def _transform_outputs(pair: Array, out: Array) -> None:
    """Write ``A y``: the first, the sum, the difference, and minus the second."""
    np.copyto(out[0], pair[0])
    np.add(pair[0], pair[1], out=out[1])
    np.subtract(pair[0], pair[1], out=out[2])
    np.negative(pair[1], out=out[3])
