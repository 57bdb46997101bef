"""Transposed convolution from scratch, four ways that agree, and its sizes (section 9.10)."""
from __future__ import annotations

from mxnet import nd

from .errors import InputError
from .resnet import corr2d


def trans_conv(X: nd.NDArray, K: nd.NDArray, stride: int = 1, padding: int = 0) -> nd.NDArray:
    """Transposed convolution of X (H, W) with K (h, w), one channel: every input spreads the kernel on the output.

    Args:
        stride: distance on the output between the kernels of neighbouring inputs.
        padding: rows and columns taken off each side of the output (a convolution puts them on its input).

    Returns:
        (s·H + h - 2p - s, s·W + w - 2p - s).
    """
    h, w = K.shape
    Y = nd.zeros((stride * (X.shape[0] - 1) + h, stride * (X.shape[1] - 1) + w), dtype=X.dtype)
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            top, left = i * stride, j * stride
            Y[top:top + h, left:left + w] += X[i, j] * K
    return Y[padding:Y.shape[0] - padding, padding:Y.shape[1] - padding]


def trans_conv_multi(X: nd.NDArray, K: nd.NDArray, stride: int = 1, padding: int = 0) -> nd.NDArray:
    """:func:`trans_conv` with channels: X (C_in, H, W), K (C_in, C_out, h, w) to (C_out, H', W').

    The kernel's layout is that of ``Conv2DTranspose``: the weight of the convolution it transposes.

    Raises:
        InputError: X and K differ in C_in.
    """
    if X.shape[0] != K.shape[0]:
        raise InputError(f"X has {X.shape[0]} channels, but K {K.shape} is for {K.shape[0]}")
    maps = [sum(trans_conv(x, k[j], stride, padding) for x, k in zip(X, K)) for j in range(K.shape[1])]
    return nd.stack(*maps)


def kernel2matrix(K: nd.NDArray, input_shape: tuple[int, int] = (3, 3)) -> nd.NDArray:
    """The matrix W with ``corr2d(X, K) == W · X.reshape(-1)`` for X of ``input_shape``; ``W.T`` is the transposed one.

    Returns:
        (H'·W', H·W) for inputs (H, W) and outputs (H', W') = (H - h + 1, W - w + 1): a row per output element, with
        the kernel at the inputs that it sees and zeros elsewhere.
    """
    (h, w), (height, width) = K.shape, input_shape
    rows = []
    for i in range(height - h + 1):
        for j in range(width - w + 1):
            row = nd.zeros(input_shape, dtype=K.dtype)
            row[i:i + h, j:j + w] = K
            rows.append(row.reshape(-1))
    return nd.stack(*rows)


def insert_zeros(X: nd.NDArray, stride: int) -> nd.NDArray:
    """Put ``stride - 1`` rows and columns of zeros between those of X (H, W): (s·(H - 1) + 1, s·(W - 1) + 1)."""
    Y = nd.zeros(tuple(stride * (n - 1) + 1 for n in X.shape), dtype=X.dtype)
    Y[::stride, ::stride] = X
    return Y


def trans_conv_as_conv(X: nd.NDArray, K: nd.NDArray, stride: int = 1, padding: int = 0) -> nd.NDArray:
    """:func:`trans_conv` as an ordinary one: zeros between the inputs, a border of k - p - 1, the kernel turned over.

    Raises InputError where ``padding`` exceeds k - 1: the border cannot be negative.
    """
    border = [k - padding - 1 for k in K.shape]
    if min(border) < 0:
        raise InputError(f"padding {padding} is more than kernel size - 1 of {K.shape}: use trans_conv")
    spread = insert_zeros(X, stride)
    (top, left), (height, width) = border, spread.shape
    padded = nd.zeros((height + 2 * top, width + 2 * left), dtype=X.dtype)
    padded[top:top + height, left:left + width] = spread
    return corr2d(padded, K.flip(axis=(0, 1)))


def conv_size(n: int, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Output size of a convolution: (n - k + 2p + s) // s."""
    return (n - kernel + 2 * padding + stride) // stride


def trans_conv_size(n: int, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Output size of a transposed convolution: s·n + k - 2p - s; s times the input exactly where k = 2p + s."""
    return stride * n + kernel - 2 * padding - stride
