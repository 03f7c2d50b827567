"""``scratchnet gradcheck``: backpropagation against numerical differentiation, the book's section 5.7.3."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .. import nn
from ..numerical import Estimate, directional_derivative, numerical_gradient, signed_direction
from ..training import multilayer_perceptron
from . import _arguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from .._types import Array

SUMMARY = "hold backpropagation against numerical differentiation on MNIST, as section 5.7.3 of the book does"

STEP = 1e-4
"""The book's step of the central difference."""
DIRECTIONS = 5
"""How many random directions `directional` tries for each parameter."""
SCALES = (1e-2, 1e-3, 1e-4, 1e-5)
"""The lengths over which the loss is taken to be smooth, tried in turn: a ReLU's kink may be nearer."""


class Comparison(NamedTuple):
    """One parameter's gradient, compared."""

    name: str
    compared: int
    mean_difference: float
    max_difference: float
    kinks: int
    wrong: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the method and the size of the batch."""
    _arguments.add_network_arguments(parser)
    parser.add_argument(
        "--batch", type=_arguments.positive_int, default=3, metavar="N", help="first N images"
    )
    parser.add_argument(
        "--method",
        choices=("full", "directional"),
        default="full",
        help="a central difference for each entry, or derivatives along a few random directions",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compare, print the table and the verdict; 0 where backpropagation is right, 1 where it is not."""
    _arguments.check_writable(arguments.json)
    data = _arguments.load(arguments.data, "float64")
    (x, t), _ = data
    if arguments.batch > len(x):
        raise ValueError(f"--batch {arguments.batch} is more than the {len(x)} training images")
    x, t = x[: arguments.batch], t[: arguments.batch]
    generator = np.random.default_rng(arguments.seed)
    sizes = (x.shape[1], *arguments.hidden, _arguments.n_classes(data))
    net = multilayer_perceptron(sizes, dtype=np.float64, generator=generator)
    criterion = nn.CrossEntropyLoss()

    def loss(_: Any = None) -> float:
        return float(criterion(net(x), t))

    def backpropagate() -> dict[str, Array]:
        criterion(net(x), t)
        net.backward(criterion.backward(), needs_input_grad=False)
        return net.grads

    gradients = {name: gradient.copy() for name, gradient in backpropagate().items()}
    backward_seconds = _median_seconds(backpropagate)
    full = arguments.method == "full"
    print(f"{'-'.join(map(str, sizes))} network, float64, {len(x)} images, seed {arguments.seed}")
    print(f"{'parameter':9} {'entries' if full else 'directions':>10}   mean difference   largest difference")
    start = time.perf_counter()
    comparisons = []
    for name, parameter in net.params.items():
        label = f"{'W' if name.endswith('weight') else 'b'}{int(name.partition('.')[0]) // 2 + 1}"
        compare = _compare_entries if full else _compare_directions
        comparison = compare(label, loss, parameter, gradients[name], generator)
        comparisons.append(comparison)
        print(
            f"{label:9} {comparison.compared:10,}   {comparison.mean_difference:15.1e}   "
            f"{comparison.max_difference:18.1e}"
        )
    numerical_seconds = time.perf_counter() - start

    ratio = numerical_seconds / backward_seconds
    print(f"numerical differentiation  {_duration(numerical_seconds)}")
    print(f"backpropagation            {_duration(backward_seconds)}  ({ratio:,.0f} times faster)")
    wrong = [line for comparison in comparisons for line in comparison.wrong]
    compared = sum(comparison.compared for comparison in comparisons)
    kinks = sum(comparison.kinks for comparison in comparisons)
    verdict = _verdict(compared, kinks, wrong, "entries" if full else "directions")
    print(verdict)
    if arguments.json is not None:
        content = {
            "settings": {
                "sizes": list(sizes),
                "method": arguments.method,
                "batch": len(x),
                "seed": arguments.seed,
                "step": STEP if full else None,
                "data": "MNIST" if arguments.data is None else str(arguments.data),
            },
            "parameters": [comparison._asdict() for comparison in comparisons],
            "numerical_seconds": numerical_seconds,
            "backpropagation_seconds": backward_seconds,
            "ratio": ratio,
            "right": not wrong,
            "verdict": verdict,
        }
        _arguments.write_json(arguments.json, content)
        print(f"results: {arguments.json}")
    return 1 if wrong else 0


def _compare_entries(
    name: str, loss: Callable[..., float], parameter: Array, gradient: Array, _: np.random.Generator
) -> Comparison:
    """Compare each entry with the book's central difference.

    The difference may be as large as the central difference itself is wrong: the rounding of the loss divided
    by the step, and the step squared. Where it is larger, either the entry is wrong or its step of 1e-4
    crossed a ReLU's kink; a smaller step tells.
    """
    numerical = numerical_gradient(loss, parameter, h=STEP)
    differences = np.abs(numerical - gradient)
    allowed = 32 * np.finfo(np.float64).eps * max(1.0, abs(loss())) / STEP + STEP**2 * max(
        1.0, float(np.abs(gradient).max(initial=0.0))
    )
    kinks, wrong = 0, []
    for index in map(tuple, np.argwhere(~(differences <= allowed))):
        direction = np.zeros_like(parameter)
        direction[index] = 1.0
        estimate = _derivative(loss, parameter, direction)
        if _agree(float(gradient[index]), estimate, float(np.abs(gradient).max())):
            kinks += 1
            differences[index] = abs(float(estimate.value) - gradient[index])
        else:
            place = ", ".join(str(int(i)) for i in index)
            wrong.append(
                _difference_in_words(f"{name}[{place}]", float(gradient[index]), float(estimate.value))
            )
    return Comparison(name, parameter.size, float(differences.mean()), float(differences.max()), kinks, wrong)


def _compare_directions(
    name: str, loss: Callable[..., float], parameter: Array, gradient: Array, generator: np.random.Generator
) -> Comparison:
    """Compare the derivative along a few random directions of +1 and -1 with the gradient's inner product."""
    differences, wrong = [], []
    for number in range(1, DIRECTIONS + 1):
        (direction,) = signed_direction((parameter,), generator)
        assert direction is not None
        found = float(np.vdot(gradient, direction))
        estimate = _derivative(loss, parameter, direction)
        differences.append(abs(found - float(estimate.value)))
        if not _agree(found, estimate, float(np.abs(gradient).sum())):
            wrong.append(_difference_in_words(f"{name}, direction {number}", found, float(estimate.value)))
    return Comparison(name, DIRECTIONS, float(np.mean(differences)), max(differences), 0, wrong)


def _derivative(loss: Callable[..., float], parameter: Array, direction: Array) -> Estimate:
    """Return the derivative of the loss along `direction`, from whichever step has the smallest error."""
    kept = parameter.copy()

    def along(s: float) -> float:
        parameter[...] = kept + s * direction
        return loss()

    try:
        estimates = [directional_derivative(along, (0.0,), (np.ones(()),), scale=scale) for scale in SCALES]
    finally:
        parameter[...] = kept
    return min(estimates, key=lambda estimate: float(estimate.error))


def _agree(found: float, estimate: Estimate, scale: float) -> bool:
    """Tell whether `found` is the estimate within its error; an error that large tells nothing is a "no"."""
    error = float(estimate.error)
    return abs(found - float(estimate.value)) <= 8 * error <= 1e-4 * max(scale, 1e-6)


def _difference_in_words(place: str, found: float, right: float) -> str:
    ratio = f", {found / right:.4g} times" if right else ""
    return f"{place}: backpropagation {found:.6g}, numerical differentiation {right:.6g}{ratio}"


def _verdict(compared: int, kinks: int, wrong: list[str], things: str) -> str:
    if not wrong:
        at_kinks = f" ({kinks} by a smaller step, since theirs crossed a ReLU's kink)" if kinks else ""
        return f"verdict: backpropagation is right: all {compared:,} {things} agree{at_kinks}"
    more = f"\n  and {len(wrong) - 5:,} more" if len(wrong) > 5 else ""
    listed = "\n  ".join(wrong[:5])
    return (
        f"verdict: backpropagation is WRONG: {len(wrong):,} of {compared:,} {things} differ\n  {listed}{more}"
    )


def _median_seconds(function: Callable[[], object]) -> float:
    """Return the median time of 101 calls."""
    times = []
    for _ in range(101):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return sorted(times)[50]


def _duration(seconds: float) -> str:
    if seconds >= 1.0:
        return f"{seconds:8.2f} s "
    return f"{seconds * 1e3:8.2f} ms" if seconds >= 1e-3 else f"{seconds * 1e6:8.1f} us"
