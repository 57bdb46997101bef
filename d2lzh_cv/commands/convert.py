"""``d2lzh-cv data convert``: torchvision's weights for Gluon's networks."""
from __future__ import annotations

import argparse
from pathlib import Path

from ..data.catalogue import TWINS
from ..errors import InputError
from ..run.flags import add_debug_flag

PAIRS = ", ".join(f"{their} for {our}" for our, their in TWINS.items())


def add(commands) -> None:
    """Add the command ``convert`` to those of ``data``."""
    text = "turn weights that torchvision publishes (.pth) into Gluon's (.params)"
    parser = commands.add_parser(
        "convert", help=text, description=text.capitalize() + f": {PAIRS}.",
        epilog="No code in the file is run. A .pth in the weights folder is converted on first use without this. The "
               "book's resnet18_v2 is not among torchvision's networks.")
    parser.add_argument("file", metavar="FILE.pth", type=Path, help="such as resnet18-f37072fd.pth")
    parser.add_argument("--out", metavar="FILE.params", type=Path,
                        help="what to write (default: NETWORK.params beside FILE.pth, if there is none)")
    parser.add_argument("--network", metavar="NAME", choices=[*TWINS, *TWINS.values()],
                        help=f"{', '.join(TWINS)} (default: what the file holds)")
    add_debug_flag(parser)
    parser.set_defaults(command=_convert)


def _convert(flags: argparse.Namespace) -> int:
    from ..weights import pretrained
    name, arrays = pretrained.convert(flags.file, flags.network)
    out = flags.out or flags.file.with_name(f"{name}.params")
    if out.exists() and not flags.out:
        raise InputError(f"{out} is there already; name another file with --out, or the same to replace it")
    pretrained.save(arrays, out)
    numbers = sum(array.size for array in arrays.values())
    print(f"{out}: {name}, {len(arrays)} arrays, {numbers:,} numbers, from torchvision's {TWINS[name]} in {flags.file}")
    return 0
