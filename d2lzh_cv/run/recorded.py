"""What a section records for the comparison with the book, and the network it keeps: looked up in its script's names.

So that scripts hold no bookkeeping. An entry is an expression over the names of the script; ``shown`` is a dictionary
from the text of each line that a cell showed to its value.
"""
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Kept:
    """The trained network of a section, for ``predict`` and ``export``; each field is an expression or a name.

    Attributes:
        net: its name in the script.
        classes, edge_size: expressions over the script's names, see :func:`d2lzh_cv.models.checkpoint.save_model`.
        network: a name in :data:`d2lzh_cv.models.kinds.NETWORKS`.
        arguments: an expression, the keyword arguments that build the network.
        task: of ``d2lzh-cv predict``.
    """

    net: str
    network: str
    task: str
    classes: str
    edge_size: str
    arguments: str = "{}"


_TRAINED = {  # the R-CNNs
    "loss": "epochs[-1].loss", "class_err": "epochs[-1].class_err", "bbox_mae": "epochs[-1].bbox_mae",
    "*": "compared.values", "networks": "compared.table", "shows": "compared.shows",
}
RECORDED: dict[str, dict[str, str]] = {  # by section and result; the values of "*" are all recorded
    "9.1": {
        "pictures": "{'train': len(train_set), 'test': len(test_set)}",
        "*": "{f'test_acc, {name}': epochs[-1].test_acc for name, epochs in trained.items()}",
        "per_class": "metrics.per_class(judged.matrix, d2l.CIFAR10_CLASSES)",
        "confusion_matrix": "metrics.whole_matrix(judged.matrix, d2l.CIFAR10_CLASSES)",
    },
    "9.1-augmentation": {
        "tried": "table", "chance": "chance", "pictures": "{'train': len(train_set), 'test': len(test_set)}",
        "shows": "shows",
    },
    "9.1-workers": {"tried": "table", "guard": "guard_table", "shows": "shows"},
    "9.2": {
        "pictures": "{'train': len(train_imgs), 'test': len(test_imgs)}",
        "source_network": "source.name", "source_trained_on": "source.trained_on",
        "test_acc, fine-tuned": "tuned[-1].test_acc", "test_acc, from scratch": "scratch[-1].test_acc",
        "*": "{'test_acc, features frozen': frozen[-1].test_acc} if with_frozen_features else {}",
        "per_class": "metrics.per_class(judged.matrix, classes)",
        "confusion_matrix": "metrics.whole_matrix(judged.matrix, classes)",
    },
    "9.2-fine-tuning": {
        "tried": "table", "shows": "shows", "source_network": "source.name", "source_trained_on": "source.trained_on",
        "frozen_arrays_changed": "{'all': len(moved), 'running statistics': len(statistics), 'of': len(were)}",
        "*": "{'imagenet_rows': heads, 'best_row': best_row, 'head': head.note} if head else {}",
    },
    "9.3": {
        "image_height_width": "img.shape[:2]", "dog_and_cat_centers": "centers",
        "area_in_pixels": "d2l.box_area(boxes)",
    },
    "9.3-figures": {  # a notebook has no show_...: it shows figures by itself
        "show_seconds": "waited", "show_said": "said", "saved": "saved", "order": "orders", "open_figures": "left",
        "shows": "shows",
    },
    "9.4": {
        "image_height_width": "img.shape[:2]", "multibox_prior_shape": "Y.shape",
        "multibox_prior_box_250_250_0": "boxes[250, 250, 0, :]",
        "iou_of_a_square_moved_by_a_third": "overlap[0, 0].asscalar()",
        "multibox_target_class_labels": "labels.classes", "multibox_target_mask": "labels.mask",
        "multibox_target_offsets": "labels.offsets", "offsets_formula_minus_operator": "difference.asscalar()",
        "multibox_detection_rows": "output",
    },
    "9.4-anchors": {
        "sizes_and_ratios": "sizes_table", "iou_one_half": "iou_table", "offsets": "offsets_table",
        "other_anchors": "labels_table", "other_boxes": "kept_table", "shows": "shows",
    },
    "9.5": {
        "image_height_width": "img.shape[:2]", "anchors_by_feature_map": "counts",
        "anchors_2_rows_5_columns": "wide.shape",
    },
    "9.5-multiscale": {
        "tried": "table", "shapes": "shapes", "receptive_fields": "fields", "shapes_2_rows_5_columns": "wide[0]",
        "shows": "shows",
    },
    "9.6": {
        "batch_shapes": "[batch.data[0].shape, batch.label[0].shape]", "objects_per_picture": "batch.label[0].shape[1]",
    },
    "9.6-augmenters": {
        **{f"table_{name.replace(' ', '_')}": f"tables[{name!r}]"
           for name in ("size", "crop", "pad", "mirror and colour", "mean and std")},
        "iterators": "iterators", "orders": "orders", "left_out": "sorted(left_out | (taken - given))",
        "padding_without_room": "no_room", "shuffle_without_index": "without_index", "shows": "shows",
    },
    "9.7": {
        "class_predictor_shapes": "[Y1.shape, Y2.shape]",
        "concat_preds_shape": "shown['d2l.concat_preds([Y1, Y2]).shape']",
        "down_sample_block_shape": "shown['forward(nd.zeros((2, 3, 20, 20)), d2l.down_sample_blk(10)).shape']",
        "base_network_shape": "shown['forward(nd.zeros((2, 3, 256, 256)), d2l.base_net()).shape']",
        "output_shapes": "{'anchors': anchors.shape, 'class_preds': cls_preds.shape, 'bbox_preds': bbox_preds.shape}",
        "class_err": "epochs[-1].class_err", "bbox_mae": "epochs[-1].bbox_mae",
        "boxes_above_0_3": "(found[:, 1] >= 0.3).sum()", "best_score": "found[0, 1] if len(found) else None",
        "*": "judged.scores.means()", "average_precision": "judged.scores.table()",
    },
    "9.7-losses": {
        "gradient_of_positives": "shares", "losses": "table", "*": "{'by_seed': seeds} if seeds else {}",
        "shows": "shows",
    },
    "9.7-variations": {
        "sizes_by_objects": "tenths", "median_side": "float(np.median(sides))", "anchors": "anchors",
        "variations": "table", "shows": "shows",
    },
    "9.7-receptive-field": {
        "down_sample_blk": "block_table", "by_formula": "r", "by_calculator": "block[''].size[0]",
        "TinySSD": "ssd_table", "ResNet-18": "resnet_table", "FCN-32s": "fcn_table", "VGG-19": "vgg_table",
        "fields_and_anchors": "fields_table",
        "calculated_and_measured": "measured_table", "share_of_gradient_inside": "inside", "shows": "shows",
    },
    "9.7-transpose": {
        "tried": "table", "memory": "copies", "strides": "{'as made': place.strides, 'transposed': view.strides}",
        "shows": "shows",
    },
    "9.8": {
        "roi_pooling": "pooled",
        "faster_rcnn_resnet50_v1b_voc, seconds per picture": "faster_found.seconds",
        "faster_rcnn_resnet50_v1b_voc, trained": "faster.trained",
        "mask_rcnn_resnet18_v1b_coco, seconds per picture": "mask_found.seconds",
        "mask_rcnn_resnet18_v1b_coco, trained": "mask.trained",
    },
    "9.8-region-cnn": {"proposals": "found", **_TRAINED},
    "9.8-fast-rcnn": _TRAINED,
    "9.8-faster-rcnn": {"proposals": "found", **_TRAINED},
    "9.8-mask-rcnn": {
        **_TRAINED, "mask_loss": "epochs[-1].mask_loss", "masks": "masks",
        "*": "{**compared.values, **{f'{key}, voc': value for key, value in voc_judged.scores.means().items()}}",
    },
    "9.8-gluoncv-zoo": {"networks": "networks", "shows": "shows"},
    "9.9": {
        "label_patch_105_115_130_140": "y[105:115, 130:140]",
        "examples_kept_by_crop_320x480": "{'train': len(voc_train), 'val': len(voc_test)}",
        "batch_shapes": "[X.shape, Y.shape]",
    },
    "9.9-joint-transforms": {"pictures": "len(seen)", "transforms": "table", "shows": "shows"},
    "9.10": {
        "trans_conv_2x2_by_2x2": "shown['d2l.trans_conv(X, K)']",
        "trans_conv_padding_1": "shown['d2l.trans_conv(X, K, padding=1)'].reshape((1, 1, 1, 1))",
        "trans_conv_stride_2": "shown['d2l.trans_conv(X, K, stride=2)'].reshape((1, 1, 4, 4))",
        "corr2d_arange_3x3_with_1234": "shown['Y']", "trans_conv_of_that": "Z",
        "conv_of_arange_4x4_with_arange_3x3": "shown['conv(X)']",
        "conv_as_matrix_product": "shown['nd.dot(W, X.reshape(16)).reshape((1, 1, 2, 2))']", "conv_matrix": "W",
        "conv_64_k4_p1_s2_shape": "shown['Y.shape']", "transposed_conv_k4_p1_s2_shape": "shown['conv_trans(Y).shape']",
        "multichannel_shape_roundtrip_10_20_k5_p2_s3_on_16x16": "shown['conv_trans(conv(X)).shape'] == (1, 10, 16, 16)",
        "resnet18_v2_features_shape_320x480": "shown['d2l.conv_features(resnet)(nd.zeros((1, 3, 320, 480))).shape']",
        "bilinear_upsampling_shapes": "[img.shape, out_img.shape]",
        "source_network": "source.name", "source_trained_on": "source.trained_on",
        "loss": "epochs[-1].loss", "train_acc": "epochs[-1].train_acc", "test_acc": "epochs[-1].test_acc",
        "background_share": "background_share",
        "background_share_of_middles": "judged.matrix[0].sum() / judged.matrix.sum()",
        "*": "judged.summary()", "per_class": "metrics.per_class_iou(judged.matrix, classes)",
    },
    "9.10-matrix-product": {"times": "table", "largest_difference": "max(differences)", "shows": "shows"},
    "9.10-initialization": {"settings": "table", "background_share": "background", "shows": "shows"},
    "9.10-skips": {"networks": "table", "background_share": "background", "shows": "shows"},
    "9.10-tiled-prediction": {
        "predictions": "table", "agreement": "agreement", "per_class": "per_class", "shows": "shows",
    },
    "9.11": {
        "source_network": "extractor.source.name", "source_trained_on": "extractor.source.trained_on",
        "small_shape": "small.shape", "large_shape": "large.shape",
    },
    "9.11-layers-and-weights": {
        "settings": "table", "source_network": "usual.source.name", "source_trained_on": "usual.source.trained_on",
        "shows": "shows",
    },
    "9.11-styles": {
        "styles": "table", "own_pictures": "len(own)", "source_network": "extractor.source.name",
        "source_trained_on": "extractor.source.trained_on", "content_shape": "shape", "shows": "shows",
    },
    "9.11-detach": {"tried": "table", "in_a_network": "in_network", "shows": "shows"},
    "9.12": {
        "pictures": "{'train': len(train_ds), 'valid': len(valid_ds), 'train_valid': len(train_valid_ds)}",
        "classes": "len(classes)", "loss": "epochs[-1].loss", "train_acc": "epochs[-1].train_acc",
        "valid_acc": "epochs[-1].valid_acc", "shows": "shows",
    },
    "9.13": {
        "pictures": "{'train': len(train_ds), 'valid': len(valid_ds), 'train_valid': len(train_valid_ds)}",
        "breeds": "len(classes)", "input_folder": "input_dir.name",
        "source_network": "source.name", "source_trained_on": "source.trained_on",
        "train_loss": "epochs[-1].train_loss", "valid_loss": "epochs[-1].valid_loss",
        "train_loss_all_pictures": "all_epochs[-1].train_loss",
    },
}
KEPT: dict[str, Kept] = {
    "9.1": Kept("flip_net", "resnet18", "classify", "d2l.CIFAR10_CLASSES", "32"),
    "9.2": Kept("finetune_net", "model_zoo", "classify", "classes", "edge_size", "{'name': source.name}"),
    "9.7": Kept("net", "TinySSD", "detect", "classes", "edge_size"),
    "9.10": Kept("net", "fcn", "segment", "classes", "crop_size", "{'backbone': source.name}"),
    "9.12": Kept("net", "resnet18_cifar10", "classify", "classes", "32"),
    "9.13": Kept("net", "FrozenFeatures", "classify", "classes", "edge_size", "{'backbone': source.name}"),
}


def values(number: str, names: dict[str, Any], lenient: bool) -> dict[str, Any]:
    """Return the results of the section ``number`` by name.

    Args:
        names: of the script, and "shown".
        lenient: leave out what needs a name that is not there: a reader may stop a notebook anywhere.
    """
    found: dict[str, Any] = {}
    for name, expression in RECORDED.get(number, {}).items():
        try:
            value = eval(expression, names)
        except (NameError, KeyError):
            if lenient:
                continue
            raise
        found.update(value if name == "*" else {name: value})
    return found


def keep_model(number: str, names: dict[str, Any], run_folder: Path, lenient: bool) -> None:
    """Save the trained network of the section ``number`` in ``run_folder``, and print how to use it.

    Args:
        names: of the script.
        lenient: save nothing if a name is not there.
    """
    kept = KEPT.get(number)
    if kept is None:
        return
    try:
        net, classes, edge_size, arguments = (
            eval(one, names) for one in (kept.net, kept.classes, kept.edge_size, kept.arguments))
    except NameError:
        if lenient:
            return
        raise
    from ..models.checkpoint import FOLDER, save_model
    folder = save_model(run_folder / FOLDER, net, network=kept.network, classes=classes, edge_size=edge_size,
                        arguments=arguments)
    print(f"for other pictures: d2lzh-cv predict {kept.task} {folder} IMAGE... --out found")
