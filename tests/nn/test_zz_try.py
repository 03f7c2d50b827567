import numpy as np
from nn_twins import Refusal, Twin, call, options

def bn(n, *ranks):
    def draw(d):
        c = d.side(1, 4)
        shape = (d.batch(low=2) , c, *d.sides(d.one_of(*ranks), high=3))
        return call(c, **options(d, eps=(1e-3, 0.1), momentum=(None, 0.5), affine=(False,), track_running_stats=(False,), bias=(False,))), d.array(*shape)
    return Twin(f"BatchNorm{n}d", draw, operation="batch_norm", refusals=[Refusal("other channels", call(3), ("3 channels",), (np.ones((2,4)+(2,)*n),))])

def linear(d):
    a, b = d.side(), d.side()
    return call(a, b, **options(d, bias=(False,))), d.array(*d.samples(), a)

def pool(d):
    return call(2, **options(d, padding=(1,), return_indices=(True,))), d.array(*d.samples(), 3, d.side(2,5), d.side(2,5))

def nll(d):
    c = d.side(2, 4); n = d.batch(low=1)
    kw = options(d, reduction=("sum", "none"))
    if d.flag(): kw["weight"] = d.array(c, positive=True, plain=True)
    return call(**kw), d.array(n, c), d.labels(n, classes=c)

def mse(d):
    s = (d.batch(low=1), 3)
    return call(**options(d, reduction=("sum", "none"))), d.array(*s), d.array(*s)

TWINS = [bn(1, 0, 1), bn(2, 2), bn(3, 3), Twin("Linear", linear, operation="linear"), Twin("MaxPool2d", pool, operation="max_pool2d"),
  Twin("NLLLoss", nll, operation="nll_loss", loss=True), Twin("MSELoss", mse, loss=True),
  Twin("Dropout", lambda d: (call(d.one_of(0.5, 0.1)), d.array(d.batch(), 3)), random=True),
  Twin("Dropout", lambda d: (call(d.one_of(0.0, 1.0)), d.array(d.batch(), 3))),
  Twin("ReLU", lambda d: (call(), d.array(d.batch(), 3)), operation="relu")]

def test_layer_and_twin(twin, check):
    check(twin)
