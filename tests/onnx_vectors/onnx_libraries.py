"""Who computes: scratchnet.functional, and PyTorch's functions of the same names, which prove the mapping."""

from __future__ import annotations

import numpy as np

import scratchnet.functional


class NotThere(Exception):  # noqa: N818 (it is no error: the function may come)
    """A function that the library does not have."""


class Scratchnet:
    """Functions of scratchnet.functional, by value alone."""

    def __getattr__(self, name: str):
        """Return the function; its pullback and its new state are not looked at."""
        function = getattr(scratchnet.functional, name, None)
        if function is None:
            raise NotThere(name)
        return lambda *arrays, **options: function(*arrays, **options)[0]


class PyTorch:
    """Functions of torch.nn.functional, on NumPy arrays."""

    ELSEWHERE = ("flatten",)

    def __getattr__(self, name: str):
        """Return the function."""
        import torch

        home = torch if name in self.ELSEWHERE else torch.nn.functional
        function = getattr(home, name, None)
        if function is None:
            raise NotThere(name)

        def given(value):
            return torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value

        def plain(value):
            return tuple(v.numpy() for v in value) if isinstance(value, tuple) else value.numpy()

        def call(*arrays, **options):
            with torch.no_grad():
                return plain(function(*map(given, arrays), **{k: given(v) for k, v in options.items()}))

        return call
