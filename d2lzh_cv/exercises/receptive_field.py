"""Receptive fields: the pixels that each unit of a feature map sees (an exercise of section 9.7).

The computation goes from the output down. Units a to b of a layer's output need these units of its input:

- for a convolution or pooling with kernel k, stride s, padding p, dilation d: a·s - p to b·s - p + d·(k - 1), so that a
  field of r units in the output is one of (r - 1)·s + d·(k - 1) + 1 units in the input;
- for a transposed convolution: those j with an output j·s - p + d·t, 0 <= t < k, between a and b;
- for global pooling or a dense layer: all;
- for an elementwise layer: a to b; where branches join, the smallest to the largest of them.

The network is read as MXNet's graph, so it may nest and branch freely.
"""
from __future__ import annotations

import ast
import json
import math
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import mxnet as mx
from mxnet import gluon

from ..errors import InputError

UNIT_BY_UNIT = {"Activation", "BatchNorm", "BlockGrad", "Cast", "Concat", "Dropout", "LRN", "LeakyReLU", "_copy",
                "add_n", "clip", "exp", "hard_sigmoid", "log", "relu", "sigmoid", "softsign", "sqrt", "square", "tanh"}
FAMILIES = ("elemwise_", "broadcast_", "_plus", "_minus", "_mul", "_div", "_rminus", "_rdiv", "_power", "_maximum",
            "_minimum")  # prefixes of arithmetic on maps, or on a map and a number
Span = tuple  # (first, last) unit


@dataclass(frozen=True)
class Field:
    """The receptive fields of one feature map's units in the network's input; pairs are (height, width), in pixels.

    Attributes:
        size: pixels from the first to the last that a unit sees, padding included; the largest size after a transposed
            convolution, whose units differ.
        stride: pixels between the fields of neighbouring units; a fraction after a transposed convolution.
        start: the first pixel that unit (0, 0) sees; -p if its field begins p pixels out in the padding.
        units: height and width of the map.
    """
    size: tuple[int, int]
    stride: tuple[Fraction, Fraction]
    start: tuple[int, int]
    units: tuple[int, int]

    def center(self, unit: tuple[int, int]) -> tuple[float, float]:
        """Return (y, x) of the middle of a unit's field; the middle of pixel 0 is 0."""
        return tuple(float(first + step * number) + (size - 1) / 2
                     for first, step, number, size in zip(self.start, self.stride, unit, self.size))

    def box(self, unit: tuple[int, int]) -> tuple[float, float, float, float]:
        """Return (xmin, ymin, xmax, ymax) of a unit's field, at pixel edges; it may reach beyond the picture."""
        (y, x), (height, width) = self.center(unit), self.size
        return x - (width - 1) / 2, y - (height - 1) / 2, x + (width + 1) / 2, y + (height + 1) / 2


def receptive_fields(net: gluon.Block, shape: tuple[int, int, int, int]) -> dict[str, Field]:
    """Return the field of every block of a network, itself included, by its path, in the order of execution.

    A path is such as "features.5.0.conv1", or "" for the network. If a block is called again or returns several maps, a
    number follows. Blocks without a feature map (B, C, H, W), such as dense layers, are omitted. Raises InputError
    naming the layer whose field is unknown.

    Args:
        net: consists of HybridBlocks; its weights play no part.
        shape: of the input, (B, C, H, W).
    """
    paths, outputs = _outputs(net)
    graph = _Graph(mx.sym.Group(outputs), shape)
    return {path: graph.field(node) for path, node in zip(paths, graph.heads) if len(graph.shapes[node]) == 4}


def use_moving_statistics(net: gluon.Block) -> None:
    """Let every BatchNorm of ``net`` use its moving statistics in training mode too: a batch's mean sees all pixels.

    ``autograd.record(train_mode=False)`` does this as well, but there MXNet 1.9.1's max pooling on the CPU (oneDNN)
    sends its gradient to wrong pixels: it notes where the maxima are in training mode only.
    """
    for _, block in _blocks(net):
        if isinstance(block, gluon.nn.BatchNorm):
            block._kwargs["use_global_stats"] = True


def _outputs(net: gluon.Block) -> tuple[list[str], list[mx.sym.Symbol]]:
    """Run the network on a symbol and record the output of each block."""
    paths, outputs, hooks = [], [], []

    def note(path, result) -> None:
        for output in result if isinstance(result, (list, tuple)) else [result]:
            again = sum(other.split(" ")[0] == path for other in paths)
            paths.append(f"{path} {again + 1}" if again else path)
            outputs.append(output)

    for path, block in _blocks(net):
        hooks.append(block.register_forward_hook(lambda block, inputs, result, path=path: note(path, result)))
    try:
        net(mx.sym.var("data"))
    finally:
        for hook in hooks:
            hook.detach()
    return paths, outputs


def _blocks(net: gluon.Block) -> list[tuple[str, gluon.Block]]:
    """Return all blocks with their paths, each once."""
    found, waiting = {}, [("", net)]
    while waiting:
        path, block = waiting.pop()
        if id(block) not in found:
            found[id(block)] = path, block
            waiting += [(f"{path}.{name}" if path else name, child) for name, child in block._children.items()]
    return list(found.values())


class _Graph:
    """MXNet's graph of a network; its nodes follow their inputs."""

    def __init__(self, outputs: mx.sym.Symbol, shape: tuple[int, ...]) -> None:
        content, inside = json.loads(outputs.tojson()), outputs.get_internals()
        self.nodes, self.heads = content["nodes"], [head[0] for head in content["heads"]]
        _, shapes, _ = inside.infer_shape(data=shape)
        self.shapes: dict[int, tuple[int, ...]] = {}
        for (node, *_), output_shape in zip(json.loads(inside.tojson())["heads"], shapes):
            self.shapes.setdefault(node, output_shape)
        self.data = next(i for i, node in enumerate(self.nodes) if node["name"] == "data" and node["op"] == "null")

    def field(self, target: int) -> Field:
        """Return the field of node ``target``."""
        axes = [self._along(target, axis) for axis in (0, 1)]
        return Field(*zip(*axes), self.shapes[target][2:])

    def _along(self, target: int, axis: int) -> tuple[int, Fraction, int]:
        """Return (size, stride, start) along one axis.

        Fields repeat, shifted, after as many units as all transposed convolutions together add.
        """
        before = self.nodes[:target + 1]
        period = math.prod(_numbers(node, "stride", axis) for node in before if node["op"] == "Deconvolution")
        period *= math.prod(int(node["attrs"]["scale"]) for node in before if node["op"] == "UpSampling")
        seen = [self._pixels(target, axis, unit) for unit in range(2 * period)]
        sizes = [last - first + 1 for first, last in seen[:period]]
        unit = next((unit for unit, size in enumerate(sizes) if size), 0)  # kernels smaller than strides leave gaps
        return max(sizes), Fraction(seen[unit + period][0] - seen[unit][0], period), seen[unit][0]

    def _pixels(self, target: int, axis: int, unit: int) -> Span:
        """Return the first and last pixel that a unit of ``target`` sees; (0, -1) if it sees none."""
        needed: dict[int, Span] = {target: (unit, unit)}
        for number in range(target, self.data, -1):
            if number in needed:
                for source, span in self._inputs(number, axis, needed[number]):
                    first, last = needed.get(source, span)
                    needed[source] = min(first, span[0]), max(last, span[1])
        return needed.get(self.data, (0, -1))

    def _inputs(self, number: int, axis: int, span: Span) -> list[tuple[int, Span]]:
        """Return the units of each input that a node needs."""
        node, op = self.nodes[number], self.nodes[number]["op"]
        sources = [source for source, *_ in node["inputs"]
                   if source == self.data or self.nodes[source]["op"] != "null"]  # without weights
        if not sources:  # a constant
            return []
        if len(self.shapes[number]) != 4 or node.get("attrs", {}).get("global_pool") == "True":
            return [(source, self._whole(source, axis)) for source in sources]
        if op in ("Convolution", "Pooling", "Deconvolution", "UpSampling"):
            needed = _WINDOWS[op](node, axis, *span)
            return [(sources[0], needed)] if needed else []
        joins_channels = node.get("attrs", {}).get("dim", "1") == "1"  # not rows or columns
        if not (op in UNIT_BY_UNIT and joins_channels or op.startswith(FAMILIES)):
            raise InputError(f"the receptive field of {node['name']}, a layer {op}, is unknown")
        # a map with one unit along the axis gives it to all units
        return [(source, (0, 0) if self._whole(source, axis) == (0, 0) else span) for source in sources]

    def _whole(self, number: int, axis: int) -> Span:
        shape = self.shapes[number]
        return 0, shape[2 + axis] - 1 if len(shape) == 4 else 0


def _convolution(node: dict[str, Any], axis: int, first: int, last: int) -> Span:
    k, s, p, d = (_numbers(node, name, axis) for name in ("kernel", "stride", "pad", "dilate"))
    return first * s - p, last * s - p + d * (k - 1)


def _transposed(node: dict[str, Any], axis: int, first: int, last: int) -> Span | None:
    """Return None for units between the inputs, which no kernel reaches."""
    k, s, p, d = (_numbers(node, name, axis) for name in ("kernel", "stride", "pad", "dilate"))
    bounds = [(-((d * t - p - first) // s), (last + p - d * t) // s) for t in range(k)]  # ceiling, floor
    reached = [(low, high) for low, high in bounds if low <= high]
    return (min(low for low, _ in reached), max(high for _, high in reached)) if reached else None


def _enlarged(node: dict[str, Any], axis: int, first: int, last: int) -> Span:
    """Nearest enlargement: each input several times."""
    if node["attrs"]["sample_type"] != "nearest":
        raise InputError(f"the receptive field of {node['name']} is unknown: only nearest UpSampling is supported")
    return first // int(node["attrs"]["scale"]), last // int(node["attrs"]["scale"])


_WINDOWS = {"Convolution": _convolution, "Pooling": _convolution, "Deconvolution": _transposed, "UpSampling": _enlarged}


def _numbers(node: dict[str, Any], name: str, axis: int) -> int:
    """Return a window's number along an axis; MXNet omits defaults."""
    value = _value(node["attrs"].get(name, "()"))
    if len(value) not in (0, 2) or node["attrs"].get("layout", "NCHW") not in ("NCHW", "None"):
        raise InputError(f"{node['name']} is no layer of maps (B, C, H, W)")
    return int(value[axis]) if value else {"pad": 0}.get(name, 1)


_value = lru_cache(maxsize=None)(ast.literal_eval)  # layers share a few texts
