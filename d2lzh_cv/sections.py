"""The table of the chapter's 13 sections, and how to find one by number, name or script."""
from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .errors import InputError


@dataclass(frozen=True)
class SectionInfo:
    """A section: its number in the book, its short name, its titles, what it reads and about how long it takes.

    ``needs`` are names for :func:`d2lzh_cv.data.hub.find`; ``seconds`` is about right for quick mode on two cores.
    """

    number: str  # "9.7"
    slug: str  # "ssd"
    english: str
    chinese: str
    needs: tuple[str, ...]
    seconds: int

    @property
    def order(self) -> int:
        """The number within the chapter: 7 for 9.7."""
        return int(self.number.split(".")[1])

    @property
    def script(self) -> str:
        """File name of the section's script, such as ``ch09_07_ssd.py``."""
        return f"ch09_{self.order:02d}_{self.slug}.py"

    @property
    def title(self) -> dict[str, str]:
        """Both titles, as results.json holds them."""
        return {"en": self.english, "zh": self.chinese}


SECTIONS = (
    SectionInfo("9.1", "image_augmentation", "Image Augmentation", "图像增广", ("img", "cifar10"), 90),
    SectionInfo("9.2", "fine_tuning", "Fine-Tuning", "微调", ("hotdog", "source", "weights"), 145),
    SectionInfo("9.3", "bounding_box", "Object Detection and Bounding Boxes", "目标检测和边界框", ("img",), 5),
    SectionInfo("9.4", "anchor", "Anchor Boxes", "锚框", ("img",), 8),
    SectionInfo("9.5", "multiscale_object_detection", "Multiscale Object Detection", "多尺度目标检测", ("img",), 6),
    SectionInfo("9.6", "object_detection_dataset", "The Object Detection Data Set (Pikachu)",
                "目标检测数据集（皮卡丘）", ("pikachu",), 8),
    SectionInfo("9.7", "ssd", "Single Shot Multibox Detection (SSD)", "单发多框检测（SSD）", ("pikachu", "img"), 110),
    SectionInfo("9.8", "rcnn", "Region-Based CNNs (R-CNNs)", "区域卷积神经网络（R-CNN）系列", ("img", "weights"), 30),
    SectionInfo("9.9", "semantic_segmentation_and_dataset", "Semantic Segmentation and the Data Set",
                "语义分割和数据集", ("voc",), 10),
    SectionInfo("9.10", "fcn", "Fully Convolutional Networks (FCN)", "全卷积网络（FCN）",
                ("voc", "img", "source", "weights"), 65),
    SectionInfo("9.11", "neural_style", "Neural Style Transfer", "样式迁移", ("img", "weights"), 25),
    SectionInfo("9.12", "kaggle_cifar10", "Image Classification (CIFAR-10) on Kaggle",
                "实战Kaggle比赛：图像分类（CIFAR-10）", ("kaggle_cifar10",), 50),
    SectionInfo("9.13", "kaggle_dog", "Dog Breed Identification (ImageNet Dogs) on Kaggle",
                "实战Kaggle比赛：狗的品种识别（ImageNet Dogs）", ("kaggle_dog", "source", "weights"), 20),
)

_PACKAGE = Path(__file__).resolve().parent
SCRIPT_FOLDERS = (_PACKAGE / "chapters", _PACKAGE.parent / "chapters")  # in the wheel; in a checkout


def find(name: str) -> SectionInfo:
    """Return the section called ``name``: "9.7", "9.07", "7", "ssd", "ch09_07_ssd.py" or a path to that script.

    Raises:
        InputError: there is no such section; the text lists those there are.
    """
    wanted = Path(name.strip().lower()).name
    for info in SECTIONS:
        if wanted in _names(info):
            return info
    close = difflib.get_close_matches(wanted, [n for info in SECTIONS for n in _names(info)], n=1)
    hint = f", did you mean {close[0]}?" if close else ""
    raise InputError(f"no section {name!r}{hint} (there are {_listing()}; see d2lzh-cv list)")


def select(names: Sequence[str]) -> list[SectionInfo]:
    """Return the sections meant on a command line, each once, in the order given.

    Args:
        names: section names, lists with commas ("9.3,9.4"), ranges ("9.3-9.5") or "all".
    """
    words = [word for name in names for word in name.split(",") if word.strip()]
    if not words:
        raise InputError("no section given; name one such as 9.7, or all")
    return list(dict.fromkeys(info for word in words for info in _expand(word)))


def script_path(info: SectionInfo) -> Path:
    """Return the section's script. Raises InputError when the installation lacks it."""
    for folder in SCRIPT_FOLDERS:
        if (folder / info.script).is_file():
            return folder / info.script
    places = " or ".join(str(folder) for folder in SCRIPT_FOLDERS)
    raise InputError(f"the script of section {info.number}, {info.script}, is not in {places}; install d2lzh_cv again")


def _expand(word: str) -> list[SectionInfo]:
    if word.strip().lower() == "all":
        return list(SECTIONS)
    if "-" not in word:
        return [find(word)]
    first, last = (find(end).order for end in word.split("-", 1))
    if first > last:
        raise InputError(f"the range {word} is empty; give the smaller section first")
    return [info for info in SECTIONS if first <= info.order <= last]


def _names(info: SectionInfo) -> tuple[str, ...]:
    n = info.order
    return (info.number, f"9.{n:02d}", str(n), f"{n:02d}", info.slug, info.script, info.script[:-3], f"ch09_{n:02d}")


def _listing() -> str:
    return ", ".join(f"{info.number} {info.slug}" for info in SECTIONS)
