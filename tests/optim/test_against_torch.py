"""Each optimizer, held against torch.optim step by step."""

import inspect

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchnet import optim

torch = pytest.importorskip("torch", reason="the oracle here is torch.optim")

RATE = st.sampled_from([0.5, 0.1, 1e-3])
DECAY = st.sampled_from([0.0, 0.25, 0.01])
MAXIMIZE = st.booleans()
OPTIONS = {
    "SGD": st.one_of(
        st.fixed_dictionaries(
            {
                "lr": RATE,
                "momentum": st.sampled_from([0.0, 0.5, 0.9]),
                "dampening": st.sampled_from([0.0, 0.25]),
                "weight_decay": DECAY,
                "maximize": MAXIMIZE,
            }
        ),
        st.fixed_dictionaries(
            {
                "lr": RATE,
                "momentum": st.sampled_from([0.5, 0.9]),
                "nesterov": st.just(True),
                "weight_decay": DECAY,
                "maximize": MAXIMIZE,
            }
        ),
    ),
    "Adagrad": st.fixed_dictionaries(
        {
            "lr": RATE,
            "lr_decay": st.sampled_from([0.0, 0.125]),
            "weight_decay": DECAY,
            "initial_accumulator_value": st.sampled_from([0.0, 0.5]),
            "eps": st.sampled_from([1e-10, 1e-3]),
            "maximize": MAXIMIZE,
        }
    ),
    "RMSprop": st.fixed_dictionaries(
        {
            "lr": RATE,
            "alpha": st.sampled_from([0.99, 0.5]),
            "eps": st.sampled_from([1e-8, 1e-3]),
            "weight_decay": DECAY,
            "momentum": st.sampled_from([0.0, 0.9]),
            "centered": st.booleans(),
            "maximize": MAXIMIZE,
        }
    ),
    "Adam": st.fixed_dictionaries(
        {
            "lr": RATE,
            "betas": st.sampled_from([(0.9, 0.999), (0.0, 0.5)]),
            "eps": st.sampled_from([1e-8, 1e-3]),
            "weight_decay": DECAY,
            "amsgrad": st.booleans(),
            "maximize": MAXIMIZE,
        }
    ),
}
OPTIONS["AdamW"] = OPTIONS["Adam"]

# A step is a handful of roundings relative to parameter and step, and a centred mean square m2 - m^2 loses
# digits where they cancel; eps >= 1e-8 below the root then turns an error e of the square into sqrt(e).
TOLERANCE = {np.float64: 1e-6, np.float32: 2e-3}


@pytest.mark.parametrize("name", sorted(OPTIONS))
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_ten_steps_leave_the_parameters_torch_optim_leaves(name, data):
    options = data.draw(OPTIONS[name])
    dtype = data.draw(st.sampled_from([np.float64, np.float32]))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    shapes = data.draw(st.lists(st.sampled_from([(), (1,), (3,), (2, 3)]), min_size=1, max_size=3))
    params = {str(i): np.asarray(random.normal(size=shape), dtype=dtype) for i, shape in enumerate(shapes)}
    twins = {k: torch.tensor(v, requires_grad=True) for k, v in params.items()}

    ours = getattr(optim, name)(params, **options)
    theirs = getattr(torch.optim, name)(list(twins.values()), **options)
    for step in range(10):
        # Well away from zero and of changing size: an entry's root mean square is then no cancellation.
        grads = {
            k: np.asarray(random.uniform(0.5, 2.0, v.shape) * random.choice([-1, 1], v.shape), dtype=dtype)
            for k, v in params.items()
        }
        if step == 3:  # torch leaves a parameter without a gradient as it is, momentum and all
            del grads["0"]
        kept = {k: v.copy() for k, v in grads.items()}
        ours.step(grads)
        for k, twin in twins.items():
            twin.grad = torch.tensor(grads[k]) if k in grads else None
        theirs.step()
        for k, twin in twins.items():
            expected = twin.detach().numpy()
            scale = max(1.0, float(np.abs(expected).max(initial=0.0)))
            worst = float(np.abs(params[k] - expected).max(initial=0.0)) / scale
            tight = 64 * np.finfo(dtype).eps
            allowed = TOLERANCE[dtype] if options.get("centered") else tight * (step + 1) * 10
            assert worst <= allowed, (k, step, worst)
            assert params[k].dtype == dtype
        for k, v in kept.items():
            np.testing.assert_array_equal(grads[k], v)


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_arguments_and_defaults_are_those_of_torch_optim(name):
    ours = inspect.signature(getattr(optim, name)).parameters
    theirs = inspect.signature(getattr(torch.optim, name)).parameters
    for argument in list(ours)[1:]:
        assert float(np.sum(ours[argument].default)) == float(np.sum(theirs[argument].default)), argument
