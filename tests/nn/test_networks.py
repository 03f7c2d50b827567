"""A LeNet and small residual networks beside their PyTorch twins: weights, values, gradients, training."""

from collections import OrderedDict

import numpy as np
import pytest

from scratchnet import datasets, nn, optim, serialization
from scratchnet.training import accuracy, sgd_losses

# ---- the networks; `library` is scratchnet.nn or torch.nn


def lenet(library, dtype, side=28):
    """LeCun, Bottou, Bengio and Haffner (1998), figure 2, but plain pooling and linear layers at the end."""
    left = (side // 2 - 4) // 2
    return library.Sequential(
        library.Conv2d(1, 6, 5, padding=2, dtype=dtype), library.Tanh(), library.AvgPool2d(2),
        library.Conv2d(6, 16, 5, dtype=dtype), library.Tanh(), library.AvgPool2d(2),
        library.Flatten(),
        library.Linear(16 * left**2, 120, dtype=dtype), library.Tanh(),
        library.Linear(120, 84, dtype=dtype), library.Tanh(),
        library.Linear(84, 10, dtype=dtype),
    )  # fmt: skip


def resnet(library, dtype, block, side=28):
    """He, Zhang, Ren and Sun (2016), section 4.2, with one block a stage, and keys as torchvision's."""
    return library.Sequential(
        OrderedDict(
            conv1=library.Conv2d(1, 8, 3, padding=1, bias=False, dtype=dtype),
            bn1=library.BatchNorm2d(8, dtype=dtype),
            relu=library.ReLU(),
            layer1=library.Sequential(block(library, dtype, 8, 8)),
            layer2=library.Sequential(block(library, dtype, 8, 16, stride=2)),
            layer3=library.Sequential(block(library, dtype, 16, 32, stride=2)),
            avgpool=library.AvgPool2d(side // 4),
            flatten=library.Flatten(),
            fc=library.Linear(32, 10, dtype=dtype),
        )
    )


def body(library, dtype, c_in, c_out, stride):
    """Return what a block's layers are, by name."""
    return OrderedDict(
        conv1=library.Conv2d(c_in, c_out, 3, stride=stride, padding=1, bias=False, dtype=dtype),
        bn1=library.BatchNorm2d(c_out, dtype=dtype),
        relu=library.ReLU(),
        conv2=library.Conv2d(c_out, c_out, 3, padding=1, bias=False, dtype=dtype),
        bn2=library.BatchNorm2d(c_out, dtype=dtype),
    )


def shortcut(library, dtype, c_in, c_out, stride):
    """Return the identity, or a convolution of 1 x 1 where channels or sides change."""
    if c_in == c_out and stride == 1:
        return library.Sequential()
    return library.Sequential(
        library.Conv2d(c_in, c_out, 1, stride=stride, bias=False, dtype=dtype),
        library.BatchNorm2d(c_out, dtype=dtype),
    )


def block_of_sum(library, dtype, c_in, c_out, stride=1):
    """Return a residual block made of containers."""
    branches = OrderedDict(
        body=library.Sequential(body(library, dtype, c_in, c_out, stride)),
        shortcut=shortcut(library, dtype, c_in, c_out, stride),
    )
    if library is nn:
        return nn.Sequential(OrderedDict(sum=nn.Sum(branches), relu=nn.ReLU()))

    class Sum(library.Sequential):
        def forward(self, x):
            return self.body(x) + self.shortcut(x)

    return library.Sequential(OrderedDict(sum=Sum(branches), relu=library.ReLU()))


class Block(nn.Layer):
    """A residual block as one writes it by hand."""

    def __init__(self, dtype, c_in, c_out, stride):
        super().__init__()
        for name, layer in body(nn, dtype, c_in, c_out, stride).items():
            setattr(self, name, layer)
        self.downsample = shortcut(nn, dtype, c_in, c_out, stride)
        self.relu2 = nn.ReLU()

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        return self.relu2(y + self.downsample(x))

    def backward(self, dy):
        dy = self.relu2.backward(dy)
        dx = self.relu.backward(self.conv2.backward(self.bn2.backward(dy)))
        dx = self.conv1.backward(self.bn1.backward(dx))
        return dx + self.downsample.backward(dy)


def block_by_hand(library, dtype, c_in, c_out, stride=1):
    """Return a residual block that has its layers as attributes."""
    if library is nn:
        return Block(dtype, c_in, c_out, stride)

    class BasicBlock(library.Module):
        def __init__(self):
            super().__init__()
            for name, layer in body(library, dtype, c_in, c_out, stride).items():
                setattr(self, name, layer)
            self.downsample = shortcut(library, dtype, c_in, c_out, stride)

        def forward(self, x):
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(y + self.downsample(x))

    return BasicBlock()


def resnet_of_sums(library, dtype, side=28):
    return resnet(library, dtype, block_of_sum, side)


def resnet_by_hand(library, dtype, side=28):
    return resnet(library, dtype, block_by_hand, side)


NETWORKS = pytest.mark.parametrize("network", [lenet, resnet_of_sums, resnet_by_hand])
DTYPES = pytest.mark.parametrize("dtype", ["float64", "float32"])
# The rule of scratchnet_crosscheck.tolerance: so many times what rounding does to the twin itself.
FACTOR = {"float64": 64.0, "float32": 8.0}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch", reason="the oracle here is PyTorch")


def pair(torch, network, dtype, seed=0, **options):
    """Return our network and its twin with the same weights."""
    torch.manual_seed(seed)
    theirs = network(torch.nn, getattr(torch, dtype), **options)
    ours = network(nn, dtype, **options)
    assert ours.load_state_dict(state_of(theirs)) == ([], [])
    return ours, theirs


def state_of(theirs):
    return {name: value.numpy().copy() for name, value in theirs.state_dict().items()}


def tensors(torch, state):
    return {name: torch.from_numpy(array.copy()) for name, array in state.items()}


def perturbed(state, rng):
    """Return the floats of a state off by up to one rounding each."""
    return {
        name: np.asarray(a * (1 + np.finfo(a.dtype).eps * rng.uniform(-1, 1, a.shape)), a.dtype)
        if a.dtype.kind == "f"
        else a
        for name, a in state.items()
    }


# ---- weights


@NETWORKS
@DTYPES
def test_weights_go_both_ways_by_state_dict_and_by_safetensors(torch, network, dtype, tmp_path):
    ours, theirs = pair(torch, network, dtype)
    for name, value in state_of(theirs).items():
        assert ours.state_dict()[name].dtype == value.dtype
        np.testing.assert_array_equal(ours.state_dict()[name], value)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert list(ours.params) == [name for name, _ in theirs.named_parameters()]
    again = network(torch.nn, getattr(torch, dtype))
    again.load_state_dict(tensors(torch, ours.state_dict()))
    assert_same_state(again, theirs)

    safetensors = pytest.importorskip("safetensors.torch", reason="the oracle here is safetensors")
    safetensors.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors", metadata={"format": "pt"})
    ours = network(nn, dtype)
    ours.load_state_dict(serialization.load(tmp_path / "theirs.safetensors"))
    serialization.save(tmp_path / "ours.safetensors", ours.state_dict())
    again = network(torch.nn, getattr(torch, dtype))
    safetensors.load_model(again, tmp_path / "ours.safetensors")
    assert_same_state(again, theirs)


def assert_same_state(first, second):
    first, second = state_of(first), state_of(second)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


# ---- values and gradients


def all_of_ours(net, x, target):
    """Return the outputs, the loss, every gradient and the new buffers of one pass."""
    criterion = nn.CrossEntropyLoss()
    y = net(x)
    loss = criterion(y, target)
    dx = net.backward(criterion.backward())
    buffers = {f"new {name}": array.copy() for name, array in net.buffers.items()}
    return {"y": y, "loss": np.asarray(loss), "dx": dx, **net.grads, **buffers}


def all_of_theirs(torch, net, x, target):
    x = torch.from_numpy(x.copy()).requires_grad_()
    net.zero_grad()
    y = net(x)
    loss = torch.nn.functional.cross_entropy(y, torch.from_numpy(target))
    loss.backward()
    grads = {name: parameter.grad for name, parameter in net.named_parameters()}
    buffers = {f"new {name}": buffer for name, buffer in net.named_buffers()}
    found = {"y": y, "loss": loss, "dx": x.grad, **grads, **buffers}
    return {name: value.detach().numpy().copy() for name, value in found.items()}


def drawn(torch, network, dtype, training):
    """Return a pair and a batch that brings no unit so near the kink of a ReLU that rounding decides."""
    for seed in range(30):
        side = 28 if network is lenet else 8
        ours, theirs = pair(torch, network, dtype, seed, side=side)
        rng = np.random.default_rng(seed)
        if not training:  # running statistics that are not the first ones
            for buffer in ours.buffers.values():
                if buffer.dtype.kind == "f":
                    buffer[...] = rng.uniform(0.5, 1.5, buffer.shape)
            theirs.load_state_dict(tensors(torch, ours.state_dict()))
        x = rng.normal(size=(3, 1, side, side)).astype(dtype)
        target = rng.integers(10, size=3)
        margins = [np.inf]
        handles = [
            layer.register_forward_hook(lambda _, x, __, to=margins: to.append(float(x[0].abs().min())))
            for layer in theirs.modules()
            if isinstance(layer, torch.nn.ReLU)
        ]
        before = theirs.state_dict()
        before = {name: value.clone() for name, value in before.items()}
        theirs.train(training)
        with torch.no_grad():
            theirs(torch.from_numpy(x))
        for handle in handles:
            handle.remove()
        theirs.load_state_dict(before)
        if min(margins) > 1e-5 if dtype == "float32" else min(margins) > 0:
            ours.train(training)
            return ours, theirs, x, target
    raise AssertionError("every seed has a unit next to the kink")


@NETWORKS
@DTYPES
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_outputs_loss_gradients_and_new_buffers_are_the_twins(torch, network, dtype, training):
    ours, theirs, x, target = drawn(torch, network, dtype, training)
    state = ours.state_dict()
    side = x.shape[-1]
    wide = network(torch.nn, torch.float64, side=side)
    wide.train(training)

    def in_double(state, x):
        wide.load_state_dict(tensors(torch, state))  # copies into float64
        return all_of_theirs(torch, wide, x.astype(np.float64), target)

    truth = in_double(state, x)
    off = dict.fromkeys(truth, 0.0)
    own = all_of_theirs(torch, theirs, x, target)
    rng = np.random.default_rng(0)
    for _ in range(3):
        moved = in_double(perturbed(state, rng), perturbed({"x": x}, rng)["x"])
        for name, value in truth.items():
            off[name] = max(off[name], float(np.max(np.abs(moved[name] - value))))
    found = all_of_ours(ours, x, target)
    assert found.keys() == truth.keys()
    for name, value in truth.items():
        assert found[name].shape == value.shape
        assert found[name].dtype == (dtype if value.dtype.kind == "f" else value.dtype), name
        eps = float(np.finfo(dtype).eps)
        allowed = off[name] + eps * float(np.max(np.abs(value)))
        if dtype == "float32":
            allowed += float(np.max(np.abs(own[name].astype(np.float64) - value)))
        np.testing.assert_allclose(
            found[name].astype(np.float64), value, rtol=0, atol=FACTOR[dtype] * allowed, err_msg=name
        )


def test_a_block_of_containers_equals_the_one_by_hand():
    of_sums, by_hand = resnet_of_sums(nn, "float64", 8), resnet_by_hand(nn, "float64", 8)
    by_hand.load_state_dict(dict(zip(by_hand.state_dict(), of_sums.state_dict().values(), strict=True)))
    rng = np.random.default_rng(0)
    x, target = rng.normal(size=(3, 1, 8, 8)), rng.integers(10, size=3)
    first, second = all_of_ours(of_sums, x, target), all_of_ours(by_hand, x, target)
    for (name, one), other in zip(first.items(), second.values(), strict=True):
        np.testing.assert_array_equal(one, other, err_msg=name)


# ---- training


STEPS, BATCH, MOMENTUM = 20, 16, 0.9
RATES = {lenet: 0.1, resnet_of_sums: 0.02}


def losses_of_ours(net, x, t, rate):
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(net.params, lr=rate, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        losses.append(float(criterion(net(x[batch]), t[batch])))
        net.backward(criterion.backward(), needs_input_grad=False)
        optimizer.step(net.grads)
    return np.array(losses)


def losses_of_theirs(torch, net, x, t, rate):
    x, t = torch.from_numpy(x), torch.from_numpy(t)
    criterion = torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=MOMENTUM)
    losses = []
    for step in range(STEPS):
        batch = slice(step * BATCH, (step + 1) * BATCH)
        optimizer.zero_grad()
        loss = criterion(net(x[batch]), t[batch])
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return np.array(losses)


@pytest.mark.parametrize("network", RATES)
@DTYPES
def test_twenty_steps_on_mnist_from_one_start_have_the_twins_losses(torch, network, dtype):
    """As near as two runs of the twin that start a rounding apart."""
    x, t = datasets.load_mnist_part("test", flatten=False)
    x, t = x[: STEPS * BATCH].astype(dtype), t[: STEPS * BATCH].astype(np.int64)
    ours, theirs = pair(torch, network, dtype)
    start = ours.state_dict()
    losses = losses_of_ours(ours, x, t, RATES[network])
    expected = losses_of_theirs(torch, theirs, x, t, RATES[network])
    rng = np.random.default_rng(0)
    change = np.zeros(STEPS)
    for _ in range(2):
        theirs.load_state_dict(tensors(torch, perturbed(start, rng)))
        change = np.maximum(change, np.abs(losses_of_theirs(torch, theirs, x, t, RATES[network]) - expected))
    # What a step is off by, later ones inherit.
    allowed = FACTOR[dtype] * np.maximum.accumulate(change + np.finfo(dtype).eps * np.abs(expected))
    assert (np.abs(losses - expected) <= allowed).all(), (losses - expected) / allowed
    assert np.mean(expected[-5:]) < 0.98 * np.mean(expected[:5])  # it does learn
    assert allowed.max() < {"float64": 1e-12, "float32": 1e-2}[dtype]  # so that it means something


@pytest.mark.slow
@pytest.mark.parametrize(("network", "steps"), [(lenet, 800), (resnet_of_sums, 400)])
def test_a_short_run_on_mnist_reaches_ninety_seven_percent(network, steps):
    (x, t), (x_test, t_test) = datasets.load_mnist(flatten=False)
    generator = np.random.default_rng(0)
    net = network(nn, "float32")
    for name, weight in net.params.items():  # one start, whatever was drawn
        if weight.ndim > 1:
            bound = np.sqrt(6 / np.prod(weight.shape[1:]))  # He et al. (2015), equation 10
            weight[...] = generator.uniform(-bound, bound, weight.shape)
        else:
            weight[...] = name.endswith("weight")
    run = sgd_losses(
        net, x, t.astype(np.int64), steps=steps, batch_size=64, lr=0.1, momentum=MOMENTUM, falling=True,
        generator=generator,
    )  # fmt: skip
    losses = list(run)
    assert np.mean(losses[-50:]) < 0.2
    net.eval()
    assert accuracy(net, x_test, t_test.astype(np.int64)) > 0.97
