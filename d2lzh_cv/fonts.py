"""Fonts for names in any script: a font that has their characters, or one line that says what to install.

Matplotlib's own DejaVu Sans has no Chinese. Matplotlib caches its list of fonts and misses fonts installed later, so
this module searches the font folders too.
"""
from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

OWN = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
PREFERRED = ("notosanscjk", "notosanssc", "sourcehansans", "wqy", "droidsansfallback", "pingfang", "msyh", "simhei",
             "arialunicode")  # prefixes of file names, the best first
NO_SHAPES = ("lastresort", "adobeblank")  # these claim all characters but draw a box or nothing for each
SLANTED_OR_HEAVY = ("bold", "black", "heavy", "light", "thin", "medium", "italic", "oblique", "serif", "mono")
CHINESE_AND_NEIGHBOURS = 0x2E80  # the first character of the Chinese, Japanese and Korean blocks
_SAID: set[str] = set()


def font_of(text: str) -> Path:
    """Return the file of a font that has all characters of ``text``; DejaVu Sans if it has them.

    If no font has them all, return the best one and say once on standard error which are missing and what to install.
    """
    characters = frozenset(letter for letter in text if letter.isprintable() and not letter.isspace())
    missing = _missing(str(OWN), characters)
    return OWN if not missing else _best(characters)


def fit_fonts(texts: Iterable[Text]) -> None:
    """Give each text of a figure a font that has its characters."""
    for text in texts:
        path = font_of(text.get_text())
        if path != OWN:
            properties = text.get_fontproperties().copy()
            properties.set_file(str(path))  # matplotlib may not know the font's name
            text.set_fontproperties(properties)


def fit_figure(figure: Figure) -> None:
    """Call :func:`fit_fonts` for every text of a figure: titles, axes, labels of boxes."""
    fit_fonts(figure.findobj(Text))


@lru_cache(maxsize=256)
def _best(characters: frozenset[str]) -> Path:
    best, missing = OWN, _missing(str(OWN), characters)
    not_in_dejavu = missing
    for path in _candidates():
        lacks = _missing(path, characters)
        if len(lacks) < len(missing):
            best, missing = Path(path), lacks
        if not missing:
            return best
    _say("".join(sorted(not_in_dejavu | missing)))
    return best


@cache
def _candidates() -> list[str]:
    """Files of fonts, likely ones first: those in matplotlib's cache that still exist, and all others on the disk."""
    known = {font.fname for font in font_manager.fontManager.ttflist if Path(font.fname).is_file()}
    return sorted((path for path in known.union(font_manager.findSystemFonts())
                   if not _plain(path).startswith(NO_SHAPES)), key=_rank)


def _rank(path: str) -> tuple[int, bool, str]:
    name = _plain(path)
    likely = (i for i, beginning in enumerate(PREFERRED) if name.startswith(beginning))
    return next(likely, len(PREFERRED)), any(word in name for word in SLANTED_OR_HEAVY), path


def _plain(path: str) -> str:
    return Path(path).name.lower().replace("-", "").replace("_", "").replace(" ", "")


def _missing(path: str, characters: frozenset[str]) -> frozenset[str]:
    codes = _codes(path)
    return frozenset(letter for letter in characters if ord(letter) not in codes)


@cache
def _codes(path: str) -> frozenset[int]:
    """The characters of a font; none if the file holds no outlines, as fonts of coloured bitmaps."""
    try:
        font = FT2Font(path)
    except (OSError, RuntimeError, ValueError):
        return frozenset()
    return frozenset(font.get_charmap()) if font.scalable else frozenset()


def _say(missing: str) -> None:
    """Print one line per process and package."""
    chinese = any(ord(letter) >= CHINESE_AND_NEIGHBOURS for letter in missing)
    package = "fonts-noto-cjk (or fonts-wqy-zenhei)" if chinese else "fonts-noto-core"
    if package not in _SAID:
        print(f"no installed font has all of the characters {missing[:20]}: pictures show boxes instead; install one, "
              f"for instance: apt-get install {package}", file=sys.stderr)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")  # matplotlib's line per character
    _SAID.add(package)
