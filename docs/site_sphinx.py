"""A Sphinx extension for the site: formulas as MathML, and a search of the Chinese pages that works.

Browsers draw MathML themselves, so a page needs no network and no script.
"""
from __future__ import annotations

import re

from latex2mathml.converter import convert
from sphinx import search
from sphinx.application import Sphinx
from sphinx.search.zh import SearchChinese


def to_mathml(latex: str, display: str) -> str:
    """Return the MathML of a formula; ``display`` is "inline" or "block"."""
    plain = re.sub(r"\\textrm\b", r"\\text", latex.strip())
    return convert(plain, display=display)


def _inline(writer, node) -> None:
    from docutils import nodes
    writer.body.append(to_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def _block(writer, node) -> None:
    from docutils import nodes
    writer.body.append(f'<div class="formula">{to_mathml(node.astext(), "block")}</div>\n')
    raise nodes.SkipNode


class Chinese(SearchChinese):
    """Sphinx's Chinese search; its script asks for a ChineseStemmer, which is the English one under another name."""

    language_name = "English"


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    search.languages["zh"] = Chinese
    return {"parallel_read_safe": True, "parallel_write_safe": True}
