"""Figures that a reader can move, in notebooks and on the site; they need no network.

``js/`` has the figures as ES modules: the mathematics (boxes, anchors, suppression, regions, transposed, receptive)
knows nothing of the page, ``core`` and ``style`` are what the figures share, and each ``figure_*`` is one figure.
"""
from __future__ import annotations

from .show import FIGURES, html, show_interactive

__all__ = ["FIGURES", "html", "show_interactive"]
