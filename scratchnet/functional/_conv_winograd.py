"""Winograd's convolution in float32, at strides 1 and 2; each body must equal a plain body of ``_conv.py``.

A tile of 2 x 2 outputs of a 3 x 3 kernel takes 16 multiplications instead of 36, one of 3 x 3 outputs of a
2 x 2 kernel as many (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016, section 4)::

    Y = A^T ((G g G^T) * (B^T d B)) A      g: kernel, d: tile of 4 x 4 inputs, *: element by element

Summed over the channels, the product in the middle is one matrix product for each of the 16 places of a tile.
The gradient of the kernel is the transposed formula::

    dg = G^T ((A dY A^T) * (B^T d B)) G

Larger tiles would be faster still, but lose digits: F(4 x 4, 3 x 3) has 10 to 30 times the rounding error.

At stride 2, rows and columns of inputs are sorted by parity, and so are the elements of the kernel. Each
parity of the kernel meets its own parity of the inputs, at stride 1: they are channels. A kernel of 4 x 4 (or
one of 3 x 3, with zeros behind) becomes one of 2 x 2 with four times the channels.

Images lie channels last here, those of a block side by side: ``(H, W, m C)``. The four rows of inputs that a
row of tiles needs are then four long runs at equal distances, some of which the next row of tiles shares, so
that ``B^T d`` is one product with a stack of overlapping views. So are the other transforms: products with
matrices of 0, 1 and -1, which round nothing but the sums that the formula has anyway. Additions would be no
faster, but take many more calls.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from .._types import Array
from ._windows import Geometry, Sides

_BLOCK_ELEMENTS = 12_800
"""Tiles times channels of a block: so many that the 16 places stay in the second-level cache."""

_LINE = 16  # float32 numbers in a line of the cache
_TRANSPOSED_PIXELS = 256  # so many lines of a first-level cache, read in turn for one channel after the other

_BT = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], dtype=np.float32)


class _Form:
    """The matrices for a kernel of so many taps along an axis; those of both axes at once, columns first."""

    def __init__(self, taps: int) -> None:
        self.taps, self.step = taps, 5 - taps
        """A tile has `step` outputs along an axis."""
        powers = np.array([0, 1, -1], dtype=np.float32)[:, None] ** np.arange(3, dtype=np.float32)
        a: Array = np.concatenate((powers[:, : self.step], -np.eye(self.step, dtype=np.float32)[-1:]))
        g: Array = np.concatenate((powers[:, :taps] / [[1], [2], [2]], np.eye(taps)[-1:])).astype(np.float32)
        self.a: Array = np.kron(a, a)
        self.g: Array = np.kron(g, g)
        self.a_t, self.g_t = np.ascontiguousarray(self.a.T), np.ascontiguousarray(self.g.T)
        self.a_t_bias = np.concatenate((self.a_t, np.ones((self.step**2, 1), dtype=np.float32)), axis=1)
        """With a 17th place, which is a term of each of a tile's outputs."""


_FORMS = {1: _Form(3), 2: _Form(2)}
"""By stride."""


def fits(x: Array, geometry: Geometry, groups: int) -> bool:
    """Return whether the bodies here can take a call."""
    return (
        x.dtype == np.float32
        and groups == 1
        and geometry.dilation == (1, 1)
        and (
            (geometry.stride == (1, 1) and geometry.kernel == (3, 3))
            or (geometry.stride == (2, 2) and min(geometry.kernel) >= 3 and max(geometry.kernel) <= 4)
        )
    )


def forward(x: Array, weight: Array, bias: Array | None, geometry: Geometry, _groups: int) -> Array:
    """Return what `forward_plain` returns."""
    stride = geometry.stride[0]
    form = _FORMS[stride]
    taps = _by_parity(weight, stride).transpose(4, 2, 3, 5, 1, 0)
    kernels = _transform_kernels(taps, form, weight.shape[1] * stride**2)
    return _convolve(x, kernels, bias, form, (stride, 1), (geometry.before, (0, 0)), geometry.out)


def dx(dy: Array, weight: Array, x_shape: tuple[int, ...], geometry: Geometry, _groups: int) -> Array:
    """Return what `dx_plain` returns: the flipped kernel over the padded cotangents."""
    stride = geometry.stride[0]
    form = _FORMS[stride]
    flipped = _by_parity(weight, stride)[:, :, ::-1, :, ::-1].transpose(4, 2, 0, 3, 5, 1)
    kernels = _transform_kernels(flipped, form, weight.shape[0])
    before = tuple(form.taps - 1 - b // stride for b in geometry.before)
    crop = tuple(b % stride for b in geometry.before)
    return _convolve(dy, kernels, None, form, (1, stride), (before, crop), x_shape[2:])


def dweight(dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, _groups: int) -> Array:
    """Return what `dweight_plain` returns; where that is not finite, anything that is not."""
    stride = geometry.stride[0]
    form, (o, c) = _FORMS[stride], weight_shape[:2]
    product = np.empty((16, c * stride**2, o), dtype=x.dtype)
    dkernels = np.zeros_like(product)
    inputs: _Inputs | None = None
    with np.errstate(invalid="ignore", over="ignore"):
        for block in _cut(x.shape[0], max(product.shape[1:]), geometry.out, form.step):
            if inputs is None or not inputs.fits(block):
                inputs = _Inputs(block, (c, o), form, stride, geometry.before, (x.shape[3], geometry.out[1]))
                cotangents = _Cotangents(inputs, o)
            places = inputs.transform(x, block).swapaxes(1, 2)
            rows = slice(form.step * block.first, form.step * (block.first + block.rows))
            np.matmul(places, cotangents.transform(dy[block.images, :, rows]), out=product)
            np.add(dkernels, product, out=dkernels)
        taps = (form.g_t @ dkernels.reshape(16, -1)).reshape(form.taps, form.taps, stride, stride, c, o)
    result = np.empty(weight_shape, dtype=x.dtype)
    down, across = weight_shape[2:]
    side = form.taps * stride
    result[...] = taps.transpose(5, 4, 1, 2, 0, 3).reshape(o, c, side, side)[:, :, :down, :across]
    return result


def _by_parity(weight: Array, stride: int) -> Array:
    """Return ``(O, C, taps, stride, taps, stride)``: a kernel's rows and columns, with zeros behind."""
    form, (o, c, down, across) = _FORMS[stride], weight.shape
    side = form.taps * stride
    if (down, across) != (side, side):
        whole = np.zeros((o, c, side, side), dtype=weight.dtype)
        whole[:, :, :down, :across] = weight
        weight = whole
    return weight.reshape(o, c, form.taps, stride, form.taps, stride)


def _transform_kernels(taps: Array, form: _Form, c: int) -> Array:
    """Return ``G g G^T``: ``(taps, taps, *channels in, *channels out) -> (16, in, out)``."""
    flat = np.ascontiguousarray(taps).reshape(form.taps**2, -1)
    with np.errstate(invalid="ignore", over="ignore"):
        kernels: Array = form.g @ flat
    return kernels.reshape(16, c, -1)


def _convolve(
    x: Array,
    kernels: Array,
    bias: Array | None,
    form: _Form,
    strides: tuple[int, int],
    edges: tuple[Sides, Sides],
    sides: Sides,
) -> Array:
    """Return images ``(N, *, *sides)``.

    `strides` are those by which the inputs and the outputs are sorted by parity; `edges` are the rows and
    columns of zeros before the inputs and those that are left away before the outputs.
    """
    (of_x, of_y), (before, crop) = strides, edges
    n, (c, o) = x.shape[0], kernels.shape[1:]
    out = tuple(-(-(first + side) // of_y) for first, side in zip(crop, sides, strict=True))
    y = np.empty((n, o // of_y**2, *sides), dtype=x.dtype)
    inputs: _Inputs | None = None
    with np.errstate(invalid="ignore", over="ignore"):
        for block in _cut(n, max(c, o), out, form.step):
            if inputs is None or not inputs.fits(block):
                inputs = _Inputs(block, (c // of_x**2, o), form, of_x, before, (x.shape[3], out[1]))
                outputs = _Outputs(inputs, o // of_y**2, of_y, crop, bias)
            np.matmul(inputs.transform(x, block), kernels, out=outputs.places)
            outputs.write(y[block.images], block.first)
    return y


class _Block(NamedTuple):
    """Some images, or some rows of tiles of one."""

    images: slice
    m: int
    """How many images."""
    first: int
    """The first row of tiles."""
    rows: int
    """How many rows of tiles."""


def _cut(n: int, channels: int, out: Sides, step: int) -> list[_Block]:
    """Return the blocks of a batch."""
    down, across = (-(-side // step) for side in out)
    most = max(1, _BLOCK_ELEMENTS // (channels * across))
    rows = _even(down, most)
    m = _even(n, most // down)
    return [
        _Block(slice(image, image + m), min(m, n - image), first, min(rows, down - first))
        for image in range(0, n, m)
        for first in range(0, down, rows)
    ]


def _even(n: int, most: int) -> int:
    """Return the size of the fewest parts of n, of `most` at most, that are about equal."""
    return -(-n // -(-n // max(most, 1)))


class _Inputs:
    """Scratch for the inputs of a block, and their transform ``B^T d B``.

    Each step reads one of two pieces of memory and writes to the other, so that both stay in the cache.
    """

    def __init__(
        self,
        block: _Block,
        channels: tuple[int, int],
        form: _Form,
        stride: int,
        before: Sides,
        across: tuple[int, int],
    ) -> None:
        m, rows, (c, o), step, (x_across, out) = block.m, block.rows, channels, form.step, across
        self.m, self.rows, self.across = m, rows, -(-out // step)
        self.form, self.stride, self.before = form, stride, before
        self.tiles = m * rows * self.across
        height, width, run = step * rows + 4 - step, step * self.across + 4 - step, m * c * stride**2
        self.padded = np.zeros((height, width, m, stride, stride, c), dtype=np.float32)
        size = max(
            m * c * (stride * height * x_across + _LINE),
            16 * self.tiles * c * stride**2,  # as many as `in_rows` and `columns` have, or more
            17 * self.tiles * o,
            step**2 * (self.tiles * o + 4 * rows * self.across * _LINE) + m * o * _LINE,
        )
        self.one, self.other = np.empty(size, dtype=np.float32), np.empty(size, dtype=np.float32)
        self.by_row = _overlapping(self.padded.reshape(1, height, -1), step)[0]
        in_rows = _view(self.one, (4, rows, width * run))
        self.in_rows = in_rows.swapaxes(0, 1)
        self.moved = in_rows.reshape(4, rows, width, run).swapaxes(1, 2)
        self.columns = _view(self.other, (4, width, rows, run))
        self.by_column = _overlapping(self.columns.reshape(4, width, -1), step)
        places = _view(self.one, (4, 4, self.across, rows * run))
        self.in_both = places.transpose(1, 2, 0, 3)
        self.places = places.reshape(16, self.tiles, c * stride**2)

    def fits(self, block: _Block) -> bool:
        """Return whether a block is of the size this is for."""
        return (self.m, self.rows) == (block.m, block.rows)

    def transform(self, x: Array, block: _Block) -> Array:
        """Return the 16 places of a block's tiles, columns first: ``(16, tiles, C)``, until the next call."""
        stride, (top, left) = self.stride, self.before
        height, width = self.padded.shape[:2]
        above = self.form.step * block.first  # the rows that lie above the block, of each parity
        start = max(0, stride * above - top)
        near = _near(x[block.images, :, start : max(start, stride * (above + height) - top)], self.one)
        for row in range(stride):
            rows, from_row = _of_parity(row, stride, top + start - stride * above, near.shape[2], height)
            # The block before may have had rows of x where this one has none.
            self.padded[: rows.start, :, :, row] = self.padded[rows.stop :, :, :, row] = 0
            for column in range(stride):
                columns, from_column = _of_parity(column, stride, left, near.shape[3], width)
                source = near[:, :, from_row, from_column].transpose(2, 3, 0, 1)
                self.padded[rows, columns, :, row, column] = source
        np.matmul(_BT, self.by_row, out=self.in_rows)
        np.copyto(self.columns, self.moved)
        np.matmul(_BT, self.by_column, out=self.in_both)
        return self.places


def _of_parity(parity: int, stride: int, before: int, side: int, room: int) -> tuple[slice, slice]:
    """Return where the elements of a parity go, of `side` elements that `before` come before, and which."""
    start = max(0, -(-(before - parity) // stride))
    stop = max(start, min(room, -(-(before + side - parity) // stride)))
    first = stride * start + parity - before
    return slice(start, stop), slice(first, first + stride * (stop - start), stride)


class _Outputs:
    """Scratch for the 16 places of the products of a block, and their transform ``A^T M A``."""

    def __init__(self, inputs: _Inputs, o: int, stride: int, crop: Sides, bias: Array | None) -> None:
        m, rows, across, tiles = inputs.m, inputs.rows, inputs.across, inputs.tiles
        form, step = inputs.form, inputs.form.step
        self.one, self.crop, self.step = inputs.one, crop, step * stride
        self.matrix = form.a_t if bias is None else form.a_t_bias
        self.flat = _view(inputs.other, (self.matrix.shape[1], tiles * o * stride**2))
        self.places = self.flat[:16].reshape(16, tiles, -1)
        self.bias = None if bias is None else np.tile(bias, tiles)
        self.found = _view(inputs.one, (step**2, self.flat.shape[1]))
        found = self.found.reshape(step, step, across, rows, m, stride, stride, o)
        self.moved = found.transpose(3, 1, 5, 2, 0, 6, 4, 7)
        # Pixels lie a line of the cache further apart than they need: at powers of two they would crowd into
        # a few lines.
        pixels = _view(inputs.other, (rows, step, stride, across, step, stride, m * o + _LINE))[..., :-_LINE]
        self.inside = pixels.reshape(self.moved.shape)
        self.images = pixels.reshape(rows * self.step, across * self.step, m, o).transpose(2, 3, 0, 1)

    def write(self, y: Array, first: int) -> None:
        """Write the outputs of a block, from a row of tiles on, to ``(m, O, *sides)``."""
        if self.bias is not None:
            self.flat[16] = self.bias
        np.matmul(self.matrix, self.flat, out=self.found)
        np.copyto(self.inside, self.moved)
        above = self.step * first - self.crop[0]
        start, across = max(0, above), y.shape[3]
        y = y[:, :, start : above + self.images.shape[2]]
        images = self.images[:, :, start - above :, self.crop[1] : self.crop[1] + across]
        near = _view(self.one, y.shape)
        step = max(1, _TRANSPOSED_PIXELS // across)
        for row in range(0, y.shape[2], step):
            part = near[:, :, row : row + step]
            part[...] = images[:, :, row : row + part.shape[2]]
        y[...] = near


class _Cotangents:
    """Scratch for the cotangents of a block, and their transform ``A dY A^T``."""

    def __init__(self, inputs: _Inputs, o: int) -> None:
        step = inputs.form.step
        self.other, self.matrix, self.rows = inputs.other, inputs.form.a, step * inputs.rows
        self.given = np.zeros((step, step, inputs.across, inputs.rows, inputs.m, o), dtype=np.float32)
        self.flat = self.given.reshape(step**2, -1)
        self.result = _view(inputs.other, (16, inputs.tiles * o))
        self.places = self.result.reshape(16, inputs.tiles, o)

    def transform(self, dy: Array) -> Array:
        """Return the 16 places of a block's tiles, columns first: ``(16, tiles, O)``, until the next call."""
        near = _near(dy, self.other)
        if dy.shape[2] < self.rows:
            self.given.fill(0)  # the block before may have had more rows
        for column, row in np.ndindex(self.given.shape[:2]):
            source = near[:, :, row :: len(self.given), column :: len(self.given)].transpose(3, 2, 0, 1)
            self.given[column, row, : source.shape[0], : source.shape[1]] = source
        np.matmul(self.matrix, self.flat, out=self.result)
        return self.places


def _view(flat: Array, shape: tuple[int, ...]) -> Array:
    """Return the beginning of scratch in a shape."""
    return flat[: math.prod(shape)].reshape(shape)


def _overlapping(runs: Array, step: int) -> Array:
    """Return ``(stacks, tiles, 4, run)`` of ``(stacks, height, run)``: four runs each, at every `step`-th."""
    stacks, height, run = runs.shape
    outer, each, item = runs.strides
    return np.lib.stride_tricks.as_strided(
        runs, (stacks, (height - 4) // step + 1, 4, run), (outer, step * each, each, item)
    )


def _near(x: Array, scratch: Array) -> Array:
    """Return a copy of `x` in the cache, its channels at distances that do not crowd into a few lines of it.

    A transpose jumps from channel to channel, for which far memory takes several times as long as for a copy.
    """
    m, c, down, across = x.shape
    near = _view(scratch, (m, c, down * across + _LINE))[..., :-_LINE].reshape(x.shape)
    near[...] = x
    return near
