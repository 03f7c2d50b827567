"""Padding layers against their twins of torch.nn, by the checks of `nn_twins`."""

import numpy as np
from nn_twins import Refusal, Twin, call

KINDS = {"Constant": 4, "Zero": 4, "Reflection": 0, "Replication": 3, "Circular": 1}
"""How much each adds at most, beside a part of the side."""


def padding(kind, n):
    name = f"{kind}Pad{n}d"
    value = (1.5,) if kind == "Constant" else ()

    def draw(d):
        sides = d.sides(n, low=2, high=4)
        each = []
        for side in reversed(sides):
            low = -1 if side > 2 and d.flag() else 0
            high = {"Reflection": side - 1, "Circular": side - 1}.get(kind, KINDS[kind])
            before = d.integer(low, high)
            left = side + min(before, 0)
            each += [before, d.integer(0, min(high, left - 1 if kind == "Reflection" else high))]
        if d.integer(0, 3) == 0:
            each = [1] * (2 * n)
        given = d.one_of(tuple(each), list(each))
        if len(set(each)) == 1 and d.flag():
            given = each[0]
        return call(given, *value), d.array(*d.samples(), d.side(1, 2), *sides)

    x = np.ones((1, 2) + (3,) * n)
    refusals = [
        Refusal("an odd length", call((1,) * (2 * n - 1), *value), ("pad=(1,",), (x,)),
        Refusal("a fraction", call(1.5, *value), ("pad=1.5",), (x,)),
        Refusal("more taken away than there is", call(-2, *value), ("pad=(-2, -2",), (x,)),
    ]
    if kind in ("Constant", "Zero"):
        refusals += [Refusal("no axis to pad", call(1, *value), ("pad=(1,", "()"), (np.ones(()),))]
    else:
        flat, many = np.ones((3,) * n), np.ones((1, 1, 2) + (3,) * n)
        refusals += [
            Refusal("no channels", call(1), ("pad must be", str(flat.shape)), (flat,)),
            Refusal("an axis too many", call(1), ("pad must be", str(many.shape)), (many,)),
        ]
    if kind == "Reflection":
        refusals += [Refusal("as much as there is", call(3), ("pad must be less", "pad=(3,"), (x,))]
    if kind == "Circular":
        refusals += [Refusal("more than one turn", call(4), ("pad must be at most", "pad=(4,"), (x,))]
    if kind == "Constant":
        refusals += [Refusal("a value that is no number", call(1, "a"), ("value='a'",), (x,))]
    return Twin(name, draw, "pad", refusals)


TWINS = [padding(kind, n) for kind in KINDS for n in (1, 2, 3)]


def test_layer_and_twin(twin, check):
    check(twin)
