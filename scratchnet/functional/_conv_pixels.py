"""Convolution with images channels last; each body must equal a plain body of ``_conv.py``.

A window is then a few long runs of memory (a row of the kernel is one, without dilation). They are copied
several times as fast as as many elements that lie a stride apart, and one product makes all the outputs of a
block of images. What comes in and what goes out has to be transposed, which pays with many channels.
"""

from __future__ import annotations

import math

import numpy as np

from .._types import Array
from ._windows import Geometry, unpad

_SCRATCH_BYTES = 800_000  # what a block's windows may take: about a core's share of the second-level cache
_LINE_BYTES = 64  # of the cache


def forward(x: Array, weight: Array, bias: Array | None, geometry: Geometry, _groups: int) -> Array:
    """Return what `forward_plain` returns."""
    o = weight.shape[0]
    matrix = np.ascontiguousarray(np.moveaxis(weight, (0, 1), (-1, -2))).reshape(-1, o)
    windows = _Windows(x, geometry)
    products = _Pixels(windows.size, o, geometry.out, x)
    y = np.empty((x.shape[0], o, *geometry.out), dtype=x.dtype)
    column = None if bias is None else bias.reshape(o, *(1,) * len(geometry.out))
    for start in range(0, len(x), windows.size):
        block = y[start : start + windows.size]
        m = len(block)
        np.matmul(windows.fill(x[start : start + m]), matrix, out=products.rows(m))
        near = products.read(m)
        if column is None:
            block[...] = near
        else:
            np.add(near, column, out=block)
    return y


def dweight(dy: Array, x: Array, weight_shape: tuple[int, ...], geometry: Geometry, _groups: int) -> Array:
    """Return what `dweight_plain` returns."""
    o, c = weight_shape[:2]
    windows = _Windows(x, geometry)
    cotangents = _Pixels(windows.size, o, geometry.out, x)
    total = np.zeros((math.prod(weight_shape[1:]), o), dtype=x.dtype)
    product = np.empty_like(total)
    for start in range(0, len(x), windows.size):
        block = dy[start : start + windows.size]
        cotangents.write(block)
        columns = windows.fill(x[start : start + windows.size])
        np.matmul(columns.T, cotangents.rows(len(block)), out=product)
        np.add(total, product, out=total)
    return np.ascontiguousarray(np.moveaxis(total.reshape(*geometry.kernel, c, o), (-1, -2), (0, 1)))


class _Pixels:
    """Scratch for the outputs of a block of images, channels last; pixels lie a line of the cache apart."""

    def __init__(self, size: int, channels: int, sides: tuple[int, ...], like: Array) -> None:
        self.line = _LINE_BYTES // like.itemsize
        length = math.prod(sides)
        self.pixels = np.empty((size * length, channels + self.line), dtype=like.dtype)[:, :channels]
        self.images = np.moveaxis(self.pixels.reshape(size, length, channels), 2, 1)
        self.near = np.empty((size, channels, length + self.line), dtype=like.dtype)[..., :length]
        self.sides, self.length = sides, length

    def rows(self, m: int) -> Array:
        """Return the pixels of `m` images, one below the other: ``(m L, C)``."""
        return self.pixels[: m * self.length]

    def read(self, m: int) -> Array:
        """Return `m` images ``(m, C, *sides)``, until the next call."""
        near = self.near[:m]
        near[...] = self.images[:m]
        return near.reshape(*near.shape[:2], *self.sides)

    def write(self, images: Array) -> None:
        """Take images ``(m, C, *sides)``."""
        near = self.near[: len(images)]
        near[...] = images.reshape(near.shape)
        self.images[: len(images)] = near


class _Padded:
    """Scratch for a block of images, channels last, with their zeros."""

    def __init__(self, size: int, shape: tuple[int, ...], geometry: Geometry, like: Array) -> None:
        sides = shape[2:]
        padded = (b + side + a for b, side, a in zip(geometry.before, sides, geometry.after, strict=True))
        self.padded = np.zeros((size, *padded, shape[1]), dtype=like.dtype)
        self.near = np.empty((size, *shape[1:]), dtype=like.dtype)
        self.inside = unpad(np.moveaxis(self.padded, -1, 1), geometry.before, sides)

    def write(self, images: Array) -> None:
        """Take images ``(m, C, *sides)``."""
        near = self.near[: len(images)]
        near[...] = images  # into the cache first: jumps from channel to channel take far memory longer
        self.inside[: len(images)] = near


class _Windows:
    """Scratch for the windows of a block of images, each a row."""

    def __init__(self, x: Array, geometry: Geometry) -> None:
        c, width = x.shape[1], x.shape[1] * math.prod(geometry.kernel)
        self.length = math.prod(geometry.out)
        self.size = _block_size(len(x), self.length * width, x)
        """How many images a block has."""
        self.images = _Padded(self.size, x.shape, geometry, x)
        padded = self.images.padded
        steps = padded.strides[1:-1]
        self.source = np.lib.stride_tricks.as_strided(
            padded,
            (self.size, *geometry.out, *geometry.kernel, c),
            (
                padded.strides[0],
                *(step * s for step, s in zip(steps, geometry.stride, strict=True)),
                *(step * d for step, d in zip(steps, geometry.dilation, strict=True)),
                padded.itemsize,
            ),
        )
        self.columns = np.empty((self.size * self.length, width), dtype=x.dtype)
        self.parts = self.columns.reshape(self.source.shape)

    def fill(self, x: Array) -> Array:
        """Return the windows of a block of images: ``(m, C, *sides) -> (m L, K C)``."""
        m = len(x)
        self.images.write(x)
        self.parts[:m] = self.source[:m]
        return self.columns[: m * self.length]


def _block_size(n: int, elements: int, like: Array) -> int:
    """Return how many images of so many scratch elements make a block."""
    most = max(1, _SCRATCH_BYTES // (elements * like.itemsize))
    return -(-n // -(-n // most))
