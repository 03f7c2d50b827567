"""Every faster body of convolution by itself, without those it falls back to, equals the plain one exactly.

The numbers are small integers: however their products are added up, and in halves and quarters of them too,
nothing is rounded, so that the results are the same to the last bit.
"""

import itertools

import numpy as np
import pytest

from scratchnet.functional import _conv, _conv_depthwise, _conv_fast, _conv_pixels, _conv_winograd
from scratchnet.functional._conv_fast import Bodies

DTYPES = (np.float32, np.float64)
MODULES = (_conv_fast, _conv_depthwise, _conv_pixels, _conv_winograd)
#: What a body that cannot take a call, or not finitely, hands it on to.
FALLBACKS = (
    (_conv_fast, "forward_blocks"),
    (_conv_fast, "dx_blocks"),
    (_conv_fast, "dweight_blocks"),
)
#: Without the look at what came out; the functions are looked up when called.
BODIES = {
    "pointwise": _conv_fast.POINTWISE,
    "blocks": _conv_fast.BLOCKS,
    "rows": _conv_fast.ROWS,
    "strided": _conv_fast.STRIDED,
    "pixels": Bodies(_conv_pixels.forward, _conv.dx_plain, _conv_pixels.dweight),
    "winograd": Bodies(_conv_winograd.forward, _conv_winograd.dx, _conv_winograd.dweight),
    "bands": _conv_fast.DEPTHWISE,
    "runs": _conv_fast.DEPTHWISE,
}


def fall_back(*_):
    raise AssertionError("the body that was to be tested handed the call on")


@pytest.fixture
def alone(monkeypatch):
    """Let no body hand a call on to another."""
    for module, name in FALLBACKS:
        monkeypatch.setattr(module, name, fall_back)


def choose_depthwise(monkeypatch, body):
    """Let every depthwise call run in bands, or in runs."""
    if body in ("bands", "runs"):
        monkeypatch.setattr(_conv_depthwise, "_WIDEST_BAND", {"bands": 1 << 20, "runs": 0}[body])
        other = "runs" if body == "bands" else "bands"
        for name in ("forward", "dweight"):
            monkeypatch.setattr(_conv_depthwise, f"{name}_{other}", fall_back)


def geometry_of(x, weight, options):
    full = {"stride": 1, "padding": 0, "dilation": 1} | options
    full.pop("groups", None)
    return _conv._geometry("conv", x, weight, **full, n_dims=x.ndim - 2)


def integers(seed, *shapes, dtype):
    rng = np.random.default_rng(seed)
    return [rng.integers(-4, 5, shape).astype(dtype) for shape in shapes]


def assert_equal_plain(bodies, shape, weight_shape, options, dtype, *, biased):
    x, weight, bias = integers(1, shape, weight_shape, weight_shape[:1], dtype=dtype)
    bias = bias if biased else None
    geometry, groups = geometry_of(x, weight, options), options.get("groups", 1)
    (dy,) = integers(2, (shape[0], weight_shape[0], *geometry.out), dtype=dtype)
    plain = _conv.PLAIN
    for got, want in (
        (bodies.forward(x, weight, bias, geometry, groups), plain.forward(x, weight, bias, geometry, groups)),
        (bodies.dx(dy, weight, shape, geometry, groups), plain.dx(dy, weight, shape, geometry, groups)),
        (
            bodies.dweight(dy, x, weight_shape, geometry, groups),
            plain.dweight(dy, x, weight_shape, geometry, groups),
        ),
    ):
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, want)


CALLS = {
    "pointwise": [
        ((3, 4, 5, 6), (7, 4, 1, 1), {}),
        ((3, 4, 5), (2, 4, 1), {}),
    ],
    "blocks": [
        ((5, 3, 7, 6), (4, 3, 3, 2), {"padding": (1, 0)}),
        ((5, 4, 8, 9), (6, 2, 3, 3), {"groups": 2, "stride": (2, 3), "padding": (1, 2)}),
        ((5, 6, 9), (3, 2, 3), {"groups": 3, "dilation": 2}),
        ((3, 2, 4, 5, 6), (3, 2, 2, 3, 2), {"padding": 1, "stride": (1, 2, 1)}),
    ],
    "rows": [
        ((5, 3, 11), (4, 3, 3), {"padding": 1}),
        ((5, 3, 7, 6), (4, 3, 3, 2), {"padding": (1, 0)}),
        ((5, 2, 9, 8), (3, 2, 3, 3), {"padding": 2, "dilation": (2, 1)}),
        ((5, 2, 9, 8), (3, 2, 2, 3), {"dilation": (1, 3)}),
        ((5, 2, 8, 4), (3, 2, 4, 1), {}),
        ((3, 2, 4, 5, 6), (3, 2, 2, 3, 2), {"padding": 1}),
    ],
    "strided": [
        ((5, 3, 11), (4, 3, 3), {"padding": 1, "stride": 2}),
        ((5, 3, 9, 8), (4, 3, 3, 2), {"padding": (1, 0), "stride": 2}),
        ((5, 2, 9, 11), (3, 2, 3, 4), {"padding": 1, "stride": (1, 3)}),
        ((5, 2, 12, 7), (3, 2, 5, 3), {"padding": (2, 0), "stride": (3, 2)}),
        ((3, 2, 5, 6, 7), (3, 2, 2, 3, 3), {"padding": (0, 1, 1), "stride": (1, 2, 2)}),
    ],
    "pixels": [
        ((5, 3, 11), (4, 3, 3), {"padding": 1, "stride": 2, "dilation": 2}),
        ((5, 3, 7, 6), (4, 3, 3, 2), {"padding": (1, 0), "dilation": (1, 2)}),
        ((3, 2, 5, 6, 7), (3, 2, 2, 3, 2), {"padding": 1, "stride": (1, 2, 2)}),
    ],
    "bands": [
        ((5, 5, 7, 6), (5, 1, 3, 2), {"padding": (1, 0)}),
        ((3, 4, 4, 9), (4, 1, 2, 3), {"padding": (0, 3), "dilation": (1, 3)}),
        ((2, 3, 6, 5), (3, 1, 4, 4), {"padding": "same"}),
        ((1, 2, 4, 2), (2, 1, 1, 3), {"padding": (0, 2)}),  # more outputs than inputs
        ((2, 2, 4, 3), (2, 1, 2, 1), {"padding": "same"}),  # more zeros below than above, none beside
    ],
    "runs": [
        ((5, 5, 7, 6), (5, 1, 3, 2), {"padding": (1, 0)}),
        ((3, 4, 7, 9), (4, 1, 2, 3), {"padding": (0, 3), "dilation": (2, 3)}),
        ((2, 3, 6, 5), (3, 1, 4, 4), {"padding": "same"}),
    ],
    "winograd": [
        ((5, 3, 7, 6), (4, 3, 3, 3), {"padding": (1, 0)}),
        ((5, 3, 3, 3), (4, 3, 3, 3), {}),
        ((3, 2, 9, 12), (5, 2, 3, 3), {"padding": 2}),
        ((5, 2, 7, 9), (3, 2, 4, 4), {"padding": (1, 0), "stride": 2}),
        ((5, 4, 8, 11), (3, 4, 3, 4), {"padding": (0, 2), "stride": 2}),
        ((3, 2, 11, 8), (5, 2, 3, 3), {"padding": 1, "stride": 2}),
        ((2, 20, 4, 4), (1, 20, 3, 3), {}),
        ((2, 2, 6, 6), (40, 2, 3, 3), {}),
    ],
}  # fmt: skip
EVERY_CALL = [
    (body, shape, weight, options | ({"groups": shape[1]} if body in ("bands", "runs") else {}))
    for body, calls in CALLS.items()
    for shape, weight, options in calls
]


def each_dtype(calls):
    return [
        (*call, dtype)
        for call, dtype in itertools.product(calls, DTYPES)
        if call[0] != "winograd" or dtype == np.float32
    ]


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("body", "shape", "weight", "options", "dtype"), each_dtype(EVERY_CALL))
@pytest.mark.parametrize("block", [1, 20, 200, 2000, 12_000, 1_000_000])
def test_a_fast_body_alone_equals_the_plain_one_exactly(
    monkeypatch, body, shape, weight, options, dtype, block
):
    if body == "blocks":
        monkeypatch.undo()  # they are what is handed on to
    choose_depthwise(monkeypatch, body)
    for module in MODULES:
        name = "_BLOCK_ELEMENTS" if module is _conv_winograd else "_SCRATCH_BYTES"
        monkeypatch.setattr(module, name, block)
    monkeypatch.setattr(_conv_winograd, "_TRANSPOSED_PIXELS", 1)
    for biased in (True, False):
        assert_equal_plain(BODIES[body], shape, weight, options, dtype, biased=biased)


@pytest.mark.parametrize(
    ("body", "shape", "weight", "options"),
    [
        ("rows", (3, 2, 4, 5), (3, 2, 1, 2), {"padding": (1, 0)}),
        ("strided", (3, 2, 6, 5), (3, 2, 3, 2), {"padding": (4, 0), "stride": 2}),
        ("winograd", (3, 2, 4, 5), (3, 2, 3, 3), {"padding": (4, 3)}),
        ("bands", (3, 2, 4, 5), (2, 1, 1, 2), {"padding": (1, 0), "groups": 2}),
        ("runs", (3, 2, 4, 5), (2, 1, 1, 2), {"padding": (1, 0), "groups": 2}),
    ],
)
def test_with_more_padding_than_the_kernel_reaches_a_fast_body_equals_the_plain_one_exactly(
    monkeypatch, body, shape, weight, options
):
    choose_depthwise(monkeypatch, body)
    assert_equal_plain(BODIES[body], shape, weight, options, np.float32, biased=True)


class Watched:
    """NumPy, which keeps the dtypes of the arrays that it is asked to make."""

    def __init__(self):
        self.dtypes = set()

    def __getattr__(self, name):
        function = getattr(np, name)
        if name not in ("empty", "zeros", "ones", "empty_like", "zeros_like"):
            return function

        def make(*arguments, **options):
            array = function(*arguments, **options)
            self.dtypes.add(array.dtype)
            return array

        return make


@pytest.mark.parametrize(("body", "shape", "weight", "options", "dtype"), each_dtype(EVERY_CALL))
def test_all_scratch_has_the_dtype_of_the_images(monkeypatch, body, shape, weight, options, dtype):
    choose_depthwise(monkeypatch, body)
    watched = Watched()
    for module in MODULES:
        monkeypatch.setattr(module, "np", watched)
    assert_equal_plain(BODIES[body], shape, weight, options, dtype, biased=True)
    assert watched.dtypes <= {np.dtype(dtype)}


@pytest.mark.parametrize(
    ("kernel", "stride", "dilation", "groups", "fits"),
    [
        ((3, 3), 2, 1, 1, True),
        ((2, 3), 2, 1, 1, True),
        ((3, 2), (1, 2), 1, 1, True),
        ((3, 1), 2, 1, 1, False),
        ((3, 3), 2, (1, 2), 1, False),
        ((3, 3), 2, 1, 2, False),
        ((3, 1), 2, 2, 1, False),
        ((3, 1), 2, 1, 2, False),
    ],
)
def test_the_phases_of_a_stride_take_one_group_without_dilation_whose_kernel_has_elements_for_each(
    kernel, stride, dilation, groups, fits
):
    x, weight = np.zeros((1, 2, 9, 9)), np.zeros((2, 2 // groups, *kernel))
    geometry = geometry_of(x, weight, {"stride": stride, "dilation": dilation})
    assert _conv_fast.fits_phases(geometry, groups) is fits


@pytest.mark.parametrize("taps", [2, 3])
def test_the_forms_of_winograd_are_his_formula(taps):
    form, step = _conv_winograd._Form(taps), 5 - taps
    (tile,) = integers(0, (4, 4), dtype=np.float32)
    (kernel,) = integers(1, (taps, taps), dtype=np.float32)
    transform = np.kron(_conv_winograd._BT, _conv_winograd._BT)
    places = (form.g @ kernel.reshape(-1)) * (transform @ tile.reshape(-1))
    want = np.zeros((step, step), np.float32)
    for row, column in np.ndindex(step, step):
        want[row, column] = np.sum(tile[row : row + taps, column : column + taps] * kernel)
    np.testing.assert_array_equal(form.a_t @ places, want.reshape(-1))
    np.testing.assert_array_equal(form.a_t_bias @ np.append(places, np.float32(3)), want.reshape(-1) + 3)
    np.testing.assert_array_equal(form.a, form.a_t.T)
    np.testing.assert_array_equal(form.g, form.g_t.T)
    assert (form.taps, form.step) == (taps, step)
    assert {m.dtype for m in (form.a, form.a_t, form.a_t_bias, form.g, form.g_t)} == {np.dtype(np.float32)}


# What a body tries in vain must give no warning of its own. Where it would hand the call on, it ends here:
# the blocks may warn, as any product of infinite numbers may, even for no reason, by how it is computed.
HANDED_ON = object()
TRIED = [
    ("rows", (2, 2, 5, 6), (3, 2, 3, 3), {}),
    ("bands", (2, 3, 5, 6), (3, 1, 3, 3), {"groups": 3}),
    ("runs", (2, 3, 5, 6), (3, 1, 3, 3), {"groups": 3}),
    ("winograd", (2, 2, 5, 6), (3, 2, 3, 3), {}),
    ("winograd", (2, 2, 8, 6), (3, 2, 4, 4), {"stride": 2}),
]


@pytest.fixture
def ends(monkeypatch):
    """Let a call end where a body hands it on."""
    for module, name in FALLBACKS:
        monkeypatch.setattr(module, name, lambda *_: HANDED_ON)


def assert_equal_plain_or_handed_on(bodies, x, weight, dy, options):
    geometry, groups = geometry_of(x, weight, options), options.get("groups", 1)
    bias = np.ones(len(weight), np.float32)
    plain = _conv.PLAIN
    for ours, other, arguments in (
        (bodies.forward, plain.forward, (x, weight, bias)),
        (bodies.dx, plain.dx, (dy, weight, x.shape)),
        (bodies.dweight, plain.dweight, (dy, x, weight.shape)),
    ):
        got = ours(*arguments, geometry, groups)  # warnings are errors here
        if got is not HANDED_ON:
            with np.errstate(invalid="ignore"):
                np.testing.assert_array_equal(got, other(*arguments, geometry, groups))


@pytest.mark.usefixtures("ends")
@pytest.mark.parametrize(("body", "shape", "weight_shape", "options"), TRIED)
@pytest.mark.parametrize(
    ("x", "weight", "dy"),
    [
        (2.0**127, 2.0**-10, 2.0**-20),
        (2.0**-20, 2.0**127, 2.0**-20),
        (2.0**-20, 2.0**-10, 2.0**124),  # no sum of ten terms is too large
    ],
)
def test_what_a_fast_body_tries_in_vain_on_huge_numbers_gives_no_warning(
    monkeypatch, body, shape, weight_shape, options, x, weight, dy
):
    choose_depthwise(monkeypatch, body)
    bodies = _conv_fast.WINOGRAD if body == "winograd" else BODIES[body]
    images, kernels = np.full(shape, x, np.float32), np.full(weight_shape, weight, np.float32)
    cotangents = np.full(
        (shape[0], weight_shape[0], *geometry_of(images, kernels, options).out), dy, np.float32
    )
    assert_equal_plain_or_handed_on(bodies, images, kernels, cotangents, options)


@pytest.mark.usefixtures("ends")
@pytest.mark.parametrize(("body", "shape", "weight_shape", "options"), TRIED)
@pytest.mark.parametrize("where", [0, 1, 2])
@pytest.mark.parametrize("at", [0, 8, -1])
def test_what_a_fast_body_tries_in_vain_on_infinity_gives_no_warning(
    monkeypatch, body, shape, weight_shape, options, where, at
):
    if body == "runs":
        choose_depthwise(monkeypatch, body)
    bodies = _conv_fast.WINOGRAD if body == "winograd" else BODIES[body]
    images, kernels = np.ones(shape, np.float32), np.ones(weight_shape, np.float32)
    out = geometry_of(images, kernels, options).out
    cotangents = np.ones((shape[0], weight_shape[0], *out), np.float32)
    (images, kernels, cotangents)[where].flat[at] = np.inf
    assert_equal_plain_or_handed_on(bodies, images, kernels, cotangents, options)


@pytest.mark.usefixtures("ends")
@pytest.mark.parametrize(("body", "channels"), [("rows", 1), ("bands", 2), ("runs", 2)])
@pytest.mark.parametrize(("value", "sign"), [(1.5 * 2.0**127, 1), (np.inf, -1)])
@pytest.mark.parametrize("rows", [2, 3])
def test_windows_that_wrap_around_an_edge_may_hold_anything_without_a_warning(
    monkeypatch, body, channels, value, sign, rows
):
    if body == "runs":
        choose_depthwise(monkeypatch, body)
    x = np.zeros((2, channels, 5, 5), np.float32)
    # No window has two of them, but each meets another around the edge of a row, or of an image.
    for image, row, column in ((0, 0, 4), (0, 1, 0), (0, 4, 2), (1, 0, 2)):
        x[image, :, row, column] = value
    weight = np.ones((channels, 1, rows, 2), np.float32)
    weight[..., 1] *= sign
    weight[:, :, 1] *= sign
    dy = np.full((2, channels, 6 - rows, 4), 2.0**-20, np.float32)
    assert_equal_plain_or_handed_on(BODIES[body], x, weight, dy, {"groups": channels})


def test_products_of_columns_that_no_window_joins_may_overflow_without_a_warning():
    x, weight = np.zeros((2, 2, 3, 6), np.float32), np.ones((2, 1, 2, 2), np.float32)
    dy = np.zeros((2, 2, 2, 5), np.float32)
    x[..., 0], dy[..., 4] = 2.0**100, 2.0**100
    dweight = _conv_depthwise.dweight_bands(dy, x, weight.shape, geometry_of(x, weight, {}))
    np.testing.assert_array_equal(dweight, np.zeros(weight.shape))
