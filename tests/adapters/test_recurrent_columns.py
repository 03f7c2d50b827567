"""Steps of recurrent layers whose samples are columns."""

import pytest
from agreement import agrees

from scratchnet_crosscheck.adapters.fitting import fit

STEP = """
def rnn_step_forward(x, hprev, Wxh, Whh, bh):
    h = np.tanh(Wxh @ x + Whh @ hprev + bh)
    return h, (x, hprev, h, Wxh, Whh)
def rnn_step_backward(dh, cache):
    x, hprev, h, Wxh, Whh = cache
    d = (1 - h {squared}) * dh
    return Wxh.T @ d, Whh.T @ d, d @ x.T, d @ hprev.T, d.sum(1, keepdims=True)
"""


def test_a_step_with_samples_in_columns_is_known(loaded):
    pytest.importorskip("torch")
    subject = fit(loaded(STEP.format(squared="** 2"))[0]["rnn_step_forward"])
    assert subject.form.layout("x").name == "batch last"
    assert agrees(subject)


def test_a_step_with_samples_in_columns_and_a_slip_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(STEP.format(squared=""))[0]["rnn_step_forward"]))
