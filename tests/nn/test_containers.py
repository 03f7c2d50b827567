"""Sequential, ModuleList and ModuleDict against torch.nn's; Sum and Concatenate against autograd."""

import copy
import operator
import pickle
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet import nn

# ---- what is done to them is what is done to their twins


def _fresh(library, features):
    """Return a new layer that can be told from others by what it prints; 0 is the one without parameters."""
    return library.Linear(features, 1) if features else library.ReLU()


def _state(container):
    shown = [*container] if not hasattr(container, "items") else [*container.items()]
    return repr(container), list(container.state_dict()), len(container), repr(shown), container.training


LAYERS = st.integers(0, 3)
PLACES = st.integers(-4, 4)
SLICES = st.builds(slice, PLACES | st.none(), PLACES | st.none(), st.sampled_from([None, 1, 2, -1]))
LIST_STEPS = st.one_of(
    st.tuples(st.just("append"), LAYERS),
    st.tuples(st.just("extend"), st.lists(LAYERS, max_size=3)),
    st.tuples(st.just("insert"), PLACES, LAYERS),
    st.tuples(st.just("pop"), PLACES),
    st.tuples(st.just("set"), PLACES, LAYERS),
    st.tuples(st.just("delete"), PLACES | SLICES),
    st.tuples(st.just("get"), PLACES | SLICES),
    st.tuples(st.just("add"), st.lists(LAYERS, max_size=2)),
    st.tuples(st.just("add in place"), st.lists(LAYERS, max_size=2)),
    st.tuples(st.just("name"), st.sampled_from(["fc", "0", "1"]), LAYERS),
    st.tuples(st.just("evaluate")),
)


def _do(library, container, step):
    """Do one thing to a container; return the container to go on with and what was returned."""
    what, *given = step
    many = library.ModuleList if isinstance(container, library.ModuleList) else library.Sequential
    if what == "append":
        return container, container.append(_fresh(library, given[0])) is container
    if what == "extend":
        return container, container.extend([_fresh(library, n) for n in given[0]]) is container
    if what == "insert":
        container.insert(given[0], _fresh(library, given[1]))
        return container, None
    if what == "pop":
        return container, repr(container.pop(given[0]))
    if what == "set":
        container[given[0]] = _fresh(library, given[1])
    if what == "delete":
        del container[given[0]]
    if what == "get":
        found = container[given[0]]
        if isinstance(given[0], slice):
            return found, all(layer is one for layer, one in zip(found, [*container][given[0]], strict=True))
        return container, repr(found)
    if what in ("add", "add in place"):
        layers = [_fresh(library, n) for n in given[0]]
        others = many(*layers) if many is library.Sequential else many(layers)
        return (operator.add if what == "add" else operator.iadd)(container, others), None
    if what == "name":
        setattr(container, given[0], _fresh(library, given[1]))
        return container, repr(getattr(container, given[0]))
    if what == "evaluate":
        return container.eval(), None
    return container, None


def _start(library, kind, layers):
    made = [_fresh(library, n) for n in layers]
    if kind == "Sequential":
        return library.Sequential(*made)
    if kind == "named":
        return library.Sequential(OrderedDict(zip(["conv", "act", "fc", "out"], made, strict=False)))
    return library.ModuleList(made)


def _unlike_torch(container, step):
    """Whether torch.nn does what ours does not take over.

    Its ModuleList.insert and pop do not look whether there is such a place; Sequential.insert and named
    layers make gaps in the names or fail; extend and append overwrite a layer whose name is a position.
    """
    names = list(container.children)
    positions = [str(i) for i in range(len(names))]
    what, *given = step
    if what == "insert":
        return names != positions or not 0 <= given[0] <= len(names)
    if what in ("append", "extend", "add in place"):
        return any(str(i) in names for i in range(len(names), len(names) + 3))
    return what == "name" and given[0] not in names and given[0].isdigit()


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["Sequential", "named", "ModuleList"]),
    st.lists(LAYERS, max_size=4),
    st.lists(LIST_STEPS, max_size=5),
)
def test_a_list_of_layers_does_and_refuses_what_its_twin_does(kind, layers, steps):
    torch = pytest.importorskip("torch")
    ours, theirs = (_start(library, kind, layers) for library in (nn, torch.nn))
    assert _state(ours) == _state(theirs)
    for step in steps:
        if _unlike_torch(ours, step):
            continue
        outcomes = []
        for library, container in ((nn, ours), (torch.nn, theirs)):
            try:
                outcomes.append(_do(library, container, step))
            except (IndexError, TypeError, ValueError, KeyError) as error:
                outcomes.append((container, type(error)))
        (ours, mine), (theirs, other) = outcomes
        assert mine == other, step
        if step[0] != "add":  # of a container in evaluation mode PyTorch makes one that trains
            assert _state(ours)[:4] == _state(theirs)[:4], step


DICT_STEPS = st.one_of(
    st.tuples(st.just("set"), st.sampled_from("abc"), LAYERS),
    st.tuples(st.just("delete"), st.sampled_from("abc")),
    st.tuples(st.just("pop"), st.sampled_from("abc")),
    st.tuples(st.just("update"), st.lists(st.tuples(st.sampled_from("abcd"), LAYERS), max_size=3)),
    st.tuples(st.just("get"), st.sampled_from("abc")),
    st.tuples(st.just("in"), st.sampled_from("abc")),
    st.tuples(st.just("clear")),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from("abc"), LAYERS), st.lists(DICT_STEPS, max_size=6))
def test_a_dict_of_layers_does_and_refuses_what_its_twin_does(start, steps):
    torch = pytest.importorskip("torch")

    def do(library, container, step):
        what, *given = step
        if what == "set":
            container[given[0]] = _fresh(library, given[1])
        elif what == "delete":
            del container[given[0]]
        elif what == "pop":
            return repr(container.pop(given[0]))
        elif what == "update":
            pairs = [(name, _fresh(library, n)) for name, n in given[0]]
            container.update(pairs if len(pairs) % 2 else OrderedDict(pairs))
        elif what == "get":
            return repr(container[given[0]])
        elif what == "in":
            return given[0] in container
        elif what == "clear":
            container.clear()
        return list(container), list(container.keys()), repr(list(container.values()))

    both = [
        (library, library.ModuleDict({name: _fresh(library, n) for name, n in start.items()}))
        for library in (nn, torch.nn)
    ]
    for step in [("in", "a"), *steps]:
        outcomes = []
        for library, container in both:
            try:
                outcomes.append(do(library, container, step))
            except (KeyError, TypeError, ValueError) as error:
                outcomes.append(type(error))
        assert outcomes[0] == outcomes[1], step
        assert _state(both[0][1]) == _state(both[1][1]), step


RELU = nn.ReLU()
REFUSED = {
    "a function": (lambda: nn.Sequential(nn.ReLU(), abs), TypeError, "Sequential: .* type of 1='builtin_fun"),
    "None": (lambda: nn.Sequential(nn.ReLU(), None), TypeError, "Sequential: .* type of 1='NoneType'"),
    "a plain dict": (lambda: nn.Sequential({"a": nn.ReLU()}), TypeError, "Sequential: .* type of 0='dict'"),
    "a list": (lambda: nn.Sequential([nn.ReLU()]), TypeError, "Sequential: .* type of 0='list'"),
    "an appended number": (lambda: nn.Sequential().append(3), TypeError, "Sequential: .* type of 0='int'"),
    "a number in a list": (lambda: nn.ModuleList([3]), TypeError, "ModuleList: .* type of 0='int'"),
    "a number in a dict": (lambda: nn.ModuleDict({"a": 3}), TypeError, "ModuleDict: .* type of a='int'"),
    "a dict that is none": (lambda: nn.ModuleDict(3), TypeError, "ModuleDict: modules must be .* modules=3"),
    "a number as name": (lambda: nn.ModuleDict({1: nn.ReLU()}), TypeError, "ModuleDict: .* name=1"),
    "an empty name": (lambda: nn.ModuleDict({"": nn.ReLU()}), ValueError, "ModuleDict: .*empty.* name=''"),
    "a dot in a name": (lambda: nn.ModuleDict({"a.b": nn.ReLU()}), ValueError, "dot; got name='a.b'"),
    "an attribute's name": (
        lambda: nn.Sequential(OrderedDict(training=nn.ReLU())), ValueError, "Sequential: .*name='training'",
    ),
    "a method's name": (lambda: nn.ModuleDict({"keys": nn.ReLU()}), ValueError, "ModuleDict: .*name='keys'"),
    "a layer twice": (lambda: nn.Sequential(RELU, RELU), ValueError, r"another ReLU; .*\('0', '1'\)"),
    "a layer twice, deeper": (
        lambda: nn.Sum(nn.Sequential(RELU), nn.Sequential(nn.Sequential(RELU))), ValueError,
        r"Sum: .*another ReLU; got places=\('0', '1'\)",
    ),
    "a layer twice in a list": (lambda: nn.ModuleList([RELU] * 2), ValueError, "ModuleList: .*another ReLU"),
    "no branch to add": (nn.Sum, ValueError, "Sum: there must be at least one branch"),
    "no branch to join": (lambda: nn.Concatenate(dim=0), ValueError, "Concatenate: there must be at least"),
    "a dim that is no integer": (lambda: nn.Concatenate(nn.ReLU(), dim=1.5), TypeError, "Concatenate: dim"),
    "an index too large": (lambda: nn.Sequential(RELU)[1], IndexError, "Sequential: index 1 .*1 layers"),
    "an index that is text": (lambda: nn.Sequential(nn.ReLU())["0"], TypeError, "Sequential: .*index='0'"),
    "a dim that is not there": (
        lambda: nn.Concatenate(nn.ReLU(), dim=2)(np.ones((2, 3))), ValueError, r"Concatenate: dim .*dim=2",
    ),
    "shapes that differ": (
        lambda: nn.Sum(nn.ReLU(), nn.Flatten(0))(np.ones((2, 3))), ValueError,
        r"Sum: .*1 of shape \(6,\) .* the first of shape \(2, 3\)",
    ),
    "shapes that would be broadcast": (
        lambda: nn.Sum(nn.ReLU(), nn.AvgPool1d(3))(np.ones((2, 3))), ValueError, r"Sum: .*1 of shape",
    ),
    "shapes that cannot be joined": (
        lambda: nn.Concatenate(nn.ReLU(), nn.AvgPool1d(3), dim=0)(np.ones((2, 3))), ValueError,
        r"Concatenate: .*but for dimension 0; got 1 of shape \(2, 1\)",
    ),
    "dtypes that differ": (
        lambda: nn.Sum(nn.Sequential(), Cast())(np.ones((2, 3))), TypeError,
        "Sum: .*one dtype; got 1 of shape .*float32",
    ),
    "a branch that returns two": (
        lambda: nn.Sum(nn.ReLU(), nn.MaxPool1d(1, return_indices=True))(np.ones((2, 3))), TypeError,
        "Sum: a branch must return one array; got type of 1's='tuple'",
    ),
    "a cotangent of another shape": (
        lambda: _run(nn.Concatenate(nn.ReLU(), nn.ReLU()), np.ones((2, 3)), np.ones((2, 3))), ValueError,
        r"Concatenate's pullback: dy must have the output's shape \(2, 6\)",
    ),
    "backward before forward": (
        lambda: nn.Concatenate(nn.Sequential()).backward(np.ones((2, 3))), RuntimeError,
        "Concatenate.backward: forward must be called first",
    ),
    "a sum's backward before forward": (
        lambda: nn.Sum(nn.ReLU()).backward(np.ones((2, 3))), RuntimeError, "forward must be called first",
    ),
}  # fmt: skip


class Cast(nn.Layer):
    def forward(self, x):
        return x.astype(np.float32)


def _run(layer, x, dy):
    layer(x)
    return layer.backward(dy)


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_in_words(name):
    call, error, words = REFUSED[name]
    with pytest.raises(error, match=words):
        call()


def test_what_is_refused_leaves_a_container_as_it_was():
    net = nn.Sequential(nn.Linear(1, 2), nn.ReLU())
    before = list(net)
    for change in (
        lambda: net.append(net[0]),
        lambda: net.extend([nn.ReLU(), 3]),
        lambda: net.append(net),
        lambda: net.append(nn.Sequential(nn.ReLU(), net)),
        lambda: operator.setitem(net, 0, net[1]),
        lambda: setattr(net, "0", 3),
        lambda: nn.ModuleDict.update(nn.ModuleDict(), 3),
    ):
        with pytest.raises((TypeError, ValueError)):
            change()
        assert list(net) == before
    with pytest.raises(AttributeError, match="'Sequential' object has no attribute 'nothing'"):
        net.nothing  # noqa: B018 - what is tested


def test_a_layer_with_a_name_is_an_attribute_and_can_be_replaced():
    net = nn.Sequential(OrderedDict(body=nn.Linear(2, 3), head=nn.Linear(3, 10)))
    assert net.head is net[1]
    assert "head" in dir(net)
    net.head = nn.Linear(3, 2)
    assert [*net.params] == ["body.weight", "body.bias", "head.weight", "head.bias"]
    assert net(np.ones((4, 2), np.float32)).shape == (4, 2)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_shares_nothing_with_the_original(copied):
    net = nn.Sequential(nn.Linear(2, 3), nn.Sum(nn.Sequential(), nn.Linear(3, 3)))
    other = copied(net)
    assert repr(other) == repr(net)
    for name, array in other.params.items():
        np.testing.assert_array_equal(array, net.params[name])
        array[...] += 1.0
    x = np.ones((4, 2), np.float32)
    assert (other(x) != net(x)).any()
    assert not {id(layer) for layer in net} & {id(layer) for layer in other}


# ---- residual networks: trees of layers, drawn


@st.composite
def _tree(draw, features, depth=3):
    """Draw a network from `features` to any number of features: ``(kind, ...)``, and that number."""
    kind = draw(
        st.sampled_from(["linear", "relu"] if depth == 0 else ["linear", "relu", "row", "sum", "join"])
    )
    if kind == "linear":
        out = draw(st.integers(1, 3))
        return ("linear", features, out), out
    if kind == "relu":
        return ("relu",), features
    parts = []
    if kind == "row":
        for _ in range(draw(st.integers(0, 3))):
            part, features = draw(_tree(features, depth - 1))
            parts.append(part)
        return ("row", parts), features
    outs = []
    for _ in range(draw(st.integers(1, 3))):
        part, out = draw(_tree(features, depth - 1))
        parts.append(part)
        outs.append(out)
    if kind == "join":
        return ("join", parts), sum(outs)
    target = outs[0]
    fitted = [
        part if out == target else ("row", [part, ("linear", out, target)])
        for part, out in zip(parts, outs, strict=True)
    ]
    return ("sum", fitted), target


def _build(tree, library, own):
    kind, *rest = tree
    if kind == "linear":
        return library.Linear(*rest)
    if kind == "relu":
        return library.ReLU()
    parts = [_build(part, library, own) for part in rest[0]]
    if kind == "row":
        return library.Sequential(*parts)
    return own[kind](*parts)


def _twins(torch):
    """Return Sum and Concatenate as one writes them with PyTorch, under the same names."""

    class Sum(torch.nn.Sequential):
        def forward(self, x):
            return sum(branch(x) for branch in self)

    class Concatenate(torch.nn.Sequential):
        def forward(self, x):
            return torch.cat([branch(x) for branch in self], dim=1)

        def extra_repr(self):
            return "dim=1"

    return {"sum": Sum, "join": Concatenate}


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 3), st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_drawn_residual_networks_have_exactly_the_twins_values_and_gradients(data, features, batch, seed):
    """Of small multiples of 1/4 there are no roundings, so that there is no tolerance either."""
    torch = pytest.importorskip("torch")
    tree, out = data.draw(_tree(features))
    ours = _build(tree, nn, {"sum": nn.Sum, "join": nn.Concatenate})
    theirs = _build(tree, torch.nn, _twins(torch)).double()
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    rng = np.random.default_rng(seed)
    state = {name: rng.integers(-4, 5, size=a.shape) / 4 for name, a in ours.params.items()}
    theirs.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()})
    for layer in _all(ours):
        for name, array in layer._params.items():
            layer._params[name] = array.astype(np.float64)
    ours.load_state_dict(state)

    x = rng.integers(-3, 4, size=(batch, features)) / 2
    dy = rng.integers(-3, 4, size=(batch, out)) / 2
    given_x, given_dy = x.copy(), dy.copy()
    tensor = torch.from_numpy(x.copy()).requires_grad_()
    expected = theirs(tensor)
    (expected * torch.from_numpy(dy)).sum().backward()
    y = ours(x)
    np.testing.assert_array_equal(y, expected.detach().numpy())
    dx = ours.backward(dy)
    np.testing.assert_array_equal(dx, tensor.grad.numpy())
    grads = {name: array.copy() for name, array in ours.grads.items()}
    assert list(grads) == list(ours.params)
    for name, parameter in theirs.named_parameters():
        np.testing.assert_array_equal(grads[name], parameter.grad.numpy(), err_msg=name)

    np.testing.assert_array_equal(ours.backward(dy), dx)
    assert ours.backward(dy, needs_input_grad=False) is None
    if tree[0] != "row":  # an empty Sequential hands on what it is given
        assert not np.shares_memory(y, x)
        assert not np.shares_memory(dx, dy)
    for name, array in ours.grads.items():
        np.testing.assert_array_equal(array, grads[name])
    np.testing.assert_array_equal(x, given_x)
    np.testing.assert_array_equal(dy, given_dy)


def _all(layer):
    yield layer
    for child in layer.children.values():
        yield from _all(child)


class Scaled(nn.Layer):
    """x * 2 + y * factor, for two inputs; the second of which has no gradient where the factor is None."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x, y):
        return x * 2 + y * (self.factor or 0)

    def backward(self, dy, needs_input_grad=True):
        if not needs_input_grad:
            return None, None
        return dy * 2, None if self.factor is None else dy * self.factor


@pytest.mark.parametrize("factors", [(3, 4), (None, 4), (3, None), (None, None)])
def test_branches_of_several_inputs_have_a_sum_for_each(factors):
    block = nn.Sum(*map(Scaled, factors))
    x, y, dy = np.ones((2, 3)), np.ones((2, 3)), np.full((2, 3), 0.5)
    total = sum(factor or 0 for factor in factors)
    np.testing.assert_array_equal(block(x, y), 4 + total)
    dx, dsecond = block.backward(dy)
    np.testing.assert_array_equal(dx, 2.0)
    if not total:
        assert dsecond is None
    else:
        np.testing.assert_array_equal(dsecond, total / 2)
    assert block.backward(dy, needs_input_grad=False) == (None, None)


class Negative(nn.Layer):
    """As simply as one writes it: `backward` takes the cotangent and nothing else."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3, dtype=np.float64)

    def forward(self, x):
        return -self.linear(x)

    def backward(self, dy):
        return self.linear.backward(-dy)


@pytest.mark.parametrize("container", [nn.Sequential, nn.Sum, nn.Concatenate])
def test_a_layer_of_ones_own_may_stand_first_without_knowing_of_needs_input_grad(container):
    x, layer = np.ones((2, 3)), Negative()
    net = container(layer)
    dy = np.ones_like(net(x))
    dx = net.backward(dy)
    np.testing.assert_array_equal(dx, layer.backward(dy))
    grads = {name: array.copy() for name, array in net.grads.items()}
    assert net.backward(dy, needs_input_grad=False) is None
    for name, array in net.grads.items():
        np.testing.assert_array_equal(array, grads[name])


@pytest.mark.parametrize("dim", [0, 1, -1, -3])
def test_joining_along_any_dimension_is_numpys_and_cuts_the_cotangent_back(dim):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    block = nn.Concatenate(nn.Sequential(), nn.ReLU(), nn.Tanh(), dim=dim)
    y = block(x)
    parts = (x, np.maximum(x, 0), np.tanh(x))
    np.testing.assert_array_equal(y, np.concatenate(parts, dim))
    dy = np.random.default_rng(1).normal(size=y.shape)
    a, b, c = np.split(dy, 3, axis=dim)
    np.testing.assert_allclose(
        block.backward(dy), a + b * (x > 0) + c * (1 - parts[2] ** 2), rtol=0, atol=8 * np.finfo(float).eps
    )
    assert block[:2].dim == dim


def test_branches_take_names_and_several_modes():
    block = nn.Sum(OrderedDict(body=nn.Linear(2, 2), shortcut=nn.Sequential(nn.Dropout(0.5))))
    assert [*block.params] == ["body.weight", "body.bias"]
    block.eval()
    assert not block.shortcut[0].training
