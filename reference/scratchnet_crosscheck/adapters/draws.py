"""Generators of random numbers that a layer keeps, or its file."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def spaces_of(cls: type) -> Iterator[Mapping[str, Any]]:
    """Yield what a class's methods see by name: its attributes, and the variables of the file."""
    for owner in cls.__mro__[:-1]:
        yield vars(owner)
        for value in vars(owner).values():
            yield getattr(value, "__globals__", {})


def reseed(*spaces: Mapping[str, Any]) -> None:
    """Let the generators among these go on from where the call's seed says, whatever they were seeded with.

    A layer may have made one in its constructor, or its file one for all: a second call draws other numbers
    from it, as it should. What stands for `np.random.default_rng` as long as a call runs has the seed.
    """
    seed = getattr(np.random.default_rng, "seed", None)
    if seed is None:
        return
    for own in {id(value): value for space in spaces for value in space.values()}.values():
        if isinstance(own, np.random.Generator):
            bits: Any = type(own.bit_generator)
            own.bit_generator.state = bits(seed).state
        elif isinstance(own, np.random.RandomState | random.Random):
            own.seed(seed)
