"""Sphinx's settings of the site; docs/build_site.py writes the pages and calls Sphinx once per language."""
from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

LANGUAGE = os.environ.get("D2LZH_CV_SITE_LANGUAGE", "en")  # zh or en
OTHER = {"zh": ("en", "English"), "en": ("zh", "中文")}[LANGUAGE]

project = {"zh": "动手学深度学习 第9章 计算机视觉",
           "en": "Dive into Deep Learning v1, chapter 9: computer vision"}[LANGUAGE]
author = copyright = "d2lzh_cv"
language = {"zh": "zh_CN", "en": "en"}[LANGUAGE]
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "site_sphinx"]
templates_path = [str(HERE / "_templates")]
exclude_patterns = ["files", "**/runs", "**/.ipynb_checkpoints"]
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]

myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 4
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE / "_build" / "cache")
nb_execution_timeout = 3600
nb_execution_raise_on_error = True
nb_merge_streams = True

autodoc_default_options = {"members": True, "member-order": "bysource", "undoc-members": False}
autodoc_typehints = "signature"
napoleon_google_docstring = True
napoleon_use_ivar = True

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = [str(HERE / "_static")]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_search_language = "zh" if LANGUAGE == "zh" else "en"
html_search_options = {"dict": str(HERE / "terms.txt")} if LANGUAGE == "zh" else {}
html_context = {"other_language": OTHER[0], "other_name": OTHER[1], "default_mode": "auto"}
html_theme_options = {
    "article_header_start": ["toggle-primary-sidebar.html", "language.html"],
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_navbar_depth": 1,
    "show_toc_level": 2,
    "pygments_light_style": "friendly",
    "pygments_dark_style": "monokai",
}
