"""Functions with jax.custom_vjp, each with one slip in its backward rule."""

import jax
import jax.numpy as jnp


@jax.custom_vjp
def tanh(x):
    """The rule ignores the cotangent."""
    return jnp.tanh(x)


def _tanh_fwd(x):
    y = jnp.tanh(x)
    return y, y


def _tanh_bwd(y, dy):
    return (1 - y * y,)


tanh.defvjp(_tanh_fwd, _tanh_bwd)


@jax.custom_vjp
def softplus(x):
    """The rule has the sign of the exponent wrong: the derivative is that of softplus(-x), mirrored."""
    return jnp.logaddexp(x, 0.0)


def _softplus_fwd(x):
    return softplus(x), x


def _softplus_bwd(x, dy):
    return (-dy * jax.nn.sigmoid(x),)


softplus.defvjp(_softplus_fwd, _softplus_bwd)


@jax.custom_vjp
def linear(x, weight, bias):
    """The rule averages the weight's cotangent over the batch."""
    return x @ weight.T + bias


def _linear_fwd(x, weight, bias):
    return linear(x, weight, bias), (x, weight)


def _linear_bwd(saved, dy):
    x, weight = saved
    return dy @ weight, dy.T @ x / x.shape[0], dy.sum(0)


linear.defvjp(_linear_fwd, _linear_bwd)


@jax.custom_vjp
def relu(x):
    """The rule lets the cotangent through at 0."""
    return jnp.maximum(x, 0)


def _relu_fwd(x):
    return relu(x), x >= 0


def _relu_bwd(passes, dy):
    return (jnp.where(passes, dy, 0),)


relu.defvjp(_relu_fwd, _relu_bwd)


@jax.custom_vjp
def sigmoid(x):
    """The rule takes the derivative at the output."""
    return jax.nn.sigmoid(x)


def _sigmoid_fwd(x):
    y = jax.nn.sigmoid(x)
    return y, y


def _sigmoid_bwd(y, dy):
    s = jax.nn.sigmoid(y)
    return (dy * s * (1 - s),)


sigmoid.defvjp(_sigmoid_fwd, _sigmoid_bwd)
