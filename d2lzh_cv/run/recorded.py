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
RECORDED["9.1"] = {
    "pictures": "{'train': len(train_set), 'test': len(test_set)}",
    "*": "{f'test_acc, {name}': epochs[-1].test_acc for name, epochs in trained.items()}",
    "per_class": "metrics.per_class(judged.matrix, d2l.CIFAR10_CLASSES)",
    "confusion_matrix": "metrics.whole_matrix(judged.matrix, d2l.CIFAR10_CLASSES)",
}
RECORDED["9.2"] = {
    "pictures": "{'train': len(train_imgs), 'test': len(test_imgs)}",
    "source_network": "source.name", "source_trained_on": "source.trained_on",
    "test_acc, fine-tuned": "tuned[-1].test_acc", "test_acc, from scratch": "scratch[-1].test_acc",
    "*": "{'test_acc, features frozen': frozen[-1].test_acc} if with_frozen_features else {}",
    "per_class": "metrics.per_class(judged.matrix, classes)",
    "confusion_matrix": "metrics.whole_matrix(judged.matrix, classes)",
}
RECORDED["9.12"] = {
    "pictures": "{'train': len(train_ds), 'valid': len(valid_ds), 'train_valid': len(train_valid_ds)}",
    "classes": "len(classes)", "loss": "epochs[-1].loss", "train_acc": "epochs[-1].train_acc",
    "valid_acc": "epochs[-1].valid_acc", "shows": "shows",
}
RECORDED["9.13"] = {
    "pictures": "{'train': len(train_ds), 'valid': len(valid_ds), 'train_valid': len(train_valid_ds)}",
    "breeds": "len(classes)", "input_folder": "input_dir.name",
    "source_network": "source.name", "source_trained_on": "source.trained_on",
    "train_loss": "epochs[-1].train_loss", "valid_loss": "epochs[-1].valid_loss",
    "train_loss_all_pictures": "all_epochs[-1].train_loss",
}
KEPT: dict[str, Kept] = {
    "9.1": Kept("flip_net", "resnet18", "classify", "d2l.CIFAR10_CLASSES", "32"),
    "9.2": Kept("finetune_net", "model_zoo", "classify", "classes", "edge_size", "{'name': source.name}"),
    "9.7": Kept("net", "TinySSD", "detect", "classes", "edge_size"),
    "9.12": Kept("net", "resnet18_cifar10", "classify", "classes", "32"),
    "9.13": Kept("net", "FrozenFeatures", "classify", "classes", "edge_size", "{'backbone': source.name}"),
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
