"""Pooling equals PyTorch's, and every faster body equals the plain one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet.functional as F
from scratchnet.functional import _pool, _pool_fast, _pool_phases
from scratchnet.functional._windows import first_inside

MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
AVG = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}
DTYPES = (np.float32, np.float64)
SPECIAL = (0.0, -0.0, 1.0, 1.0, -1.0, np.inf, -np.inf, np.nan)


@st.composite
def images(draw, n_dims, sides, special=SPECIAL):
    """Small integers, so that windows hold ties, with special values planted."""
    lead = draw(st.sampled_from([(1,), (2,), (1, 2), (2, 1), (0, 2)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    x = rng.integers(-3, 4, size=(*lead, *sides)).astype(draw(st.sampled_from(DTYPES)))
    for value in draw(st.lists(st.sampled_from(special), max_size=4)) if x.size else []:
        x.flat[draw(st.integers(0, x.size - 1))] = value
    if draw(st.booleans()):
        x = np.asfortranarray(x)
    return x


@st.composite
def pooled(draw, n_dims=None, *, dilated, special=SPECIAL, pairs=False):
    """Draw an image and options; some last windows stick out."""
    n_dims = draw(st.integers(1, 3)) if n_dims is None else n_dims
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(n_dims))  # noqa: E731 (draws by name)
    if pairs:
        return draw(images(n_dims, each(2, 7), special)), {"kernel_size": 2}
    kernel, stride = each(1, 3), each(1, 4)
    dilation = each(1, 3) if dilated else (1,) * n_dims
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    sides = tuple(
        max(1, (out - 1) * s + d * (k - 1) + 1 - 2 * p) + more
        for out, s, d, k, p, more in zip(
            each(1, 4), stride, dilation, kernel, padding, each(0, 3), strict=True
        )
    )
    if n_dims == 3:  # PyTorch refuses volumes that are smaller than the kernel before they are padded
        sides = tuple(max(side, k) for side, k in zip(sides, kernel, strict=True))
    options = {"kernel_size": kernel, "stride": stride, "padding": padding, "ceil_mode": draw(st.booleans())}
    if dilated:
        options["dilation"] = dilation
    return draw(images(n_dims, sides, special)), options


def cotangent_of(y, special=()):
    dy = np.random.default_rng(y.size).integers(1, 9, size=y.shape).astype(y.dtype)
    for place, value in enumerate(special[: y.size]):
        dy.flat[place] = value
    return dy


def torch_results(torch, function, x, dy, options):
    tensor = torch.from_numpy(np.array(x)).requires_grad_()
    y = getattr(torch.nn.functional, function.__name__)(tensor, **options)
    value = y[0] if isinstance(y, tuple) else y
    (dx,) = torch.autograd.grad(value, tensor, torch.from_numpy(dy))
    return value.detach().numpy(), dx.numpy(), y[1].numpy() if isinstance(y, tuple) else None


def holds_something(x, options):
    """Whether every window holds an element: PyTorch reads out of bounds where one does not."""
    n_dims = len(options["kernel_size"])
    full = {"dilation": 1} | options
    geometry = _pool._geometry("pool", x, n_dims=n_dims, **full)
    return bool((first_inside(x.shape[-n_dims:], geometry) >= 0).all())


@settings(max_examples=200, deadline=None)
@given(case=pooled(dilated=True))
def test_max_pooling_equals_pytorch_in_values_indices_and_gradient_bit_for_bit(case):
    torch = pytest.importorskip("torch")
    x, options = case
    if not holds_something(x, options):
        return
    function = MAX[len(options["kernel_size"])]
    (y, indices), pullback = function(x, **options, return_indices=True)
    dy = cotangent_of(y)
    want_y, want_dx, want_indices = torch_results(torch, function, x, dy, options | {"return_indices": True})
    np.testing.assert_array_equal(y, want_y)
    np.testing.assert_array_equal(indices, want_indices)
    np.testing.assert_array_equal(pullback(dy)[0], want_dx)
    assert (y.dtype, indices.dtype, pullback(dy)[0].dtype) == (x.dtype, np.int64, x.dtype)
    # The other body is taken without indices.
    y, pullback = function(x, **options)
    np.testing.assert_array_equal(y, want_y)
    np.testing.assert_array_equal(pullback(dy)[0], want_dx)


@settings(max_examples=200, deadline=None)
@given(
    case=pooled(dilated=False, special=(0.0, 1.0)),
    count=st.booleans(),
    divisor=st.sampled_from([None, 3, -2]),
)
def test_mean_pooling_equals_pytorch_in_values_and_gradient(case, count, divisor):
    torch = pytest.importorskip("torch")
    x, options = case
    n_dims = len(options["kernel_size"])
    options = options | {"count_include_pad": count}
    if n_dims > 1:
        options["divisor_override"] = divisor
    y, pullback = AVG[n_dims](x, **options)
    dy = cotangent_of(y)
    want_y, want_dx, _ = torch_results(torch, AVG[n_dims], x, dy, options)
    # Sums of small integers are exact; what is left is one division, and for dx a sum of quotients.
    np.testing.assert_allclose(y, want_y, rtol=np.finfo(x.dtype).eps, atol=0)
    np.testing.assert_allclose(pullback(dy)[0], want_dx, rtol=16 * np.finfo(x.dtype).eps, atol=0)


@settings(max_examples=60, deadline=None)
@given(case=pooled(dilated=False, pairs=True, n_dims=2))
def test_mean_pooling_passes_infinity_and_nan_on_as_pytorch_does(case):
    torch = pytest.importorskip("torch")
    x, options = case
    with np.errstate(invalid="ignore"):
        y, pullback = F.avg_pool2d(x, **options)
    dy = cotangent_of(y, special=(np.inf, np.nan))
    want_y, want_dx, _ = torch_results(torch, F.avg_pool2d, x, dy, options)
    np.testing.assert_array_equal(y, want_y)
    np.testing.assert_array_equal(pullback(dy)[0], want_dx)


def without_nan(values):
    return tuple(value for value in values if not np.isnan(value))


def assert_max_body_equals_plain(body, x, options):
    full = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False} | options
    n_dims = 2 if isinstance(full["kernel_size"], int) else len(full["kernel_size"])
    geometry = _pool._geometry("max_pool", x, n_dims=n_dims, **full)
    y, winner = _pool.max_forward_plain(x, geometry)
    dy = cotangent_of(y, special=(np.inf, np.nan, -0.0))
    fast_y, fast_dx = body(x, geometry)
    np.testing.assert_array_equal(fast_y, y)
    np.testing.assert_array_equal(fast_dx(dy), _pool.max_dx_plain(dy, winner, x.shape[-n_dims:], geometry))


@settings(max_examples=150, deadline=None)
@given(case=pooled(dilated=True, special=without_nan(SPECIAL)))
def test_shifts_equal_the_plain_body(case):
    assert_max_body_equals_plain(_pool_fast.max_pool_shifts, *case)


@settings(max_examples=150, deadline=None)
@given(case=pooled(dilated=True, special=without_nan(SPECIAL)), block=st.sampled_from([1, 40, 32_768]))
def test_phases_equal_the_plain_body_of_a_maximum_whatever_the_size_of_a_block(case, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pool_phases, "_BLOCK", block)
        assert_max_body_equals_plain(_pool_phases.max_pool_phases, *case)


@settings(max_examples=150, deadline=None)
@given(
    case=pooled(dilated=False),
    block=st.sampled_from([1, 40, 32_768]),
    count=st.booleans(),
)
def test_phases_equal_the_plain_body_of_a_mean_whatever_the_size_of_a_block(case, block, count):
    x, options = case
    n_dims = len(options["kernel_size"])
    geometry = _pool._geometry("avg_pool", x, **options, dilation=1, n_dims=n_dims)
    sides = x.shape[-n_dims:]
    divisor = _pool.window_sizes(geometry, sides, options["padding"], count).astype(x.dtype)
    with pytest.MonkeyPatch.context() as patch, np.errstate(invalid="ignore"):
        patch.setattr(_pool_phases, "_BLOCK", block)
        y, dx = _pool_phases.avg_pool_phases(x, divisor, geometry)
        np.testing.assert_array_equal(y, _pool.avg_forward_plain(x, divisor, geometry))
        dy = cotangent_of(y, special=(np.inf, np.nan, -0.0))
        np.testing.assert_array_equal(dx(dy), _pool.avg_dx_plain(dy, divisor, sides, geometry))


@pytest.mark.parametrize(
    ("arguments", "body"),
    [((2,), "max_pool_pairs"), ((3, 2, 1), "max_pool_phases"), ((7, 1), "max_pool_shifts")],
)
def test_each_geometry_is_given_to_the_body_that_is_made_for_it(monkeypatch, arguments, body):
    called = []
    for name in ("max_pool_pairs", "max_pool_phases", "max_pool_shifts"):
        own = getattr(_pool_fast, name)
        monkeypatch.setattr(
            _pool_fast, name, lambda *a, name=name, own=own: (called.append(name), own(*a))[1]
        )
    F.max_pool2d(np.zeros((2, 3, 7, 7)), *arguments)
    assert called == [body]


@settings(max_examples=150, deadline=None)
@given(
    case=pooled(n_dims=2, dilated=False, pairs=True, special=without_nan(SPECIAL)),
    block=st.sampled_from([1, 40, 131_072]),
)
def test_pairs_equal_the_plain_body_whatever_the_size_of_a_block(case, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_pool_fast, "_BLOCK", block)
        assert_max_body_equals_plain(_pool_fast.max_pool_pairs, *case)
        x = case[0]
        geometry = _pool._geometry("avg_pool2d", x, 2, None, 0, 1, False, n_dims=2)
        divisor = np.asarray(4, dtype=x.dtype)
        with np.errstate(invalid="ignore"):
            y, dx = _pool_fast.avg_pool_pairs(x, divisor, geometry)
            np.testing.assert_array_equal(y, _pool.avg_forward_plain(x, divisor, geometry))
        dy = cotangent_of(y, special=(np.inf, np.nan))
        np.testing.assert_array_equal(dx(dy), _pool.avg_dx_plain(dy, divisor, x.shape[-2:], geometry))


def test_common_shapes_get_the_fast_bodies_and_nan_the_plain_one():
    x = np.zeros((2, 3, 8, 8), np.float32)
    geometry = _pool._geometry("pool", x, 2, None, 0, 1, False, n_dims=2)
    assert _pool_fast.fits_pairs(geometry)
    assert _pool_fast.max_pool(x, geometry) is not None
    x[0, 0, 0, 0] = np.nan
    assert _pool_fast.max_pool(x, geometry) is None
    assert _pool_fast.max_pool(x.astype(np.float16), geometry) is None


@pytest.mark.parametrize("function", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_half_and_extended_precision_run_through_the_plain_body(function, dtype):
    x = np.random.default_rng(0).integers(1, 9, size=(2, 3, 7, 6)).astype(np.float64)
    for arguments in ((2,), (3, 2, 1)):
        y, pullback = function(x, *arguments)
        rounded, rounded_pullback = function(x.astype(dtype), *arguments)
        assert rounded.dtype == rounded_pullback(rounded)[0].dtype == dtype
        np.testing.assert_allclose(rounded.astype(np.float64), y, rtol=1e-3)
        np.testing.assert_allclose(rounded_pullback(rounded)[0].astype(np.float64), pullback(y)[0], rtol=4e-3)


@pytest.mark.parametrize("function", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("arguments", [(2,), (3, 2, 1), (1,)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_nothing_given_is_written_to_and_results_share_no_memory(function, arguments, dtype):
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 6)).astype(dtype)
    copy = x.copy()
    x.flags.writeable = False
    y, pullback = function(x, *arguments)
    dy = np.broadcast_to(np.asarray(2.0, dtype=dtype), y.shape)
    (dx,) = pullback(dy)
    np.testing.assert_array_equal(x, copy)
    for one, other in itertools.combinations((x, y, dy, dx), 2):
        assert not np.shares_memory(one, other)
    strided = np.zeros((*y.shape, 2), dtype=dtype)[..., 0]
    strided += dy
    for same in (dy.copy(), np.asfortranarray(dy), strided):
        np.testing.assert_array_equal(pullback(same)[0], dx)
    assert pullback(dy, needs_input_grad=(False,)) == (None,)


def test_a_window_that_holds_nothing_gives_minus_infinity_and_no_gradient():
    for x in (np.zeros((1, 1, 1, 1)), np.full((1, 1, 1, 1), np.nan)):
        options = {"kernel_size": 2, "stride": 2, "padding": 1, "dilation": 3, "ceil_mode": True}
        (y, indices), pullback = F.max_pool2d(x, **options, return_indices=True)
        assert (y.tolist(), indices.tolist()) == ([[[[-np.inf]]]], [[[[-1]]]])
        assert pullback(y)[0].tolist() == [[[[0.0]]]]
        assert F.max_pool2d(x, **options)[1](y)[0].tolist() == [[[[0.0]]]]


ZEROS = np.zeros
REFUSED = {
    "a list": (TypeError, ([[[1.0]]], 1), {}, ["x", "NumPy array"]),
    "integers": (TypeError, (ZEROS((1, 4, 4), int), 2), {}, ["x", "floating-point"]),
    "too few dimensions": (ValueError, (ZEROS((4, 4)), 2), {}, ["x must be (N, C, H, W)", "(4, 4)"]),
    "no channels": (ValueError, (ZEROS((2, 0, 4, 4)), 2), {}, ["empty", "(2, 0, 4, 4)"]),
    "kernel 0": (ValueError, (ZEROS((1, 4, 4)), 0), {}, ["kernel_size", "at least 1"]),
    "three kernels": (
        ValueError,
        (ZEROS((1, 4, 4)), (2, 2, 2)),
        {},
        ["kernel_size", "tuple of 2", "(2, 2, 2)"],
    ),
    "stride 0": (ValueError, (ZEROS((1, 4, 4)), 2, 0), {}, ["stride", "at least 1"]),
    "too much padding": (
        ValueError,
        (ZEROS((1, 4, 4)), 3, 1, 2),
        {},
        ["padding", "half of kernel_size", "2"],
    ),
    "padding below 0": (ValueError, (ZEROS((1, 4, 4)), 2, 1, -1), {}, ["padding", "-1"]),
    "no window": (ValueError, (ZEROS((1, 4, 4)), 5), {}, ["no window fits", "(5, 5)", "(1, 4, 4)"]),
}


@pytest.mark.parametrize("function", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("name", REFUSED)
def test_bad_calls_are_refused_by_name(function, name):
    error, arguments, options, words = REFUSED[name]
    with pytest.raises(error) as caught:
        function(*arguments, **options)
    for word in (f"{function.__name__}: ", *words):
        assert word in str(caught.value)


def test_a_divisor_of_0_is_refused():
    with pytest.raises(
        ValueError, match=r"avg_pool2d: divisor_override must not be 0; got divisor_override=0"
    ):
        F.avg_pool2d(np.zeros((1, 4, 4)), 2, divisor_override=0)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flatten_equals_pytorch_and_its_gradient_goes_back(data):
    torch = pytest.importorskip("torch")
    shape = tuple(data.draw(st.lists(st.integers(0, 3), max_size=4)))
    n = max(len(shape), 1)
    start, end = sorted(data.draw(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))
    start, end = start - data.draw(st.sampled_from([0, n])), end - data.draw(st.sampled_from([0, n]))
    x = np.asfortranarray(np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(np.float32))
    y, pullback = F.flatten(x, start, end)
    np.testing.assert_array_equal(y, torch.flatten(torch.from_numpy(x.copy()), start, end).numpy())
    assert y.shape == tuple(torch.flatten(torch.from_numpy(x.copy()), start, end).shape)
    np.testing.assert_array_equal(pullback(y)[0], x)
    assert not np.shares_memory(x, y)
    assert not np.shares_memory(y, pullback(y)[0])


def test_flatten_refuses_dimensions_in_the_wrong_order_or_not_there():
    with pytest.raises(ValueError, match=r"flatten: start_dim must not come behind end_dim; got start_dim=1"):
        F.flatten(np.zeros((2, 3)), 1, 0)
    with pytest.raises(ValueError, match=r"flatten: dim must lie in \[-2, 1\]"):
        F.flatten(np.zeros((2, 3)), 0, 2)
