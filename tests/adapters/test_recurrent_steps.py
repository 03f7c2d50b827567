"""Steps of recurrent layers: samples in columns, a matrix for each gate, both states in one argument."""

import pytest
from agreement import agrees, failed

from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot

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


#: As of the same course: each gate's matrices and biases by themselves, one sample, rows for its gradients.
OF_ONE_SAMPLE = """
def _sigmoid(v):
    return 1 / (1 + np.exp(-v))
class GRUCell:
    def __init__(self, in_dim, hidden_dim):
        d = self.d = in_dim
        h = self.h = hidden_dim
        self.Wrx, self.Wzx, self.Wnx = (np.random.randn({rows}) for _ in range(3))
        self.Wrh, self.Wzh, self.Wnh = (np.random.randn(h, h) for _ in range(3))
        self.brx, self.bzx, self.bnx = (np.random.randn(h) for _ in range(3))
        self.brh, self.bzh, self.bnh = (np.random.randn(h) for _ in range(3))
        self.dWrx, self.dWzx, self.dWnx = (np.zeros(({rows})) for _ in range(3))
    def forward(self, x, h_prev_t):
        assert x.shape == (self.d,)
        r = _sigmoid(self.Wrx{turn} @ x + self.brx + self.Wrh{turn} @ h_prev_t + self.brh)
        z = _sigmoid(self.Wzx{turn} @ x + self.bzx + self.Wzh{turn} @ h_prev_t + self.bzh)
        of_h = self.Wnh{turn} @ h_prev_t + self.bnh
        n = np.tanh(self.Wnx{turn} @ x + self.bnx + r * of_h)
        self.kept = x, h_prev_t, r, z, n, of_h
        return (1 - z) * n + z * h_prev_t
    def backward(self, delta):
        x, h, r, z, n, of_h = self.kept
        dn = delta * (1 - z) * (1 - n * n)
        dz = delta * (h - n) * z * (1 - z)
        dr = dn * of_h * r * (1 - r)
        self.dWrx, self.dWzx, self.dWnx = (np.outer(d, x){turn} for d in (dr, dz, dn))
        self.dWrh, self.dWzh, self.dWnh = (np.outer(d, h){turn} for d in (dr, dz, {through}))
        self.dbrx, self.dbzx, self.dbnx = dr, dz, dn
        self.dbrh, self.dbzh, self.dbnh = dr, dz, dn * r
        dx = sum(w{turn}.T @ d for w, d in ((self.Wrx, dr), (self.Wzx, dz), (self.Wnx, dn)))
        dh = self.Wrh{turn}.T @ dr + self.Wzh{turn}.T @ dz + self.Wnh{turn}.T @ (dn * r) + delta * z
        return {returned}
"""


def of_one_sample(turn="", through="dn * r", returned="dx[None], dh[None]"):
    rows = "d, h" if turn else "h, d"
    return OF_ONE_SAMPLE.format(turn=turn, rows=rows, through=through, returned=returned)


@pytest.mark.parametrize("turn", ["", ".T"])
@pytest.mark.parametrize("returned", ["dx[None], dh[None]", "dx, dh"])
def test_a_step_of_one_sample_with_parameters_of_each_gate_is_known(candidates, turn, returned):
    pytest.importorskip("torch")
    candidate = candidates(of_one_sample(turn, returned=returned))["GRUCell"]
    assert "one_sample" in fit(candidate).form.conventions
    assert failed(candidate) == set()


@pytest.mark.parametrize(
    "slip", [{"through": "dn"}, {"returned": "dx[None], (dh - delta * z)[None]"}, {"returned": "dx[:-1], dh"}]
)
def test_a_slip_in_such_a_step_of_one_sample_is_seen(candidates, slip):
    pytest.importorskip("torch")
    assert "backward_equals_the_reference" in failed(candidates(of_one_sample(**slip))["GRUCell"])


#: The gates of an LSTM's step by themselves, of a batch, in a dictionary.
OF_GATES = """
def _sigmoid(v):
    return 1 / (1 + np.exp(-v))
class LSTMCell:
    def __init__(self, input_size, hidden_size):
        n, d = hidden_size, input_size
        p = self.params = {{}}
        p["Wxi"], p["Wxf"], p["Wxo"], p["Wxc"] = (np.random.randn(d, n) for _ in range(4))
        p["Whi"], p["Whf"], p["Who"], p["Whc"] = (np.random.randn(n, n) for _ in range(4))
        p["bi"], p["bf"], p["bo"], p["bc"] = (np.zeros(n) for _ in range(4))
    def forward(self, x, h, c):
        p = self.params
        a = {{g: x @ p["Wx" + g] + h @ p["Wh" + g] + p["b" + g] for g in "ifoc"}}
        i, f, o, g = _sigmoid(a["i"]), _sigmoid(a["f"]), _sigmoid(a["o"]), np.tanh(a["c"])
        new = f * c + i * g
        t = np.tanh(new)
        self.kept = x, h, c, i, f, o, g, t
        return o * t, new
    def backward(self, dh, dc):
        x, h, c, i, f, o, g, t = self.kept
        dc = dc + dh * o * (1 - t * t)
        d = {{"i": dc * g * i * (1 - i), "f": dc * c * f * (1 - f), "o": dh * t * o * (1 - o),
             "c": dc * i * (1 - g * g)}}
        self.grads = {{"Wx" + k: x.T @ v for k, v in d.items()}}
        self.grads.update({{"Wh" + k: h.T @ v for k, v in d.items()}})
        self.grads.update({{"b" + k: v.{bias}(axis=0) for k, v in d.items()}})
        dx = sum(v @ self.params["Wx" + k].T for k, v in d.items())
        return dx, sum(v @ self.params["Wh" + k].T for k, v in d.items()), dc * f
"""


@pytest.mark.parametrize(("bias", "right"), [("sum", True), ("max", False)])
def test_a_step_that_keeps_each_gate_s_parameters_in_a_dictionary_is_known(candidates, bias, right):
    pytest.importorskip("torch")
    assert agrees(fit(candidates(OF_GATES.format(bias=bias))["LSTMCell"])) is right


#: A sequence whose gates are apart, and which begins at zero.
OVER_TIME = """
def _sigmoid(v):
    return 1 / (1 + np.exp(-v))
class GRU:
    def __init__(self, input_size, hidden_size):
        d, n = input_size, hidden_size
        self.Wz, self.Wr, self.Wh = (np.random.randn(d, n) for _ in range(3))
        self.Uz, self.Ur, self.Uh = (np.random.randn(n, n) for _ in range(3))
        self.bz, self.br, self.bh = (np.zeros(n) for _ in range(3))
    def forward(self, x):
        h, self.x, self.kept, ys = np.zeros((len(x), len(self.Uz)), x.dtype), x, [], []
        for t in range(x.shape[1]):
            z = _sigmoid(x[:, t] @ self.Wz + h @ self.Uz + self.bz)
            r = _sigmoid(x[:, t] @ self.Wr + h @ self.Ur + self.br)
            n = np.tanh(x[:, t] @ self.Wh + (r * h) @ self.Uh + self.bh)
            self.kept.append((h, z, r, n))
            h = (1 - z) * n + z * h
            ys.append(h)
        return np.stack(ys, axis=1)
    def backward(self, dout):
        for name in ("Wz", "Wr", "Wh", "Uz", "Ur", "Uh", "bz", "br", "bh"):
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        dx, dh = np.empty_like(self.x), 0
        for t in reversed(range(len(self.kept))):
            h, z, r, n = self.kept[t]
            dh = dh + dout[:, t]
            dn, dz = dh * (1 - z) * (1 - n * n), dh * (h - n) * z * (1 - z)
            through = dn @ self.Uh.T
            dr = through * h * r * (1 - r)
            for g, d, of in (("z", dz, h), ("r", dr, h), ("h", dn, r * h)):
                for name, grad in (("W", self.x[:, t].T @ d), ("U", of.T @ d), ("b", d.sum(0))):
                    setattr(self, f"d{{name}}{{g}}", getattr(self, f"d{{name}}{{g}}") + grad)
            dx[:, t] = dz @ self.Wz.T + dr @ self.Wr.T + dn @ self.Wh.T
            dh = dh * z + dz @ self.Uz.T + dr @ self.Ur.T + {through}
        return dx
"""


@pytest.mark.parametrize(("through", "right"), [("through * r", True), ("through", False)])
def test_a_sequence_whose_gates_are_apart_is_known(candidates, through, right):
    pytest.importorskip("torch")
    assert agrees(fit(candidates(OVER_TIME.format(through=through))["GRU"])) is right


WITHOUT = """
class GRUCell:
    def __init__(self, in_dim, hidden_dim):
        self.gates = np.zeros((hidden_dim, in_dim))
    def forward(self, x, h):
        return h
    def backward(self, dh):
        return dh
"""


def test_what_a_step_has_not_is_said_by_its_own_names(candidates):
    with pytest.raises(Cannot) as why:
        fit(candidates(WITHOUT)["GRUCell"])
    assert "weight_ih" in str(why.value)
    assert "self.weight_ih" in why.value.remedy
    assert "self.W " not in why.value.remedy


WITHOUT_BIASES = """
def sigmoid(x):
    return 1 / (1 + np.exp(-x))
class GRUCell:
    def __init__(self, input_size, hidden_size):
        self.Wz, self.Wr, self.Wh = (np.random.randn(input_size, hidden_size) for _ in range(3))
        self.Uz, self.Ur, self.Uh = (np.random.randn(hidden_size, hidden_size) for _ in range(3))
    def forward(self, x, h):
        self.x, self.h = x, h
        self.z, self.r = sigmoid(x @ self.Wz + h @ self.Uz), sigmoid(x @ self.Wr + h @ self.Ur)
        self.n = np.tanh(x @ self.Wh + (self.r * h) @ self.Uh)
        return (1 - self.z) * h + self.z * self.n
    def backward(self, d):
        dz = d * (self.n - self.h) * self.z * (1 - self.z)
        dn = d * self.z * (1 - self.n ** 2)
        drh = dn @ self.Uh.T
        dr = drh * self.h * self.r * (1 - self.r)
        self.dWz, self.dWr, self.dWh = (self.x.T @ g for g in (dz, dr, dn))
        self.dUz, self.dUr, self.dUh = self.h.T @ dz, self.h.T @ dr, ({reset}self.h).T @ dn
        dx = dz @ self.Wz.T + dr @ self.Wr.T + dn @ self.Wh.T
        return dx, d * (1 - self.z) + drh * self.r + dz @ self.Uz.T + dr @ self.Ur.T
class RNNCell:
    def __init__(self, input_size, hidden_size):
        self.Wx = np.random.randn(input_size, hidden_size)
        self.Wh = np.random.randn(hidden_size, hidden_size)
    def forward(self, x, h):
        self.x, self.h, self.y = x, h, np.tanh(x @ self.Wx + h @ self.Wh)
        return self.y.copy()
    def backward(self, d):
        da = d * (1 - self.y ** 2)
        self.dWx, self.dWh = self.x.T @ da, self.h.T @ da
        return da @ self.Wx.T, da @ self.Wh.T
"""


@pytest.mark.parametrize("name", ["GRUCell", "RNNCell"])
def test_a_step_may_have_no_biases(loaded, name):
    pytest.importorskip("torch")
    assert failed(loaded(WITHOUT_BIASES.format(reset="self.r * "))[0][name]) == set()


def test_a_slip_in_a_step_without_biases_is_seen(loaded):
    pytest.importorskip("torch")
    wrong = loaded(WITHOUT_BIASES.format(reset=""))[0]["GRUCell"]
    assert "backward_equals_the_reference" in failed(wrong)
