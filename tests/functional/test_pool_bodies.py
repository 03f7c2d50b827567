"""Pooling equals PyTorch's, and every faster body equals the plain one."""

import itertools
import sys
from types import SimpleNamespace

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
    dx = fast_dx(dy)
    np.testing.assert_array_equal(fast_y, y)
    np.testing.assert_array_equal(dx, _pool.max_dx_plain(dy, winner, x.shape[-n_dims:], geometry))
    assert fast_y.dtype == dx.dtype == x.dtype


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
    divisor = _pool.window_sizes(geometry, sides, count).astype(x.dtype)
    with pytest.MonkeyPatch.context() as patch, np.errstate(invalid="ignore"):
        patch.setattr(_pool_phases, "_BLOCK", block)
        y, dx = _pool_phases.avg_pool_phases(x, divisor, geometry)
        np.testing.assert_array_equal(y, _pool.avg_forward_plain(x, divisor, geometry))
        dy = cotangent_of(y, special=(np.inf, np.nan, -0.0))
        np.testing.assert_array_equal(dx(dy), _pool.avg_dx_plain(dy, divisor, sides, geometry))
        assert y.dtype == dx(dy).dtype == x.dtype


def _windows_of_two(x):
    return _pool._geometry("avg_pool", x, 2, 1 if x.shape[-1] % 2 else 2, 0, 1, False, n_dims=x.ndim - 1)


@pytest.mark.parametrize("body", [_pool_fast.avg_pool_pairs, _pool_phases.avg_pool_phases])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_sum_that_overflows_does_so_in_every_body_of_a_mean(body, dtype):
    x = np.full((1, 2, 2), 0.4 * np.finfo(dtype).max, dtype)  # two of them may be added
    geometry, four = _windows_of_two(x), np.asarray(4, dtype)
    with np.errstate(over="ignore"):
        assert _pool.avg_forward_plain(x, four, geometry).tolist() == [[[np.inf]]]
    assert body(x, four, geometry)[0].tolist() == [[[np.inf]]]


# Sums of neighbours that are in no window together overflow, or are of two infinities.
LARGE, INF = np.float32(2e38), np.float32(np.inf)
APART = {
    "pairs, large": (
        _pool_fast.avg_pool_pairs,
        [[-LARGE / 2] * 2, [LARGE / 2] * 2, [LARGE / 2] * 2, [-LARGE / 2] * 2],
    ),
    "pairs, infinite": (_pool_fast.avg_pool_pairs, [[0, 0], [INF, INF], [-INF, -INF], [0, 0]]),
    "phases, large": (_pool_phases.avg_pool_phases, [[0, 0, LARGE], [LARGE, 0, -LARGE], [-LARGE, 0, 0]]),
    "phases, infinite": (_pool_phases.avg_pool_phases, [[0, 0, INF], [-INF, 0, 0], [0, 0, 0]]),
}


@pytest.mark.parametrize("name", APART)
def test_what_a_fast_mean_adds_up_but_throws_away_warns_of_nothing(name):
    body, rows = APART[name]
    x = np.array([rows], np.float32)
    geometry, four = _windows_of_two(x), np.asarray(4, np.float32)
    np.testing.assert_array_equal(body(x, four, geometry)[0], _pool.avg_forward_plain(x, four, geometry))


@pytest.mark.parametrize("dtype", DTYPES)
def test_phases_add_up_in_the_order_of_the_plain_body_so_that_means_round_alike(dtype):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 3, 7, 8)).astype(dtype)
    geometry, nine = _pool._geometry("avg_pool2d", x, 3, 2, 1, 1, False, n_dims=2), np.asarray(9, dtype)
    y, dx = _pool_phases.avg_pool_phases(x, nine, geometry)
    dy = rng.standard_normal(y.shape).astype(dtype)
    np.testing.assert_array_equal(y, _pool.avg_forward_plain(x, nine, geometry))
    np.testing.assert_array_equal(dx(dy), _pool.avg_dx_plain(dy, nine, (7, 8), geometry))


FAST = ("max_pool_pairs", "max_pool_phases", "max_pool_shifts", "avg_pool_pairs", "avg_pool_phases")
PLAIN = ("max_forward_plain", "avg_forward_plain")


@pytest.mark.parametrize(
    ("arguments", "bodies"),
    [
        ((2,), ["max_pool_pairs", "avg_pool_pairs"]),
        ((3, 2, 1), ["max_pool_phases", "avg_pool_phases"]),
        ((7, 1), ["max_pool_shifts", "avg_forward_plain"]),
    ],
)
def test_each_geometry_is_given_to_the_body_that_is_made_for_it(monkeypatch, arguments, bodies):
    called = []
    for name in FAST + PLAIN:
        module = _pool_fast if name in FAST else _pool
        own = getattr(module, name)
        monkeypatch.setattr(module, name, lambda *a, name=name, own=own: (called.append(name), own(*a))[1])
    for dtype in (*DTYPES, np.float16):
        for function in (F.max_pool2d, F.avg_pool2d):
            function(np.zeros((2, 3, 7, 7), dtype), *arguments)
    assert called == [*bodies, *bodies, *PLAIN]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_padding_counts_in_a_mean_unless_it_is_told_not_to(n):
    x = np.ones((1, *(1,) * n))
    assert AVG[n](x, 2, padding=1)[0].tolist() == np.full((1, *(1,) * n), 0.5**n).tolist()
    assert AVG[n](x, 2, padding=1, count_include_pad=False)[0].tolist() == x.tolist()


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
        assert y.dtype == dx(dy).dtype == x.dtype


def test_a_maximum_finds_its_place_in_a_pair_on_machines_of_the_other_byte_order_too(monkeypatch):
    # Here, that exchanges left and right.
    other = {"little": "big", "big": "little"}[sys.byteorder]
    monkeypatch.setattr(_pool_fast, "sys", SimpleNamespace(byteorder=other))
    out = np.full(6, np.nan, np.float32)
    places = np.array([_pool_fast._LEFT, _pool_fast._RIGHT, _pool_fast._NOWHERE])
    _pool_fast._to_places(np.array([1, 2, 3], np.float32), places, out)
    assert out.tolist() == [0, 1, 2, 0, 0, 0]


def test_phases_are_worked_on_in_blocks_of_whole_images_at_least_one(monkeypatch):
    monkeypatch.setattr(_pool_phases, "_BLOCK", 30)
    assert _pool_phases._blocks(5, (3, 4)) == (2, [slice(0, 2), slice(2, 4), slice(4, 5)])
    assert _pool_phases._blocks(2, (6, 7)) == (1, [slice(0, 1), slice(1, 2)])


def test_a_plan_that_is_kept_between_calls_cannot_be_written_to():
    geometry = _pool._geometry("pool", np.zeros((1, 4, 4)), 2, 1, 1, 1, False, n_dims=2)
    assert not _pool_phases._plan((4, 4), geometry).first.flags.writeable


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
