"""The chapter's 13 sections, the parts and exercises beyond them, and how to find one by number, name or script.

Beyond the page are the trained R-CNNs, parts of 9.8, and the answers to the exercises, such as ``9.7-losses``.
"""
from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError


@dataclass(frozen=True)
class SectionInfo:
    """A section: all that the package knows of it. To add a section, add a record and its script.

    Attributes:
        number: in the book.
        slug: short name, also of the script.
        english, chinese: titles.
        needs: names for :func:`d2lzh_cv.data.hub.find`.
        seconds: approximate time of quick mode on two cores.
        folder, stem: of the script, below chapters/; by default number and slug make the stem.
        backbones: pretrained networks whose features it can use, in search order.
        shared: whether several devices or workers can share its training.
        predicts: the task of ``d2lzh-cv predict`` for which this section is the example.
    """
    number: str  # "9.7", or "9.7-losses" beyond the page
    slug: str  # "ssd"
    english: str
    chinese: str
    needs: tuple[str, ...]
    seconds: int
    folder: str = ""
    stem: str = ""
    backbones: tuple[str, ...] = ()
    shared: bool = False
    predicts: str | None = None

    @property
    def order(self) -> int:
        """The number within the chapter: 7 for 9.7 and for 9.7-losses."""
        return int(self.number.partition("-")[0].split(".")[1])

    @property
    def own_set(self) -> str | None:
        """The data set that the section is about and trains on; None if it reads none."""
        sets = [name for name in self.needs if name not in ("source", "weights")]
        return next((name for name in sets if name != "img"), next(iter(sets), None))

    @property
    def script(self) -> str:
        """The path of the script below chapters/, such as ``ch09_07_ssd.py`` or ``exercises/ch09_07_losses.py``."""
        return f"{self.folder}{self.stem or f'ch09_{self.order:02d}_{self.slug}'}.py"

    @property
    def title(self) -> dict[str, str]:
        """Both titles, in the form of results.json."""
        return {"en": self.english, "zh": self.chinese}


_STRIDE_32 = ("resnet18_v2", "resnet18_v1", "mobilenetv2_1.0")
_SMALL = (*_STRIDE_32, "squeezenet1.1")

SECTIONS = (
    SectionInfo("9.1", "image_augmentation", "Image Augmentation", "图像增广", ("img", "cifar10"), 90, shared=True),
    SectionInfo("9.2", "fine_tuning", "Fine-Tuning", "微调", ("hotdog", "source", "weights"), 145, backbones=_SMALL,
                predicts="classify"),
    SectionInfo("9.3", "bounding_box", "Object Detection and Bounding Boxes", "目标检测和边界框", ("img",), 5),
    SectionInfo("9.4", "anchor", "Anchor Boxes", "锚框", ("img",), 8),
    SectionInfo("9.5", "multiscale_object_detection", "Multiscale Object Detection", "多尺度目标检测", ("img",), 6),
    SectionInfo("9.6", "object_detection_dataset", "The Object Detection Data Set (Pikachu)",
                "目标检测数据集（皮卡丘）", ("pikachu",), 8),
    SectionInfo("9.7", "ssd", "Single Shot Multibox Detection (SSD)", "单发多框检测（SSD）", ("pikachu", "img"), 110,
                shared=True, predicts="detect"),
    SectionInfo("9.8", "rcnn", "Region-Based CNNs (R-CNNs)", "区域卷积神经网络（R-CNN）系列", ("img", "weights"), 30),
    SectionInfo("9.9", "semantic_segmentation_and_dataset", "Semantic Segmentation and the Data Set",
                "语义分割和数据集", ("voc",), 10),
    SectionInfo("9.10", "fcn", "Fully Convolutional Networks (FCN)", "全卷积网络（FCN）",
                ("voc", "img", "source", "weights"), 65, backbones=_SMALL, predicts="segment"),
    SectionInfo("9.11", "neural_style", "Neural Style Transfer", "样式迁移", ("img", "weights"), 25,
                backbones=("vgg19", "squeezenet1.1")),
    SectionInfo("9.12", "kaggle_cifar10", "Image Classification (CIFAR-10) on Kaggle",
                "实战Kaggle比赛：图像分类（CIFAR-10）", ("kaggle_cifar10",), 50),
    SectionInfo("9.13", "kaggle_dog", "Dog Breed Identification (ImageNet Dogs) on Kaggle",
                "实战Kaggle比赛：狗的品种识别（ImageNet Dogs）", ("kaggle_dog", "source", "weights"), 20,
                backbones=("resnet34_v2", *_SMALL)),
)


def _beyond(section: str, slug: str, english: str, chinese: str, needs: tuple[str, ...], seconds: int,
            folder: str = "exercises/", stem: str = "", backbones: tuple[str, ...] = ()) -> SectionInfo:
    (main,) = (info for info in SECTIONS if info.number == section)
    return SectionInfo(f"{section}-{slug.replace('_', '-')}", slug, english, chinese, needs, seconds, folder, stem,
                       backbones or main.backbones)


PARTS = (
    _beyond("9.8", "region_cnn", "R-CNN, Trained", "训练R-CNN", ("pikachu", "img"), 18, ""),
    _beyond("9.8", "fast_rcnn", "Fast R-CNN, Trained", "训练Fast R-CNN", ("pikachu", "img"), 18, ""),
    _beyond("9.8", "faster_rcnn", "Faster R-CNN, Trained", "训练Faster R-CNN", ("pikachu", "img"), 15, ""),
    _beyond("9.8", "mask_rcnn", "Mask R-CNN, Trained", "训练Mask R-CNN", ("pikachu", "voc", "img"), 28, ""),
    _beyond("9.8", "gluoncv_zoo", "SSD and FCN of GluonCV", "GluonCV的SSD和FCN", ("img", "weights"), 8, ""),
)
EXERCISES = (
    _beyond("9.1", "augmentation", "Does Augmentation Fight Overfitting?", "练习：图像增广与过拟合",
            ("img", "cifar10"), 18),
    _beyond("9.1", "workers", "Workers of the Data Loader", "练习：数据读取的进程数", ("cifar10",), 13),
    _beyond("9.2", "fine_tuning", "Rates, Frozen Features, a Row Reused", "练习：微调的学习率与固定参数",
            ("hotdog", "source", "weights"), 12, stem="ch09_02_rates_and_frozen_features"),
    _beyond("9.3", "figures", "Figures outside a Notebook", "练习：在笔记本之外显示图像", ("img",), 8),
    _beyond("9.4", "anchors", "Sizes, Ratios, IoU and Offsets", "练习：锚框的大小、交并比与偏移量", ("img",), 6),
    _beyond("9.5", "multiscale", "From a Feature Map to Classes and Offsets", "练习：由特征图预测类别与偏移量",
            ("img",), 5),
    _beyond("9.6", "augmenters", "Every Parameter of ImageDetIter", "练习：ImageDetIter的每个参数",
            ("pikachu", "img"), 10),
    _beyond("9.7", "losses", "Losses: Smooth L1, Focal, Hard Negatives", "练习：平滑L1、焦点损失与难负例",
            ("pikachu", "img"), 15),
    _beyond("9.7", "variations", "Scales, Normalisation, Class Ratio", "练习：尺度、归一化与类别比例",
            ("pikachu", "img"), 15),
    _beyond("9.7", "receptive_field", "Receptive Fields", "练习：感受野", (), 5),
    _beyond("9.7", "transpose", "Transposing and Reshaping", "练习：转置与变形", (), 4),
    _beyond("9.9", "joint_transforms", "Picture and Mask Together", "练习：图像与标签的联合变换", ("voc",), 7),
    _beyond("9.10", "matrix_product", "Convolution as Matrix Product", "练习：用矩阵乘法做卷积", (), 5),
    _beyond("9.10", "initialization", "Xavier instead of Bilinear", "练习：转置卷积层的初始化",
            ("voc", "source", "weights"), 18),
    _beyond("9.10", "skips", "FCN-32s, FCN-16s, FCN-8s", "练习：FCN-32s、16s与8s", ("voc", "source", "weights"), 18,
            backbones=_STRIDE_32),
    _beyond("9.10", "tiled_prediction", "Pictures of Any Size, Tiled", "练习：分块预测任意大小的图像",
            ("voc", "source", "weights"), 12, backbones=_STRIDE_32),
    _beyond("9.11", "layers_and_weights", "Other Layers, Other Weights", "练习：其他层与权重", ("img", "weights"), 24),
    _beyond("9.11", "styles", "One Picture in Three Styles", "练习：一张图像的三种样式", ("img", "weights"), 16),
    _beyond("9.11", "detach", "What detach Does to Gradients", "练习：detach与梯度", (), 4),
)
ALL = tuple(sorted((*SECTIONS, *PARTS, *EXERCISES), key=lambda info: info.order))
GROUPS = {"all": SECTIONS, "exercises": EXERCISES}

_PACKAGE = Path(__file__).resolve().parent
SCRIPT_FOLDERS = (_PACKAGE / "chapters", _PACKAGE.parent / "chapters")  # of the wheel; of a checkout


def find(name: str) -> SectionInfo:
    """Return the section called ``name``: "9.7", "9.07", "7", "ssd", "ch09_07_ssd.py" or a path to that script.

    Parts and exercises have their own names, such as "9.7-losses". Raises InputError listing the sections.
    """
    wanted = Path(name.strip().lower()).name
    for info in ALL:
        if wanted in _names(info):
            return info
    close = difflib.get_close_matches(wanted, [n for info in ALL for n in _names(info)], n=1)
    hint = f", did you mean {close[0]}?" if close else ""
    listing = ", ".join(f"{info.number} {info.slug}" for info in SECTIONS)
    raise InputError(f"no section {name!r}{hint} (there are {listing}; see d2lzh-cv list)")


def select(names: Sequence[str]) -> list[SectionInfo]:
    """Return the sections that a command line names, each once, in the given order. Raises InputError for a wrong name.

    Args:
        names: section names, comma lists ("9.3,9.4"), ranges ("9.3-9.5"), "all" (the book's 13) or "exercises"; a bare
            number ("9.8") includes the section's parts.
    """
    words = [word for name in names for word in name.split(",") if word.strip()]
    if not words:
        raise InputError("no section given; name one such as 9.7, or all")
    return list(dict.fromkeys(info for word in words for info in _expand(word)))


def script_path(info: SectionInfo) -> Path:
    """Return the path of the section's script. Raises InputError if the installation lacks it."""
    for folder in SCRIPT_FOLDERS:
        if (folder / info.script).is_file():
            return folder / info.script
    places = " or ".join(str(folder) for folder in SCRIPT_FOLDERS)
    raise InputError(f"the script of section {info.number}, {info.script}, is not in {places}; install d2lzh_cv again")


def _expand(word: str) -> list[SectionInfo]:
    if word.strip().lower() in GROUPS:
        return list(GROUPS[word.strip().lower()])
    if not re.fullmatch(r"\s*[\d.]+\s*-\s*[\d.]+\s*", word):
        info = find(word)
        return [info, *(part for part in PARTS if part.number.startswith(f"{info.number}-"))]
    first, last = (find(end).order for end in word.split("-", 1))
    if first > last:
        raise InputError(f"the range {word} is empty; give the smaller section first")
    return [info for info in SECTIONS if first <= info.order <= last]


def _names(info: SectionInfo) -> tuple[str, ...]:
    n = info.order
    if info not in SECTIONS:
        return (info.number, Path(info.script).name, Path(info.script).stem)
    return (info.number, f"9.{n:02d}", str(n), f"{n:02d}", info.slug, info.script, info.script[:-3], f"ch09_{n:02d}")
