"""From a picture to what is in it: boxes with section 9.7's TinySSD, classes of pixels with section 9.10's FCN."""
from __future__ import annotations

import numpy as np

from .. import draw
from ..case import Case, Side
from ..compare import Limit
from ..sides import PREDICTION

# A trained TinySSD gave 200 to 340 of a picture's 5444 anchors a score of 0.01 or more. Drawn weights, and so much less
# for the object on every scale, leave about as many; without, nearly all take part in the suppression.
LESS, FIRST = 6.2, "blk_0.0.0.weight"
SSD = {"network": "TinySSD", "size": (512, 512), "edge": 256, "less": LESS, "pictures": 4, "repeat": 4}
FCN = {"network": "fcn", "size": (320, 480), "pictures": 4, "repeat": 4}
SCALE = np.float32(1 / 255)
MEAN, DEVIATION = np.float32((0.485, 0.456, 0.406)), np.float32((0.229, 0.224, 0.225))
FEW = {"pictures": 1, "repeat": 1}
CASES = (
    Case("tinyssd_detect", "picture to boxes by a TinySSD as if trained, suppression included", __name__, SSD,
         {**FEW, "size": (128, 128), "edge": 64, "less": 3.0}, {"boxes": Limit("rows", 0.02)},
         unit=("picture", "size"), sides=PREDICTION),
    Case("tinyssd_detect_untrained", "the same before training, when nearly every anchor takes part", __name__,
         {**SSD, "less": 0.0}, {**FEW, "size": (128, 128), "edge": 64}, {"boxes": Limit("rows", 0.05)},
         unit=("picture", "size"), sides=PREDICTION),
    Case("fcn_predict", "picture to classes of pixels by the FCN", __name__, FCN, {**FEW, "size": (64, 96)},
         {"classes": Limit("share", 2e-3)}, unit=("picture", "size"), sides=PREDICTION),
)


def pictures(settings: dict) -> list[np.ndarray]:
    """(H, W, 3) uint8 each."""
    return [draw.picture(f"picture {i}", *settings["size"]) for i in range(settings["pictures"])]


def as_trained(name: str, array: np.ndarray, less: float) -> np.ndarray:
    """TinySSD's parameter ``name``: its first layer takes 0 to 255 to about 1, and what speaks for the object, every
    second channel of a class predictor, is ``less``."""
    if name == FIRST:
        return array / np.float32(150)
    lowered = name.startswith("cls_") and name.endswith("bias")
    return array - np.float32(less) * (np.arange(len(array)) % 2 == 1) if lowered else array


class _Predict(Side):
    """``find(picture)`` gives rows (class, score, box) as NumPy array, or classes (H, W)."""

    def result(self) -> dict[str, np.ndarray]:
        found = [self.find(picture) for picture in self.pictures]
        if self.settings["network"] == "fcn":
            return {"classes": np.stack(found)}
        return {"boxes": np.concatenate([np.insert(rows, 0, i, axis=1) for i, rows in enumerate(found)])}

    def run(self) -> None:
        for picture in self.pictures:
            self.find(picture)


class _Gluon(_Predict):
    trains = True  # the network of a script that has trained it

    @property
    def input_size(self) -> tuple[int, int]:
        """Height and width of what the network gets: a detector's pictures are squashed."""
        edge = self.settings.get("edge")
        return (edge, edge) if edge else self.settings["size"]

    def prepare(self) -> None:
        from mxnet import nd

        from .. import gluon_tools
        self.pictures = [nd.array(picture, dtype="uint8") for picture in pictures(self.settings)]
        self.net = gluon_tools.fill(self.make(), nd.zeros((1, 3, *self.input_size)), self.trains)
        if self.settings["network"] == "TinySSD":
            for name, parameter in self.net._collect_params_with_prefix().items():
                array = as_trained(name, parameter.data().asnumpy(), self.settings["less"])
                parameter.set_data(nd.array(array))


class Ours(_Gluon):
    """As ``d2lzh-cv predict``: ``d2l.detect`` and ``d2l.predict``, a network that is folded, without gradients."""

    trains = False

    def prepare(self) -> None:
        from mxnet import nd

        from d2lzh_cv.models.predictor import fold
        super().prepare()
        fold(self.net, nd.zeros((1, 3, *self.input_size)))

    def make(self):
        from mxnet.gluon import model_zoo

        import d2lzh_cv as d2l
        if self.settings["network"] == "TinySSD":
            return d2l.TinySSD(num_classes=1)
        return d2l.fcn(d2l.conv_features(model_zoo.vision.resnet18_v2()), num_classes=21)

    def graph(self):
        """For ``benchmarks.floor``."""
        import mxnet as mx
        if self.settings["network"] == "fcn":
            return self.net.cells(mx.sym.var("data")), (1, 3, *self.input_size), "prediction"
        return mx.sym.Group(list(self.net(mx.sym.var("data")))), (1, 3, *self.input_size), "prediction"

    def onnx(self) -> bytes:
        from .. import onnx_tools
        if self.settings["network"] == "TinySSD":
            return onnx_tools.our_export(self.net, "TinySSD", "detect", ["object"], (self.settings["edge"],) * 2)
        return onnx_tools.our_export(self.net, "fcn", "segment", map(str, range(21)), self.settings["size"])

    def find(self, picture) -> np.ndarray:
        import d2lzh_cv as d2l
        if self.settings["network"] == "TinySSD":
            return d2l.detect(self.net, picture, self.settings["edge"])
        return d2l.predict(self.net, picture).asnumpy()


class Book(_Gluon):
    def make(self):
        from .. import book
        return getattr(book, self.settings["network"])()

    def find(self, picture) -> np.ndarray:
        from .. import book
        if self.settings["network"] == "TinySSD":
            return book.find_objects(self.net, picture, self.settings["edge"]).asnumpy()
        return book.classes_of_pixels(self.net, picture).asnumpy()


class Torch(_Predict):
    def prepare(self) -> None:
        import torch

        from reference.pytorch import convert, fcn, ssd

        from .. import torch_tools
        if self.settings["network"] == "TinySSD":
            made = torch_tools.fill(ssd.TinySSD(num_classes=1), self.channels_last)
            drawn = convert.taken(made, convert.named(made))
            convert.give(made, {name: as_trained(name, x, self.settings["less"]) for name, x in drawn.items()})
        else:
            made = torch_tools.fill(fcn.fcn(num_classes=21), self.channels_last)
        self.net, self.layout = made.eval(), torch_tools.layout(self.channels_last)
        self.pictures = [torch.from_numpy(picture) for picture in pictures(self.settings)]

    def onnx(self) -> bytes:
        from .. import torch_export
        whole = (torch_export.Boxes(self.net, self.settings["edge"]) if self.settings["network"] == "TinySSD" else
                 torch_export.Classes(self.net))
        return torch_export.exported(whole, self.pictures[0])

    def find(self, picture) -> np.ndarray:
        import torch
        with torch.inference_mode():
            X = picture.permute(2, 0, 1)[None].float()
            return (self._boxes(X) if self.settings["network"] == "TinySSD" else self._classes(X)).numpy()

    def _boxes(self, X):
        from torch.nn import functional

        from reference.pytorch.boxes import detection
        edge = self.settings["edge"]
        small = functional.interpolate(X, (edge, edge), mode="bilinear", align_corners=False) + 0.5
        anchors, scores, offsets = self.net(small.floor().contiguous(memory_format=self.layout))
        rows = detection(scores.softmax(2).transpose(1, 2), offsets, anchors)[0]
        return rows[rows[:, 0] >= 0]

    def _classes(self, X):
        from reference.pytorch.readers import normalize
        return self.net(normalize(X).contiguous(memory_format=self.layout)).argmax(1)[0]


class _Onnx(_Predict):
    def prepare(self) -> None:
        from .. import onnx_tools
        self.session, self.pictures = onnx_tools.session(self.settings["model"]), pictures(self.settings)


class Onnx(_Onnx):
    """Our export, which says in its metadata how a picture is prepared."""

    imports = ("onnxruntime", "cv2")

    def find(self, picture) -> np.ndarray:
        import cv2
        if self.settings["network"] == "TinySSD":
            X = cv2.resize(picture, (self.settings["edge"],) * 2).astype(np.float32).transpose(2, 0, 1)[None]
            rows = self.session.run(None, {"data": X})[0][0]
            return rows[rows[:, 0] >= 0]
        X = ((picture * SCALE - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
        return self.session.run(None, {"data": X})[0][0].argmax(0)


class OnnxTorch(_Onnx):
    """PyTorch's export of its twin, with all that is around the network in it."""

    def find(self, picture) -> np.ndarray:
        return self.session.run(None, {"picture": picture})[0]
