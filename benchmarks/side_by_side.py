"""What the benchmarks of single functions have in common: a row is a call, made by each contender in turn."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

TURNS = 5
CONTENDERS = ("scratchnet float32", "PyTorch float32", "JAX jit float32")


class Row(NamedTuple):
    """A call to be timed: its arrays, and how each contender makes it.

    The first `wanted` arrays have gradients. A function is called with the contender's module (that is
    scratchnet.functional, torch.nn.functional or jax) and the arrays; it returns (y, pullback) or y. JAX has
    no part in a row without `jax`.
    """

    arrays: tuple[np.ndarray, ...]
    wanted: int
    scratchnet: Callable[..., Any]
    pytorch: Callable[..., Any]
    jax: Callable[..., Any] | None = None
    compared: bool = True


def floats(*shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """Return arrays of normal numbers in float32, the same each time."""
    rng = np.random.default_rng(0)
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)


def work_of(row: Row, contender: str) -> Callable[[], Any]:
    """Return a function that goes forward and backward and returns the gradients."""
    return {"s": _scratchnet, "P": _pytorch, "J": _jax}[contender[0]](row)


def _scratchnet(row):
    import scratchnet.functional as F

    dy = _cotangent(row.scratchnet(F, *row.arrays)[0])

    def work():
        _, pullback, *_ = row.scratchnet(F, *row.arrays)
        return [slot for slot in pullback(dy) if slot is not None]

    return work


def _pytorch(row):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    tensors = [torch.from_numpy(a.copy()) for a in row.arrays]
    wanted = tensors[: row.wanted]
    for tensor in wanted:
        tensor.requires_grad_()
    F = torch.nn.functional
    dy = torch.from_numpy(_cotangent(row.pytorch(F, *tensors).detach().numpy()))
    return lambda: torch.autograd.grad(row.pytorch(F, *tensors), wanted, dy)


def _jax(row):
    jax = pytest.importorskip("jax")
    if row.jax is None:
        pytest.skip("JAX has no such function")
    arrays = [jax.numpy.asarray(a) for a in row.arrays]
    wanted, rest = arrays[: row.wanted], arrays[row.wanted :]
    dy = jax.numpy.asarray(_cotangent(np.asarray(row.jax(jax, *arrays))))

    @jax.jit
    def both(dy, *wanted):
        y, pull = jax.vjp(lambda *these: row.jax(jax, *these, *rest), *wanted)
        return y, *pull(dy)

    return lambda: jax.block_until_ready(both(dy, *wanted))[1:]


def _cotangent(y):
    return np.random.default_rng(1).normal(size=y.shape).astype(np.float32)


def pair_of_tests(rows: dict[str, Row]) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return the test that compares the contenders' gradients and the one that times them."""
    cached = functools.cache(lambda name, contender: work_of(rows[name], contender))

    @pytest.mark.parametrize("name", rows)
    @pytest.mark.parametrize("contender", CONTENDERS[1:])
    def test_every_contender_finds_the_same_gradients(contender, name):
        if not rows[name].compared:
            pytest.skip("each contender draws its own numbers")
        ours = cached(name, CONTENDERS[0])()
        for mine, found in zip(ours, cached(name, contender)(), strict=True):
            theirs = np.asarray(found)
            # float32 sums of up to 1,024 terms
            bound = 1e-5 * max(1.0, float(np.abs(theirs).max()))
            np.testing.assert_allclose(mine, theirs, rtol=0, atol=bound)

    @pytest.mark.parametrize("contender", CONTENDERS)
    @pytest.mark.parametrize("turn", range(TURNS))
    @pytest.mark.parametrize("name", rows)
    def test_time(name, turn, contender, measure):
        iterations = max(1, 400_000 // max(a.size for a in rows[name].arrays))
        measure(name, contender, cached(name, contender), 5, iterations)

    return test_every_contender_finds_the_same_gradients, test_time
