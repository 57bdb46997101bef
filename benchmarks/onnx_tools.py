"""What the sides with ONNX Runtime share: its session, and our export of a drawn network."""
from __future__ import annotations

import os
from collections.abc import Sequence

from d2lzh_cv.errors import InputError

from .sides import NotHere


def session(model: bytes):
    """ONNX Runtime's session of a file: all optimizations of the graph, and OMP_NUM_THREADS threads in an operator, one
    operator at a time."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads, options.inter_op_num_threads = int(os.environ["OMP_NUM_THREADS"]), 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def our_export(net, network: str, task: str, classes: Sequence[str], size: tuple[int, int]) -> bytes:
    """What ``d2lzh-cv export --to onnx`` writes for ``net``. Raises NotHere without ``onnx``."""
    from d2lzh_cv.models.checkpoint import Description
    from d2lzh_cv.models.export import deployed, to_onnx
    try:
        to_onnx.require_onnx()
    except InputError as error:
        raise NotHere(str(error)) from error
    description = Description(task, network, list(classes), size)
    return to_onnx.model_bytes(net, description, deployed.usage(description))
