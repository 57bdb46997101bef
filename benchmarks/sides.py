"""The sides: the ways of doing a case, ours, the book's, and what a user would take in their place."""
from __future__ import annotations

import difflib
from dataclasses import dataclass

from d2lzh_cv.errors import InputError

OURS, OURS_BFLOAT16 = "ours", "ours_bfloat16"
BOOK, TORCH, CHANNELS_LAST = "book", "torch", "torch_channels_last"
COMPILED, BFLOAT16, ONNX, ONNX_TORCH = "torch_compile", "torch_bfloat16", "onnxruntime", "onnxruntime_torch"
FLOAT32 = "float32"
_GLUON, _TORCH, _ONNX = ("d2lzh_cv", "mxnet"), ("torch",), ("onnxruntime",)


@dataclass(frozen=True)
class Kind:
    """What a side is.

    Attributes:
        group: its name in ``--sides`` and in a report. Two forms of one side share it, and the faster is shown.
        class_name: does the work, in a case's module.
        framework: what it imports; memory is looked at before and after.
        form: what sets it apart in its group.
        precision: of its numbers.
        exporter: the side whose network it runs, from an ONNX file.
    """

    group: str
    class_name: str
    framework: tuple[str, ...]
    form: str | None = None
    precision: str = FLOAT32
    exporter: str | None = None

    @property
    def is_gluon_bfloat16(self) -> bool:
        """Whether MXNet does it in bfloat16."""
        return self.framework == _GLUON and self.precision != FLOAT32

    @property
    def needs_torch(self) -> bool:
        """Whether PyTorch does it, or exports what it runs."""
        return self.framework == _TORCH or self.exporter == TORCH


SIDES = {
    OURS: Kind("ours", "Ours", _GLUON),
    BOOK: Kind("book", "Book", _GLUON),
    TORCH: Kind("torch", "Torch", _TORCH, "NCHW"),
    CHANNELS_LAST: Kind("torch", "Torch", _TORCH, "channels_last"),
    COMPILED: Kind("torch_compile", "Torch", _TORCH),
    BFLOAT16: Kind("torch_bfloat16", "Torch", _TORCH, precision="bfloat16"),
    OURS_BFLOAT16: Kind("ours_bfloat16", "Ours", _GLUON, precision="bfloat16"),
    ONNX: Kind("onnxruntime", "Onnx", _ONNX, "our export", exporter=OURS),
    ONNX_TORCH: Kind("onnxruntime", "OnnxTorch", _ONNX, "PyTorch's export", exporter=TORCH),
}
GROUPS = {group: tuple(side for side, kind in SIDES.items() if kind.group == group)
          for group in dict.fromkeys(kind.group for kind in SIDES.values())}
LABELS = {"ours": "ours", "book": "book", "torch": "PyTorch", "torch_compile": "torch.compile",
          "torch_bfloat16": "PyTorch bf16", "ours_bfloat16": "ours bf16", "onnxruntime": "ONNX Runtime"}  # in a table
EAGER_GROUPS = ("ours", "book", "torch")

EAGER = (OURS, BOOK, TORCH)  # of a case without layouts
LAYOUTS = (*EAGER, CHANNELS_LAST)
TRAINING = (*LAYOUTS, COMPILED, BFLOAT16, OURS_BFLOAT16)
PREDICTION = (*LAYOUTS, ONNX, ONNX_TORCH)
EPOCH = (OURS, BOOK, CHANNELS_LAST)  # the layout that was faster in each step

NO_BFLOAT16 = "oneDNN computes no bfloat16 on this processor"  # why its sides are left out


class NotHere(Exception):
    """A side cannot run on this machine; the text is the reason. It is left out, and the others go on."""


def choose(text: str) -> tuple[str, ...]:
    """The groups that ``text`` names, with commas between; ours always takes part.

    Raises InputError for a name that is not there.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in GROUPS:
            near = difflib.get_close_matches(name, GROUPS, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}? Choose" if near else "choose"
            raise InputError(f"--sides: there is no side {name!r}; {hint} from {', '.join(GROUPS)}")
    return tuple(group for group in GROUPS if group in names or group == "ours")


def label(side: str) -> str:
    """A side's name in a table, with its form."""
    kind = SIDES[side]
    return LABELS[kind.group] + (f", {kind.form}" if kind.form else "")
