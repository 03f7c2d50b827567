"""The witness: the method printed in the book "Deep Learning from Scratch", told again in our own words.

Plain functions, nothing of scratchnet in them. What counts is that the arithmetic is the book's, operation
for operation (float64 everywhere, `log(y + 1e-7)`, im2col by looping over the kernel, the global random
stream), so that results can be compared to the last digits and running times fairly. The tests beside it
hold `scratchnet.book` against it; the benchmarks time it as "the book's method".

    weights   a dict {"W1", "b1", "W2", ...} of float64 arrays
    block     a function (input, ...) -> (output, memory), its partner `<block>_back(memory, slope) -> slopes`
"""

from __future__ import annotations

from typing import Any

import numpy as np

LOG_GUARD = 1e-7

# ------------------------------------------------------------------------------------------- the blocks


def affine(inputs, weight, bias):
    rows = inputs.reshape(inputs.shape[0], -1)
    return np.dot(rows, weight) + bias, (inputs.shape, rows, weight)


def affine_back(memory, slope):
    shape, rows, weight = memory
    return np.dot(slope, weight.T).reshape(shape), np.dot(rows.T, slope), np.sum(slope, axis=0)


def rectify(inputs):
    closed = inputs <= 0
    opened = inputs.copy()
    opened[closed] = 0
    return opened, closed


def rectify_back(closed, slope):
    slope[closed] = 0  # in place, as the book has it
    return slope


def probabilities(scores):
    shifted = scores - np.max(scores, axis=-1, keepdims=True)
    return np.exp(shifted) / np.sum(np.exp(shifted), axis=-1, keepdims=True)


def guarded_loss(chances, targets):
    """Mean of -log(chance of the right class + 1e-7); targets are labels or one-hot rows."""
    labels = targets.argmax(axis=1) if targets.size == chances.size else targets
    count = chances.shape[0]
    return -np.sum(np.log(chances[np.arange(count), labels] + LOG_GUARD)) / count


def loss_back(chances, targets):
    """The slope of the *unguarded* loss: (chances - one_hot) / count."""
    count = targets.shape[0]
    if targets.size == chances.size:
        return (chances - targets) / count
    slope = chances.copy()
    slope[np.arange(count), targets] -= 1
    return slope / count


def unroll(images, height, width, step=1, border=0):
    """im2col: one row for each place of the window, filled by looping over the window's pixels."""
    count, channels, high, wide = images.shape
    down, across = (high + 2 * border - height) // step + 1, (wide + 2 * border - width) // step + 1
    framed = np.pad(images, [(0, 0), (0, 0), (border, border), (border, border)], "constant")
    sheet = np.zeros((count, channels, height, width, down, across))
    for row in range(height):
        for column in range(width):
            sheet[:, :, row, column] = framed[
                :, :, row : row + step * down : step, column : column + step * across : step
            ]
    return sheet.transpose(0, 4, 5, 1, 2, 3).reshape(count * down * across, -1)


def roll_up(sheet, shape, height, width, step=1, border=0):
    """col2im: the windows' entries added back to the pixels they came from."""
    count, channels, high, wide = shape
    down, across = (high + 2 * border - height) // step + 1, (wide + 2 * border - width) // step + 1
    sheet = sheet.reshape(count, down, across, channels, height, width).transpose(0, 3, 4, 5, 1, 2)
    framed = np.zeros((count, channels, high + 2 * border + step - 1, wide + 2 * border + step - 1))
    for row in range(height):
        for column in range(width):
            framed[:, :, row : row + step * down : step, column : column + step * across : step] += sheet[
                :, :, row, column
            ]
    return framed[:, :, border : high + border, border : wide + border]


def convolve(images, kernels, bias, step=1, border=0):
    count, _, high, wide = images.shape
    amount, _, height, width = kernels.shape
    down, across = (high + 2 * border - height) // step + 1, (wide + 2 * border - width) // step + 1
    sheet = unroll(images, height, width, step, border)
    flat = kernels.reshape(amount, -1).T
    maps = (np.dot(sheet, flat) + bias).reshape(count, down, across, -1).transpose(0, 3, 1, 2)
    return maps, (images.shape, kernels.shape, sheet, flat, step, border)


def convolve_back(memory, slope):
    image_shape, kernel_shape, sheet, flat, step, border = memory
    amount, _, height, width = kernel_shape
    rows = slope.transpose(0, 2, 3, 1).reshape(-1, amount)
    bias_slope = np.sum(rows, axis=0)
    kernel_slope = np.dot(sheet.T, rows).transpose(1, 0).reshape(kernel_shape)
    return roll_up(np.dot(rows, flat.T), image_shape, height, width, step, border), kernel_slope, bias_slope


def pool(images, height=2, width=2, step=2):
    count, channels, high, wide = images.shape
    down, across = (high - height) // step + 1, (wide - width) // step + 1
    windows = unroll(images, height, width, step).reshape(-1, height * width)
    winners = np.argmax(windows, axis=1)
    best = np.max(windows, axis=1).reshape(count, down, across, channels).transpose(0, 3, 1, 2)
    return best, (images.shape, winners, height, width, step)


def pool_back(memory, slope):
    shape, winners, height, width, step = memory
    rows = slope.transpose(0, 2, 3, 1)
    spread = np.zeros((rows.size, height * width))
    spread[np.arange(winners.size), winners.flatten()] = rows.flatten()
    sheet = spread.reshape(rows.shape[0] * rows.shape[1] * rows.shape[2], -1)
    return roll_up(sheet, shape, height, width, step)


# ------------------------------------------------------------------- the two-layer network of chapter 5


def two_layer_weights(inputs=784, hidden=50, outputs=10, deviation=0.01):
    """Draw W1, then W2, from the global stream; biases start at zero."""
    first = deviation * np.random.randn(inputs, hidden)
    second = deviation * np.random.randn(hidden, outputs)
    return {"W1": first, "b1": np.zeros(hidden), "W2": second, "b2": np.zeros(outputs)}


def two_layer_scores(weights, inputs):
    hidden, _ = affine(inputs, weights["W1"], weights["b1"])
    return affine(rectify(hidden)[0], weights["W2"], weights["b2"])[0]


def two_layer_loss(weights, inputs, targets):
    return guarded_loss(probabilities(two_layer_scores(weights, inputs)), targets)


def two_layer_gradient(weights, inputs, targets):
    hidden, first = affine(inputs, weights["W1"], weights["b1"])
    opened, closed = rectify(hidden)
    scores, second = affine(opened, weights["W2"], weights["b2"])
    chances = probabilities(scores)
    guarded_loss(chances, targets)  # the book's gradient() starts from loss(), so its cost belongs here
    slope, d_second, d_second_bias = affine_back(second, loss_back(chances, targets))
    _, d_first, d_first_bias = affine_back(first, rectify_back(closed, slope))
    return {"W1": d_first, "b1": d_first_bias, "W2": d_second, "b2": d_second_bias}


# -------------------------------------------------------------- the convolutional network of chapter 7


def conv_weights(shape=(1, 28, 28), filters=30, side=5, hidden=100, outputs=10, deviation=0.01):
    pooled = filters * ((shape[1] - side + 1) // 2) ** 2
    kernels = deviation * np.random.randn(filters, shape[0], side, side)
    first = deviation * np.random.randn(pooled, hidden)
    second = deviation * np.random.randn(hidden, outputs)
    return {
        "W1": kernels,
        "b1": np.zeros(filters),
        "W2": first,
        "b2": np.zeros(hidden),
        "W3": second,
        "b3": np.zeros(outputs),
    }


def conv_gradient(weights, images, targets):
    """Return (loss, gradient) of conv, rectify, pool 2 x 2, affine, rectify, affine, softmax loss."""
    maps, m_conv = convolve(images, weights["W1"], weights["b1"])
    opened, m_first = rectify(maps)
    pooled, m_pool = pool(opened)
    hidden, m_hidden = affine(pooled, weights["W2"], weights["b2"])
    opened, m_second = rectify(hidden)
    scores, m_scores = affine(opened, weights["W3"], weights["b3"])
    chances = probabilities(scores)
    loss = guarded_loss(chances, targets)

    slopes = {}
    slope, slopes["W3"], slopes["b3"] = affine_back(m_scores, loss_back(chances, targets))
    slope, slopes["W2"], slopes["b2"] = affine_back(m_hidden, rectify_back(m_second, slope))
    slope = rectify_back(m_first, pool_back(m_pool, slope))
    _, slopes["W1"], slopes["b1"] = convolve_back(m_conv, slope)
    return loss, slopes


# ------------------------------------------------------------------------------- learning and checking


def descend(weights, slopes, rate=0.1):
    for name in slopes:
        weights[name] -= rate * slopes[name]


def draw_batch(inputs, targets, size):
    picked = np.random.choice(len(inputs), size)
    return inputs[picked], targets[picked]


def two_layer_training(weights, inputs, targets, steps=200, size=100, rate=0.1):
    """Run the book's loop on `weights` in place and return the loss after each step."""
    losses = []
    for _ in range(steps):
        batch, answers = draw_batch(inputs, targets, size)
        descend(weights, two_layer_gradient(weights, batch, answers), rate)
        losses.append(two_layer_loss(weights, batch, answers))
    return losses


def entry_by_entry(function: Any, array, h=1e-4):
    """Central difference of function() for every entry of `array`, each moved in place and put back."""
    slope = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        kept = array[index]
        array[index] = kept + h
        above = function()
        array[index] = kept - h
        below = function()
        array[index] = kept
        slope[index] = (above - below) / (2 * h)
    return slope


def two_layer_numerical_gradient(weights, inputs, targets):
    def loss():
        return two_layer_loss(weights, inputs, targets)

    return {name: entry_by_entry(loss, weights[name]) for name in ("W1", "b1", "W2", "b2")}
