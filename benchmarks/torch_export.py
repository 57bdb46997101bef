"""The PyTorch twins as ONNX files that go all the way: from a picture to its boxes, or to the classes of its pixels."""
from __future__ import annotations

import io
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from reference.pytorch import boxes
from reference.pytorch.readers import normalize

from .sides import NotHere

OPSET = 17
OVERLAP, SCORE = (float(np.nextafter(np.float32(value), np.float32(0))) for value in (0.5, 0.01))
# MultiBoxDetection suppresses at the threshold and keeps a score that equals it; ONNX's operator does neither.


class Suppression(torch.autograd.Function):
    """Of boxes (1, A, 4) and scores (1, 1, A): rows (picture, class, box), the best first; in ONNX one operator."""

    @staticmethod
    def forward(ctx, corners, scores):
        """Some rows, for the exporter alone: it would follow a loop over boxes step by step."""
        return torch.zeros(2, 3, dtype=torch.long)

    @staticmethod
    def symbolic(g, corners, scores):
        def constant(value, dtype):
            return g.op("Constant", value_t=torch.tensor([value], dtype=dtype))
        return g.op("NonMaxSuppression", corners, scores, constant(2 ** 31 - 1, torch.long),
                    constant(OVERLAP, torch.float32), constant(SCORE, torch.float32))


class Boxes(nn.Module):
    """A picture (H, W, 3) to rows (class, score, xmin, ymin, xmax, ymax), by a TinySSD for one class.

    The anchors are constants, as in our export.
    """

    def __init__(self, net: nn.Module, edge: int) -> None:
        super().__init__()
        self.net, self.edge = net.eval(), edge
        with torch.no_grad():
            self.anchors = net(torch.zeros(1, 3, edge, edge))[0]

    def forward(self, picture):
        X = picture.permute(2, 0, 1)[None].float()
        small = functional.interpolate(X, (self.edge, self.edge), mode="bilinear", align_corners=False) + 0.5
        _, scores, offsets = self.net(small.floor())
        probs = scores.softmax(2)[0, :, 1]
        corners = boxes.decode(self.anchors, offsets.view(-1, 4)).clamp(0, 1)
        kept = Suppression.apply(corners[None], probs[None, None])[:, 2]
        return torch.cat((torch.zeros_like(probs[kept, None]), probs[kept, None], corners[kept]), 1)


class Classes(nn.Module):
    """A picture (H, W, 3) to classes (H, W)."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture):
        return self.net(normalize(picture.permute(2, 0, 1)[None].float())).argmax(1)[0]


def exported(module: nn.Module, picture: torch.Tensor) -> bytes:
    """The ONNX file of ``module`` for pictures as large as ``picture``. Raises NotHere where PyTorch cannot write it.

    By the exporter that traces: the other one needs the package onnxscript.
    """
    file = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it is the older one; that sizes become constants, which they are
            torch.onnx.export(module.eval(), (picture,), file, input_names=["picture"], output_names=["found"],
                              opset_version=OPSET, dynamo=False)
    except Exception as error:  # of many kinds, from version to version
        reason = " ".join(str(error).split())[:200]
        raise NotHere(f"PyTorch {torch.__version__} does not export it: {reason}") from error
    return file.getvalue()
