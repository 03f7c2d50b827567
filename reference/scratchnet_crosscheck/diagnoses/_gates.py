"""The slips of a recurrent step, by its way back written out: a gate, a path or a transpose is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._bench import Sample, bench

if TYPE_CHECKING:
    from .._types import Array
    from .protocol import Evidence

Arrays = dict[str, Any]
#: By the kind of step: what a slip is called, its key and what is said of it.
SLIPS: dict[str, dict[str, tuple[str, str]]] = {
    "rnn": {
        "turned": ("transposed", "the state's weight is not transposed on the way back"),
        "path": ("term_missing", "the gradient of the state is not passed on to the step before"),
    },
    "lstm": {
        "forget": ("term_missing", "the gradient of the cell's state is not multiplied by the forget gate"),
        "cell": ("term_missing", "the gradient of the cell's state is not passed on to the step before"),
        "path": ("term_missing", "the gradient of the state is not passed on to the step before"),
        "turned": ("transposed", "the state's weight is not transposed on the way back"),
    },
    "gru": {
        "reset": (
            "term_missing",
            "the state's gradient through the candidate lacks the reset gate",
        ),
        "candidate": ("term_missing", "the state's gradient lacks the path through the candidate"),
        "through r": ("term_missing", "the state's gradient lacks the path through the reset gate"),
        "through z": ("term_missing", "the state's gradient lacks the path through the update gate"),
        "update": ("term_missing", "the state's gradient lacks what the update gate lets through directly"),
        "path": ("term_missing", "the gradient of the state is not passed on to the step before"),
        "turned": ("transposed", "the state's weight is not transposed on the way back"),
    },
}


def _sigmoid(x: Array) -> Array:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _split(y: Array, order: str) -> Arrays:
    n = y.shape[-1] // len(order)
    return {g: y[..., k * n : (k + 1) * n] for k, g in enumerate(order)}


def _joined(parts: Arrays, order: str) -> Array:
    return np.concatenate([parts[g] for g in order], axis=-1)


def _through(d: Array, weight: Array, slip: str) -> Array:
    """Return a gradient taken back through the state's weight, by its square blocks where it is turned."""
    if slip != "turned":
        return np.asarray(d @ weight)
    n = weight.shape[1]
    blocks = np.concatenate([block.T for block in np.split(weight, len(weight) // n)])
    return np.asarray(d @ blocks)


def _rnn(a: Arrays, _: Arrays, x: Array, h: Array, c: Array) -> tuple[Array, Array, Any]:
    new = np.tanh(x @ a["weight_ih"].T + h @ a["weight_hh"].T + a["bias_ih"] + a["bias_hh"])

    def back(dh: Array, dc: Array, slip: str) -> Arrays:
        d = dh * (1 - new**2)
        return {"gx": d, "gh": d, "h": _through(d, a["weight_hh"], slip), "c": dc, "at": h}

    return new, c, back


def _lstm(a: Arrays, o: Arrays, x: Array, h: Array, c: Array) -> tuple[Array, Array, Any]:
    order = o.get("gates", "ifgo")
    y = _split(x @ a["weight_ih"].T + h @ a["weight_hh"].T + a["bias_ih"] + a["bias_hh"], order)
    i, f, g, out = _sigmoid(y["i"]), _sigmoid(y["f"]), np.tanh(y["g"]), _sigmoid(y["o"])
    new = f * c + i * g

    def back(dh: Array, dc: Array, slip: str) -> Arrays:
        t = np.tanh(new)
        ds = dc + dh * out * (1 - t**2)
        parts = {"i": ds * g * i * (1 - i), "f": ds * c * f * (1 - f), "g": ds * i * (1 - g**2),
                 "o": dh * t * out * (1 - out)}  # fmt: skip
        d = _joined(parts, order)
        before = ds if slip == "forget" else 0 * ds if slip == "cell" else ds * f
        return {"gx": d, "gh": d, "h": _through(d, a["weight_hh"], slip), "c": before, "at": h}

    return out * np.tanh(new), new, back


def _gru(a: Arrays, o: Arrays, x: Array, h: Array, c: Array) -> tuple[Array, Array, Any]:
    order, n = o.get("gates", "rzn"), h.shape[1]
    gx = _split(x @ a["weight_ih"].T + a["bias_ih"], order)
    rows = {g: slice(k * n, (k + 1) * n) for k, g in enumerate(order)}
    weight, bias = ({g: a[name][rows[g]] for g in order} for name in ("weight_hh", "bias_hh"))
    r, z = (_sigmoid(gx[g] + h @ weight[g].T + bias[g]) for g in "rz")
    first = o.get("reset") == "before"
    inner = (r * h) @ weight["n"].T + bias["n"] if first else h @ weight["n"].T + bias["n"]
    fresh = np.tanh(gx["n"] + (inner if first else r * inner))
    share = z if o.get("update") == "new" else 1 - z

    def back(dh: Array, dc: Array, slip: str) -> Arrays:
        dn = dh * share * (1 - fresh**2)
        dz = dh * ((fresh - h) if o.get("update") == "new" else (h - fresh)) * z * (1 - z)
        once = 1.0 if slip == "reset" else r
        if first:
            of_rh = _through(dn, weight["n"], slip)
            dr, of_n = of_rh * h, of_rh * once
        else:
            dr, of_n = dn * inner, _through(dn * once, weight["n"], slip)
        dr = dr * r * (1 - r)
        gh = {"r": dr, "z": dz, "n": dn if first else dn * once}
        direct = 0 * dh if slip == "update" else dh * (1 - share)
        paths = {"candidate": of_n, "through r": _through(dr, weight["r"], slip),
                 "through z": _through(dz, weight["z"], slip)}  # fmt: skip
        through = sum(path for name, path in paths.items() if name != slip)
        return {"gx": _joined({"r": dr, "z": dz, "n": dn}, order), "gh": _joined(gh, order),
                "h": direct + through, "c": dc, "at": h, "r": r, "first": first}  # fmt: skip

    return share * fresh + (1 - share) * h, c, back


_STEPS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}


def _written_out(s: Sample, kind: str, slip: str, part: str) -> Array | None:
    """Return a gradient of the whole call, in PyTorch's layout, with a slip in each step's way back."""
    a: Arrays = {n: np.asarray(s.as_torch(n, s.case[n]), float) for n in s.case.given}
    for name in ("bias_ih", "bias_hh"):
        a.setdefault(name, np.zeros(len(a["weight_ih"])))
    x: Any = a["x"] if a["x"].ndim == 3 else a["x"][:, None]
    zeros = np.zeros((x.shape[0], a["weight_hh"].shape[1]))
    backs: list[Any] = []
    h, c = a.get("h", zeros), a.get("c", zeros)
    steps = int(x.shape[1])
    for t in range(steps):
        h, c, back = _STEPS[kind](a, s.options, x[:, t], h, c)
        backs.append(back)
    dys = [s.as_torch(n, dy) for n, dy in zip(s.case.outputs, s.dys, strict=True)]
    dy = dys[0] if dys[0].ndim == 3 else dys[0][:, None]
    dh, dc = 0 * zeros, dys[1] if len(dys) > 1 else 0 * zeros
    found: Arrays = {"x": np.zeros_like(x)}
    found |= {n: np.zeros_like(a[n]) for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    order = s.options.get("gates", "rzn")
    for t in reversed(range(steps)):
        step = backs[t](dy[:, t] + (0 if slip == "path" else dh), dc, slip)
        dh, dc = step["h"], step["c"]
        found["x"][:, t] = step["gx"] @ a["weight_ih"]
        found["weight_ih"] += step["gx"].T @ x[:, t]
        own = step["gh"].T @ step["at"]
        if step.get("first"):
            n = zeros.shape[1]
            at = slice(order.index("n") * n, (order.index("n") + 1) * n)
            own[at] = step["gh"][:, at].T @ (step["r"] * step["at"])
        found["weight_hh"] += own
        found["bias_ih"] += step["gx"].sum(0)
        found["bias_hh"] += step["gh"].sum(0)
    found |= {"h": dh, "c": dc}
    if a["x"].ndim == 2:
        found["x"] = found["x"][:, 0]
    return s.own(part, found[part]) if part in found else None


def step_written_out(evidence: Evidence) -> tuple[str, str] | None:
    """A recurrent layer's step has one of the known slips on its way back."""
    b = bench(evidence)
    if b.here is None or not b.part.startswith("d"):
        return None
    kind = next((k for k in SLIPS if b.here.case.operation in (k, f"{k}_cell")), "")
    for slip, (key, words) in SLIPS.get(kind, {}).items():

        def predict(s: Sample, slip: str = slip) -> Array | None:
            return _written_out(s, kind, slip, b.part[1:])

        if b.fits(predict):
            return key, f"{b.part}: {words}"
    return None
