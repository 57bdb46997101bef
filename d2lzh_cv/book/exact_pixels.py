"""The exact figures of sections 9.9 and 9.10, each computed as in the book."""
from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from mxnet import nd
from mxnet.gluon import model_zoo, nn
from mxnet.gluon.data import DataLoader

from .. import resnet, transposed_conv
from ..data import voc
from ..data.extent import VOC_FIRST
from ..data.pixels import read_picture
from ..fcn import bilinear_kernel
from ..finetuning import conv_features
from .exact import figure, forward


# -- 9.9 --------------------------------------------------------------------------------------------------------------
@lru_cache(maxsize=1)
def _voc(root: Path) -> dict[str, voc.VOCSegDataset]:
    table = voc.voc_colormap2label()
    return {part: voc.VOCSegDataset(part == "train", (320, 480), root, table) for part in ("train", "val")}


@figure("9.9", "examples_kept_by_crop_320x480")
def _examples_kept(root: Path):
    return {part: len(dataset) for part, dataset in _voc(root).items()}


@figure("9.9", "batch_shapes")
def _voc_batch(root: Path):
    batches = DataLoader(_voc(root)["train"], 64, shuffle=True, last_batch="discard")
    return [x.shape for x in next(iter(batches))] if len(batches) else None


@figure("9.9", "label_patch_105_115_130_140")
def _label_patch(root: Path):
    mask = root / "SegmentationClass" / f"{VOC_FIRST[0]}.png"  # of the book's first picture, not of this list's first
    if not mask.is_file():
        return None
    return voc.voc_label_indices(read_picture(mask), voc.voc_colormap2label())[105:115, 130:140]


# -- 9.10 -------------------------------------------------------------------------------------------------------------
def _four_by_four() -> tuple[nd.NDArray, nd.NDArray]:
    return nd.arange(1, 17).reshape((1, 1, 4, 4)), nd.arange(1, 10).reshape((1, 1, 3, 3))


@figure("9.10", "conv_of_arange_4x4_with_arange_3x3")
def _convolution():
    X, K = _four_by_four()
    return forward(X, nn.Conv2D(channels=1, kernel_size=3), K)


@figure("9.10", "conv_matrix")
def _conv_matrix():
    return transposed_conv.kernel2matrix(_four_by_four()[1][0, 0], (4, 4))


@figure("9.10", "conv_as_matrix_product")
def _matrix_product():
    return nd.dot(_conv_matrix(), _four_by_four()[0].reshape(16)).reshape((1, 1, 2, 2))


def _halved() -> nd.NDArray:
    return forward(nd.zeros((1, 3, 64, 64)), nn.Conv2D(10, kernel_size=4, padding=1, strides=2))


@figure("9.10", "conv_64_k4_p1_s2_shape")
def _halved_shape():
    return _halved().shape


@figure("9.10", "transposed_conv_k4_p1_s2_shape")
def _doubled_shape():
    return forward(_halved(), nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2)).shape


@figure("9.10", "resnet18_v2_features_shape_320x480")
def _resnet_shape():
    return forward(nd.zeros((1, 3, 320, 480)), conv_features(model_zoo.vision.resnet18_v2())).shape


@figure("9.10", "bilinear_upsampling_shapes")
def _bilinear_shapes(img: Path):
    picture = read_picture(img / "catdog.jpg")
    X = picture.astype("float32").transpose((2, 0, 1)).expand_dims(axis=0) / 255
    larger = forward(X, nn.Conv2DTranspose(3, kernel_size=4, padding=1, strides=2), bilinear_kernel(3, 3, 4))
    return [picture.shape, larger[0].transpose((1, 2, 0)).shape]


def _two_by_two() -> nd.NDArray:
    return nd.array([[0, 1], [2, 3]])  # input and kernel alike


@figure("9.10", "trans_conv_2x2_by_2x2")
def _trans_conv():
    return transposed_conv.trans_conv(_two_by_two(), _two_by_two())


@figure("9.10", "trans_conv_padding_1")
def _trans_conv_padding():
    return transposed_conv.trans_conv(_two_by_two(), _two_by_two(), padding=1).reshape((1, 1, 1, 1))


@figure("9.10", "trans_conv_stride_2")
def _trans_conv_stride():
    return transposed_conv.trans_conv(_two_by_two(), _two_by_two(), stride=2).reshape((1, 1, 4, 4))


@figure("9.10", "corr2d_arange_3x3_with_1234")
def _corr2d():
    return resnet.corr2d(nd.arange(9).reshape((3, 3)), nd.array([[1, 2], [3, 4]]))


@figure("9.10", "trans_conv_of_that")
def _trans_conv_of_corr2d():
    return transposed_conv.trans_conv(_corr2d(), nd.array([[1, 2], [3, 4]]))


@figure("9.10", "multichannel_shape_roundtrip_10_20_k5_p2_s3_on_16x16")
def _roundtrip():
    X = nd.zeros((1, 10, 16, 16))
    Y = forward(X, nn.Conv2D(20, kernel_size=5, padding=2, strides=3))
    return forward(Y, nn.Conv2DTranspose(10, kernel_size=5, padding=2, strides=3)).shape == X.shape
