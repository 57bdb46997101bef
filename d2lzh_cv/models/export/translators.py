"""Two translators that replace MXNet's own; :mod:`d2lzh_cv.models.export.to_onnx` says why."""
from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx import TensorProto, helper, numpy_helper

ALL_BOXES = 2**31 - 1


def weights(original: Callable) -> Callable:
    """Translate ``null`` with the weights stored as bytes."""
    def convert(node, **kwargs):
        if kwargs["is_input"]:
            return original(node, **kwargs)
        value = kwargs["weights"][node["name"]]
        tensor = numpy_helper.from_array(np.ascontiguousarray(value), node["name"])
        kwargs["initializer"].append(tensor)
        return [helper.make_tensor_value_info(tensor.name, tensor.data_type, value.shape)], (value.dtype,)
    return convert


def box_nms(num_classes: int) -> Callable:
    """Translate ``box_nms`` of rows (B, A, 6), class, score, corners, as TinySSD's export has them; class by class."""
    def convert(node, **kwargs):
        name, attrs = node["name"], node["attrs"]
        source, index, _ = node["inputs"][0]
        rows = kwargs["outputs_lookup"][source][index]
        constants = {
            "parts": np.array([1, 1, 4]), "one": np.array([1]), "two": np.array([2]),
            "classes": np.arange(num_classes, dtype="float32").reshape((1, -1, 1)), "picture_and_box": np.array([0, 2]),
            "none": np.float32(-1), "zero": np.float32(0), "most": np.array([ALL_BOXES]),
            "overlap": np.array([attrs["overlap_thresh"]], "float32"),
            "score": np.array([attrs["valid_thresh"]], "float32")}
        kwargs["initializer"].extend(numpy_helper.from_array(np.asarray(value), f"{name}_{key}")
                                     for key, value in constants.items())

        def op(kind: str, inputs: str, outputs: str, **options):
            return helper.make_node(kind, [rows.name if x == "rows" else f"{name}_{x}" for x in inputs.split()],
                                    [f"{name}_{x}" for x in outputs.split()], **options)
        return [
            op("Split", "rows parts", "ids scores boxes", axis=2),
            # A row of scores per class, (B, classes, A), with -1 where the anchor has another class.
            op("Transpose", "ids", "ids_across", perm=(0, 2, 1)),
            op("Transpose", "scores", "scores_across", perm=(0, 2, 1)),
            op("Equal", "ids_across classes", "own"),
            op("Where", "own scores_across none", "by_class"),
            op("NonMaxSuppression", "boxes by_class most overlap score", "picked"),  # (K, 3): picture, class, box
            op("Gather", "picked picture_and_box", "where", axis=1),
            # The kept scores in their places, -1 elsewhere; sorting puts the kept rows first.
            op("Squeeze", "scores two", "flat"),
            op("Shape", "flat", "shape"),
            op("ConstantOfShape", "shape", "empty", value=helper.make_tensor("value", TensorProto.FLOAT, [1], [-1.0])),
            op("GatherND", "flat where", "kept"),
            op("ScatterND", "empty where kept", "placed"),
            op("Slice", "shape one two", "anchors"),
            op("TopK", "placed anchors", "best order", axis=1),
            op("Unsqueeze", "order two", "order_of_rows"),
            op("GatherND", "rows order_of_rows", "sorted", batch_dims=1),
            op("GreaterOrEqual", "best zero", "is_kept"),
            op("Unsqueeze", "is_kept two", "is_kept_row"),
            op("Where", "is_kept_row sorted none", "result"),
            helper.make_node("Identity", [f"{name}_result"], [f"{name}0"]),  # MXNet's name of the first output
        ], (rows.dtype,)
    return convert
