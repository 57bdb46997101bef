"""Chapter 9 (computer vision) of 动手学深度学习 v1 on Apache MXNet 1.9.1, on today's machines.

Write ``import d2lzh_cv as d2l`` where the chapter writes ``import d2lzh as d2l``. A name loads on first use, so the
command line can report what is wrong with an installation in which MXNet does not import.
"""
from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType

from .compat import hook, moved, versions

__version__ = versions.OURS

_EXPORTS = {
    "errors": "InputError",
    "devices": "try_all_gpus try_gpu",
    "plotting": "bbox_to_rect plt set_figsize show_bboxes show_code show_images use_svg_display",
    "training": "Benchmark Scoring evaluate_accuracy fit get_batch mkdir_if_not_exist seed_everything train "
                "train_with_decay",
    "resnet": "Residual corr2d resnet18",
    "augmentation": "ALL_TRANSFORMS FLIP_AUG NO_AUG apply load_cifar10 train_with_data_aug viewable",
    "finetuning": "FrozenFeatures conv_features evaluate_loss find_source fine_tuned from_scratch pretrain_source "
                  "test_augs train_augs train_fine_tuning train_output",
    "boxes": "box_area box_scale center_to_corner clip_boxes corner_to_center decode_offsets encode_offsets iou nms",
    "anchors": "multibox_detection multibox_prior multibox_target show_anchors",
    "ssd": "SSDLoss TinySSD base_net bbox_eval bbox_predictor cls_eval cls_predictor concat_preds detect "
           "down_sample_blk flatten_pred focal_loss get_blk show_detections smooth_l1 train_ssd",
    "rcnn": "roi_align roi_pooling",
    "transposed_conv": "conv_size insert_zeros kernel2matrix trans_conv trans_conv_as_conv trans_conv_multi "
                       "trans_conv_size",
    "fcn": "bilinear_kernel fcn label2image normalize_image predict",
    "style": "FeatureExtractor GeneratedImage content_loss gram postprocess preprocess style_loss transfer tv_loss",
    "run.script": "start",
    "run.section": "output_folder",
    "run.source": "feature_extractor source_network",
    "data.cifar10": "CIFAR10 CIFAR10_CLASSES",
    "data.hotdog": "load_hotdog",
    "data.hub": "data_folder",
    "data.images": "image_folder",
    "data.kaggle": "read_label_file reorg_cifar10_data reorg_dog_data reorg_dog_train_valid reorg_test "
                   "reorg_train_valid unpack_kaggle_cifar10 unpack_kaggle_dog write_submission",
    "data.normalization": "CIFAR10_MEAN CIFAR10_STD IMAGENET_MEAN IMAGENET_STD",
    "data.pixels": "read_picture",
    "data.pikachu": "example_picture load_data_pikachu load_pikachu",
    "data.voc": "VOCSegDataset VOC_CLASSES VOC_COLORMAP download_voc_pascal read_voc_images voc_colormap2label "
                "voc_label_indices voc_rand_crop",
}
_MODULE_OF = {name: module for module, names in _EXPORTS.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


class _Package(ModuleType):
    """Keeps ``fcn`` the function: importing the module ``d2lzh_cv.fcn`` would bind the name to the module."""

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _MODULE_OF and name in _EXPORTS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def _answer_downloads() -> None:
    from .weights import gluon_downloads  # imported here: only MXNet's users need it
    gluon_downloads.install()


hook.install(then=_answer_downloads)
moved.install()


def __getattr__(name: str):
    if name in moved.PLACES:
        return moved.module(name)
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'd2lzh_cv' has no attribute {name!r}")
    value = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
