"""Masks as class numbers: of palette or grey values, or of colours by a table."""
from __future__ import annotations

from pathlib import Path

import numpy as np

from ...errors import InputError
from ..pixels import open_mask
from ..voc import VOC_COLORMAP
from .folder import Folder
from .names import clean, is_background, unique

BORDER, BORDER_COLOR = 255, (224, 224, 192)  # VOC's outline of objects, of no class


class Unknown(Exception):
    """A colour or value that stands for no class."""


def color_table(folder: Folder) -> tuple[dict[int, int] | None, list[str] | None]:
    """Colours and names of labelmap.txt (lines ``name:r,g,b::``) if it is there; None, None: VOC's colours.

    Raises InputError naming the line that is of another form, or a name or colour that is there twice.
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
            raise InputError(f"{path}, line {number}: the colour {red},{green},{blue} is another class's too")
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
    """The mask's classes, uint8 (H, W), 255 where VOC has its border, and whether it is in colours. Raises Unknown."""
    with open_mask(path) as mask:
        if mask.mode in ("P", "L", "1") and (table is None or mask.mode != "P"):
            return np.asarray(mask).astype(np.uint8), False
        if mask.mode not in ("P", "RGB", "RGBA"):
            raise Unknown(f"is of the kind {mask.mode}; save the mask as indexed or coloured PNG")
        pixels = np.asarray(mask.convert("RGB"))
    if table is None and _is_grey_index(pixels):
        return pixels[:, :, 0], False
    return _by_color(pixels, table or _voc_table()), True


def _is_grey_index(pixels: np.ndarray) -> bool:
    grey = (pixels[:, :, :1] == pixels).all()
    return bool(grey and ((pixels < len(VOC_COLORMAP)) | (pixels == BORDER)).all())


def _by_color(pixels: np.ndarray, table: dict[int, int]) -> np.ndarray:
    codes, where = np.unique(_code(*np.moveaxis(pixels.astype(np.int64), 2, 0)), return_inverse=True)
    unknown = [code for code in codes.tolist() if code not in table]
    if unknown:
        red, green, blue = unknown[0] >> 16, unknown[0] >> 8 & 255, unknown[0] & 255
        raise Unknown(f"has {len(unknown)} colours of no class, such as ({red}, {green}, {blue}); save masks as PNG "
                      "without smoothing, in VOC's colours or those of labelmap.txt")
    return np.array([table[code] for code in codes.tolist()], np.uint8)[where.reshape(pixels.shape[:2])]


def _voc_table() -> dict[int, int]:
    table = {_code(*color): i for i, color in enumerate(VOC_COLORMAP)}
    return {**table, _code(*BORDER_COLOR): BORDER}


def _code(red, green, blue):
    return (red << 16) + (green << 8) + blue
