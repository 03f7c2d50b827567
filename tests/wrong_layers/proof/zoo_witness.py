"""Compare a layer with its reference on one case, and look for breaches of contract."""

import numpy as np
import zoo_drivers
from zoo_drivers import differentiable, drive

TOLERANCE = 1e-7


def draw(case, seed=0, dtype=np.float64):
    """Fill in a case's arrays: shapes become random numbers, values and functions of a generator are kept."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, spec in case.arrays.items():
        if callable(spec):
            array = np.asarray(spec(rng))
        elif isinstance(spec, tuple):
            array = rng.standard_normal(spec)
        else:
            array = np.array(spec)
        arrays[name] = array.astype(dtype) if array.dtype.kind == "f" else array
    return arrays


def reference(case, arrays, dys, mask=None):
    """Return the reference's outputs, and its gradients if `dys(outputs)` gives cotangents."""
    import torch
    import zoo_references

    wanted = differentiable(case, arrays)
    tensors = {
        k: torch.tensor(np.array(a, np.float64) if a.dtype.kind == "f" else a) for k, a in arrays.items()
    }
    for k in wanted:
        tensors[k].requires_grad_(True)
    options = dict(case.options)
    if mask is not None:
        options["mask"] = torch.tensor(mask)
    out = getattr(zoo_references, case.reference)(*tensors.values(), **options)
    outs = out if isinstance(out, tuple) else (out,)
    moving = [o for o in outs if o.requires_grad][: case.outputs]
    cotangents = dys([o.detach().numpy() for o in moving])
    grads = torch.autograd.grad(
        moving, [tensors[k] for k in wanted], [torch.tensor(d, dtype=torch.float64) for d in cotangents],
        allow_unused=True,
    )  # fmt: skip
    found = {f"y{i}" if i else "y": o.detach().numpy() for i, o in enumerate(outs[: case.outputs])}
    for name, o in zip(("running_mean", "running_var"), outs[case.outputs :], strict=False):
        found[name] = o.detach().numpy()
    for k, g in zip(wanted, grads, strict=True):
        found["d" + k] = np.zeros(arrays[k].shape) if g is None else g.numpy()
    return found, cotangents


def cotangents_of(case, seed=1, dtype=np.float64):
    rng = np.random.default_rng(seed)
    if case.dys == "one":
        return lambda outs: [np.ones(o.shape, dtype) for o in outs]
    return lambda outs: [rng.standard_normal(o.shape).astype(dtype) for o in outs]


def results(convention, module, name, case, arrays, dys):
    """Run the layer once, forward and backward; name what comes out."""
    started = drive(convention, module, name, case, {k: v.copy() for k, v in arrays.items()})
    outs, token = started.forward({k: v.copy() for k, v in arrays.items()})
    grads = started.backward(token, dys(outs)) if case.backward else {}
    found = {f"y{i}" if i else "y": np.asarray(o) for i, o in enumerate(outs)}
    for k, s in started.state().items():
        if k.startswith("running_"):
            found[k] = np.asarray(s)
    found.update({"d" + k: g for k, g in grads.items()})
    return found, outs


def disagreements(convention, module, name, case, seed=0, dtype=np.float64, tolerance=TOLERANCE):
    """Return the parts in which the layer and the reference differ, and by how much."""
    arrays = draw(case, seed, dtype)
    mask = None
    if case.reference == "dropout":
        mask = _mask(convention, module, name, case, arrays, seed)
    truth, cotangents = reference(case, arrays, cotangents_of(case), mask)
    with np.errstate(all="ignore"):
        np.random.seed(seed)
        found, _ = results(
            convention, module, name, case, arrays, lambda _: [np.array(c, dtype) for c in cotangents]
        )
    wrong = {}
    for part, t in truth.items():
        if part not in found:
            if (case.backward and part.startswith("d")) or part == "y":
                wrong[part] = "missing"
            continue
        got = found[part]
        if got is None:
            wrong[part] = "None"
        elif np.shape(got) != t.shape:
            if not (t.size == np.size(got) == 1):
                wrong[part] = f"shape {np.shape(got)}, not {t.shape}"
        else:
            scale = max(float(np.abs(t[np.isfinite(t)]).max(initial=0.0)), 1e-300)
            with np.errstate(all="ignore"):
                error = np.where((np.asarray(got) == t) | (np.isnan(got) & np.isnan(t)), 0.0, np.abs(got - t))
            worst = float(np.nanmax(error, initial=0.0)) if np.isfinite(error).all() else np.inf
            if not worst <= tolerance * scale:
                wrong[part] = worst / scale
    return wrong


def _mask(convention, module, name, case, arrays, seed):
    np.random.seed(seed)
    _, outs = results(convention, module, name, case, arrays, cotangents_of(case))
    return np.asarray(outs[0]) != 0


# Contracts: each returns whether it is broken ------------------------------------------------------------


def _once(convention, module, name, case, seed=0, dtype=np.float64, started=None):
    arrays = draw(case, seed, dtype)
    if started is None:
        started = drive(convention, module, name, case, {k: v.copy() for k, v in arrays.items()})
    return started, arrays


def _equal(a, b):
    return all(
        np.shape(a[k]) == np.shape(b[k]) and np.allclose(a[k], b[k], rtol=1e-9, equal_nan=True) for k in a
    )


def _copied(grads):
    return {k: np.array(g) for k, g in grads.items()}


def cotangent_is_overwritten(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    dys = cotangents_of(case)(outs)
    before = [d.copy() for d in dys]
    started.backward(token, dys)
    return any(not np.array_equal(a, b) for a, b in zip(before, dys, strict=True))


def input_is_overwritten(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    before = {k: v.copy() for k, v in arrays.items()}
    outs, token = started.forward(arrays)
    started.backward(token, cotangents_of(case)(outs))
    return any(
        not np.array_equal(before[k], arrays[k], equal_nan=arrays[k].dtype.kind == "f") for k in arrays
    )


def second_backward_differs(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    dys = cotangents_of(case)(outs)
    first = _copied(started.backward(token, [d.copy() for d in dys]))
    return not _equal(first, started.backward(token, [d.copy() for d in dys]))


def second_call_differs(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    dys = cotangents_of(case)(outs)
    first = {**_copied(started.backward(token, [d.copy() for d in dys])), "y": np.array(outs[0])}
    outs, token = started.forward(arrays)
    again = {**started.backward(token, [d.copy() for d in dys]), "y": outs[0]}
    return not _equal(first, again)


def interleaved_calls_mix(convention, module, name, case):
    """Forward A, forward B, backward of A: for protocols that hand a cache or a pullback over."""
    started, a = _once(convention, module, name, case, 0)
    other, b = _once(convention, module, name, case.also or case, 5)
    outs, token = started.forward(a)
    dys = cotangents_of(case)(outs)
    wanted = _copied(started.backward(token, [d.copy() for d in dys]))
    outs, token = started.forward(a)
    other.forward(b)
    try:
        return not _equal(wanted, started.backward(token, [d.copy() for d in dys]))
    except (ValueError, IndexError):
        return True


def a_call_before_matters(convention, module, name, case):
    """An object of a class that has seen another call answers otherwise than a fresh one."""
    fresh, arrays = _once(convention, module, name, case)
    outs, token = fresh.forward(arrays)
    dys = cotangents_of(case)(outs)
    wanted = {**_copied(fresh.backward(token, [d.copy() for d in dys])), "y": np.array(outs[0])}
    used, _ = _once(convention, module, name, case)
    also = case.also or case
    moving = case.inputs or tuple(arrays)[:1]
    earlier = draw(also, 5)
    outs, token = used.forward({k: earlier[k] if k in moving else arrays[k] for k in arrays}, also.call)
    used.backward(token, cotangents_of(also)(outs))
    outs, token = used.forward(arrays)
    got = {**used.backward(token, [d.copy() for d in dys]), "y": np.array(outs[0])}
    return not _equal(wanted, got)


def backward_twice_in_one_place(convention, module, name, case):
    """The second backward pass' result lies where the first one's lay."""
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    first = list(started.backward(token, cotangents_of(case)(outs)).values())
    second = list(started.backward(token, cotangents_of(case, 2)(outs)).values())
    return any(np.shares_memory(a, b) for a, b in zip(first, second, strict=True))


def another_cotangent_changes_nothing(convention, module, name, case):
    """A second backward pass with another cotangent gives what the first one gave."""
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    first = _copied(started.backward(token, cotangents_of(case)(outs)))
    return _equal(first, started.backward(token, cotangents_of(case, 2)(outs)))


def results_share_memory(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    dys = cotangents_of(case)(outs)
    grads = started.backward(token, dys)
    results = [np.asarray(r) for r in (*outs, *grads.values())]
    given = [*arrays.values(), *dys]
    clash = any(np.shares_memory(r, g) for r in results for g in given)
    return clash or any(np.shares_memory(r, s) for i, r in enumerate(results) for s in results[:i])


def an_earlier_result_changes(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    first = outs[0], *started.backward(token, cotangents_of(case)(outs)).values()
    kept = [np.array(f) for f in first]
    _, b = _once(convention, module, name, case, 5)
    outs, token = started.forward(b)
    started.backward(token, cotangents_of(case, 6)(outs))
    return any(not np.array_equal(f, k) for f, k in zip(first, kept, strict=True))


def _fortran(array):
    return np.array(array, order="F")  # not asfortranarray, which makes a scalar (1,)


def _strided(array):
    wide = np.full((*array.shape[:-1], 2 * array.shape[-1] + 1), 7.0) if array.ndim else np.full((), 7.0)
    view = wide[..., 1::2] if array.ndim else wide
    view[...] = array
    return view


def cotangent_layout_matters(convention, module, name, case):
    started, arrays = _once(convention, module, name, case)
    outs, token = started.forward(arrays)
    dys = cotangents_of(case)(outs)
    wanted = _copied(started.backward(token, [np.array(d, order="C") for d in dys]))
    for lay in (_fortran, _strided):
        outs, token = started.forward(arrays)
        try:
            if not _equal(wanted, started.backward(token, [lay(d) for d in dys])):
                return True
        except (ValueError, RuntimeError, AttributeError):
            return True
    return False


def input_layout_matters(convention, module, name, case):
    arrays = draw(case)
    dys = cotangents_of(case)
    wanted, outs = results(convention, module, name, case, arrays, dys)
    for lay in (_fortran, _strided):
        laid = {k: lay(v) if v.dtype.kind == "f" else v for k, v in arrays.items()}
        started = drive(convention, module, name, case, laid)
        outs, token = started.forward(laid)
        got = {
            "y": outs[0],
            **{"d" + k: g for k, g in started.backward(token, cotangents_of(case)(outs)).items()},
        }
        if not _equal({k: wanted[k] for k in got}, got):
            return True
    return False


def float64_comes_out(convention, module, name, case):
    arrays = draw(case, 0, np.float32)
    found, _ = results(convention, module, name, case, arrays, cotangents_of(case, dtype=np.float32))
    return any(np.asarray(v).dtype == np.float64 and np.ndim(v) for v in found.values())


def skipping_one_changes_another(convention, module, name, case):
    arrays = draw(case)
    started = drive(convention, module, name, case, arrays)
    outs, pullback = started.forward(arrays)
    dys = cotangents_of(case)(outs)
    whole = pullback(*dys)
    n = len(whole)
    for i in range(n):
        alone = pullback(*dys, needs_input_grad=tuple(j == i for j in range(n)))
        if (alone[i] is None) != (whole[i] is None):
            return True
        if whole[i] is not None and not np.array_equal(alone[i], whole[i]):
            return True
        if any(alone[j] is not None for j in range(n) if j != i):
            return True
    return False


def _ones(case):
    return case._replace(arrays={"x": np.ones((64, 64))})


def dropped_share_is_off(convention, module, name, case):
    np.random.seed(3)
    case = _ones(case)
    arrays = draw(case)
    started = drive(convention, module, name, case, arrays)
    outs, _ = started.forward(arrays)
    p = case.options["p"]
    return abs(int((outs[0] == 0).sum()) - 4096 * p) > 6 * np.sqrt(4096 * p * (1 - p))


def draws_repeat(convention, module, name, case):
    case = _ones(case)
    arrays = draw(case)
    np.random.seed(3)
    first = drive(convention, module, name, case, arrays).forward(arrays)[0][0]
    np.random.seed(4)
    second = drive(convention, module, name, case, arrays).forward(arrays)[0][0]
    return np.array_equal(first, second)


CONTRACTS = {
    f.__name__: f
    for f in (
        cotangent_is_overwritten,
        input_is_overwritten,
        second_backward_differs,
        second_call_differs,
        interleaved_calls_mix,
        a_call_before_matters,
        backward_twice_in_one_place,
        another_cotangent_changes_nothing,
        results_share_memory,
        an_earlier_result_changes,
        cotangent_layout_matters,
        input_layout_matters,
        float64_comes_out,
        skipping_one_changes_another,
        dropped_share_is_off,
        draws_repeat,
    )
}

__all__ = ["CONTRACTS", "disagreements", "zoo_drivers"]
