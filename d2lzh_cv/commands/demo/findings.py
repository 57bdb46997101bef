"""What was found, as a piece of a page: a list per picture, with bars for scores and colours for classes of pixels."""
from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ...data.voc import VOC_COLORMAP
from ...models.drawing import COLORS
from .answers import Answer, kept
from .wording import text

CSS = """
.findings { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr));
  gap: 0.5rem 2.5rem; }
.findings section { min-width: 0; max-width: 32rem; }
.findings h4 { margin: 0.4rem 0; overflow-wrap: anywhere; }
.findings ul { list-style: none; margin: 0; padding: 0; }
.findings li { display: grid; grid-template-columns: minmax(8rem, 1fr) minmax(2rem, 8rem) 3.2rem; gap: 0.6rem;
  align-items: center; margin: 0; padding: 0.1rem 0; }
.findings b { font-weight: normal; overflow-wrap: anywhere; }
.findings i { display: inline-block; width: 0.9rem; height: 0.9rem; margin-right: 0.6rem; vertical-align: -0.1rem;
  border-radius: 3px; border: 1px solid var(--border-color-primary); }
.findings meter { width: 100%; }
.findings data { text-align: right; font-variant-numeric: tabular-nums; }
.findings p { margin: 0.2rem 0; grid-column: 1 / -1; }
.findings .fault { color: #b91c1c; overflow-wrap: anywhere; }
.dark .findings .fault { color: #fca5a5; }
"""


def to_html(answers: Sequence[Answer], faults: Sequence[str], score: float, language: str) -> str:
    """Return the findings as HTML; all names in it are escaped.

    Args:
        answers: of the pictures.
        faults: a line per picture that could not be used.
        score: lowest score of a box.
        language: 'zh' or 'en'.
    """
    parts = [f'<p class="fault" role="alert">{escape(fault)}</p>' for fault in faults]
    parts += [_section(answer, score, language) for answer in answers]
    return f'<div class="findings">{"".join(parts)}</div>' if parts else ""


def _section(answer: Answer, score: float, language: str) -> str:
    rows = "".join(_row(answer, item) for item in kept(answer, score))
    content = f"<ul>{rows}</ul>" if rows else f"<p>{escape(text('nothing', language, score=score))}</p>"
    return f"<section><h4>{escape(answer.path.name)}</h4>{content}</section>"


def _row(answer: Answer, item: dict) -> str:
    share = answer.task == "segment"
    value = item["share" if share else "score"]
    shown = f"{value:.1%}" if share else f"{value:.2f}"
    color = _color(answer, item["class"])
    mark = f'<i style="background: {color}"></i>' if color else ""
    return (f'<li><b>{mark}{escape(item["class"])}</b><meter min="0" max="1" value="{value:.4f}"></meter>'
            f'<data value="{value:.4f}">{shown}</data></li>')


def _color(answer: Answer, name: str) -> str | None:
    """Return the colour in which the class is drawn: none for the class of a picture, no colour for the background."""
    number = answer.classes.index(name)
    if answer.task == "classify":
        return None
    if answer.task == "segment" and number == 0:
        return "transparent"
    colors = VOC_COLORMAP if answer.task == "segment" else COLORS
    return f"rgb{tuple(colors[number % len(colors)])}"
