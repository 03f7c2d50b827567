"""What torch.autograd.gradcheck and jax.test_util.check_grads say of the zoo, at their defaults.

``python tests/quality/other_checkers.py`` prints how many of the wrong layers each catches, and how many of
the right ones it calls wrong, on one natural input in float64 for each of ten seeds: what a developer would
draw. A layer counts as caught where any seed catches it. Both are handed the layer as the suite drives it, on
a fresh object where it is a class; whatever is raised counts as caught.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from zoo import candidates, entries

#: So many files are checked by one process, since each has to import PyTorch and JAX.
TOGETHER = 12
CHECKERS = ("torch gradcheck", "jax check_grads")


def natural(subject: Any, seed: int) -> Any:
    """Return a call as a developer would draw one: random normal values, no special shapes."""
    from scratchnet_crosscheck.references.protocol import Sampler
    from scratchnet_crosscheck.strategies import Setting

    setting = Setting(np.dtype(np.float64), layouts=False)
    return subject.case(Sampler(np.random.default_rng(seed), setting))


def by_torch(subject: Any, case: Any) -> None:
    """Hold a layer's backward pass against torch.autograd.gradcheck; raises where it does not hold."""
    import torch

    moving = case.differentiable

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            given = {n: t.detach().numpy() for n, t in zip(moving, tensors, strict=True)}
            ctx.case = case.replace(**given)
            ctx.started = subject.start(ctx.case)
            outputs = subject.outputs(ctx.started, ctx.case)[: len(case.outputs)]
            return tuple(torch.from_numpy(np.array(y, np.float64)) for y in outputs)

        @staticmethod
        def backward(ctx: Any, *dys: Any) -> Any:
            slots = subject.pull(ctx.started, ctx.case, tuple(dy.numpy() for dy in dys), None)
            found = dict(zip(case.slots, slots, strict=True))
            return tuple(
                None if found[n] is None else torch.from_numpy(np.asarray(found[n], np.float64))
                for n in moving
            )

    tensors = [torch.from_numpy(case[n].copy()).requires_grad_() for n in moving]
    torch.autograd.gradcheck(Wrapped.apply, tensors)


def by_jax(subject: Any, case: Any) -> None:
    """Hold a layer's backward pass against jax.test_util.check_grads, in reverse mode and first order."""
    import jax
    from jax.test_util import check_grads

    moving = case.differentiable
    shapes = [jax.ShapeDtypeStruct(case[n].shape, np.float64) for n in moving]
    first = subject.outputs(subject.start(case), case)[: len(case.outputs)]
    results = [jax.ShapeDtypeStruct(np.shape(y), np.float64) for y in first]

    def passes(*arrays: Any, back: bool) -> Any:
        given = dict(zip(moving, (np.array(a) for a in arrays[: len(moving)]), strict=True))
        call = case.replace(**given)
        started = subject.start(call)
        outputs = subject.outputs(started, call)[: len(case.outputs)]
        if not back:
            return tuple(np.asarray(y, np.float64) for y in outputs)
        slots = subject.pull(started, call, tuple(np.array(dy) for dy in arrays[len(moving) :]), None)
        found = dict(zip(case.slots, slots, strict=True))
        return tuple(
            np.zeros(s.shape) if found[n] is None else np.asarray(found[n], np.float64)
            for n, s in zip(moving, shapes, strict=True)
        )

    @jax.custom_vjp
    def function(*arrays: Any) -> Any:
        return jax.pure_callback(lambda *a: passes(*a, back=False), tuple(results), *arrays)

    def forward(*arrays: Any) -> Any:
        return function(*arrays), arrays

    def backward(arrays: Any, dys: Any) -> Any:
        return jax.pure_callback(lambda *a: passes(*a, back=True), tuple(shapes), *arrays, *dys)

    function.defvjp(forward, backward)
    check_grads(function, tuple(case[n] for n in moving), order=1, modes=["rev"])


def caught(check: Callable[[Any, Any], None], subject: Any, case: Any) -> bool:
    """Return whether a checker calls the layer wrong."""
    try:
        check(subject, case)
    except Exception:  # whatever a checker or a layer raises
        return True
    return False


def _work(zoo: str, files: dict[str, list[str]], seeds: int, to: Any) -> None:
    import jax
    import torch

    from scratchnet_crosscheck.adapters.fitting import fit

    signal.alarm(900)
    torch.set_num_threads(1)
    jax.config.update("jax_enable_x64", True)
    warnings.simplefilter("ignore")
    with Path(os.devnull).open("w", encoding="utf-8") as sys.stdout:
        for file, names in files.items():
            found = candidates(zoo, file)
            for name in names:
                candidate = found.get(name)
                if candidate is None:
                    continue
                subject = fit(candidate, lambda: None)
                said = [
                    any(caught(check, subject, natural(subject, seed)) for seed in range(seeds))
                    for check in (by_torch, by_jax)
                ]
                to.put((zoo, file, name, said))


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--details", action="store_true", help="a line a layer")
    arguments = parser.parse_args()
    jobs = []
    for zoo in ("wrong", "right"):
        by_file: dict[str, list[str]] = defaultdict(list)
        for entry in entries(zoo):
            by_file[entry.file].append(entry.subject)
        files = list(by_file)
        jobs += [
            (zoo, {file: by_file[file] for file in files[start : start + TOGETHER]})
            for start in range(0, len(files), TOGETHER)
        ]
    spawn = multiprocessing.get_context("spawn")  # JAX does not live through a fork
    results: Any = spawn.Manager().Queue()
    running: list[Any] = []
    for zoo, together in jobs:
        while len([p for p in running if p.is_alive()]) >= arguments.processes:
            running[0].join(0.1)
            running = [p for p in running if p.is_alive()]
        running.append(spawn.Process(target=_work, args=(zoo, together, arguments.seeds, results)))
        running[-1].start()
    for process in running:
        process.join()
    said: dict[str, list[tuple[str, str, list[bool]]]] = defaultdict(list)
    while not results.empty():
        zoo, file, name, answers = results.get()
        said[zoo].append((file, name, answers))
    for place, checker in enumerate(CHECKERS):
        for zoo, words in (("wrong", "caught"), ("right", "called wrong")):
            count = sum(answers[place] for _, _, answers in said[zoo])
            print(f"{checker}: {count} of {len(said[zoo])} {zoo} layers {words}")
    if arguments.details:
        for zoo, lines in said.items():
            for file, name, answers in sorted(lines):
                print(zoo, file, name, *answers)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
