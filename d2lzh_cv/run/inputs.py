"""Check before anything is written: the sets in --data DIR, the weights of --backbone, whether --precision works."""
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..contents import SectionInfo
from ..data import catalogue, hub
from ..data.whats_there import whats_there
from ..engine import precision
from ..errors import InputError
from ..files import check_folder
from ..weights import shipped
from . import parameters
from .flags import Options


def check(infos: Sequence[SectionInfo], options: Options) -> None:
    """Raise InputError if the sections ``infos`` cannot find the input, or the precision, that ``options`` ask for.

    -p sets a parameter of each section. --backbone needs the weights of the network. --data DIR needs the section's
    own set in DIR. If several sections run, one set in DIR is enough: the other sections then draw synthetic sets and
    say so. A data root that D2LZH_CV_DATA names must be a folder.
    """
    for info in infos if options.parameters else ():
        parameters.choose(info, options.quick, options.parameters)
    precision.check(options.precision)
    is_shipped = options.backbone == shipped.NAME and shipped.find() is not None and options.data != "book"
    if any(options.for_section(info).backbone for info in infos) and not is_shipped:
        hub.require_weights(options.backbone, options.data)
    if options.data not in hub.WORDS:
        _check_folder(infos, Path(options.data))
    elif options.data != "synthetic":
        hub.named_root(None)


def _check_folder(infos: Sequence[SectionInfo], folder: Path) -> None:
    check_folder(folder, "--data ")
    names = dict.fromkeys(name for info in infos
                          for name in ([info.own_set] if len(infos) == 1 else info.needs)
                          if name not in (None, "source", "weights"))
    if not names or any(hub.locate(name, folder) for name in names):
        return
    needed = (f"section {infos[0].number} reads {infos[0].own_set} ({catalogue.data_set(infos[0].own_set).looks_for})"
              if len(infos) == 1 else f"these sections read {', '.join(names)}")
    raise InputError(f"--data {folder}: {needed}, not there: {whats_there(folder)}; without --data DIR a synthetic set "
                     "takes its place")
