"""What a section records for the comparison with the book, and the network it keeps: looked up in its script's names.

So that scripts hold no bookkeeping. An entry is an expression over the names of the script; ``shown`` is a dictionary
from the text of each line that a cell showed to its value.
"""
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .section import Section


@dataclass(frozen=True)
class Kept:
    """The trained network of a section, for ``predict`` and ``export``; each field is an expression or a name.

    Attributes:
        net, classes, edge_size: expressions over the script's names, see :func:`d2lzh_cv.models.checkpoint.save_model`.
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


RECORDED: dict[str, dict[str, str]] = {  # by section and result; the values of "*" are all recorded
    "9.3": {"image_height_width": "img.shape[:2]", "dog_and_cat_centers": "centers",
            "area_in_pixels": "d2l.box_area(boxes)"},
}
RECORDED["9.3-figures"] = {  # a notebook has no show_...: it shows figures by itself
    "show_seconds": "waited", "show_said": "said", "saved": "saved", "order": "orders", "open_figures": "left",
    "shows": "shows",
}
RECORDED["9.4"] = {
    "image_height_width": "img.shape[:2]", "multibox_prior_shape": "Y.shape",
    "multibox_prior_box_250_250_0": "boxes[250, 250, 0, :]",
    "iou_of_a_square_moved_by_a_third": "overlap[0, 0].asscalar()",
    "multibox_target_class_labels": "labels.classes", "multibox_target_mask": "labels.mask",
    "multibox_target_offsets": "labels.offsets", "offsets_formula_minus_operator": "difference.asscalar()",
    "multibox_detection_rows": "output",
}
RECORDED["9.4-anchors"] = {
    "sizes_and_ratios": "sizes_table", "iou_one_half": "iou_table", "offsets": "offsets_table",
    "other_anchors": "labels_table", "other_boxes": "kept_table", "shows": "shows",
}
RECORDED["9.5"] = {
    "image_height_width": "img.shape[:2]", "anchors_by_feature_map": "counts",
    "anchors_2_rows_5_columns": "wide.shape",
}
RECORDED["9.5-multiscale"] = {
    "tried": "table", "shapes": "shapes", "receptive_fields": "fields", "shapes_2_rows_5_columns": "wide[0]",
    "shows": "shows",
}
RECORDED["9.6"] = {
    "batch_shapes": "[batch.data[0].shape, batch.label[0].shape]", "objects_per_picture": "batch.label[0].shape[1]",
}
RECORDED["9.6-augmenters"] = {
    **{f"table_{name.replace(' ', '_')}": f"tables[{name!r}]"
       for name in ("size", "crop", "pad", "mirror and colour", "mean and std")},
    "iterators": "iterators", "orders": "orders", "left_out": "sorted(left_out | (taken - given))",
    "padding_without_room": "no_room", "shuffle_without_index": "without_index", "shows": "shows",
}
RECORDED["9.7"] = {
    "class_predictor_shapes": "[Y1.shape, Y2.shape]",
    "concat_preds_shape": "shown['d2l.concat_preds([Y1, Y2]).shape']",
    "down_sample_block_shape": "shown['forward(nd.zeros((2, 3, 20, 20)), d2l.down_sample_blk(10)).shape']",
    "base_network_shape": "shown['forward(nd.zeros((2, 3, 256, 256)), d2l.base_net()).shape']",
    "output_shapes": "{'anchors': anchors.shape, 'class_preds': cls_preds.shape, 'bbox_preds': bbox_preds.shape}",
    "class_err": "epochs[-1].class_err", "bbox_mae": "epochs[-1].bbox_mae",
    "boxes_above_0_3": "(found[:, 1] >= 0.3).sum()", "best_score": "found[0, 1] if len(found) else None",
    "*": "judged.scores.means()", "average_precision": "judged.scores.table()",
}
RECORDED["9.7-losses"] = {
    "gradient_of_positives": "shares", "losses": "table", "*": "{'by_seed': seeds} if seeds else {}", "shows": "shows",
}
RECORDED["9.7-variations"] = {
    "sizes_by_objects": "tenths", "median_side": "float(np.median(sides))", "anchors": "anchors", "variations": "table",
    "shows": "shows",
}
RECORDED["9.7-receptive-field"] = {
    "down_sample_blk": "block_table", "by_formula": "r", "by_calculator": "block[''].size[0]", "TinySSD": "ssd_table",
    "ResNet-18": "resnet_table", "FCN-32s": "fcn_table", "VGG-19": "vgg_table", "fields_and_anchors": "fields_table",
    "calculated_and_measured": "measured_table", "share_of_gradient_inside": "inside", "shows": "shows",
}
RECORDED["9.7-transpose"] = {
    "tried": "table", "memory": "copies", "strides": "{'as made': place.strides, 'transposed': view.strides}",
    "shows": "shows",
}
RECORDED["9.8"] = {
    "roi_pooling": "pooled",
    "faster_rcnn_resnet50_v1b_voc, seconds per picture": "faster_found.seconds",
    "faster_rcnn_resnet50_v1b_voc, trained": "faster.trained",
    "mask_rcnn_resnet18_v1b_coco, seconds per picture": "mask_found.seconds",
    "mask_rcnn_resnet18_v1b_coco, trained": "mask.trained",
}
RECORDED["9.9"] = {
    "label_patch_105_115_130_140": "y[105:115, 130:140]",
    "examples_kept_by_crop_320x480": "{'train': len(voc_train), 'val': len(voc_test)}",
    "batch_shapes": "[X.shape, Y.shape]",
}
RECORDED["9.9-joint-transforms"] = {"pictures": "len(seen)", "transforms": "table", "shows": "shows"}
KEPT: dict[str, Kept] = {
    "9.7": Kept("net", "TinySSD", "detect", "classes", "edge_size"),
}


def values(run: Section) -> dict[str, Any]:
    """Return the results of the section ``run`` by name. In a notebook, names that the reader removed are left out."""
    found: dict[str, Any] = {}
    for name, expression in RECORDED.get(run.info.number, {}).items() if run.namespace else ():
        try:
            value = _evaluate(expression, run)
        except (NameError, KeyError):
            if run.notebook:
                continue
            raise
        found.update(value if name == "*" else {name: value})
    return found


def keep_model(run: Section) -> None:
    """Save the trained network of the section ``run``, and print how to use it for other pictures."""
    kept = KEPT.get(run.info.number)
    if kept is None or not run.namespace or run.notebook and kept.net not in run.namespace:
        return
    from ..models.checkpoint import FOLDER, save_model
    folder = save_model(run.folder / FOLDER, _evaluate(kept.net, run), network=kept.network,
                        classes=_evaluate(kept.classes, run), edge_size=_evaluate(kept.edge_size, run),
                        arguments=_evaluate(kept.arguments, run))
    print(f"for other pictures: d2lzh-cv predict {kept.task} {folder} IMAGE... --out found")


def _evaluate(expression: str, run: Section) -> Any:
    return eval(expression, {**run.namespace, "shown": run.shown})
