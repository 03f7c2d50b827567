"""``scratchnet train``: the book's training run on MNIST."""

from __future__ import annotations

import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import serialization
from ..training import accuracy, multilayer_perceptron, sgd_losses
from . import _arguments
from .protocol import INTERRUPTED

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator
    from types import FrameType

SUMMARY = "train a network on MNIST, by default the one of the book's chapter 5.7"

_SETTINGS = ("steps", "batch", "rate", "schedule", "momentum", "dtype", "seed")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the settings of the run and the files it may write."""
    _arguments.add_network_arguments(parser)
    parser.add_argument(
        "--steps", type=_arguments.positive_int, default=10_000, metavar="N", help="of descent"
    )
    parser.add_argument(
        "--batch", type=_arguments.positive_int, default=100, metavar="N", help="images a step"
    )
    parser.add_argument(
        "--rate", type=_arguments.positive_float, default=0.1, metavar="X", help="learning rate"
    )
    parser.add_argument(
        "--momentum",
        type=_arguments.fraction,
        default=0.9,
        metavar="X",
        help="0 for the book's plain descent",
    )
    parser.add_argument(
        "--schedule",
        choices=("falling", "constant"),
        default="falling",
        help="whether the rate falls to 0 over the run, or is constant as in the book",
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument(
        "--save", type=Path, metavar="FILE", help="write the parameters there (.npz or .safetensors)"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE.png", help="draw losses and accuracies (matplotlib)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, print a line an epoch, write what was asked for."""
    if arguments.save is not None:
        serialization.check_suffix("train", arguments.save)  # now, not after the run
    _arguments.check_writable(arguments.save, arguments.plot, arguments.json)
    if arguments.plot is not None:
        _require_matplotlib()
    data = _arguments.load(arguments.data, arguments.dtype)
    (x_train, t_train), (x_test, t_test) = data
    generator = np.random.default_rng(arguments.seed)
    sizes = (x_train.shape[1], *arguments.hidden, _arguments.n_classes(data))
    net = multilayer_perceptron(sizes, dtype=arguments.dtype, generator=generator)
    print(
        f"{'-'.join(map(str, sizes))} network, {arguments.dtype}: {arguments.steps} steps, "
        f"batches of {arguments.batch} of {len(x_train)} images, rate {arguments.rate:g} "
        f"{arguments.schedule}, momentum {arguments.momentum:g}, seed {arguments.seed}"
    )
    print("epoch     step   loss    train acc   test acc   seconds")

    steps_an_epoch = max(len(x_train) // arguments.batch, 1)
    losses: list[float] = []
    epochs: list[dict[str, Any]] = []
    start = time.perf_counter()

    def finish_epoch(tell: Any) -> None:
        recent = losses[epochs[-1]["step"] if epochs else 0 :]
        epoch = {
            "epoch": round(len(losses) / steps_an_epoch, 2),
            "step": len(losses),
            "loss": float(np.mean(recent)) if recent else None,
            "train_accuracy": accuracy(net, x_train, t_train),
            "test_accuracy": accuracy(net, x_test, t_test),
            "seconds": round(time.perf_counter() - start, 3),
        }
        epochs.append(epoch)
        loss = "     -" if epoch["loss"] is None else f"{epoch['loss']:6.4f}"
        tell(
            f"{epoch['epoch']:5.5g} {epoch['step']:8d} {loss} {epoch['train_accuracy']:11.2%} "
            f"{epoch['test_accuracy']:10.2%} {epoch['seconds']:9.1f}"
        )

    settings = {
        "batch_size": arguments.batch,
        "lr": arguments.rate,
        "momentum": arguments.momentum,
        "falling": arguments.schedule == "falling",
        "steps": arguments.steps,
        "generator": generator,
    }
    # A run that diverges is noticed by its loss, so NumPy need not warn of each overflow on the way there.
    with (
        _progress(arguments.steps) as (advance, tell),
        _stop_on_interrupt() as stopped,
        np.errstate(all="ignore"),
    ):
        finish_epoch(tell)
        try:
            for loss in sgd_losses(net, x_train, t_train, **settings):
                losses.append(loss)
                advance()
                if stopped():
                    break
                if len(losses) % steps_an_epoch == 0:
                    finish_epoch(tell)
        except FloatingPointError as error:
            raise FloatingPointError(f"{error}; a smaller --rate may help") from error
        if epochs[-1]["step"] != len(losses):
            finish_epoch(tell)

    seconds = time.perf_counter() - start
    interrupted = len(losses) < arguments.steps
    last = epochs[-1]
    print(
        f"{'stopped by Ctrl-C after' if interrupted else 'trained'} {len(losses)} of {arguments.steps} steps "
        f"in {seconds:.1f} s: train {last['train_accuracy']:.2%}, test {last['test_accuracy']:.2%}"
    )
    if arguments.save is not None:
        serialization.save(arguments.save, net.state_dict())
        print(f"parameters: {arguments.save}")
    if arguments.json is not None:
        content = {
            "settings": {
                "sizes": list(sizes),
                **{name: getattr(arguments, name) for name in _SETTINGS},
                "data": "MNIST" if arguments.data is None else str(arguments.data),
            },
            "interrupted": interrupted,
            "steps_done": len(losses),
            "seconds": round(seconds, 3),
            "epochs": epochs,
            "losses": losses,
        }
        _arguments.write_json(arguments.json, content)
        print(f"results: {arguments.json}")
    if arguments.plot is not None:
        _plot(arguments.plot, losses, epochs)
        print(f"plot: {arguments.plot}")
    return INTERRUPTED if interrupted else 0


@contextmanager
def _progress(total: int) -> Iterator[tuple[Any, Any]]:
    """Yield how to advance by one step and how to print a line: with a bar on a terminal, plain in a pipe."""
    bar = None
    if sys.stderr.isatty() and sys.stdout.isatty():
        try:
            from tqdm import tqdm
        except ImportError:  # an extra: without it there are lines alone
            pass
        else:
            bar = tqdm(total=total, unit="step", leave=False)
    if bar is None:
        yield (lambda: None), (lambda line: print(line, flush=True))
        return
    with bar:
        yield bar.update, bar.write


@contextmanager
def _stop_on_interrupt() -> Iterator[Any]:
    """Yield a function that says whether Ctrl-C was pressed, so that the run ends between two steps.

    A second Ctrl-C interrupts at once, as always.
    """
    pressed = False

    def on_interrupt(_signal: int, _frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    try:
        before = signal.signal(signal.SIGINT, on_interrupt)
    except ValueError:  # not the main thread: it gets no signals
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _require_matplotlib() -> None:
    try:
        import matplotlib.figure  # noqa: F401 - asked for before the run, so that none is trained in vain
    except ImportError:
        raise ValueError("--plot needs matplotlib: pip install matplotlib") from None


def _plot(path: Path, losses: list[float], epochs: list[dict[str, Any]]) -> None:
    """Draw the loss of each step, and the accuracies at each epoch."""
    import io

    from matplotlib.figure import Figure

    from .._files import write_atomically

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    left.plot(np.arange(1, len(losses) + 1), losses, linewidth=0.3, color="tab:gray", label="each step")
    steps = [epoch["step"] for epoch in epochs if epoch["loss"] is not None]
    left.plot(steps, [epoch["loss"] for epoch in epochs if epoch["loss"] is not None], label="mean")
    left.set(xlabel="step", ylabel="cross entropy (nats)", ylim=(0, None))
    left.legend()
    for part in ("train", "test"):
        right.plot(
            [epoch["epoch"] for epoch in epochs],
            [100 * epoch[f"{part}_accuracy"] for epoch in epochs],
            label=part,
            marker=".",
        )
    right.set(xlabel="epoch", ylabel="accuracy (%)")
    right.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    write_atomically(path, buffer.getvalue())
