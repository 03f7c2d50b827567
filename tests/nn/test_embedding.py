"""Tables of vectors against their twins of torch.nn, by the checks of `nn_twins`, and the rest."""

import numpy as np
import pytest
from nn_twins import Refusal, Twin, call, options

from scratchnet import nn, optim


def embedding(d):
    rows = d.side(1, 6)
    chosen = options(
        d, padding_idx=(0, rows - 1, -1), max_norm=(1.2345, 0.6789), norm_type=(1.0, 3.0, 2),
        scale_grad_by_freq=(True,),
    )  # fmt: skip
    return call(rows, d.side(), **chosen), d.labels(*d.samples(), *d.sides(d.integer(0, 1)), classes=rows)


def bag(d):
    rows = d.side(1, 6)
    mode = d.one_of("mean", "sum", "max")
    chosen = options(d, padding_idx=(0, -1), max_norm=(1.2345, 0.6789), norm_type=(1.0, 3.0))
    if mode != "mean" or d.flag():
        chosen["mode"] = mode
    weighted = mode == "sum" and d.flag()
    if d.flag():
        x = d.labels(d.batch(low=1), d.side(), classes=rows)
        return call(rows, d.side(), **chosen), x, *((None, d.array(*x.shape)) if weighted else ())
    sizes = [d.integer(0, 3) for _ in range(d.batch(low=1))]
    places = np.cumsum([0, *sizes])
    if d.flag():
        chosen["include_last_offset"] = True
    else:
        places = places[:-1]
    x = d.labels(sum(sizes), classes=rows)
    return call(rows, d.side(), **chosen), x, places, *((d.array(*x.shape),) if weighted else ())


def refusals(numbers):
    return [
        Refusal("a negative number of rows", call(-1, 2), ("num_embeddings=-1",)),
        Refusal("rows that are no integer", call(2.5, 2), ("num_embeddings=2.5",)),
        Refusal("a padding_idx too large", call(3, 2, padding_idx=3), ("padding_idx=3",)),
        Refusal("a padding_idx too small", call(3, 2, padding_idx=-4), ("padding_idx=-4",)),
        Refusal("another table", call(3, 2, _weight=np.ones((3, 3))), ("_weight", "(3, 3)")),
        Refusal("sparse gradients", call(3, 2, sparse=True), ("sparse=True",), only_ours="it has them"),
        Refusal("a number too large", call(2, 2), ("=3", "[0, 1]"), (numbers,)),
        Refusal("floats", call(9, 2), ("float64",), (numbers.astype(np.float64),)),
    ]


TWINS = [
    Twin("Embedding", embedding, "embedding", refusals(np.array([0, 3]))),
    Twin(
        "EmbeddingBag",
        bag,
        "embedding_bag",
        [
            *refusals(np.array([[0, 3]])),
            Refusal("another mode", call(5, 2, mode="avg"), ("mode='avg'",), (np.array([[0, 3]]),)),
            Refusal("no offsets", call(5, 2), ("offsets",), (np.array([0, 3]),)),
            Refusal("offsets of bags", call(5, 2), ("offsets",), (np.array([[0, 3]]), np.array([0]))),
            Refusal("offsets from 1", call(5, 2), ("[1, 2]",), (np.array([0, 3]), np.array([1, 2]))),
            Refusal(
                "weights of a mean",
                call(5, 2),
                ("mode='mean'",),
                (np.array([[0, 3]]), None, np.ones((1, 2))),
            ),
            Refusal(
                "the frequency of maxima",
                call(5, 2, mode="max", scale_grad_by_freq=True),
                ("scale_grad_by_freq=True",),
                (np.array([[0, 3]]),),
            ),
        ],
    ),
]


def test_layer_and_twin(twin, check):
    check(twin)


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_initial_values_are_standard_normal_and_the_padding_row_zeros(layer):
    n = 200
    weight = layer(n + 1, n, padding_idx=-1, dtype=np.float64, generator=np.random.default_rng(0)).params[
        "weight"
    ]
    assert not weight[-1].any()
    # Six standard errors of n^2 numbers.
    assert abs(weight[:-1].mean()) < 6 / n
    assert abs(weight[:-1].var() - 1) < 6 * 2**0.5 / n
    same = layer(n + 1, n, padding_idx=-1, generator=np.random.default_rng(0)).params["weight"]
    np.testing.assert_array_equal(same, weight.astype(np.float32))


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_max_norm_scales_the_rows_that_are_looked_up_in_place(layer):
    made = layer(4, 3, max_norm=1.0, dtype=np.float64)
    weight = made.params["weight"]
    weight[...] = np.arange(12.0).reshape(4, 3)
    made(np.array([[1, 1, 3]]))
    assert made.params["weight"] is weight  # an optimizer still updates it
    np.testing.assert_allclose(np.linalg.norm(weight, axis=1)[[1, 3]], 1.0, rtol=1e-6)
    np.testing.assert_array_equal(weight[[0, 2]], np.arange(12.0).reshape(4, 3)[[0, 2]])


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_a_pretrained_table_is_copied_and_frozen_unless_it_is_not(layer):
    table = np.arange(6.0).reshape(3, 2)
    frozen = layer.from_pretrained(table)
    assert frozen.params["weight"].dtype == table.dtype
    assert not np.shares_memory(frozen.params["weight"], table)
    y = frozen(np.array([[1, 2]]))
    frozen.backward(np.ones_like(y))
    assert frozen.grads == {}
    optim.SGD(frozen.params, lr=0.1).step(frozen.grads)
    np.testing.assert_array_equal(frozen.params["weight"], table)
    learned = layer.from_pretrained(table, freeze=False)
    learned.backward(np.ones_like(learned(np.array([[1, 2]]))))
    assert list(learned.grads) == ["weight"]
    torch = pytest.importorskip("torch")
    twin = getattr(torch.nn, layer.__name__).from_pretrained(torch.from_numpy(table))
    assert repr(twin) == repr(frozen)
    np.testing.assert_array_equal(twin(torch.tensor([[1, 2]])).detach().numpy(), y)
    with pytest.raises(ValueError, match=f"{layer.__name__}: embeddings must be"):
        layer.from_pretrained(table[0])


def test_bags_return_a_gradient_for_each_input_that_was_given():
    layer = nn.EmbeddingBag(4, 2, mode="sum", dtype=np.float64)
    x, offsets = np.array([0, 1, 2]), np.array([0, 2])
    layer(x.reshape(1, 3))
    assert layer.backward(np.ones((1, 2))) is None
    layer(x, offsets)
    assert layer.backward(np.ones((2, 2))) == (None, None)
    layer(x, offsets, np.ones(3))
    dx, doffsets, dweights = layer.backward(np.ones((2, 2)))
    assert dx is None
    assert doffsets is None
    np.testing.assert_allclose(dweights, layer.params["weight"][:3].sum(axis=1))


@pytest.mark.parametrize("layer", [nn.Embedding, nn.EmbeddingBag])
def test_the_count_that_divides_a_gradient_is_the_rows_own(layer):
    made = layer(6, 1, scale_grad_by_freq=True, dtype=np.float64)
    x = np.array([[5, 5, 1], [1, 2, 5]])
    y = made(x)
    made.backward(np.ones_like(y))
    share = 1 / 3 if layer is nn.EmbeddingBag else 1.0  # of a mean of three
    np.testing.assert_allclose(made.grads["weight"].ravel(), [0, share, share, 0, 0, share], rtol=1e-15)
