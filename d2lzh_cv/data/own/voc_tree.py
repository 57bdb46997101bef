"""Packing of pictures and masks into a VOC tree for section 9.9."""
from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ...files import write_json, write_text
from ..voc import VOC_COLORMAP
from . import masks
from .folder import Folder
from .mask_pixels import BORDER, BORDER_COLOR, indices
from .masks import Masks, Pair
from .packed import NAME, new_set
from .pictures import write_jpeg
from .split import split
from .summary import BadData, Summary, counted, left_out

CROP = (480, 320)  # width and height of section 9.10's crops


def pack(folder: Folder, out: Path, val_ratio: float | None, classes: Sequence[str] | None, skip_bad: bool,
         seed: int) -> Summary:
    """Check all pairs and write the tree. Arguments and errors: see :func:`d2lzh_cv.data.own.pack.pack`."""
    checked = masks.read(folder, classes)
    good = [pair for pair in checked.pairs if not pair.entry.problems]
    problems = [problem for pair in checked.pairs for problem in pair.entry.problems]
    bad = len(checked.pairs) - len(good)
    if problems and not skip_bad:
        raise BadData(problems, bad, len(checked.pairs))
    parts, unused = split(good, lambda pair: pair.entry.split, val_ratio, seed)
    _write(out, parts, checked)
    lines = [f"masks, {counted(len(checked.pairs), 'picture')}, classes: {', '.join(checked.names)}",
             *folder.remarks(), *left_out(bad, problems), *unused]
    if checked.unlisted:
        lines.append(f"left out {counted(checked.unlisted, 'picture')} that no list of ImageSets/Segmentation names")
    return Summary(lines + _lines(out, parts), problems)


def _write(out: Path, parts: dict[str, list[Pair]], checked: Masks) -> None:
    colors = np.zeros((256, 3), np.uint8)
    colors[:len(VOC_COLORMAP)] = VOC_COLORMAP
    colors[BORDER] = VOC_COLORMAP[1] if checked.binary else BORDER_COLOR
    with new_set(out) as temporary:
        for part, pairs in parts.items():
            for pair in pairs:
                _write_pair(temporary, pair, colors[indices(pair.mask, checked.table)[0]])
            write_text(temporary / "ImageSets" / "Segmentation" / f"{part}.txt",
                       "".join(f"{pair.name}\n" for pair in pairs))
        write_json(temporary / NAME, {"task": "segment", "classes": checked.names, "source": "masks",
                                      "pictures": {part: len(pairs) for part, pairs in parts.items()}})


def _write_pair(tree: Path, pair: Pair, mask: np.ndarray) -> None:
    picture, png = tree / "JPEGImages" / f"{pair.name}.jpg", tree / "SegmentationClass" / f"{pair.name}.png"
    picture.parent.mkdir(exist_ok=True)
    png.parent.mkdir(exist_ok=True)
    write_jpeg(pair.entry.picture, pair.turn, picture)
    Image.fromarray(mask).save(png)


def _lines(out: Path, parts: dict[str, list[Pair]]) -> list[str]:
    lines = [f"{part}: {counted(len(pairs), 'picture')}" for part, pairs in parts.items()]
    small = sum(pair.size[0] < CROP[0] or pair.size[1] < CROP[1] for pairs in parts.values() for pair in pairs)
    if small:
        lines.append(f"{counted(small, 'picture')} smaller than {CROP[0]}×{CROP[1]}: section 9.10 leaves them out in "
                     "full mode (in quick mode those below 224×160)")
    return [*lines, f"packed into {out}; train on it with: d2lzh-cv run 9.10 --data {shlex.quote(str(out))}"]
