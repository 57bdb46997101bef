"""MXNet's ONNX exporter, completed for these networks and for today's ``onnx``. All patches are here.

1. Its translators use the operators of opset 13, but it stamps and checks the newest opset that ``onnx`` knows.
2. Its ``box_nms`` suppresses boxes of other classes regardless of ``id_index``; ours does not.
3. Its ``null`` turns each weight into a Python number, which is slow and needs much memory for a VGG.
4. It ignores ``fix_gamma`` of BatchNorm: MXNet computes with gamma 1, whatever value is stored.
5. It lists weights as inputs, so onnxruntime does not fold them.
"""
from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import gluon, nd

from ...errors import InputError
from ..checkpoint import Description
from .deployed import INPUT, deployed_block

OPSET, IR_VERSION = 13, 7  # of ONNX 1.8, which onnxruntime 1.6 and later read
INSTALL = "pip install -c constraints.txt '.[onnx]'"
NMS_THRESHOLD, SCORE_THRESHOLD, VARIANCES = 0.5, 0.01, (0.1, 0.1, 0.2, 0.2)  # MultiBoxDetection's


def require_onnx() -> None:
    """Raise InputError if ``onnx`` is missing or MXNet 1.9.1's exporter cannot use its version."""
    try:
        onnx = importlib.import_module("onnx")
    except ImportError as error:
        raise InputError(f"export to ONNX needs the package onnx ({error}); {INSTALL}") from error
    try:
        importlib.import_module("onnx.mapping")
    except ImportError as error:
        raise InputError(f"onnx {onnx.__version__} lacks onnx.mapping, which MXNet 1.9.1's exporter uses; {INSTALL}"
                         ) from error


def model_bytes(net: gluon.Block, description: Description, facts: dict[str, Any]) -> bytes:
    """Return the checked ONNX file of a network, with ``facts`` in its ``metadata_props`` (text, or JSON).

    The batch size is free; an FCN's height and width are free multiples of 32. Other networks take their training size,
    for which TinySSD's anchors are constants. Raises InputError if the exporter cannot convert the network.
    """
    import onnx
    if description.task == "detect":
        symbol, params = _detections(net, facts)
    else:
        block = deployed_block(net, description.task)
        symbol, params = block(mx.sym.var(INPUT)), _params(block)
    shape = tuple(facts["input"]["example"])
    try:
        graph = _convert(symbol, params, shape, tuple(facts["input"]["shape"]), len(description.classes))
    except (AttributeError, NotImplementedError, AssertionError) as error:
        raise InputError(f"MXNet's exporter cannot convert {description.network} {description.arguments or ''}: "
                         f"{error}; use --to symbol") from error
    graph = _tidy(graph, facts["output"]["name"], _output_shape(symbol, params, shape, facts["input"]["shape"]))
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR_VERSION,
                                   producer_name="d2lzh_cv")
    onnx.helper.set_model_props(model, {key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
                                        for key, value in facts.items()})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()




def _params(net: gluon.Block) -> dict[str, nd.NDArray]:
    return {name: param.data().as_in_context(mx.cpu()) for name, param in net.collect_params().items()}


def _detections(net: gluon.Block, facts: dict[str, Any]) -> tuple[mx.sym.Symbol, dict[str, nd.NDArray]]:
    """TinySSD with box_decode and box_nms at its end, because MultiBoxDetection has no translator.

    The result equals the kept rows of MultiBoxDetection, which differs from box_nms in three ways:

    - It suppresses at IoU >= threshold and keeps scores >= threshold; box_nms uses > for both. So the thresholds are
      the next lower numbers in float32.
    - A suppressed row only gets class -1 and keeps its place; box_nms sets it to -1 and moves it to the end.
    - It takes the best class of objects regardless of the background's score, and clips the boxes; box_nms does
      neither, so both are done before it.
    """
    _, scores, offsets = net(mx.sym.var(INPUT))
    objects = mx.sym.slice_axis(mx.sym.softmax(scores, axis=-1), axis=2, begin=1, end=None)  # (B, A, classes)
    decoded = mx.sym.contrib.box_decode(mx.sym.reshape(offsets, shape=(0, -1, 4)), mx.sym.var("anchors"),
                                        format="corner", **{f"std{i}": x for i, x in enumerate(VARIANCES)})
    rows = mx.sym.concat(mx.sym.argmax(objects, axis=2, keepdims=True), mx.sym.max(objects, axis=2, keepdims=True),
                         mx.sym.clip(decoded, 0, 1), dim=2)
    kept = mx.sym.contrib.box_nms(rows, overlap_thresh=_below(NMS_THRESHOLD), valid_thresh=_below(SCORE_THRESHOLD),
                                  id_index=0, force_suppress=False)
    return kept, {**_params(net), "anchors": net(nd.zeros(facts["input"]["example"]))[0]}


def _below(value: float) -> float:
    return float(np.nextafter(np.float32(value), np.float32(0)))


def _output_shape(symbol, params, shape: tuple[int, ...], input_shape: list) -> list:
    """The output's shape with the input's free dimensions: the batch, and height and width of an FCN."""
    known = {name: params[name].shape for name in symbol.list_inputs() if name in params}
    shape = symbol.infer_shape(**{INPUT: shape}, **known)[1][0]
    return ["batch", *shape[1:2], *(input_shape[2:] if len(shape) == 4 else shape[2:])]


def _convert(symbol, params, shape, input_shape, num_classes: int):
    import onnx
    from mxnet.onnx.mx2onnx._export_onnx import MXNetGraph
    params = _with_fixed_gammas(symbol, params)
    with _replaced(onnx.defs, "onnx_opset_version", lambda: OPSET), \
            _replaced(onnx.checker, "check_graph", lambda graph: None), \
            _replaced(MXNetGraph, "registry_", _registry(MXNetGraph.registry_, num_classes)), \
            warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of onnx.mapping, once per operator
        return MXNetGraph().create_onnx_graph_proto(
            symbol, params, [shape], [onnx.TensorProto.FLOAT], opset_version=OPSET, dynamic=True,
            dynamic_input_shapes=[input_shape])


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def _with_fixed_gammas(symbol, params: dict[str, nd.NDArray]) -> dict[str, nd.NDArray]:
    nodes, params = json.loads(symbol.tojson())["nodes"], dict(params)
    for node in nodes:
        # MXNet's default of fix_gamma is True
        if node["op"] == "BatchNorm" and node.get("attrs", {}).get("fix_gamma", "True") in ("True", "1"):
            gamma = nodes[node["inputs"][1][0]]["name"]
            params[gamma] = nd.ones_like(params[gamma])
    return params


def _registry(registry: dict[int, dict], num_classes: int) -> dict[int, dict]:
    from .translators import box_nms, weights
    changed = {version: dict(operators) for version, operators in registry.items()}
    changed[OPSET].update({"_contrib_box_nms": box_nms(num_classes), "null": weights(changed[12]["null"])})
    return changed


def _tidy(graph, output_name: str, output_shape: list):
    """Remove weights from the inputs, drop unused weights, and set the output's name and shape."""
    import onnx
    used = {name for node in graph.node for name in node.input}
    weights = [tensor for tensor in graph.initializer if tensor.name in used]
    inputs = [value for value in graph.input if value.name == INPUT]
    output = onnx.helper.make_tensor_value_info(output_name, onnx.TensorProto.FLOAT, output_shape)
    rename = onnx.helper.make_node("Identity", [graph.output[0].name], [output_name])
    return onnx.helper.make_graph([*graph.node, rename], "d2lzh_cv", inputs, [output], weights)
