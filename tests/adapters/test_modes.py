"""Training and evaluation: by whatever flag it is asked for, both are run, or it is said that one is not."""

import pytest
from agreement import failed

from scratchnet_crosscheck.adapters.fitting import fit

NORM = """
class BatchNorm2d:
    def __init__(self, num_features, alpha=0.9):
        self.alpha, self.eps = alpha, 1e-8
        self.BW, self.Bb = np.ones((1, num_features, 1, 1)), np.zeros((1, num_features, 1, 1))
        self.running_M = np.zeros((1, num_features, 1, 1))
        self.running_V = np.ones((1, num_features, 1, 1))
        {attribute}
    def forward(self, Z{argument}):
        if {evaluates}:
            return self.BW * {evaluated} / np.sqrt(self.running_V + self.eps) + self.Bb
        self.N = Z.size // Z.shape[1]
        self.M, self.V = Z.mean((0, 2, 3), keepdims=True), Z.var((0, 2, 3), keepdims=True)
        self.root = np.sqrt(self.V + self.eps)
        self.NZ = (Z - self.M) / self.root
        self.running_M = self.alpha * self.running_M + (1 - self.alpha) * self.{taken_in}
        self.running_V = self.alpha * self.running_V + (1 - self.alpha) * self.V
        return self.BW * self.NZ + self.Bb
    def backward(self, d):
        self.dLdBW = (d * self.NZ).sum((0, 2, 3), keepdims=True)
        self.dLdBb = d.sum((0, 2, 3), keepdims=True)
        return self.BW / self.root * (d - self.dLdBb / self.N - self.NZ * self.dLdBW / self.N)
"""
FLAGS = {
    "an argument that asks for evaluation": {"argument": ", eval=False", "evaluates": "eval"},
    "an argument that asks for inference": {"argument": ", inference=False", "evaluates": "inference"},
    "an argument that asks for training": {"argument": ", is_train=True", "evaluates": "not is_train"},
    "an attribute of evaluation": {"attribute": "self.test_mode = False", "evaluates": "self.test_mode"},
}


def norm(flag, **slip):
    parts = {"argument": "", "attribute": "", "evaluated": "(Z - self.running_M)", "taken_in": "M"}
    return NORM.format(**{**parts, **flag, **slip})


@pytest.mark.parametrize("flag", FLAGS.values(), ids=FLAGS)
def test_evaluation_is_asked_for_by_whatever_flag(loaded, flag):
    pytest.importorskip("torch")
    assert failed(loaded(norm(flag))[0]["BatchNorm2d"]) == set()
    wrong = failed(loaded(norm(flag, evaluated="(2 * Z - self.running_M)"))[0]["BatchNorm2d"])
    assert "forward_equals_the_reference" in wrong


def test_running_statistics_of_one_letter_are_found(loaded):
    pytest.importorskip("torch")
    flag = FLAGS["an argument that asks for evaluation"]
    assert "forward_equals_the_reference" in failed(loaded(norm(flag, taken_in="V"))[0]["BatchNorm2d"])


def test_a_normalisation_without_a_mode_says_that_evaluation_is_not_checked(loaded):
    subject = fit(loaded(norm({"evaluates": "False"}))[0]["BatchNorm2d"])
    assert "evaluation is not checked" in subject.left["evaluation"]


def test_a_normalisation_without_running_statistics_says_so(loaded):
    source = norm(FLAGS["an argument that asks for evaluation"])
    subject = fit(
        loaded(source.replace("running_M", "seen_1").replace("running_V", "seen_2"))[0]["BatchNorm2d"]
    )
    assert "running statistics are not checked" in subject.left["running_statistics"]


DROPOUT = """
def dropout_forward(x, dropout_param):
    p, mode = dropout_param['p'], dropout_param['mode']
    if mode == 'test':
        return x, (dropout_param, None)
    {unpack}
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, (dropout_param, mask)
def dropout_backward(dout, cache):
    return dout if cache[1] is None else dout * cache[1]
"""


def test_a_rank_that_training_alone_does_not_take_is_not_asked(loaded):
    source = DROPOUT.format(unpack="N, D = x.shape")
    subject = fit(loaded(source)[0]["dropout_forward"])
    assert "not asked of it: an x of rank 4" in subject.notes
    assert failed(loaded(source)[0]["dropout_forward"]) == set()
    assert (
        "not asked of it: an x of rank 4"
        not in fit(loaded(DROPOUT.format(unpack="pass"))[0]["dropout_forward"]).notes
    )


def test_a_rank_is_asked_of_a_layer_whose_backward_pass_belongs_to_training(loaded):
    source = """
class Dropout:
    def __init__(self, dropout_ratio=0.5):
        self.dropout_ratio, self.mask = dropout_ratio, None
    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.dropout_ratio
            return x * self.mask
        return x * (1.0 - self.dropout_ratio)
    def backward(self, dout):
        return dout * self.mask
"""
    assert "not asked of it: an x of rank 4" not in fit(loaded(source)[0]["Dropout"]).notes
