"""How the zoo's layers are driven directly, without the suite: one small driver a convention.

A driver is ``driver(thing, case, arrays) -> Driven``; `arrays` are in the layer's own layout and order.
"""

import copy

import numpy as np

#: Arrays that no derivative is asked of, unless a case says otherwise.
FIXED = ("t", "y", "target", "labels", "ids", "idx", "mask", "running_mean", "running_var", "ignore_label")
FORWARD = (
    ("forward", "backward"),
    ("forward", "backprop"),
    ("forward", "derivative"),
    ("forward_pass", "backward_pass"),
    ("forward_propagate", "back_propagate"),
    ("propagate", "backpropagate"),
    ("call", "deriv"),
    ("loss", "grad"),
    ("loss", "derivative"),
)


def differentiable(case, arrays):
    fixed = FIXED if case.fixed is None else case.fixed
    return [name for name, a in arrays.items() if a.dtype.kind == "f" and name not in fixed]


class Driven:
    """A layer under way: `forward(arrays)` gives outputs, a token, `backward(token, dys)` the gradients."""

    def __init__(self, forward, backward, state=dict):
        self.forward, self.backward, self.state = forward, backward, state


def _tuple(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _named(case, arrays, grads):
    return dict(zip(differentiable(case, arrays), _tuple(grads), strict=True))


def pair(module, name, case, arrays):
    """NAME_forward(*arrays, param) -> (*outputs, cache), NAME_backward(*dys, cache)."""
    backward = getattr(module, name.replace("_forward", "_backward"))
    param = dict(case.options if case.new is None else case.new)
    extra = case.call or ((param,) if param else ())

    def run(given):
        for key in [k for k in given if k in ("running_mean", "running_var")]:
            param[key] = given[key]
        *outputs, cache = getattr(module, name)(
            *[a for k, a in given.items() if k not in ("running_mean", "running_var")], *extra
        )
        return tuple(outputs), cache

    return Driven(run, lambda cache, dys: _named(case, arrays, backward(*dys, cache)), lambda: param)


def fused(module, name, case, arrays):
    """f(x, y) -> (loss, dx)."""
    grads = []

    def run(given):
        loss, *found = getattr(module, name)(*given.values(), **case.options)
        grads[:] = [found]
        return (loss,), found

    return Driven(run, lambda found, _: _named(case, arrays, found))


def value_and_pullback(module, name, case, arrays):
    """f(*arrays, **options) -> (value, pullback[, state]); slots in signature order."""
    state = {}

    def run(given):
        options = dict(case.options if case.new is None else case.new)
        if options.pop("generator", False):
            options["generator"] = np.random.default_rng(0)
        value, pullback, *new = getattr(module, name)(**given, **options)
        if new:
            state.update(zip(("running_mean", "running_var"), new[0], strict=True))
        return _tuple(value), pullback

    def back(pullback, dys):
        slots = dict(zip(arrays, pullback(*dys), strict=False))
        return {key: slots[key] for key in differentiable(case, arrays)}

    return Driven(run, back, lambda: state)


def autograd_function(module, name, case, arrays):
    """torch.autograd.Function: apply(*tensors, *options)."""
    import torch

    def run(given):
        fixed = FIXED if case.fixed is None else case.fixed
        tensors = {
            k: torch.tensor(a, requires_grad=a.dtype.kind == "f" and k not in fixed) for k, a in given.items()
        }
        out = getattr(module, name).apply(*tensors.values(), *case.options.values())
        outs = _tuple(out)
        return tuple(o.detach().numpy() for o in outs), (outs, tensors)

    def back(token, dys):
        outs, tensors = token
        wanted = differentiable(case, arrays)
        grads = torch.autograd.grad(
            outs,
            [tensors[k] for k in wanted],
            [torch.from_numpy(np.asarray(d)) for d in dys],
            retain_graph=True,
            allow_unused=True,
        )
        return {k: None if g is None else g.numpy() for k, g in zip(wanted, grads, strict=True)}

    return Driven(run, back)


def jax_function(module, name, case, arrays):
    """A function with jax.custom_vjp."""
    import jax

    wanted = differentiable(case, arrays)

    def run(given):
        with jax.enable_x64(True):
            fixed = {k: jax.numpy.asarray(a) for k, a in given.items() if k not in wanted}

            def f(*moving):
                named = {**dict(zip(wanted, moving, strict=True)), **fixed}
                return getattr(module, name)(*[named[k] for k in given], *case.options.values())

            out, vjp = jax.vjp(f, *[jax.numpy.asarray(given[k]) for k in wanted])
        return (np.asarray(out),), vjp

    def back(vjp, dys):
        with jax.enable_x64(True):
            grads = vjp(jax.numpy.asarray(dys[0]))
        return {k: np.asarray(g) for k, g in zip(wanted, grads, strict=True)}

    return Driven(run, back)


# Classes -------------------------------------------------------------------------------------------------


def _put(thing, name, array):
    """Set a parameter where the object keeps it."""
    for holder in ("params", "_parameters"):
        held = getattr(thing, holder, None)
        if isinstance(held, dict) and name in held:
            held[name] = array
            return
    held = getattr(thing, name)
    if isinstance(held, dict):
        held["val"] = array
    else:
        setattr(thing, name, array)


def _get(thing, name):
    held = getattr(thing, "params", None)
    if isinstance(held, dict) and name in held:
        return held[name]
    return getattr(thing, name)


def _gradient(thing, name, position):
    """Find a parameter's gradient on the object."""
    for holder in ("grads", "grad", "gradients"):
        held = getattr(thing, holder, None)
        if isinstance(held, dict):
            for key in (name, "d" + name):
                if key in held:
                    return held[key]
        if isinstance(held, list):
            return held[position]
    held = getattr(thing, name, None)
    if isinstance(held, dict):
        return held["grad"]
    for key in ("d" + name, "d_" + name, name + "_grad", "grad_" + name, "dLd" + name):
        if getattr(thing, key, None) is not None:
            return getattr(thing, key)
    raise AttributeError(f"no gradient of {name}")


def _class(module, name, case, arrays, *, rate=None):
    inputs = case.inputs or tuple(arrays)[:1]
    state_names = [k for k in arrays if k.startswith("running_")]
    names = [k for k in arrays if k not in inputs and k not in state_names]
    cls = getattr(module, name)
    if callable(case.new):
        thing = case.new(cls, arrays)
        for key in state_names:
            _put(thing, key, arrays[key])
    elif case.new is None:
        thing = cls(*[arrays[k] for k in names], **case.options)
    else:
        thing = cls(**case.new)
        for key in (*names, *state_names):
            _put(thing, key, arrays[key])
    forward, backward = next(p for p in FORWARD if hasattr(thing, p[0]) and hasattr(thing, p[1]))

    def run(given, call=None):
        for key in names:  # another call may bring other parameters
            if given[key] is not arrays[key] and isinstance(case.new, dict):
                _put(thing, key, given[key])
        out = getattr(thing, forward)(*[given[k] for k in inputs], *(case.call if call is None else call))
        return (_tuple(thing.output if out is None else out)), None

    def back(_, dys):
        moved = [k for k in differentiable(case, arrays) if k in inputs]
        if rate is not None:
            before = {k: np.copy(_get(thing, k)) for k in names}
            got = getattr(thing, backward)(*dys, *rate)
            lr = rate[0] if rate else thing.lr
            after = {k: (before[k] - _get(thing, k)) / lr for k in names}
            for k in names:
                _put(thing, k, before[k])
            return {**dict(zip(moved, _tuple(got), strict=False)), **after}
        got = _back(case, thing, backward, dys)
        if got is None:
            got = thing.dinputs if moved else ()
        got = _tuple(got)
        found = dict(zip(moved, got, strict=False))
        if len(got) > len(moved):  # (dx, dW, db) returned, in order
            found.update(zip(names, got[len(moved) :], strict=True))
        for i, key in enumerate(names):
            if key not in found:
                found[key] = _gradient(thing, key, i)
        return found

    return Driven(run, back, lambda: {k: _get(thing, k) for k in state_names})


def _back(case, thing, backward, dys):
    if case.back is not None:
        return getattr(thing, backward)(*case.back(thing, dys))
    return getattr(thing, backward)(*dys)


def layer_class(module, name, case, arrays):
    """Any class with a forward and a backward method."""
    return _class(module, name, case, arrays)


def updates(module, name, case, arrays):
    """backward(dy, learning_rate) updates the parameters and returns dx."""
    return _class(module, name, case, arrays, rate=(0.5,))


def updates_itself(module, name, case, arrays):
    """backward(dy) updates the parameters by the layer's own rate `lr`."""
    return _class(module, name, case, arrays, rate=())


DRIVERS = {
    "book": layer_class,
    "book2": layer_class,
    "cs231n": pair,
    "torch_named": layer_class,
    "scratchnet": value_and_pullback,
    "autograd_function": autograd_function,
    "jax": jax_function,
    "fused": fused,
    "forward_pass": layer_class,
    "other_names": layer_class,
    "dinputs": layer_class,
    "updates": updates,
    "updates_itself": updates_itself,
}


def drive(convention, module, name, case, arrays):
    """Start a layer; every start is a fresh object with parameters of its own."""
    return DRIVERS[convention](
        module, name, case, copy.deepcopy(arrays) if convention == "updates" else arrays
    )
