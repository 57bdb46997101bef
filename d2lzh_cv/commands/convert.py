"""``d2lzh-cv data convert``: convert torchvision's weights for Gluon's networks."""
from __future__ import annotations

import argparse
from pathlib import Path

from ..data.catalogue import TWINS
from ..errors import InputError
from ..run.flags import add_debug_flag

PAIRS = ", ".join(f"{torchvision} for {gluon}" for gluon, torchvision in TWINS.items())


def add(commands) -> None:
    """Add the command ``convert`` to the subcommands of ``data``."""
    text = "convert torchvision's published weights (.pth) to Gluon's format (.params)"
    parser = commands.add_parser(
        "convert", help=text, description=text[:1].upper() + text[1:] + f": {PAIRS}.",
        epilog="The command runs no code in the file. A .pth in the weights folder is converted automatically on first "
               "use. torchvision does not have the book's resnet18_v2.")
    parser.add_argument("file", metavar="FILE.pth", type=Path, help="such as resnet18-f37072fd.pth")
    parser.add_argument("--out", metavar="FILE.params", type=Path,
                        help="file to write (default: NETWORK.params beside FILE.pth, if it does not exist)")
    parser.add_argument("--network", metavar="NAME", choices=[*TWINS, *TWINS.values()],
                        help=f"{', '.join(TWINS)} (default: the network in the file)")
    add_debug_flag(parser)
    parser.set_defaults(command=_convert)


def _convert(flags: argparse.Namespace) -> int:
    from ..weights import pretrained
    name, arrays = pretrained.convert(flags.file, flags.network)
    out = flags.out or flags.file.with_name(f"{name}.params")
    if out.exists() and not flags.out:
        raise InputError(f"{out} exists already; name another file with --out, or the same one to replace it")
    pretrained.save(arrays, out)
    numbers = sum(array.size for array in arrays.values())
    print(f"{out}: {name}, {len(arrays)} arrays, {numbers:,} numbers, from torchvision's {TWINS[name]} in {flags.file}")
    return 0
