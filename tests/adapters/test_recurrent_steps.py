"""Steps of recurrent layers: samples in columns, a matrix for each gate, both states in one argument."""

import pytest
from agreement import agrees, failed

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


GRU = """
def _sigmoid(v):
    return 1 / (1 + np.exp(-v))
def gru_step_forward(x, hprev, Wz, Uz, bz, Wr, Ur, br, Wh, Uh, bh):
    z = _sigmoid(Wz @ x + Uz @ hprev + bz)
    r = _sigmoid(Wr @ x + Ur @ hprev + br)
    fresh = np.tanh(Wh @ x + Uh @ (r * hprev) + bh)
    return z * hprev + (1 - z) * fresh, (x, hprev, z, r, fresh, Wz, Uz, Wr, Ur, Wh, Uh)
def gru_step_backward(dh, cache):
    x, hprev, z, r, fresh, Wz, Uz, Wr, Ur, Wh, Uh = cache
    dn = dh * (1 - z) * (1 - fresh ** 2)
    dreset = Uh.T @ dn
    dr, dz = dreset * hprev * r * (1 - r), dh * (hprev - fresh) * z * (1 - z)
    dx = Wz.T @ dz + Wr.T @ dr + Wh.T @ dn
    dhprev = Uz.T @ dz + Ur.T @ dr + dh * z{reset}
    db = [d.sum(1, keepdims=True) for d in (dz, dr, dn)]
    return (dx, dhprev, dz @ x.T, dz @ hprev.T, db[0], dr @ x.T, dr @ hprev.T, db[1], dn @ x.T,
            dn @ (r * hprev).T, db[2])
"""


def test_a_step_that_is_handed_the_matrices_of_each_gate_is_known(loaded):
    pytest.importorskip("torch")
    candidate = loaded(GRU.format(reset=" + dreset * r"))[0]["gru_step_forward"]
    assert "reset_before_product" in fit(candidate).form.conventions
    assert failed(candidate) == set()


def test_a_step_that_forgets_the_way_through_its_reset_gate_is_seen(loaded):
    pytest.importorskip("torch")
    assert not agrees(fit(loaded(GRU.format(reset=""))[0]["gru_step_forward"]))


OF_TWO_STATES = """
class LSTMCell:
    def __init__(self, input_size, hidden_size):
        self.weight_ih = np.random.randn(4 * hidden_size, input_size)
        self.weight_hh = np.random.randn(4 * hidden_size, hidden_size)
        self.bias_ih, self.bias_hh = np.zeros(4 * hidden_size), np.zeros(4 * hidden_size)
    def forward(self, x, state):
        h, c = state
        a = x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh
        i, f, g, o = np.split(a, 4, axis=1)
        i, f, g, o = 1 / (1 + np.exp(-i)), 1 / (1 + np.exp(-f)), np.tanh(g), 1 / (1 + np.exp(-o))
        new = f * c + i * g
        t = np.tanh(new)
        self.kept = x, h, c, i, f, g, o, t
        return o * t, new
    def backward(self, dh, dc):
        x, h, c, i, f, g, o, t = self.kept
        dc = dc + dh * o * (1 - t * t)
        of_gates = dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)
        d = np.hstack(of_gates)
        self.grad = {{"weight_ih": d.T @ x, "weight_hh": d.T @ h, "bias_ih": d.sum(0), "bias_hh": d.sum(0)}}
        return d @ self.weight_ih, (d @ self.weight_hh, {dc})
"""


@pytest.mark.parametrize(("dc", "right"), [("dc * f", True), ("dc", False)])
def test_a_step_that_is_handed_both_its_states_in_one_is_driven(loaded, dc, right):
    pytest.importorskip("torch")
    assert agrees(fit(loaded(OF_TWO_STATES.format(dc=dc))[0]["LSTMCell"])) is right


#: As of Carnegie Mellon's course: backward is handed the new state, the layer's input and the state before.
OF_A_COURSE = """
class RNNCell:
    def __init__(self, input_size, hidden_size):
        h, d = hidden_size, input_size
        self.W_ih, self.W_hh = np.random.randn(h, d), np.random.randn(h, h)
        self.b_ih, self.b_hh = np.random.randn(h), np.random.randn(h)
        self.zero_grad()
    def zero_grad(self):
        self.dW_ih, self.dW_hh = np.zeros(self.W_ih.shape), np.zeros(self.W_hh.shape)
        self.db_ih, self.db_hh = np.zeros(self.b_ih.shape), np.zeros(self.b_hh.shape)
    def forward(self, x, h_prev_t):
        return np.tanh(x @ self.W_ih.T + self.b_ih + h_prev_t @ self.W_hh.T + self.b_hh)
    def backward(self, delta, h_t, h_prev_l, h_prev_t):
        dz = delta * (1 - h_t * h_t)
        self.dW_ih += dz.T @ h_prev_l / len(dz)
        self.dW_hh += dz.T @ {state} / len(dz)
        self.db_ih += dz.mean(axis=0)
        self.db_hh += dz.{bias}(axis=0)
        return dz @ self.W_ih, dz @ self.W_hh
"""


def test_a_step_is_handed_its_new_state_its_input_and_the_state_before_by_name(candidates):
    pytest.importorskip("torch")
    subject = fit(candidates(OF_A_COURSE.format(state="h_prev_t", bias="mean"))["RNNCell"])
    assert agrees(subject)
    assert "param_grads_averaged" in subject.conventions


@pytest.mark.parametrize(("state", "bias"), [("h_t", "mean"), ("h_prev_t", "sum")])
def test_a_slip_in_such_a_step_is_seen(candidates, state, bias):
    pytest.importorskip("torch")
    assert not agrees(fit(candidates(OF_A_COURSE.format(state=state, bias=bias))["RNNCell"]))
