"""Masks to class numbers: from palette or grey values, or from colours by a table."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import InputError
from ..pixels import open_mask
from ..voc import VOC_COLORMAP
from .folder import Folder
from .names import clean, is_background, unique

BORDER, BORDER_COLOR = 255, (224, 224, 192)  # VOC's outline around objects, which has no class


class Unknown(Exception):
    """A mask has a colour or value that stands for no class."""


def color_table(folder: Folder) -> tuple[dict[int, int] | None, list[str] | None]:
    """Return ({colour: class}, names) of labelmap.txt, with lines ``name:r,g,b::``; without it (None, None).

    Raises InputError naming a line of another form, or a name or colour that occurs twice.
    """
    path = folder.root / "labelmap.txt"
    if not path.is_file():
        return None, None
    table, names = {}, []
    for number, line in enumerate(folder.texts.lines(path), 1):
        if not line or line.startswith("#"):
            continue
        try:
            name, color = line.split(":")[:2]
            red, green, blue = (int(part) for part in color.split(","))
        except ValueError as error:
            raise InputError(f"{path}, line {number}: {line!r} is not of the form name:red,green,blue::") from error
        if _code(red, green, blue) in table:
            raise InputError(f"{path}, line {number}: another class has the colour {red},{green},{blue} too")
        names.append(clean(name))
        table[_code(red, green, blue)] = len(names) - 1
    unique(names, str(path))
    late = [name for name in names[1:] if is_background(name)]
    if late:
        raise InputError(f"{path}: put the line of {late[0]} first")
    if not names or not is_background(names[0]):
        table = {_code(0, 0, 0): 0, **{color: index + 1 for color, index in table.items()}}
    return table, names


def indices(path: Path, table: dict[int, int] | None) -> tuple[np.ndarray, bool]:
    """Return the mask's classes (H, W) uint8, 255 for VOC's border, and whether it is coloured. Raises Unknown."""
    with open_mask(path) as mask:
        if mask.mode in ("P", "L", "1") and (table is None or mask.mode != "P"):
            return np.asarray(mask).astype(np.uint8), False
        if mask.mode not in ("P", "RGB", "RGBA"):
            raise Unknown(f"has the mode {mask.mode}; save the mask as indexed or coloured PNG")
        pixels = np.asarray(mask.convert("RGB"))
    if table is None and (pixels[:, :, :1] == pixels).all() and (
            (pixels < len(VOC_COLORMAP)) | (pixels == BORDER)).all():  # grey values that are class numbers
        return pixels[:, :, 0], False
    voc_table = {**{_code(*color): i for i, color in enumerate(VOC_COLORMAP)}, _code(*BORDER_COLOR): BORDER}
    return _by_color(pixels, table or voc_table), True


def _by_color(pixels: np.ndarray, table: dict[int, int]) -> np.ndarray:
    codes, where = np.unique(_code(*np.moveaxis(pixels.astype(np.int64), 2, 0)), return_inverse=True)
    unknown = [code for code in codes.tolist() if code not in table]
    if unknown:
        red, green, blue = unknown[0] >> 16, unknown[0] >> 8 & 255, unknown[0] & 255
        raise Unknown(f"has {len(unknown)} colours without a class, such as ({red}, {green}, {blue}); save masks as "
                      "PNG without smoothing, in VOC's colours or those of labelmap.txt")
    return np.array([table[code] for code in codes.tolist()], np.uint8)[where.reshape(pixels.shape[:2])]


def _code(red, green, blue):
    return (red << 16) + (green << 8) + blue
