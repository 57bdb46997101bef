"""How fast a case could be on this machine: what it has to compute and to move, over what the machine was seen to do.

Counted are the products of convolutions, transposed convolutions and dense layers, two operations each, and the arrays
between operators: each is written once and read once. Training goes back too: twice the products of the way there
(once where weights stay as they are), gradients written and read, arrays read again. What is fused moves less, so the
bytes are no strict bound; operations are, for methods that make every product.
"""
from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import mxnet as mx
import numpy as np
from mxnet import nd

from d2lzh_cv.errors import InputError

from .case import Case, Side
from .sides import OURS, SIDES

PRODUCTS = {"prediction": 1, "input gradient": 2, "training": 3}  # how often each product of the way there is made
BYTES = {"prediction": 8, "input gradient": 20, "training": 20}   # moved an element of the arrays between operators
EDGE, MEGABYTES = 4096, 256


@dataclass(frozen=True)
class Work:
    """What a run of a case's unit has to do."""

    operations: float
    bytes: float

    def seconds(self, machine: Machine) -> tuple[float, float]:
        """The floors: of the operations, of the bytes."""
        return self.operations / machine.operations, self.bytes / machine.bandwidth


@dataclass(frozen=True)
class Machine:
    """What was measured here, a second: operations of a large product, bytes read and written."""

    operations: float
    bandwidth: float


def measure_machine(rounds: int = 7) -> Machine:
    """Best of ``rounds``: a product of two matrices of 4096 squared by oneDNN, a sum of two arrays of 256 MB."""
    a, b = (nd.random.normal(shape=(EDGE, EDGE)) for _ in range(2))
    product = _best(lambda: nd.FullyConnected(a, b, num_hidden=EDGE, no_bias=True), rounds)
    x, y, z = (nd.ones(MEGABYTES * 2 ** 18) for _ in range(3))
    return Machine(2 * EDGE ** 3 / product, 3 * 4 * x.size / _best(lambda: nd.elemwise_add(x, y, out=z), rounds))


def _best(compute, rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        nd.waitall()
        began = time.perf_counter()
        compute()
        nd.waitall()
        taken.append(time.perf_counter() - began)
    return min(taken)


def run(cases: Sequence[Case], quick: bool) -> dict[str, Any]:
    """Measure the machine and count what each of ``cases`` has to do, as JSON takes it.

    Raises InputError where none of them has a network.
    """
    counted = [case for case in cases if getattr(_ours(case), "graph", None)]
    if not counted:
        raise InputError(f"{cases[0].name} has no network to count; see d2lzh-cv bench --list for those that do")
    machine = measure_machine()
    return {"machine": vars(machine), "floors": [_row(case, case.with_settings(quick), machine) for case in counted]}


def _row(case: Case, settings: dict[str, Any], machine: Machine) -> dict[str, Any]:
    work = work_of(case, settings)
    by_operations, by_bytes = work.seconds(machine)
    return {"case": case.name, "unit": case.unit[0], **vars(work), "by_operations_s": by_operations,
            "by_bytes_s": by_bytes}


def work_of(case: Case, settings: dict[str, Any]) -> Work:
    """What one unit of our side has to do."""
    outputs, shape, kind = _ours(case)(settings).graph()
    return Work(2 * PRODUCTS[kind] * multiply_adds(outputs, shape), BYTES[kind] * elements(outputs, shape))


def _ours(case: Case) -> type[Side]:
    return getattr(import_module(case.module), SIDES[OURS].class_name)


def multiply_adds(outputs: mx.sym.Symbol, shape: Sequence[int]) -> int:
    """Products that the graph of ``outputs`` adds up for an input ``data`` of ``shape``."""
    total = 0
    for node, of, inputs in _nodes(outputs, shape):
        size, weight = int(np.prod(of)), inputs[1] if len(inputs) > 1 else ()
        if node["op"] in ("Convolution", "FullyConnected"):
            total += size * int(np.prod(weight[1:]))
        elif node["op"] == "Deconvolution":
            total += int(np.prod(inputs[0])) * int(np.prod(weight[1:]))
    return total


def elements(outputs: mx.sym.Symbol, shape: Sequence[int]) -> int:
    """Numbers in the arrays that the operators make; what only looks at an array in another shape makes none."""
    return sum(int(np.prod(of)) for node, of, _ in _nodes(outputs, shape) if node["op"] not in ("Reshape", "Flatten"))


def _nodes(outputs: mx.sym.Symbol, shape: Sequence[int]):
    """(node, shape of its first output, shapes of its inputs) of every operator."""
    graph = json.loads(outputs.tojson())
    internals = outputs.get_internals()
    shapes = dict(zip(internals.list_outputs(), internals.infer_shape(data=tuple(shape))[1]))
    found = [_shape_of(node, shapes) for node in graph["nodes"]]
    for node, of in zip(graph["nodes"], found):
        if node["op"] != "null":
            yield node, of, [found[number] for number, *_ in node["inputs"]]


def _shape_of(node: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    names = [node["name"], f"{node['name']}_output", f"{node['name']}_output0"]
    return next((shapes[name] for name in names if name in shapes), ())
