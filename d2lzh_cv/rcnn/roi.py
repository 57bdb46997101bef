"""Pooling of regions of interest to one size (section 9.8)."""
from __future__ import annotations

from mxnet import nd


def roi_pooling(feature_map: nd.NDArray, rois: nd.NDArray, pooled_size: tuple[int, int],
                spatial_scale: float) -> nd.NDArray:
    """Return the maximum over a grid of bins in each region of interest, (N, C, h, w) (section 9.8).

    Fast R-CNN's pooling: the scaled corners are rounded and both belong to the region; a region off the map gives 0.

    Args:
        feature_map: (B, C, H, W).
        rois: (N, 5), rows (index of the picture, xmin, ymin, xmax, ymax) in pixels of the picture.
        pooled_size: (height, width) of the grid.
        spatial_scale: side of the feature map over side of the picture, 0.1 for a tenth.
    """
    return nd.ROIPooling(feature_map, rois, pooled_size=pooled_size, spatial_scale=spatial_scale)


def roi_align(feature_map: nd.NDArray, rois: nd.NDArray, pooled_size: tuple[int, int], spatial_scale: float,
              sample_ratio: int = 2, aligned: bool = False) -> nd.NDArray:
    """Return the mean of bilinear samples in each bin, without rounding, (N, C, h, w) (section 9.8).

    Args:
        feature_map, rois, pooled_size, spatial_scale: of :func:`roi_pooling`.
        sample_ratio: samples per bin along each side.
        aligned: place a value at the middle of its cell, as a convolution does. Otherwise it lies at the upper left
            corner, MXNet's default, which shifts the samples by half a cell (Detectron2 found this).
    """
    return nd.contrib.ROIAlign(feature_map, rois, pooled_size=pooled_size, spatial_scale=spatial_scale,
                               sample_ratio=sample_ratio, aligned=aligned)


def pixel_rois(F, regions, X):
    """Convert relative regions (B, N, 4) to the pooling operators' rows (B·N, 5): picture index, corners in pixels.

    The regions get no gradient.

    Args:
        F: ``mx.nd`` or ``mx.sym``, so a HybridBlock can call this.
        regions: (B, N, 4), relative.
        X: pictures (B, 3, H, W); only the shape matters.
    """
    size = F.reverse(F.slice_axis(F.shape_array(X), axis=0, begin=2, end=4), axis=0).astype("float32")  # W, H
    corners = F.broadcast_mul(regions, F.concat(size, size, dim=0).reshape((1, 1, 4)))
    numbers = F.contrib.arange_like(regions, axis=0).reshape((-1, 1, 1))
    numbers = F.broadcast_like(numbers, regions, lhs_axes=(1,), rhs_axes=(1,))  # (B, N, 1)
    return F.BlockGrad(F.concat(numbers, corners, dim=2).reshape((-1, 5)))


def crop_regions(X: nd.NDArray, regions: nd.NDArray, size: tuple[int, int]) -> nd.NDArray:
    """Crop every region from its picture and resize it: (B·N, C, h, w).

    Args:
        X: pictures (B, C, H, W).
        regions: (B, N, 4), relative.
        size: (h, w) in pixels.
    """
    return roi_align(X, pixel_rois(nd, regions, X), size, spatial_scale=1.0, aligned=True)
