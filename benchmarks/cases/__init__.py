"""All cases, in the order in which they are run."""
from __future__ import annotations

import difflib
from collections.abc import Sequence

from d2lzh_cv.errors import InputError

from ..case import Case
from . import (
    anchors,
    classifier_epochs,
    detection_epoch,
    detection_reader,
    prediction,
    readers,
    regions,
    startup,
    style,
    tinyssd,
    training,
)

_MODULES = (training, tinyssd, prediction, anchors, detection_reader, readers, style, regions, detection_epoch,
            classifier_epochs, startup)
CASES: dict[str, Case] = {case.name: case for module in _MODULES for case in module.CASES}


def choose(names: Sequence[str]) -> list[Case]:
    """The cases called ``names``, all without any; ``startup`` means those that begin with ``startup_``.

    Raises InputError naming the nearest for one that is not there.
    """
    chosen: dict[str, Case] = {}
    for name in names:
        found = [name] if name in CASES else [other for other in CASES if other.startswith(f"{name}_")]
        if not found:
            near = difflib.get_close_matches(name, CASES, n=1, cutoff=0.4)
            hint = f"did you mean {near[0]}?" if near else "see d2lzh-cv bench --list"
            raise InputError(f"no benchmark {name!r}; {hint}")
        chosen.update((other, CASES[other]) for other in found)
    return list((chosen or CASES).values())
