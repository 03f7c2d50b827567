"""Entries of the poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..case import Case
from .protocol import Invalid, Operation
from .refusals import usual_refusals

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._types import Array
    from ..strategies import Draw, Window


def _case(name: str, x: Array, kernel_size: object, **options: object) -> Case:
    extras = ("indices",) if options.get("return_indices") else ()
    return Case(name, {"x": x}, {"kernel_size": kernel_size, **options}, ("x",), extras=extras)


def _shape_and_options(
    d: Draw, n: int, dilations: int
) -> tuple[tuple[int, ...], list[Window], dict[str, object]]:
    windows = [d.window(dilations=dilations, half_padding=True, outputs=4 if n < 3 else 2) for _ in range(n)]
    batch = d.samples()
    options: dict[str, object] = {
        "kernel_size": d.numbers(w.kernel for w in windows),
        "padding": d.numbers(w.padding for w in windows),
        "ceil_mode": d.flag(),
    }
    by_default = all(w.stride == w.kernel for w in windows)
    options["stride"] = None if by_default and d.flag() else d.numbers(w.stride for w in windows)
    return (*batch, d.side(1, 3), *(w.side for w in windows)), windows, options


def _draw_max(n: int) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        shape, windows, options = _shape_and_options(d, n, dilations=2)
        options |= {"dilation": d.numbers(w.dilation for w in windows), "return_indices": d.flag()}
        return _case(f"max_pool{n}d", d.array(*shape), **options)

    return draw


def _draw_average(n: int) -> Callable[[Draw], Case]:
    def draw(d: Draw) -> Case:
        shape, _, options = _shape_and_options(d, n, dilations=1)
        options |= {"count_include_pad": d.one_of(True, False)}
        if n > 1:  # PyTorch's avg_pool1d has none
            options |= {"divisor_override": d.one_of(None, None, 3, 1)}
        return _case(f"avg_pool{n}d", d.array(*shape), **options)

    return draw


def _bad_windows(good: Case, n: int) -> tuple[Invalid, ...]:
    flat = np.ones((5,) * n)
    return (
        *usual_refusals(good, (1, 2) + (3,) * n),
        Invalid("an x without channels", good.replace(x=flat), (": x must be ", f"x of shape {flat.shape}")),
        Invalid(
            "an x without sides",
            good.replace(x=good["x"][..., :0]),
            (": only the batch of x may be empty", f"x of shape {good['x'][..., :0].shape}"),
        ),
        Invalid(
            "a kernel of zero",
            good.with_options(kernel_size=0),
            (": kernel_size must be at least 1", "kernel_size=0"),
        ),
        Invalid("a stride of zero", good.with_options(stride=0), (": stride must be at least 1", "stride=0")),
        Invalid(
            "a negative padding",
            good.with_options(padding=-1),
            (": padding must be at least 0", "padding=-1"),
        ),
        Invalid(
            "a padding of more than half the kernel",
            good.with_options(padding=2),
            (": padding must be at most half of kernel_size", "padding=2", f"kernel_size={(2,) * n}"),
        ),
        Invalid(
            "a kernel larger than x",
            good.with_options(kernel_size=9, padding=1),
            (
                f": no window fits: its sides, dilated, are {(9,) * n}",
                f"x of shape {good['x'].shape}",
                "padding=1",
            ),
        ),
        *(
            Invalid(
                f"too many numbers for {option}",
                good.with_options(**{option: (1,) * 4}),
                (f": {option} must be an integer or a tuple of {n}", f"{option}=(1, 1, 1, 1)"),
            )
            for option in ("kernel_size", "stride", "padding")
        ),
    )


def _each(value: Any, n: int) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,) * n


def _jax_average(
    jax: Any, x: Any, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool,
    divisor_override: int | None = None, **_: Any,
) -> Any:  # fmt: skip
    n = len(kernel_size) if isinstance(kernel_size, tuple) else x.ndim - 2
    lead = (1,) * (x.ndim - n)
    window = (*lead, *_each(kernel_size, n))
    steps = (*lead, *_each(kernel_size if stride is None else stride, n))
    pads = ((0, 0),) * len(lead) + tuple((p, p) for p in _each(padding, n))

    def total(values: Any) -> Any:
        return jax.lax.reduce_window(values, np.zeros((), values.dtype), jax.lax.add, window, steps, pads)

    if divisor_override is not None:
        return total(x) / divisor_override
    if count_include_pad:
        return total(x) / int(np.prod(window))
    return total(x) / total(jax.numpy.ones_like(x))


def _torch_cannot(case: Case) -> str | None:
    """PyTorch 2.13 writes outside its memory where a dilated window lies in the padding alone."""
    n = int(case.operation[-2])
    kernels, pads, steps = (_each(case.options[name], n) for name in ("kernel_size", "padding", "dilation"))
    for side, kernel, pad, step in zip(case["x"].shape[-n:], kernels, pads, steps, strict=True):
        if kernel > 1 and pad and side < step:
            return "a window may lie in the padding alone"
    return None


def _torch_cannot_average(case: Case) -> str | None:
    """PyTorch's avg_pool3d alone counts no padding when it asks whether a window fits."""
    if case.operation == "avg_pool3d" and any(
        side < kernel
        for side, kernel in zip(case["x"].shape[-3:], _each(case.options["kernel_size"], 3), strict=True)
    ):
        return "PyTorch's avg_pool3d takes no window larger than x without its padding"
    return None


def _operations(n: int) -> tuple[Operation, Operation]:
    x = np.ones((1, 2) + (6,) * n)
    good_max, good_average = _case(f"max_pool{n}d", x, 2), _case(f"avg_pool{n}d", x, 2)
    divisor = Invalid(
        "a divisor of zero",
        good_average.with_options(divisor_override=0),
        (": divisor_override must not be 0", "divisor_override=0"),
    )
    fraction = Invalid(
        "a divisor that is no integer",
        good_average.with_options(divisor_override=1.5),
        (": divisor_override must be an integer", "divisor_override=1.5"),
        TypeError,
    )

    def samples(case: Case) -> tuple[str, ...]:
        return ("x",) if case["x"].ndim == n + 2 else ()

    def jax_cannot(case: Case) -> str | None:
        if case["x"].ndim != n + 2 or case["x"].size == 0 or case.options["ceil_mode"]:
            return "lax.reduce_window has no ceil_mode and no empty batch"
        return None

    return (
        Operation(
            f"max_pool{n}d",
            _draw_max(n),
            (
                *_bad_windows(good_max, n),
                Invalid(
                    "a dilation of zero",
                    good_max.with_options(dilation=0),
                    (": dilation must be at least 1", "dilation=0"),
                ),
                Invalid(
                    "too many dilations",
                    good_max.with_options(dilation=(1,) * 4),
                    (f": dilation must be an integer or a tuple of {n}", "dilation=(1, 1, 1, 1)"),
                ),
            ),
            ties=True,
            torch_cannot=_torch_cannot,
            per_sample=samples,
        ),
        Operation(
            f"avg_pool{n}d",
            _draw_average(n),
            (*_bad_windows(good_average, n), *([divisor, fraction] if n > 1 else [])),
            torch_cannot=_torch_cannot_average,
            jax=_jax_average,
            jax_cannot=jax_cannot,
            per_sample=samples,
        ),
    )


MAX_POOL1D, AVG_POOL1D = _operations(1)
MAX_POOL2D, AVG_POOL2D = _operations(2)
MAX_POOL3D, AVG_POOL3D = _operations(3)
