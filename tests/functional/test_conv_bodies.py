"""Convolution equals PyTorch's, and every faster body equals the plain one."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scratchnet.functional as F
from scratchnet.functional import _conv, _conv_depthwise, _conv_fast, _conv_pixels, _conv_winograd

FUNCTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
DTYPES = (np.float32, np.float64)


@dataclasses.dataclass
class Call:
    """A drawn call: arrays from a seed, so that shrinking is about the configuration."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray | None
    options: dict
    seed: int

    @property
    def function(self):
        return FUNCTIONS[self.weight.ndim - 2]

    def arrays(self):
        return [a for a in (self.x, self.weight, self.bias) if a is not None]

    def cotangent(self, y):
        return in_layout(
            np.random.default_rng(self.seed + 1).standard_normal(y.shape).astype(y.dtype), self.seed
        )

    def run(self):
        y, pullback = self.function(self.x, self.weight, self.bias, **self.options)
        dy = self.cotangent(y)
        return y, dy, pullback(dy)


def in_layout(array, choice):
    """The same numbers in another memory layout."""
    match choice % 4:
        case 0:
            return array
        case 1:
            return np.asfortranarray(array)
        case 2:
            return array[..., ::-1].copy()[..., ::-1]
        case _:
            wide = np.zeros((*array.shape, 2), dtype=array.dtype)
            wide[..., 0] = array
            return wide[..., 0]


@st.composite
def calls(draw, n_dims=None, *, unit_stride=False, one_group=False, channels=3, dtypes=DTYPES):
    n_dims = draw(st.integers(1, 3)) if n_dims is None else n_dims
    largest = {1: 4, 2: 3, 3: 2}[n_dims]
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(n_dims))  # noqa: E731 (draws by name)
    groups = 1 if one_group else draw(st.integers(1, 3))
    c, o = groups * draw(st.integers(1, channels)), groups * draw(st.integers(1, channels))
    kernel, dilation, padding = each(1, largest), each(1, 3), each(0, 3)
    stride = (1,) * n_dims if unit_stride else each(1, 3)
    left_over = each(0, 2)  # strides that do not divide
    sides = tuple(
        max(1, (out - 1) * s + d * (k - 1) + 1 - 2 * p + min(more, s - 1))
        for out, s, d, k, p, more in zip(
            each(1, 4), stride, dilation, kernel, padding, left_over, strict=True
        )
    )
    padding = draw(st.sampled_from([padding, "valid", "same"]))
    if padding == "same":
        stride = (1,) * n_dims
    if padding == "valid":
        sides = tuple(max(s, d * (k - 1) + 1) for s, d, k in zip(sides, dilation, kernel, strict=True))
    lead = draw(st.sampled_from([(), (1,), (2,), (3,)]))
    dtype, seed = draw(st.sampled_from(dtypes)), draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    arrays = [
        in_layout(rng.standard_normal(shape).astype(dtype), draw(st.integers(0, 3)))
        for shape in ((*lead, c, *sides), (o, c // groups, *kernel), (o,))
    ]
    if draw(st.booleans()):
        arrays[2] = None
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Call(*arrays, options, seed)


def assert_equal_sums(got, want, of_magnitudes, n_terms):
    """Compare sums of products that may have been added in another order.

    However a sum of n products is added up, its error is at most n eps times the sum of their magnitudes
    (Higham, "Accuracy and Stability of Numerical Algorithms", 2002, section 3.1); two such sums differ by
    twice that. In float64 that is some 1e-14 of the terms: a wrong sign stands out by many orders.
    """
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    bound = 2 * (n_terms + 2) * np.finfo(got.dtype).eps * of_magnitudes
    worst = np.max(np.abs(got - want) - bound, initial=0.0)
    assert worst <= 0, f"off by {worst} more than rounding"


def torch_results(torch, call, dy, arrays):
    function = getattr(torch.nn.functional, call.function.__name__)
    tensors = [torch.from_numpy(np.array(a)).requires_grad_() for a in arrays]
    bias = tensors[2] if len(tensors) == 3 else None
    y = function(tensors[0], tensors[1], bias, **call.options)
    return [
        y.detach().numpy(),
        *(g.numpy() for g in torch.autograd.grad(y, tensors, torch.from_numpy(np.array(dy)))),
    ]


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's, on its speed
@settings(max_examples=150, deadline=None)
@given(call=calls())
def test_forward_and_every_gradient_equal_pytorch(call):
    torch = pytest.importorskip("torch")
    y, dy, gradients = call.run()
    got = [y, *(g for g in gradients if g is not None)]
    want = torch_results(torch, call, dy, call.arrays())
    magnitudes = torch_results(torch, call, np.abs(dy), [np.abs(a) for a in call.arrays()])
    n_terms = call.weight.size + dy.size
    for ours, theirs, magnitude in zip(got, want, magnitudes, strict=True):
        assert_equal_sums(ours, theirs, magnitude, n_terms)


def run_bodies(bodies, call):
    """Call three bodies directly, as `_conv_nd` does."""
    n_dims = call.weight.ndim - 2
    options = dict(call.options)
    groups = options.pop("groups")
    geometry = _conv._geometry("conv", call.x, call.weight, **options, n_dims=n_dims)
    x = call.x if call.x.ndim == n_dims + 2 else call.x[None]
    y = bodies.forward(x, call.weight, call.bias, geometry, groups)
    dy = call.cotangent(y)
    return [
        y,
        bodies.dx(dy, call.weight, x.shape, geometry, groups),
        bodies.dweight(dy, x, call.weight.shape, geometry, groups),
    ]


def assert_bodies_equal_plain(bodies, call, factor=1):
    magnitudes = dataclasses.replace(
        call,
        x=np.abs(call.x),
        weight=np.abs(call.weight),
        bias=None if call.bias is None else np.abs(call.bias),
    )
    magnitudes.cotangent = lambda y: np.abs(call.cotangent(y))
    plain = run_bodies(_conv.PLAIN, call)
    n_terms = call.weight.size + plain[0].size
    for got, want, magnitude in zip(
        run_bodies(bodies, call), plain, run_bodies(_conv.PLAIN, magnitudes), strict=True
    ):
        assert_equal_sums(got, want, factor * magnitude, n_terms)


@settings(max_examples=100, deadline=None)
@given(call=calls(), block=st.sampled_from([1, 2000, 800_000]))
def test_blocks_equal_the_plain_bodies_whatever_the_size_of_a_block(call, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conv_fast, "_SCRATCH_BYTES", block)
        assert_bodies_equal_plain(_conv_fast.BLOCKS, call)


@settings(max_examples=100, deadline=None)
@given(call=calls(unit_stride=True, one_group=True), block=st.sampled_from([1, 2000, 800_000]))
def test_rows_equal_the_plain_bodies_whatever_the_size_of_a_block(call, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conv_fast, "_SCRATCH_BYTES", block)
        assert_bodies_equal_plain(_conv_fast.ROWS, call)


@settings(max_examples=100, deadline=None)
@given(call=calls(one_group=True), block=st.sampled_from([1, 2000, 800_000]))
def test_the_phases_of_a_stride_equal_the_plain_bodies(call, block):
    call.options["dilation"] = 1  # the kernel may then be smaller than what was drawn, never larger
    if call.options["padding"] == "same":
        call.options["padding"] = 0
        call.x = np.ascontiguousarray(
            np.pad(
                call.x,
                [(0, 0)] * (call.x.ndim - call.weight.ndim + 2) + [(0, k) for k in call.weight.shape[2:]],
            )
        )
    stride = call.options["stride"]
    call.options["stride"] = tuple(min(s, k) for s, k in zip(stride, call.weight.shape[2:], strict=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conv_pixels, "_SCRATCH_BYTES", block)
        assert_bodies_equal_plain(_conv_fast.STRIDED, call)


@settings(max_examples=100, deadline=None)
@given(call=calls(one_group=True), block=st.sampled_from([1, 2000, 800_000]))
def test_pixels_equal_the_plain_bodies_whatever_the_size_of_a_block(call, block):
    pixels = _conv_fast.Bodies(_conv_pixels.forward, _conv.dx_plain, _conv_pixels.dweight)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conv_pixels, "_SCRATCH_BYTES", block)
        assert_bodies_equal_plain(pixels, call)


@settings(max_examples=100, deadline=None)
@given(
    n=st.integers(1, 5),
    channels=st.integers(2, 5),
    sides=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
    padding=st.one_of(st.just("same"), st.tuples(st.integers(0, 4), st.integers(0, 4))),
    bias=st.booleans(),
    dtype=st.sampled_from(DTYPES),
    widest=st.sampled_from([0, 20]),
    block=st.sampled_from([1, 2000, 20_000, 1_600_000]),
)
def test_depthwise_equals_the_plain_bodies_in_runs_and_in_bands(
    n, channels, sides, kernel, dilation, padding, bias, dtype, widest, block
):
    if padding != "same":
        reach = (d * (k - 1) + 1 - 2 * p for d, k, p in zip(dilation, kernel, padding, strict=True))
        sides = tuple(map(max, sides, reach))
    rng = np.random.default_rng(n)
    shapes = ((n, channels, *sides), (channels, 1, *kernel), (channels,))
    arrays = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    if not bias:
        arrays[2] = None
    options = {"stride": (1, 1), "padding": padding, "dilation": dilation, "groups": channels}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conv_depthwise, "_WIDEST_BAND", widest)
        patch.setattr(_conv_depthwise, "_SCRATCH_BYTES", block)
        assert_bodies_equal_plain(_conv_fast.DEPTHWISE, Call(*arrays, options, n))


def test_a_last_depthwise_block_of_fewer_images_holds_nothing_of_the_block_before(monkeypatch):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((3, 2, 24, 24), (2, 1, 3, 3), (2,))]
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": 2}
    monkeypatch.setattr(_conv_depthwise, "_SCRATCH_BYTES", 2 * 8 * 24 * 24 * 8)  # two images
    assert_bodies_equal_plain(_conv_fast.DEPTHWISE, Call(*arrays, options, 0))


@pytest.mark.parametrize("side", [9, 24])  # bands, runs
@pytest.mark.parametrize("poison", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("where", ["x", "weight", "dy"])
def test_infinity_and_nan_reach_no_further_by_the_depthwise_bodies(side, poison, where):
    rng = np.random.default_rng(0)
    options = {"stride": 1, "padding": 1, "dilation": 1, "groups": 3}
    for at in ((0, 0, 0, 0), (0, 0, 1, 2), (-1, -1, -1, -1)):
        x, w = rng.standard_normal((2, 3, side, side)), rng.standard_normal((3, 1, 3, 3))
        call = Call(x, w, rng.standard_normal(3), options, 0)
        dy = rng.standard_normal(x.shape)
        {"x": x, "weight": w, "dy": dy}[where][at] = poison
        call.cotangent = lambda _, dy=dy: dy
        with np.errstate(invalid="ignore"):
            got, want = run_bodies(_conv_fast.DEPTHWISE, call), run_bodies(_conv.PLAIN, call)
        for ours, plain in zip(got, want, strict=True):
            np.testing.assert_allclose(ours, plain, rtol=1e-9, atol=1e-12)


@settings(max_examples=150, deadline=None)
@given(
    n=st.integers(1, 5),
    channels=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    sides=st.tuples(st.integers(1, 14), st.integers(1, 14)),
    kernel=st.sampled_from([None, (3, 3), (3, 4), (4, 3), (4, 4)]),
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    bias=st.booleans(),
    block=st.sampled_from([1, 20, 80, 400, 12_800]),
)
def test_winograd_equals_the_plain_bodies_but_for_some_rounding(
    n, channels, sides, kernel, padding, bias, block
):
    stride, kernel = (1, (3, 3)) if kernel is None else (2, kernel)
    sides = tuple(max(side, k - 2 * p) for side, k, p in zip(sides, kernel, padding, strict=True))
    rng = np.random.default_rng(n)
    c, o = channels
    shapes = ((n, c, *sides), (o, c, *kernel), (o,))
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    if not bias:
        arrays[2] = None
    call = Call(*arrays, {"stride": stride, "padding": padding, "dilation": 1, "groups": 1}, n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_conv_winograd, "_BLOCK_ELEMENTS", block)
        got, want = run_bodies(_conv_fast.WINOGRAD, call), run_bodies(_conv.PLAIN, call)
    for ours, plain in zip(got, want, strict=True):
        assert ours.dtype == np.float32
        # Other numbers are added than in the plain body, so that only the size of the whole bounds the error.
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-5 * max(np.max(np.abs(plain)), 1.0))


@pytest.mark.parametrize(("stride", "kernel"), [(1, 3), (2, 3), (2, 4)])
def test_winograd_is_about_as_accurate_as_the_plain_body(stride, kernel):
    rng = np.random.default_rng(0)
    shapes = ((2, 64, 14, 14), (64, 64, kernel, kernel))
    arrays = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    call = Call(*arrays, None, {"stride": stride, "padding": 1, "dilation": 1, "groups": 1}, 0)
    y, dy, _ = call.run()
    double = dataclasses.replace(call, x=arrays[0].astype(float), weight=arrays[1].astype(float))
    double.cotangent = call.cotangent = lambda other: dy.astype(other.dtype)
    for ours, plain, exact in zip(
        run_bodies(_conv_fast.WINOGRAD, call),
        run_bodies(_conv.PLAIN, call),
        run_bodies(_conv.PLAIN, double),
        strict=True,
    ):
        assert ours.dtype == y.dtype
        error, plain_error = np.max(np.abs(ours - exact)), np.max(np.abs(plain - exact))
        assert error <= 6 * plain_error
        assert error <= 2e-6 * np.max(np.abs(exact))


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5), st.integers(1, 4), st.integers(1, 4)),
    o=st.integers(1, 5),
)
def test_pointwise_equals_the_plain_bodies(shape, o):
    rng = np.random.default_rng(o)
    call = Call(
        rng.standard_normal(shape),
        rng.standard_normal((o, shape[1], 1, 1)),
        rng.standard_normal(o),
        {"stride": 1, "padding": 0, "dilation": 1, "groups": 1},
        o,
    )
    assert_bodies_equal_plain(_conv_fast.POINTWISE, call)


@pytest.mark.parametrize(
    ("shape", "weight", "options", "bodies"),
    [
        ((8, 3, 16, 16), (16, 3, 3, 3), {"padding": 1}, "BLOCKS"),
        ((2, 1, 28, 28), (30, 1, 5, 5), {}, "BLOCKS"),
        ((2, 16, 14, 14), (16, 16, 3, 3), {"padding": 1}, "ROWS"),
        ((2, 16, 14, 14), (16, 16, 3, 3), {"stride": 2}, "STRIDED"),
        ((2, 16, 14, 14), (16, 16, 3, 3), {"stride": (2, 4)}, "BLOCKS"),
        ((2, 16, 14, 14), (16, 16, 3, 3), {"stride": 2, "dilation": 2}, "BLOCKS"),
        ((2, 8, 9, 9), (8, 1, 3, 3), {"groups": 8}, "DEPTHWISE"),
        ((2, 8, 9, 9), (8, 1, 3, 3), {"groups": 8, "stride": 2}, "BLOCKS"),
        ((2, 8, 9, 9), (16, 1, 3, 3), {"groups": 8}, "BLOCKS"),
        ((2, 16, 7, 7), (8, 16, 1, 1), {}, "POINTWISE"),
        ((2, 64, 14, 14), (64, 64, 3, 3), {"padding": 1}, "WINOGRAD"),
        ((8, 16, 14, 14), (16, 16, 3, 3), {"padding": 1}, "WINOGRAD"),
        ((8, 16, 28, 28), (16, 16, 4, 4), {"padding": 1, "stride": 2}, "WINOGRAD"),
        ((8, 16, 28, 28), (16, 16, 3, 3), {"padding": 1, "stride": 2}, "STRIDED"),
        ((2, 64, 14, 14), (64, 64, 3, 3), {"dilation": 2, "padding": 2}, "ROWS"),
    ],
)
def test_common_shapes_get_the_body_that_was_measured_fastest(shape, weight, options, bodies):
    x, w = np.zeros(shape, np.float32), np.zeros(weight, np.float32)
    full = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1} | options
    groups = full.pop("groups")
    geometry = _conv._geometry("conv2d", x, w, **full, n_dims=2)
    assert _conv_fast.choose(x, w, geometry, groups) is getattr(_conv_fast, bodies)
    assert _conv_fast.choose(x.astype(np.float16), w.astype(np.float16), geometry, groups) is None


@pytest.mark.parametrize("weight", [(4, 2, 3, 3), (9, 9, 3, 2), (8, 8, 1, 1), (64, 64, 3, 3)])
@pytest.mark.parametrize("poison", [np.inf, -np.inf, np.nan])
def test_infinity_and_nan_reach_what_they_reach_in_pytorch_and_no_more(weight, poison):
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for where in ("x", "weight", "dy"):
        x, w = rng.standard_normal((2, weight[1], 14, 15)), rng.standard_normal(weight)
        dy = rng.standard_normal(F.conv2d(x, w)[0].shape)
        if weight[0] == 64:
            x, w, dy = (a.astype(np.float32) for a in (x, w, dy))
        for at in ((0, 0, 0, 0), (-1, -1, -1, -1)):
            {"x": x, "weight": w, "dy": dy}[where][at] = poison
        with np.errstate(invalid="ignore"):
            y, pullback = F.conv2d(x, w)
            got = [y, *pullback(dy)[:2]]
        want = torch_results(torch, Call(x, w, None, {}, 0), dy, [x, w])
        for ours, theirs in zip(got, want, strict=True):
            np.testing.assert_array_equal(np.isnan(ours), np.isnan(theirs))
            np.testing.assert_array_equal(np.isposinf(ours), np.isposinf(theirs))
            np.testing.assert_array_equal(np.isneginf(ours), np.isneginf(theirs))


@pytest.mark.parametrize(
    ("weight", "bodies"),
    [
        ((8, 9, 3, 2), "STRIDED"),
        ((16, 16, 3, 3), "STRIDED"),
        ((16, 16, 3, 3), "WINOGRAD"),
        ((5, 4, 4, 4), "WINOGRAD"),
    ],
)
@pytest.mark.parametrize("poison", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("where", ["x", "weight", "dy"])
def test_infinity_and_nan_reach_at_a_stride_what_they_reach_in_the_plain_bodies(
    weight, bodies, poison, where
):
    rng = np.random.default_rng(0)
    arrays = {"x": rng.standard_normal((12, weight[1], 14, 15)), "weight": rng.standard_normal(weight)}
    options = {"stride": 2, "padding": 1}
    arrays["dy"] = rng.standard_normal(F.conv2d(arrays["x"], arrays["weight"], **options)[0].shape)
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()}
    for at in ((0, 0, 0, 0), (-1, -1, -1, -1)):
        arrays[where][at] = poison
    call = Call(arrays["x"], arrays["weight"], None, options | {"dilation": 1, "groups": 1}, 0)
    call.cotangent = lambda _: arrays["dy"]
    with np.errstate(invalid="ignore"):
        got, want = run_bodies(getattr(_conv_fast, bodies), call), run_bodies(_conv.PLAIN, call)
    for ours, plain in zip(got, want, strict=True):
        # Equal where they are not finite; elsewhere float32 sums of up to 672 products of normal numbers.
        np.testing.assert_allclose(ours, plain, rtol=0, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(call=calls(channels=9))
def test_leaving_gradients_out_changes_no_bit_of_the_others(call):
    y, pullback = call.function(call.x, call.weight, call.bias, **call.options)
    dy = call.cotangent(y)
    everything = pullback(dy)
    assert len(everything) == 3
    assert (everything[2] is None) == (call.bias is None)
    for wanted in itertools.product((True, False), repeat=3):
        for want, one, all_of_it in zip(
            wanted, pullback(dy, needs_input_grad=wanted), everything, strict=True
        ):
            if want and all_of_it is not None:
                np.testing.assert_array_equal(one, all_of_it)
            else:
                assert one is None


@settings(max_examples=40, deadline=None)
@given(call=calls(channels=9))
def test_nothing_given_is_written_to_and_results_share_no_memory(call):
    given_arrays = call.arrays()
    copies = [a.copy() for a in given_arrays]
    for array in given_arrays:
        array.flags.writeable = False
    y, pullback = call.function(call.x, call.weight, call.bias, **call.options)
    dy = np.broadcast_to(np.asarray(2.0, dtype=y.dtype), y.shape)
    results = [y, *(g for g in pullback(dy) if g is not None)]
    for array, copy in zip(given_arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)
    for one, other in itertools.combinations([*given_arrays, dy, *results], 2):
        assert not np.shares_memory(one, other)
    for result, again in zip(results[1:], (g for g in pullback(dy.copy()) if g is not None), strict=True):
        np.testing.assert_array_equal(result, again)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.longdouble])
def test_an_empty_batch_gives_an_empty_value_and_zeros_for_the_parameters(dtype):
    x, weight, bias = np.zeros((0, 3, 5, 5), dtype), np.ones((2, 3, 3, 3), dtype), np.ones(2, dtype)
    y, pullback = F.conv2d(x, weight, bias)
    assert y.shape == (0, 2, 3, 3)
    dx, dweight, dbias = pullback(y)
    assert dx.shape == x.shape
    assert dweight.tolist() == np.zeros_like(weight).tolist()
    assert dbias.tolist() == [0, 0]
    assert {a.dtype for a in (y, dx, dweight, dbias)} == {np.dtype(dtype)}


def test_an_input_without_channels_gives_the_bias():
    y, pullback = F.conv2d(np.zeros((2, 0, 5, 5)), np.zeros((2, 0, 3, 3)), np.array([1.0, 2.0]))
    assert y[0, :, 0, 0].tolist() == [1.0, 2.0]
    assert pullback(y)[2].tolist() == [18.0, 36.0]


@settings(max_examples=25, deadline=None)
@given(call=calls(dtypes=(np.float64,)))
def test_half_and_extended_precision_run_through_the_plain_body(call):
    y, dy, gradients = call.run()
    exact = [y, *(g for g in gradients if g is not None)]
    for dtype, tolerance in ((np.float16, 0.2), (np.longdouble, 1e-12)):
        bias = None if call.bias is None else call.bias.astype(dtype)
        rounded, pullback = call.function(
            call.x.astype(dtype), call.weight.astype(dtype), bias, **call.options
        )
        results = [rounded, *(g for g in pullback(dy.astype(dtype)) if g is not None)]
        for got, want in zip(results, exact, strict=True):
            assert got.dtype == dtype
            scale = np.max(np.abs(want), initial=1.0)
            assert np.max(np.abs(got.astype(np.float64) - want), initial=0.0) <= tolerance * scale


ZEROS = np.zeros
IMAGE, ONE = ZEROS((1, 1, 3, 3)), ZEROS((1, 1, 1, 1))
REFUSED = {
    "a list": (TypeError, ([[1.0]], ONE), {}, ["conv2d", "x", "NumPy array"]),
    "integers": (TypeError, (ZEROS((1, 1, 3, 3), int), ONE), {}, ["x", "floating-point"]),
    "mixed dtypes": (TypeError, (IMAGE, ZEROS((1, 1, 1, 1), np.float32)), {}, ["weight", "dtype"]),
    "too few dimensions": (ValueError, (ZEROS((3, 3)), ONE), {}, ["x must be (N, C, H, W)"]),
    "weight of another rank": (
        ValueError,
        (ZEROS((1, 3, 3)), ZEROS((1, 1, 1))),
        {},
        ["(C_out, C / groups, H, W)"],
    ),
    "other channels": (
        ValueError,
        (ZEROS((1, 2, 3, 3)), ZEROS((1, 3, 1, 1))),
        {},
        ["2 input channels", "3, 1, 1"],
    ),
    "no kernel": (ValueError, (ZEROS((1, 2, 3, 3)), ZEROS((1, 2, 0, 1))), {}, ["kernel sides", "0"]),
    "an empty image": (
        ValueError,
        (ZEROS((1, 2, 0, 3)), ZEROS((1, 2, 1, 1))),
        {"padding": 1},
        ["empty", "0, 3"],
    ),
    "bias of another length": (ValueError, (IMAGE, ZEROS((2, 1, 1, 1)), ZEROS(3)), {}, ["bias", "(3,)"]),
    "kernel too large": (ValueError, (IMAGE, ZEROS((1, 1, 2, 2))), {"dilation": 3}, ["kernel", "(4, 4)"]),
    "stride 0": (ValueError, (IMAGE, ONE), {"stride": 0}, ["stride", "at least 1"]),
    "three strides": (ValueError, (IMAGE, ONE), {"stride": (1, 1, 1)}, ["tuple of 2"]),
    "half a stride": (TypeError, (IMAGE, ONE), {"stride": 0.5}, ["stride", "0.5"]),
    "padding below 0": (ValueError, (IMAGE, ONE), {"padding": -1}, ["padding", "-1"]),
    "unknown padding": (ValueError, (IMAGE, ONE), {"padding": "full"}, ["'full'"]),
    "same with a stride": (
        ValueError,
        (IMAGE, ONE),
        {"padding": "same", "stride": 2},
        ["stride of 1"],
    ),
    "groups and input": (
        ValueError,
        (ZEROS((2, 8, 5, 5)), ZEROS((3, 2, 1, 1))),
        {"groups": 3},
        ["groups=3", "(2, 8, 5, 5)", "input"],
    ),
    "groups and output": (
        ValueError,
        (ZEROS((2, 4, 5, 5)), ZEROS((3, 2, 1, 1))),
        {"groups": 2},
        ["groups=2", "output channels"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_calls_are_refused_by_name(name):
    error, arrays, options, words = REFUSED[name]
    with pytest.raises(error) as caught:
        F.conv2d(*arrays, **options)
    for word in ("conv2d: ", *words):
        assert word in str(caught.value)


def test_a_cotangent_of_another_shape_or_dtype_is_refused():
    y, pullback = F.conv2d(np.zeros((1, 1, 3, 3)), np.zeros((1, 1, 2, 2)))
    with pytest.raises(ValueError, match=r"conv2d's pullback: dy must have the output's shape"):
        pullback(y[0])
    with pytest.raises(TypeError, match=r"conv2d's pullback: dy must have the output's dtype float64"):
        pullback(y.astype(np.float32))
