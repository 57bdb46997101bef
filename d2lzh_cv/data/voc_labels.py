"""From the colours of a VOC mask to classes: VOC_COLORMAP[i] is the colour of VOC_CLASSES[i]."""
from __future__ import annotations

import numpy as np
from mxnet import nd

VOC_CLASSES = ["background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
               "diningtable", "dog", "horse", "motorbike", "person", "potted plant", "sheep", "sofa", "train",
               "tv/monitor"]
VOC_COLORMAP = [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0], [0, 0, 128], [128, 0, 128], [0, 128, 128],
                [128, 128, 128], [64, 0, 0], [192, 0, 0], [64, 128, 0], [192, 128, 0], [64, 0, 128], [192, 0, 128],
                [64, 128, 128], [192, 128, 128], [0, 64, 0], [128, 64, 0], [0, 192, 0], [128, 192, 0], [0, 64, 128]]


def voc_colormap2label() -> np.ndarray:
    """Return the table from colour to class: uint8 (256**3,), indexed by (R·256 + G)·256 + B; others are 0."""
    table = np.zeros(256 ** 3, dtype=np.uint8)
    for i, (red, green, blue) in enumerate(VOC_COLORMAP):
        table[(red * 256 + green) * 256 + blue] = i
    return table


def voc_label_indices(colormap: nd.NDArray, colormap2label: nd.NDArray | np.ndarray) -> nd.NDArray:
    """Return the class of each pixel of a coloured mask: (H, W), in the dtype of the table ``colormap2label``.

    colormap: (H, W, 3), 0 to 255. colormap2label: of voc_colormap2label, or the book's NDArray of 256**3.
    The look-up runs in NumPy on the arrays' own memory: as NDArray operators it takes several times as long.
    """
    if isinstance(colormap2label, nd.NDArray) and colormap2label.context.device_type != "cpu":
        colormap = colormap.astype("int32").as_in_context(colormap2label.context)
        return colormap2label[(colormap[:, :, 0] * 256 + colormap[:, :, 1]) * 256 + colormap[:, :, 2]]
    red, green, blue = (channel.astype(np.int32) for channel in np.moveaxis(memory_of(colormap), 2, 0))
    classes = memory_of(colormap2label).take((red * 256 + green) * 256 + blue)
    return nd.array(classes, dtype=classes.dtype)


def memory_of(array: nd.NDArray | np.ndarray) -> np.ndarray:
    """The array as NumPy without copying it, so that what is written to it later is seen too."""
    if isinstance(array, np.ndarray):
        return array
    return np.from_dlpack(_Exporter(array)) if array.context.device_type == "cpu" else array.asnumpy()


class _Exporter:
    """MXNet 1.9.1 hands out DLPack capsules but lacks the two methods NumPy asks for."""

    def __init__(self, array: nd.NDArray) -> None:
        self._array = array

    def __dlpack__(self, **_):
        return self._array.to_dlpack_for_read()

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # kDLCPU, device 0
