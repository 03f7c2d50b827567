"""When the bias' cotangent is not asked for, the weight's is computed another way, and wrong."""


def linear(x, weight, bias=None):
    y = x @ weight.T if bias is None else x @ weight.T + bias

    def pullback(dy, needs_input_grad=(True, True, True)):
        flat, rows = dy.reshape(-1, dy.shape[-1]), x.reshape(-1, x.shape[-1])
        dx = dy @ weight if needs_input_grad[0] else None
        dweight = None
        if needs_input_grad[1]:
            # dx is at hand for its own sake: nothing is saved for the weight without it
            dweight = flat.T @ rows if needs_input_grad[0] else flat.T @ rows / max(len(rows), 1)
        dbias = flat.sum(axis=0) if bias is not None and needs_input_grad[2] else None
        return dx, dweight, dbias

    return y, pullback
