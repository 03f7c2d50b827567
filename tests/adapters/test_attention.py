"""Attention with projections: each arrangement is known, a slip in it caught, what is unclear not checked."""

import numpy as np
import pytest

from scratchnet_crosscheck.adapters.fitting import fit
from scratchnet_crosscheck.adapters.protocol import Cannot
from scratchnet_crosscheck.checking import check_subject, known_checks
from scratchnet_crosscheck.references import kinds
from scratchnet_crosscheck.run import Profile

torch = pytest.importorskip("torch")

CORE = """
def cut(x, n):
    return x.reshape(*x.shape[:-1], n, x.shape[-1] // n).swapaxes(-2, -3)
def join(x):
    x = x.swapaxes(-2, -3)
    return x.reshape(*x.shape[:-2], -1)
def of_weight(x, d):
    return x.reshape(-1, x.shape[-1]).T @ d.reshape(-1, d.shape[-1])
def of_bias(d):
    return d.reshape(-1, d.shape[-1]).sum(0)
def attend(q, k, v, heads=1, causal=False, groups=None):
    groups = groups or heads
    q, k, v = cut(q, heads), np.repeat(cut(k, groups), heads // groups, -3), cut(v, groups)
    v = np.repeat(v, heads // groups, -3)
    scale = float(q.shape[-1]) ** -0.5
    s = q @ k.swapaxes(-1, -2) * scale
    if causal:
        s = np.where(np.tri(*s.shape[-2:]) > 0, s, -np.inf)
    p = np.exp(s - s.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)
    def of_groups(d):
        return join(d.reshape(*d.shape[:-3], groups, heads // groups, *d.shape[-2:]).sum(-3))
    def back(dy):
        dy = cut(dy, heads)
        dp = dy @ v.swapaxes(-1, -2)
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) * scale
        return (join(ds @ k), of_groups(ds.swapaxes(-1, -2) @ q {slip}),
                of_groups(p.swapaxes(-1, -2) @ dy))
    return join(p @ v), p, back
"""
ARRANGEMENTS = """
class MultiHeadAttention:
    # (in, out), with biases, gradients in a dict; keys of the queries' number alone
    def __init__(self, d_model, num_heads):
        self.h = num_heads
        self.Wq, self.Wk, self.Wv, self.Wo = (np.random.randn(d_model, d_model) for _ in range(4))
        self.bq, self.bk, self.bv, self.bo = (np.zeros(d_model) for _ in range(4))
        self.grads = {}
    def forward(self, query, key, value, mask=None):
        assert query.shape == key.shape
        self.x = query, key, value
        self.y, _, self.back = attend(query @ self.Wq + self.bq, key @ self.Wk + self.bk,
                                      value @ self.Wv + self.bv, self.h)
        return self.y @ self.Wo + self.bo
    def backward(self, dout):
        self.grads = {"Wo": of_weight(self.y, dout), "bo": of_bias(dout)}
        found = []
        for n, x, d in zip("qkv", self.x, self.back(dout @ self.Wo.T)):
            self.grads["W" + n], self.grads["b" + n] = of_weight(x, d), of_bias(d)
            found.append(d @ getattr(self, "W" + n).T)
        return tuple(found)

class MultiheadAttention:
    # torch's: (3E, E), time first, keys with a dot, weights beside the output
    def __init__(self, embed_dim, num_heads, dropout=0.1, bias=True):
        self.num_heads, self.dropout = num_heads, dropout
        self.params = {
            "in_proj_weight": np.random.randn(3 * embed_dim, embed_dim),
            "in_proj_bias": np.zeros(3 * embed_dim),
            "out_proj.weight": np.random.randn(embed_dim, embed_dim), "out_proj.bias": np.zeros(embed_dim),
        }
        self.grads = {}
    def forward(self, query, key, value):
        self.x = [x.swapaxes(0, 1) for x in (query, key, value)]
        w, b = (np.split(self.params["in_proj_" + n], 3) for n in ("weight", "bias"))
        self.y, p, self.back = attend(*(x @ w.T + b for x, w, b in zip(self.x, w, b)), self.num_heads)
        if self.dropout:
            self.y = self.y * (np.random.rand(*self.y.shape) > self.dropout)
        y = self.y @ self.params["out_proj.weight"].T + self.params["out_proj.bias"]
        return y.swapaxes(0, 1), p.mean(1)
    def backward(self, grad_output):
        dy = grad_output.swapaxes(0, 1)
        d = self.back(dy @ self.params["out_proj.weight"])
        self.grads = {
            "in_proj_weight": np.concatenate([of_weight(d, x) for d, x in zip(d, self.x)]),
            "in_proj_bias": np.concatenate([of_bias(d) for d in d]),
            "out_proj.weight": of_weight(dy, self.y), "out_proj.bias": of_bias(dy),
        }
        ws = np.split(self.params["in_proj_weight"], 3)
        return tuple((d @ w).swapaxes(0, 1) for d, w in zip(d, ws))

class MultiHeadSelfAttention:
    # (out, in), no biases but the last, which is a row; causal or not
    def __init__(self, dim, heads=4, causal=False):
        self.heads, self.causal = heads, causal
        self.w_q, self.w_k, self.w_v, self.w_o = (np.random.randn(dim, dim) for _ in range(4))
        self.b_o = np.zeros((1, dim))
    def forward(self, x):
        self.x = x
        self.y, _, self.back = attend(x @ self.w_q.T, x @ self.w_k.T, x @ self.w_v.T, self.heads, self.causal)
        return self.y @ self.w_o.T + self.b_o
    def backward(self, dout):
        self.dw_o, self.db_o = of_weight(dout, self.y), of_bias(dout)[None]
        dq, dk, dv = self.back(dout @ self.w_o)
        self.dw_q, self.dw_k, self.dw_v = (of_weight(d, self.x) for d in (dq, dk, dv))
        return dq @ self.w_q + dk @ self.w_k + dv @ self.w_v

class CausalSelfAttention:
    # (E, 3E), always causal, with the length it is made for; gradients are returned
    def __init__(self, n_embd, n_head, block_size):
        self.n_head, self.mask = n_head, np.tri(block_size)
        self.W_qkv, self.b_qkv = np.random.randn(n_embd, 3 * n_embd), np.zeros(3 * n_embd)
        self.W_out, self.b_out = np.random.randn(n_embd, n_embd), np.zeros(n_embd)
    def forward(self, x):
        assert x.shape[1] <= len(self.mask)
        self.x = x
        self.y, _, self.back = attend(*np.split(x @ self.W_qkv + self.b_qkv, 3, -1), self.n_head, True)
        return self.y @ self.W_out + self.b_out
    def backward(self, dy):
        d = np.concatenate(self.back(dy @ self.W_out.T), -1)
        return d @ self.W_qkv.T, (of_weight(self.x, d), of_bias(d), of_weight(self.y, dy), of_bias(dy))

class GroupedQueryAttention:
    def __init__(self, d_model, n_heads, n_kv_heads, head_dim):
        self.heads, self.groups = n_heads, n_kv_heads
        self.Wq, self.Wo = np.random.randn(d_model, n_heads * head_dim), np.random.randn(d_model, d_model)
        self.Wk, self.Wv = (np.random.randn(d_model, n_kv_heads * head_dim) for _ in range(2))
    def forward(self, x):
        self.x = x
        self.y, _, self.back = attend(x @ self.Wq, x @ self.Wk, x @ self.Wv, self.heads, False, self.groups)
        return self.y @ self.Wo
    def backward(self, dout):
        self.dWo = of_weight(self.y, dout)
        dq, dk, dv = self.back(dout @ self.Wo.T)
        self.dWq, self.dWk, self.dWv = (of_weight(self.x, d) for d in (dq, dk, dv))
        return dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T

class SelfAttention:
    # one head, no batch, nothing after it
    def __init__(self, d_in, d_k):
        self.W_query, self.W_key, self.W_value = (np.random.randn(d_in, d_k) for _ in range(3))
    def forward(self, x):
        assert x.ndim == 2
        self.x = x
        return attend(x @ self.W_query, x @ self.W_key, x @ self.W_value)[0]
    def backward(self, dout):
        x = self.x
        dq, dk, dv = attend(x @ self.W_query, x @ self.W_key, x @ self.W_value)[2](dout)
        self.dW_query, self.dW_key, self.dW_value = (x.T @ d for d in (dq, dk, dv))
        return dq @ self.W_query.T + dk @ self.W_key.T + dv @ self.W_value.T
"""
NAMES = [line[6:-1] for line in ARRANGEMENTS.splitlines() if line.startswith("class ")]
BACKWARD = "backward_equals_the_reference"
VALUES = {"forward_equals_the_reference", BACKWARD, "empty_and_smallest_shapes_equal_the_reference"}
UNSHRUNK = Profile("unshrunk", 40, shrinking=0.0)  # how small a failing case is, is tested elsewhere


def failed(candidate, profile, checks):
    skip = [check for check in known_checks() if check not in checks]
    records = list(
        check_subject(
            "a_file.py", fit(candidate), oracles=("torch", "golden"), profile=profile, seed=7, skip=skip
        )
    )
    assert sum(r["verdict"] in ("passed", "failed") for r in records) >= len(checks)
    return {r["check"] for r in records if r["verdict"] == "failed"}


@pytest.mark.parametrize("name", NAMES)
def test_an_arrangement_that_is_right_is_checked_and_silent(loaded, name):
    assert failed(loaded(CORE.format(slip="") + ARRANGEMENTS)[0][name], "quick", VALUES) == set()


@pytest.mark.parametrize("name", NAMES)
def test_an_arrangement_whose_keys_lack_the_scale_on_the_way_back_is_caught(loaded, name):
    candidate = loaded(CORE.format(slip="/ scale") + ARRANGEMENTS)[0][name]
    assert failed(candidate, UNSHRUNK, {BACKWARD}) == {BACKWARD}


def test_what_is_not_asked_is_said(loaded):
    subject = fit(loaded(CORE.format(slip="") + ARRANGEMENTS)[0]["MultiheadAttention"])
    assert subject.left == {
        "beside": "the attention weights that it returns beside its output are not checked",
        "dropout": "it is checked without dropout",
    }
    assert "causal" in fit(loaded(CORE.format(slip="") + ARRANGEMENTS)[0]["CausalSelfAttention"]).conventions


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("MultiHeadAttention", "mask=None", "mask", "the argument 'mask'"),
        ("MultiHeadAttention", "attend(query", "1.5 * attend(query", "it raises TypeError"),
        ("MultiHeadSelfAttention", "self.w_k.T", "(2 * self.w_k.T)", "another value in all that was tried"),
        ("GroupedQueryAttention", "self.Wq", "self.mine", "it has no q_proj_weight; tried: projections"),
        ("MultiHeadAttention", "tuple(found)", "sum(found)", "one gradient for query, key and value"),
        ("CausalSelfAttention", "block_size", "window", "its argument 'window' is not known"),
    ],
)  # fmt: skip
def test_what_fits_nothing_that_is_tried_is_not_checked_and_says_why(loaded, name, old, new, why):
    own = "class " + ARRANGEMENTS.split("class ")[1 + NAMES.index(name)]
    assert old in own
    with pytest.raises(Cannot, match=why.replace("(", r"\(")):
        fit(loaded(CORE.format(slip="") + own.replace(old, new))[0][name])


@pytest.mark.parametrize("causal", [False, True])
def test_the_reference_is_pytorchs_layer(causal):
    rng, width = np.random.default_rng(0), 6
    layer = torch.nn.MultiheadAttention(width, 3, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(layer.in_proj_bias)
    arrays = {name: rng.normal(size=(2, 4, width)) for name in ("query", "key", "value")}
    x = [torch.from_numpy(a) for a in arrays.values()]
    mask = torch.from_numpy(np.tri(4) == 0) if causal else None
    wanted = layer(*x, attn_mask=mask)[0].detach().numpy()
    own = {k.replace(".", "_"): v.detach().numpy() for k, v in layer.state_dict().items()}
    options = {"num_heads": 3, "is_causal": causal}
    (y,) = kinds()["packed multi_head_attention"].forward({**arrays, **own}, options)
    np.testing.assert_allclose(y, wanted, 1e-12, 1e-14)


IN_LISTS = """
class SelfAttention:
    def __init__(self, dim):
        W = [np.random.randn(dim, dim) for _ in range(4)]
        b = [np.zeros(dim) for _ in range(4)]
        self.params = [W[3], b[3], W[0], b[0], W[1], b[1], W[2], b[2]]
        self.Wo, self.bo, self.Wq, self.bq, self.Wk, self.bk, self.Wv, self.bv = self.params
    def forward(self, x):
        self.x, (wo, bo, wq, bq, wk, bk, wv, bv) = x, self.params
        self.y, _, self.back = attend(x @ wq + bq, x @ wk + bk, x @ wv + bv)
        return self.y @ wo + bo
    def backward(self, dout):
        wo, _, wq, _, wk, _, wv, _ = self.params
        dq, dk, dv = self.back(dout @ wo.T)
        grads = [of_weight(self.y, dout), of_bias(dout)]
        for d in (dq, dk, dv):
            grads += [of_weight(self.x, d), of_bias(d)]
        dx = dq @ wq.T + dk @ wk.T + dv @ wv.T
        {gives}
"""


def test_gradients_are_taken_in_the_order_of_the_parameters_list(loaded):
    gives = "self.grads = grads; return dx"
    candidate = loaded(CORE.format(slip="") + IN_LISTS.format(gives=gives))[0]["SelfAttention"]
    assert not fit(candidate).silent
    assert failed(candidate, "quick", VALUES) == set()


def test_gradients_that_are_returned_in_an_order_that_is_not_known_are_not_checked(loaded):
    gives = "return (dx, *grads)"
    candidate = loaded(CORE.format(slip="") + IN_LISTS.format(gives=gives))[0]["SelfAttention"]
    assert len(fit(candidate).silent) == 8
    assert failed(candidate, "quick", VALUES) == set()


#: The second volume's: a query a step, against the states of another sequence.
OVER_TIME = """
class TimeAttention:
    def __init__(self):
        self.params, self.grads = [], []
    def forward(self, hs_enc, hs_dec):
        s = hs_dec @ hs_enc.swapaxes(1, 2)
        a = np.exp(s - s.max(-1, keepdims=True))
        a = a / a.sum(-1, keepdims=True)
        self.kept = hs_enc, hs_dec, a
        return a @ hs_enc
    def backward(self, dout):
        hs_enc, hs_dec, a = self.kept
        da = dout @ hs_enc.swapaxes(1, 2)
        ds = a * (da - (da * a).sum(-1, keepdims=True))
        return a.swapaxes(1, 2) @ dout {through}, ds @ hs_enc
"""


@pytest.mark.parametrize(
    ("through", "wrong"), [("+ ds.swapaxes(1, 2) @ hs_dec", set()), ("", {"backward_equals_the_reference"})]
)
def test_a_query_a_step_against_the_states_of_another_sequence_is_known(candidates, through, wrong):
    subject = fit(candidates(OVER_TIME.format(through=through))["TimeAttention"])
    assert subject.kind.name == "time_attention"
    skip = [name for name in known_checks() if name != "backward_equals_the_reference"]
    found = check_subject("a_file.py", subject, oracles=("torch",), profile="quick", seed=7, skip=skip)
    assert {r["check"] for r in found if r["verdict"] == "failed"} == wrong


RECOMPUTED = """
def scaled_dot_product_attention_forward(q, k, v, is_causal=False):
    s = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(q.dtype)
    if is_causal:
        s = np.where(np.tri(*s.shape[-2:]) > 0, s, -np.inf)
    top = s.max(-1, keepdims=True) if {keeps} else 0
    lse = top + np.log(np.exp(s - top).sum(-1, keepdims=True))
    y = np.exp(s - lse) @ v
    return y, (q, k, v, y, s, lse)
def scaled_dot_product_attention_backward(dy, cache):
    q, k, v, y, s, lse = cache
    p = np.exp(s - lse)
    ds = p * (dy @ v.swapaxes(-1, -2) - (dy * y).sum(-1, keepdims=True))
    ds = ds / np.sqrt(q.shape[-1]).astype(q.dtype)
    return ds @ k, ds.swapaxes(-1, -2) @ q, p.swapaxes(-1, -2) @ dy
"""


@pytest.mark.parametrize(("keeps", "verdict"), [("True", "passed"), ("False", "failed")])
def test_probabilities_from_the_logarithm_of_their_sum_are_right_unless_they_overflow(loaded, keeps, verdict):
    # Of scores of 1e5 they have lost five digits more than those of a softmax.
    candidate = loaded(RECOMPUTED.format(keeps=keeps))[0]["scaled_dot_product_attention_forward"]
    checks = {"forward_equals_the_reference", "backward_equals_the_reference"}
    skip = [name for name in known_checks() if name not in checks]
    for seed in range(12 if verdict == "passed" else 2):
        records = check_subject(
            "a.py", fit(candidate), oracles=("torch",), profile="default", seed=seed, skip=skip
        )
        assert {r["verdict"] for r in records} == {verdict}


SHARED = """
def attention_forward(q, k, v):
    rep = q.shape[1] // k.shape[1]
    ke, ve = np.repeat(k, rep, axis=1), np.repeat(v, rep, axis=1)
    s = q @ ke.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(q.dtype)
    p = np.exp(s - s.max(-1, keepdims=True))
    p = p / p.sum(-1, keepdims=True)
    return p @ ve, (q, k, ke, ve, p)
def attention_backward(dy, cache):
    q, k, ke, ve, p = cache
    dp = dy @ ve.swapaxes(-1, -2)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(q.shape[-1]).astype(q.dtype)
    def folded(d):
        n, h, *sides = d.shape
        return d.reshape({folds}).sum({axis})
    return ds @ ke, folded(ds.swapaxes(-1, -2) @ q), folded(p.swapaxes(-1, -2) @ dy)
"""


@pytest.mark.parametrize(
    ("folds", "axis", "verdict"),
    [
        ("n, k.shape[1], h // k.shape[1], *sides", 2, "passed"),
        ("n, h // k.shape[1], k.shape[1], *sides", 1, "failed"),
    ],
)
def test_heads_of_queries_that_share_one_of_keys_are_asked_where_it_does_them(loaded, folds, axis, verdict):
    candidate = loaded(SHARED.format(folds=folds, axis=axis))[0]["attention_forward"]
    skip = [name for name in known_checks() if name != "backward_equals_the_reference"]
    records = list(check_subject(
        "a.py", fit(candidate), oracles=("torch",), profile="default", seed=1, skip=skip
    ))  # fmt: skip
    records = [r for r in records if r["check"] == "backward_equals_the_reference"]
    assert {r["verdict"] for r in records} == {verdict}
    if verdict == "failed":
        assert {d["key"] for r in records for d in r["diagnosis"]} == {"wrong_for_grouped_heads"}
