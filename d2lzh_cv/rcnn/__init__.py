"""The R-CNN family (section 9.8): RoI pooling, four small networks that train in minutes, GluonCV's large ones."""
from __future__ import annotations

from .fast_rcnn import FastRCNN
from .faster_rcnn import FasterRCNN
from .mask_rcnn import MaskRCNN
from .region_cnn import RCNN
from .roi import roi_align, roi_pooling
from .zoo import Found, GluonCVDetector, GluonCVSegmenter

__all__ = ["FastRCNN", "FasterRCNN", "Found", "GluonCVDetector", "GluonCVSegmenter", "MaskRCNN", "RCNN", "roi_align",
           "roi_pooling"]
