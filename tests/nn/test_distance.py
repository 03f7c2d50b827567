"""Layers of two inputs against their twins of torch.nn, by the checks of `nn_twins`."""

import math

import numpy as np
from nn_twins import Refusal, Twin, call, options


def cosine(d):
    shape = (d.batch(), *d.sides(d.integer(1, 2), high=4))
    made = call(**options(d, dim=(0, 1, -1), eps=(1e-3, 0.5)))
    return made, d.array(*shape), d.array(*shape)


def pairwise(d):
    shape = (*d.samples(), d.side())
    made = call(**options(d, p=(1.0, 3.0, 1.5, 2, math.inf, 0.0), eps=(1e-3, 0.0), keepdim=(True,)))
    return made, d.array(*shape), d.array(*shape)


A, B = np.ones((2, 3)), np.ones((2, 4))
TWINS = [
    Twin(
        "CosineSimilarity",
        cosine,
        "cosine_similarity",
        [
            Refusal("shapes that do not broadcast", call(), ("x1", "(2, 4)"), (A, B)),
            Refusal("a dimension that is not there", call(2), ("dim", "2"), (A, A)),
            Refusal("a negative eps", call(eps=-1.0), ("eps=-1.0",), (A, A)),
        ],
    ),
    Twin(
        "PairwiseDistance",
        pairwise,
        "pairwise_distance",
        [
            Refusal("shapes that do not broadcast", call(), ("x1", "(2, 4)"), (A, B)),
            Refusal("a p that is no number", call("2"), ("p='2'",), (A, A)),
            Refusal("the largest of nothing", call(math.inf), ("p=inf",), (A[:, :0], A[:, :0])),
        ],
    ),
]


def test_layer_and_twin(twin, check):
    check(twin)
