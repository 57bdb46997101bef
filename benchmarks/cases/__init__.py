"""All cases, in the order in which they are run."""
from __future__ import annotations

import difflib
from collections.abc import Sequence

from d2lzh_cv.errors import InputError

from ..case import Case
from . import anchors, detection_reader, prediction, readers, regions, style, tinyssd, training

_MODULES = (training, tinyssd, prediction, anchors, detection_reader, readers, style, regions)
CASES: dict[str, Case] = {case.name: case for module in _MODULES for case in module.CASES}


def choose(names: Sequence[str]) -> list[Case]:
    """The cases called ``names``, all without any. Raises InputError naming the nearest for one that is not there."""
    for name in names:
        if name not in CASES:
            near = difflib.get_close_matches(name, CASES, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else "see d2lzh-cv bench --list"
            raise InputError(f"no benchmark {name!r}; {hint}")
    return [CASES[name] for name in dict.fromkeys(names)] or list(CASES.values())
