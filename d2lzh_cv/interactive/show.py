"""``d2l.show_interactive``: a figure as one self-contained HTML output."""
from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import InputError
from ..plotting import to_numpy, to_picture
from . import bundle

FIGURES = ("iou", "anchors", "assignment", "suppression", "scales", "receptive_field", "roi_pooling", "transposed_conv",
           "bilinear", "style")
WIDEST, WIDEST_OF_SEVERAL, QUALITY = 480, 200, 80  # pixels, pixels, JPEG's quality
NEEDS = {"zh": "这幅图要用JavaScript才能动起来。", "en": "This figure needs JavaScript to move."}


def show_interactive(name: str, lang: str | None = None, **data: Any) -> None:
    """Show a figure that the reader can move, in a notebook; outside a notebook, do nothing.

    Args:
        name: of the figure, one of ``FIGURES``.
        lang: of its texts, "zh" or "en"; None: of the page or the browser. The figure has a switch.
        data: what the figure starts with, such as ``picture`` (H, W, 3). Arrays of any library, pictures, numbers,
            texts, and lists and dictionaries of these.

    Raises:
        InputError: no figure has this name.
    """
    if name not in FIGURES:
        raise InputError(f"no figure is called {name!r}; choose {', '.join(FIGURES)}")
    try:
        from IPython import get_ipython
        from IPython.display import HTML, display
    except ImportError:
        return
    if get_ipython() is not None:
        display(HTML(html(name, lang, **data)))


def html(name: str, lang: str | None = None, **data: Any) -> str:
    """Return the HTML of a figure: its data, its script, and a line for readers without JavaScript.

    Args:
        name, lang, data: of :func:`show_interactive`.
    """
    recorded = Path(__file__).with_name(f"{name}.json")
    start = json.loads(recorded.read_text(encoding="utf-8")) if recorded.is_file() else {}
    content = json.dumps({**start, **plain(data)}, ensure_ascii=False, separators=(",", ":")).replace("</", "<\\/")
    note = NEEDS[lang] if lang else " ".join(NEEDS.values())
    language = f' data-lang="{lang}"' if lang else ""
    # JupyterLab's shortcuts, such as a digit for a heading, leave the keys to the figure
    return (f'<div data-d2l-figure="{name}"{language} data-lm-suppress-shortcuts="true"><p>{note}</p>'
            f'<script type="application/json">{content}</script></div>\n'
            f'<script type="module">{bundle.script(name)}</script>')


def plain(value: Any, widest: int = WIDEST) -> Any:
    """Return ``value`` as JSON has it; a picture becomes a JPEG in a data URI, with its size in pixels.

    Args:
        value: as :func:`show_interactive` takes it.
        widest: the width from which a picture is reduced.
    """
    if isinstance(value, dict):
        return {key: plain(one, widest) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, WIDEST_OF_SEVERAL) for one in value]
    if isinstance(value, Image.Image):
        return _jpeg(value, widest)
    if hasattr(value, "shape"):
        array = to_numpy(value)
        is_picture = array.dtype == np.uint8 and array.ndim == 3
        return _jpeg(to_picture(array), widest) if is_picture else np.round(array.astype(float), 6).tolist()
    return value


def _jpeg(picture: Image.Image, widest: int) -> dict[str, Any]:
    size, file = picture.size, io.BytesIO()
    if size[0] > widest:
        picture = picture.resize((widest, max(1, round(size[1] * widest / size[0]))), Image.LANCZOS)
    picture.convert("RGB").save(file, "JPEG", quality=QUALITY)
    return {"uri": f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}", "size": list(size)}
