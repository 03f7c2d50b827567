"""The code of the book "Deep Learning from Scratch", as a door into this library.

A drop-in for the book's ``common`` package, its networks and its ``dataset.mnist``: the same names,
signatures, attributes and random stream, so that its chapter scripts run; the mathematics is that of
`scratchnet.functional`.

    from scratchnet.book.layers import Affine, Relu         # the book: from common.layers import *
    from scratchnet.book.two_layer_net import TwoLayerNet   # the book: from two_layer_net import TwoLayerNet
    from scratchnet.book.dataset.mnist import load_mnist    # the book: from dataset.mnist import load_mnist

    python -m scratchnet.book SCRIPT.py                     # runs a chapter script as it is

Where the book's code is numerically wrong or unsafe this one is right; ``docs/book-differences.md`` lists
each place.

References
----------
Koki Saitoh, "Deep Learning from Scratch" (O'Reilly Japan, 2016), chapters 3 to 8.
"""
