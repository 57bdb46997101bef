"""``d2lzh-cv export``: write a trained checkpoint as files that do not need this package."""
from __future__ import annotations

import argparse
from pathlib import Path

from ..run.flags import add_debug_flag

FORMATS = ("symbol", "onnx")  # as in d2lzh_cv.models.export, which imports MXNet


def add(commands) -> None:
    """Add the command ``export``."""
    text = "export a trained checkpoint to MXNet's symbol files or to ONNX"
    parser = commands.add_parser(
        "export", help=text, description=text[:1].upper() + text[1:] + ".",
        epilog="symbol: NAME-symbol.json and NAME-0000.params for gluon.SymbolBlock.imports or mx.mod, and NAME.json, "
               "which says how to use them. onnx: NAME.onnx, whose metadata_props say how to use it. onnx needs the "
               "extra onnx; docs/export.md shows a program with onnxruntime and OpenCV alone. Example: d2lzh-cv export "
               "runs/latest/9.7 --to onnx --out pikachu.onnx")
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT",
                        help="folder of a trained model, such as runs/latest/9.7")
    parser.add_argument("--to", choices=FORMATS, required=True, help="the format")
    parser.add_argument("--out", metavar="PATH",
                        help="NAME, or a folder (default: the name of the network, in the current folder)")
    add_debug_flag(parser)
    parser.set_defaults(command=_export)


def _export(flags: argparse.Namespace) -> int:
    from ..models.export import export
    for path in export(flags.checkpoint, flags.to, flags.out):
        print(f"{path} ({path.stat().st_size / 1e6:.1f} MB)")
    return 0
