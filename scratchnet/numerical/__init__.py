"""Numerical differentiation: derivatives from values of a function alone.

`numerical_gradient` is the book's: one central difference an entry, in the array itself. All else takes a
function of arrays, hands it fresh copies, and returns an `Estimate`, a value with an estimate of its error:

=========================  ============================================================  ===================
`directional_derivative`   along a direction in all arguments: six evaluations           any outputs
`one_sided_derivatives`    to the right and to the left: what a kink still has           any outputs
`complex_step`             exact to rounding, for analytic functions                     any outputs
`gradient`                 for each entry of each argument                               one number
`vjp`                      what a backward pass must return for a cotangent              any outputs
`jacobian`                 every output by every entry                                   any outputs
`signed_direction`         a random direction of +1 and -1
=========================  ============================================================  ===================

`two_layer_numerical_gradient` is the gradient of one kind of network, the book's 784-50-10 among them, some
hundred times faster than entry by entry.

>>> import numpy as np
>>> from scratchnet.numerical import gradient
>>> x, W = np.array([1.0, -2.0]), np.array([[0.5, 1.0], [2.0, 1.5]])
>>> (dx, dW), error = gradient(lambda x, W: np.tanh(W @ x).sum(), x, W)
>>> dx.shape, dW.shape, bool(error[1].max() < 1e-10)
((2,), (2, 2), True)
"""

from ._directional import complex_step as complex_step
from ._directional import directional_derivative as directional_derivative
from ._directional import one_sided_derivatives as one_sided_derivatives
from ._estimate import Estimate as Estimate
from ._estimate import OneSided as OneSided
from ._gradient import gradient as gradient
from ._gradient import jacobian as jacobian
from ._gradient import signed_direction as signed_direction
from ._gradient import vjp as vjp
from ._mlp import TwoLayerGradient as TwoLayerGradient
from ._mlp import two_layer_numerical_gradient as two_layer_numerical_gradient
from ._plain import numerical_gradient as numerical_gradient
