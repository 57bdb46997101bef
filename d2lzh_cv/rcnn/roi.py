"""Regions of interest, pooled to one size (section 9.8)."""
from __future__ import annotations

from mxnet import nd


def roi_pooling(feature_map: nd.NDArray, rois: nd.NDArray, pooled_size: tuple[int, int],
                spatial_scale: float) -> nd.NDArray:
    """Maximum over a grid of bins in each region of interest (Fast R-CNN; section 9.8).

    Args:
        feature_map: (B, C, H, W).
        rois: (N, 5), rows (index of the picture, xmin, ymin, xmax, ymax) in pixels of the picture.
        pooled_size: (height, width) of the grid.
        spatial_scale: side of the feature map over side of the picture, 0.1 for a tenth.

    Returns:
        (N, C, *pooled_size). The scaled corners are rounded and both belong to the region; a region off the map
        gives 0.
    """
    return nd.ROIPooling(feature_map, rois, pooled_size=pooled_size, spatial_scale=spatial_scale)


def roi_align(feature_map: nd.NDArray, rois: nd.NDArray, pooled_size: tuple[int, int], spatial_scale: float,
              sample_ratio: int = 2, aligned: bool = False) -> nd.NDArray:
    """As :func:`roi_pooling`, without rounding: mean of bilinear samples in each bin (Mask R-CNN).

    aligned: take a value to lie in the middle of its cell, where a convolution has it, and not at its upper left
    corner, as MXNet's operator does by default: that shifts what it reads by half a cell (Detectron2 found it first).
    """
    return nd.contrib.ROIAlign(feature_map, rois, pooled_size=pooled_size, spatial_scale=spatial_scale,
                               sample_ratio=sample_ratio, aligned=aligned)


def pixel_rois(F, regions, X):
    """Rows that the pooling operators take, of relative regions in the pictures ``X`` (B, 3, H, W).

    ``regions`` (B, N, 4) become (B·N, 5): the number of the picture, then the corners in pixels. ``F`` is ``mx.nd`` or
    ``mx.sym``: it works within a HybridBlock. No gradient goes back to the regions: they are taken as given.
    """
    size = F.reverse(F.slice_axis(F.shape_array(X), axis=0, begin=2, end=4), axis=0).astype("float32")  # W, H
    corners = F.broadcast_mul(regions, F.concat(size, size, dim=0).reshape((1, 1, 4)))
    numbers = F.contrib.arange_like(regions, axis=0).reshape((-1, 1, 1))
    numbers = F.broadcast_like(numbers, regions, lhs_axes=(1,), rhs_axes=(1,))  # (B, N, 1)
    return F.BlockGrad(F.concat(numbers, corners, dim=2).reshape((-1, 5)))


def crop_regions(X: nd.NDArray, regions: nd.NDArray, size: tuple[int, int]) -> nd.NDArray:
    """Cut every region (B, N, 4), relative, out of its picture (B, C, H, W) and resize it: (B·N, C, *size)."""
    return roi_align(X, pixel_rois(nd, regions, X), size, spatial_scale=1.0, aligned=True)
