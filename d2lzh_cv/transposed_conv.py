"""Transposed convolution from scratch, in four ways that agree, and its sizes (section 9.10)."""
from __future__ import annotations

from mxnet import nd

from .errors import InputError
from .resnet import corr2d


def trans_conv(X: nd.NDArray, K: nd.NDArray, stride: int = 1, padding: int = 0) -> nd.NDArray:
    """Transposed convolution of one channel, (s·H + h - 2p - s, s·W + w - 2p - s) (section 9.10).

    Every input multiplies the kernel, and the products are added up on the output.

    Args:
        X, K: input (H, W), kernel (h, w).
        stride: s, distance on the output between the kernels of neighbouring inputs.
        padding: p, rows and columns cut from each side of the output (a convolution adds them to its input).
    """
    h, w = K.shape
    Y = nd.zeros((stride * (X.shape[0] - 1) + h, stride * (X.shape[1] - 1) + w), dtype=X.dtype)
    for i in range(X.shape[0]):
        for j in range(X.shape[1]):
            top, left = i * stride, j * stride
            Y[top:top + h, left:left + w] += X[i, j] * K
    return Y[padding:Y.shape[0] - padding, padding:Y.shape[1] - padding]


def trans_conv_multi(X: nd.NDArray, K: nd.NDArray, stride: int = 1, padding: int = 0) -> nd.NDArray:
    """:func:`trans_conv` with channels, (C_out, H', W') (section 9.10). Raises InputError if X and K differ in C_in.

    Args:
        X: (C_in, H, W).
        K: (C_in, C_out, h, w), as in ``Conv2DTranspose``: the weight of the convolution that it transposes.
        stride, padding: of :func:`trans_conv`.
    """
    if X.shape[0] != K.shape[0]:
        raise InputError(f"X has {X.shape[0]} channels, but K {K.shape} is for {K.shape[0]}")
    maps = [sum(trans_conv(x, k[j], stride, padding) for x, k in zip(X, K)) for j in range(K.shape[1])]
    return nd.stack(*maps)


def kernel2matrix(K: nd.NDArray, input_shape: tuple[int, int] = (3, 3)) -> nd.NDArray:
    """Return the matrix W with ``corr2d(X, K).reshape(-1) == W · X.reshape(-1)`` (section 9.10).

    W is (H'·W', H·W), (H', W') = (H - h + 1, W - w + 1): a row per output, with the kernel at its inputs and zeros
    elsewhere. ``W.T`` is the transposed convolution.

    Args:
        K: kernel (h, w).
        input_shape: (H, W) of X.
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
    """Put s - 1 rows and columns of zeros between those of X: (s·(H - 1) + 1, s·(W - 1) + 1) (section 9.10).

    Args:
        X, stride: (H, W), and s.
    """
    Y = nd.zeros(tuple(stride * (n - 1) + 1 for n in X.shape), dtype=X.dtype)
    Y[::stride, ::stride] = X
    return Y


def trans_conv_as_conv(X: nd.NDArray, K: nd.NDArray, stride: int = 1, padding: int = 0) -> nd.NDArray:
    """:func:`trans_conv` as a convolution: zeros between the inputs, a border of k - p - 1, the kernel rotated by 180°.

    Args:
        X, K, stride, padding: of :func:`trans_conv`. A padding above k - 1 raises InputError.
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
    """Return the output size of a convolution: (n - k + 2p + s) // s (section 9.10).

    Args:
        n, kernel, padding, stride: input size n, k, p and s.
    """
    return (n - kernel + 2 * padding + stride) // stride


def trans_conv_size(n: int, kernel: int, padding: int = 0, stride: int = 1) -> int:
    """Return the output size of a transposed convolution: s·n + k - 2p - s, which is s·n exactly if k = 2p + s.

    Args:
        n, kernel, padding, stride: input size n, k, p and s.
    """
    return stride * n + kernel - 2 * padding - stride
